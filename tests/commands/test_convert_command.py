"""`lora-tui convert alpha`."""

from pathlib import Path

import pytest

from lora_tui.commands import new_settings
from trainer.errors import ExitCode
from trainer.settings.convert import convert_alpha
from trainer.settings.toml_file import load_settings, parse_settings

TEXT = "# my own\n[network]\nnetwork_dim = 32  # rank\nnetwork_alpha = 16\n[rates]\nunet_lr = 1e-4\n"


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    path = tmp_path / "hifumi.toml"
    path.write_text(TEXT)
    return path


def test_what_is_printed_is_the_converted_file_with_its_comments_and_the_pairs(lora_tui, settings_file: Path) -> None:
    result = lora_tui("convert", "alpha", settings_file, "--to", 1)
    assert result.returncode == ExitCode.DONE, result.stderr
    assert parse_settings(result.stdout, "printed") == convert_alpha(load_settings(settings_file), 1)
    assert "# my own" in result.stdout and "# rank" in result.stdout
    assert settings_file.read_text() == TEXT
    lines = result.stdout.splitlines()
    assert lines[:2] == [
        "# U-Net: alpha 16, LoRA+ ×1: pair 1e-4 | 5e-5 → alpha 1, LoRA+ ×16: pair 1e-4 | 5e-5",
        "# text encoder: alpha 16, LoRA+ ×1: pair 2e-5 | 1e-5 → alpha 1, LoRA+ ×16: pair 2e-5 | 1e-5",
    ]
    assert any(line.startswith("# not exact: max_grad_norm 1") for line in lines)


def test_a_terminal_gets_no_control_codes_of_the_file_and_a_pipe_all_of_it(
    lora_tui_here, settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_file.write_text(f"# \x9b31m \u202eown\n{TEXT}")
    piped = lora_tui_here("convert", "alpha", settings_file, "--to", 1)
    assert "# \x9b31m \u202eown\n" in piped.stdout
    monkeypatch.setattr(new_settings, "_on_terminal", lambda: True)
    shown = lora_tui_here("convert", "alpha", settings_file, "--to", 1)
    assert "# \\x9b31m \\u202eown\n" in shown.stdout
    assert parse_settings(shown.stdout, "printed") == parse_settings(piped.stdout, "printed")


def test_a_file_is_written_and_never_over_another_without_force(
    lora_tui_here, settings_file: Path, tmp_path: Path
) -> None:
    out, wanted = tmp_path / "one.toml", convert_alpha(load_settings(settings_file), 1)
    assert lora_tui_here("convert", "alpha", settings_file, "--to", 1, "--out", out).returncode == ExitCode.DONE
    assert load_settings(out) == wanted
    again = lora_tui_here("convert", "alpha", settings_file, "--to", 2, "--out", out)
    assert (again.returncode, again.stderr.startswith(f"lora-tui: {out}: already exists")) == (ExitCode.USAGE, True)
    assert load_settings(out) == wanted
    assert (
        lora_tui_here("convert", "alpha", settings_file, "--to", 2, "--out", out, "--force").returncode == ExitCode.DONE
    )
    assert load_settings(out).network_alpha == 2


def test_an_optimizer_it_does_not_hold_for_is_one_line(lora_tui_here, settings_file: Path) -> None:
    settings_file.write_text(TEXT + 'optimizer_type = "Prodigy"\n')
    result = lora_tui_here("convert", "alpha", settings_file, "--to", 1)
    assert (result.returncode, result.stdout) == (ExitCode.USAGE, "")
    assert result.stderr.startswith("lora-tui: optimizer_type: Prodigy, for which alpha is more than")

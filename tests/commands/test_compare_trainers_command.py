"""`lora-tui compare-trainers`."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from odd_folder import worked_folder

from lora_tui.commands import new_settings
from trainer.errors import ExitCode
from trainer.profiles.registry import PROFILES
from trainer.settings.describe import shown_value
from trainer.settings.toml_file import load_settings, parse_settings, settings_toml

LoraTui = Callable[..., "CompletedProcess[str]"]

TEXT = """# my own
train_data_dir = "data"
pretrained_model_name_or_path = "demo"
resolution = 64  # of the demo
min_bucket_reso = 32
max_bucket_reso = 128
bucket_reso_steps = 16
bucket_no_upscale = false
enable_bucket = true
train_batch_size = 4
max_train_epochs = 5
lr_warmup_steps = "5%"
lr_scheduler = "cosine"
"""


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    worked_folder(tmp_path / "data")
    path = tmp_path / "hifumi.toml"
    path.write_text(TEXT)
    return path


def column(ran: "CompletedProcess[str]", key: str) -> dict[str, str]:
    """Return row -> text of a trainer's column in the JSON of a table."""
    table = json.loads(ran.stdout)
    place = table["columns"].index(key)
    return {row["key"]: row["cells"][place]["text"] for row in table["rows"]}


def test_the_worked_example_is_printed_with_a_column_and_a_reason_for_every_trainer(
    lora_tui_here: LoraTui, settings_file: Path
) -> None:
    # By its name alone: the line with the command is as long as the path.
    ran = lora_tui_here("compare-trainers", settings_file.name, folder=settings_file.parent)
    assert (ran.returncode, ran.stderr) == (ExitCode.DONE, "")
    lines = ran.stdout.splitlines()
    assert all(len(line) <= 120 for line in lines)
    for profile in PROFILES.values():
        if profile.key != "lora-tui":
            assert f"{profile.title} ({profile.key})" in lines
    counted = [line for line in lines if line.startswith("pictures counted")]
    assert all(line.split()[2:5] == ["13", "→", "130"] for line in counted)
    assert all(any(text in line for line in counted) for text in ("≠ 16 → 160", "≠ 10 → 100", "≠ 9 → 90"))
    assert any(line.startswith("      10_a/12.gif: .gif does not count") for line in lines)
    assert "\x1b" not in ran.stdout
    assert lines[-1].strip().startswith("lora-tui compare-trainers ")


def test_json_holds_the_same_with_every_name(lora_tui_here: LoraTui, settings_file: Path) -> None:
    ran = lora_tui_here("compare-trainers", settings_file, "--json")
    steps = {key: column(ran, key)["steps_run"] for key in PROFILES}
    assert (steps["legacy ps script 2023-02"], steps["anon-1337 2023-02"], steps["kohya_ss 2023-02"]) == (
        "200",
        "155",
        "113",
    )
    assert steps["sd-scripts 2023-02"] == "190"
    table = json.loads(ran.stdout)
    assert "train_batch_size" in table["asked_for"] and "network_dim" not in table["asked_for"]


def test_trainers_are_chosen_by_name_separated_or_repeated(lora_tui_here: LoraTui, settings_file: Path) -> None:
    keys = ("anon-1337 2023-02, OneTrainer 2026-08", "kohya_ss 2026-07")
    ran = lora_tui_here("compare-trainers", settings_file, "--json", "--profiles", keys[0], "--profiles", keys[1])
    wanted = ["settings", "anon-1337 2023-02", "OneTrainer 2026-08", "kohya_ss 2026-07"]
    assert json.loads(ran.stdout)["columns"] == wanted
    wrong = lora_tui_here("compare-trainers", settings_file, "--profiles", "kohya")
    assert wrong.returncode == ExitCode.USAGE
    assert "did you mean kohya_ss 2023-02?" in wrong.stderr and "  OneTrainer 2026-08\n" in wrong.stderr


def test_one_is_taken_over_with_the_files_comments_and_bakes_as_its_column(
    lora_tui_here: LoraTui, settings_file: Path, tmp_path: Path
) -> None:
    key, out = "anon-1337 2023-02", tmp_path / "like.toml"
    wanted = column(lora_tui_here("compare-trainers", settings_file, "--json"), key)
    ran = lora_tui_here("compare-trainers", settings_file, "--take", key, "--out", out)
    assert ran.returncode == ExitCode.DONE, ran.stderr
    assert "# my own" in out.read_text() and "# of the demo" in out.read_text()
    taken = load_settings(out)
    assert (taken.behave_like, taken.network_dim, taken.train_batch_size) == (key, 128, 4)
    assert any(line.startswith("network_dim = 32 → 128: ") for line in ran.stdout.splitlines())
    planned = json.loads(lora_tui_here("plan", out, "--no-memory", "--json").stdout)
    assert (str(planned["total_steps"]), str(planned["warmup_steps"]), str(planned["epochs"])) == (
        wanted["steps_run"],
        wanted["warmup"],
        wanted["epochs"],
    )
    again = lora_tui_here("compare-trainers", settings_file, "--take", key, "--out", out)
    assert (again.returncode, "already exists" in again.stderr) == (ExitCode.USAGE, True)
    assert lora_tui_here("compare-trainers", settings_file, "--take", key, "--out", out, "--force").returncode == 0


def test_printed_it_is_the_settings_file_with_what_changed_as_comments(
    lora_tui_here: LoraTui, settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_file.write_text(f"# \x9b31m\n{TEXT}")
    ran = lora_tui_here("compare-trainers", settings_file, "--take", "OneTrainer 2026-08")
    assert parse_settings(ran.stdout, "printed").behave_like == "OneTrainer 2026-08"
    assert ran.stdout.startswith("# like OneTrainer 2026: ") and "\x9b31m" in ran.stdout
    monkeypatch.setattr(new_settings, "_on_terminal", lambda: True)
    assert "\x9b" not in lora_tui_here("compare-trainers", settings_file, "--take", "OneTrainer 2026-08").stdout


def test_a_file_with_every_setting_leaves_those_at_their_default_to_the_trainers(
    lora_tui_here: LoraTui, settings_file: Path
) -> None:
    settings_file.write_text(settings_toml(load_settings(settings_file)))
    left = lora_tui_here("compare-trainers", settings_file, "--json")
    held = lora_tui_here("compare-trainers", settings_file, "--json", "--as-written")
    assert column(left, "anon-1337 2023-02")["scale"] == "1 / 128 = 7.81e-3"
    assert column(held, "anon-1337 2023-02")["scale"] == "16 / 32 = 0.5"
    assert "--as-written" in lora_tui_here("compare-trainers", settings_file).stdout


def test_a_base_that_cannot_be_read_is_a_note_and_pictures_that_are_gone_an_error(
    lora_tui_here: LoraTui, settings_file: Path, tmp_path: Path
) -> None:
    settings_file.write_text(TEXT.replace('"demo"', '"gone.safetensors"'))
    ran = lora_tui_here("compare-trainers", settings_file)
    assert ran.returncode == ExitCode.DONE
    assert any(line.startswith("! The base cannot be read") for line in ran.stdout.splitlines())
    settings_file.write_text(TEXT.replace('"data"', '"nowhere"'))
    gone = lora_tui_here("compare-trainers", settings_file)
    assert (gone.returncode, gone.stderr.count("\n"), "nowhere" in gone.stderr) == (ExitCode.USAGE, 1, True)


@pytest.mark.parametrize(
    "words", [("--out", "x"), ("--force",), ("--take", "lora-tui", "--profiles", "lora-tui"), ("--take", "", "--json")]
)
def test_words_that_do_not_go_together_are_refused(
    lora_tui_here: LoraTui, settings_file: Path, words: tuple[str, ...]
) -> None:
    assert lora_tui_here("compare-trainers", settings_file, *words).returncode == ExitCode.USAGE


def test_what_is_taken_over_names_values_as_the_form_shows_them(lora_tui_here: LoraTui, settings_file: Path) -> None:
    key = "cloneofsimo lora 2023-02"
    made = json.loads(lora_tui_here("compare-trainers", settings_file, "--take", key, "--json").stdout)
    taken = parse_settings(made["settings"], "taken")
    assert made["changes"]["max_timestep"]["to"] == taken.max_timestep == 800
    assert shown_value(taken, "optimizer_args") == "weight_decay=0.001"


def test_a_setting_of_the_command_line_counts_as_asked_for(lora_tui_here: LoraTui, settings_file: Path) -> None:
    ran = lora_tui_here("compare-trainers", settings_file, "--set", "network_dim=48", "--json")
    assert column(ran, "anon-1337 2023-02")["scale"] == "1 / 48 = 0.0208"
    printed = lora_tui_here("compare-trainers", settings_file, "--set", "network_dim=48", "--take", "anon-1337 2023-02")
    assert parse_settings(printed.stdout, "printed").network_dim == 48


def test_pictures_that_nobody_counts_are_printed_by_name(lora_tui_here: LoraTui, settings_file: Path) -> None:
    (settings_file.parent / "data" / "10_a" / "fog.jxl").write_bytes(b"x")
    for profiles in (("--profiles", "lora-tui"), ("--profiles", "anon-1337 2023-02")):
        lines = lora_tui_here("compare-trainers", settings_file, *profiles).stdout.splitlines()
        place = lines.index("  pictures counted: all but these")
        assert lines[place - 1] == "these settings"
        assert "      10_a/fog.jxl: .jxl does not count" in lines[place:]


def test_what_a_data_set_file_states_holds_in_every_column(lora_tui_here: LoraTui, settings_file: Path) -> None:
    # 3 is also the default of ours.
    (settings_file.parent / "set.toml").write_text(
        '[[datasets]]\nbatch_size = 3\nresolution = 64\n[[datasets.subsets]]\nimage_dir = "data/10_a"\nnum_repeats = 2\n'
    )
    settings_file.write_text(
        'dataset_config = "set.toml"\npretrained_model_name_or_path = "demo"\nmax_train_epochs = 4\n'
        "resolution = 64\nmin_bucket_reso = 32\nmax_bucket_reso = 128\nbucket_reso_steps = 16\n"
    )
    ran = lora_tui_here("compare-trainers", settings_file, "--json")
    for key in PROFILES:
        if key != "cloneofsimo lora 2023-02":
            assert column(ran, key)["batch"] == "3 × 1", key
    # .txt files, counted by Windows' sd-scripts: 12 × 2 in three buckets of 14, 6 and 4.
    assert column(ran, "anon-1337 2023-02")["steps_run"] == str(4 * (5 + 2 + 2))

"""`lora-tui import`."""

import json
from io import BytesIO, TextIOWrapper
from pathlib import Path

import interop_sources as sources
import pytest

from trainer.errors import ExitCode
from trainer.settings.subject import load_subject
from trainer.settings.toml_file import load_settings, parse_settings
from trainer.workspace import JOURNAL_NAME


@pytest.fixture
def source(tmp_path: Path) -> Path:
    # No name tells what is in it.
    path = tmp_path / "settings.backup"
    path.write_bytes(sources.EDITED_CONFIG)
    return path


def test_what_is_printed_is_the_settings_below_the_report(lora_tui_here, source: Path) -> None:
    result = lora_tui_here("import", source)
    assert result.returncode == ExitCode.DONE, result.stderr
    assert parse_settings(result.stdout, "printed").network_dim == 64
    lines = result.stdout.splitlines()
    assert lines[1] == "# 13 keys: 9 taken, 1 translated, 2 without effect, 1 unknown"
    for title in ("# taken (9)", "# translated (1)", "# without effect (2)", "# unknown (1)"):
        assert title in lines
    assert '# my_note = "trial 7"' in lines


def test_settings_and_a_subject_are_written_and_never_over_others(lora_tui_here, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "hifumi.toml"
    result = lora_tui_here("import", source, "--out", out, "--map", r"\\NAS\share\sets=/data")
    assert result.returncode == ExitCode.DONE, result.stderr
    assert "13 keys: 8 taken, 2 translated, 2 without effect, 1 unknown" in result.stdout.splitlines()
    settings = load_settings(out)
    assert (settings.subject, settings.train_data_dir) == ("hifumi", "")
    subject = load_subject(tmp_path / "subjects" / "hifumi.toml")
    assert (subject.train_data_dir, subject.pretrained_model_name_or_path) == (
        "/data/hifumi",
        r"D:\models\nai.safetensors",
    )
    before = out.read_bytes()
    again = lora_tui_here("import", source, "--out", out)
    assert (again.returncode, again.stderr.startswith(f"lora-tui: {out}: already exists")) == (ExitCode.USAGE, True)
    assert out.read_bytes() == before


def test_a_subject_that_is_there_is_named_and_not_changed(lora_tui_here, source: Path, tmp_path: Path) -> None:
    subjects = tmp_path / "subjects"
    subjects.mkdir()
    (subjects / "mine.toml").write_text('trigger = "hfm"\n')
    out = tmp_path / "mine.toml"
    assert lora_tui_here("import", source, "--out", out, "--subject", "mine").returncode == ExitCode.DONE
    settings = load_settings(out)
    assert (settings.subject, settings.train_data_dir) == ("mine", r"\\nas\share\sets\hifumi")
    assert (subjects / "mine.toml").read_text() == 'trigger = "hfm"\n'


def test_folders_of_another_computer_are_asked_for_once(lora_tui_here, source: Path, tmp_path: Path) -> None:
    (tmp_path / JOURNAL_NAME).touch()
    lora_tui_here("import", source, "--out", tmp_path / "a.toml", "--map", r"D:\models=/srv/models")
    lora_tui_here("import", source, "--out", tmp_path / "b.toml", "--subject", "b")
    base = load_subject(tmp_path / "subjects" / "b.toml").pretrained_model_name_or_path
    assert base == "/srv/models/nai.safetensors"


def test_a_paste_is_read_from_standard_input(lora_tui_here, monkeypatch: pytest.MonkeyPatch) -> None:
    paste = b"1\n2\n$learning_rate = 1e-3\n$unet_lr = $learning_rate\n$network_dim = 128\n$clip_skip = 1\n"
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(paste)))
    result = lora_tui_here("import", "-", "--json")
    assert result.returncode == ExitCode.DONE, result.stderr
    found = json.loads(result.stdout)
    assert found["settings"]["unet_lr"] == 1e-3 and found["settings"]["network_dim"] == 128
    assert sum(found["report"]["counts"].values()) == len(found["report"]["keys"]) == 4
    assert {key["fate"] for key in found["report"]["keys"]} <= set(found["report"]["counts"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "nothing in it"),
        (b"\x00\x01\x02", "not text"),
        (b"hello world\n", "nothing that is known"),
        (b'{"a": ' * 200 + b"1" + b"}" * 200, "more than 32 levels"),
        (b'{"network_dim": 3, ', "line 1: broken JSON"),
        (b"network_dim = = 3", "line 1: broken TOML"),
        (b'{"nodes": [], "links": []}', "a ComfyUI workflow as its editor saves it"),
        (b'{"answer": 42}', "keys of no trainer that is known: answer"),
        (b"".join(b"key_%d = 1\n" % number for number in range(10_500)), "line 10001: more than 10,000 keys"),
        (b"a = 1\n" * 200_000, "bytes; at most"),
    ],
)
def test_what_cannot_be_read_is_one_line(lora_tui_here, tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "given"
    path.write_bytes(content)
    result = lora_tui_here("import", path)
    assert result.returncode == ExitCode.USAGE
    assert len(result.stderr.splitlines()) == 1 and result.stdout == ""
    assert said in result.stderr and result.stderr.startswith(f"lora-tui: {path}")


@pytest.mark.parametrize("out", ["no/such/cat.toml", "there"])
def test_a_file_that_cannot_be_written_leaves_no_subject_behind(
    lora_tui_here, source: Path, tmp_path: Path, out: str
) -> None:
    (tmp_path / "there").mkdir()
    result = lora_tui_here("import", source, "--out", tmp_path / out, "--force", "--map", r"\\NAS\share=/data")
    assert result.returncode == ExitCode.USAGE
    assert "a file in a folder that exists" in result.stderr
    assert not list(tmp_path.rglob("hifumi.toml"))

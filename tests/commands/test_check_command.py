"""`lora-tui check`: everything doubtful at once, its exit codes, and what is accepted."""

import json
from pathlib import Path

import pytest
from check_inputs import write_broken_inside
from PIL import Image

from trainer.workspace import Workspace


@pytest.fixture
def settings(demo: Workspace) -> Path:
    return demo.root / "hifumi.toml"


@pytest.fixture
def folder(demo: Workspace) -> Path:
    """Return the folder with the demo's pictures."""
    return next(path for path in (demo.root / "data").iterdir() if path.is_dir())


def test_notes_alone_are_fine(lora_tui_here, settings: Path) -> None:
    ran = lora_tui_here("check", settings)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("hifumi.toml: ") and "warning" not in ran.stdout and "error" not in ran.stdout


def test_every_file_that_cannot_be_used_is_listed_with_the_rest(lora_tui_here, settings: Path, folder: Path) -> None:
    (folder / "20.png").write_bytes(b"")
    (folder / "21.png").write_bytes((folder / "01.png").read_bytes()[:200])
    (folder / "02.txt").write_bytes("drawn in café".encode("latin-1"))
    (folder / "03.txt").unlink()
    ran = lora_tui_here("check", settings, "--set", "on_done=no-such-program-here")
    assert ran.returncode == 2
    for words in (
        f"picture-empty: {folder}/20.png",
        f"picture-truncated: {folder}/21.png",
        f"caption-unreadable: {folder}/02.txt",
        "! caption-missing: ",
        "! command-missing: on_done",
        "→ copy or download it again, or remove it",
        "3 errors · 2 warnings",
    ):
        assert words in ran.stdout
    refused = lora_tui_here("plan", settings, "--no-memory")
    assert refused.returncode == 2 and "20.png" in refused.stderr and "2 in all, also 21.png" in refused.stderr


def test_a_refused_bake_has_its_reason_beside_the_other_findings(lora_tui_here, settings: Path, folder: Path) -> None:
    (folder / "03.txt").unlink()
    ran = lora_tui_here("check", settings, "--set", "pretrained_model_name_or_path=/no/such/base", "--no-compare")
    assert ran.returncode == 2
    assert "refused: /no/such/base" in ran.stdout and "caption-missing" in ran.stdout


def test_warnings_are_accepted_with_a_reason_until_the_data_change(
    lora_tui_here, settings: Path, folder: Path, demo: Workspace
) -> None:
    (folder / "03.txt").unlink()
    assert lora_tui_here("check", settings).returncode == 1
    ran = lora_tui_here("check", settings, "--accept", "caption-missing", "--why", "the folder's name says it")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "accepted: the folder's name says it" in ran.stdout
    assert (demo.root / "subjects" / "hifumi.accepted.json").is_file()

    plan = lora_tui_here("plan", settings, "--no-memory")
    assert "no caption" not in plan.stdout and "1 accepted; `lora-tui check` lists everything" in plan.stdout
    assert lora_tui_here("check", settings).returncode == 0

    (folder / "05.txt").write_text("1girl, hifumi_chan, on a bridge")
    changed = lora_tui_here("check", settings)
    assert changed.returncode == 1 and "! caption-missing" in changed.stdout


def test_an_acceptance_can_be_taken_back(lora_tui_here, settings: Path, folder: Path) -> None:
    (folder / "03.txt").unlink()
    lora_tui_here("check", settings, "--accept", "caption-missing", "--why", "x")
    assert lora_tui_here("check", settings).returncode == 0
    assert lora_tui_here("check", settings, "--withdraw", "caption-missing").returncode == 1
    assert "nothing of tag-alike is accepted" in lora_tui_here("check", settings, "--withdraw", "tag-alike").stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--accept", "caption-missing"], "--accept needs a reason"),
        (["--why", "x"], "--why belongs to --accept"),
        (["--accept", "nonsense", "--why", "x"], "nonsense: nothing found by a check of this name"),
        (["--accept", "picture-empty", "--why", "x"], "picture-empty: an error; expected a warning or a note"),
        (["--set", "subject=", "--set", "train_data_dir=data", "--accept", "tag-once", "--why", "x"], "a subject"),
    ],
)
def test_what_cannot_be_accepted_is_one_line(
    lora_tui_here, settings: Path, folder: Path, options: list[str], words: str
) -> None:
    (folder / "20.png").write_bytes(b"")
    more = ["--set", "pretrained_model_name_or_path=demo"] if "subject=" in options else []
    ran = lora_tui_here("check", settings, *options, *more)
    assert ran.returncode == 2 and words in ran.stderr


def test_json_has_every_finding_with_severity_place_and_way_out(
    lora_tui_here, settings: Path, folder: Path, demo: Workspace
) -> None:
    Image.open(folder / "04.png").convert("RGB").save(folder / "99.jpg", quality=40)
    (folder / "99.txt").write_text("1girl, hifumi_chan")
    ran = lora_tui_here("check", settings, "--json")
    values = json.loads(ran.stdout)
    assert values["counts"]["warnings"] == 1 and ran.returncode == 1
    (found,) = [each for each in values["findings"] if each["check"] == "near-duplicate"]
    assert found["severity"] == "warning" and "04.png" in found["place"] and found["way_out"] and not found["accepted"]
    assert (demo.root / "cache" / "picture_signatures.json").is_file()
    # The plan has the same list.
    assert json.loads(lora_tui_here("plan", settings, "--no-memory", "--json").stdout)["findings"] == values["findings"]


def test_a_picture_damaged_inside_is_refused_before_the_bake(lora_tui_here, settings: Path, folder: Path) -> None:
    write_broken_inside(folder / "30.png", 64, 64)
    ran = lora_tui_here("bake", settings)
    assert ran.returncode == 2 and "30.png" in ran.stderr and "cannot be decoded" in ran.stderr


def test_a_damaged_file_of_accepted_findings_hides_nothing_and_stops_nothing(
    lora_tui_here, settings: Path, demo: Workspace
) -> None:
    damaged = demo.root / "subjects" / "hifumi.accepted.json"
    damaged.write_text('{"format": 1, "accepted": 7}')
    ran = lora_tui_here("check", settings)
    assert ran.returncode == 1 and "accepted-damaged" in ran.stdout and "remove it" in ran.stdout
    plan = lora_tui_here("plan", settings, "--no-memory")
    assert plan.returncode == 0 and f"! {damaged}: not a file of accepted findings" in plan.stdout

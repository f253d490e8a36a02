"""The list of bakes, one bake, the differences of two, and what a user writes and deletes, by the commands."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from lora_on_disk import write_lora

from lora_tui.commands.bakes import open_history
from trainer.dataset.manifest import ListedPicture, Manifest, manifest_bytes
from trainer.errors import WorkspaceError
from trainer.history.filter import parse_filter
from trainer.journal.derived import DerivedStore
from trainer.journal.journal import Journal
from trainer.journal.measure_records import MeasuredValue
from trainer.journal.records import BakeState, Checkpoint, NewBake
from trainer.measures.of_pictures import BLEED, DRIFT, PICTURE_SET, STATIC
from trainer.settings.model import Settings
from trainer.settings.toml_file import settings_toml
from trainer.workspace import Workspace

LoraTui = Callable[..., "CompletedProcess[str]"]


def manifest(captions: list[str]) -> bytes:
    pictures = tuple(
        ListedPicture(f"{at}.png", f"{at:064x}", 9, 64, 64, 3, caption, False, 0, None)
        for at, caption in enumerate(captions)
    )
    return manifest_bytes(Manifest(pictures=pictures))


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """Make a workspace with three bakes: 2 and 3 were made from 1."""
    changes = ({}, {"unet_lr": 3e-3}, {"network_dim": 16, "seed": 7})
    captions = ["hifumi, backpack", "hifumi, backpack, smile", "hifumi"], ["hifumi", "hifumi, smile"], ["hifumi"]
    with Journal(tmp_path / "journal.sqlite") as journal:
        for change, data in zip(changes, captions, strict=True):
            toml = settings_toml(Settings.model_validate({"subject": "hifumi", "unet_lr": 1e-3, **change}))
            parent = 1 if change else None
            new = NewBake(
                name="hifumi", settings_toml=toml, engine="", total_steps=80, steps_per_epoch=40, parent=parent
            )
            number = journal.bakes.add(new).number
            journal.results.set_manifest(number, manifest(data))
            for epoch in (1, 2):
                lora = write_lora(tmp_path / f"bakes/{number:04d}-hifumi/hifumi-{epoch:06d}.safetensors")
                saved = Checkpoint(epoch, 40 * epoch, lora.name, lora.stat().st_size, 0.1, None, None, None, 1e9)
                journal.results.add_checkpoint(number, saved)
            journal.bakes.set_state(number, BakeState.STARTING)
            journal.bakes.set_state(number, BakeState.FAILED if number == 3 else BakeState.DONE)
    return tmp_path


def test_the_list_is_filtered_and_says_what_changed(filled: Path, lora_tui_here: LoraTui) -> None:
    lines = lora_tui_here("bakes").stdout.splitlines()
    assert lines[0].endswith(": 3 bakes")
    assert [line.split("  ")[2] for line in lines[1:]] == [
        "of 1: network_dim 32 → 16, seed 42 → 7",
        "of 1: unet_lr ×3",
        "80 steps",
    ]
    assert len(lora_tui_here("bakes", "unet_lr>1e-3", "subject:hifumi").stdout.splitlines()) == 2
    assert len(lora_tui_here("bakes", "-state:failed -unet_lr>1e-3").stdout.splitlines()) == 2
    tree = lora_tui_here("bakes", "--tree").stdout.splitlines()
    assert [len(line) - len(line.lstrip()) for line in tree[1:]] == [0, 2, 2]


def test_a_term_that_is_wrong_is_one_line(filled: Path, lora_tui_here: LoraTui) -> None:
    ran = lora_tui_here("bakes", "te_lr>1")
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
    assert "text_encoder_lr" in ran.stderr
    assert "--grammar" in ran.stderr
    assert "min_snr_gamma>=5" in lora_tui_here("bakes", "list", "--grammar").stdout


def test_the_list_as_json_holds_every_entry(filled: Path, lora_tui_here: LoraTui) -> None:
    found = json.loads(lora_tui_here("bakes", "--json", "network_dim=16").stdout)["bakes"]
    assert [(each["number"], each["state"], each["compared_with"]) for each in found] == [(3, "failed", 1)]
    assert {change["name"]: (change["before"], change["after"]) for change in found[0]["changes"]} == {
        "network_dim": (32, 16),
        "seed": (42, 7),
    }


def test_notes_tags_and_the_best_epoch_are_written_and_shown(filled: Path, lora_tui_here: LoraTui) -> None:
    lora_tui_here("bakes", "note", "1", "# ears", "are gone")
    lora_tui_here("bakes", "note", "1", "--add", "good coat")
    lora_tui_here("bakes", "tag", "1", "te", "keep")
    lora_tui_here("bakes", "tag", "1", "keep", "--remove")
    lora_tui_here("bakes", "best", "1", "40")
    (line,) = lora_tui_here("bakes", "tag:te").stdout.splitlines()[1:]
    assert line.endswith("best epoch 1 (your choice)  #te  ears are gone")
    shown = lora_tui_here("show", "1").stdout
    assert "  # ears are gone\n  \n  good coat" in shown
    assert "led to 2 hifumi, 3 hifumi" in shown
    best = next(line for line in shown.splitlines() if "step 40" in line and "hifumi-000001" in line)
    assert best.rstrip().endswith("best")
    found = json.loads(lora_tui_here("show", "2", "--json").stdout)
    assert (found["lineage"], found["parents"]) == ("re-bake of 1 with unet_lr ×3", [1])


def test_two_bakes_are_compared_in_settings_and_data(filled: Path, lora_tui_here: LoraTui) -> None:
    lines = lora_tui_here("diff", "1", "2", "--pictures").stdout.splitlines()
    assert "  unet_lr  1e-3 → 3e-3" in lines
    for line in (
        "  1 picture fewer: 2 in place of 3",
        "  captions of 2 pictures changed",
        "  `backpack` gone from 2 captions",
        "  2.png: removed",
    ):
        assert line in lines
    found = json.loads(lora_tui_here("diff", "1", "2", "--json").stdout)
    assert found["decides"] is True
    same = lora_tui_here("diff", "1", "1").stdout
    assert "settings: the same" in same and "data: the same" in same


def test_what_goes_and_what_stays_is_said_before_it_goes(filled: Path, lora_tui_here: LoraTui) -> None:
    ran = lora_tui_here("bakes", "prune")
    assert "goes: 3 LoRA files of 3 bakes" in ran.stdout
    assert "nobody to ask" in ran.stderr and ran.returncode == 2
    assert len(list(filled.rglob("*.safetensors"))) == 6
    assert lora_tui_here("bakes", "prune", "state:done", "--yes").returncode == 0
    assert len(list(filled.rglob("*.safetensors"))) == 4
    assert lora_tui_here("bakes", "delete", "1", "2", "--yes").returncode == 0
    assert {path.parent.name for path in filled.rglob("*.safetensors")} == {"0003-hifumi"}
    assert "file is gone" in lora_tui_here("show", "1").stdout


def test_loras_from_elsewhere_are_listed_with_what_was_left_out(
    filled: Path, lora_tui_here: LoraTui, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for epoch in (1, 2):
        texts = {"ss_session_id": "7", "ss_steps": str(epoch), "ss_output_name": "cat", "ss_unet_lr": "0.5"}
        write_lora(elsewhere / f"cat-{epoch:06d}.safetensors", metadata=texts)
    (elsewhere / "x.safetensors").write_bytes(b"no")
    ran = lora_tui_here("bakes", "add", elsewhere)
    assert ran.stdout.splitlines()[0] == "added bake 4 cat: 2 LoRA files"
    assert "x.safetensors was left out" in ran.stdout
    assert "0004 cat  imported" in lora_tui_here("bakes", "unet_lr=0.5").stdout
    assert "cat-000002.safetensors" in lora_tui_here("show", "4").stdout


def test_measures_are_shown_in_their_units_and_not_what_only_says_what_they_were_made_on(
    filled: Path, lora_tui_here: LoraTui
) -> None:
    with Journal(filled / "journal.sqlite") as journal:
        made = [
            MeasuredValue(step=80, name=STATIC, value=0.5, low=0.25, high=0.75, count=4),
            MeasuredValue(step=80, name=DRIFT, part="unet", value=-1.5),
            MeasuredValue(step=40, name=BLEED, value=0.5),
            MeasuredValue(step=80, name=PICTURE_SET, value=3.0),
            MeasuredValue(step=80, name="of a later version", value=7.0),
        ]
        journal.measures.add(1, made)
    shown = lora_tui_here("show", "1").stdout
    assert "measures at step 80:\n" in shown
    assert "\n  static pictures  50 % (25 % to 75 %)\n" in shown
    assert "\n  drift of the U-Net  −1.5\n" in shown
    assert "\n  of a later version  7\n" in shown
    assert "\n  bleed  0.5  at step 40\n" in shown
    assert PICTURE_SET not in shown


def test_on_a_full_disk_the_list_is_whole_so_that_the_right_bakes_are_pruned(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        error = WorkspaceError("journal.sqlite", found="the disk is full")
        error.full = True
        raise error

    monkeypatch.setattr(DerivedStore, "keep_facts", refuse)
    with open_history(Workspace(filled)) as (_, history):
        found = parse_filter("-unet_lr>2e-3").matching(history.newest_first())
    assert [entry.number for entry in found] == [3, 1]

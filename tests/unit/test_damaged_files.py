"""Our own files with any value of another type, missing, huge or nested: named as damaged with the way out, or made again where they are caches."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from damaged_json import damaged
from made_grid import made_grid

from lora_tui.actions.kept_specs import KeptSpecs
from trainer.errors import LoraTuiError
from trainer.gallery.judged_file import JUDGED, read_judged, write_judged
from trainer.gallery.page import page
from trainer.gallery.sidecar import SIDECAR, read_sidecar
from trainer.grid.spec import GridSpec, load_spec, spec_json
from trainer.jobs import optimizer_trial
from trainer.journal.bake_folder import BAKE_JSON, read_bake_json, write_bake_json
from trainer.journal.grid_records import CellNote
from trainer.journal.journal import Journal
from trainer.journal.records import (
    BakeState,
    Checkpoint,
    Mark,
    MarkKind,
    NewBake,
    Order,
    SavedState,
)
from trainer.machine import card_lock, engines
from trainer.memory import predictor
from trainer.memory.peak import BlockCost, MemoryPrediction, Peak
from trainer.models.file_hashes import hashes_of
from trainer.recovery.bakes import recover_bakes
from trainer.text import MAX_MESSAGE
from trainer.workspace import Workspace, cache_home, read_note, state_home

REMADE = "made again"


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        write: writes one into a folder and returns its path.
        read: reads it as the program does, uses what it holds, and returns it.
        says: what a damaged one is called; REMADE where it is no loss.
    """

    write: Callable[[Path], Path]
    read: Callable[[Path], object]
    says: str = "is damaged ("


def write_grid(folder: Path) -> Path:
    made_grid(folder, (2, 1, 1, 1))
    return folder / SIDECAR


def read_grid(path: Path) -> object:
    made = read_sidecar(path.parent)
    assert made is not None
    assert page(made, path.parent, [], max_bytes=10**7).content
    return made


def write_record(folder: Path) -> Path:
    with Journal(folder / "journal.sqlite") as journal:
        journal._database._connection.execute("PRAGMA synchronous = OFF")
        journal.bakes.add(NewBake(name="a", settings_toml="", engine="e", total_steps=8, steps_per_epoch=4))
        journal.results.add_checkpoint(1, Checkpoint(1, 4, "a.safetensors", 9, 0.1, None, None, None, 1e9))
        journal.results.add_state(1, SavedState(4, 1, True, "state/a", 9, 1e9, 0.1))
        journal.results.add_mark(1, Mark(4, 1e9, MarkKind.RESUME, "resumed"))
        journal.results.add_folder_losses(1, 1, {"3_a": (0.1, 3)})
        journal.orders.give(1, Order.SAVE)
        journal.bakes.set_state(1, BakeState.BAKING)
        journal.bakes.set_state(1, BakeState.DONE)
        bake_folder = folder / "bakes" / "0001-a"
        bake_folder.mkdir(parents=True)
        write_bake_json(journal, 1, bake_folder)
    return bake_folder / BAKE_JSON


def read_record(path: Path) -> object:
    return read_bake_json(path.parent)


def write_verdicts(folder: Path) -> Path:
    write_judged([CellNote(1, "x1-y1-z1-s1", True, "right", ticks={"ears": True}, seconds=5.0)], folder)
    return folder / JUDGED


def write_spec(folder: Path) -> Path:
    made = made_grid(folder, (2, 1, 1, 1))
    (folder / "spec.json").write_text(spec_json(made.spec), "utf-8")
    return folder / "spec.json"


def write_kept(folder: Path) -> Path:
    kept = KeptSpecs(Workspace(folder))
    kept.note("bake 3", GridSpec(), GridSpec(prompt="another"))
    kept.write()
    return Workspace(folder).grids / ".builder.json"


def read_kept(path: Path) -> object:
    kept = KeptSpecs(Workspace(path.parent.parent))
    spec = kept.restored("bake 3", GridSpec())
    kept.others("bake 4")
    kept.note("bake 5", GridSpec(), GridSpec(prompt="new"))
    kept.write()
    return spec


def write_peaks(folder: Path) -> Path:
    known = MemoryPrediction(
        "cpu",
        "no",
        (64, 64),
        1,
        (Peak("step", "backward", {"lora": 5}),),
        9,
        9,
        0.5,
        (BlockCost("a", 1, 2, 0.1),),
        False,
        1.0,
    )
    content = {"made_by": predictor._made_by(), "peaks": {"key": known.to_json()}}
    (folder / "peaks.json").write_text(json.dumps(content), "utf-8")
    return folder / "peaks.json"


def read_peaks(path: Path) -> object:
    return [MemoryPrediction.from_json(values).peak.bytes for values in predictor._read(path).values()]


def write_trials(folder: Path) -> Path:
    optimizer_trial._store(folder / "optimizers.json", {"key": {"found": "no", "expected": "yes"}})
    return folder / "optimizers.json"


def write_hashes(folder: Path) -> Path:
    (folder / "base.safetensors").write_bytes(b"content")
    # One written a moment ago might still be written without showing it.
    os.utime(folder / "base.safetensors", (1e9, 1e9))
    assert hashes_of(folder / "base.safetensors") is not None
    (note,) = (cache_home() / "hashes").glob("*.json")
    return note


KINDS = {
    "grid.json": Kind(write_grid, read_grid),
    "bake.json": Kind(write_record, read_record),
    "judged.json": Kind(write_verdicts, lambda path: read_judged(path.parent, 1)),
    "grid spec": Kind(write_spec, load_spec, "spec.json: "),
    "grid builder's changes": Kind(write_kept, read_kept, REMADE),
    "predicted peaks": Kind(write_peaks, read_peaks, REMADE),
    "trials of optimizers": Kind(write_trials, optimizer_trial._read, REMADE),
}


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home" / variable))


@pytest.mark.parametrize("every", [23, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", KINDS)
def test_every_value_of_every_kind_of_file_is_checked(name: str, every: int, tmp_path: Path) -> None:
    kind = KINDS[name]
    path = kind.write(tmp_path)
    whole = path.read_bytes()
    assert kind.read(path)
    path.write_bytes(whole)
    refused = 0
    for place, content in damaged(json.loads(whole), every):
        path.write_text(json.dumps(content), "utf-8")
        refused += refuses(kind, path, place)
    for cut in (0, 1, len(whole) // 3, len(whole) - 3):
        path.write_bytes(whole[:cut])
        refused += refuses(kind, path, f"cut after {cut} bytes")
    for content in (b"[" * 20_000, b"null", b"[]", b"3", b"\xff\xfe\x00", b'{"a": ' * 5_000):
        path.write_bytes(content)
        refused += refuses(kind, path, repr(content[:9]))
    assert refused > 10 or kind.says is REMADE


def refuses(kind: Kind, path: Path, place: str) -> bool:
    """Return whether a damaged file is refused; how it is refused is checked."""
    try:
        kind.read(path)
    except LoraTuiError as error:
        line = error.line()
        assert kind.says in line or "of the unknown family" in line, (place, line)
        assert error.way_out or error.expected, (place, line)
        assert len(line) <= MAX_MESSAGE, place
        return True
    return False


def test_a_grid_of_very_long_axes_is_refused_before_its_places_are_counted(tmp_path: Path) -> None:
    path = write_grid(tmp_path)
    content = json.loads(path.read_text("utf-8"))
    for axis in ("x", "y", "z", "seeds"):
        content[axis]["labels"] = ["a"] * 50_000
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(
        LoraTuiError, match=r"2 pictures on axes of 50,000 × 50,000 × 50,000 × 50,000 values\); `lora-tui grid`"
    ):
        read_sidecar(tmp_path)


def test_a_damaged_bake_record_costs_no_other_bake_its_row(tmp_path: Path) -> None:
    path = write_record(tmp_path)
    (path.parent / "settings.toml").write_text("unet_lr = 1e-4\n", "utf-8")
    other = path.parent.with_name("0002-b")
    other.mkdir()
    other.joinpath(BAKE_JSON).write_bytes(path.read_bytes())
    content = json.loads(path.read_text("utf-8"))
    content["bake"]["state"] = "flying"
    path.write_text(json.dumps(content), "utf-8")
    found = recover_bakes(Workspace(tmp_path), tmp_path / "new.sqlite")
    assert [each.bake is not None and each.bake.state for each in found] == [BakeState.LOST, BakeState.DONE]
    assert "bake.json: is damaged (bake.state: 'flying'; expected one of queued, " in found[0].notes[0]


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"a\nb", b"a\x1b[2Jb", b"/" + b"x" * 4090, b"x" * 300, b"x" * 10**6, b"/\x00"]
)
def test_damaged_notes_of_the_user_s_state_are_as_if_there_were_none(content: bytes) -> None:
    from trainer.workspace import last_workspace

    state_home().mkdir(parents=True)
    (state_home() / "last-workspace").write_bytes(content)
    assert last_workspace() is None
    assert len(read_note("last-workspace")) <= 4096
    assert read_note("last-workspace").isprintable()


@pytest.mark.parametrize(
    "content", [b"", b"[", b"[" * 5000, b"3", b'{"pid": "x"}', b'{"pid": 1e400, "since": NaN}', b"\xff"]
)
def test_a_lock_file_of_any_content_is_read(tmp_path: Path, content: bytes) -> None:
    import fcntl

    folder = state_home() / "engines"
    folder.mkdir(parents=True)
    (state_home() / "cards").mkdir()
    held = [folder / "key.lock", card_lock._path("cpu")]
    files = [path.open("wb") for path in held]
    for file in files:
        file.write(content)
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
    assert engines.running_engines(Workspace(tmp_path).root) == []
    assert card_lock.holder_text("cpu") == "another process"
    for file in files:
        file.close()


def test_a_damaged_note_of_hashes_is_written_again(tmp_path: Path) -> None:
    note = write_hashes(tmp_path)
    whole = json.loads(note.read_text("utf-8"))
    expected = hashes_of(tmp_path / "base.safetensors")
    for _, content in damaged(whole, 7):
        note.write_text(json.dumps(content), "utf-8")
        assert hashes_of(tmp_path / "base.safetensors") == expected

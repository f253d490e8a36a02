"""The history of caption edits: written beside one backup, undone, done again, and never at the cost of what somebody else wrote."""

import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from captioned import captioned, contents, files_in, planned, rename
from no_override import permissions_hold

from trainer.captions import turn
from trainer.captions.history import CaptionHistory
from trainer.captions.plan import plan_texts
from trainer.captions.record import CaptionStep, TagEdit
from trainer.errors import DiskFull, SettingsError, WorkspaceError
from trainer.machine.lock_file import acquire_lock
from trainer.workspace import Workspace, state_home

ROOT = Path(__file__).parents[3]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "ws").mkdir()
    return Workspace(tmp_path / "ws")


@pytest.fixture
def folder(workspace: Workspace) -> Path:
    return captioned(workspace.root / "data", {"a": "solo, x\n", "b": "solo", "c": "y", "d": "x, solo\nmore"})


@pytest.fixture(params=["read again", "known by their marks"])
def captions_written(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let captions be read once more before they are written, as those that were changed a moment ago, or not, as all others."""
    if request.param != "read again":
        monkeypatch.setattr("trainer.dataset.caption_file.TICK", -1.0)
    return str(request.param)


def fresh(workspace: Workspace) -> CaptionHistory:
    """Return the history as another process would read it."""
    return CaptionHistory(Workspace(workspace.root))


def left(step: CaptionStep) -> dict[str, str]:
    return {each.path.name: each.why for each in step.left}


@pytest.mark.usefixtures("captions_written")
def test_a_step_is_written_undone_and_written_again(workspace: Workspace, folder: Path) -> None:
    before = contents(folder)
    step = CaptionHistory(workspace).write(rename(folder, "solo", "alone"))
    assert (step.number, step.files, step.undone, step.unfinished, step.left) == (1, 3, False, False, ())
    assert step.words == "rename `solo` to `alone`"
    after = contents(folder)
    assert after == {"a.txt": b"alone, x\n", "b.txt": b"alone", "c.txt": b"y", "d.txt": b"x, alone\nmore"}
    assert fresh(workspace).undo(1).undone
    assert contents(folder) == before
    assert not fresh(workspace).redo(1).undone
    assert contents(folder) == after
    assert [each.number for each in fresh(workspace).steps()] == [1]


@pytest.mark.usefixtures("captions_written")
def test_encodings_marks_and_line_ends_come_back_to_the_byte(workspace: Workspace) -> None:
    texts = {
        "utf8": "solo, 女の子\r\nmore\r\n".encode(),
        "mark": b"\xef\xbb\xbfsolo\r\n",
        "twice": b"\xef\xbb\xbf\xef\xbb\xbfsolo",
        "wide": "solo, ж\r\nнет".encode("utf-16"),
        "big": b"\xfe\xff" + "solo\r".encode("utf-16-be"),
        "wider": b"\xff\xfe\0\0" + "solo\u2028x".encode("utf-32-le"),
    }
    folder = captioned(workspace.root / "data", texts)
    before = contents(folder)
    history = CaptionHistory(workspace)
    history.write(rename(folder, "solo", "alone, 画"))
    after = contents(folder)
    assert after["mark.txt"] == b"\xef\xbb\xbf" + "alone, 画\r\n".encode()
    assert after["twice.txt"] == b"\xef\xbb\xbf\xef\xbb\xbf" + "alone, 画".encode()
    assert after["wide.txt"] == "alone, 画, ж\r\nнет".encode("utf-16")
    assert after["big.txt"] == b"\xfe\xff" + "alone, 画\r".encode("utf-16-be")
    assert after["utf8.txt"] == "alone, 画, 女の子\r\nmore\r\n".encode()
    fresh(workspace).undo(1)
    assert contents(folder) == before


def test_captions_that_nobody_touched_since_the_preview_are_not_read_again(
    captions_written: str, workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = rename(folder, "solo", "alone")
    read: list[str] = []
    real = turn.open_regular
    monkeypatch.setattr(turn, "open_regular", lambda path, **how: read.append(path.name) or real(path, **how))
    assert CaptionHistory(workspace).write(plan).left == ()
    assert read == ([] if captions_written == "known by their marks" else ["a.txt", "b.txt", "d.txt"])


def test_captions_that_are_made_go_when_they_are_undone_and_come_back(workspace: Workspace) -> None:
    folder = captioned(workspace.root / "data", {"a": None, "b": "x"})
    CaptionHistory(workspace).write(planned(folder, TagEdit("add", ("new",)), words="10 words"))
    assert contents(folder) == {"a.txt": b"10 words, new\n", "b.txt": b"x, new"}
    fresh(workspace).undo(1)
    assert contents(folder) == {"b.txt": b"x"}
    fresh(workspace).redo(1)
    assert contents(folder, ["a.txt"]) == {"a.txt": b"10 words, new\n"}


def test_any_step_can_be_undone_where_no_later_one_changed_the_same(workspace: Workspace, folder: Path) -> None:
    history = CaptionHistory(workspace)
    history.write(rename(folder, "solo", "alone"))
    history.write(planned(folder, TagEdit("remove", ("y",))))
    history.write(rename(folder, "x", "z"))
    step = fresh(workspace).undo(1)
    # b has only what the first step changed.
    assert step.undone
    assert left(step) == {"a.txt": "it was changed since by step 3", "d.txt": "it was changed since by step 3"}
    assert contents(folder) == {"a.txt": b"alone, z\n", "b.txt": b"solo", "c.txt": b"", "d.txt": b"z, alone\nmore"}
    fresh(workspace).undo(3)
    # What was left can be undone now.
    assert fresh(workspace).undo(1).left == ()
    assert contents(folder, ["a.txt", "d.txt"]) == {"a.txt": b"solo, x\n", "d.txt": b"x, solo\nmore"}
    with pytest.raises(SettingsError, match="step 1: it is undone; expected a step that is written"):
        fresh(workspace).undo(1)
    with pytest.raises(SettingsError, match="step 2: it is written; expected a step that was undone"):
        fresh(workspace).redo(2)


def test_what_somebody_changed_or_removed_is_left_and_named(workspace: Workspace, folder: Path) -> None:
    CaptionHistory(workspace).write(rename(folder, "solo", "alone"))
    (folder / "a.txt").write_text("my own words")
    (folder / "b.txt").unlink()
    step = fresh(workspace).undo(1)
    assert (step.undone, left(step)) == (True, {"a.txt": "it was changed since", "b.txt": "it was changed since"})
    assert contents(folder) == {"a.txt": b"my own words", "c.txt": b"y", "d.txt": b"x, solo\nmore"}
    (folder / "d.txt").write_text("this too")
    step = fresh(workspace).redo(1)
    # Nothing could be written again: it stays undone.
    assert step.undone
    assert set(left(step)) == {"a.txt", "b.txt", "d.txt"}


@pytest.mark.usefixtures("captions_written")
def test_what_changed_since_the_preview_is_left_and_the_rest_written(workspace: Workspace, folder: Path) -> None:
    plan = rename(folder, "solo", "alone")
    (folder / "a.txt").write_text("solo, typed")
    (folder / "b.txt").unlink()
    step = CaptionHistory(workspace).write(plan)
    assert step.files == 1
    assert left(step) == {name: "it was changed since the preview" for name in ("a.txt", "b.txt")}
    assert contents(folder)["a.txt"] == b"solo, typed"
    (folder / "d.txt").write_text("other")
    with pytest.raises(SettingsError, match=r"a\.txt: it was changed since the preview; look at the preview again"):
        CaptionHistory(workspace).write(plan)
    assert len(CaptionHistory(workspace).steps()) == 1


def test_a_caption_that_appeared_since_the_preview_is_not_replaced(workspace: Workspace) -> None:
    folder = captioned(workspace.root / "data", {"a": None, "b": "x"})
    plan = planned(folder, TagEdit("add", ("new",)))
    (folder / "a.txt").write_text("mine")
    assert set(left(CaptionHistory(workspace).write(plan))) == {"a.txt"}
    assert contents(folder) == {"a.txt": b"mine", "b.txt": b"x, new"}


def test_a_caption_that_changes_while_others_are_written_is_left(workspace: Workspace, folder: Path) -> None:
    def type_something(done: int, total: int) -> None:
        if done == 1:
            (folder / "d.txt").write_text("typed meanwhile")

    step = CaptionHistory(workspace).write(rename(folder, "solo", "alone"), show=type_something)
    assert left(step) == {"d.txt": "it was changed while the step was written"}
    assert contents(folder, ["d.txt"]) == {"d.txt": b"typed meanwhile"}
    assert fresh(workspace).undo(1).undone
    assert contents(folder, ["b.txt", "d.txt"]) == {"b.txt": b"solo", "d.txt": b"typed meanwhile"}


def test_the_backup_is_on_the_disk_before_a_caption_is_touched_and_a_person_can_read_it(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    real_fsync, real_put = os.fsync, turn._put
    monkeypatch.setattr(os, "fsync", lambda handle: (order.append("fsync"), real_fsync(handle))[1])
    monkeypatch.setattr(turn, "_put", lambda path, content: (order.append(path.name), real_put(path, content))[1])
    monkeypatch.setattr(os, "sync", lambda: order.append("sync"))
    backup = CaptionHistory(workspace).write(rename(folder, "solo", "alone")).backup
    names = [name for name in order if name.endswith(".txt")]
    # No caption is flushed by itself; all are before the step is noted as done.
    assert (order[0], names) == ("fsync", ["a.txt", "b.txt", "d.txt"])
    start = order.index("a.txt")
    assert order[start : start + 4] == ["a.txt", "b.txt", "d.txt", "sync"]
    head, first, *_, digest = map(json.loads, backup.read_text().splitlines())
    assert (head["step"], head["files"], head["words"]) == (1, 3, "rename `solo` to `alone`")
    assert first == {"path": "data/a.txt", "encoding": "UTF-8", "before": "solo, x\n", "after": "alone, x\n"}
    assert list(digest) == ["sha256"]
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600


def test_modes_and_links_stay(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    (folder / "a.txt").chmod(0o640)
    (folder / "b.txt").rename(tmp_path / "elsewhere.txt")
    (folder / "b.txt").symlink_to(tmp_path / "elsewhere.txt")
    CaptionHistory(workspace).write(rename(folder, "solo", "alone"))
    assert stat.S_IMODE((folder / "a.txt").stat().st_mode) == 0o640
    assert (folder / "b.txt").is_symlink() and (tmp_path / "elsewhere.txt").read_text() == "alone"
    fresh(workspace).undo(1)
    assert (folder / "b.txt").is_symlink() and (tmp_path / "elsewhere.txt").read_text() == "solo"


# Killed


_CHILD = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [sys.argv[1] + "/tests/support", sys.argv[1]]
from captioned import rename
from trainer.captions.history import CaptionHistory
from trainer.workspace import Workspace

history, after = CaptionHistory(Workspace(Path(sys.argv[2]))), int(sys.argv[4])

def show(done, total):
    if done == after:
        os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[3] == "write":
    history.write(rename(Path(sys.argv[2]) / "data", "solo", "alone"), show=show)
else:
    history.undo(1, show=show)
"""


def killed(workspace: Workspace, what: str, after: int) -> None:
    """Let a process begin to write or undo, and kill it after some files."""
    words = [sys.executable, "-c", _CHILD, str(ROOT), str(workspace.root), what, str(after)]
    ended = subprocess.run(words, check=False, capture_output=True, text=True, env=dict(os.environ))
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def test_a_step_whose_process_was_killed_is_undone_or_completed(workspace: Workspace) -> None:
    folder = captioned(workspace.root / "data", {f"{n:02d}": f"solo, {n}\r\n" for n in range(30)})
    before, whole = contents(folder), {f"{n:02d}.txt": f"alone, {n}\r\n".encode() for n in range(30)}
    killed(workspace, "write", 11)
    now = contents(folder)
    assert sum(content.startswith(b"alone") for content in now.values()) == 11
    (step,) = fresh(workspace).steps()
    assert (step.unfinished, step.undone, step.files) == (True, False, 30)
    # Nothing else is written until it is.
    with pytest.raises(WorkspaceError, match=r"step 1: it was interrupted.*captions undo 1.*redo 1"):
        CaptionHistory(workspace).write(rename(folder, "solo", "other"))
    copy = shutil.copytree(workspace.root, workspace.root.parent / "copy")
    assert not fresh(Workspace(copy)).redo(1).unfinished
    assert contents(copy / "data") == whole
    step = fresh(workspace).undo(1)
    assert (step.undone, step.unfinished, step.left) == (True, False, ())
    assert contents(folder) == before

    fresh(workspace).redo(1)
    killed(workspace, "undo", 7)
    assert sum(content.startswith(b"solo") for content in contents(folder).values()) == 7
    assert [step.undone for step in fresh(workspace).recover()] == [True]
    assert contents(folder) == before
    assert fresh(workspace).recover() == []


@pytest.mark.parametrize("complete", [False, True])
@pytest.mark.parametrize("written", [0, 1, 2, 3])
def test_recovery_works_wherever_the_writing_ended(
    workspace: Workspace, folder: Path, written: int, complete: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what a killed process leaves half-written, and what a power cut leaves empty."""
    before = contents(folder)
    done: list[Path] = []
    real = turn._put

    def put(path: Path, content: bytes | None) -> None:
        if len(done) == written:
            raise SystemExit
        done.append(path)
        real(path, content)

    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr(turn, "_put", put)
        if written == 3:
            patched.setattr(CaptionHistory, "_note", lambda *_: sys.exit())
        CaptionHistory(workspace).write(rename(folder, "solo", "alone"))
    if done:
        done[0].write_bytes(b"")
        done[-1].write_bytes(b"\0" * 5)
    (folder / ".a.txt.ca1dc0de.part").write_bytes(b"not ours")
    fresh(workspace).recover(complete=complete)
    expected = {"a.txt": b"alone, x\n", "b.txt": b"alone", "c.txt": b"y", "d.txt": b"x, alone\nmore"}
    now = contents(folder)
    assert now.pop(".a.txt.ca1dc0de.part") == b"not ours"
    assert now == (expected if complete else before)
    assert fresh(workspace).steps()[0].undone is not complete


def test_a_process_that_ends_before_its_backup_is_whole_has_touched_nothing(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(folder)
    with monkeypatch.context() as patched, pytest.raises(DiskFull):
        patched.setattr(os, "fsync", no_room)
        CaptionHistory(workspace).write(rename(folder, "solo", "alone"))
    assert (contents(folder), fresh(workspace).steps(), fresh(workspace).damage()) == (before, [], [])
    # Its number is not given again.
    assert CaptionHistory(workspace).write(rename(folder, "solo", "alone")).number == 2


def no_room(_handle: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_in_the_middle_names_the_step_and_the_way_out(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(folder)
    real = turn._put

    def put(path: Path, content: bytes | None) -> None:
        if path.name == "b.txt":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        real(path, content)

    with monkeypatch.context() as patched, pytest.raises(DiskFull, match=r"step 1 is unfinished.*captions undo 1"):
        patched.setattr(turn, "_put", put)
        CaptionHistory(workspace).write(rename(folder, "solo", "alone"))
    assert contents(folder) != before
    fresh(workspace).undo(1)
    assert contents(folder) == before


def test_a_caption_that_cannot_be_written_is_left_and_the_others_are_not(workspace: Workspace, folder: Path) -> None:
    other = captioned(workspace.root / "other", {"e": "solo"})
    plan = plan_texts(
        {each: "new" for each in (folder / "a.txt", other / "e.txt")}, [*files_in(folder), *files_in(other)]
    )
    other.chmod(0o555)
    with permissions_hold():
        step = CaptionHistory(workspace).write(plan)
    other.chmod(0o755)
    assert left(step) == {"e.txt": "it cannot be written (Permission denied)"}
    assert contents(folder, ["a.txt"]) == {"a.txt": b"new\n"}


@pytest.mark.parametrize("how", ["stopped", "interrupted"])
def test_who_stops_gets_everything_back(how: str, workspace: Workspace, folder: Path) -> None:
    before = contents(folder)
    done: list[int] = []

    def show(number: int, total: int) -> None:
        done.append(number)
        if how == "interrupted" and number == 2:
            raise KeyboardInterrupt

    history = CaptionHistory(workspace)
    if how == "stopped":
        assert history.write(rename(folder, "solo", "x"), show=show, stop=lambda: len(done) == 2).undone
    else:
        with pytest.raises(KeyboardInterrupt):
            history.write(rename(folder, "solo", "x"), show=show)
    assert (contents(folder), done) == (before, [1, 2])
    (step,) = fresh(workspace).steps()
    assert step.undone and not step.unfinished
    # It was begun, and can be written again as any other.
    assert not fresh(workspace).redo(1).undone
    assert contents(folder, ["b.txt"]) == {"b.txt": b"x"}


# Two at once


@pytest.mark.parametrize("which", ["of the workspace", "of the user"])
def test_two_at_once_do_not_mix(which: str, workspace: Workspace, folder: Path) -> None:
    history = CaptionHistory(workspace)
    plan = rename(folder, "solo", "alone")
    path = workspace.captions / ".lock" if which == "of the workspace" else state_home() / "captions.lock"
    lock = acquire_lock(path, {"pid": 4711})
    assert lock is not None
    with lock:
        turns: list[Callable[[], object]] = [lambda: history.write(plan), lambda: history.undo(1)]
        for each in turns:
            with pytest.raises(WorkspaceError, match=r"another lora-tui is writing captions \(process 4711\); wait"):
                each()
        if which == "of the workspace":
            assert history.writer() == 4711
    assert history.writer() is None
    assert history.write(plan).number == 1


def test_a_step_that_another_process_is_writing_is_not_called_interrupted(workspace: Workspace, folder: Path) -> None:
    seen: list[CaptionStep] = []
    CaptionHistory(workspace).write(
        rename(folder, "solo", "alone"), show=lambda *_: seen.append(fresh(workspace).steps()[0])
    )
    assert (seen[0].writing, seen[0].unfinished) == (True, False)


# Places and damage


def test_a_workspace_that_moved_undoes_its_pictures_where_they_are_now(workspace: Workspace, folder: Path) -> None:
    before = contents(folder)
    CaptionHistory(workspace).write(rename(folder, "solo", "alone"))
    moved = workspace.root.rename(workspace.root.parent / "moved")
    assert CaptionHistory(Workspace(moved)).undo(1).left == ()
    assert contents(moved / "data") == before


def test_pictures_outside_the_workspace_are_found_by_their_path(workspace: Workspace, tmp_path: Path) -> None:
    folder = captioned(tmp_path / "outside", {"a": "solo"})
    CaptionHistory(workspace).write(rename(folder, "solo", "alone"))
    fresh(workspace).undo(1)
    assert contents(folder) == {"a.txt": b"solo"}


def test_nothing_is_written_where_there_are_no_pictures(workspace: Workspace, folder: Path) -> None:
    CaptionHistory(workspace).write(rename(folder, "solo", "alone"))
    for picture in folder.glob("*.png"):
        picture.unlink()
    step = fresh(workspace).undo(1)
    assert not step.undone
    assert set(left(step).values()) == {"there are no pictures in its folder"}


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('"solo"', '"sold"', "its content is not what its last line says"),
        ('"format": 1', '"format": 2', "format: 2; expected 1"),
        ('{"sha256"', '{"sha255"', "a damaged backup"),
        ("\n", "", "a damaged backup"),
    ],
)
def test_a_damaged_backup_is_named_and_nothing_is_put_back(
    old: str, new: str, found: str, workspace: Workspace, folder: Path
) -> None:
    history = CaptionHistory(workspace)
    history.write(planned(folder, TagEdit("remove", ("y",))))
    backup = history.write(rename(folder, "solo", "alone")).backup
    before = contents(folder)
    backup.write_text(backup.read_text().replace(old, new))
    with pytest.raises(WorkspaceError, match=r"0002/backup\.jsonl: a damaged backup.*by hand") as refused:
        fresh(workspace).undo(2)
    assert found in refused.value.line()
    assert contents(folder) == before
    # The others are there as before.
    assert 1 in [step.number for step in fresh(workspace).steps()]
    assert fresh(workspace).undo(1).undone


def test_a_damaged_state_is_read_from_the_captions_themselves(workspace: Workspace, folder: Path) -> None:
    before = contents(folder)
    CaptionHistory(workspace).write(rename(folder, "solo", "alone"))
    (workspace.captions / "0001" / "state.json").write_text("[")
    assert fresh(workspace).steps()[0].unfinished
    assert fresh(workspace).undo(1).undone
    assert contents(folder) == before


def test_a_step_that_is_not_there_is_said_so(workspace: Workspace, folder: Path) -> None:
    with pytest.raises(SettingsError, match="step 1: no steps in"):
        CaptionHistory(workspace).undo(1)
    CaptionHistory(workspace).write(rename(folder, "solo", "alone"))
    with pytest.raises(SettingsError, match="step 5: no such step; expected one of 1 to 1"):
        CaptionHistory(workspace).redo(5)
    with pytest.raises(SettingsError, match="nothing to change"):
        CaptionHistory(workspace).write(rename(folder, "nobody", "x"))


def test_a_step_shows_its_captions(workspace: Workspace, folder: Path) -> None:
    CaptionHistory(workspace).write(rename(folder, "solo", "alone"))
    changes = fresh(workspace).changes(1)
    assert [(each.path, each.before, each.after) for each in changes][1] == (folder / "b.txt", "solo", "alone")


@pytest.mark.long
def test_fifty_thousand_captions_are_renamed_and_undone(workspace: Workspace) -> None:
    texts = {f"{n:05d}": f"1girl, solo, tag {n}, saber (fate), long_hair, blue eyes\n" for n in range(50_000)}
    folder = captioned(workspace.root / "data", texts)
    step = CaptionHistory(workspace).write(rename(folder, "solo", "alone"))
    assert (step.files, step.left) == (50_000, ())
    assert fresh(workspace).undo(1).left == ()
    assert all((folder / f"{name}.txt").read_text() == text for name, text in texts.items())

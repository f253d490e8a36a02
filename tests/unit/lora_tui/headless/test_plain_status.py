"""The state of a workspace without a screen: one frame, or a line for each change."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lora_tui.commands.status import follow_lines
from lora_tui.headless.changes import StatusChanges
from lora_tui.headless.frame import status_frame
from lora_tui.wording.cell_width import cell_len
from lora_tui.wording.queue import read_queue_view
from trainer.errors import ExitCode
from trainer.journal.journal import Journal
from trainer.journal.processes import this_process
from trainer.journal.records import BakeState, NewBake, Stage
from trainer.machine.engines import register_engine
from trainer.machine.readings import CardReading, HostReading, MachineReading
from trainer.workspace import Workspace, make_workspace

GIB = 2**30


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path / "画像 of hifumi")


@pytest.fixture
def journal(workspace: Workspace) -> Iterator[Journal]:
    with Journal(workspace.journal_path) as journal:
        yield journal


def queue(journal: Journal, **changes: object) -> int:
    values = {"name": "hifumi", "settings_toml": "", "engine": "e", "total_steps": 100, "steps_per_epoch": 50}
    return journal.bakes.add(NewBake(**{**values, **changes})).number  # type: ignore[arg-type]


def start(journal: Journal, step: int = 0) -> None:
    journal.queue.claim("e", *this_process())
    journal.bakes.set_state(1, BakeState.BAKING)
    journal.bakes.set_stage(1, Stage.STEP, step, 100)


def frame(journal: Journal, workspace: Workspace, width: int = 80, now: float = 1.7e9, **extra: object) -> list[str]:
    view = read_queue_view(journal, workspace, now)
    return list(status_frame(journal, workspace, view, width, **extra))  # type: ignore[arg-type]


def test_a_frame_shows_what_runs_what_waits_and_the_log(journal: Journal, workspace: Workspace) -> None:
    queue(journal)
    start(journal, 45)
    journal.curves.add(1, "loss", [(45, 0.0941)])
    journal.curves.add(1, "seconds_per_step", [(45, 2.0)])
    journal.log.write("epoch 1 saved", bake=1)
    queue(journal, planned_seconds=3600.0)
    card = CardReading(0, "RTX 3070 Ti", 5 * GIB, 8 * GIB, gpu_percent=98, power=216.4, temperature=71)
    journal.telemetry.add(MachineReading(1.7e9 - 3, (card,), "", HostReading(memory_used=GIB, memory_total=2 * GIB)), 1)
    lines = frame(journal, workspace, 100)
    assert lines[0].startswith("画像 of hifumi  ")
    assert lines[1] == "● 0001 hifumi  baking"
    assert lines[2].startswith("  epoch 1/2  step 45/100  45 %  loss 0.0941  0.50 it/s  2 min left  ends about ")
    assert lines[3] == "RTX 3070 Ti  VRAM 5.0/8.0 GiB  98 %  216 W  71 °C"
    assert lines[4] == "RAM 1.0/2.0 GiB"
    assert lines[5] == "queue: 1 job"
    assert lines[6].startswith("  ◦ 0002 hifumi  ") and " – " in lines[6]
    assert lines[-1].endswith("epoch 1 saved")


def test_no_line_is_wider_than_asked_and_none_has_a_code(journal: Journal, workspace: Workspace) -> None:
    queue(journal, name="画" * 30)
    start(journal)
    journal.log.write("red \x1b[31m" + "画像" * 80, bake=1, level="error")
    for width in (20, 40, 60, 133):
        lines = frame(journal, workspace, width)
        assert max(map(cell_len, lines)) <= width
        assert not any("\x1b" in line for line in lines)


def test_a_frame_of_an_idle_workspace_says_so_and_shows_the_last_bake(journal: Journal, workspace: Workspace) -> None:
    assert "nothing is running" in frame(journal, workspace)
    queue(journal)
    start(journal, 100)
    journal.bakes.set_state(1, BakeState.DONE)
    now = MachineReading(0.0, (), "no GPU", HostReading(disk_free=41 * GIB))
    lines = frame(journal, workspace, 100, machine=now)
    assert "last: ✓ 0001 hifumi  done  step 0/100  0 LoRA files" in lines
    assert "disk 41.0 GiB free" in lines


def test_a_line_comes_when_something_changed_and_only_then(journal: Journal, workspace: Workspace) -> None:
    queue(journal)
    start(journal, 1)
    with Journal(workspace.journal_path) as other:
        seconds = iter(range(1000, 2000, 10))
        changes = StatusChanges(other, workspace, clock=lambda: float(next(seconds)))

        def new() -> list[str]:
            return [line.partition("  ")[2] for line in changes.lines()]

        assert new() == ["● 0001 hifumi  baking  epoch 1/2  step 1/100  1 %"]
        assert new() == []
        journal.bakes.set_stage(1, Stage.STEP, 9, 100)
        assert new() == []
        journal.bakes.set_stage(1, Stage.STEP, 10, 100)
        assert new() == ["● 0001 hifumi  baking  epoch 1/2  step 10/100  10 %"]
        journal.log.write("loss is nan\x07", bake=1, level="warning")
        assert new() == ["0001  ! loss is nan\\x07"]
        journal.bakes.set_state(1, BakeState.PAUSED)
        assert new() == ["◌ 0001 hifumi  paused  epoch 1/2  step 10/100  10 %  paused"]
        assert (changes.active, changes.failed) == (True, False)
        journal.bakes.set_state(1, BakeState.FAILED, "out of memory")
        assert new() == ["✗ 0001 hifumi  failed  0 LoRA files in bakes/0001-hifumi  out of memory"]
        assert (changes.active, changes.failed) == (False, True)


def test_a_process_that_died_is_noticed_although_it_writes_nothing(journal: Journal, workspace: Workspace) -> None:
    queue(journal)
    journal.queue.claim("e", 2**22 + 1, 0.0)
    with Journal(workspace.journal_path) as other:
        changes = StatusChanges(other, workspace)
        list(changes.lines())
        assert (changes.active, other.bakes.read(1).state) == (False, BakeState.LOST)


def test_what_waits_for_a_lora_tui_that_is_there_is_waited_for(journal: Journal, workspace: Workspace) -> None:
    queue(journal)
    changes = StatusChanges(journal, workspace)
    list(changes.lines())
    assert not changes.active
    lock = register_engine("e", workspace.root, takes_queue=True)
    assert lock is not None
    try:
        changes = StatusChanges(journal, workspace)
        (line,) = changes.lines()
        assert "queued" in line and changes.active
        journal.queue.set_held(1, True)
        changes = StatusChanges(journal, workspace)
        list(changes.lines())
        assert not changes.active
    finally:
        lock.release()


def test_following_ends_when_nothing_runs_with_the_code_of_what_became_of_it(
    journal: Journal, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    queue(journal)
    start(journal)
    ends = iter([BakeState.BAKING, BakeState.FAILED])
    with Journal(workspace.journal_path) as other:
        code = follow_lines(other, workspace, pause=lambda: journal.bakes.set_state(1, next(ends)))
    lines = capsys.readouterr().out.splitlines()
    assert code is ExitCode.BAKE_FAILED
    assert lines[-1] == "nothing is running"
    assert "failed" in lines[-2]
    with Journal(workspace.journal_path) as other:
        assert follow_lines(other, workspace, pause=lambda: None) is ExitCode.DONE

"""Looks at ladders: what is new is posted, and answers take a sixth of the time at most."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ladder_in_journal import made_ladder

from lora_tui.workers.ladder_looks import LadderLook, LadderNotRead, LadderRead, LaddersLook, LaddersRead, WorkShare
from trainer.demo.workspace import make_demo
from trainer.errors import WorkspaceError
from trainer.history.history import BakeHistory
from trainer.journal.journal import Journal
from trainer.journal.measure_records import MeasuredValue
from trainer.journal.records import BakeState
from trainer.ladders.record import LadderAnswer, LadderState
from trainer.measures.of_weights import DELTA_SHARE
from trainer.workspace import Workspace


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo(tmp_path_factory.mktemp("demo") / "workspace").root


@pytest.fixture
def workspace(demo: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(demo, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> list[int]:
    """Numbers of the ladders whose answers were worked out, each of which took three seconds."""
    numbers: list[int] = []

    def answer(journal: Journal, workspace: Workspace, state: LadderState) -> LadderAnswer:
        numbers.append(state.number)
        clock.now += 3.0
        return LadderAnswer(ladder=state.number, lines=(f"answer {len(numbers)}",), noise="2 bakes")

    monkeypatch.setattr("trainer.ladders.read.answer_of", answer)
    return numbers


def test_work_takes_a_sixth_of_the_time(clock: Clock) -> None:
    pace, worked = WorkShare(clock), 0.0
    for _ in range(2000):
        if pace.is_due:
            with pace.working():
                clock.now += 0.7
                worked += 0.7
        else:
            clock.now += 0.05
    assert worked / (clock.now - 100.0) <= 1 / 6 + 0.01
    assert worked > 5


def looking(workspace: Workspace, look: Callable[[Journal, BakeHistory], object]):
    journal = Journal(workspace.journal_path)
    history = BakeHistory(journal)

    def once() -> object:
        history.refresh()
        return look(journal, history)

    return journal, once


def test_the_rungs_are_seen_before_the_answer_and_nothing_twice(workspace, clock, answered) -> None:
    made_ladder(workspace, rungs=("1", "3"), twins=1)
    journal, look = looking(workspace, LadderLook(workspace, 1, clock))
    with journal:
        first = look()
        assert isinstance(first, LadderRead) and first.answer is None and answered == []
        second = look()
        assert isinstance(second, LadderRead) and second.answer is not None and second.answer.lines == ("answer 1",)
        assert [look() for _ in range(5)] == [None] * 5
        assert answered == [1]


def test_an_answer_is_worked_out_again_when_what_it_rests_on_changes_and_there_was_rest(
    workspace, clock, answered
) -> None:
    made_ladder(workspace, rungs=("1", "3"), twins=1, states={(1, 0): BakeState.QUEUED})
    journal, look = looking(workspace, LadderLook(workspace, 1, clock))
    with journal, Journal(workspace.journal_path) as other:
        look(), look()
        assert answered == [1]
        # A state is seen at once, the answer after fifteen seconds of rest.
        other.bakes.set_state(2, BakeState.STARTING)
        seen = look()
        assert isinstance(seen, LadderRead) and seen.state.bakes[1].state is BakeState.STARTING
        assert answered == [1]
        clock.now += 15.1
        assert isinstance(look(), LadderRead) and answered == [1, 1]
        other.measures.add(1, [MeasuredValue(step=80, name=DELTA_SHARE.key, part="text_encoder", value=0.5)])
        clock.now += 15.1
        assert isinstance(look(), LadderRead) and answered == [1, 1, 1]
        # Any other change of the journal is no reason at once.
        clock.now += 15.1
        other.log.write("a line")
        assert look() is None
        clock.now += 30.0
        assert isinstance(look(), LadderRead) and answered == [1] * 4


def test_what_cannot_be_read_is_said_once_and_read_again_when_it_can_be(workspace, clock, answered) -> None:
    made_ladder(workspace, rungs=("1", "3"), twins=1)
    journal, look = looking(workspace, LadderLook(workspace, 9, clock))
    with journal:
        first = look()
        assert isinstance(first, LadderNotRead) and "9" in first.error.line()
        assert look() is None


def test_an_answer_that_fails_keeps_the_one_before(workspace, clock, answered, monkeypatch) -> None:
    made_ladder(workspace, rungs=("1", "3"), twins=1)
    journal, look = looking(workspace, LadderLook(workspace, 1, clock))
    with journal, Journal(workspace.journal_path) as other:
        look()
        before = look()

        def fails(*of: object) -> None:
            raise WorkspaceError("metrics.npz", found="gone")

        monkeypatch.setattr("trainer.ladders.read.answer_of", fails)
        other.measures.add(1, [MeasuredValue(step=80, name=DELTA_SHARE.key, part="text_encoder", value=0.5)])
        clock.now += 60.0
        after = look()
        assert isinstance(before, LadderRead) and isinstance(after, LadderRead)
        assert after.answer == before.answer and after.error is not None and "gone" in after.error.line()


def test_the_list_comes_at_once_and_its_answers_one_after_the_other(workspace, clock, answered) -> None:
    for number in range(3):
        made_ladder(workspace, rungs=("1", "3"), twins=1, title=f"ladder {number}")
    journal, look = looking(workspace, LaddersLook(workspace, clock))
    with journal:
        first = look()
        assert isinstance(first, LaddersRead)
        assert [(line.state.number, line.answer) for line in first.lines] == [(3, ()), (2, ()), (1, ())]
        seen = []
        for _ in range(200):
            clock.now += 1.0
            if isinstance(found := look(), LaddersRead):
                seen.append([line.state.number for line in found.lines if line.answer])
        assert seen == [[3], [3, 2], [3, 2, 1]]
        assert answered == [3, 2, 1]

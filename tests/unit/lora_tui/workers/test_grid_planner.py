"""The planner of grids over a real demo workspace."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lora_tui.workers.grid_planner import AxesExpanded, GridPlanned, GridPlanner
from trainer.demo.workspace import make_demo
from trainer.errors import GridError
from trainer.grid.spec import AxisSpec, GridSpec
from trainer.workspace import Workspace

SPEC = GridSpec(base="demo", prompt="1girl", seeds="1, 2", width=64, height=64, x=AxisSpec(kind="steps", values="2-4"))


class Ears:
    """Hears what the planner posts."""

    def __init__(self) -> None:
        self.spelled: list[AxesExpanded] = []
        self.planned: list[GridPlanned] = []

    def post(self, message: object) -> bool:
        if isinstance(message, AxesExpanded):
            self.spelled.append(message)
        else:
            assert isinstance(message, GridPlanned)
            self.planned.append(message)
        return True

    def answer(self, question: int) -> GridPlanned:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            for message in self.planned:
                if message.question == question:
                    return message
            time.sleep(0.01)
        raise AssertionError("no answer")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_demo(tmp_path_factory.mktemp("demo") / "workspace")


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def start(workspace: Workspace, ears: Ears) -> Iterator[Callable[..., GridPlanner]]:
    started: list[GridPlanner] = []

    def begin(place: Workspace = workspace, quiet: float = 0.01) -> GridPlanner:
        planner = GridPlanner(place, ears.post, quiet)
        started.append(planner)
        planner.start()
        return planner

    yield begin
    for planner in started:
        planner.stop()
        planner.join(15)
        assert not planner.is_alive()


def test_axes_are_spelled_and_pictures_counted(start: Callable[..., GridPlanner], ears: Ears) -> None:
    answer = ears.answer(start().ask(SPEC))
    assert ears.spelled[-1].spelled.labels == {"x": ("2", "3", "4"), "seeds": ("1", "2")}
    assert answer.error is None
    assert answer.ready is not None
    assert (len(answer.ready.expanded.cells), answer.ready.new_pictures, answer.ready.seconds) == (6, 6, None)


def test_an_axis_is_spelled_where_another_is_wrong(start: Callable[..., GridPlanner], ears: Ears) -> None:
    spec = SPEC.model_copy(update={"y": AxisSpec(kind="cfg_scale", values="5-1")})
    answer = ears.answer(start().ask(spec))
    spelled = ears.spelled[-1].spelled
    assert spelled.labels["x"] == ("2", "3", "4")
    assert "empty range" in spelled.faults["y"].line()
    assert isinstance(answer.error, GridError)
    assert answer.ready is None


def test_only_the_last_of_many_keys_is_answered(start: Callable[..., GridPlanner], ears: Ears) -> None:
    planner = start(quiet=0.3)
    for steps in range(1, 9):
        last = planner.ask(SPEC.model_copy(update={"x": AxisSpec(kind="steps", values=f"1-{steps}")}))
    ears.answer(last)
    assert [message.question for message in ears.planned] == [last]


def test_a_workspace_that_cannot_be_read_is_reported_and_the_next_question_answered(
    start: Callable[..., GridPlanner], ears: Ears, tmp_path: Path, workspace: Workspace
) -> None:
    broken = Workspace(tmp_path)
    broken.journal_path.write_bytes(b"no journal at all, only some text that is long enough")
    planner = start(broken)
    assert ears.answer(planner.ask(SPEC)).error is not None
    broken.journal_path.write_bytes(workspace.journal_path.read_bytes())
    assert ears.answer(planner.ask(SPEC)).error is None


def test_a_stopped_planner_ends_without_an_answer(workspace: Workspace, ears: Ears) -> None:
    planner = GridPlanner(workspace, ears.post, quiet=5.0)
    planner.start()
    planner.ask(SPEC)
    planner.stop()
    planner.join(2)
    assert not planner.is_alive()
    assert ears.planned == []

"""The planner of memory over the demo's real data; what predicts is a rule."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from fake_predictor import GIB, FakePredictor

from lora_tui.workers.memory_planner import MemoryPlanner, MemoryPredicted, Wanted
from trainer.demo.workspace import demo_settings, make_demo
from trainer.errors import SettingsError
from trainer.jobs.bakes import check
from trainer.jobs.preflight import PlannedBake


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> PlannedBake:
    root = make_demo(tmp_path_factory.mktemp("demo")).root
    return check(demo_settings(), root / "hifumi.toml")


class Asker:
    def __init__(self) -> None:
        self.predictor = FakePredictor()
        self.answers: list[MemoryPredicted] = []
        self.may_work = True
        self.planner = MemoryPlanner(self.predictor, self.answers.append, lambda: self.may_work, quiet=0.0)
        self.planner.start()

    def wait(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, (self.answers, self.predictor.asked)
            time.sleep(0.005)

    def answer(self, question: int) -> MemoryPredicted:
        self.wait(lambda: self.answers and self.answers[-1].question == question)
        return self.answers[-1]


@pytest.fixture
def asker() -> Iterator[Asker]:
    asker = Asker()
    yield asker
    asker.planner.stop()
    asker.planner.join(5)
    assert not asker.planner.is_alive()


def lean(planned: PlannedBake) -> PlannedBake:
    return replace(planned, settings=planned.settings.model_copy(update={"gradient_checkpointing": True}))


def test_a_prediction_is_the_answer_and_is_worked_out_once(asker: Asker, planned: PlannedBake) -> None:
    for _ in range(2):
        prediction = asker.answer(asker.planner.ask(Wanted(lean(planned), "card"))).prediction
        assert prediction is not None
        assert (prediction.reserved, prediction.policy) == (3 * GIB, "card")
    assert len(asker.predictor.asked) == 1


def test_a_new_question_ends_the_current_one(asker: Asker, planned: PlannedBake) -> None:
    asker.predictor.gate.clear()
    asker.planner.ask(Wanted(planned))
    asker.wait(lambda: asker.predictor.asked)
    last = asker.planner.ask(Wanted(lean(planned)))
    asker.wait(lambda: len(asker.predictor.asked) == 2)
    asker.predictor.gate.set()
    assert asker.answer(last).prediction is not None
    assert [answer.question for answer in asker.answers] == [last]


def test_where_nothing_may_be_computed_only_known_answers_are_given(asker: Asker, planned: PlannedBake) -> None:
    known, new = Wanted(planned), Wanted(lean(planned))
    asker.answer(asker.planner.ask(known))
    asker.may_work = False
    assert asker.answer(asker.planner.ask(new)).prediction is None
    assert asker.answer(asker.planner.ask(known)).prediction is not None
    assert len(asker.predictor.asked) == 1


def test_a_starting_bake_ends_the_current_question(asker: Asker, planned: PlannedBake) -> None:
    asker.predictor.gate.clear()
    question = asker.planner.ask(Wanted(planned))
    asker.wait(lambda: asker.predictor.asked)
    asker.may_work = False
    answer = asker.answer(question)
    assert (answer.prediction, answer.error) == (None, None)


def test_what_is_wrong_is_the_answer_and_the_next_question_is_heard(asker: Asker, planned: PlannedBake) -> None:
    asker.predictor.error = SettingsError("memory prediction", found="it broke")
    error = asker.answer(asker.planner.ask(Wanted(planned))).error
    assert error is not None and "it broke" in error.line()
    asker.predictor.error = None
    assert asker.answer(asker.planner.ask(Wanted(planned))).prediction is not None


def test_a_planner_that_stops_waits_for_no_answer(asker: Asker, planned: PlannedBake) -> None:
    asker.predictor.gate.clear()
    asker.planner.ask(Wanted(planned))
    asker.wait(lambda: asker.predictor.asked)
    asker.planner.stop()
    asker.planner.join(5)
    assert not asker.planner.is_alive()
    assert asker.answers == []

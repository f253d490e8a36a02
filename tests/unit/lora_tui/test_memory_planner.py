"""The planner of memory over the demo's real data; what predicts is a rule."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from fake_oracle import GIB, FakeOracle

from lora_tui.memory_planner import Foreseen, MemoryPlanner, Wanted
from trainer.bake.ground import Ground
from trainer.demo.workspace import demo_settings, make_demo
from trainer.errors import SettingsError
from trainer.jobs import check


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    root = make_demo(tmp_path_factory.mktemp("demo")).root
    return check(demo_settings(), root / "hifumi.toml")


class Asker:
    def __init__(self) -> None:
        self.oracle = FakeOracle()
        self.answers: list[Foreseen] = []
        self.may_work = True
        self.planner = MemoryPlanner(self.oracle, self.answers.append, lambda: self.may_work, quiet=0.0)
        self.planner.start()

    def wait(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + 15
        while not condition():
            assert time.monotonic() < end, (self.answers, self.oracle.asked)
            time.sleep(0.005)

    def answer(self, question: int) -> Foreseen:
        self.wait(lambda: self.answers and self.answers[-1].question == question)
        return self.answers[-1]


@pytest.fixture
def asker() -> Iterator[Asker]:
    asker = Asker()
    yield asker
    asker.planner.stop()
    asker.planner.join(5)
    assert not asker.planner.is_alive()


def lean(ground: Ground) -> Ground:
    return replace(ground, settings=ground.settings.model_copy(update={"gradient_checkpointing": True}))


def test_a_prediction_is_the_answer_and_is_worked_out_once(asker: Asker, ground: Ground) -> None:
    for _ in range(2):
        prediction = asker.answer(asker.planner.ask(Wanted(lean(ground), "card"))).prediction
        assert prediction is not None
        assert (prediction.reserved, prediction.policy) == (3 * GIB, "card")
    assert len(asker.oracle.asked) == 1


def test_a_question_that_comes_meanwhile_ends_the_one_at_work(asker: Asker, ground: Ground) -> None:
    asker.oracle.gate.clear()
    asker.planner.ask(Wanted(ground))
    asker.wait(lambda: asker.oracle.asked)
    last = asker.planner.ask(Wanted(lean(ground)))
    asker.wait(lambda: len(asker.oracle.asked) == 2)
    asker.oracle.gate.set()
    assert asker.answer(last).prediction is not None
    assert [answer.question for answer in asker.answers] == [last]


def test_where_nothing_may_be_worked_out_only_what_is_known_is_told(asker: Asker, ground: Ground) -> None:
    known, new = Wanted(ground), Wanted(lean(ground))
    asker.answer(asker.planner.ask(known))
    asker.may_work = False
    assert asker.answer(asker.planner.ask(new)).prediction is None
    assert asker.answer(asker.planner.ask(known)).prediction is not None
    assert len(asker.oracle.asked) == 1


def test_a_bake_that_begins_ends_what_is_at_work(asker: Asker, ground: Ground) -> None:
    asker.oracle.gate.clear()
    question = asker.planner.ask(Wanted(ground))
    asker.wait(lambda: asker.oracle.asked)
    asker.may_work = False
    answer = asker.answer(question)
    assert (answer.prediction, answer.error) == (None, None)


def test_what_is_wrong_is_the_answer_and_the_next_question_is_heard(asker: Asker, ground: Ground) -> None:
    asker.oracle.error = SettingsError("memory prediction", found="it broke")
    error = asker.answer(asker.planner.ask(Wanted(ground))).error
    assert error is not None and "it broke" in error.line()
    asker.oracle.error = None
    assert asker.answer(asker.planner.ask(Wanted(ground))).prediction is not None


def test_a_planner_that_stops_waits_for_no_answer(asker: Asker, ground: Ground) -> None:
    asker.oracle.gate.clear()
    asker.planner.ask(Wanted(ground))
    asker.wait(lambda: asker.oracle.asked)
    asker.planner.stop()
    asker.planner.join(5)
    assert not asker.planner.is_alive()
    assert asker.answers == []

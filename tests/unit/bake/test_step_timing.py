"""Where the time of a step goes: the phases by their ends, on the clock of what computes."""

import pytest
import torch

from trainer.bake import step_timing
from trainer.bake.step_timing import StepTiming, moment, seconds_between
from trainer.measures.curve_records import StepPhase

CPU = torch.device("cpu")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the clock is to show, one after the other."""
    times: list[float] = []
    monkeypatch.setattr(step_timing.time, "perf_counter", lambda: times.pop(0))
    return times


def test_each_phase_has_the_time_since_the_one_before_it(clock: list[float]) -> None:
    clock += [12.0, 15.0, 20.0, 21.0]
    timing = StepTiming(CPU)
    for phase in StepPhase:
        timing.end(phase)
    assert timing.seconds(10.0) == {
        "seconds_data": 2.0,
        "seconds_forward": 3.0,
        "seconds_backward": 5.0,
        "seconds_optimizer": 1.0,
    }


def test_what_comes_several_times_in_a_step_is_added_up(clock: list[float]) -> None:
    clock += [1.0, 3.0, 4.0, 6.0, 7.0]
    timing = StepTiming(CPU)
    for phase in ("data", "forward", "backward", "forward", "backward"):
        timing.end(StepPhase(phase))
    seconds = timing.seconds(0.0)
    assert (seconds["seconds_forward"], seconds["seconds_backward"]) == (4.0, 2.0)
    # A phase that never came has taken no time.
    assert seconds["seconds_optimizer"] == 0.0


def test_a_step_that_is_taken_again_counts_from_there(clock: list[float]) -> None:
    clock += [1.0, 5.0, 100.0, 101.0, 103.0]
    timing = StepTiming(CPU)
    timing.end(StepPhase.DATA)
    timing.end(StepPhase.FORWARD)
    timing.start_again()
    timing.end(StepPhase.DATA)
    timing.end(StepPhase.FORWARD)
    assert timing.seconds(0.0) == {
        "seconds_data": 1.0,
        "seconds_forward": 2.0,
        "seconds_backward": 0.0,
        "seconds_optimizer": 0.0,
    }


def test_without_a_gpu_a_moment_is_the_clock() -> None:
    first, second = moment(CPU), moment(CPU)
    assert 0 <= seconds_between(first, second) < 60


def test_on_a_gpu_a_moment_is_an_event_that_nobody_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Event:
        made = 0

        def __init__(self, *, enable_timing: bool) -> None:
            assert enable_timing
            Event.made += 1
            self.number = Event.made

        def record(self, stream: str) -> None:
            assert stream == "the stream"

        def elapsed_time(self, later: "Event") -> float:
            return 1000.0 * (later.number - self.number)

        def synchronize(self) -> None:
            raise AssertionError("it waits for the GPU")

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: "the stream")
    card = torch.device("cuda", 0)
    began, timing = moment(card), StepTiming(card)
    for phase in StepPhase:
        timing.end(phase)
    assert list(timing.seconds(began).values()) == [1.0, 1.0, 1.0, 1.0]

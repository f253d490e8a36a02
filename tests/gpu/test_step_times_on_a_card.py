"""The times of a step on a real card: the card's own, read without waiting for it, and no longer than the step."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from ready_steps import ENDLESS, planned_of, ready_steps

from trainer.bake.step import train_step
from trainer.bake.step_metrics import StepMetrics
from trainer.demo.workspace import make_demo
from trainer.measures.curve_records import MEMORY_METRIC, StepPhase

STEPS = 12
# Events resolve half a microsecond, the two clocks are read microseconds apart.
CLOCKS = 1.05


def test_the_phases_of_a_step_are_told_by_the_card_and_nobody_waits_for_them(tmp_path: Path) -> None:
    found: dict[int, Mapping[str, float]] = {}
    planned = planned_of(make_demo(tmp_path / "demo").root, ENDLESS)
    with ready_steps(planned, made=STEPS) as ready:
        folders = [folder.name for folder in planned.data.folders]
        metrics = StepMetrics(ready.session.model.device, folders, found.__setitem__, lambda step: None)
        for work in ready.works:
            with _no_waiting():
                metrics.start_clock()
            result = train_step(ready.session, work)
            with _no_waiting():
                metrics.record(work, result)
        metrics.flush()
    assert len(found) == STEPS
    late = [found[step] for step in sorted(found)][STEPS // 2 :]
    for values in late:
        seconds = [values[phase.metric] for phase in StepPhase]
        assert all(each >= 0 for each in seconds) and values["seconds_backward"] > 0 and values["seconds_forward"] > 0
        assert 0 < values[MEMORY_METRIC] <= torch.cuda.get_device_properties(0).total_memory
    # Of steps behind each other the card's times are those of the clock.
    assert sum(values[phase.metric] for values in late for phase in StepPhase) <= CLOCKS * sum(
        values["seconds_per_step"] for values in found.values()
    )


@contextmanager
def _no_waiting() -> Iterator[None]:
    """While the block lasts, whatever waits for the card is an error."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")

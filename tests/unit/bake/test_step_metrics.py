import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from trainer.bake.batch import StepBatches
from trainer.bake.step import StepResult
from trainer.bake.step_metrics import StepMetrics
from trainer.bake.step_timing import StepTiming
from trainer.errors import WorkspaceError
from trainer.journal.metrics_file import read_metrics, write_metrics
from trainer.measures.curve_records import STEP_CURVES, StepPhase


class Sink:
    def __init__(self) -> None:
        self.values: dict[int, Mapping[str, float]] = {}
        self.bad_steps: list[int] = []

    def put(self, step: int, values: Mapping[str, float]) -> None:
        self.values[step] = values

    def bad(self, step: int) -> None:
        self.bad_steps.append(step)


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def readings(sink: Sink) -> StepMetrics:
    return StepMetrics(torch.device("cpu"), ["red", "blue"], sink.put, sink.bad)


def note(readings: StepMetrics, step: int, loss: float = 0.5, folders: tuple[float, float] = (0.0, 0.0)) -> None:
    pictures = torch.tensor([2.0, 1.0])
    result = StepResult({"unet": 1e-3}, torch.tensor(loss), torch.tensor(loss * 2), torch.tensor(folders), pictures)
    readings.record(StepBatches(step, 1, False, (), (0, 1, 2)), result)


def test_every_step_arrives_once_and_in_order(readings: StepMetrics, sink: Sink) -> None:
    for step in range(1, 1001):
        note(readings, step, step / 1000)
    readings.flush()
    assert list(sink.values) == list(range(1, 1001))
    assert sink.values[250]["loss"] == pytest.approx(0.25)
    assert sink.values[250]["grad_norm"] == pytest.approx(0.5)
    assert sink.values[250]["lr_unet"] == 1e-3
    assert sink.values[250]["seconds_per_step"] >= 0
    assert "lr_text_encoder" not in sink.values[250]


def test_few_steps_are_not_handed_over_one_by_one(
    readings: StepMetrics, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.bake.step_metrics._HAND_OVER_EVERY", 1e9)
    for step in (1, 2, 3):
        note(readings, step)
    assert not sink.values
    readings.flush()
    assert len(sink.values) == 3


def test_folder_losses_are_means_by_picture_and_start_again(readings: StepMetrics) -> None:
    note(readings, 1, folders=(1.0, 0.25))
    note(readings, 2, folders=(2.0, 0.75))
    assert readings.folder_losses() == {"red": (0.75, 4), "blue": (0.5, 2)}
    assert readings.folder_losses() == {}


def test_the_loss_since_the_save_before_is_a_mean(readings: StepMetrics) -> None:
    assert readings.loss_since_save() is None
    for step, loss in enumerate((0.1, 0.3), start=1):
        note(readings, step, loss)
    assert readings.loss_since_save() == pytest.approx(0.2)
    assert readings.loss_since_save() is None


def test_a_step_that_is_not_a_number_is_returned_reported_and_left_out_of_the_means(
    readings: StepMetrics, sink: Sink
) -> None:
    note(readings, 1, 0.25, (1.0, 0.5))
    note(readings, 2, float("nan"), (float("nan"), float("nan")))
    readings.flush()
    assert math.isnan(sink.values[2]["loss"])
    assert sink.bad_steps == [2]
    assert readings.loss_since_save() == 0.25
    assert readings.folder_losses() == {"red": (0.5, 2), "blue": (0.5, 1)}


def test_restored_readings_continue_as_those_that_were_kept(readings: StepMetrics, sink: Sink, tmp_path: Path) -> None:
    for step in (1, 2, 3):
        note(readings, step, step / 10, (step, 1.0))
        if step == 2:
            readings.flush()
            readings.write(tmp_path / "metrics.npz")
            kept = {name: tensor.clone() for name, tensor in readings.keep().items()}
    again = StepMetrics(torch.device("cpu"), ["red", "blue"], sink.put, sink.bad)
    note(again, 1, 99.0)
    again.restore(kept, read_metrics(tmp_path / "metrics.npz"), 2)
    note(again, 3, 0.3, (3.0, 1.0))
    again.flush()
    again.write(tmp_path / "again.npz")
    with np.load(tmp_path / "again.npz") as numbers:
        assert numbers["step"].tolist() == [1, 2, 3]
        assert numbers["loss"] == pytest.approx([0.1, 0.2, 0.3])
    assert again.folder_losses() == readings.folder_losses()
    assert again.loss_since_save() == readings.loss_since_save()


def test_the_numbers_file_holds_what_was_handed_over(readings: StepMetrics, tmp_path: Path) -> None:
    for step in (1, 2):
        note(readings, step, step / 10)
    readings.flush()
    readings.write(tmp_path / "metrics.npz")
    with np.load(tmp_path / "metrics.npz") as numbers:
        assert numbers["step"].tolist() == [1, 2]
        assert numbers["loss"] == pytest.approx([0.1, 0.2])
        assert set(numbers) == {"step", "loss", "grad_norm", "lr_unet", "seconds_per_step"}


def test_a_numbers_file_that_cannot_be_written_is_one_clear_line(readings: StepMetrics, tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="cannot be written"):
        readings.write(tmp_path / "missing" / "metrics.npz")


def test_every_number_of_a_step_has_a_record_of_its_curve(readings: StepMetrics, sink: Sink) -> None:
    timing = StepTiming(torch.device("cpu"))
    for phase in StepPhase:
        timing.end(phase)
    one = torch.tensor(1.0)
    result = StepResult({"unet": 1e-3}, one, one, torch.zeros(2), torch.zeros(2), timing=timing)
    readings.record(StepBatches(1, 1, False, (), (0,)), result)
    readings.flush()
    assert {phase.metric for phase in StepPhase} <= sink.values[1].keys()
    assert sink.values[1].keys() <= {curve.name for curve in STEP_CURVES}


def test_the_phases_of_a_step_are_no_longer_than_the_step(readings: StepMetrics, sink: Sink) -> None:
    timing = StepTiming(torch.device("cpu"))
    readings.start_clock()
    for phase in StepPhase:
        timing.end(phase)
    one = torch.tensor(1.0)
    result = StepResult({}, one, one, torch.zeros(2), torch.zeros(2), timing=timing)
    readings.record(StepBatches(1, 1, False, (), (0,)), result)
    readings.flush()
    values = sink.values[1]
    assert 0 < sum(values[phase.metric] for phase in StepPhase) <= values["seconds_per_step"]


def test_a_number_that_came_later_is_none_for_the_steps_before(readings: StepMetrics, tmp_path: Path) -> None:
    # As a version without them left it.
    write_metrics(tmp_path / "old.npz", {"step": np.array([1.0, 2.0]), "loss": np.array([0.3, 0.2])})
    readings.restore(readings.keep(), read_metrics(tmp_path / "old.npz"), 2)
    note(readings, 3, 0.1)
    readings.flush()
    readings.write(tmp_path / "new.npz")
    columns = read_metrics(tmp_path / "new.npz")
    assert columns["loss"].tolist() == pytest.approx([0.3, 0.2, 0.1])
    assert np.isnan(columns["grad_norm"][:2]).all() and columns["grad_norm"][2] == pytest.approx(0.2)


def test_a_number_that_is_recorded_no_longer_keeps_its_steps(readings: StepMetrics, tmp_path: Path) -> None:
    write_metrics(tmp_path / "old.npz", {"step": np.array([1.0]), "vram": np.array([5e9])})
    readings.restore(readings.keep(), read_metrics(tmp_path / "old.npz"), 1)
    note(readings, 2, 0.1)
    readings.flush()
    readings.write(tmp_path / "new.npz")
    columns = read_metrics(tmp_path / "new.npz")
    assert columns["vram"][0] == 5e9 and np.isnan(columns["vram"][1])

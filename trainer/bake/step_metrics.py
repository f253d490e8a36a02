"""Numbers of the steps, collected on the device and handed over without making a step wait."""

import time
from array import array
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer.bake.batch import StepBatches
from trainer.bake.step import StepResult
from trainer.bake.step_timing import StepTiming, moment
from trainer.errors import WorkspaceError
from trainer.journal.curves import SPEED_METRIC
from trainer.journal.metrics_file import Columns, write_metrics
from trainer.measures.curve_records import LOSS_METRIC, MEMORY_METRIC, NORM_METRIC
from trainer.settings.parts import metric_of
from trainer.text import printable

# With the batches of the journal's writer this keeps what a killed process loses under half a second.
_HAND_OVER_EVERY = 0.125
# Steps between two hand-overs; where more come, the hand-over comes sooner.
_ROWS = 256


@dataclass(frozen=True)
class _Known:
    """What the host knows of a step.

    Attributes:
        step: its number.
        values: by metric.
        began: the moment at which it did.
        timing: where its time went, to be read once it is past.
    """

    step: int
    values: dict[str, float]
    began: Any
    timing: StepTiming | None


@dataclass(frozen=True)
class _Copy:
    """Readings on their way from the device: what the host knows of each step, the tensor being filled, the event of its end."""

    known: list[_Known]
    values: Tensor
    arrived: Any


class StepMetrics:
    """Losses and norms of the steps, and the sums of losses by folder and since the last save.

    Args:
        device: where the steps' tensors lie.
        folders: names, in the order of StepResult.folder_losses.
        put: takes (step, values by metric); must not block.
        bad: takes a step whose gradient was not finite; called when its readings arrive.
    """

    def __init__(
        self,
        device: torch.device,
        folders: Sequence[str],
        put: Callable[[int, Mapping[str, float]], None],
        bad: Callable[[int], None],
    ) -> None:
        self._device = device
        self._folders = list(folders)
        self._put = put
        self._bad = bad
        self._rows = torch.zeros(_ROWS, 2, device=device)
        self._known: list[_Known] = []
        self._on_the_way: deque[_Copy] = deque()
        self._kept: dict[str, array[float]] = {}
        self._sums = self._no_sums()
        self._handed_over = self._step_began = time.perf_counter()
        self._began = moment(device)

    def start_clock(self) -> None:
        """Count the seconds of the next step from now; called after a save, a validation or a pause."""
        self._step_began, self._began = time.perf_counter(), moment(self._device)

    def record(self, work: StepBatches, result: StepResult) -> None:
        """Take one step's results and, eight times a second, hand over what has arrived."""
        now = time.perf_counter()
        values = {metric_of(part): rate for part, rate in result.rates.items()}
        values[SPEED_METRIC] = now - self._step_began
        self._step_began = now
        self._rows[len(self._known)] = torch.stack((result.loss, result.grad_norm))
        self._known.append(_Known(work.step, values, self._began, result.timing))
        self._add(result)
        if len(self._known) == _ROWS or now - self._handed_over >= _HAND_OVER_EVERY:
            self._handed_over = now
            self._send()
        self._receive(wait=False)

    def flush(self) -> None:
        """Hand over everything; waits for the card."""
        self._send()
        self._receive(wait=True)

    def loss_since_save(self) -> float | None:
        """Return the mean loss of the steps since the last call, None where there was none; waits for the card."""
        total, steps = self._sums["loss"].tolist()
        self._sums["loss"] = torch.zeros(2, device=self._device)
        return total / steps if steps else None

    def folder_losses(self) -> dict[str, tuple[float, int]]:
        """Return each folder's (mean loss, pictures) since the last call; waits for the card."""
        totals, pictures = self._sums["folders"].tolist()
        self._sums["folders"] = self._no_sums()["folders"]
        return {
            folder: (total / count, round(count))
            for folder, total, count in zip(self._folders, totals, pictures, strict=True)
            if count
        }

    def keep(self) -> dict[str, Tensor]:
        """Return what a state needs: the sums since the last save and in the current epoch."""
        return dict(self._sums)

    def restore(self, kept: Mapping[str, Tensor], curves: Columns, step: int) -> None:
        """Be where a state of `step` was, with the curves up to it; sums of other folders than these are not taken."""
        empty = self._no_sums()
        self._sums = {
            name: kept[name].to(self._device, zeros.dtype) if kept[name].shape == zeros.shape else zeros
            for name, zeros in empty.items()
        }
        self._known, self._kept = [], {}
        self._on_the_way.clear()
        if "step" in curves:
            upto = curves["step"] <= step
            self._kept = {name: array("d", values[upto].tobytes()) for name, values in curves.items()}

    def write(self, path: Path) -> None:
        """Write every reading handed over so far to `path` (.npz): `step`, and one array a metric.

        Raises:
            WorkspaceError: it cannot be written.
        """
        try:
            write_metrics(path, {name: np.frombuffer(values) for name, values in self._kept.items()})
        except OSError as error:
            raise WorkspaceError(printable(str(path)), found=f"cannot be written ({error.strerror})") from error

    def _no_sums(self) -> dict[str, Tensor]:
        """Return sums of nothing: [loss, steps], and [losses, pictures] of each folder."""
        return {
            "loss": torch.zeros(2, device=self._device),
            "folders": torch.zeros(2, len(self._folders), device=self._device),
        }

    def _add(self, result: StepResult) -> None:
        # A loss that is no number would spoil the mean of an epoch; its step is skipped and does not count.
        counts = torch.isfinite(result.loss)
        one = torch.stack((result.loss, torch.ones_like(result.loss)))
        folders = torch.stack((result.folder_losses, result.folder_pictures))
        self._sums["loss"] = self._sums["loss"] + torch.where(counts, one, 0.0)
        self._sums["folders"] = self._sums["folders"] + torch.where(counts, folders, 0.0)

    def _send(self) -> None:
        """Start copying the filled rows to the host, and fill new ones."""
        if not self._known:
            return
        rows = self._rows[: len(self._known)]
        if self._device.type == "cuda":
            # What the allocator counts itself: nothing is asked of the GPU.
            held = float(torch.cuda.memory_reserved(self._device))
            for known in self._known:
                known.values[MEMORY_METRIC] = held
            values = torch.empty(rows.shape, pin_memory=True)
            values.copy_(rows, non_blocking=True)
            arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch gives it no types
            arrived.record()
        else:
            values, arrived = rows.clone(), None
        self._on_the_way.append(_Copy(self._known, values, arrived))
        self._known = []

    def _receive(self, *, wait: bool) -> None:
        """Hand over the copies that have arrived, in order; with `wait`, all of them."""
        while self._on_the_way:
            arrived = self._on_the_way[0].arrived
            if arrived is not None and wait:
                arrived.synchronize()
            elif arrived is not None and not arrived.query():
                return
            self._hand_over(self._on_the_way.popleft())

    def _hand_over(self, copy: _Copy) -> None:
        for known, (loss, grad_norm) in zip(copy.known, copy.values.tolist(), strict=True):
            values = {LOSS_METRIC: loss, NORM_METRIC: grad_norm, **known.values}
            if known.timing is not None:
                values |= known.timing.seconds(known.began)
            self._put(known.step, values)
            self._keep(known.step, values)
            if not np.isfinite(grad_norm):
                self._bad(known.step)

    def _keep(self, step: int, values: Mapping[str, float]) -> None:
        """Add a step to the columns; what one of them has no number for, as a metric that came later, is nan there."""
        before = len(self._kept["step"]) if "step" in self._kept else 0
        for name in values.keys() - self._kept.keys():
            self._kept[name] = array("d", [nan]) * before
        self._kept.setdefault("step", array("d")).append(step)
        for name, column in self._kept.items():
            if name != "step":
                column.append(values.get(name, nan))

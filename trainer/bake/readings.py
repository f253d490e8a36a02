"""What do the steps say in numbers? Collected on the device, handed over without making a step wait."""

import io
import time
from array import array
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer.bake.feeding import StepWork
from trainer.bake.step import StepResult
from trainer.errors import WorkspaceError
from trainer.foreign_text import shown
from trainer.settings.whole_file import write_whole

# A screen draws once or twice a second.
_HAND_OVER_EVERY = 0.25
# Steps between two hand-overs; where more come, the hand-over comes sooner.
_ROWS = 256


@dataclass(frozen=True)
class _Copy:
    """Readings on their way from the device: what the host knows of each step, the tensor being filled, the event of its end."""

    known: list[tuple[int, dict[str, float]]]
    values: Tensor
    arrived: Any


class Readings:
    """Losses and norms of the steps, and the sums of losses by folder and since the last save.

    Args:
        device: where the steps' tensors lie.
        folders: names, in the order of StepResult.folder_losses.
        put: takes (step, values by metric); must not block.
        say: takes a line for the log.
    """

    def __init__(
        self,
        device: torch.device,
        folders: Sequence[str],
        put: Callable[[int, Mapping[str, float]], None],
        say: Callable[[str, str], None],
    ) -> None:
        """Start with nothing read."""
        self._device = device
        self._folders = list(folders)
        self._put = put
        self._say = say
        self._rows = torch.zeros(_ROWS, 2, device=device)
        self._known: list[tuple[int, dict[str, float]]] = []
        self._on_the_way: deque[_Copy] = deque()
        self._kept: dict[str, array[float]] = {}
        self._folder_sums = torch.zeros(len(self._folders), device=device)
        self._folder_pictures = dict.fromkeys(self._folders, 0)
        self._loss_sum = torch.zeros((), device=device)
        self._loss_steps = 0
        self._warned = False
        self._handed_over = self._step_began = time.perf_counter()

    def start_clock(self) -> None:
        """Count the seconds of the next step from now; called after a save, a validation or a pause."""
        self._step_began = time.perf_counter()

    def note(self, work: StepWork, result: StepResult) -> None:
        """Take one step's results and, four times a second, hand over what has arrived."""
        now = time.perf_counter()
        known = {f"lr_{part}": rate for part, rate in result.rates.items()}
        known["seconds_per_step"] = now - self._step_began
        self._step_began = now
        self._rows[len(self._known)] = torch.stack((result.loss, result.grad_norm))
        self._known.append((work.step, known))
        self._loss_sum = self._loss_sum + result.loss
        self._loss_steps += 1
        self._folder_sums = self._folder_sums + result.folder_losses
        for folder, pictures in work.folder_pictures.items():
            self._folder_pictures[folder] += pictures
        if len(self._known) == _ROWS or now - self._handed_over >= _HAND_OVER_EVERY:
            self._handed_over = now
            self._send()
        self._receive(wait=False)

    def settle(self) -> None:
        """Hand over everything; waits for the card."""
        self._send()
        self._receive(wait=True)

    def loss_since_save(self) -> float | None:
        """Return the mean loss of the steps since the last call, None where there was none; waits for the card."""
        if not self._loss_steps:
            return None
        mean = float(self._loss_sum) / self._loss_steps
        self._loss_sum, self._loss_steps = torch.zeros((), device=self._device), 0
        return mean

    def folder_losses(self) -> dict[str, tuple[float, int]]:
        """Return each folder's (mean loss, pictures) since the last call; waits for the card."""
        sums = self._folder_sums.tolist()
        means = {
            folder: (total / pictures, pictures)
            for (folder, pictures), total in zip(self._folder_pictures.items(), sums, strict=True)
            if pictures
        }
        self._folder_sums = torch.zeros_like(self._folder_sums)
        self._folder_pictures = dict.fromkeys(self._folders, 0)
        return means

    def write(self, path: Path) -> None:
        """Write every reading handed over so far to `path` (.npz): `step`, and one array a metric.

        Raises:
            WorkspaceError: it cannot be written.
        """
        content = io.BytesIO()
        columns: dict[str, Any] = {name: np.frombuffer(values) for name, values in self._kept.items()}
        np.savez(content, **columns)
        try:
            write_whole(path, content.getvalue())
        except OSError as error:
            raise WorkspaceError(shown(str(path)), found=f"cannot be written ({error.strerror})") from error

    def _send(self) -> None:
        """Start copying the filled rows to the host and begin new ones."""
        if not self._known:
            return
        rows = self._rows[: len(self._known)]
        if self._device.type == "cuda":
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
        for (step, known), (loss, grad_norm) in zip(copy.known, copy.values.tolist(), strict=True):
            values = {"loss": loss, "grad_norm": grad_norm, **known}
            self._put(step, values)
            for name, value in {"step": step, **values}.items():
                self._kept.setdefault(name, array("d")).append(value)
            if not self._warned and not np.isfinite(loss):
                self._warned = True
                self._say(f"the loss of step {step} is no number: the rates are too high, or fp16 overflows", "warning")

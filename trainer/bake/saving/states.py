"""The states of a bake: when they are saved, where, and which of them stay."""

import time
from collections.abc import Callable
from pathlib import Path

import torch

from trainer.atomic_file import remove_partial_files
from trainer.bake.guards.disk_space import DiskWatch
from trainer.bake.live_settings import LiveSettings
from trainer.bake.position import BakePosition
from trainer.bake.reporter import Reporter
from trainer.bake.saving.contents import StateContents
from trainer.bake.saving.state import State, read_state, write_state
from trainer.errors import LoraTuiError, ModelError
from trainer.journal.records import SavedState, Stage
from trainer.journal.state_files import (
    FOLDER,
    damaged_state,
    file_name,
    state_header_json,
    states_of,
    states_to_remove,
    step_of,
)
from trainer.plan.disk import STATE_SECONDS
from trainer.private_files import make_private_folder
from trainer.text import plural, printable

MAX_TIME_SHARE = 0.01
"""Of a bake's time, what its states may cost."""

# Bytes of the header and of what is not a weight, generously.
_FACTS_SIZE = 1 << 20


class StateSaver:
    """The states of one bake.

    Args:
        folder: the bake's.
        contents: what a state holds.
        live: says how often states are wanted and which stay.
        report: knows the journal and the bake.
        disk: waits for free space.
        clock: seconds, for the cadence; a test hands in its own.
    """

    def __init__(
        self,
        folder: Path,
        contents: StateContents,
        live: LiveSettings,
        report: Reporter,
        disk: DiskWatch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder / FOLDER
        self._bake_folder = folder
        self._contents = contents
        self._live = live
        self._report = report
        self._disk = disk
        self._clock = clock
        self._cost = 0.0
        self._saved_at = clock()
        self._last_step = 0
        self._warned = False
        if self.folder.is_dir():
            # What a killed process left half written.
            remove_partial_files(self.folder)

    def due(self, position: BakePosition) -> bool:
        """Return whether a state is wanted here: at an epoch's end, every n steps, or when enough time has passed."""
        every = self._live.settings.save_state_every_n_steps
        if position.ends_epoch or (every is not None and position.step % every == 0):
            return True
        return every is None and self._clock() - self._saved_at >= max(STATE_SECONDS, self._cost / MAX_TIME_SHARE)

    def save(self, position: BakePosition) -> None:
        """Write a state unless this step's is there, read it back, and only then remove older ones.

        Raises:
            DiskFull, WorkspaceError: see DiskWatch.
        """
        step = position.step
        if step == self._last_step:
            return
        with self._report.during(Stage.STATE):
            started = time.monotonic()
            state = self._contents.gather(position)
            self._cost = time.monotonic() - started
            path = self.folder / file_name(step)
            size = sum(tensor.nbytes for tensor in state.tensors.values()) + _FACTS_SIZE
            self._disk.write(f"the state of step {step}", size, lambda: self._write(state, path), step=step)
        self._last_step, self._saved_at = step, self._clock()
        facts, size, now = state.facts, path.stat().st_size, time.time()
        saved = SavedState(step, facts.epoch, facts.ends_epoch, f"{FOLDER}/{path.name}", size, now, self._cost)
        self._disk.note(lambda: self._report.journal.results.add_state(self._report.number, saved), step=step)
        self._prune(step)

    def newest(self, before: int | None = None) -> State | None:
        """Return the newest readable state, of a step below `before` where that is given; one that is damaged is logged and skipped.

        Raises:
            ModelError: there are such states, and all of them are damaged.
        """
        files = [path for path in reversed(states_of(self._bake_folder)) if before is None or step_of(path) < before]
        for path in files:
            try:
                state = read_state(path)
                if state.facts.step == step_of(path):
                    return state
                raise damaged_state(path, f"it is of step {state.facts.step}")
            except LoraTuiError as error:
                self._report.log(f"{error.where}: {error.found}; using the state before it", level="warning")
        if not files:
            return None
        # To begin anew would throw away the curves and LoRA files there are.
        raise ModelError(
            printable(str(self.folder)),
            found=f"{plural(len(files), 'training state')}, none of which can be read (bake.log says why)",
            expected="one that is whole",
            way_out="move the folder away to start over at step 1, or start another bake from a saved LoRA with network_weights",
        )

    def continue_from(self, step: int) -> None:
        """Note that the bake continues from the state of `step`, which is on the disk; with -1, that none is."""
        self._last_step, self._saved_at = step, self._clock()

    def forget_after(self, step: int) -> None:
        """Remove the states of steps after `step`: the bake takes another way from there."""
        for path in states_of(self._bake_folder):
            if step_of(path) > step:
                self._remove(path, step)
        self._last_step = min(self._last_step, step)

    def _write(self, state: State, path: Path) -> None:
        started = time.monotonic()
        make_private_folder(path.parent)
        write_state(state, path)
        _check_readback(state, path)
        # Without the time it had to wait for free space.
        self._cost += time.monotonic() - started

    def _prune(self, step: int) -> None:
        settings = self._live.settings
        files = states_of(self._bake_folder)
        for path in states_to_remove(files, settings.keep_states, settings.state_budget):
            self._remove(path, step)
        if settings.state_budget is not None and not self._warned and len(files) == 1:
            size = files[0].stat().st_size
            if size > settings.state_budget * 1e9:
                self._warned = True
                self._report.log(
                    f"one state takes {size / 1e9:.2f} GB, more than state_budget: the newest is kept anyway",
                    level="warning",
                )

    def _remove(self, path: Path, step: int) -> None:
        path.unlink(missing_ok=True)
        self._disk.note(
            lambda: self._report.journal.results.forget_state(self._report.number, f"{FOLDER}/{path.name}"), step=step
        )


def _check_readback(state: State, path: Path) -> None:
    """Read the file back and compare every bit.

    Raises:
        OSError: it does not read back as written.
    """
    back = read_state(path)
    same = (
        state_header_json(back.facts) == state_header_json(state.facts) and back.tensors.keys() == state.tensors.keys()
    )
    if not same or not all(_same_bits(tensor, back.tensors[name]) for name, tensor in state.tensors.items()):
        path.unlink(missing_ok=True)
        raise OSError(None, "does not read back as written", str(path))


def _same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    # As bytes: NaN equals nothing, itself included; and Python compares bytes ten times as fast as torch.
    return _bytes(one) == _bytes(other)


def _bytes(tensor: torch.Tensor) -> bytes:
    return tensor.reshape(-1).view(torch.uint8).numpy().tobytes()

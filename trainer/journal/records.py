"""Records: the rows of the journal as plain data, and the states, stages and orders they name."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Any

from trainer.bounds import Bounds

# As the program writes them: nothing that would have to be looked at part by part.
_PLAIN_FOLDER = re.compile(r"(?!\.)[^/\0]+/(?!\.)[^/\0]+")


def _inside_workspace(folder: str) -> str:
    if _PLAIN_FOLDER.fullmatch(folder):
        return folder
    path = PurePosixPath(folder)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in folder:
        raise ValueError("a folder inside the workspace")
    return folder


LAST_SECOND = 253_402_300_799
"""The end of the year 9999, epoch seconds; Python's calendar has no more."""

EpochSeconds = Annotated[float, Bounds(ge=0, le=LAST_SECOND)]
"""A moment, seconds since 1970, until the end of the year 9999."""

Duration = Annotated[float, Bounds(ge=0, le=LAST_SECOND)]
"""A length of time in seconds, up to 8,000 years."""

Energy = Annotated[float, Bounds(ge=0, le=1e18)]
"""An energy in joules."""

Count = Annotated[int, Bounds(ge=0)]
"""A number of things."""


class _InsideWorkspace:
    """The mark of a text that is such a folder. pydantic asks it; the records alone, which every screen and command names, load none."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        from pydantic_core import core_schema  # noqa: PLC0415

        return core_schema.no_info_after_validator_function(_inside_workspace, handler(source))


FolderInside = Annotated[str, _InsideWorkspace()]
"""A folder, relative to the workspace, and in it."""


class BakeState(StrEnum):
    """State of a bake. A bake is live from `starting` to `paused`."""

    QUEUED = "queued"
    STARTING = "starting"
    """Libraries and the base are being loaded, latents cached."""
    BAKING = "baking"
    PAUSED = "paused"
    PARKED = "parked"
    """Paused with the card freed: its state is saved, and `resume` queues it again. Not live."""
    DONE = "done"
    STOPPED = "stopped"
    """Ended early by order; what was trained is saved."""
    FAILED = "failed"
    LOST = "lost"
    """Its process died (killed, power lost)."""

    @property
    def live(self) -> bool:
        """Whether an engine runs it."""
        return self in (BakeState.STARTING, BakeState.BAKING, BakeState.PAUSED)


REMOVED = "removed from the queue"
"""The line of error of a bake that was removed from the queue."""


class Order(StrEnum):
    """An order to a running bake."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    """Stop after this step, saving what is there."""
    STOP_AT_EPOCH = "stop at epoch"
    """Stop at the end of the current epoch."""
    SAVE = "save"
    """Save a LoRA and a state after this step."""
    FREE = "free the GPU"
    """Save the state and unload the model: the bake is parked."""
    SET = "set"
    """Change a live setting; the argument is `name=value`."""
    GRID = "grid"
    """Make a grid between two steps; the argument is its number."""
    CANCEL_GRID = "cancel grid"
    """End the current grid, keeping what is made; the bake continues."""
    DROP_EPOCH = "drop epoch"
    """Leave an epoch out of the rest of the current grid; the argument is its label."""


class Stage(StrEnum):
    """What a running bake or grid's job is doing; the value is kept in the journal and names the place in an error."""

    LOAD = "load"
    CACHE = "cache"
    SPEED = "speed"
    """The speed of a step is measured, for train_minutes."""
    MEASURE = "measure"
    """The base's prediction type is measured."""
    HASH = "hash"
    VALIDATE = "validate"
    STEP = "step"
    SAVE = "save"
    STATE = "state"
    SAMPLE = "sample"
    GRID = "grid"
    PROBE = "probe"
    """The LoRA as it stands is probed on fixed pictures and prompts."""
    DISK = "disk"
    """The disk is full, and the bake waits for space."""


STAGE_WORDS: Mapping[Stage, str] = {
    Stage.LOAD: "loading the base",
    Stage.CACHE: "caching latents",
    Stage.SPEED: "measuring the speed",
    Stage.MEASURE: "measuring the prediction type",
    Stage.HASH: "hashing base and data",
    Stage.VALIDATE: "validating",
    Stage.STEP: "training",
    Stage.SAVE: "saving the LoRA",
    Stage.STATE: "saving the training state",
    Stage.SAMPLE: "making samples",
    Stage.GRID: "making a grid",
    Stage.PROBE: "probing the LoRA",
    Stage.DISK: "waiting for disk space",
}
"""Stage -> what the user reads."""


@dataclass(frozen=True, kw_only=True)
class NewBake:
    """A training run, or with `grid` the making of a grid, as it is put into the queue.

    Attributes:
        name: the output name.
        settings_toml: exactly what runs; before it starts, as it was asked for, from which a trainer may compute other numbers.
        engine: key of the engine that is to run it, "" for any.
        total_steps, steps_per_epoch: from the plan in force; total_steps is 0 while it follows from a measurement to come.
        why: the user's note; may be empty.
        parent: number of the bake it was changed from, if any.
        not_before: epoch seconds before which it does not start, None for at once.
        held: whether it waits for somebody to release it, whatever the queue does.
        on_failure: what to do with the bakes after it if it fails: `continue` or `hold`.
        starts_from: state file it starts from (relative to the workspace), "" for a fresh start.
        planned_seconds: time expected when it was queued, None where no speed was known.
        grid: number of the grid that this job makes; None for a bake. A grid's job counts pictures in place of steps, and has the
            grid's folder.
    """

    name: str
    settings_toml: str
    engine: str
    total_steps: Count
    steps_per_epoch: Count
    why: str = ""
    parent: int | None = None
    not_before: EpochSeconds | None = None
    held: bool = False
    on_failure: str = "continue"
    starts_from: str = ""
    planned_seconds: Duration | None = None
    grid: int | None = None


@dataclass(frozen=True, kw_only=True)
class Bake(NewBake):
    """One training run, or the making of one grid: what was queued, and what has become of it.

    Attributes:
        number: 1, 2, 3 … in the workspace.
        folder: its folder, relative to the workspace.
        state: its state.
        created, started, ended: epoch seconds.
        stage: what it is doing, or where it failed; None before it started.
        stage_done, stage_total: progress inside the stage, in the stage's own count (pictures, steps).
        error: one line, where it failed.
        pid, pid_started: the process that runs it (epoch seconds of its start, against reused pids).
        place: its position in the queue; the lowest comes first.
        attempt: 1, and one more each time it was resumed.
        device: key of the card it ran on (`cpu` without one), "" before it started.
        peak_vram: highest memory of the card taken by us (torch's reserve), bytes, None where unknown.
        predicted_peak: bytes that the allocator was predicted to take, None where nothing was predicted.
        predicted_peak_parts: JSON of that peak: policy, stage, moment, and bytes by part; "" without one.
        measured_peak_allocated: bytes held at the fullest moment: tensors on the card; on a CPU the growth of the process. None
            where unknown.
        setup_seconds: time from its start to its first step, without pauses, at its last attempt; None before, and where unknown.
        asked_minutes: train_minutes as it was set, once the steps are fixed that fit; None without.
        expected_step_seconds: seconds per step that their number was worked out with.
        imported: whether it was made elsewhere: it has no engine, and its LoRAs stay where they are.
        energy_joules: what its GPU took while it ran, over all its attempts; None where nothing was counted, as on a CPU.
        energy_by: how that is known, as in `trainer.machine.energy`; the less exact of two ways.
    """

    number: int
    folder: FolderInside
    state: BakeState
    created: EpochSeconds
    started: EpochSeconds | None = None
    ended: EpochSeconds | None = None
    stage: Stage | None = None
    stage_done: Count = 0
    stage_total: Count = 0
    error: str = ""
    pid: int | None = None
    pid_started: EpochSeconds | None = None
    place: float = 0.0
    attempt: Count = 1
    device: str = ""
    peak_vram: int | None = None
    predicted_peak: int | None = None
    predicted_peak_parts: str = ""
    measured_peak_allocated: int | None = None
    setup_seconds: Duration | None = None
    asked_minutes: Duration | None = None
    expected_step_seconds: Duration | None = None
    imported: bool = False
    energy_joules: Energy | None = None
    energy_by: str = ""

    @property
    def withdrawn(self) -> bool:
        """Whether it was removed from the queue before it ever started: nothing of it is left but its row."""
        return self.state is BakeState.STOPPED and self.started is None and self.error == REMOVED

    @property
    def ran(self) -> bool:
        """Whether it runs or ever did, so that there is something of it to look at; also if it waits to be resumed."""
        # A bake recovered from its folder has no start, but left the queue.
        return self.started is not None or (self.state is not BakeState.QUEUED and not self.withdrawn)

    @property
    def measured_peak(self) -> int | None:
        """What a prediction is compared with: what was taken of the card, without one the growth of the process; bytes."""
        return self.peak_vram if self.peak_vram is not None else self.measured_peak_allocated


@dataclass(frozen=True)
class Checkpoint:
    """One saved LoRA.

    Attributes:
        epoch: last complete epoch in it.
        step: optimizer steps in it.
        file: name inside the bake's folder; of an imported one its path from there, or an absolute one.
        size: bytes.
        loss: mean training loss since the previous save, None if none was read yet.
        val: validation loss, None without validation pictures.
        val_change: change against the untrained base, paired by picture.
        val_error: standard error of that change.
        seconds: epoch seconds when it was written.
    """

    epoch: Count
    step: Count
    file: str
    size: Count
    loss: float | None
    val: float | None
    val_change: float | None
    val_error: float | None
    seconds: EpochSeconds

    @property
    def stem(self) -> str:
        """Its file's name without a folder, which an imported one has, and without the ending."""
        return self.file.rpartition("/")[2].removesuffix(".safetensors")


@dataclass(frozen=True)
class ImportedFile:
    """Where a LoRA of an imported bake comes from, by its content.

    Attributes:
        file: as in its Checkpoint.
        sha256: of the file when it was imported.
        session: what the files of one bake have in common: its id, or a hash of its settings and its start.
    """

    file: str
    sha256: str
    session: str


@dataclass(frozen=True)
class ValidationRow:
    """The loss of the validation pictures after `step`, its change against the untrained base, and that change's standard error."""

    step: int
    loss: float | None
    change: float | None
    error: float | None


@dataclass(frozen=True)
class FolderLoss:
    """The mean loss of a folder's pictures in one epoch."""

    epoch: int
    folder: str
    loss: float | None
    pictures: int


@dataclass(frozen=True)
class LogLine:
    """One line of a bake's log. `level` is `info`, `warning` or `error`."""

    id: int
    bake: int | None
    seconds: EpochSeconds
    level: str
    text: str


@dataclass(frozen=True)
class GivenOrder:
    """One order to a bake.

    Attributes:
        argument: of SET, `name=value`; else "".
        given, obeyed: epoch seconds; `obeyed` is None until the engine took it.
        answer: why it was refused, "" where it was obeyed.
    """

    id: int
    bake: int
    order: Order
    given: EpochSeconds
    obeyed: EpochSeconds | None = None
    argument: str = ""
    answer: str = ""


class MarkKind(StrEnum):
    """What a mark is about."""

    SET = "set"
    """A live setting was changed; the text is `name=value`."""
    ORDER = "order"
    RESUME = "resume"
    SKIP = "skip"
    """A step was skipped: its gradient was NaN or infinite."""
    ROLL_BACK = "roll back"
    STOP_PART = "stop part"
    """A part stopped training."""
    DISK = "disk"
    """The bake waits for disk space."""


@dataclass(frozen=True)
class Mark:
    """Something that happened at a step, shown on the curves.

    Attributes:
        step: optimizer steps done then.
        seconds: epoch seconds.
        kind: what it is about.
        text: one line.
    """

    step: Count
    seconds: EpochSeconds
    kind: MarkKind
    text: str


@dataclass(frozen=True)
class SavedState:
    """One training state on disk.

    Attributes:
        step: optimizer steps in it.
        epoch: last complete epoch in it.
        ends_epoch: whether it was taken at the end of that epoch.
        file: relative to the bake's folder.
        size: bytes.
        seconds: epoch seconds when it was written.
        cost: seconds it took to write.
    """

    step: Count
    epoch: Count
    ends_epoch: bool
    file: str
    size: Count
    seconds: EpochSeconds
    cost: Duration


@dataclass(frozen=True)
class Curve:
    """One metric at drawing resolution: parallel lists, one entry a column.

    Attributes:
        steps: first step of each column.
        low, high, mean: lowest, highest and mean value in it; nan if every value was NaN.
        level: 0 if each column is one step.
    """

    steps: list[int]
    low: list[float]
    high: list[float]
    mean: list[float]
    level: int

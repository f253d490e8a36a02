"""The journal's rows as plain data."""

from dataclasses import dataclass
from enum import StrEnum


class BakeState(StrEnum):
    """Where a bake stands. A bake is live from `starting` to `paused`."""

    QUEUED = "queued"
    STARTING = "starting"
    """Libraries and the base are being loaded, latents cached."""
    BAKING = "baking"
    PAUSED = "paused"
    DONE = "done"
    STOPPED = "stopped"
    """Ended early by order; what was baked is saved."""
    FAILED = "failed"
    LOST = "lost"
    """Its process is gone without a word (killed, power lost)."""

    @property
    def live(self) -> bool:
        """Whether an engine is at work on it."""
        return self in (BakeState.STARTING, BakeState.BAKING, BakeState.PAUSED)


class Order(StrEnum):
    """What a bake can be told while it runs."""

    PAUSE = "pause"
    GO_ON = "go on"
    STOP = "stop"
    """Stop after this step, saving what is there."""
    SAVE = "save"


@dataclass(frozen=True)
class Bake:
    """One training run.

    Attributes:
        number: 1, 2, 3 … in the workspace.
        name: the output name.
        folder: its folder, relative to the workspace.
        why: the user's line of why; may be empty.
        settings_toml: exactly what runs.
        engine: key of the engine that shall run it.
        parent: number of the bake it was changed from, if any.
        stage: `load`, `cache`, `step`, `save` … while live or where it failed.
        stage_done, stage_total: progress inside the stage, in the stage's own count (pictures, steps).
        error: one line, where it failed.
        pid, pid_started: the process at work on it (epoch seconds of its start, against reused pids).
        created, started, ended: epoch seconds.
        total_steps, steps_per_epoch: from the plan in force.
        peak_vram: highest memory of the card taken by us, bytes, None where unknown.
    """

    number: int
    name: str
    folder: str
    why: str
    settings_toml: str
    engine: str
    parent: int | None
    state: BakeState
    stage: str
    stage_done: int
    stage_total: int
    error: str
    pid: int | None
    pid_started: float | None
    created: float
    started: float | None
    ended: float | None
    total_steps: int
    steps_per_epoch: int
    peak_vram: int | None


@dataclass(frozen=True)
class Checkpoint:
    """One saved LoRA.

    Attributes:
        epoch: last whole epoch in it.
        step: optimizer steps in it.
        file: name inside the bake's folder.
        size: bytes.
        loss: mean training loss since the save before, None where none was read yet.
        val: validation loss, None without validation pictures.
        val_change: change against the untrained base, paired by picture.
        val_error: standard error of that change.
        seconds: epoch seconds when it was written.
    """

    epoch: int
    step: int
    file: str
    size: int
    loss: float | None
    val: float | None
    val_change: float | None
    val_error: float | None
    seconds: float


@dataclass(frozen=True)
class LogLine:
    """One line of a bake's log. `level` is `info`, `warning` or `error`."""

    id: int
    bake: int | None
    seconds: float
    level: str
    text: str


@dataclass(frozen=True)
class GivenOrder:
    """One order as given; `obeyed` is the epoch seconds when the engine took it, None before."""

    id: int
    bake: int
    order: Order
    given: float
    obeyed: float | None


@dataclass(frozen=True)
class Curve:
    """One metric at drawing resolution: parallel lists, one entry a column.

    Attributes:
        steps: first step of each column.
        low, high, mean: least, greatest and mean value in it; nan where every value was not a number.
        level: 0 where each column is one step.
    """

    steps: list[int]
    low: list[float]
    high: list[float]
    mean: list[float]
    level: int

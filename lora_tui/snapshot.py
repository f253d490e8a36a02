"""Everything a screen shows, as of one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainer.journal.records import Bake, Checkpoint, Curve, LogLine, Mark
from trainer.machine.readings import MachineReading

if TYPE_CHECKING:
    from trainer.settings.model import Settings


@dataclass(frozen=True)
class Snapshot:
    """Everything the screens show that comes from outside, at one moment.

    Attributes:
        bake: the bake at work, else the one waiting for this engine, else the newest; None in a new workspace. Never a grid's job.
        grid: the grid's job at work, else one that waits for this engine; None without one.
        ours: the bake or grid's job that our engine has at work, else one that waits for it; None where leaving leaves nothing behind.
        elsewhere: in which process `bake` runs, where that is not ours.
        story: what its settings changed against its parent, one line.
        asked: its settings; None where this version cannot read them.
        in_force: the same with what was changed while it was at work.
        newest: settings of the newest bake, what the form compares with.
        checkpoints: its saved LoRAs, newest first.
        validations: (step, validation loss), by step.
        marks: what happened to it at which step, by step.
        log: the last lines of every bake, oldest first.
        curves: metric -> curve at drawing resolution.
        last: metric -> (step, value).
        step_seconds: mean seconds per step over the last steps.
        libraries: what the engine says of its libraries.
        waiting_for: who has the card that our next bake waits for.
        machine: the newest reading.
        peak_ours: most memory of the card taken by us since the last bake was queued, bytes.
        trouble: one line where the journal cannot be read.
        caution: what the user should know about where the journal lies.
    """

    bake: Bake | None = None
    grid: Bake | None = None
    ours: Bake | None = None
    elsewhere: str = ""
    story: str = ""
    asked: "Settings | None" = None
    in_force: "Settings | None" = None
    newest: "Settings | None" = None
    checkpoints: tuple[Checkpoint, ...] = ()
    validations: tuple[tuple[int, float], ...] = ()
    marks: tuple[Mark, ...] = ()
    log: tuple[LogLine, ...] = ()
    curves: Mapping[str, Curve] = field(default_factory=dict)
    last: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    step_seconds: float | None = None
    libraries: str = ""
    waiting_for: str = ""
    machine: MachineReading | None = None
    peak_ours: int | None = None
    trouble: str = ""
    caution: str = ""

    @property
    def loading(self) -> str:
        """What the engine is loading; empty before and after."""
        return self.libraries if self.libraries.startswith("loading") else ""

    @property
    def engine_trouble(self) -> str:
        """Why the engine cannot take jobs; empty where it can, or will."""
        return "" if self.libraries in ("", "ready") or self.loading else self.libraries

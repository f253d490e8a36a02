"""Everything a screen shows, as of one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainer.journal.records import Bake, BakeState, Checkpoint, Curve, LogLine, Mark
from trainer.machine.readings import MachineReading

if TYPE_CHECKING:
    from trainer.history.bake_samples import BakeSamples
    from trainer.history.epoch_standings import EpochStanding
    from trainer.measures.carried import Carried
    from trainer.settings.model import Settings
    from trainer.settings.parts import Family

_ENDED_EARLY = (BakeState.PARKED, BakeState.STOPPED, BakeState.FAILED, BakeState.LOST)


@dataclass(frozen=True)
class Snapshot:
    """Everything the screens show that comes from outside, at one moment.

    Attributes:
        bake: the bake on the screen: `followed`, or the one that the user looks at; None in a new workspace. Never a grid's job.
        followed: the running bake, else the last that ran, else one that waits.
        grid: the running job of a grid, else one queued for this engine; None without one.
        grid_seconds_left: seconds that the grid being made still takes, by its pictures so far; None before the first one.
        line: the jobs of our engine, bakes and grids' jobs: the running one, then those that wait, the next one first. None is held.
        elsewhere: in which process `bake` runs, where that is not ours.
        story: what its settings changed against its parent, one line.
        asked: its settings; None where this version cannot read them.
        in_force: the same with all changes made while it ran.
        family: of its base, by the parts that its curves are of, before its first step by its settings; None where neither says it.
        compared: settings of the last bake that ran, what the form compares with.
        checkpoints: its saved LoRAs, newest first.
        carried: step -> who carries the LoRA saved after it, where that was measured.
        standings: step -> what the user said of the LoRA saved after it, and whether it is still there.
        samples: its sample pictures.
        lowest: what the noise says of its lowest validation loss, a line each; "" without validation.
        validations: (step, validation loss), by step.
        marks: what happened to it at which step, by step.
        log: the last lines of every bake, oldest first.
        own_log: the last lines of `bake` alone, where the user looks at another than the one followed; None where `log` is shown.
        curves: metric -> curve at drawing resolution.
        last: metric -> (step, value).
        step_seconds: mean seconds per step over the last steps.
        libraries: what the engine says of its libraries.
        waiting_for: who has the card that our next bake waits for.
        machine: the newest reading.
        peak_ours: most memory of the card taken by us since the last bake was queued, bytes.
        trouble: one line where the journal cannot be read.
        caution: what the user should know about the journal: where it is, or which of its rows are damaged.
    """

    bake: Bake | None = None
    followed: Bake | None = None
    grid: Bake | None = None
    grid_seconds_left: float | None = None
    line: tuple[Bake, ...] = ()
    elsewhere: str = ""
    story: str = ""
    asked: "Settings | None" = None
    in_force: "Settings | None" = None
    family: "Family | None" = None
    compared: "Settings | None" = None
    checkpoints: tuple[Checkpoint, ...] = ()
    carried: "Mapping[int, Carried]" = field(default_factory=dict)
    standings: "Mapping[int, EpochStanding]" = field(default_factory=dict)
    samples: "BakeSamples | None" = None
    lowest: str = ""
    validations: tuple[tuple[int, float], ...] = ()
    marks: tuple[Mark, ...] = ()
    log: tuple[LogLine, ...] = ()
    own_log: tuple[LogLine, ...] | None = None
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

    @property
    def ours(self) -> Bake | None:
        """The job that our engine runs, else the first that waits for it; None where quitting interrupts nothing."""
        return next(iter(self.line), None)

    @property
    def running(self) -> Bake | None:
        """The bake that runs, ours before another's, whichever is on the screen; None without one."""
        return self.followed if self.followed is not None and self.followed.state.live else None

    @property
    def next_bake(self) -> Bake | None:
        """The next bake that waits for our engine and is not on the screen; None without one."""
        waiting = (job for job in self.line if job.grid is None and job.state is BakeState.QUEUED)
        return next((job for job in waiting if self.bake is None or job.number != self.bake.number), None)

    def ahead(self, now: float) -> tuple[Bake, ...]:
        """Return what our engine does before a bake that is queued at `now` (epoch seconds); without that, the bake that runs elsewhere."""
        due = tuple(job for job in self.line if job.not_before is None or job.not_before <= now)
        return due or (() if self.running is None else (self.running,))

    def ended_since(self, before: "Snapshot") -> Bake | None:
        """Return the last bake that ran if it has ended since `before`, where it ran or was to run next; None if not."""
        last = self.followed
        if last is None or last.state.live or last.state is BakeState.QUEUED:
            return None
        was = (before.running, *before.line)
        return last if any(job is not None and job.number == last.number for job in was) else None

    def not_resumed_since(self, before: "Snapshot") -> str:
        """Return why the last bake that ran could not be resumed, "" if since `before` no attempt failed."""
        last = self.ended_since(before)
        was = (before.running, *before.line)
        # An attempt that fails before the bake continues does not count.
        if last is None or not any(
            job is not None and job.number == last.number and job.attempt > last.attempt for job in was
        ):
            return ""
        lines = (line.text for line in reversed(self.log) if line.bake == last.number and line.level == "error")
        return next(lines, "")

    @property
    def parked(self) -> bool:
        """Whether the bake shown has freed its card and can be resumed."""
        return self.bake is not None and self.bake.state is BakeState.PARKED

    @property
    def paused(self) -> bool:
        """Whether the bake shown is paused with its model kept."""
        return self.bake is not None and self.bake.state is BakeState.PAUSED

    @property
    def ended_early(self) -> bool:
        """Whether the bake shown has steps left and no engine runs it; a parked one counts."""
        return self.bake is not None and self.bake.state in _ENDED_EARLY

    def active_bake(self, engine_key: str) -> Bake | None:
        """Return the bake shown if it runs, or waits for the engine with this key; one that is held waits for somebody else."""
        bake = self.bake
        if bake is None:
            return None
        queued_here = bake.state is BakeState.QUEUED and bake.engine == engine_key and not bake.held
        return bake if bake.state.live or queued_here else None

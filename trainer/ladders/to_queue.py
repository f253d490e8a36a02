"""Records of what a ladder is about to queue, and of what became of one that was changed."""

from dataclasses import dataclass

from trainer.jobs.preflight import PlannedBake
from trainer.ladders.record import LadderSpec
from trainer.settings.model import Settings


@dataclass(frozen=True)
class BakeToQueue:
    """One place of a ladder that is to be filled.

    Attributes:
        rung: place of the rung among the ladder's.
        twin: 0 for the rung's first bake, 1 for its first twin, ….
        planned: the bake to be queued, checked; None where one of the journal is taken.
        reused: number of the bake that is taken; None where one is queued.
    """

    rung: int
    twin: int
    planned: PlannedBake | None = None
    reused: int | None = None

    @property
    def seconds(self) -> float | None:
        """How long the bake is expected to take, None where no speed is known or nothing is baked."""
        if self.planned is None:
            return None
        minutes = self.planned.settings.train_minutes
        return self.planned.plan.seconds if minutes is None else 60 * minutes


@dataclass(frozen=True)
class LadderToQueue:
    """A ladder, or what is added to one, that may be queued; nothing is written yet.

    Attributes:
        spec: the whole ladder.
        settings: that its rungs start from, every path filled in.
        bakes: the places to be filled, in the order in which they will be baked.
        notes: what the user should know, one line each.
        of_bake: the bake whose settings these are; None where they are a file's.
        number: of the ladder that is added to; None for a new one.
    """

    spec: LadderSpec
    settings: Settings
    bakes: tuple[BakeToQueue, ...]
    notes: tuple[str, ...] = ()
    of_bake: int | None = None
    number: int | None = None

    @property
    def count(self) -> int:
        """How many bakes will be queued."""
        return sum(each.planned is not None for each in self.bakes)

    @property
    def reused(self) -> int:
        """How many are taken from the journal."""
        return len(self.bakes) - self.count

    @property
    def seconds(self) -> float | None:
        """How long those take whose speed is known, None where none is; a note names the others."""
        known = [each.seconds for each in self.bakes if each.seconds is not None]
        return sum(known) if known or not self.count else None

    @property
    def disk_bytes(self) -> int:
        """What they take on the disk, as far as their bases are known."""
        return sum(each.planned.plan.total_disk_bytes or 0 for each in self.bakes if each.planned is not None)


@dataclass(frozen=True)
class CutBakes:
    """What became of the bakes of rungs that were taken out of a ladder.

    Attributes:
        withdrawn: those that waited, and do not any more.
        running: those that run on; `lora-tui order N stop` stops one.
        kept: those that ended, and those that wait for somebody else too.
    """

    withdrawn: tuple[int, ...] = ()
    running: tuple[int, ...] = ()
    kept: tuple[int, ...] = ()


@dataclass(frozen=True)
class ContinuedLadder:
    """What a ladder continues with.

    Attributes:
        queued: new bakes in open places.
        resumed: bakes that had ended early or never started, queued again.
        reused: bakes of the journal that were found for open places.
        notes: what could not be continued, and why, one line each.
    """

    queued: tuple[int, ...] = ()
    resumed: tuple[int, ...] = ()
    reused: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

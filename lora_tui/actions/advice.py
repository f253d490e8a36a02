"""Advice on a bake as a screen asks for it, the ticks it keeps, and the ladders it queues; for a worker thread."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from trainer.errors import SettingsError
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.advice.aim import BandAim
    from trainer.advice.frontier import Frontier
    from trainer.advice.record import Advice
    from trainer.gallery.sidecar import MadeGrid
    from trainer.journal.grid_records import CellNote
    from trainer.journal.records import Bake
    from trainer.ladders.record import LadderSpec


@dataclass(frozen=True)
class LadderOffer:
    """A ladder that may be queued.

    Attributes:
        bakes: how many it would queue.
        reused: how many of its bakes are in the journal already.
        seconds: expected time; None where no speed is known.
        disk_bytes: what it would write.
        notes: what the user should know, one line each.
    """

    bakes: int
    reused: int
    seconds: float | None
    disk_bytes: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AdviceRequest:
    """Advice on bake `number`.

    Attributes:
        workspace: where the bake is.
        number: the bake.
        engine: key of the engine that takes what is queued.
    """

    workspace: Workspace
    number: int
    engine: str = ""

    def read(self, chosen: Collection[str] | None = None) -> "tuple[tuple[str, ...], Advice]":
        """Return the keys of the symptoms that are ticked, and the advice.

        Args:
            chosen: what the user ticked on the screen; None for what the journal has.

        Raises:
            LoraTuiError: the bake or its settings cannot be read.
        """
        from trainer.advice.advise import advice_for
        from trainer.advice.ticks import ticked
        from trainer.journal.journal import Journal

        with Journal(self.workspace.journal_path) as journal:
            keys = ticked(journal, self.number) if chosen is None else tuple(chosen)
            return keys, advice_for(journal, self.workspace, self.number, keys)

    def keep(self, chosen: Collection[str]) -> None:
        """Write which symptoms the user sees.

        Raises:
            LoraTuiError: they cannot be written.
        """
        from trainer.advice.ticks import keep_ticks
        from trainer.journal.journal import Journal

        with Journal(self.workspace.journal_path) as journal:
            keep_ticks(journal, self.workspace, self.number, chosen)

    def aim(self) -> "BandAim":
        """Return the rates that would make the bake's parts done at one epoch.

        Raises:
            LoraTuiError: fewer than two parts are placed, or no rate moves them.
        """
        from trainer.advice.aim import aim_for_band
        from trainer.journal.journal import Journal

        with Journal(self.workspace.journal_path) as journal:
            return aim_for_band(journal, self.workspace, self.number)

    def queue_variants(self, aim: "BandAim") -> int:
        """Queue the variants of an aim, held, and return how many there are.

        Raises:
            LoraTuiError: one cannot be baked; those before it are queued.
        """
        from trainer.advice.aim import queue_aim
        from trainer.journal.journal import Journal

        with Journal(self.workspace.journal_path) as journal:
            return len(queue_aim(journal, self.workspace, aim, engine=self.engine))

    def offer(self, spec: "LadderSpec") -> LadderOffer:
        """Return what queueing a ladder around the bake's settings would take. Writes nothing.

        Raises:
            LoraTuiError: a rung cannot be baked.
        """
        from trainer.journal.journal import Journal
        from trainer.ladders.queue import preview_ladder, settings_of_bake

        with Journal(self.workspace.journal_path) as journal:
            settings = settings_of_bake(journal, self.number)
            ladder = preview_ladder(journal, self.workspace, settings, spec, of_bake=self.number)
        return LadderOffer(ladder.count, ladder.reused, ladder.seconds, ladder.disk_bytes, tuple(ladder.notes))

    def queue(self, spec: "LadderSpec", *, held: bool) -> int:
        """Queue a ladder around the bake's settings, and return its number.

        Raises:
            LoraTuiError: a rung cannot be baked, or the queue cannot be written.
        """
        from trainer.journal.journal import Journal
        from trainer.ladders.queue import preview_ladder, queue_ladder, settings_of_bake

        with Journal(self.workspace.journal_path) as journal:
            settings = settings_of_bake(journal, self.number)
            ladder = preview_ladder(journal, self.workspace, settings, spec, of_bake=self.number)
            return queue_ladder(journal, self.workspace, ladder, engine=self.engine, held=held)


@dataclass
class JudgedBake(Message):
    """The bake that a grid's verdicts are about, and a ladder around the rate that they point to; None where the bake alone was asked for."""

    bake: "Bake"
    ladder: "LadderSpec | None" = None


def judged_ladder(workspace: Workspace, made: "MadeGrid", notes: "Mapping[str, CellNote]") -> Message:
    """Return the bake that a grid's verdicts are about, and a ladder around the rate that they point to.

    Raises:
        LoraTuiError: they show no direction, or are about no bake of this workspace.
    """
    from trainer.advice.around import ladder_of_judgement
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        number, spec = ladder_of_judgement(journal, workspace, made, notes)
        return JudgedBake(journal.bakes.read(number), spec)


def judged_bake_of(workspace: Workspace, made: "MadeGrid", notes: "Mapping[str, CellNote]") -> Message:
    """Return the bake that a grid's verdicts are about.

    Raises:
        LoraTuiError: they are about no bake of this workspace.
    """
    from trainer.jobs.proposals import judged_bake
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        return JudgedBake(journal.bakes.read(judged_bake(journal, workspace, made, notes)[0]))


def read_frontier(workspace: Workspace, subject: str) -> "Frontier":
    """Return minutes against what was measured and judged, over all bakes of a subject.

    Raises:
        LoraTuiError: no bake of it has saved a LoRA.
    """
    from trainer.advice.frontier import frontier_of
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        return frontier_of(journal, workspace, subject)


def move_named(advice: "Advice", key: str) -> "LadderSpec":
    """Return the ladder that would test a move.

    Raises:
        SettingsError: the advice has no move of that key, or it can only be tested by hand.
    """
    move = advice.move(key)
    if move is None:
        named = [each.key for each in (*advice.moves, *advice.set_aside)]
        raise SettingsError(
            "--ladder",
            found=f"no move {key}",
            expected=f"one of {', '.join(named)}" if named else "a bake with a symptom that is seen or named",
            way_out="`lora-tui advise N` lists the moves",
        )
    if move.ladder is None:
        raise SettingsError(f"move {key}", found="is tested by hand", way_out=move.by_hand)
    return move.ladder

"""Twins of the bake shown, previewed and queued in a worker thread."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer.errors import SettingsError
from trainer.settings.random_numbers import RandomSource
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.journal.records import Bake

ALL, NONE = "all", "none"
CHOICES = (*map(str, RandomSource), ALL, NONE)
"""What can be varied: a source of random numbers, all of them, or none for an exact repeat."""


@dataclass(frozen=True)
class QueuedTwins:
    """Twins that wait in the queue.

    Attributes:
        bakes: their rows.
        why: what they differ in.
        notes: what the user should know, one line each.
    """

    bakes: "tuple[Bake, ...]"
    why: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class TwinRequest:
    """Twins of bake `number`.

    Attributes:
        workspace: where the bake is.
        number: the bake.
        engine: key of the engine that takes the twins.
    """

    workspace: Workspace
    number: int
    engine: str

    def queue(self, vary: str, count: int) -> QueuedTwins:
        """Queue twins.

        Args:
            vary: one of CHOICES; the beginning of one is enough.
            count: how many.

        Raises:
            LoraTuiError: what is wrong; nothing was written.
        """
        from trainer.jobs.twin import preview_twins, queue_twins
        from trainer.journal.journal import Journal

        sources = sources_of(vary)
        with Journal(self.workspace.journal_path) as journal:
            twins = preview_twins(journal, self.workspace, self.number, sources, count)
            bakes = queue_twins(journal, self.workspace, twins, engine=self.engine)
        return QueuedTwins(bakes, twins.why, twins.notes)


def sources_of(vary: str) -> tuple[RandomSource, ...]:
    """Return the sources of random numbers that a choice of CHOICES, or its beginning, names; blank is all.

    Raises:
        SettingsError: it names none.
    """
    typed = vary.strip().lower() or ALL
    named = [choice for choice in CHOICES if choice.startswith(typed)]
    # `no` begins two of them.
    if len(named) != 1:
        raise SettingsError(
            "what varies", found=vary, expected=f"one of {', '.join(CHOICES)}", way_out="type one of them"
        )
    return tuple(source for source in RandomSource if named[0] in (ALL, source))

"""Names and states of jobs: a bake by its number and name; a grid's job by its own number, which orders use, and its grid's."""

from typing import TYPE_CHECKING, Protocol

from trainer.text import printable

if TYPE_CHECKING:
    from trainer.journal.records import Bake


class NamedBake(Protocol):
    """A bake by number and name, whichever record holds them."""

    @property
    def number(self) -> int:
        """Its number."""
        ...

    @property
    def name(self) -> str:
        """Its name, the user's text."""
        ...


def job_name(bake: "Bake", limit: int | None = None) -> str:
    """Return `0042 hifumi`, or of a grid's job `0043 grid 7 hifumi`.

    Args:
        bake: the row.
        limit: maximum number of characters of its name.
    """
    grid = "" if bake.grid is None else f"grid {bake.grid} "
    return f"{bake.number:04d} {grid}{printable(bake.name, limit)}"


def kind_of(bake: "Bake") -> str:
    """Return what the row is: `bake` or `grid`."""
    return "bake" if bake.grid is None else "grid"


def job_label(bake: "Bake", limit: int | None = None) -> str:
    """Return `bake 42 hifumi`, or of a grid's job `grid 7 hifumi`, in a sentence.

    Args:
        bake: the row.
        limit: maximum number of characters of its name.
    """
    return f"{kind_of(bake)} {bake.number if bake.grid is None else bake.grid} {printable(bake.name, limit)}"


def state_word(bake: "Bake") -> str:
    """Return the state of a row in a word.

    A grid's running job is `making`, as its grid is; a queued one that nobody released is `held`, and one that was removed from
    the queue before it started is `withdrawn`; one whose LoRAs come from elsewhere is `imported`.
    """
    # Here, since commands that only name a job load no records.
    from trainer.journal.records import BakeState

    if bake.grid is not None and bake.state is BakeState.BAKING:
        return "making"
    if bake.state is BakeState.QUEUED and bake.held:
        return "held"
    if bake.imported:
        return "imported"
    return "withdrawn" if bake.withdrawn else str(bake.state)

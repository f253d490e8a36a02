"""The grids of a workspace that were judged, with what was said of their pictures."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trainer.errors import LoraTuiError
from trainer.gallery.sidecar import MadeGrid, read_sidecar
from trainer.journal.grid_records import CellNote
from trainer.journal.journal import Journal
from trainer.workspace import Workspace

_GRIDS = 1000


@dataclass(frozen=True)
class JudgedGrid:
    """A grid with notes on its pictures.

    Attributes:
        number: of the grid.
        made: how its pictures were made.
        notes: cell -> the user's note; at least one.
    """

    number: int
    made: MadeGrid
    notes: Mapping[str, CellNote]


def judged_grids(journal: Journal, workspace: Workspace) -> Iterator[JudgedGrid]:
    """Yield the judged grids, the newest first, those that cannot be read left out."""
    for grid in journal.grids.latest(_GRIDS):
        notes = {note.cell: note for note in journal.grids.cell_notes(grid.number)}
        try:
            made = read_sidecar(workspace.root / grid.folder) if notes else None
        except LoraTuiError:
            # Opening the grid says what is wrong with it.
            continue
        if made is not None:
            yield JudgedGrid(grid.number, made, notes)

"""The grids in which a saved LoRA stands."""

from pathlib import Path

from trainer.errors import LoraTuiError
from trainer.gallery.sidecar import read_sidecar
from trainer.history.facts import alone_in, epoch_of_file
from trainer.journal.journal import Journal
from trainer.long_work import each
from trainer.workspace import Workspace

# Of older ones the pictures are hardly looked at again.
_MAX_GRIDS = 200


def newest_grid_of(journal: Journal, workspace: Workspace, bake: int, step: int) -> int | None:
    """Return the newest grid with pictures that a saved LoRA makes alone at full weight, by which it is judged; None without one.

    Args:
        journal, workspace: where the grids are.
        bake: the LoRA's.
        step: after which it was saved.

    Raises:
        WorkStopped: as long_work.advance.
    """
    for grid in each("looking at grids", journal.grids.latest(_MAX_GRIDS)):
        folder = workspace.root / grid.folder
        try:
            made = read_sidecar(folder)
        except (LoraTuiError, OSError):
            continue
        found: dict[Path, bool] = {}
        for cell in () if made is None else made.cells:
            file = alone_in(cell.recipe)
            if file is None:
                continue
            if file not in found:
                found[file] = epoch_of_file(journal, workspace, file) == (bake, step)
            if found[file] and (folder / cell.file).is_file():
                return grid.number
    return None

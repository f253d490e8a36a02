"""Recovery of grids into a new journal from their folders: the sidecar, the pictures, the user's notes."""

import re
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import GridError, LoraTuiError
from trainer.gallery.judged_file import JUDGED, read_judged
from trainer.gallery.sidecar import MadeGrid, read_sidecar
from trainer.grid.spec import spec_json
from trainer.journal.grid_records import Grid, GridState
from trainer.journal.journal import Journal
from trainer.workspace import Workspace

_FOLDER = re.compile(r"(\d{4,9})-(.+)")


@dataclass(frozen=True)
class RecoveredGrid:
    """What was recovered from one grid's folder.

    Attributes:
        folder: its name.
        grid: the grid in the new journal, None if nothing could be read.
        note: why not, or what was missing; "" if nothing was.
    """

    folder: str
    grid: Grid | None
    note: str = ""


def recover_grids(workspace: Workspace, into: Path) -> list[RecoveredGrid]:
    """Add the grids of `workspace` to the journal `into`, and return what each folder gave, by number.

    Raises:
        WorkspaceError: `into` cannot be written.
    """
    folders = sorted(each for each in workspace.grids.iterdir() if each.is_dir()) if workspace.grids.is_dir() else []
    with Journal(into) as journal:
        return [_recover_grid(folder, workspace, journal) for folder in folders]


def _recover_grid(folder: Path, workspace: Workspace, journal: Journal) -> RecoveredGrid:
    named = _FOLDER.fullmatch(folder.name)
    if named is None:
        return RecoveredGrid(folder.name, None, "not named like a grid folder: skipped")
    number = int(named[1])
    newest = next(iter(journal.grids.latest(1)), None)
    if newest is not None and newest.number >= number:
        return RecoveredGrid(folder.name, None, f"another folder has number {number}: skipped")
    try:
        made = read_sidecar(folder)
        if made is None:
            return RecoveredGrid(folder.name, None, "no grid.json: skipped")
    except LoraTuiError as error:
        return RecoveredGrid(folder.name, None, f"skipped: {error.line()}")
    try:
        notes, trouble = read_judged(folder, number), ""
    except GridError as error:
        # Without its verdicts the grid is still worth having.
        notes, trouble = [], f"{JUDGED} {error.found}: no verdicts"
    journal.grids.add(name=named[2], spec=spec_json(made.spec), least_number=number)
    done = _recover_pictures(made, folder, workspace, journal)
    journal.grids.set_spec(number, spec_json(made.spec), len(made.cells))
    journal.grids.set_progress(number, done=done, sampled=0, sampling_seconds=0.0, unet_passes=0, speed_class="")
    journal.grids.set_state(number, GridState.DONE if done == len(made.cells) else GridState.CUT)
    for note in notes:
        journal.grids.set_cell_note(note)
    return RecoveredGrid(folder.name, journal.grids.read(number), trouble)


def _recover_pictures(made: MadeGrid, folder: Path, workspace: Workspace, journal: Journal) -> int:
    there = [cell for cell in made.cells if (folder / cell.file).is_file()]
    for cell in there:
        journal.grids.note_picture(cell.fingerprint, (folder / cell.file).relative_to(workspace.root).as_posix())
    return len(there)

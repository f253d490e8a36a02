"""A grid's HTML page as a file, and the commands that fetch it to another machine."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lora_tui.terminal.copy_command import copy_command, print_command, this_machine
from trainer.errors import GridError
from trainer.refusals import current_folder, user_path
from trainer.text import printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.gallery.page import Page
    from trainer.journal.grid_records import Grid
    from trainer.journal.journal import Journal

DEFAULT_BYTES = 3_000_000
"""Largest size of a page by default: small enough for a mail or a chat."""


@dataclass(frozen=True)
class PageFile:
    """A page that was written.

    Attributes:
        path: the file.
        line: what it holds, one line.
        copy: the command that copies it to where one sits.
        show: the command that prints it there instead, without a file here.
    """

    path: Path
    line: str
    copy: str
    show: str


def make_page(journal: "Journal", workspace: Workspace, grid: "Grid", max_bytes: int = DEFAULT_BYTES) -> "Page":
    """Return the page of a grid.

    Args:
        journal: has the notes on its pictures.
        workspace: where it is.
        grid: its row.
        max_bytes: of the page.

    Raises:
        GridError: the grid has no pictures yet, or the page cannot be made so small.
    """
    from trainer.gallery.page import page
    from trainer.gallery.sidecar import read_sidecar

    folder = workspace.root / grid.folder
    made = read_sidecar(folder)
    if made is None:
        raise GridError(f"grid {grid.number}", found="has no pictures yet", expected="at least one")
    return page(made, folder, journal.grids.cell_notes(grid.number), max_bytes=max_bytes)


def write_page(
    journal: "Journal",
    workspace: Workspace,
    number: int,
    *,
    max_bytes: int = DEFAULT_BYTES,
    into: Path | None = None,
) -> PageFile:
    """Write the page of grid `number` and return where it is.

    Args:
        journal, workspace: of the grid.
        number: the grid's.
        max_bytes: of the page.
        into: the file; None for `NUMBER-NAME.html` in the grid's folder, or where that cannot be written in the current one.

    Raises:
        WorkspaceError: there is no such grid.
        GridError: as make_page, or the file cannot be written, or something of its name is in the current folder.
    """
    from trainer.atomic_file import write_atomically
    from trainer.gallery.page import size_text
    from trainer.text import plural

    grid = journal.grids.read(number)
    made = make_page(journal, workspace, grid, max_bytes)
    name = f"{Path(grid.folder).name}.html"
    path = user_path(into).absolute() if into else own_place(workspace.root / grid.folder, name, "grid")
    try:
        write_atomically(path, made.content)
    except OSError as error:
        raise GridError(printable(str(path)), found=f"cannot be written ({error.strerror})") from error
    box = this_machine()
    missing = f" ({made.missing:,} not made)" if made.missing else ""
    return PageFile(
        path,
        f"{size_text(len(made.content))}, {plural(made.pictures, 'picture')}{missing}: {made.size_note}",
        copy_command(path, box),
        print_command(["page", str(number), "--in", str(workspace.root), "--stdout"], name, box),
    )


def own_place(folder: Path, name: str, what: str) -> Path:
    """Return where a page is written that nobody gave a place: in the folder of what it shows, or if that cannot be written here.

    Args:
        folder: of what it shows.
        name: of the file.
        what: it shows: `grid`, `bake`.

    Raises:
        GridError: something of that name is in the current folder.
    """
    if os.access(folder, os.W_OK):
        return folder / name
    here = current_folder() / name
    if os.path.lexists(here):
        raise GridError(
            printable(str(here)),
            found=f"is already there, and the {what}'s own folder cannot be written",
            way_out="name the page with `-o FILE`",
        )
    return here

"""A thread that follows one grid on disk and in the journal, reads its pictures at the sizes asked for, and saves judgements."""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.pictures.grid_model import GridView
from lora_tui.pictures.picture_cache import Want
from lora_tui.wording.unexpected import as_error
from lora_tui.workers.picture_requests import PictureRequests, PicturesRead
from trainer.errors import LoraTuiError
from trainer.journal.grid_records import CellNote, Grid
from trainer.regular_file import open_regular
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from PIL.Image import Image

    from trainer.gallery.sidecar import MadeGrid
    from trainer.journal.journal import Journal

# More than any picture a sampler makes here; a broken or foreign file must not use up the memory.
_MAX_PIXELS = 64 * 2**20


@dataclass
class GridRead(Message):
    """The grid as it stands now."""

    view: GridView


@dataclass
class GridTrouble(Message):
    """The journal cannot be read or written at the moment; judgements are saved as soon as it can."""

    error: LoraTuiError


class GridWatcher(threading.Thread):
    """Follows the grid last opened.

    Args:
        workspace: whose grid it is.
        post: `post_message` of the screen.
        interval: seconds between two reads.
    """

    def __init__(self, workspace: Workspace, post: Callable[[Message], object], interval: float = 0.5) -> None:
        super().__init__(name="grid", daemon=True)
        self._workspace = workspace
        self._post = post
        self._interval = interval
        self._asked: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._number: int | None = None
        self._unwritten: deque[CellNote] = deque()
        self._reader: _Reader | None = None
        self._reading = PictureRequests(open_made_picture)
        self._told = ""
        self._ended = False

    def open(self, number: int) -> None:
        """Follow grid `number` from now on."""
        self._asked.put(lambda: self._follow(number))

    def note(self, note: CellNote) -> None:
        """Save a judgement of a picture."""
        self._asked.put(lambda: self._unwritten.append(note))

    def request_pictures(self, who: object, wants: tuple[Want, ...]) -> None:
        """Read these pictures, the first first, in place of what `who` asked for before."""
        self._asked.put(lambda: self._reading.request(who, wants))

    def stop(self) -> None:
        """End after saving the judgements; does not wait."""
        self._asked.put(None)

    def run(self) -> None:
        """Read and save until stopped."""
        from trainer.journal.journal import Journal

        while not self._ended:
            try:
                with Journal(self._workspace.journal_path) as journal:
                    self._work(journal)
            except Exception as error:
                # A journal that stays locked: what is shown stays, notes wait, and the next turn opens it again.
                known = as_error("grid", error)
                if known.line() != self._told:
                    self._told = known.line()
                    self._post(GridTrouble(known))
                self._reader = None
                if not self._ended:
                    self._take(self._interval)

    def _work(self, journal: "Journal") -> None:
        looked = 0.0
        while not self._ended:
            if self._unwritten or time.monotonic() - looked >= self._interval:
                self._write_notes(journal)
                self._look(journal)
                looked, self._told = time.monotonic(), ""
            came = self._reading.some()
            if came:
                self._post(PicturesRead(came))
            self._take(0.0 if self._reading.waiting else self._interval)
        self._write_notes(journal)

    def _write_notes(self, journal: "Journal") -> None:
        """Save judgements, in the journal and beside the pictures."""
        from trainer.gallery.judged_file import write_judged

        grids = {note.grid for note in self._unwritten}
        while self._unwritten:
            journal.grids.set_cell_note(self._unwritten[0])
            self._unwritten.popleft()
        for number in grids:
            write_judged(journal.grids.cell_notes(number), self._workspace.root / journal.grids.read(number).folder)

    def _take(self, wait: float) -> None:
        """Take all that was asked, waiting for the first."""
        try:
            asked = self._asked.get(timeout=wait) if wait else self._asked.get_nowait()
            while asked is not None:
                asked()
                asked = self._asked.get_nowait()
        except queue.Empty:
            return
        self._ended = True

    def _follow(self, number: int) -> None:
        self._number = number
        self._reader = None

    def _look(self, journal: "Journal") -> None:
        if self._number is None:
            return
        if self._reader is None:
            self._reader = _Reader(journal, self._workspace, self._number)
        view = self._reader.look()
        if view is not None:
            self._post(GridRead(view))


class _Reader:
    """Reads of one grid what may have changed."""

    def __init__(self, journal: "Journal", workspace: Workspace, number: int) -> None:
        self._journal = journal
        self._workspace = workspace
        self._number = number
        self._told: GridView | None = None
        self._sidecar_stamp: object = ()
        self._made: MadeGrid | None = None
        self._trouble = ""
        self._folder_stamp: object = ()
        self._there: frozenset[str] = frozenset()
        self._checklist: tuple[str, ...] = ()

    def look(self) -> GridView | None:
        """Return the grid where it differs from what was returned before."""
        grid = self._journal.grids.read(self._number)
        folder = self._workspace.root / grid.folder
        self._read_folder(folder, grid)
        notes = {note.cell: note for note in self._journal.grids.cell_notes(self._number)}
        proposed = {each.cell: each for each in self._journal.grids.proposed_ticks(self._number)}
        view = GridView(grid, folder, self._made, self._there, notes, self._checklist, proposed, self._trouble)
        if view == self._told:
            return None
        self._told = view
        return view

    def _read_folder(self, folder: Path, grid: Grid) -> None:
        from trainer.gallery.sidecar import SIDECAR, read_sidecar

        stamp = _stamp(folder / SIDECAR)
        if stamp != self._sidecar_stamp:
            self._sidecar_stamp = stamp
            try:
                self._made, self._trouble = read_sidecar(folder), ""
            except LoraTuiError as error:
                self._made, self._trouble = None, error.line()
            self._checklist = self._read_checklist()
        # The row too: two pictures within one tick of the file system's clock leave it the same time.
        stamp = (_stamp(folder), grid)
        if stamp != self._folder_stamp:
            self._folder_stamp = stamp
            self._there = frozenset(path.name for path in folder.glob("*.png"))

    def _read_checklist(self) -> tuple[str, ...]:
        from trainer.settings.subject import load_subject

        name = self._made.spec.subject if self._made is not None else ""
        if not name or "/" in name or "\0" in name:
            return ()
        try:
            return tuple(load_subject(self._workspace.subjects / f"{name}.toml").checklist)
        except LoraTuiError:
            # The subject may be gone or half edited: its pictures can still be looked at.
            return ()


def open_made_picture(path: Path) -> "Image | None":
    """Return the picture of a grid in RGB, None where the file cannot be read or is none."""
    from PIL import Image

    try:
        with open_regular(path) as file, Image.open(file, formats=("PNG",)) as image:
            if image.width * image.height > _MAX_PIXELS:
                return None
            return image.convert("RGB")
    except Exception:  # Pillow's readers raise what they like on a broken file
        return None


def _stamp(path: Path) -> object:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino

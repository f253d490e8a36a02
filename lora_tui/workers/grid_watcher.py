"""A thread that follows one grid on disk and in the journal, reads its pictures at the sizes asked for, and saves judgements."""

import queue
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.pictures.grid_model import GridView
from lora_tui.pictures.picture_cache import UNREADABLE, Pixels, Want, fitted
from lora_tui.wording.unexpected import as_error
from trainer.errors import LoraTuiError
from trainer.journal.records import CellNote, Grid
from trainer.regular_file import open_regular
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from PIL.Image import Image

    from trainer.gallery.sidecar import MadeGrid
    from trainer.journal.journal import Journal

# Pictures are posted in batches: one paint for several.
_BATCH_SECONDS = 0.04
_MAX_DECODED_BYTES = 96 * 2**20
# More than any picture a sampler makes here; a broken or foreign file must not use up the memory.
_MAX_PIXELS = 64 * 2**20


@dataclass
class GridRead(Message):
    """The grid as it stands now."""

    view: GridView


@dataclass
class PicturesRead(Message):
    """Pictures that were asked for."""

    pixels: Mapping[Want, Pixels]


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
        self._reading = _Pictures()
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
        view = GridView(grid, folder, self._made, self._there, notes, self._checklist, self._trouble)
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


class _Pictures:
    """Reads pictures one after the other; what was decoded last stays, for it is often asked for at another size."""

    def __init__(self) -> None:
        self._wishes: dict[object, deque[Want]] = {}
        self._decoded: OrderedDict[Path, Image | None] = OrderedDict()
        self._bytes = 0

    @property
    def waiting(self) -> bool:
        return any(self._wishes.values())

    def request(self, who: object, wants: tuple[Want, ...]) -> None:
        self._wishes.pop(who, None)
        if wants:
            self._wishes[who] = deque(wants)

    def some(self) -> dict[Want, Pixels]:
        """Return some of what is wanted, after a moment at most."""
        came: dict[Want, Pixels] = {}
        until = time.monotonic() + _BATCH_SECONDS
        while self.waiting and time.monotonic() < until:
            # Who asked last has the user's eye.
            wants = next(wants for wants in reversed(self._wishes.values()) if wants)
            want = wants.popleft()
            if want not in came:
                came[want] = self._read(want)
        return came

    def _read(self, want: Want) -> Pixels:
        from PIL.Image import Resampling

        image = self._decode(want.path)
        if image is None:
            return UNREADABLE
        if want.region is not None:
            left, top, right, bottom = want.region
            image = image.crop((left, top, right, bottom + (bottom - top) % 2))
        else:
            size = fitted(image.width, image.height, want.width, want.height)
            # Enlarged pixels stay pixels; a smooth blur would look like detail that is not there.
            way = Resampling.NEAREST if size[0] >= image.width else Resampling.BOX
            image = image.resize(size, way)
        return Pixels(image.width, image.height, image.tobytes())

    def _decode(self, path: Path) -> "Image | None":
        if path in self._decoded:
            self._decoded.move_to_end(path)
            return self._decoded[path]
        image = _opened(path)
        self._decoded[path] = image
        self._bytes += _size(image)
        while self._bytes > _MAX_DECODED_BYTES and len(self._decoded) > 1:
            self._bytes -= _size(self._decoded.popitem(last=False)[1])
        return image


def _opened(path: Path) -> "Image | None":
    from PIL import Image

    try:
        with open_regular(path) as file, Image.open(file, formats=("PNG",)) as image:
            if image.width * image.height > _MAX_PIXELS:
                return None
            return image.convert("RGB")
    except Exception:  # Pillow's readers raise what they like on a broken file
        return None


def _size(image: "Image | None") -> int:
    return image.width * image.height * 3 if image is not None else 0


def _stamp(path: Path) -> object:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino

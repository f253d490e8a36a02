"""The thread that follows a grid: what it tells, reads and writes."""

import queue
import shutil
import time
from pathlib import Path

import pytest
from grid_viewer import CHECKLIST, Gallery
from PIL import Image

from lora_tui.pictures.grid_model import GridView
from lora_tui.pictures.picture_cache import Pixels, Want
from lora_tui.workers.grid_watcher import GridRead, GridTrouble, GridWatcher
from lora_tui.workers.picture_requests import PicturesRead
from trainer.gallery.judged_file import read_judged
from trainer.journal.grid_records import CellNote, GridState


class Heard:
    """A running keeper, and what it posts."""

    def __init__(self, gallery: Gallery) -> None:
        self.gallery = gallery
        self.messages: queue.SimpleQueue[object] = queue.SimpleQueue()
        self.watcher = GridWatcher(gallery.workspace, self.messages.put, interval=0.02)
        self.watcher.start()

    def view(self, wanted=lambda view: True) -> GridView:
        return self._next(GridRead, lambda message: wanted(message.view)).view

    def pixels(self, want: Want) -> Pixels:
        return self._next(PicturesRead, lambda message: want in message.pixels).pixels[want]

    def trouble(self) -> str:
        return self._next(GridTrouble, lambda message: True).error.line()

    def _next(self, kind, wanted):
        end = time.monotonic() + 60
        while True:
            message = self.messages.get(timeout=max(0.01, end - time.monotonic()))
            if isinstance(message, kind) and wanted(message):
                return message


@pytest.fixture
def heard(tmp_path: Path):
    heard = Heard(Gallery(tmp_path / "workspace", (3, 2, 1, 2), missing=3))
    yield heard
    heard.watcher.stop()
    heard.watcher.join(10)
    assert not heard.watcher.is_alive()


def test_a_grid_is_read_from_journal_folder_and_subject(heard: Heard) -> None:
    heard.watcher.open(1)
    view = heard.view()
    assert view.made == heard.gallery.made
    assert view.there == {cell.file for cell in view.made.cells[:-3]}
    assert view.checklist == CHECKLIST
    assert view.grid.state is GridState.MAKING


def test_pictures_that_come_are_reported_as_they_come(heard: Heard) -> None:
    heard.watcher.open(1)
    first = heard.view()
    missing = first.made.cells[-1].file
    shutil.copy(heard.gallery.folder / first.made.cells[0].file, heard.gallery.folder / missing)
    assert heard.view(lambda view: missing in view.there).made is first.made


def test_nothing_new_is_reported_of_a_grid_that_stands_still(heard: Heard) -> None:
    heard.watcher.open(1)
    heard.view()
    time.sleep(0.3)
    assert heard.messages.empty()


def test_what_another_program_notes_is_reported(heard: Heard) -> None:
    heard.watcher.open(1)
    heard.view()
    with heard.gallery.journal() as journal:
        journal.grids.set_cell_note(CellNote(1, "x1-y1-z1-s1", favourite=True))
    assert heard.view(lambda view: view.notes).notes["x1-y1-z1-s1"].favourite


def test_a_note_is_written(heard: Heard) -> None:
    heard.watcher.open(1)
    note = CellNote(1, "x2-y1-z1-s1", whole="over", ticks={"halo": True}, seconds=5.0)
    heard.watcher.note(note)
    heard.view(lambda view: view.notes)
    assert heard.gallery.notes() == {note.cell: note}


def test_what_was_thought_lies_beside_the_pictures_too(heard: Heard) -> None:
    heard.watcher.open(1)
    note = CellNote(1, "x1-y1-z1-s1", whole="right", ticks={"halo": True}, seconds=7.0)
    heard.watcher.note(note)
    heard.view(lambda view: bool(view.notes))
    assert read_judged(heard.gallery.folder, 1) == [note]


def test_notes_given_just_before_the_end_are_written(heard: Heard) -> None:
    notes = [CellNote(1, f"x{x}-y1-z1-s1", favourite=True) for x in (1, 2, 3)]
    for note in notes:
        heard.watcher.note(note)
    heard.watcher.stop()
    heard.watcher.join(10)
    assert set(heard.gallery.notes()) == {note.cell for note in notes}


def test_a_note_waits_while_the_journal_cannot_be_read(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path / "workspace")
    path = gallery.workspace.journal_path
    path.rename(tmp_path / "away")
    path.write_bytes(b"no journal" * 100)
    heard = Heard(gallery)
    heard.watcher.note(CellNote(1, "x1-y1-z1-s1", favourite=True))
    assert "journal" in heard.trouble()
    (tmp_path / "away").replace(path)
    heard.watcher.open(1)
    heard.view(lambda view: view.notes)
    heard.watcher.stop()
    heard.watcher.join(10)
    assert gallery.notes()["x1-y1-z1-s1"].favourite


def test_a_picture_comes_at_the_size_it_is_wanted(heard: Heard) -> None:
    want = Want(heard.gallery.folder / "x1-y1-z1-s1.png", 12, 20)
    heard.watcher.request_pictures("sheet", (want,))
    pixels = heard.pixels(want)
    assert (pixels.width, pixels.height, len(pixels.data)) == (12, 12, 12 * 12 * 3)


def test_a_region_comes_at_its_native_pixels(heard: Heard) -> None:
    path = heard.gallery.folder / "x1-y1-z1-s1.png"
    want = Want(path, 0, 0, (4, 8, 20, 24))
    heard.watcher.request_pictures("crop", (want,))
    with Image.open(path) as image:
        expected = image.convert("RGB").crop((4, 8, 20, 24)).tobytes()
    assert heard.pixels(want) == Pixels(16, 16, expected)


def test_a_broken_file_is_unreadable_and_the_next_ones_come(heard: Heard) -> None:
    broken, whole = (heard.gallery.folder / f"x{x}-y1-z1-s1.png" for x in (1, 2))
    broken.write_bytes(whole.read_bytes()[:200])
    wants = (Want(broken, 8, 8), Want(whole, 8, 8))
    heard.watcher.request_pictures("sheet", wants)
    came = {want: heard.pixels(want) for want in wants[:1]}
    assert not came[wants[0]]
    heard.watcher.request_pictures("sheet", wants[1:])
    assert heard.pixels(wants[1])


def test_a_later_change_replaces_the_one_before(heard: Heard) -> None:
    gone = tuple(Want(heard.gallery.folder / "x1-y1-z1-s1.png", side, side) for side in range(500, 900))
    want = Want(heard.gallery.folder / "x2-y1-z1-s1.png", 8, 8)
    heard.watcher.request_pictures("sheet", gone)
    heard.watcher.request_pictures("sheet", (want,))
    assert heard.pixels(want)
    time.sleep(0.2)
    assert heard.messages.empty()


def test_a_damaged_sidecar_is_reported_as_the_grids_trouble(heard: Heard) -> None:
    (heard.gallery.folder / "grid.json").write_text("{")
    heard.watcher.open(1)
    view = heard.view()
    assert view.made is None
    assert "damaged" in view.trouble


def test_a_subject_that_is_gone_leaves_the_grid_without_a_checklist(heard: Heard) -> None:
    (heard.gallery.workspace.subjects / "hifumi.toml").unlink()
    heard.watcher.open(1)
    assert heard.view().checklist == ()


def test_a_grid_that_is_not_there_is_reported(heard: Heard) -> None:
    heard.watcher.open(9)
    assert "no grid 9" in heard.trouble()

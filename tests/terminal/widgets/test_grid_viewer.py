"""Looking at a grid and judging it, with the keys."""

from pathlib import Path

import pytest
from grid_viewer import CHECKLIST, Gallery, GalleryApp, until

from lora_tui.screens.checklist import ChecklistDialog
from lora_tui.screens.compare import ComparedPictures, CompareScreen
from lora_tui.screens.crop import CropScreen, Square, first_square
from lora_tui.screens.full_picture import FullPictureScreen
from lora_tui.widgets.crop_view import framed
from lora_tui.widgets.picture_view import PictureView
from trainer.grid.cell import Place
from trainer.journal.grid_records import CellNote, GridState, ProposedTicks


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    return Gallery(tmp_path / "workspace", (3, 2, 1, 2))


def screen_text(app: GalleryApp) -> str:
    return " ".join(note.message for note in app._notifications)


def words(app: GalleryApp) -> str:
    return str(app.viewer.query_one("#about > Static").content)


async def test_beside_the_sheet_stand_the_picture_and_its_words(gallery: Gallery) -> None:
    app = GalleryApp(gallery)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        await pilot.press("right", "right", "down")
        await pilot.pause()
        assert app.viewer.cell.place == Place(1, 1, 0, 0)
        for part in ("Epoch 2 · U-Net weight 0.25", "seed 11", "hifumi-000002"):
            assert part in words(app)


async def test_the_same_picture_at_the_epochs_beside_stands_below(gallery: Gallery) -> None:
    app = GalleryApp(gallery)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        before, after = (app.viewer.query_one(name, PictureView) for name in ("#before", "#after"))
        assert not before.visible and after.visible
        await pilot.press("right", "right")
        await until(pilot, lambda: before._now() and after._now())
        assert before._path == gallery.folder / "x1-y1-z1-s1.png"
        assert after._path == gallery.folder / "x3-y1-z1-s1.png"
        assert "‹ 1" in app.text and "3 ›" in app.text


async def test_the_picture_before_stands_until_the_next_has_come_and_a_broken_one_says_so(gallery: Gallery) -> None:
    (gallery.folder / "x2-y1-z1-s1.png").write_bytes(b"no picture")
    app = GalleryApp(gallery)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        large = app.viewer.query_one("#large", PictureView)
        await until(pilot, large._now)
        before = large._pixels()
        keeper_reads = app.viewer.pictures._request
        app.viewer.pictures._request = lambda who, wants: None
        await pilot.press("right")
        await pilot.pause()
        assert large._path.name == "x1-y1-z1-s2.png" and large._pixels() is before
        app.viewer.pictures._request = keeper_reads
        await pilot.press("right")
        await until(pilot, lambda: "cannot be read" in app.text)
        assert not large._pixels()


@pytest.mark.parametrize(
    ("keys", "note"),
    [
        (("space",), CellNote(1, "x1-y1-z1-s1", favourite=True)),
        (("space", "space"), CellNote(1, "x1-y1-z1-s1")),
        (("1",), CellNote(1, "x1-y1-z1-s1", whole="under")),
        (("1", "3"), CellNote(1, "x1-y1-z1-s1", whole="over")),
        (("2", "2"), CellNote(1, "x1-y1-z1-s1")),
        (("U", "3", "T", "1", "2"), CellNote(1, "x1-y1-z1-s1", whole="right", unet="over", text_encoder="under")),
        (("U", "right", "2"), CellNote(1, "x1-y1-z1-s2", whole="right")),
    ],
)
async def test_keys_say_what_is_thought_of_the_picture(gallery: Gallery, keys, note: CellNote) -> None:
    app = GalleryApp(gallery)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        await pilot.press(*keys)
        await until(pilot, lambda: note.cell in gallery.notes())

        def kept() -> bool:
            found = gallery.notes()[note.cell]
            return found.seconds > 0 and found == CellNote(**{**vars(note), "seconds": found.seconds})

        await until(pilot, kept)
        assert app.viewer.selection.notes[note.cell].whole == note.whole


async def test_an_onlooker_says_nothing(gallery: Gallery) -> None:
    app = GalleryApp(gallery, may_judge=False)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        await pilot.press("2")
        await pilot.pause()
        assert app.viewer.selection.notes == {}
    assert gallery.notes() == {}


async def test_the_checklist_is_ticked_item_by_item(gallery: Gallery) -> None:
    app = GalleryApp(gallery)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        assert app.viewer.selection.checklist == CHECKLIST
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, ChecklistDialog))
        await pilot.press("y", "n", "enter")
        await until(pilot, gallery.notes)
        assert gallery.notes()["x1-y1-z1-s1"].ticks == {CHECKLIST[0]: True, CHECKLIST[1]: False}
        assert "1/2" in app.text


def beside(text: str) -> str:
    """Return the words of the pane beside the sheet, however they are broken."""
    lines = text.splitlines()
    start = lines[0].index("─ picture ")
    return " ".join(" ".join(line[start:] for line in lines[1:]).replace("│", " ").split())


async def test_what_a_tagger_proposes_counts_once_it_is_taken_over(gallery: Gallery) -> None:
    ticks = {CHECKLIST[0]: True, CHECKLIST[2]: False}
    with gallery.journal() as journal:
        journal.grids.propose_ticks(1, [ProposedTicks(1, "x1-y1-z1-s1", ticks, "wd-tiny", 1.0)])
    app = GalleryApp(gallery)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        assert f"? wd-tiny proposes {CHECKLIST[0]}: yes, {CHECKLIST[2]}: no" in beside(app.text)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, ChecklistDialog))
        assert "proposed: yes" in app.text
        # Kept as it is, nothing of it is the user's.
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, ChecklistDialog))
        assert app.viewer.selection.notes == {}
        await pilot.press("c", "n", "p", "enter")
        await until(pilot, gallery.notes)
        # What the user has checked differently stays.
        assert gallery.notes()["x1-y1-z1-s1"].ticks == {CHECKLIST[0]: False, CHECKLIST[2]: False}
        await until(pilot, lambda: "proposes" not in app.text)


async def test_a_checklist_left_with_escape_changes_nothing(gallery: Gallery) -> None:
    app = GalleryApp(gallery)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        await pilot.press("c", "y", "escape")
        await pilot.pause()
        assert app.viewer.selection.notes == {}


async def test_blind_mode_hides_the_labels_and_shuffles_the_pictures(gallery: Gallery) -> None:
    app = GalleryApp(gallery)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        await pilot.press("B")
        await until(pilot, lambda: app.complete)
        assert app.viewer.selection.blind
        for hidden in ("Epoch 1", "U-Net weight 0", "seed 11", "0.25", "‹", "›"):
            assert hidden not in app.text
        x, y, z, seeds = app.viewer.selection.made.shape
        shown = [
            app.sheet._want(app.sheet._place(column, line)).path for line in range(y) for column in range(x * seeds)
        ]
        assert shown != [gallery.folder / cell.file for cell in gallery.made.cells]
        assert sorted(shown) == sorted(gallery.folder / cell.file for cell in gallery.made.cells)
        assert z == 1


async def test_a_verdict_given_blind_is_that_of_the_true_picture_and_is_revealed_after(gallery: Gallery) -> None:
    app = GalleryApp(gallery)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        await pilot.press("B", "right", "3")
        shown_file = app.sheet._want(app.sheet.cursor).path.name
        await until(pilot, gallery.notes)
        (note,) = gallery.notes().values()
        assert f"{note.cell}.png" == shown_file
        await pilot.press("B")
        await pilot.pause()
        assert not app.viewer.selection.blind
        # The cursor stays on the picture, and its labels are told now.
        assert app.sheet.cursor == app.viewer.cell.place
        assert app.viewer.cell.place.name == note.cell
        assert "Epoch" in words(app)


async def test_enter_shows_the_picture_large_and_the_keys_continue(gallery: Gallery) -> None:
    app = GalleryApp(gallery)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, FullPictureScreen))
        picture = app.screen.query_one(PictureView)
        await until(pilot, picture._now)
        assert picture._now().width == 2 * (36 - 2)
        await pilot.press("right", "2")
        await until(pilot, lambda: "seed 12   =" in app.text)
        await pilot.press("escape")
        await until(pilot, gallery.notes)
        assert gallery.notes()["x1-y1-z1-s2"].whole == "right"
        assert app.screen is app.viewer.screen


async def test_a_comparison_needs_another_picture_marked(gallery: Gallery) -> None:
    app = GalleryApp(gallery)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        await pilot.press("w")
        await pilot.press("m", "w")
        await pilot.pause()
        assert app.screen is app.viewer.screen
        assert "mark a picture with m" in screen_text(app)


async def test_a_comparison_shows_one_picture_left_of_the_edge_and_the_other_right(gallery: Gallery) -> None:
    app = GalleryApp(gallery)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        await pilot.press("m", "end", "w")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        pair = app.screen.query_one(ComparedPictures)
        first, second = pair._wants()
        await until(pilot, lambda: app.viewer.pictures.find(first) and app.viewer.pictures.find(second))

        def grounds() -> tuple[str, str]:
            line = pair.render_line(1)
            inside = [line.crop(x, x + 1) for x in (40, 78)]
            return tuple(next(iter(cell)).style.bgcolor.triplet.hex for cell in inside)

        left, right = grounds()
        assert left != right
        await pilot.press("end")
        assert grounds() == (left, left)
        await pilot.press("home")
        assert grounds() == (right, right)
        await pilot.press("tab")
        assert grounds() == (left, left)
        assert "◀ Epoch 3" in app.text


async def test_a_region_is_marked_and_shown_of_every_epoch_at_native_pixels(gallery: Gallery) -> None:
    app = GalleryApp(gallery)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        await pilot.press("down", "z")
        await until(pilot, lambda: isinstance(app.screen, CropScreen))
        crop = app.screen
        before = crop.square
        await pilot.press("right", "down", "minus", "enter")
        await pilot.pause()
        assert (crop.square.left, crop.square.side) == (before.left + 4 + 4, before.side - 8)
        wants = [want for _, want in crop._crops._crops]
        assert [want.path.name for want in wants] == [f"x{x}-y2-z1-s1.png" for x in (1, 2, 3)]
        await until(pilot, lambda: all(app.viewer.pictures.find(want) for want in wants))
        side = crop.square.side
        assert {app.viewer.pictures.find(want).width for want in wants} == {side}
        assert [label for label, _ in crop._crops._crops] == ["1", "2", "3"]
        await pilot.press("escape", "right", "z")
        await pilot.pause()
        # The next picture is looked at in the same place.
        assert app.screen.square == crop.square


async def test_blind_crops_have_no_labels(gallery: Gallery) -> None:
    app = GalleryApp(gallery)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        await pilot.press("B", "z", "enter")
        await until(pilot, lambda: isinstance(app.screen, CropScreen))
        assert [label for label, _ in app.screen._crops._crops] == ["", "", ""]
        assert "Epoch" not in app.text


def test_a_region_stays_in_its_picture_and_is_of_whole_lines() -> None:
    for square in (Square(-10, 500, 41), Square(500, -3, 600), Square(7, 7, 9)):
        left, top, right, bottom = square.within(512, 384).region
        assert 0 <= left < right <= 512 and 0 <= top < bottom <= 384
        assert top % 2 == 0 and (bottom - top) % 2 == 0
    assert first_square(64, 64).side == 32


def test_a_frame_changes_the_edge_of_its_box_alone() -> None:
    from lora_tui.pictures.picture_cache import Pixels

    drawn = framed(Pixels(4, 4, bytes(48)), (1, 0, 4, 3), (9, 9, 9))
    marks = ["".join("#" if drawn.data[(y * 4 + x) * 3] else "." for x in range(4)) for y in range(4)]
    assert marks == [".###", ".#.#", ".###", "...."]


async def test_a_grid_that_failed_says_why(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path / "workspace", (2, 1, 1, 1))
    (gallery.folder / "grid.json").unlink()
    with gallery.journal() as journal:
        journal.grids.set_state(1, GridState.FAILED, "the base is gone")
    app = GalleryApp(gallery)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: "the base is gone" in app.text)
        # Keys that need a picture do nothing without one.
        await pilot.press("space", "2", "enter", "w", "z", "c", "B", "right")
        await pilot.pause()
        assert app.screen is app.viewer.screen


async def test_another_grid_takes_the_place_of_the_one_shown(gallery: Gallery) -> None:
    with gallery.journal() as journal:
        journal.grids.add(name="second", spec="{}")
    app = GalleryApp(gallery)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        await pilot.press("2", "right")
        app.viewer.open_grid(2)
        await until(pilot, lambda: "no pictures yet" in app.text)
        assert app.viewer.selection.notes == {} and app.viewer.cell is None
        app.viewer.open_grid(1)
        await until(pilot, lambda: app.complete)
        assert app.sheet.cursor == Place(0, 0, 0, 0)
        assert app.viewer.selection.notes["x1-y1-z1-s1"].whole == "right"

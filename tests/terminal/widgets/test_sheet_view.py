"""The matrix of small pictures: how large, where, and what is painted again."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from grid_viewer import Gallery, GalleryApp, until, view_of
from made_grid import made_grid

from lora_tui.widgets.sheet_layout import MIN_WIDTH, lay_out
from trainer.grid.cell import Place


@pytest.mark.parametrize("room", [(72, 33), (46, 20), (200, 60)])
def test_a_small_grid_fits_its_room(tmp_path: Path, room: tuple[int, int]) -> None:
    layout = lay_out(view_of(made_grid(tmp_path / "g", (4, 3, 1, 1))), *room, 0)
    assert layout.full_width <= room[0] and layout.full_height <= room[1]
    assert layout.width >= MIN_WIDTH


def test_pictures_of_a_large_grid_stay_large_enough_to_be_seen(tmp_path: Path) -> None:
    layout = lay_out(view_of(made_grid(tmp_path / "g", (12, 8, 1, 2))), 72, 33, 0)
    assert layout.width == MIN_WIDTH
    assert layout.full_width > 72


def test_a_picture_has_the_room_of_its_proportion(tmp_path: Path) -> None:
    made = made_grid(tmp_path / "g", (3, 1, 1, 1))
    tall = replace(made, cells=tuple(replace(c, recipe=replace(c.recipe, height=128)) for c in made.cells))
    square, upright = (lay_out(view_of(one), 72, 60, 0) for one in (made, tall))
    assert abs(square.height * 2 - square.width) <= 1
    assert abs(upright.height - upright.width) <= 1


def test_the_picture_under_a_cell_of_the_terminal_is_the_one_drawn_there(tmp_path: Path) -> None:
    layout = lay_out(view_of(made_grid(tmp_path / "g", (4, 3, 1, 2))), 90, 40, 0)
    for column in range(layout.columns):
        for line in range(layout.lines):
            x, y = layout.corner(column, line)
            assert layout.at(x, y, 0, 0) == (column, line)
    assert layout.at(0, 0, 0, 0) is None


async def test_the_sheet_shows_labels_counts_and_pictures(tmp_path: Path) -> None:
    app = GalleryApp(Gallery(tmp_path / "w", (3, 2, 2, 1)))
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        assert "grid 0001  ✓ 12/12  sheet 1/2  hifumi, red dress  Epoch × U-Net" in app.text
        assert "▀" in app.text
        assert " 0.25" in app.text


async def test_a_picture_still_to_come_is_a_dot_and_then_appears(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path / "w", (2, 1, 1, 1), missing=1)
    app = GalleryApp(gallery)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        lines = [app.sheet.render_line(y).text for y in range(app.sheet._room.height)]
        assert sum("·" in line for line in lines) == 1
        before, after = (gallery.made.cells[at].file for at in (0, 1))
        assert app.sheet._want(Place(1, 0, 0, 0)) is None
        shutil.copy(gallery.folder / before, gallery.folder / after)
        await until(pilot, lambda: app.sheet._want(Place(1, 0, 0, 0)) is not None and app.complete)


async def test_the_cursor_goes_over_seeds_and_values_and_stays_on_the_sheet(tmp_path: Path) -> None:
    app = GalleryApp(Gallery(tmp_path / "w", (3, 2, 2, 2)))
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        places = []
        for key in (
            "up",
            "right",
            "l",
            "down",
            "j",
            "left",
            "end",
            "home",
            "right_square_bracket",
            "left_square_bracket",
        ):
            await pilot.press(key)
            places.append(app.sheet.cursor)
        assert places == [
            Place(0, 0, 0, 0),
            Place(0, 0, 0, 1),
            Place(1, 0, 0, 0),
            Place(1, 1, 0, 0),
            Place(1, 1, 0, 0),
            Place(0, 1, 0, 1),
            Place(2, 1, 0, 1),
            Place(0, 1, 0, 0),
            Place(0, 1, 1, 0),
            Place(0, 1, 0, 0),
        ]


async def test_the_cursor_is_always_in_view_on_a_sheet_too_large_for_it(tmp_path: Path) -> None:
    app = GalleryApp(Gallery(tmp_path / "w", (8, 6, 1, 1)))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.complete)
        for key in ("end", "down", "down", "down", "down", "down", "plus", "home"):
            await pilot.press(key)
            await pilot.pause()
            box = app.sheet._box(app.sheet.cursor, app.sheet._layout.line_height)
            room = app.sheet._room
            assert app.sheet._layout.label <= box.x - 1 and box.right + 1 <= room.width
            assert app.sheet._layout.head <= box.y and box.bottom <= room.height


async def test_a_click_puts_the_cursor_on_the_picture(tmp_path: Path) -> None:
    app = GalleryApp(Gallery(tmp_path / "w", (3, 2, 1, 1)))
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        box = app.sheet._box(Place(2, 1, 0, 0), 1)
        # The rule above the sheet is a line of the widget too.
        await pilot.click(app.sheet, offset=(box.x + 2, box.y + 2))
        await pilot.pause()
        assert app.sheet.cursor == Place(2, 1, 0, 0)


async def test_moving_the_cursor_paints_frames_and_no_picture_of_the_sheet(tmp_path: Path) -> None:
    app = GalleryApp(Gallery(tmp_path / "w", (4, 3, 1, 1)))
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        painted = []
        refresh = app.sheet.refresh
        app.sheet.refresh = lambda *regions, **options: (
            painted.extend(regions or ["all"]) or refresh(*regions, **options)
        )
        await pilot.press("right")
        await pilot.pause()
        assert painted and all(region.width == 1 for region in painted)


async def test_a_verdict_paints_one_caption(tmp_path: Path) -> None:
    app = GalleryApp(Gallery(tmp_path / "w", (4, 3, 1, 1)))
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        painted = []
        refresh = app.sheet.refresh
        app.sheet.refresh = lambda *regions, **options: (
            painted.extend(regions or ["all"]) or refresh(*regions, **options)
        )
        await pilot.press("2")
        await pilot.pause()
        assert {region.height for region in painted} == {1}


async def test_foreign_labels_do_not_break_a_line(tmp_path: Path) -> None:
    from made_grid import renamed

    from trainer.gallery.sidecar import write_sidecar

    gallery = Gallery(tmp_path / "w", (2, 2, 1, 1))
    write_sidecar(
        renamed(gallery.made, x=("セーラー服と機関銃の長い名前", "\x1b[31m"), y=("水着", "[b]")), gallery.folder
    )
    app = GalleryApp(gallery)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.complete)
        assert {app.sheet.render_line(y).cell_length for y in range(app.sheet._room.height)} == {app.sheet._room.width}
        assert "セーラー" in app.text and "水着" in app.text and "\x1b" not in app.text

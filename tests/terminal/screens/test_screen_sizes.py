"""Every screen at every size: opened once, then resized. No pane is empty, no line too long, every tab has a name and a key, and the focus stays."""

import asyncio
import random
from itertools import product
from typing import Any

import pytest
from opened_screens import (
    OPENERS,
    Bring,
    everything,
    in_a_ladder,
    in_a_report,
    in_the_curves,
    in_the_data,
    in_the_ladders,
    in_the_lanes,
    in_the_moves,
    in_the_samples,
    in_the_table,
    on_a_bake,
    on_a_picture,
    on_the_form,
)
from rich.cells import cell_len
from textual import events
from textual.command import CommandPalette
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widgets import OptionList, Tooltip
from textual.widgets._toast import ToastRack

from lora_tui.bake_layout import TABS, bake_layout
from lora_tui.keys.action import Action
from lora_tui.keys.keymap import BY_ID
from lora_tui.screens.journal import JournalScreen
from lora_tui.screens.measures import MeasuresScreen
from lora_tui.screens.panes import PANES
from lora_tui.screens.screen_sizes import HEIGHTS, WIDTHS
from lora_tui.widgets.cell_view import CellView
from lora_tui.widgets.curves_pane import CurvesPane
from lora_tui.widgets.epoch_list import EpochList
from lora_tui.widgets.key_line import KeyLine, ShownKey, keys_that_fit
from lora_tui.widgets.log_pane import LogPane
from lora_tui.widgets.pane import Pane
from lora_tui.widgets.tab_line import TabLine
from trainer.journal.records import LogLine

SIZES = [(160, 50), (80, 24), (60, 20), (40, 10), (120, 36)]
"""What every screen is for."""
ODD_SIZES = [(100, 30), (70, 22), (120, 15), (160, 12), (80, 60), (59, 16), (200, 70), (120, 36)]
# Panes that hold others.
_HOLDERS = (CurvesPane,)
_SHOWN = tuple(kind for kinds in PANES.values() for kind in kinds) + _HOLDERS


def rows_of(app: Any) -> list[str]:
    """Return the lines of the terminal."""
    return [strip.text for strip in app.screen._compositor.render_strips()]


def inside(rows: list[str], widget: Any) -> str:
    """Return what stands in the region of a widget, without its borders."""
    region = widget.content_region
    return "\n".join(row[region.x : region.right] for row in rows[region.y : region.bottom])


def faults_of(app: Any, size: tuple[int, int]) -> list[str]:
    """Return what is wrong with what stands on the screen."""
    screen, rows, found = app.screen, rows_of(app), []
    columns, lines = size
    if len(rows) != lines or any(cell_len(row) != columns for row in rows):
        found.append(f"{len(rows)} lines of { ({cell_len(row) for row in rows}) } columns")
    # Above, or under what is shown.
    if not any(row.strip() for row in (*rows[:3], *rows[-3:-1])):
        found.append("no title")
    found += [f"{pane} is empty" for pane in screen.query(_kinds()) if in_view(pane) and not says_something(pane, rows)]
    for line in screen.query(TabLine):
        if line.region.area:
            text = inside(rows, line)
            found += [f"tab {name} is not named: {text!r}" for name in line.names if name not in text or "…" in text]
    return [*found, *faults_of_keys(screen, rows), *faults_of_focus(screen), *misplaced(screen)]


def says_something(pane: Any, rows: list[str]) -> bool:
    """Return whether anything stands in a pane; a `Pane` with nothing to say has no line."""
    if pane.content_region.height <= 0:
        return isinstance(pane, Pane)
    return bool(inside(rows, pane).strip())


def faults_of_keys(screen: Any, rows: list[str]) -> list[str]:
    """Return what is wrong with the line of keys: there is one, whole, with the keys that matter most."""
    found = []
    shown = [line for line in screen.query("#keys, #answers, KeyLine") if line.display and line.region.area]
    if not shown and not screen.query(CommandPalette) and not isinstance(screen, CommandPalette):
        found.append("no line of keys")
    for line in shown:
        if screen.find_widget(line).visible_region != line.region:
            found.append(f"the line of keys is cut: {line.region} of {screen.region}")
        if not inside(rows, line).strip():
            found.append("the line of keys is empty")
    for line in screen.query(KeyLine):
        text = inside(rows, line)
        if text.strip().endswith("…") or (len(line.keys) >= 5 and len(line.in_view) < 5):
            found.append(f"keys: {text!r}")
        if line.keys and line.keys[0].key not in text:
            found.append(f"the key that matters most, {line.keys[0]}, is not in {text!r}")
        if line.region.bottom != screen.region.bottom:
            found.append(f"keys in line {line.region.bottom} of {screen.region.bottom}")
    return found


def faults_of_focus(screen: Any) -> list[str]:
    """Return whether what has the focus is out of view."""
    focused = screen.focused
    # A list without entries has no line, and the words beside it say so.
    empty = isinstance(focused, OptionList) and not focused.option_count
    if focused is None or empty or screen.find_widget(focused).visible_region.area:
        return []
    return [f"{focused} has the focus and is out of view"]


def misplaced(screen: Any) -> list[str]:
    """Return what stands outside of what holds it, or over its neighbour."""
    found = [] if isinstance(screen, ModalScreen) or not screen.max_scroll_y else [f"{screen} scrolls"]
    for holder in screen.walk_children(with_self=True):
        children = [child for child in holder.children if in_view(child) and not isinstance(child, _FLOATING)]
        if not in_view(holder) or not children:
            continue
        if not (holder.max_scroll_y or holder.max_scroll_x):
            found += [
                f"{child} is outside of {holder}"
                for child in children
                if not holder.region.contains_region(child.region)
            ]
        flowing = [child for child in children if not (child.styles.is_docked and holder.max_scroll_y)]
        for place, child in enumerate(flowing):
            found += [
                f"{child} and {other} overlap"
                for other in flowing[place + 1 :]
                if child.layer == other.layer and child.region.intersection(other.region).area
            ]
    return found


# What comes over the panes of the screen for a moment.
_FLOATING = (ToastRack, Tooltip)


def in_view(widget: Any) -> bool:
    """Return whether a widget is shown."""
    return bool(widget.is_attached and widget.region.area and all(each.display for each in widget.ancestors_with_self))


def _kinds() -> str:
    return ", ".join(sorted({kind.__name__ for kind in _SHOWN if kind not in _HOLDERS}))


async def resized(runner, pilot, until, size: tuple[int, int]) -> None:
    """Give the terminal another size, and wait until everything stands as it fits."""
    await pilot.resize_terminal(*size)
    await until(pilot, lambda: runner.app.screen.size == size)
    await pilot.pause()


def pressing(bring: Bring, *keys: str) -> Bring:
    """Return what brings the app there, and then presses keys."""

    async def go(runner, pilot, until) -> None:
        await bring(runner, pilot, until)
        await pilot.press(*keys)

    return go


async def in_the_journal(runner, pilot, until) -> None:
    """The journal is up, with what is known of the bake under the cursor."""
    await on_the_form(runner, pilot, until)
    await pilot.press("J")
    await until(pilot, lambda: isinstance(runner.app.screen, JournalScreen) and runner.app.screen.entry is not None)


async def in_the_measures(runner, pilot, until) -> None:
    """What was measured of the bake shown is up, which is nothing."""
    await on_a_bake(runner, pilot, until)
    await pilot.press("m")
    await until(pilot, lambda: isinstance(runner.app.screen, MeasuresScreen))
    await until(pilot, lambda: any("nothing was measured" in row for row in rows_of(runner.app)))


def lasting(place: str) -> Any:
    """Return a case that `make test` leaves out."""
    return pytest.param(place, marks=pytest.mark.long)


PLACES: dict[str, Bring] = {
    **{f"bake: {name}": pressing(on_a_bake, str(number)) for number, name in enumerate(TABS, start=1)},
    "curves": in_the_curves,
    "journal": in_the_journal,
    "journal: curves": pressing(in_the_journal, "o"),
    "ladders": in_the_ladders,
    "ladder": in_a_ladder,
    "ladder: curves": pressing(in_a_ladder, "o"),
    **{f"dataset: {number}": pressing(in_the_data, str(number)) for number in range(1, 5)},
    "grid: pictures": on_a_picture,
    "grid: builder": pressing(on_a_picture, "e"),
    "doneness": in_the_lanes,
    "measures": in_the_measures,
    "samples": in_the_samples,
    "advice": in_the_moves,
    "parity": in_the_table,
    "import report": in_a_report,
}
"""Every screen with panes, and every tab of those that have some."""


def test_every_place_with_panes_is_tried() -> None:
    tried = {name.partition(":")[0] for name in PLACES}
    # Both reports are one screen.
    assert set(PANES) - {"export report"} <= tried


@pytest.mark.parametrize("sizes", [SIZES, pytest.param(ODD_SIZES, marks=pytest.mark.long)], ids=["sizes", "odd sizes"])
async def test_no_screen_loses_anything_at_any_size(runner, until, sizes) -> None:
    everything(runner)
    found: list[str] = []
    async with runner.run((120, 36)) as pilot:
        await on_a_bake(runner, pilot, until)
        seen: set[str] = set()
        for name, bring in PLACES.items():
            await bring(runner, pilot, until)
            screen, focused = runner.app.screen, runner.app.focused
            # The further panes of a screen in few of the sizes: there they are tabs.
            for size in ((80, 24), (40, 10), (120, 36)) if sizes is SIZES and name.partition(":")[0] in seen else sizes:
                await resized(runner, pilot, until, size)
                found += [f"{name} at {size}: {fault}" for fault in faults_of(runner.app, size)]
            assert runner.app.screen is screen
            if runner.app.focused is not focused:
                found.append(f"{name}: the focus went from {focused} to {runner.app.focused}")
            seen.add(name.partition(":")[0])
            await back(runner, pilot)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "place", ["bake: settings", "dataset: 1", *map(lasting, ("grid: pictures", "journal", "ladder", "advice"))]
)
async def test_every_pane_is_reached_by_keys_at_every_size(runner, until, place: str) -> None:
    everything(runner)
    async with runner.run((120, 36)) as pilot:
        await on_a_bake(runner, pilot, until)
        await PLACES[place](runner, pilot, until)
        screen = runner.app.screen
        panes = {pane for pane in screen.query(_kinds()) if pane.can_focus and in_view(pane)}
        if place == "bake: settings":
            panes.add(screen.query_one(CurvesPane))
        assert len(panes) >= 1
        for size in SIZES:
            await resized(runner, pilot, until, size)
            missed = set(panes)
            for key in _ways(screen):
                await pilot.press(key)
                assert faults_of_focus(screen) == [], (size, key)
                missed -= {screen.focused}
            assert not missed, f"{size}: {missed}"


def _ways(screen: Any) -> list[str]:
    """Return the keys that lead from pane to pane: those of the tabs where there are some, else tab."""
    for line in screen.query(TabLine):
        if in_view(line):
            keys = [BY_ID[action].keys.split(",")[0] for action in line._actions.values()]
            return keys
    return ["tab"] * len(screen.focus_chain)


def storm(seed: int) -> list[tuple[int, int]]:
    """Return forty sizes of a window that is dragged."""
    draw = random.Random(seed)
    return [(draw.randint(8, 180), draw.randint(2, 60)) for _ in range(40)]


@pytest.mark.parametrize(
    "place", ["bake: epochs", "dataset: 2", *map(lasting, ("curves", "grid: pictures", "journal: curves"))]
)
async def test_a_storm_of_sizes_ends_in_the_layout_of_the_last(runner, until, place: str) -> None:
    everything(runner)
    async with runner.run((120, 36)) as pilot:
        await on_a_bake(runner, pilot, until)
        await PLACES[place](runner, pilot, until)
        for seed, size in enumerate([(160, 50), (80, 24), (40, 10)]):
            await resized(runner, pilot, until, size)
            calm = rows_of(runner.app), runner.app.focused
            for columns, lines in storm(seed):
                window = Size(columns, lines)
                runner.app._driver._size = (columns, lines)
                runner.app.post_message(events.Resize(window, window))
                if columns % 4 == 0:
                    await asyncio.sleep(0)
            await pilot.resize_terminal(*size)
            await until(pilot, lambda now=calm: (rows_of(runner.app), runner.app.focused) == now)
            assert faults_of(runner.app, size) == []


async def back(runner, pilot) -> None:
    """Close what is open over the Bake screen."""
    for _ in range(8):
        if runner.app.screen is runner.app.bake_screen:
            return
        await pilot.press("escape")
        await pilot.pause()
    raise AssertionError(f"stays in {runner.app.screen_stack}")


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name, (_, _, opened) in OPENERS.items() if opened is not None])
async def test_no_dialog_loses_what_has_the_focus(runner, until, monkeypatch, name: str) -> None:
    monkeypatch.setenv("EDITOR", "true")
    prepare, bring, opened = OPENERS[name]
    prepare(runner)
    async with runner.run((120, 36)) as pilot:
        await bring(runner, pilot, until)
        await pilot.press(*_keys(BY_ID[name]))
        await until(pilot, lambda: isinstance(runner.app.screen, opened))
        for size in (*SIZES, *ODD_SIZES):
            await resized(runner, pilot, until, size)
            assert faults_of(runner.app, size) == [], f"{name} at {size}"


def _keys(action: Action) -> list[str]:
    return action.keys.split(",")[:1]


async def test_a_resize_keeps_focus_cursor_and_tab(runner, until) -> None:
    everything(runner)
    async with runner.run((120, 36)) as pilot:
        await on_a_bake(runner, pilot, until)
        await until(pilot, lambda: len(runner.app.bake_screen.snapshot.checkpoints) == 2)
        screen = runner.app.bake_screen
        await pilot.press("3", "down")
        epochs = screen.query_one(EpochList)
        for size in (*SIZES, (160, 12), (40, 6), (120, 36), (80, 24)):
            await resized(runner, pilot, until, size)
            if size[1] > 6:
                assert screen.focused is epochs and epochs._at == 1, size
                assert screen.panes.shows("epochs")
        assert "▸3 epochs" in rows_of(runner.app)[3]


async def test_from_80_columns_on_the_curves_stay_beside_what_is_asked_for(runner, until) -> None:
    runner.baking()
    async with runner.run((80, 24)) as pilot:
        await on_a_bake(runner, pilot, until)
        panes = runner.app.bake_screen.panes
        for key, beside in (("1", "settings"), ("3", "epochs"), ("4", "log"), ("2", "log")):
            await pilot.press(key)
            await pilot.pause()
            assert {name for name in TABS if panes.query_one(f"#{name}").region.area} == {"curves", beside}
            line = rows_of(runner.app)[3]
            assert [f"▸{at} {name}" in line for at, name in enumerate(TABS, 1)] == [
                name in ("curves", beside) for name in TABS
            ]


def test_what_has_the_focus_is_in_view_where_anything_is() -> None:
    for columns, lines, tab in product(range(20, 200), range(3, 70), TABS):
        now = bake_layout(columns, lines, tab, "settings" if tab == "curves" else tab)
        at = columns, lines, tab
        assert now.flow == "none" or tab in now.panes, at
        assert (now.flow == "none") == (lines < 8), at
        assert now.in_tabs == (0 < len(now.panes) < 4 or now.flow in ("stack", "row")), at
        if columns >= 120 and lines >= 22:
            assert now.panes == TABS, at
        elif columns >= 80 and lines >= 8:
            assert len(now.panes) >= 2, at
        assert (now.status_lines == 0) == (columns >= 60 and lines >= 16), at


async def test_what_little_there_is_leaves_its_lines_to_the_curves(runner, until) -> None:
    runner.baking()
    async with runner.run((120, 60)) as pilot:
        await on_a_bake(runner, pilot, until)
        await until(pilot, lambda: len(runner.app.bake_screen.snapshot.checkpoints) == 2)
        await pilot.pause()
        screen = runner.app.bake_screen
        epochs, log, curves = screen.query_one(EpochList), screen.query_one(LogPane), screen.query_one(CurvesPane)
        assert epochs.size.height == epochs.virtual_size.height
        few = curves.size.height
        assert few > 30
        log.show([LogLine(each, None, float(each), "info", f"line {each}") for each in range(1, 60)])
        await pilot.pause()
        assert log.size.height > 10
        assert curves.size.height < few


async def test_without_a_grid_the_pane_of_its_pictures_says_so(runner, until) -> None:
    async with runner.run((120, 36)) as pilot:
        await on_the_form(runner, pilot, until)
        await pilot.press("g")
        await until(pilot, lambda: any("b makes this grid" in row for row in rows_of(runner.app)))
        assert not in_view(runner.app.screen.query_one(CellView))


async def test_a_tab_is_picked_by_a_click_and_has_the_users_own_key(runner, until) -> None:
    async with runner.run((60, 20)) as pilot:
        await on_the_form(runner, pilot, until)
        tabs = runner.app.bake_screen.query_one(TabLine)
        text = tabs.lines(58)[0].plain
        for name in ("log", "curves", "epochs", "settings"):
            await pilot.click(TabLine, offset=(text.index(name) + 2, 0))
            await pilot.pause()
            assert runner.app.bake_screen.panes.shows(name)


KEYS = (
    ShownKey("space", "pause"),
    ShownKey("^s", "save settings"),
    ShownKey("x", "stop"),
    ShownKey("v", "view"),
    ShownKey("?", "help", stays=True),
    ShownKey("^p", "commands"),
)


def test_the_last_line_names_whole_keys_and_five_from_38_columns_on() -> None:
    for width in range(1, 90):
        keys, gap = keys_that_fit(KEYS, width)
        assert [key.key for key in keys] == [key.key for key in KEYS if key.key in {each.key for each in keys}]
        if width >= 38:
            assert len(keys) >= 5, width
            assert sum(len(key.text) for key in keys) + gap * (len(keys) - 1) <= width
        assert any(key.key == "?" for key in keys), width


def test_the_classes_of_sizes_begin_at_nothing() -> None:
    assert WIDTHS[0][0] == HEIGHTS[0][0] == 0
    assert sorted(WIDTHS) == WIDTHS and sorted(HEIGHTS) == HEIGHTS

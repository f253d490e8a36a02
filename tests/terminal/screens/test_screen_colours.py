"""Grounds, rules, cursor rows and dialogs on terminals with 256 and with 16 colours, in each theme, as they are painted."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from painted import Cell, apart, painted, part
from textual.app import App
from textual.geometry import Region
from textual.theme import BUILTIN_THEMES
from textual.widgets import Input, OptionList
from textual.widgets._toast import Toast

from lora_tui.actions import parity
from lora_tui.actions.imports import ReadImport
from lora_tui.app import LoraApp
from lora_tui.colours.theme_files import find_themes, remember_theme
from lora_tui.screens.dataset import DatasetScreen
from lora_tui.screens.import_report import ImportReportScreen
from lora_tui.screens.parity import ParityScreen
from lora_tui.widgets.bucket_bars import BucketBars
from lora_tui.widgets.caption_tags import CaptionTags
from lora_tui.widgets.field_list import FieldList
from lora_tui.widgets.picture_list import PictureList
from lora_tui.widgets.report_list import ReportList
from lora_tui.widgets.tag_table import TagTable
from trainer.interop.report import FATES, ImportReport, KeyReport
from trainer.journal.records import BakeState
from trainer.parity.table import ParityCell, ParityRow, ParityTable

SIZE = (120, 36)
# CIE 1976: what can be seen without looking for it. The theme in all colours has 3 between ground and panel.
SEEN = 4.0
RULE = "─"
# WCAG asks for 3 of large text; labels of plots and hints are less.
READABLE = 2.4
IDLE = {"b": "BakeNoteDialog", "question_mark": "HelpScreen", "p": "PlanDialog", "Q": "QueueDialog", "o": "OpenDialog"}
IDLE |= {"n": "NewSubjectDialog", "f": "FitDialog", "i": "ImportDialog"}
WHILE_BAKING = {"L": "LiveSettingsDialog", "x": "ConfirmDialog"}
AFTERWARDS = {"B": "ForkDialog"}
THEMES = [file.theme.name for file in find_themes().files]
PALETTES = ["256", "standard"]


@pytest.fixture(params=PALETTES)
def colours(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What tmux has over SSH, and what a terminal has that promises no more than xterm."""
    monkeypatch.delenv("COLORTERM", raising=False)
    monkeypatch.setenv("TERM", {"256": "screen-256color", "standard": "xterm"}[request.param])
    return request.param


@pytest.fixture
def app(colours: str, make_runner, runner):
    remember_theme(THEMES[-1])
    chosen = make_runner(runner.workspace)
    assert (chosen.app.theme, chosen.app.console.color_system) == (THEMES[-1], colours)
    return chosen


async def in_each_theme(app, pilot) -> AsyncIterator[str]:
    """Yield the name of each of our themes, once the screen is painted in it."""
    for name in THEMES:
        app.app.theme = name
        await pilot.pause(0.1)
        await pilot.pause()
        yield name


def grounds(cells: list[Cell]) -> set[str]:
    return {cell.ground.name for cell in cells}


def row_of(app: App[int], rows: list[list[Cell]], selector: str) -> list[Cell]:
    return part(rows, app.screen.query_one(selector).region)


async def test_title_keys_rules_and_the_row_of_the_cursor_stand_out_from_the_ground(app, until, seen) -> None:
    app.baking()
    async with app.run(SIZE) as pilot:
        await until(pilot, lambda: "hifumi-000002" in seen(app.app) and app.app.bake_screen.editor.view is not None)
        inks = set()
        async for theme in in_each_theme(app, pilot):
            rows = painted(app.app)
            ground = rows[3][-1].ground
            inks.add(tuple((cell.ink.name, cell.ground.name) for row in rows for cell in row))
            for line in ("#title", "#keys"):
                assert all(apart(cell.ground, ground) > SEEN for cell in row_of(app.app, rows, line)), (theme, line)
            for pane in ("card", "progress", "settings", "loss", "rates", "epochs", "log", "note"):
                top = app.app.screen.query_one(f"#{pane}").region
                drawn = [cell for cell in part(rows, Region(top.x, top.y, top.width, 1)) if cell.sign == RULE]
                assert drawn and all(apart(cell.ink, cell.ground) > SEEN for cell in drawn), (theme, pane)
            fields = app.app.screen.query_one(FieldList)
            spot = fields.value_region(fields.cursor)
            inside = fields.region
            cursor = part(rows, Region(inside.x, inside.y + spot.y, inside.width - 1, 1))
            assert all(apart(cell.ground, ground) > SEEN for cell in cursor), theme
            for cell in (cell for row in rows for cell in row if cell.sign.isalnum()):
                assert cell.contrast >= READABLE, (theme, cell)
        # Each was painted in its own colours.
        assert len(inks) == len(THEMES)


def dialogs_of(theme: str, palette: str) -> set[str]:
    """Return the keys of the dialogs that are looked at in these colours: a third, each of which is in every palette and several themes."""
    place = THEMES.index(theme) + PALETTES.index(palette)
    return {key for number, key in enumerate((*IDLE, *WHILE_BAKING, *AFTERWARDS)) if number % 3 == place % 3}


def test_every_dialog_is_looked_at_in_every_palette() -> None:
    for palette in PALETTES:
        looked_at = [key for theme in THEMES for key in dialogs_of(theme, palette)]
        assert set(looked_at) == {*IDLE, *WHILE_BAKING, *AFTERWARDS}


async def test_dialogs_have_an_edge_all_around_and_can_be_read(app, colours, until) -> None:
    await check_dialogs(app, until, {theme: dialogs_of(theme, colours) for theme in THEMES})


@pytest.mark.long
async def test_all_dialogs_have_an_edge_all_around_and_can_be_read(app, until) -> None:
    await check_dialogs(app, until, {theme: {*IDLE, *WHILE_BAKING, *AFTERWARDS} for theme in THEMES})


async def check_dialogs(app, until, wanted: dict[str, set[str]]) -> None:
    """Look at dialogs, which are wanted by theme."""
    async with app.run(SIZE) as pilot:
        screen = app.app.bake_screen
        await until(pilot, lambda: screen.editor.view is not None)

        async def check(dialogs: dict[str, str]) -> None:
            async for theme in in_each_theme(app, pilot):
                for key, name in dialogs.items():
                    if key in wanted[theme]:
                        await check_dialog(app.app, pilot, until, key, name)

        await check(IDLE)
        app.baking()
        await until(pilot, lambda: screen.snapshot.bake is not None)
        await check(WHILE_BAKING)
        app.set_state(BakeState.DONE)
        await until(pilot, lambda: screen.snapshot.bake.state is BakeState.DONE)
        await check(AFTERWARDS)


async def check_dialog(app: LoraApp, pilot, until, key: str, name: str) -> None:
    """Open a dialog, look at its edges and at every word in it, and close it."""
    await pilot.press(key)
    await until(pilot, lambda: type(app.screen).__name__ == name and app.screen.is_active)
    await pilot.pause(0.1)
    rows = painted(app)
    panel = app.screen.query_one("Dialog > Vertical, Dialog > VerticalScroll").region
    sides = [
        ((x, y), (x + step, y))
        for y in range(panel.y, panel.bottom)
        for x, step in ((panel.x, -1), (panel.right - 1, 1))
    ]
    ends = [
        ((x, y), (x, y + step))
        for x in range(panel.x, panel.right)
        for y, step in ((panel.y, -1), (panel.bottom - 1, 1))
    ]
    # Where a dialog is as high as the screen, its ends are the terminal's; a scrollbar or a row behind it may be as light as it.
    pairs = [(rows[y][x], rows[v][u]) for (x, y), (u, v) in sides + ends if 0 < v < SIZE[1] - 1]
    hidden = [pair for pair in pairs if apart(pair[0].ground, pair[1].ground) <= SEEN]
    assert len(hidden) <= len(pairs) / 20, (app.theme, name, hidden[0])
    for cell in part(rows, panel):
        assert not cell.sign.isalnum() or cell.contrast >= READABLE, (app.theme, name, cell)
    ground = rows[panel.y][panel.x].ground
    for line in app.screen.query(Input):
        if line.display and not line.disabled:
            typed = rows[line.region.y][line.region.right - 1]
            assert apart(typed.ground, ground) > SEEN, (app.theme, name, line.id, typed.ground, ground)
    await pilot.press("escape")
    await until(pilot, lambda: app.screen is app.bake_screen)


async def test_the_row_of_the_cursor_in_a_list_stands_out(app, until) -> None:
    app.baking()
    async with app.run(SIZE) as pilot:
        screen = app.app.bake_screen
        await until(pilot, lambda: screen.editor.view is not None and screen.snapshot.bake)
        await pilot.press("L")
        await until(pilot, lambda: app.app.screen.query(OptionList))
        async for theme in in_each_theme(app, pilot):
            inside = app.app.screen.query_one(OptionList).region
            rows = painted(app.app)
            marked, below = (part(rows, Region(inside.x, inside.y + y, inside.width - 2, 1)) for y in (0, 1))
            assert all(apart(one.ground, two.ground) > SEEN for one, two in zip(marked, below, strict=True)), theme
            assert all(cell.contrast >= 3 for cell in marked if cell.sign.isalnum()), theme


async def test_what_differs_is_lit_and_a_report_can_be_read(app, until, monkeypatch) -> None:
    cells = (ParityCell("155"), ParityCell("155"), ParityCell("190", True, "why"), ParityCell("113", True, "why"))
    rows_of_two = tuple(ParityRow(key, key, cells) for key in ("steps", "epochs"))
    table = ParityTable(("mine", "a", "b", "c"), ("these settings", "a", "b", "c"), rows_of_two)
    monkeypatch.setattr(parity, "parity_of", lambda draft: table)
    keys = tuple(KeyReport(fate, "1", fate, "seed = 1", "why") for fate in FATES)
    read = ReadImport((), ImportReport("old.toml", "sd-scripts", keys, "", ("a note",), {"D:\\set": ""}), "old")
    async with app.run(SIZE) as pilot:
        await until(pilot, lambda: app.app.bake_screen.editor.view is not None)
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.app.screen, ParityScreen) and app.app.screen._table is not None)
        async for theme in in_each_theme(app, pilot):
            rows = painted(app.app)
            lines = ["".join(cell.sign for cell in row) for row in rows]
            at_cursor, other = (
                next(y for y, line in enumerate(lines) if f" {key} " in line) for key in ("steps", "epochs")
            )
            same, lit = lines[other].index("155", lines[other].index("│")), lines[other].index("190")
            assert rows[other][lit].ink.name != rows[other][same].ink.name
            assert apart(rows[at_cursor][same].ground, rows[other][same].ground) > SEEN
            assert all(cell.contrast >= READABLE for row in rows for cell in row if cell.sign.isalnum()), theme
        app.app.push_screen(ImportReportScreen(read, lambda read, folders: read, lambda read, name: Path(name)))
        await until(pilot, lambda: app.app.screen.query(ReportList))
        await pilot.press("down")
        async for theme in in_each_theme(app, pilot):
            rows = painted(app.app)
            inside = app.app.screen.query_one(ReportList).region
            marked = next(y for y, row in enumerate(rows) if row[inside.x + 1].sign == "▸")
            assert apart(rows[marked][20].ground, rows[marked + 1][20].ground) > SEEN, theme
            assert all(cell.contrast >= READABLE for row in rows for cell in row if cell.sign.isalnum()), theme


@pytest.mark.long
async def test_the_data_set_can_be_read_and_its_cursors_stand_out(app, until) -> None:
    async with app.run(SIZE) as pilot:
        await until(pilot, lambda: app.app.bake_screen.editor.view is not None)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.app.screen, DatasetScreen) and app.app.screen.picture is not None)
        screen = app.app.screen
        await until(pilot, lambda: screen.panes.tags.names and screen.panes.caption.tags and not screen.is_looking)
        await pilot.press("space", "x")
        await until(pilot, lambda: screen.reader.idle and not screen.is_looking and screen.picture.tokens is not None)
        async for theme in in_each_theme(app, pilot):
            rows = painted(app.app)
            for kind in (PictureList, CaptionTags, TagTable, BucketBars):
                words = [cell for cell in part(rows, screen.query_one(kind).region) if cell.sign.isalnum()]
                assert words and all(cell.contrast >= READABLE for cell in words), (theme, kind)
            for kind in (PictureList, TagTable):
                inside = screen.query_one(kind).region
                # Below the rule and the head.
                first, second = (part(rows, Region(inside.x, inside.y + y, inside.width - 1, 1)) for y in (2, 3))
                here = first if first[0].sign == "▸" else second
                other = second if here is first else first
                assert apart(here[5].ground, other[5].ground) > SEEN, (theme, kind)


@pytest.mark.parametrize("colours", ["256"], indirect=True)
@pytest.mark.parametrize(
    "name",
    [
        name if number % 6 == 0 else pytest.param(name, marks=pytest.mark.long)
        for number, name in enumerate(sorted(name for name, theme in BUILTIN_THEMES.items() if not theme.ansi))
    ],
)
async def test_another_theme_keeps_its_grounds_apart(colours, make_runner, runner, until, name) -> None:
    remember_theme(name)
    chosen = make_runner(runner.workspace)
    async with chosen.run(SIZE) as pilot:
        await until(pilot, lambda: chosen.app.bake_screen.editor.view is not None)
        rows = painted(chosen.app)
        fields = chosen.app.screen.query_one(FieldList)
        spot, inside = fields.value_region(fields.cursor), fields.region
        ground = rows[3][-1].ground
        others = [rows[0][0].ground, rows[inside.y + spot.y][inside.x].ground, rows[1][0].ink]
        assert len({colour.number for colour in (ground, *others)}) == 4, (ground, others)


async def test_the_palette_and_a_message_can_be_read(app, until) -> None:
    async with app.app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, lambda: app.app.bake_screen.editor.view is not None)
        for severity in ("information", "warning", "error"):
            app.app.notify("words of a message", title="its title", severity=severity, timeout=600)
        await until(pilot, lambda: len(app.app.screen.query(Toast)) == 3)
        async for theme in in_each_theme(app, pilot):
            rows = painted(app.app)
            for toast in app.app.screen.query(Toast):
                words = [cell for cell in part(rows, toast.region) if cell.sign.isalnum()]
                assert words and all(cell.contrast >= READABLE for cell in words), (theme, toast.classes)
        await pilot.press("ctrl+p")
        await until(
            pilot, lambda: app.app.screen.query("CommandList") and app.app.screen.query_one("CommandList").region.area
        )
        await pilot.pause(0.3)
        async for theme in in_each_theme(app, pilot):
            region = app.app.screen.query_one("CommandList").region
            words = [cell for cell in part(painted(app.app), region) if cell.sign.isalnum()]
            assert words and [cell for cell in words if cell.contrast < READABLE] == [], theme

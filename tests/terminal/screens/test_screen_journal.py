"""The Journal screen: the list of bakes, its filter and orders, curves over each other, two bakes compared."""

import sqlite3
from pathlib import Path

import pytest
from bursts import ENTER, type_at_once
from ended_bakes import made_bake
from journal_alone import NARROW, WIDE, JournalAlone, listed, messages, opened, three
from ladder_in_journal import made_ladder

from lora_tui.screens.bake_diff import BakeDiffDialog
from lora_tui.screens.journal import JournalScreen
from lora_tui.screens.ladders import LaddersScreen
from lora_tui.screens.pick import PickDialog
from lora_tui.widgets.curve_overlay import CurveOverlay
from lora_tui.wording.bake_entries import OF_LADDER
from trainer.journal.measure_records import BakeNote
from trainer.journal.records import BakeState, Checkpoint

SIZES = pytest.mark.parametrize("size", [pytest.param(WIDE, marks=pytest.mark.long), NARROW], ids=["120x36", "80x24"])


@pytest.fixture
def alone(runner) -> JournalAlone:
    return JournalAlone(runner.workspace, runner.engine, runner.journal)


def row_of(shown: str, number: int) -> str:
    return next(line for line in shown.splitlines() if f"{number:04d} " in line)


@SIZES
async def test_a_bake_is_one_line_with_only_what_changed_from_its_parent(alone, until, seen, size) -> None:
    three(alone)
    async with alone.run(size) as pilot:
        screen = await opened(alone, pilot, until)
        await until(pilot, lambda: "unet_lr ×3" in seen(alone.app))
        shown = seen(alone.app)
        assert listed(screen) == [3, 2, 1]
        assert "seed" in row_of(shown, 3) and "unet_lr" not in row_of(shown, 3)
        assert "3/40" not in row_of(shown, 2) and "120" in row_of(shown, 2)
        assert all(len(line) <= size[0] for line in shown.splitlines())
        assert "re-bake of 2 with seed" in shown


async def test_an_empty_workspace_says_how_to_begin(alone, until, seen) -> None:
    async with alone.run(NARROW) as pilot:
        screen = await opened(alone, pilot, until)
        assert "no bakes yet: b on the Bake screen starts one" in seen(alone.app)
        # No key has anything to act on, and none breaks.
        for key in (
            "enter",
            "space",
            "o",
            "p",
            "m",
            "D",
            "n",
            "number_sign",
            "e",
            "b",
            "B",
            "r",
            "x",
            "P",
            "T",
            "j",
            "c",
            "m",
            "w",
            "t",
            "R",
        ):
            await pilot.press(key)
        await pilot.press("escape", "escape")
        await until(pilot, lambda: alone.app.screen is not screen)


async def test_thousands_of_bakes_are_drawn_by_the_line(alone, until, seen, monkeypatch) -> None:
    made_bake(alone.workspace, {}, epochs=1)
    with sqlite3.connect(alone.workspace.journal_path) as connection:
        columns = [
            row[1] for row in connection.execute("PRAGMA table_info(bake)") if row[1] not in ("number", "settings_toml")
        ]
        names = ", ".join(f'"{name}"' for name in columns)
        connection.execute(
            f"""
            WITH RECURSIVE count(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM count WHERE n < 3000)
            INSERT INTO bake (number, settings_toml, {names}) SELECT n, '', {names} FROM bake, count WHERE number = 1
            """
        )
    async with alone.run(WIDE) as pilot:
        await until(pilot, lambda: isinstance(alone.app.screen, JournalScreen) and alone.app.screen.entry is not None)
        screen = alone.app.screen
        made: list[int] = []
        original = screen.bake_list._segments
        monkeypatch.setattr(
            screen.bake_list,
            "_segments",
            lambda entry, *rest, **more: made.append(entry.number) or original(entry, *rest, **more),
        )
        await pilot.press("home", "end")
        await until(pilot, lambda: "0001 hifumi" in seen(alone.app))
        assert len(listed(screen)) == 3000
        assert 0 < len(set(made)) < 100


async def test_the_filter_lists_what_passes_and_says_where_it_is_wrong(alone, until, seen) -> None:
    three(alone)
    async with alone.run(NARROW) as pilot:
        screen = await opened(alone, pilot, until)
        await pilot.press("slash", *"unet_lr>3e-3")
        await until(pilot, lambda: listed(screen) == [3, 2])
        await pilot.press(*" sed:7")
        # In place, with what it may have been; what was found before stays.
        await until(pilot, lambda: "unknown key sed" in seen(alone.app))
        assert "seed" in seen(alone.app) and listed(screen) == [3, 2]
        await pilot.press(*(("backspace",) * 6), *" seed:7", "enter")
        await until(pilot, lambda: listed(screen) == [3])
        assert "1 of 3 bakes" in seen(alone.app) and "unknown key" not in seen(alone.app)
        # Escape first shows all again, then leaves.
        await pilot.press("escape")
        await until(pilot, lambda: listed(screen) == [3, 2, 1])
        assert alone.app.screen is screen


async def test_bakes_of_a_ladder_are_marked_and_found(alone, until, seen) -> None:
    three(alone)
    ladder = made_ladder(alone.workspace, rungs=("1", "3"), twins=1)
    async with alone.run(NARROW) as pilot:
        screen = await opened(alone, pilot, until)
        assert [OF_LADDER in row_of(seen(alone.app), number) for number in (5, 4, 3, 1)] == [True, True, False, False]
        await until(pilot, lambda: f"ladder {ladder}" in seen(alone.app))
        await pilot.press("slash", *f"ladder:{ladder}")
        await until(pilot, lambda: listed(screen) == [5, 4])


async def test_l_shows_the_ladders_and_a_new_one_may_start_from_the_bake_under_the_cursor(alone, until) -> None:
    three(alone)
    async with alone.run(NARROW) as pilot:
        await opened(alone, pilot, until)
        await pilot.press("down", "l")
        await until(pilot, lambda: isinstance(alone.app.screen, LaddersScreen) and alone.app.screen.lines == ())
        assert alone.app.screen._bake().number == 2
        await pilot.press("l")
        await until(pilot, lambda: isinstance(alone.app.screen, JournalScreen))


async def test_a_key_typed_behind_the_filter_acts_on_what_it_finds(runner, until) -> None:
    three(runner)
    async with runner.run(NARROW) as pilot:
        screen = await opened(runner, pilot, until)
        type_at_once(runner.app, f"/number:1{ENTER} ")
        await until(pilot, lambda: screen.curves.marked)
        assert screen.curves.marked == [1]


async def test_the_order_is_chosen_and_the_cursor_stays_on_its_bake(alone, until) -> None:
    three(alone)
    async with alone.run(NARROW) as pilot:
        screen = await opened(alone, pilot, until)
        await pilot.press("j")
        await until(pilot, lambda: screen.entry.number == 2)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(alone.app.screen, PickDialog))
        await pilot.press("j", "enter")
        await until(pilot, lambda: listed(screen) == [1, 2, 3])
        assert screen.entry.number == 2


async def test_t_shows_what_was_made_from_what(alone, until, seen) -> None:
    three(alone)
    made_bake(alone.workspace, {"network_dim": 4}, parent=1)
    async with alone.run(WIDE) as pilot:
        screen = await opened(alone, pilot, until)
        await pilot.press("T")
        await until(pilot, lambda: listed(screen) == [1, 2, 3, 4])
        shown = seen(alone.app)
        assert "└ hifumi" in row_of(shown, 2) and "  └ hifumi" in row_of(shown, 3)
        assert "re-bake of 1 with unet_lr ×3" in row_of(shown, 2)
        await pilot.press("T")
        await until(pilot, lambda: listed(screen) == [4, 3, 2, 1])


async def test_a_bake_that_goes_on_is_followed_and_the_cursor_stays(alone, until, seen) -> None:
    three(alone)
    async with alone.run(NARROW) as pilot:
        screen = await opened(alone, pilot, until)
        screen.reader.interval = 0.02
        await pilot.press("end")
        await until(pilot, lambda: screen.entry.number == 1)
        line = screen.bake_list._at - screen.bake_list.scroll_offset.y
        made_bake(alone.workspace, {"seed": 9}, parent=3, state=BakeState.FAILED)
        await until(pilot, lambda: listed(screen) == [4, 3, 2, 1])
        assert screen.entry.number == 1
        assert "✗" in row_of(seen(alone.app), 4)
        assert screen.bake_list._at - screen.bake_list.scroll_offset.y in (line, line + 1)


async def test_enter_shows_any_bake_with_its_epochs_curves_and_log(runner, until, seen) -> None:
    three(runner)
    with runner.journal() as journal:
        journal.log.write("what the first one said", bake=1)
        for _ in range(600):
            journal.log.write("what the second one said", bake=2)
    async with runner.run(WIDE) as pilot:
        screen = await opened(runner, pilot, until)
        await pilot.press("end", "enter")
        await until(pilot, lambda: runner.app.screen is not screen)
        bake_screen = runner.app.bake_screen
        await until(pilot, lambda: bake_screen.snapshot.bake.number == 1)
        await until(pilot, lambda: bake_screen.snapshot.curves.get("loss") and bake_screen.snapshot.checkpoints)
        # The journal comes back with the cursor on the bake shown.
        assert (await opened(runner, pilot, until)).entry.number == 1
        await pilot.press("escape")
        await until(pilot, lambda: "what the first one said" in seen(runner.app))
        assert "the second one said" not in seen(runner.app)
        # Back at the one that is followed, its log is every bake's again.
        await pilot.press("full_stop", "full_stop")
        await until(pilot, lambda: "the second one said" in seen(runner.app))


@SIZES
async def test_marked_bakes_are_drawn_over_each_other_with_one_on_top(alone, until, seen, size) -> None:
    three(alone)
    async with alone.run(size) as pilot:
        screen = await opened(alone, pilot, until)
        await pilot.press("end", "space", "up", "space", "o")
        await until(pilot, lambda: screen.query_one(CurveOverlay).columns > 0)
        await until(pilot, lambda: "0001 hifumi" in legend(screen))
        colours = {number: style for number, style in letters(screen).items()}
        assert colours == {1: "a", 2: "b"}
        assert "training loss" in seen(alone.app)
        await pilot.press("p")
        # The letters of the one on top are capitals, and the other one is compared with it.
        await until(pilot, lambda: letters(screen) == {1: "a", 2: "B"})
        await until(pilot, lambda: "noise not known: make a twin" in legend(screen))
        assert legend(screen).splitlines()[0].startswith("B 0002")
        assert any(line.lstrip().startswith("B") or "B" in line for line in seen(alone.app).splitlines()[-14:])


async def test_a_bake_keeps_its_colour_when_others_are_unmarked(alone, until) -> None:
    for _ in range(9):
        made_bake(alone.workspace, {}, losses=[0.1, 0.1])
    async with alone.run(WIDE) as pilot:
        screen = await opened(alone, pilot, until)
        # 9 and 1 would have one colour: the one marked first keeps it.
        await pilot.press("home", "space", "end", "space")
        await until(pilot, lambda: letters(screen) == {9: "a", 1: "b"})
        await pilot.press("home", "space")
        await until(pilot, lambda: letters(screen) == {1: "b"})


async def test_without_marks_the_curve_of_the_bake_is_drawn_beside_its_parents(alone, until) -> None:
    three(alone)
    async with alone.run(WIDE) as pilot:
        screen = await opened(alone, pilot, until)
        await pilot.press("home", "o")
        await until(pilot, lambda: legend(screen).startswith("C 0003") and "b 0002" in legend(screen))
        await pilot.press("end")
        await until(pilot, lambda: legend(screen).startswith("A 0001"))
        # Escape takes the curves away and leaves the list.
        await pilot.press("escape")
        await until(pilot, lambda: not screen.overlaid)
        assert alone.app.screen is screen


async def test_the_curve_is_chosen_among_those_there_are(alone, until, seen) -> None:
    three(alone)
    async with alone.run(WIDE) as pilot:
        screen = await opened(alone, pilot, until)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(alone.app.screen, PickDialog))
        assert "validation loss change" in seen(alone.app)
        await pilot.press("j", "enter")
        await until(pilot, lambda: screen.overlaid and "validation loss change" in seen(alone.app))
        await until(pilot, lambda: "at step" in legend(screen))


@SIZES
async def test_two_bakes_are_compared_in_settings_data_and_results_with_their_noise(alone, until, seen, size) -> None:
    three(alone)
    async with alone.run(size) as pilot:
        await opened(alone, pilot, until)
        await pilot.press("home", "down", "D")
        await until(pilot, lambda: isinstance(alone.app.screen, BakeDiffDialog))
        shown = seen(alone.app)
        assert "0001 hifumi → 0002 hifumi" in shown
        assert "unet_lr" in shown and "×3" in shown
        await pilot.press(*("down",) * 12)
        await until(pilot, lambda: "make a twin" in seen(alone.app))
        await pilot.press("q")
        await until(pilot, lambda: isinstance(alone.app.screen, JournalScreen))


async def test_what_cannot_be_compared_says_why(alone, until) -> None:
    three(alone)
    async with alone.run(NARROW) as pilot:
        screen = await opened(alone, pilot, until)
        await pilot.press("end", "D")
        await until(pilot, lambda: "mark two bakes" in messages(alone.app))
        assert alone.app.screen is screen


async def test_damaged_rows_are_left_out_and_named(alone, until, seen) -> None:
    three(alone)
    with sqlite3.connect(alone.workspace.journal_path) as connection:
        connection.execute("UPDATE bake SET state = 'burnt', started = 'x' WHERE number = 2")
    async with alone.run(WIDE) as pilot:
        screen = await opened(alone, pilot, until)
        assert listed(screen) == [3, 1]

        def said() -> str:
            return " ".join(seen(alone.app).split())

        # The way out is the end of it, wherever the workspace lies.
        await until(pilot, lambda: "bake 2 (" in said() and "journal rebuild" in said())


async def test_names_notes_and_reasons_are_text_never_markup_or_codes(alone, until, seen) -> None:
    number = made_bake(alone.workspace, {}, name="we[b]ird", why="[red]why[/] \x1b[31mred")
    with alone.journal() as journal:
        journal.notes.keep(BakeNote(bake=number, text="[link=x]note\x07", tags={"[i]": True}))
    async with alone.run(WIDE) as pilot:
        await opened(alone, pilot, until)
        await until(pilot, lambda: "[link=x]note\\x07" in seen(alone.app))
        shown = seen(alone.app)
        assert "we[b]ird" in shown and "[red]why[/] \\x1b[31mred" in shown and "#[i]" in shown
        assert "\x1b" not in shown and "\x07" not in shown


async def test_a_resize_keeps_the_cursor_in_view_and_the_columns_in_the_width(alone, until, seen) -> None:
    for number in range(12):
        made_bake(alone.workspace, {"seed": number})
    async with alone.run(WIDE) as pilot:
        screen = await opened(alone, pilot, until)
        await pilot.press("end")
        for size in ((60, 16), (160, 50), (50, 12), (80, 24)):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda: "0001 " in seen(alone.app))
            assert screen.entry.number == 1
            assert all(len(line) <= size[0] for line in seen(alone.app).splitlines())


async def test_a_journal_that_cannot_be_read_is_said_once(alone, until, monkeypatch) -> None:
    three(alone)
    async with alone.run(NARROW) as pilot:
        screen = await opened(alone, pilot, until)
        screen.reader.interval = 0.01
        alone.workspace.journal_path.rename(alone.workspace.root / "away")
        Path(alone.workspace.journal_path).write_bytes(b"no journal at all, but long enough to be one" * 40)
        screen.reader.look()
        monkeypatch.setattr("trainer.history.history.BakeHistory.refresh", lambda self: 1 / 0)
        await until(pilot, lambda: messages(alone.app))
        await pilot.pause(0.2)
        assert len(alone.app._notifications) <= 2
        assert listed(screen) == [3, 2, 1]


def legend(screen: JournalScreen) -> str:
    return str(screen.query_one("#legend").render())


def letters(screen: JournalScreen) -> dict[int, str]:
    """Return the letter before each marked bake in the list."""
    bakes = screen.bake_list
    marks = {entry.number: bakes._mark(entry.number, bakes.rich_style).text for entry in bakes.entries}
    return {number: letter for number, letter in marks.items() if letter.strip()}


async def test_what_did_not_change_is_not_painted_again_and_what_is_read_stays_in_view(alone, runner, until) -> None:
    number = runner.baking()
    three(runner)
    with runner.journal() as journal:
        journal.notes.keep(BakeNote(bake=number, text="\n".join(f"line {place}" for place in range(40))))
    async with alone.run(NARROW) as pilot:
        screen = await opened(alone, pilot, until)
        screen.reader.interval = 0.02
        await pilot.press("end", "J", "J", "J")
        about = screen.query_one("#about")
        await until(pilot, lambda: about.scroll_offset.y == 3)
        painted: list[int] = []
        original = screen.bake_list.render_line
        screen.bake_list.render_line = lambda y: painted.append(y) or original(y)  # type: ignore[method-assign]
        # Nothing of it is in the list.
        with runner.journal() as journal:
            journal.log.write("a line", bake=number)
        await pilot.pause(0.3)
        assert painted == []
        with runner.journal() as journal:
            journal.results.add_checkpoint(number, Checkpoint(3, 120, "x.safetensors", 9, 0.05, 0.1, None, None, 1.0))
        await until(pilot, lambda: screen.entry.saved == 3)
        await until(pilot, lambda: painted)
        assert about.scroll_offset.y == 3

"""Where the Curves screen is opened: from the Bake screen and from the journal, and what goes on below it."""

from journal_alone import WIDE, JournalAlone, opened, three

from lora_tui.screens.curves import CurvesScreen
from lora_tui.screens.journal import JournalScreen
from trainer.journal.records import Stage

NARROW = (80, 24)


async def test_z_and_enter_on_the_curves_open_them_from_the_bake_screen(runner, until, seen) -> None:
    runner.baking()
    async with runner.run(WIDE) as pilot:
        bake = runner.app.bake_screen
        await until(pilot, lambda: bake.snapshot.curves and bake.editor.view is not None)
        for keys in (("z",), ("2", "enter")):
            await pilot.press(*keys)
            await until(pilot, lambda: isinstance(runner.app.screen, CurvesScreen) and runner.app.screen.charts)
            assert "0001 hifumi" in seen(runner.app)
            await pilot.press("escape")
            await until(pilot, lambda: runner.app.screen is bake)


async def test_tab_reaches_the_curves_and_shows_that_it_did(runner, until) -> None:
    runner.baking()
    async with runner.run(WIDE) as pilot:
        bake = runner.app.bake_screen
        await until(pilot, lambda: bake.snapshot.curves and bake.editor.view is not None)
        bake.form.focus_list()
        await until(pilot, lambda: runner.app.focused is not None)
        await pilot.press("tab")
        assert runner.app.focused.id == "curves"
        assert bake.query_one("#loss").styles.border_title_style.bold
        await pilot.press("tab")
        assert not bake.query_one("#loss").styles.border_title_style.bold


async def test_without_a_bake_z_opens_nothing(runner, until) -> None:
    async with runner.run(NARROW) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        await pilot.press("z")
        await pilot.pause(0.1)
        assert runner.app.screen is runner.app.bake_screen


async def test_the_journal_opens_marked_bakes_in_their_own_colours_with_the_pinned_one_on_top(runner, until) -> None:
    alone_journal = JournalAlone(runner.workspace, runner.engine, runner.journal)
    three(alone_journal)
    async with alone_journal.run(WIDE) as pilot:
        screen = await opened(alone_journal, pilot, until)
        await pilot.press("space", "down", "down", "space", "p")
        await until(pilot, lambda: screen.curves.marked == [3, 1])
        marks = screen.curves.marks(screen.entry, overlaid=True)
        await pilot.press("z")
        await until(
            pilot, lambda: isinstance(alone_journal.app.screen, CurvesScreen) and alone_journal.app.screen.charts
        )
        shown = alone_journal.app.screen
        assert [bake.number for bake in shown.view.bakes] == [3, 1] and shown.view.top.number == 1
        for entry in shown.charts[0].entries:
            assert entry.role == f"curve-{marks.colours[entry.bake] + 1}"
        await pilot.press("z")
        await until(pilot, lambda: isinstance(alone_journal.app.screen, JournalScreen))


async def test_what_changes_below_a_whole_screen_paints_nothing_above(runner, until, monkeypatch) -> None:
    runner.baking()
    async with runner.run(WIDE) as pilot:
        bake = runner.app.bake_screen
        await until(pilot, lambda: bake.snapshot.curves and bake.editor.view is not None)
        await pilot.press("z")
        await until(pilot, lambda: isinstance(runner.app.screen, CurvesScreen) and runner.app.screen.charts)
        runner.app.screen.reader.stop()
        painted: list[str] = []
        display = runner.app._display
        monkeypatch.setattr(
            runner.app, "_display", lambda screen, update: painted.append(screen.name) or display(screen, update)
        )
        with runner.journal() as journal:
            journal.bakes.set_stage(1, Stage.STEP, 91, 240)
        await until(pilot, lambda: bake.snapshot.bake.stage_done == 91)
        await pilot.pause(0.2)
        assert painted == []
        # Back on it everything is as it is now.
        await pilot.press("escape")
        await until(pilot, lambda: runner.app.screen is bake)
        assert painted

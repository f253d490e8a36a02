"""From verdicts on a grid to drafts in the queue: the judgement told, three variants queued, one of them changed."""

from dataclasses import replace

from made_grid import made_grid
from textual.widgets import Input, OptionList

from lora_tui.screens.advice import AdviceScreen
from lora_tui.screens.grid import GridScreen
from lora_tui.screens.judgement import JudgementDialog
from lora_tui.screens.ladder_offer import LadderOfferDialog
from lora_tui.screens.live_settings import LiveSettingsDialog
from lora_tui.screens.queue import QueueDialog
from lora_tui.widgets.sheet_view import SheetView
from trainer.gallery.sidecar import MadeCell, write_sidecar
from trainer.grid.recipe import LoraUse
from trainer.grid.spec import spec_json
from trainer.journal.grid_records import GridState
from trainer.journal.records import BakeState
from trainer.settings.toml_file import parse_settings

SIZE = (120, 36)


def judged_grid(runner) -> None:
    """Leave a grid over three epochs of a bake that is done."""
    number = runner.add_bake()
    runner.set_state(BakeState.DONE, number)
    with runner.journal() as journal:
        bakes_folder = runner.workspace.root / journal.bakes.read(number).folder
        grid = journal.grids.add(name="judged", spec="{}")
        folder = runner.workspace.root / grid.folder
        made = made_grid(folder, shape=(3, 1, 1, 2))

        def of_bake(cell: MadeCell) -> MadeCell:
            lora = LoraUse(bakes_folder / f"hifumi-{cell.place.x + 1:06d}.safetensors")
            return replace(cell, recipe=replace(cell.recipe, loras=(lora,)))

        write_sidecar(replace(made, cells=tuple(map(of_bake, made.cells))), folder)
        journal.grids.set_spec(grid.number, spec_json(made.spec), len(made.cells))
        journal.grids.set_state(grid.number, GridState.DONE)


async def on_the_sheet(runner, pilot, until) -> GridScreen:
    await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
    await pilot.press("g")
    await until(pilot, lambda: isinstance(runner.app.screen, GridScreen) and runner.app.screen.viewer.cell is not None)
    runner.app.screen.query_one(SheetView).focus()
    return runner.app.screen


async def test_verdicts_become_a_direction_and_held_drafts_that_can_be_changed(runner, until, seen) -> None:
    judged_grid(runner)
    async with runner.run(SIZE) as pilot:
        screen = await on_the_sheet(runner, pilot, until)
        for _ in range(5):
            await pilot.press("T", "3", "right")
        await until(pilot, lambda: sum(note.text_encoder == "over" for note in screen.selection.notes.values()) == 5)
        await pilot.press("J")
        await until(pilot, lambda: "text encoder over; rated under ×0, right ×0, over ×5" in seen(runner.app))
        await pilot.press("v")
        await until(pilot, lambda: any("are queued and held" in note.message for note in runner.app._notifications))
        with runner.journal() as journal:
            drafts = journal.queue.waiting()
        assert [draft.held for draft in drafts] == [True, True]
        await pilot.press("escape", "Q")
        await until(pilot, lambda: isinstance(runner.app.screen, QueueDialog) and "held" in seen(runner.app))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(runner.app.screen, LiveSettingsDialog))
        # What the draft changes comes first.
        options = runner.app.screen.query_one(OptionList)
        assert "text_encoder_lr " in str(options.get_option_at_index(0).prompt)
        await pilot.press("enter")
        await until(pilot, lambda: not runner.app.screen.query_one("#value", Input).disabled)
        await pilot.press("ctrl+u", *"4e-4", "enter")

        def changed() -> bool:
            with runner.journal() as journal:
                settings = parse_settings(journal.queue.waiting()[0].settings_toml, "draft")
            return settings.text_encoder_lr == 4e-4

        await until(pilot, changed)


async def test_a_ladder_around_what_was_judged_is_offered_and_the_advice_is_on_that_bake(runner, until, seen) -> None:
    judged_grid(runner)
    async with runner.run(SIZE) as pilot:
        screen = await on_the_sheet(runner, pilot, until)
        for _ in range(5):
            await pilot.press("T", "3", "right")
        await until(pilot, lambda: sum(note.text_encoder == "over" for note in screen.selection.notes.values()) == 5)
        await pilot.press("J")
        await until(pilot, lambda: isinstance(runner.app.screen, JudgementDialog))
        await pilot.press("l")
        # Half of the rate, where verdicts alone say over, with one far below and one above it, beside the rate as it is.
        await until(
            pilot,
            lambda: isinstance(runner.app.screen, LadderOfferDialog) and "×0.17, ×0.5, ×1, ×1.5" in seen(runner.app),
        )
        await until(pilot, lambda: "8 bakes, " in seen(runner.app))
        await pilot.press("escape", "J")
        await until(pilot, lambda: isinstance(runner.app.screen, JudgementDialog))
        await pilot.press("A")
        await until(pilot, lambda: isinstance(runner.app.screen, AdviceScreen) and runner.app.screen.advice is not None)
        assert "Advice on bake 0001 hifumi" in seen(runner.app)


async def test_without_a_direction_there_is_no_ladder_around_it(runner, until, seen) -> None:
    judged_grid(runner)
    async with runner.run(SIZE) as pilot:
        await on_the_sheet(runner, pilot, until)
        await pilot.press("J")
        await until(pilot, lambda: isinstance(runner.app.screen, JudgementDialog))
        await pilot.press("l")
        await until(pilot, lambda: any("show no direction" in note.message for note in runner.app._notifications))
        assert isinstance(runner.app.screen, GridScreen)


async def test_in_blind_mode_the_judgement_is_hidden(runner, until) -> None:
    judged_grid(runner)
    async with runner.run(SIZE) as pilot:
        screen = await on_the_sheet(runner, pilot, until)
        await pilot.press("B", "J")
        await until(
            pilot, lambda: any("press B to leave blind mode" in note.message for note in runner.app._notifications)
        )
        assert not isinstance(runner.app.screen, JudgementDialog)
        assert screen.selection.blind


async def test_a_judgement_of_nothing_says_how_to_judge(runner, until, seen) -> None:
    judged_grid(runner)
    async with runner.run(SIZE) as pilot:
        await on_the_sheet(runner, pilot, until)
        await pilot.press("J")
        await until(pilot, lambda: "not rated yet" in seen(runner.app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(runner.app.screen, GridScreen))


async def test_the_test_grid_is_queued_behind_the_bakes_in_line(runner, until, seen) -> None:
    runner.baking()
    runner.add_bake()
    async with runner.run(SIZE) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.bake)
        await pilot.press("Q")
        await until(pilot, lambda: isinstance(runner.app.screen, QueueDialog) and "0002" in seen(runner.app))
        await pilot.press("g")
        await until(pilot, lambda: "test grid of bakes 1, 2" in seen(runner.app))

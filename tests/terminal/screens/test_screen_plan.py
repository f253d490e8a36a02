"""The plan in full, by key."""

from textual.containers import VerticalScroll

from lora_tui.screens.plan import PlanDialog
from trainer.errors import SettingsError


async def opened(runner, pilot, until) -> PlanDialog:
    await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
    await pilot.press("p")
    await until(pilot, lambda: isinstance(runner.app.screen, PlanDialog) and runner.app.screen.query(".section"))
    return runner.app.screen


async def test_p_shows_the_plan_of_the_edited_settings(runner, until, seen) -> None:
    async with runner.run((120, 100)) as pilot:
        await opened(runner, pilot, until)
        text = seen(runner.app)
        await pilot.press("escape")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
    for words in (
        "Plan of hifumi.toml",
        "16 of 16 captioned",
        "10_hifumi_chan",
        "960 exposures",
        "U-Net",
        "timesteps: uniform",
    ):
        assert words in text


async def test_the_plan_follows_what_was_typed_and_not_saved(runner, until, seen) -> None:
    async with runner.run((120, 100)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        runner.app.bake_screen.editor.typed("max_train_epochs", "2")
        await until(pilot, lambda: runner.app.bake_screen.editor.plan_line)
        await opened(runner, pilot, until)
        assert "320 exposures" in seen(runner.app)


async def test_brackets_bring_the_next_section_to_the_top(runner, until) -> None:
    async with runner.run((80, 24)) as pilot:
        dialog = await opened(runner, pilot, until)
        body = dialog.query_one(VerticalScroll)
        tops = [section.virtual_region.y for section in dialog.query(".section")]
        await pilot.press("right_square_bracket", "right_square_bracket")
        assert body.scroll_offset.y == tops[1]
        await pilot.press("left_square_bracket")
        assert body.scroll_offset.y == tops[0]


async def test_settings_without_a_plan_say_why(runner, until) -> None:
    async with runner.run() as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        runner.app.bake_screen.editor.error = SettingsError("unet_lr", found="[b]seven[/b]")
        await pilot.press("p")
        await until(pilot, lambda: any("[b]seven[/b]" in note.message for note in runner.app._notifications))
        assert runner.app.screen is runner.app.bake_screen

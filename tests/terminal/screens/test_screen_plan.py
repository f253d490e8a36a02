"""The plan in full, by key."""

from textual.containers import VerticalScroll

from lora_tui.screens.plan import PlanDialog
from trainer.errors import SettingsError


async def opened(kitchen, pilot, until) -> PlanDialog:
    await until(pilot, lambda: kitchen.app.bake_screen.editor.view is not None)
    await pilot.press("p")
    await until(pilot, lambda: isinstance(kitchen.app.screen, PlanDialog) and kitchen.app.screen.query(".section"))
    return kitchen.app.screen


async def test_p_shows_the_plan_of_the_edited_settings(kitchen, until, seen) -> None:
    async with kitchen.run((120, 100)) as pilot:
        await opened(kitchen, pilot, until)
        text = seen(kitchen.app)
        await pilot.press("escape")
        await until(pilot, lambda: kitchen.app.screen is kitchen.app.bake_screen)
    for words in (
        "Plan of hifumi.toml",
        "16 of 16 captioned",
        "10_hifumi_chan",
        "960 exposures",
        "U-Net",
        "timesteps: uniform",
    ):
        assert words in text


async def test_the_plan_follows_what_was_typed_and_not_saved(kitchen, until, seen) -> None:
    async with kitchen.run((120, 100)) as pilot:
        await until(pilot, lambda: kitchen.app.bake_screen.editor.view is not None)
        kitchen.app.bake_screen.editor.typed("max_train_epochs", "2")
        await until(pilot, lambda: kitchen.app.bake_screen.editor.plan_line)
        await opened(kitchen, pilot, until)
        assert "320 exposures" in seen(kitchen.app)


async def test_brackets_bring_the_next_section_to_the_top(kitchen, until) -> None:
    async with kitchen.run((80, 24)) as pilot:
        dialog = await opened(kitchen, pilot, until)
        body = dialog.query_one(VerticalScroll)
        tops = [section.virtual_region.y for section in dialog.query(".section")]
        await pilot.press("right_square_bracket", "right_square_bracket")
        assert body.scroll_offset.y == tops[1]
        await pilot.press("left_square_bracket")
        assert body.scroll_offset.y == tops[0]


async def test_settings_without_a_plan_say_why(kitchen, until) -> None:
    async with kitchen.run() as pilot:
        await until(pilot, lambda: kitchen.app.bake_screen.editor.view is not None)
        kitchen.app.bake_screen.editor.error = SettingsError("unet_lr", found="[b]seven[/b]")
        await pilot.press("p")
        await until(pilot, lambda: any("[b]seven[/b]" in note.message for note in kitchen.app._notifications))
        assert kitchen.app.screen is kitchen.app.bake_screen

"""Starting a bake, and giving it orders."""

import pytest

from lora_tui.screens.bake_note import BakeNoteDialog
from trainer.journal.metrics import MetricWriter
from trainer.journal.records import BakeState, Order
from trainer.settings.toml_file import load_settings, parse_settings


async def opened(kitchen, pilot, until) -> None:
    await until(pilot, lambda: kitchen.app.bake_screen.editor.view is not None)


async def test_b_asks_why_and_enter_queues_the_bake(kitchen, until) -> None:
    async with kitchen.run() as pilot:
        await opened(kitchen, pilot, until)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(kitchen.app.screen, BakeNoteDialog))
        await pilot.press(*"te", "enter")
        await until(pilot, kitchen.bakes)
        await until(pilot, lambda: kitchen.engine.wakes)
        assert kitchen.sampler.peaks_forgotten == 1
    bake = kitchen.bakes()[0]
    assert (bake.why, bake.engine, bake.state) == ("te", "scripted", BakeState.QUEUED)
    assert bake.total_steps == 240


async def test_the_line_of_why_may_stay_empty(kitchen, until) -> None:
    async with kitchen.run() as pilot:
        await opened(kitchen, pilot, until)
        await pilot.press("b", "enter")
        await until(pilot, kitchen.bakes)
    assert kitchen.bakes()[0].why == ""


async def test_escape_bakes_nothing(kitchen, until) -> None:
    async with kitchen.run() as pilot:
        await opened(kitchen, pilot, until)
        await pilot.press("b", "x", "escape")
        await until(pilot, lambda: kitchen.app.screen is kitchen.app.bake_screen)
    assert kitchen.bakes() == []


async def test_edits_not_saved_are_baked_and_saved(kitchen, until) -> None:
    async with kitchen.run() as pilot:
        await opened(kitchen, pilot, until)
        kitchen.app.bake_screen.editor.typed("network_dim", "16")
        await pilot.press("b", "enter")
        await until(pilot, kitchen.bakes)
        await until(pilot, lambda: not kitchen.app.bake_screen.editor.draft.unsaved)
    assert parse_settings(kitchen.bakes()[0].settings_toml, "bake").network_dim == 16
    assert load_settings(kitchen.workspace.root / "hifumi.toml").network_dim == 16


async def test_a_missing_folder_is_said_beside_its_field_and_nothing_is_written(kitchen, until, seen) -> None:
    before = (kitchen.workspace.root / "hifumi.toml").read_bytes()
    async with kitchen.run() as pilot:
        await opened(kitchen, pilot, until)
        kitchen.app.bake_screen.editor.typed("train_data_dir", "nowhere")
        await until(pilot, lambda: kitchen.app.bake_screen.editor.error is not None)
        await pilot.press("b")
        await until(pilot, lambda: "nowhere" in seen(kitchen.app))
        lines = seen(kitchen.app).splitlines()
        field = next(number for number, line in enumerate(lines) if line.startswith("  training pictures"))
        assert "✗" in lines[field + 1][:42]
        assert kitchen.app.screen is kitchen.app.bake_screen
    assert kitchen.bakes() == []
    assert (kitchen.workspace.root / "hifumi.toml").read_bytes() == before


async def test_what_breaks_between_the_plan_and_the_bake_is_said_and_nothing_is_written(kitchen, until, seen) -> None:
    async with kitchen.run() as pilot:
        await opened(kitchen, pilot, until)
        for picture in (kitchen.workspace.root / "data").rglob("*.png"):
            picture.unlink()
        kitchen.app.bake_screen.editor.typed("network_dim", "16")
        await pilot.press("b", "enter")
        await until(pilot, lambda: "no pictures" in seen(kitchen.app))
    assert kitchen.bakes() == []
    assert load_settings(kitchen.workspace.root / "hifumi.toml").network_dim == 8


async def test_a_base_that_is_none_is_said_beside_the_base(kitchen, until, seen) -> None:
    async with kitchen.run() as pilot:
        await opened(kitchen, pilot, until)
        kitchen.app.bake_screen.editor.typed("pretrained_model_name_or_path", "/nowhere/model")
        await until(pilot, lambda: kitchen.app.bake_screen.editor.error is not None)
        await pilot.press("b")
        await until(pilot, lambda: any("✗" in line[:42] for line in seen(kitchen.app).splitlines()))
        lines = seen(kitchen.app).splitlines()
        field = next(number for number, line in enumerate(lines) if "base model" in line[:20])
        assert "✗" in lines[field + 1][:42]


async def test_space_pauses_and_space_goes_on(kitchen, until, seen) -> None:
    kitchen.baking()
    async with kitchen.run() as pilot:
        await until(pilot, lambda: kitchen.app.bake_screen.bake is not None)
        await pilot.press("space")
        await until(pilot, lambda: kitchen.orders() == [Order.PAUSE])
        kitchen.set_state(BakeState.PAUSED)
        await until(pilot, lambda: "◌ paused" in seen(kitchen.app) and "space continue" in seen(kitchen.app))
        await pilot.press("space")
        await until(pilot, lambda: kitchen.orders() == [Order.PAUSE, Order.RESUME])
        assert kitchen.engine.wakes >= 2


async def test_s_saves_now(kitchen, until) -> None:
    kitchen.baking()
    async with kitchen.run() as pilot:
        await until(pilot, lambda: kitchen.app.bake_screen.bake is not None)
        await pilot.press("s")
        await until(pilot, lambda: kitchen.orders() == [Order.SAVE])


async def test_x_asks_and_s_stops(kitchen, until) -> None:
    kitchen.baking()
    async with kitchen.run() as pilot:
        await until(pilot, lambda: kitchen.app.bake_screen.bake is not None)
        await pilot.press("x", "escape", "x", "s")
        await until(pilot, lambda: kitchen.orders() == [Order.STOP])


async def test_without_a_bake_its_keys_do_nothing(kitchen, until, seen) -> None:
    async with kitchen.run() as pilot:
        await opened(kitchen, pilot, until)
        await pilot.press("space", "s", "x")
        await pilot.pause()
        assert kitchen.app.screen is kitchen.app.bake_screen
        assert "space" not in seen(kitchen.app).splitlines()[-1]


async def test_the_progress_says_epoch_step_share_speed_and_time_left(kitchen, until, seen) -> None:
    kitchen.baking(steps=90)
    async with kitchen.run((120, 36)) as pilot:
        await until(pilot, lambda: "epoch 3/6   step  90/240" in seen(kitchen.app))
        text = seen(kitchen.app)
    assert "37 %" in text
    assert "8.00 it/s   32.0 img/s" in text
    assert "19 s left" in text


async def test_a_part_that_has_stopped_shows_no_rate_as_if_it_were_in_force(kitchen, until, seen) -> None:
    kitchen.baking(steps=90)
    writer = MetricWriter(kitchen.workspace.journal_path, 1)
    writer.put(91, {"loss": 0.07, "lr_unet": 2e-3})
    writer.close()
    async with kitchen.run((120, 36)) as pilot:
        await until(pilot, lambda: "lr 2.0e-3 · stopped" in seen(kitchen.app))


async def test_saved_loras_stand_newest_first_with_the_best_marked(kitchen, until, seen) -> None:
    kitchen.baking(steps=90)
    async with kitchen.run((120, 36)) as pilot:
        await until(pilot, lambda: "hifumi-000002" in seen(kitchen.app))
        rows = [line[43:] for line in seen(kitchen.app).splitlines() if "hifumi-0000" in line]
    assert "hifumi-000002" in rows[0]
    assert "▾0.1000  −0.080 ±0.004   1.2 MiB" in rows[0]
    assert "▾" not in rows[1]


async def test_a_failed_bake_says_why(kitchen, until, seen) -> None:
    kitchen.baking()
    with kitchen.journal() as journal:
        journal.bakes.set_state(1, BakeState.FAILED, "stage step: RuntimeError: [b]boom[/b]")
        journal.log.write("stage step: RuntimeError: [b]boom[/b]", bake=1, level="error")
    async with kitchen.run((120, 36)) as pilot:
        await until(pilot, lambda: "✗ failed" in seen(kitchen.app) and "RuntimeError: [b]boom[/b]" in seen(kitchen.app))


async def test_a_queued_bake_says_what_it_waits_for(kitchen, until, seen) -> None:
    kitchen.add_bake()
    kitchen.engine.start = lambda: setattr(kitchen.engine, "libraries", "loading libraries 2/4: diffusers")
    async with kitchen.run() as pilot:
        await until(pilot, lambda: "waiting · loading libraries 2/4: diffusers" in seen(kitchen.app))


async def test_a_bake_that_fails_before_one_s_eyes_says_why_in_80_columns_too(kitchen, until) -> None:
    kitchen.baking()
    async with kitchen.run((80, 24)) as pilot:
        await until(pilot, lambda: kitchen.app.bake_screen.bake is not None)
        kitchen.set_state(BakeState.FAILED, error="stage step: RuntimeError: [b]boom[/b]")
        await until(pilot, lambda: len(kitchen.app._notifications) == 1)
        assert next(iter(kitchen.app._notifications)).message == "stage step: RuntimeError: [b]boom[/b]"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reg_data_dir", "gone/reg"),
        ("dataset_config", "gone.toml"),
        ("vae", "gone.safetensors"),
        ("validation_data_dir", "gone"),
    ],
)
async def test_a_path_that_is_wrong_is_said_beside_its_own_field(kitchen, until, name: str, value: str) -> None:
    async with kitchen.run() as pilot:
        await opened(kitchen, pilot, until)
        editor = kitchen.app.bake_screen.editor
        editor.typed(name, value)
        await until(pilot, lambda: editor.error is not None)
        assert editor.field_of(editor.error) == name

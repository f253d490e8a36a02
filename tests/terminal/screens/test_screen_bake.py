"""Starting a bake, and giving it orders."""

import pytest

from lora_tui.screens.bake_note import BakeNoteDialog
from trainer.journal.metrics import MetricWriter
from trainer.journal.records import BakeState, Order
from trainer.settings.toml_file import load_settings, parse_settings


async def opened(runner, pilot, until) -> None:
    await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)


async def test_b_asks_why_and_enter_queues_the_bake(runner, until) -> None:
    async with runner.run() as pilot:
        await opened(runner, pilot, until)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(runner.app.screen, BakeNoteDialog))
        await pilot.press(*"te", "enter")
        await until(pilot, runner.bakes)
        await until(pilot, lambda: runner.engine.wakes)
        assert runner.sampler.peaks_forgotten == 1
    bake = runner.bakes()[0]
    assert (bake.why, bake.engine, bake.state) == ("te", "scripted", BakeState.QUEUED)
    assert bake.total_steps == 240


async def test_the_line_of_why_may_stay_empty(runner, until) -> None:
    async with runner.run() as pilot:
        await opened(runner, pilot, until)
        await pilot.press("b", "enter")
        await until(pilot, runner.bakes)
    assert runner.bakes()[0].why == ""


async def test_escape_bakes_nothing(runner, until) -> None:
    async with runner.run() as pilot:
        await opened(runner, pilot, until)
        await pilot.press("b", "x", "escape")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
    assert runner.bakes() == []


async def test_edits_not_saved_are_baked_and_saved(runner, until) -> None:
    async with runner.run() as pilot:
        await opened(runner, pilot, until)
        runner.app.bake_screen.editor.typed("network_dim", "16")
        await pilot.press("b", "enter")
        await until(pilot, runner.bakes)
        await until(pilot, lambda: not runner.app.bake_screen.editor.draft.unsaved)
    assert parse_settings(runner.bakes()[0].settings_toml, "bake").network_dim == 16
    assert load_settings(runner.workspace.root / "hifumi.toml").network_dim == 16


async def test_a_missing_folder_is_shown_beside_its_field_and_nothing_is_written(runner, until, seen) -> None:
    before = (runner.workspace.root / "hifumi.toml").read_bytes()
    async with runner.run() as pilot:
        await opened(runner, pilot, until)
        runner.app.bake_screen.editor.typed("train_data_dir", "nowhere")
        await until(pilot, lambda: runner.app.bake_screen.editor.error is not None)
        await pilot.press("b")
        await until(pilot, lambda: "nowhere" in seen(runner.app))
        lines = seen(runner.app).splitlines()
        field = next(number for number, line in enumerate(lines) if line.startswith("  training pictures"))
        # Below the name of the option, where the list has no room for that beside the label.
        assert any("✗" in line[:42] for line in lines[field + 1 : field + 3])
        assert runner.app.screen is runner.app.bake_screen
    assert runner.bakes() == []
    assert (runner.workspace.root / "hifumi.toml").read_bytes() == before


async def test_what_breaks_between_the_plan_and_the_bake_is_shown_and_nothing_is_written(runner, until, seen) -> None:
    async with runner.run() as pilot:
        await opened(runner, pilot, until)
        for picture in (runner.workspace.root / "data").rglob("*.png"):
            picture.unlink()
        runner.app.bake_screen.editor.typed("network_dim", "16")
        await pilot.press("b", "enter")
        await until(pilot, lambda: "no pictures" in seen(runner.app))
    assert runner.bakes() == []
    assert load_settings(runner.workspace.root / "hifumi.toml").network_dim == 8


async def test_a_file_that_is_not_a_base_is_shown_beside_the_base(runner, until, seen) -> None:
    async with runner.run() as pilot:
        await opened(runner, pilot, until)
        runner.app.bake_screen.editor.typed("pretrained_model_name_or_path", "/nowhere/model")
        await until(pilot, lambda: runner.app.bake_screen.editor.error is not None)
        await pilot.press("b")
        await until(pilot, lambda: any("✗" in line[:42] for line in seen(runner.app).splitlines()))
        lines = seen(runner.app).splitlines()
        field = next(number for number, line in enumerate(lines) if "base model" in line[:20])
        # Below the name of the option, where the list has no room for that beside the label.
        assert any("✗" in line[:42] for line in lines[field + 1 : field + 3])


async def test_space_pauses_and_space_continues(runner, until, seen) -> None:
    runner.baking()
    async with runner.run() as pilot:
        await until(pilot, lambda: runner.app.bake_screen.bake is not None)
        await pilot.press("space")
        await until(pilot, lambda: runner.orders() == [Order.PAUSE])
        runner.set_state(BakeState.PAUSED)
        await until(pilot, lambda: "◌ paused" in seen(runner.app) and "space continue" in seen(runner.app))
        await pilot.press("space")
        await until(pilot, lambda: runner.orders() == [Order.PAUSE, Order.RESUME])
        assert runner.engine.wakes >= 2


async def test_s_saves_now(runner, until) -> None:
    runner.baking()
    async with runner.run() as pilot:
        await until(pilot, lambda: runner.app.bake_screen.bake is not None)
        await pilot.press("s")
        await until(pilot, lambda: runner.orders() == [Order.SAVE])


async def test_x_asks_and_s_stops(runner, until) -> None:
    runner.baking()
    async with runner.run() as pilot:
        await until(pilot, lambda: runner.app.bake_screen.bake is not None)
        await pilot.press("x", "escape", "x", "s")
        await until(pilot, lambda: runner.orders() == [Order.STOP])


async def test_without_a_bake_its_keys_do_nothing(runner, until, seen) -> None:
    async with runner.run() as pilot:
        await opened(runner, pilot, until)
        await pilot.press("space", "s", "x")
        await pilot.pause()
        assert runner.app.screen is runner.app.bake_screen
        assert "space" not in seen(runner.app).splitlines()[-1]


async def test_the_progress_says_epoch_step_share_speed_and_time_left(runner, until, seen) -> None:
    runner.baking(steps=90)
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: "epoch 3/6   step  90/240" in seen(runner.app))
        text = seen(runner.app)
    assert "37 %" in text
    assert "8.00 it/s   32.0 img/s" in text
    assert "19 s left" in text


async def test_a_part_that_has_stopped_shows_no_rate_as_if_it_were_in_force(runner, until, seen) -> None:
    runner.baking(steps=90)
    writer = MetricWriter(runner.workspace.journal_path, 1)
    writer.put(91, {"loss": 0.07, "lr_unet": 2e-3})
    writer.close()
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: "lr 2.0e-3 · stopped" in seen(runner.app))


async def test_saved_loras_stand_newest_first_with_the_best_marked(runner, until, seen) -> None:
    runner.baking(steps=90)
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: "hifumi-000002" in seen(runner.app))
        rows = [line[43:] for line in seen(runner.app).splitlines() if "hifumi-0000" in line]
    assert "hifumi-000002" in rows[0]
    assert "▾0.1000  −0.080 ±0.004   1.2 MiB" in rows[0]
    assert "▾" not in rows[1]


async def test_a_failed_bake_says_why(runner, until, seen) -> None:
    runner.baking()
    with runner.journal() as journal:
        journal.bakes.set_state(1, BakeState.FAILED, "stage step: RuntimeError: [b]boom[/b]")
        journal.log.write("stage step: RuntimeError: [b]boom[/b]", bake=1, level="error")
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: "✗ failed" in seen(runner.app) and "RuntimeError: [b]boom[/b]" in seen(runner.app))


async def test_a_queued_bake_says_what_it_waits_for(runner, until, seen) -> None:
    runner.add_bake()
    runner.engine.start = lambda: setattr(runner.engine, "libraries", "loading libraries 2/4: diffusers")
    async with runner.run() as pilot:
        await until(pilot, lambda: "waiting · loading libraries 2/4: diffusers" in seen(runner.app))


async def test_a_bake_that_fails_before_one_s_eyes_says_why_in_80_columns_too(runner, until) -> None:
    runner.baking()
    async with runner.run((80, 24)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.bake is not None)
        runner.set_state(BakeState.FAILED, error="stage step: RuntimeError: [b]boom[/b]")
        await until(pilot, lambda: len(runner.app._notifications) == 1)
        assert next(iter(runner.app._notifications)).message == "stage step: RuntimeError: [b]boom[/b]"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reg_data_dir", "gone/reg"),
        ("dataset_config", "gone.toml"),
        ("vae", "gone.safetensors"),
        ("validation_data_dir", "gone"),
    ],
)
async def test_a_path_that_is_wrong_is_shown_beside_its_own_field(runner, until, name: str, value: str) -> None:
    async with runner.run() as pilot:
        await opened(runner, pilot, until)
        editor = runner.app.bake_screen.editor
        editor.typed(name, value)
        await until(pilot, lambda: editor.error is not None)
        assert editor.field_of(editor.error) == name

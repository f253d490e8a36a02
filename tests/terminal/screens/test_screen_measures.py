"""The screen of measures: curves, a map of blocks over the epochs, and the value under the cursor with its noise in words."""

import threading

import pytest
from screen_alone import ScreenAlone, until_true
from textual.widgets import Static

from lora_tui.plots.measure_map import MeasuredEpochs
from lora_tui.screens.help import HelpScreen
from lora_tui.screens.measures import MeasuresScreen
from lora_tui.terminal.encoding import encode
from lora_tui.widgets.block_map import SHADES, BlockMap
from trainer.errors import WorkspaceError
from trainer.journal.measure_records import MeasuredValue
from trainer.measures.of_weights import DELTA_NORM, DELTA_SHARE, ROUNDED_OFF

WIDE, NARROW = (120, 36), (80, 24)
WAYS = ("down", "middle", "up")
KINDS = ("self-attention", "cross k/v", "cross q/out", "feed-forward", "projections", "convolutions")


def measured(epochs: int = 6, **more: object) -> MeasuredEpochs:
    values = []
    for epoch in range(1, epochs + 1):
        of = [("", ""), ("unet", ""), ("text_encoder", "")]
        of += [("unet", f"{way} {kind}") for way in WAYS for kind in KINDS]
        of += [("text_encoder", f"layer {number}") for number in range(12)]
        for record in (DELTA_SHARE, DELTA_NORM):
            values += [
                MeasuredValue(step=40 * epoch, name=record.key, part=part, scope=scope, value=0.01 * epoch * (at + 1))
                for at, (part, scope) in enumerate(of)
            ]
        values.append(MeasuredValue(step=40 * epoch, name=ROUNDED_OFF.key, value=0.002))
    return MeasuredEpochs(tuple(values), {40 * epoch: epoch for epoch in range(1, epochs + 1)}, 40 * epochs, **more)  # type: ignore[arg-type]


def alone(found: MeasuredEpochs | None = None, noise=lambda *of: f"noise of {of}") -> ScreenAlone:
    shown = measured() if found is None else found
    return ScreenAlone(MeasuresScreen("Measures of bake 0012 x", 12, lambda: shown, noise))


def about(app: ScreenAlone) -> str:
    return str(app.shown.query_one("#about", Static).content)


def heads(app: ScreenAlone) -> list[str]:
    """What stands over the columns of the map."""
    top = app.shown.query_one(BlockMap).region.y
    return app.text().splitlines()[top].split()


async def read(app: ScreenAlone, pilot) -> None:
    await until_true(pilot, lambda: about(app))


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_curves_and_a_map_of_blocks_stand_over_the_words(size) -> None:
    app = alone()
    async with app.run_test(size=size) as pilot:
        await read(app, pilot)
        text = app.text()
        assert "Measures of bake 0012 x  change / weights (1 of 3)" in text
        assert any("⠀" < sign <= "⣿" for sign in text)
        assert heads(app) == [f"e{epoch}" for epoch in range(1, 7)]
        row = next(line for line in text.splitlines() if "down cross k/v" in line)
        # It grows over the epochs.
        shades = [sign for sign in row if sign in SHADES]
        assert shades == sorted(shades, key=SHADES.index) and len(set(shades)) > 1
        assert "whole LoRA after epoch 6, step 240: 6 %" in about(app)
        assert DELTA_SHARE.help in about(app)
        assert "esc" in text.splitlines()[-1]


async def test_the_cell_under_the_cursor_is_named_with_its_noise() -> None:
    asked = []

    def noise(*of: object) -> str:
        asked.append(of)
        return "2.3 times outside the noise"

    app = alone(noise=noise)
    async with app.run_test(size=WIDE) as pilot:
        await read(app, pilot)
        await pilot.press("down", "down", "left", "left")
        await until_true(pilot, lambda: "2.3 times outside the noise" in about(app) and "epoch 4" in about(app))
        assert about(app).startswith("U-Net, down self-attention after epoch 4, step 160: 16 %")
        assert asked[-1] == ("delta_share", "unet", "down self-attention", 160, 120)
        await pilot.press("home")
        await until_true(pilot, lambda: asked[-1][-2:] == (40, None))


async def test_every_row_is_reached_in_a_short_terminal_and_the_cursor_stays_seen() -> None:
    app = alone()
    async with app.run_test(size=NARROW) as pilot:
        await read(app, pilot)
        view = app.shown.query_one(BlockMap)
        await pilot.press("pagedown", "pagedown", "pagedown", "pagedown", "down")
        assert view.row == 32
        assert "text encoder, layer 11 after" in about(app)
        assert "▸" in next(line for line in app.text().splitlines() if "layer 11" in line and "after" not in line)
        await pilot.press("pageup", "pageup", "pageup", "pageup")
        assert view.row == 0


async def test_the_next_measure_keeps_the_row_where_it_has_one() -> None:
    app = alone()
    async with app.run_test(size=WIDE) as pilot:
        await read(app, pilot)
        await pilot.press("down", "down", "down", "m")
        await until_true(pilot, lambda: "size of change (2 of 3)" in app.text())
        assert about(app).startswith("U-Net, down cross k/v after epoch 6")
        await pilot.press("m")
        await until_true(pilot, lambda: "lost to rounding (3 of 3)" in app.text())
        assert about(app).startswith("whole LoRA after epoch 6, step 240: 0.2 %")
        await pilot.press("m")
        await until_true(pilot, lambda: "change / weights (1 of 3)" in app.text())
        await pilot.press("M")
        await until_true(pilot, lambda: "lost to rounding (3 of 3)" in app.text())


async def test_more_epochs_than_fit_scroll_with_the_cursor() -> None:
    app = alone(measured(epochs=60))
    async with app.run_test(size=NARROW) as pilot:
        await read(app, pilot)
        assert heads(app)[-1] == "e60"
        await pilot.press("home")
        await pilot.pause()
        assert heads(app)[:2] == ["e1", "e2"]
        assert "e60" not in heads(app)


async def test_in_a_terminal_without_unicode_each_shade_is_a_sign_of_its_own() -> None:
    assert len({encode(sign, "ascii") for sign in SHADES}) == len(SHADES)


async def test_what_is_not_there_yet_and_what_went_wrong_is_said() -> None:
    for found, words in (
        (MeasuredEpochs(()), "nothing was measured yet"),
        (MeasuredEpochs((), missing=3), "3 LoRAs not measured; `lora-tui measure 12` does it now"),
        (measured(missing=1), "1 LoRA not measured; `lora-tui measure 12` does it now"),
    ):
        app = alone(found)
        async with app.run_test(size=WIDE) as pilot:
            await read(app, pilot)
            assert words in about(app)
            await pilot.press("m", "down", "left", "pagedown")

    def broken() -> MeasuredEpochs:
        raise WorkspaceError("journal.sqlite", found="it is gone")

    app = ScreenAlone(MeasuresScreen("Measures", 1, broken, lambda *of: ""))
    async with app.run_test(size=NARROW) as pilot:
        await read(app, pilot)
        assert "it is gone" in about(app)
        await pilot.press("m", "down", "escape")
        await pilot.pause()
        assert app.answers == [None]


async def test_a_running_bake_is_read_again_and_the_cursor_follows_the_last_epoch(monkeypatch) -> None:
    monkeypatch.setattr("lora_tui.screens.measures._SECONDS", 0.05)
    more = threading.Event()
    app = ScreenAlone(
        MeasuresScreen("M", 1, lambda: measured(4 if more.is_set() else 3, running=True), lambda *of: "noise")
    )
    async with app.run_test(size=WIDE) as pilot:
        await read(app, pilot)
        assert "epoch 3" in about(app)
        more.set()
        await until_true(pilot, lambda: "epoch 4" in about(app))


async def test_help_lists_the_keys() -> None:
    app = alone()
    async with app.run_test(size=WIDE) as pilot:
        await read(app, pilot)
        await pilot.press("question_mark")
        await until_true(pilot, lambda: isinstance(app.screen, HelpScreen))
        assert "the next measure" in app.text()

"""The lanes of doneness on the screen: bars with letters, the band, verdicts, and the evidence of the epoch under the cursor."""

import threading
from dataclasses import replace

import pytest
from made_bakes import floors, measured, saved_epochs
from screen_alone import ScreenAlone, until_true
from textual.widgets import Static

from lora_tui.screens.doneness import DonenessScreen, RulesDialog
from lora_tui.screens.help import HelpScreen
from lora_tui.widgets.doneness_view import DonenessView
from trainer.doneness.place import place
from trainer.doneness.record import Doneness
from trainer.doneness.rules import RULES
from trainer.doneness.verdicts import Verdict
from trainer.errors import WorkspaceError
from trainer.measures.of_validation import AUC, CHANCE, HELD_OUT_CHANGE
from trainer.measures.of_weights import DELTA_SHARE

WIDE, NARROW = (120, 36), (80, 24)
NOISE = floors({HELD_OUT_CHANGE: 0.003, DELTA_SHARE.key: 0.01})


def doneness(epochs: int = 8, *, running: bool = False) -> Doneness:
    """Return a bake that is done at its fifth and sixth epochs."""
    falls = [(-0.02, -0.07, -0.11, -0.12, -0.12, -0.12, -0.08, -0.04)[min(7, number)] for number in range(epochs)]
    grows = [(0.002, 0.004, 0.0055, 0.0065, 0.007, 0.0072, 0.0073, 0.0074)[min(7, number)] for number in range(epochs)]
    values = [
        *measured(HELD_OUT_CHANGE, falls),
        *measured(DELTA_SHARE.key, grows, part="unet"),
        *measured(AUC, [0.5] * epochs, half=0.1),
        *measured(CHANCE, [0.5] * epochs),
    ]
    axis = [replace(epoch, exposures=(10 * epoch.epoch, 30 * epoch.epoch)) for epoch in saved_epochs(epochs)]
    verdicts = [Verdict(500, "whole", "right"), Verdict(800, "whole", "right")]
    return place(12, axis, values, ("unet", "text_encoder"), NOISE, verdicts=verdicts[: epochs // 4], running=running)


def alone(shown: Doneness | None = None) -> ScreenAlone:
    found = doneness() if shown is None else shown
    return ScreenAlone(DonenessScreen("Doneness of bake 0012 x", lambda: found))


def evidence(app: ScreenAlone) -> str:
    return str(app.shown.query_one("#evidence", Static).content)


async def read(app: ScreenAlone, pilot) -> None:
    await until_true(
        pilot, lambda: app.shown._doneness is not None and (evidence(app) or not app.shown._doneness.epochs)
    )


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_lanes_band_and_verdicts_stand_over_the_epochs(size) -> None:
    app = alone()
    async with app.run_test(size=size) as pilot:
        await read(app, pilot)
        lines = app.text().splitlines()
        letters = next(line for line in lines if "▸ U-Net" in line).replace("━", " ").split()
        assert letters == ["▸", "U-Net", *"rfffDDoo"]
        assert "not placed: see below" in next(line for line in lines if "  text encoder" in line)
        assert [line.count("=") > 0 for line in lines if "aim for  " in line] == [True]
        epochs = next(line for line in lines if line.strip().startswith("epoch"))
        band = next(line for line in lines if line.strip().startswith("aim for  "))
        assert band.index("=") <= epochs.index("5") and band.rindex("=") >= epochs.index("6")
        said = next(line for line in lines if line.strip().startswith("you call"))
        assert said.index("R") == epochs.index("5") and said.rindex("R") == epochs.index("8")
        assert "aim for epochs 5–6 (steps 500 to 600: 100 steps wide, 2 epochs)" in app.text()
        assert "r raw · f forming · D done · o over · n no sign" in app.text()


async def test_the_evidence_is_that_of_the_epoch_and_lane_under_the_cursor() -> None:
    app = alone()
    async with app.run_test(size=WIDE) as pilot:
        await read(app, pilot)
        # It starts where the band does.
        assert evidence(app).startswith(
            "epoch 5 · step 500 · each picture shown 50–150 times\nyou called epoch 5 right: agrees\nU-Net: done"
        )
        await pilot.press("home", "right")
        assert evidence(app).startswith("epoch 2") and "validation still falls (−0.07" in evidence(app)
        assert " times outside the noise)" in evidence(app)
        await pilot.press("j")
        assert evidence(app).splitlines()[1] == "text encoder"
        assert "measure_pictures (token effect)" in evidence(app)
        await pilot.press("end", "up")
        assert "you called epoch 8 right: contradicts (U-Net is over)" in evidence(app)
        await pilot.press("right", "right", "l")
        assert app.shown.query_one(DonenessView).epoch == 7


async def test_of_many_epochs_those_around_the_cursor_are_in_view() -> None:
    app = alone(doneness(60))
    async with app.run_test(size=NARROW) as pilot:
        await read(app, pilot)
        await pilot.press("home")
        axis = next(line for line in app.text().splitlines() if line.strip().startswith("epoch "))
        assert axis.split()[1] == "1" and "60" not in axis
        await pilot.press("end")
        axis = next(line for line in app.text().splitlines() if line.strip().startswith("epoch "))
        assert axis.split()[-1] == "60" and "1" not in axis.split()
        assert "each picture shown 600–1,800 times" in evidence(app)


async def test_a_long_text_scrolls_and_the_help_names_the_keys() -> None:
    app = alone()
    async with app.run_test(size=NARROW) as pilot:
        await read(app, pilot)
        await pilot.press("end")
        before = app.text()
        await pilot.press("J", "J", "J")
        assert app.text() != before
        await pilot.press("question_mark")
        await until_true(pilot, lambda: isinstance(app.screen, HelpScreen))
        assert "the epoch after" in app.text()
        await pilot.press("escape")
        await pilot.press("w")
        assert app.answers == [None]


async def test_what_is_read_stays_in_view_while_the_bake_runs(monkeypatch) -> None:
    monkeypatch.setattr("lora_tui.screens.doneness._SECONDS", 0.05)
    times: list[int] = []
    app = ScreenAlone(DonenessScreen("x", lambda: times.append(1) or doneness(running=True)))
    async with app.run_test(size=NARROW) as pilot:
        await read(app, pilot)
        await pilot.press("end", "J", "J")
        text = app.shown.query_one("#about")
        await until_true(pilot, lambda: text.scroll_offset.y == 2)
        before = len(times)
        await until_true(pilot, lambda: len(times) >= before + 3)
        assert text.scroll_offset.y == 2


async def test_it_is_read_in_a_thread_of_its_own() -> None:
    threads: list[bool] = []

    def slow() -> Doneness:
        threads.append(threading.current_thread() is threading.main_thread())
        return doneness()

    app = ScreenAlone(DonenessScreen("x", slow))
    async with app.run_test(size=NARROW) as pilot:
        await read(app, pilot)
    assert threads == [False]


async def test_what_cannot_be_read_is_one_line() -> None:
    def fails() -> Doneness:
        raise WorkspaceError("journal.sqlite", found="no bake [7]")

    app = ScreenAlone(DonenessScreen("x", fails))
    async with app.run_test(size=NARROW) as pilot:
        await until_true(pilot, lambda: "no bake [7]" in app.text())
        await pilot.press("right", "down", "home", "J", "escape")
    assert app.answers == [None]


async def test_a_bake_that_saved_nothing_says_so() -> None:
    app = alone(place(1, [], [], ("unet",), NOISE))
    async with app.run_test(size=NARROW) as pilot:
        await until_true(pilot, lambda: "no LoRA is saved yet" in app.text())


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_rules_are_those_of_the_table(size) -> None:
    app = alone()
    async with app.run_test(size=size) as pilot:
        await read(app, pilot)
        await pilot.press("r")
        await until_true(pilot, lambda: isinstance(app.screen, RulesDialog))
        text = "\n".join(str(part.content) for part in app.screen.query(Static))
        assert not [rule.key for rule in RULES if rule.words not in text or rule.why not in text]
        assert "has learned something" in app.text()
        await pilot.press("escape")
        assert app.screen is app.shown

"""A past bake on the Bake screen as if it were baking."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from past_bake import add_past_bake
from screen_alone import until_true
from textual.drivers.headless_driver import HeadlessDriver
from textual.pilot import Pilot

from lora_tui.dashboard_exit import QuitChoice
from lora_tui.replay import INSTEAD, ReplayApp
from lora_tui.workers.replay_player import ReplayClock, ReplayPlayer
from trainer.journal.journal import Journal
from trainer.workspace import Workspace


class ReplayOnPaper(ReplayApp):
    """The app, with what stands on its terminal as text."""

    def text(self) -> str:
        return "\n".join(strip.text.rstrip() for strip in self.screen._compositor.render_strips())


@asynccontextmanager
async def replayed(
    tmp_path: Path, size: tuple[int, int]
) -> AsyncIterator[tuple[Pilot[Any], ReplayOnPaper, ReplayClock]]:
    with Journal(tmp_path / "journal.sqlite") as journal:
        add_past_bake(journal)
    root = tmp_path / "replay of demo"
    root.mkdir()
    player = ReplayPlayer(tmp_path / "journal.sqlite", 1, root / "journal.sqlite", 1.0)
    player.start()
    try:
        clock = await asyncio.to_thread(player.wait_ready)
        clock.toggle()
        app = ReplayOnPaper(Workspace(root), player, clock, driver_class=HeadlessDriver)
        async with app.run_test(size=size) as pilot:
            yield pilot, app, clock
    finally:
        player.stop()
        await asyncio.to_thread(player.join, 10)


def logged(app: ReplayOnPaper) -> str:
    return " ".join(line.text for line in app.bake_screen.snapshot.log)


@pytest.mark.parametrize("size", [(120, 36), (60, 20)])
async def test_the_title_says_that_it_is_a_replay_and_epochs_come_with_the_keys(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with replayed(tmp_path, size) as (pilot, app, _):
        await until_true(pilot, lambda: "0001 hifumi" in app.text())
        assert "replay" in app.text().splitlines()[0]
        await pilot.press("right_square_bracket")
        await until_true(pilot, lambda: "40/120" in app.text())
        await pilot.press("right_square_bracket")
        await until_true(pilot, lambda: "80/120" in app.text())
        await pilot.press("right_square_bracket")
        await until_true(pilot, lambda: "resumed" in logged(app))
        await pilot.press("left_square_bracket", "left_square_bracket")
        await until_true(pilot, lambda: "40/120" in app.text())
        # What was not yet said then is gone from the log, too.
        await until_true(pilot, lambda: "resumed" not in logged(app))
        assert "first step" in logged(app)


async def test_space_lets_it_run_and_the_speed_is_changed_by_keys(tmp_path: Path) -> None:
    async with replayed(tmp_path, (120, 36)) as (pilot, app, clock):
        await until_true(pilot, lambda: "0001 hifumi" in app.text())
        await pilot.press("space")
        assert clock.runs
        await pilot.press("greater_than_sign")
        assert clock.speed == 5.0
        await pilot.press("less_than_sign")
        assert clock.speed == 1.0


async def test_one_that_breaks_says_so_and_it_is_left_without_a_question(tmp_path: Path) -> None:
    async with replayed(tmp_path, (120, 36)) as (pilot, app, _):
        await until_true(pilot, lambda: "0001 hifumi" in app.text())
        await asyncio.to_thread(app._player.tell, "journal: [b]no space[/b] is left")
        said = "the replay does not go on: journal: [b]no space[/b] is left"
        await until_true(pilot, lambda: said in [note.message for note in app._notifications])
        await pilot.press("ctrl+q")
        await pilot.pause()
        assert app.return_value == QuitChoice.QUIT


async def test_nothing_can_be_changed(tmp_path: Path) -> None:
    async with replayed(tmp_path, (120, 36)) as (pilot, app, _):
        await until_true(pilot, lambda: "0001 hifumi" in app.text())
        await pilot.press("right_square_bracket", "x")
        await until_true(pilot, lambda: INSTEAD in " ".join(note.message for note in app._notifications))
        with Journal(tmp_path / "journal.sqlite") as journal:
            assert journal.orders.read(1) == []

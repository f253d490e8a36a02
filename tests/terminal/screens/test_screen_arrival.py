"""What one who opens the screen hears first: what was cut off is offered, then the digest is told."""

import sqlite3

from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.screens.digest import DigestDialog
from trainer.journal.records import BakeState

EVENING = 1_699_990_000.0


def cut_off(runner, ended: float) -> None:
    """Leave a bake that was marked as lost at `ended` (epoch seconds)."""
    number = runner.baking()
    runner.set_state(BakeState.LOST, number)
    with sqlite3.connect(runner.workspace.journal_path) as connection:
        connection.execute("UPDATE bake SET ended = ? WHERE number = ?", (ended, number))
    connection.close()


def looked(runner, seconds: float) -> None:
    with runner.journal() as journal:
        journal.digests.set_last_viewed(seconds)


async def test_the_offer_comes_first_and_the_digest_once_it_is_answered(runner, until, seen) -> None:
    cut_off(runner, EVENING + 60)
    looked(runner, EVENING)
    async with runner.run((100, 30)) as pilot:
        await until(pilot, lambda: len(runner.app.screen_stack) == 2)
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        # Nothing lies on top of the offer, however long it waits.
        assert [type(screen) for screen in runner.app.screen_stack[1:]] == [ConfirmDialog]
        assert "0001 hifumi was interrupted" in seen(runner.app)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(runner.app.screen, DigestDialog))
        assert len(runner.app.screen_stack) == 2
        assert "0001 hifumi  lost" in seen(runner.app)
        await until(pilot, lambda: runner.bakes()[0].state is BakeState.QUEUED)


async def test_what_was_lost_hours_before_anybody_looked_is_offered(runner, until) -> None:
    """Another program, `status` say, may have marked it long ago."""
    cut_off(runner, EVENING - 80_000)
    looked(runner, EVENING - 90_000)
    async with runner.run((100, 30)) as pilot:
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))


async def test_where_nobody_ever_looked_all_that_is_lost_is_offered_without_a_digest(runner, until) -> None:
    cut_off(runner, EVENING - 1e6)
    async with runner.run((100, 30)) as pilot:
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        await pilot.press("escape")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
        await pilot.pause(0.1)
        assert runner.app.screen is runner.app.bake_screen
    assert runner.bakes()[0].state is BakeState.LOST


async def test_what_was_lost_before_one_looked_is_not_offered_again(runner, until, seen) -> None:
    cut_off(runner, EVENING - 1)
    # A bake that ended since lets the digest come, which shows that the question has been decided.
    runner.add_bake()
    runner.set_state(BakeState.DONE, 2)
    looked(runner, EVENING)
    async with runner.run((100, 30)) as pilot:
        await until(pilot, lambda: len(runner.app.screen_stack) == 2)
        assert isinstance(runner.app.screen, DigestDialog)
        assert "0002 hifumi  done" in seen(runner.app)
        assert "0001" not in "\n".join(line for line in seen(runner.app).splitlines() if "lost" in line)

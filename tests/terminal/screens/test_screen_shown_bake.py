"""Which bake is on the screen: the one that runs, else the last that ran; held ones only where the user asks for them."""

from textual import events
from textual.widgets import OptionList

from lora_tui.screens.bake_note import BakeNoteDialog
from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.screens.fork import ForkDialog
from lora_tui.screens.grid import GridScreen
from lora_tui.screens.queue import QueueDialog
from trainer.journal.records import BakeState, NewBake, Order

SIZE = (120, 36)


def judged(runner, *, drafts: int = 3) -> None:
    """Leave a bake that is done with two LoRAs, and held ones behind it, as judging does."""
    runner.baking()
    runner.set_state(BakeState.DONE)
    for _ in range(drafts):
        number = runner.add_bake(why="text encoder over", parent=1)
        with runner.journal() as journal:
            journal.queue.set_held(number, True)


async def shows(runner, pilot, until, number: int) -> None:
    await until(pilot, lambda: runner.app.bake_screen.snapshot.bake is not None)
    await until(pilot, lambda: runner.app.bake_screen.snapshot.bake.number == number)
    await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)


async def test_the_judged_bake_stays_on_the_screen_over_its_held_drafts(runner, until, seen) -> None:
    judged(runner)
    async with runner.run(SIZE) as pilot:
        await shows(runner, pilot, until, 1)
        screen = runner.app.bake_screen
        assert "0001 hifumi ✓ done" in seen(runner.app)
        assert "hifumi-000002" in seen(runner.app)
        assert screen.snapshot.curves["loss"].steps
        await pilot.press("B")
        await until(pilot, lambda: isinstance(runner.app.screen, ForkDialog))
        assert runner.app.screen._forking.number == 1
        await pilot.press("escape")
        await pilot.press("b")
        await until(pilot, lambda: isinstance(runner.app.screen, BakeNoteDialog))
        # Nothing is at work: the bake starts at once.
        assert "behind" not in runner.app.screen._story
        await pilot.press("escape", "g")
        await until(pilot, lambda: isinstance(runner.app.screen, GridScreen))
        await until(pilot, lambda: runner.app.screen.editor.spec is not None)
        assert runner.app.screen.specs.first.start == "bake 1"


async def test_comma_and_period_walk_through_the_bakes_and_back(runner, until, seen) -> None:
    judged(runner)
    async with runner.run(SIZE) as pilot:
        await shows(runner, pilot, until, 1)
        await pilot.press("full_stop", "full_stop")
        await shows(runner, pilot, until, 3)
        assert "0003 hifumi ◌ held" in seen(runner.app)
        assert runner.app.bake_screen.bake is None
        await pilot.press("comma", "comma", "comma")
        await shows(runner, pilot, until, 1)
        await until(pilot, lambda: "0001 hifumi ✓ done" in seen(runner.app))


async def test_a_key_typed_right_behind_acts_on_the_bake_walked_to(runner, until) -> None:
    judged(runner, drafts=0)
    number = runner.add_bake()
    runner.set_state(BakeState.STARTING)
    runner.set_state(BakeState.DONE, number)
    async with runner.run(SIZE) as pilot:
        await shows(runner, pilot, until, number)
        runner.app.bake_screen.feed.interval = 0.5
        for key, character in (("comma", ","), ("B", "B")):
            runner.app.post_message(events.Key(key, character))
        await until(pilot, lambda: isinstance(runner.app.screen, ForkDialog))
        assert runner.app.screen._forking.number == 1


async def test_enter_on_a_row_of_the_queue_shows_that_bake(runner, until, seen) -> None:
    judged(runner)
    async with runner.run(SIZE) as pilot:
        await shows(runner, pilot, until, 1)
        await pilot.press("Q")
        await until(pilot, lambda: isinstance(runner.app.screen, QueueDialog))
        await until(pilot, lambda: runner.app.screen.query_one(OptionList).option_count == 3)
        assert "enter: show" in seen(runner.app)
        await pilot.press("j", "enter")
        await shows(runner, pilot, until, 3)


async def test_enter_on_a_grid_in_the_queue_opens_that_grid(runner, until) -> None:
    judged(runner, drafts=0)
    with runner.journal() as journal:
        for name in ("first", "second"):
            grid = journal.grids.add(name=name, spec="{}")
            journal.bakes.add(_job_of(grid.number))
    async with runner.run(SIZE) as pilot:
        await shows(runner, pilot, until, 1)
        await pilot.press("Q")
        await until(pilot, lambda: isinstance(runner.app.screen, QueueDialog))
        await until(pilot, lambda: runner.app.screen.query_one(OptionList).option_count == 2)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(runner.app.screen, GridScreen))
        await until(pilot, lambda: runner.app.screen.selection.number == 1)


async def test_with_another_on_the_screen_the_title_shows_the_running_one_and_keys_leave_it_alone(
    runner, until, seen
) -> None:
    judged(runner, drafts=0)
    number = runner.baking()
    async with runner.run(SIZE) as pilot:
        await shows(runner, pilot, until, number)
        await pilot.press("comma")
        await shows(runner, pilot, until, 1)
        await until(pilot, lambda: f"● bake {number} hifumi baking" in seen(runner.app))
        await pilot.press("space", "s", "x")
        await pilot.pause()
        assert runner.app.screen is runner.app.bake_screen
        assert runner.orders(number) == runner.orders(1) == []
        await pilot.press("b")
        await until(pilot, lambda: isinstance(runner.app.screen, BakeNoteDialog))
        assert runner.app.screen._story.startswith(f"will be queued behind bake {number:04d} · ")


async def test_quitting_stops_the_running_bake_whichever_is_on_the_screen(runner, until) -> None:
    judged(runner, drafts=0)
    number = runner.baking()
    async with runner.run(SIZE) as pilot:
        await shows(runner, pilot, until, number)
        await pilot.press("comma")
        await shows(runner, pilot, until, 1)
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        await pilot.press("s")
        await until(pilot, lambda: runner.orders(number) == [Order.STOP])
    assert runner.orders(1) == []


async def test_held_bakes_alone_do_not_hold_up_who_quits(runner, until) -> None:
    judged(runner)
    async with runner.run(SIZE) as pilot:
        await shows(runner, pilot, until, 1)
        assert runner.app.bake_screen.snapshot.ours is None


async def test_a_bake_that_is_queued_is_shown_once_it_runs_whatever_was_looked_at(runner, until) -> None:
    judged(runner, drafts=1)
    async with runner.run(SIZE) as pilot:
        await shows(runner, pilot, until, 1)
        await pilot.press("full_stop")
        await shows(runner, pilot, until, 2)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(runner.app.screen, BakeNoteDialog))
        await pilot.press("enter")
        await until(pilot, lambda: len(runner.bakes()) == 3)
        await shows(runner, pilot, until, 1)
        runner.set_state(BakeState.STARTING)
        await shows(runner, pilot, until, 3)


async def test_the_form_marks_what_differs_from_the_last_that_ran_not_from_a_held_draft(runner, until) -> None:
    judged(runner, drafts=0)
    path = runner.workspace.root / "hifumi.toml"
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace("unet_lr = 2e-3", "unet_lr = 3e-3"), encoding="utf-8")
    number = runner.add_bake()
    path.write_text(before, encoding="utf-8")
    with runner.journal() as journal:
        assert "unet_lr = 3e-3" in journal.bakes.read(number).settings_toml
        journal.queue.set_held(number, True)
    async with runner.run(SIZE) as pilot:
        await shows(runner, pilot, until, 1)
        assert runner.app.bake_screen.snapshot.compared.unet_lr == 2e-3
        assert runner.app.bake_screen.editor._newest is runner.app.bake_screen.snapshot.compared


def _job_of(grid: int) -> NewBake:
    return NewBake(
        name="x", settings_toml="", engine="scripted", total_steps=4, steps_per_epoch=0, held=True, grid=grid
    )

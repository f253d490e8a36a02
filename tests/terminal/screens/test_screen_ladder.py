"""One ladder on the screen: rungs and their bakes, a measure over the knob, curves of all rungs, the answer, and what keys do to it."""

import threading

import pytest
from ladder_in_journal import made_ladder
from screen_alone import ScreenAlone, until_true
from textual.widgets import Input, Static

from lora_tui.ports import Rights
from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.screens.ladder import LadderScreen
from lora_tui.screens.new_ladder import ExtendDialog
from lora_tui.screens.pick import PickDialog
from lora_tui.widgets.rung_list import RungList
from lora_tui.wording.ladders import curve_help
from trainer.errors import WorkspaceError
from trainer.journal.measure_records import MeasuredValue
from trainer.journal.records import BakeState
from trainer.ladders import read as read_module
from trainer.ladders import state as state_module
from trainer.ladders.state import ladder_state
from trainer.measures.of_weights import DELTA_NORM, DELTA_SHARE

WIDE, NARROW = (120, 36), (80, 24)
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["120x36", "80x24"])


def alone(runner, **given) -> ScreenAlone:
    screen = LadderScreen(runner.workspace, runner.engine, 1, clock=lambda: 1.7e9, **given)
    screen.reader.interval = 0.02
    return ScreenAlone(screen)


async def read(app: ScreenAlone, pilot, *, answered: bool = True) -> LadderScreen:
    await until_true(pilot, lambda: app.shown.state is not None and app.shown.known)
    if answered:
        await until_true(pilot, lambda: app.shown.answer is not None)
    return app.shown


def row_of(app: ScreenAlone, label: str) -> str:
    # Below the title, which names rungs too.
    return next(line for line in app.text().splitlines()[2:] if f" {label} " in line)


def keys(app: ScreenAlone) -> str:
    return app.text().splitlines()[-1]


def about(app: ScreenAlone) -> str:
    return str(app.shown.query_one("#detail", Static).content)


def state_of(runner):
    with runner.journal() as journal:
        return ladder_state(journal, 1)


@SIZES
async def test_each_rung_shows_the_states_of_its_bakes_and_how_far_the_running_one_is(runner, size) -> None:
    made_ladder(
        runner.workspace,
        rungs=("0.1", "1", "10"),
        states={(0, 1): BakeState.FAILED, (1, 1): BakeState.BAKING, (2, 0): BakeState.QUEUED, (2, 1): None},
        held=True,
    )
    app = alone(runner)
    async with app.run_test(size=size) as pilot:
        await read(app, pilot)
        await until_true(pilot, lambda: "50%" in app.text())
        assert row_of(app, "×0.1").split()[:5] == ["×0.1", "▸✓", "0001", "✗", "0002"]
        assert row_of(app, "×1").split()[:6] == ["•", "×1", "✓", "0003", "●", "0004"]
        # What is held has the sign of a pause; the twin that is not queued yet has a sign of its own.
        assert row_of(app, "×10").split()[:4] == ["×10", "◌", "0005", "·"]
        assert "0 of 3 rungs done, 1 baking, 1 failed, 1 waiting · 2 bakes each" in app.text()
        await pilot.press("right")
        assert "×0.1, twin 1: bake 2, failed" in about(app) and "out of memory: 6 GiB" in about(app)
        await pilot.press("down")
        assert "×1, twin 1: bake 4, baking, 40 of 80 steps" in about(app)
        assert all(len(line) <= size[0] for line in app.text().splitlines())


@SIZES
async def test_the_measure_stands_beside_the_rungs_and_the_answer_in_words(runner, size) -> None:
    made_ladder(runner.workspace, rungs=("0.33", "1", "3"), question="how strong?")
    app = alone(runner)
    async with app.run_test(size=size) as pilot:
        screen = await read(app, pilot)
        assert screen.curve is not None and screen.curve.name == DELTA_SHARE.key
        await until_true(pilot, lambda: "1 %" in row_of(app, "×0.33") or "1.0" in row_of(app, "×0.33"))
        assert screen.curve.words in about(app)
        assert all(line in about(app) for line in screen.answer.lines)
        assert screen.answer.noise in about(app) and "tests: how strong?" in about(app)
        # It scrolls.
        before = app.text()
        await pilot.press("J", "J", "J")
        assert size is WIDE or app.text() != before


async def test_another_measure_is_chosen_with_c(runner) -> None:
    made_ladder(
        runner.workspace,
        values=lambda rung, twin: {DELTA_SHARE.key: 0.01 * 3**rung, DELTA_NORM.key: 5.0 + 0.01 * twin},
    )
    app = alone(runner)
    async with app.run_test(size=WIDE) as pilot:
        screen = await read(app, pilot)
        names = [curve.name for curve in screen.answer.curves]
        assert set(names) >= {DELTA_SHARE.key, DELTA_NORM.key}
        await pilot.press("c")
        await until_true(pilot, lambda: isinstance(app.screen, PickDialog))
        await pilot.press(str(names.index(DELTA_NORM.key) + 1))
        await until_true(pilot, lambda: screen.curve.name == DELTA_NORM.key)
        assert DELTA_NORM.title in app.text()


async def test_what_a_measure_says_is_read_whole_where_its_line_is_cut(runner) -> None:
    made_ladder(runner.workspace, rungs=("0.33", "1", "3"))
    app = alone(runner)
    async with app.run_test(size=NARROW) as pilot:
        screen = await read(app, pilot)
        await pilot.press("c")
        await until_true(pilot, lambda: isinstance(app.screen, PickDialog) and app.screen.has_class("-cut"))
        whole = curve_help(screen.curve)
        story = str(app.screen.query_one("#story", Static).render())
        assert whole in story and len(whole) > 60


async def test_curves_of_bakes_that_wait_say_so_and_the_verdict_is_not_cut(runner) -> None:
    made_ladder(
        runner.workspace, rungs=("0.33", "1", "3"), twins=2, states={(2, 0): BakeState.QUEUED, (2, 1): BakeState.QUEUED}
    )
    app = alone(runner)
    async with app.run_test(size=NARROW) as pilot:
        screen = await read(app, pilot)
        await pilot.press("o")
        await until_true(pilot, lambda: "waits to be baked" in app.text())
        lines = str(screen.query_one("#legend", Static).content).splitlines()
        assert sum("waits to be baked" in line for line in lines) == 2
        assert not any("no curve" in line for line in lines)
        compared = [line for line in lines if "noise" in line]
        assert compared and all(line.index("noise") < line.index("at step") for line in compared)


async def test_without_values_c_says_so(runner) -> None:
    made_ladder(runner.workspace, rungs=("1", "3"), twins=1, values=lambda rung, twin: {})
    app = alone(runner)
    async with app.run_test(size=NARROW) as pilot:
        screen = await read(app, pilot)
        if not screen.answer.curves:
            await pilot.press("c")
            assert "nothing was measured yet" in app.notes()


@SIZES
async def test_the_curves_of_all_rungs_are_overlaid(runner, size) -> None:
    made_ladder(runner.workspace, rungs=("0.33", "1", "3"), twins=1)
    app = alone(runner)
    async with app.run_test(size=size) as pilot:
        screen = await read(app, pilot)
        await pilot.press("o")
        await until_true(pilot, lambda: "training loss" in app.text() and "at step 80" in app.text())
        legend = str(screen.query_one("#legend", Static).content)
        # The centre is on top; each rung has its letter and its name.
        assert [line.split()[1] for line in legend.splitlines()] == ["×1", "×0.33", "×3"]
        await pilot.press("c")
        await until_true(pilot, lambda: isinstance(app.screen, PickDialog))
        await pilot.press("escape", "escape")
        await until_true(pilot, lambda: not screen.shows_curves)
        assert app.screen is screen


async def test_a_rung_is_cut_after_a_question(runner) -> None:
    made_ladder(runner.workspace, rungs=("1", "3"), twins=2, states={(1, 1): BakeState.QUEUED})
    app = alone(runner)
    async with app.run_test(size=NARROW) as pilot:
        await read(app, pilot)
        await pilot.press("end", "x")
        await until_true(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        assert "Its bake leaves the queue" in app.text()
        await pilot.press("escape")
        assert len(state_of(runner).of_rung(1)) == 2
        await pilot.press("x")
        await until_true(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("c")
        await until_true(pilot, lambda: state_of(runner).of_rung(1) == ())
        await until_true(pilot, lambda: "cut" in row_of(app, "×3"))
        # What was baked is still there, what waited is not.
        assert [bake.state for bake in runner.bakes()] == [BakeState.STOPPED, *[BakeState.DONE] * 3]
        await pilot.press("x")
        assert "is cut already" in app.notes()


async def test_what_failed_is_queued_again(runner) -> None:
    made_ladder(runner.workspace, rungs=("1", "3"), twins=1, states={(1, 0): BakeState.FAILED})
    app = alone(runner)
    async with app.run_test(size=WIDE) as pilot:
        await read(app, pilot)
        await until_true(pilot, lambda: "continue" in keys(app))
        await pilot.press("r")
        await until_true(pilot, lambda: "ladder 1:" in app.notes())
        assert runner.bakes()[0].state is BakeState.QUEUED or "bake 2" in app.notes()


async def test_a_ladder_that_is_done_has_nothing_to_continue(runner) -> None:
    made_ladder(runner.workspace, rungs=("1", "3"), twins=1)
    app = alone(runner)
    async with app.run_test(size=WIDE) as pilot:
        await read(app, pilot)
        assert "continue" not in keys(app)
        await pilot.press("C")
        assert "nothing to continue" in app.notes()


async def test_what_waits_is_held_and_released(runner) -> None:
    made_ladder(
        runner.workspace, rungs=("1", "3"), twins=2, states={(0, 1): BakeState.QUEUED, (1, 1): BakeState.QUEUED}
    )
    app = alone(runner)
    async with app.run_test(size=NARROW) as pilot:
        await read(app, pilot)
        await pilot.press("H")
        await until_true(pilot, lambda: "2 bakes held" in app.notes() and "the rest is held" in app.text())
        assert [bake.held for bake in runner.bakes() if bake.state is BakeState.QUEUED] == [True, True]
        await pilot.press("H")
        await until_true(pilot, lambda: "2 bakes released" in app.notes())
        assert not any(bake.held for bake in runner.bakes())


async def test_a_ladder_of_which_nothing_waits_holds_nothing(runner) -> None:
    made_ladder(runner.workspace, rungs=("1", "3"), twins=1)
    app = alone(runner)
    async with app.run_test(size=NARROW) as pilot:
        await read(app, pilot)
        await pilot.press("H")
        assert "no bake of this ladder waits" in app.notes()


async def test_more_twins_are_added_with_plus(runner) -> None:
    made_ladder(runner.workspace, rungs=("1", "3"), twins=1)
    app = alone(runner)
    async with app.run_test(size=NARROW) as pilot:
        await read(app, pilot)
        await pilot.press("plus")
        await until_true(pilot, lambda: isinstance(app.screen, ExtendDialog))
        dialog = app.screen
        dialog.planner.quiet = 0.01
        error = dialog.query_one("#error", Static)
        await until_true(pilot, lambda: error.has_class("-shown"))
        assert "nothing to add" in str(error.content)
        dialog.query_one("#rungs", Input).value = "9"
        await until_true(pilot, lambda: not error.has_class("-shown") or "pictures" in str(error.content))
        await pilot.press("escape")
        assert app.screen is app.shown
    assert len(runner.bakes()) == 2


async def test_the_grid_of_all_rungs_goes_to_the_builder(runner) -> None:
    made_ladder(runner.workspace, rungs=("1", "3"), twins=1)
    specs = []
    app = alone(runner, open_grid=specs.append)
    async with app.run_test(size=NARROW) as pilot:
        await read(app, pilot)
        await pilot.press("g")
        await until_true(pilot, lambda: specs or app.notes())
    assert specs, app.notes()


async def test_enter_leaves_with_the_bake_under_the_cursor(runner) -> None:
    made_ladder(runner.workspace, rungs=("1", "3"), twins=2, states={(1, 1): None})
    app = alone(runner)
    async with app.run_test(size=NARROW) as pilot:
        await read(app, pilot)
        await pilot.press("end", "right", "enter")
        assert "there is no bake of this rung yet" in app.notes()
        await pilot.press("left", "enter")
        await until_true(pilot, lambda: app.answers)
    assert app.answers == [3]


async def test_it_follows_what_happens_in_the_journal(runner) -> None:
    made_ladder(runner.workspace, rungs=("1", "3"), twins=1, states={(1, 0): BakeState.QUEUED})
    app = alone(runner)
    async with app.run_test(size=NARROW) as pilot:
        await read(app, pilot)
        await until_true(pilot, lambda: "◦ 0002" in app.text())
        with runner.journal() as journal:
            journal.bakes.set_state(2, BakeState.STARTING)
        await until_true(pilot, lambda: "● 0002" in app.text())
        before = app.shown.answer
        with runner.journal() as journal:
            journal.bakes.set_state(2, BakeState.DONE)
            value = MeasuredValue(step=80, name=DELTA_SHARE.key, part="unet", value=0.5)
            journal.measures.add(2, [value])
        await until_true(pilot, lambda: "✓ 0002" in app.text() and app.shown.answer != before)


async def test_an_answer_that_cannot_be_worked_out_is_one_line_and_the_rungs_stay(runner, monkeypatch) -> None:
    def fails(*of: object) -> None:
        raise WorkspaceError("metrics.npz", found="gone [bold]")

    monkeypatch.setattr("trainer.ladders.read.answer_of", fails)
    made_ladder(runner.workspace, rungs=("1", "3"), twins=1)
    app = alone(runner)
    async with app.run_test(size=NARROW) as pilot:
        await read(app, pilot, answered=False)
        await until_true(pilot, lambda: "metrics.npz: gone [bold]" in about(app).replace("found ", ""))
        assert "✓ 0002" in app.text()


async def test_states_and_answers_are_read_in_a_thread_of_their_own(runner, monkeypatch) -> None:
    threads: set[str] = set()
    whole, answered = state_module.ladder_state, read_module.answer_of

    def noted(do):
        def call(*of):
            threads.add(threading.current_thread().name)
            return do(*of)

        return call

    monkeypatch.setattr(state_module, "ladder_state", noted(whole))
    monkeypatch.setattr(read_module, "answer_of", noted(answered))
    made_ladder(runner.workspace, rungs=("1", "3"), twins=1)
    app = alone(runner)
    async with app.run_test(size=NARROW) as pilot:
        await read(app, pilot)
    assert threads == {"journal"}


async def test_a_screen_that_may_do_nothing_shows_all_and_says_why(runner) -> None:
    made_ladder(runner.workspace, rungs=("1", "3"), twins=1, states={(1, 0): BakeState.FAILED})
    app = alone(runner, rights=Rights(bake=False, order=False))
    async with app.run_test(size=WIDE) as pilot:
        await read(app, pilot)
        assert "c measure" in keys(app) and "continue" not in keys(app) and "extend" not in keys(app)
        for key in ("r", "plus", "x", "H"):
            app.clear_notifications()
            await pilot.press(key)
            await until_true(pilot, lambda: "read-only" in app.notes())
            assert app.screen is app.shown
    assert runner.bakes()[0].state is BakeState.FAILED


async def test_many_rungs_and_twins_scroll_with_the_cursor(runner) -> None:
    rungs = [str(number) for number in range(1, 15)]
    nothing = dict.fromkeys((rung, twin) for rung in range(14) for twin in range(8))
    made_ladder(runner.workspace, rungs=rungs, twins=8, states=nothing)
    app = alone(runner)
    async with app.run_test(size=(60, 24)) as pilot:
        await until_true(pilot, lambda: app.shown.state is not None and "×1 " in app.text())
        await pilot.press("end", *("right",) * 7)
        assert "×14" in app.text() and "twin 7" in app.text() and "bake" not in row_head(app)
        await pilot.press("home", *("left",) * 7)
        assert "×14" not in row_text(app) and "bake" in row_head(app)


def row_head(app: ScreenAlone) -> str:
    return app.shown.query_one(RungList).render_line(0).text


def row_text(app: ScreenAlone) -> str:
    rungs = app.shown.query_one(RungList)
    return "\n".join(rungs.render_line(y).text for y in range(rungs.size.height))


@pytest.mark.parametrize("size", [(50, 20), (100, 12)], ids=["tiny", "short"])
async def test_where_there_is_little_room_the_rungs_come_first(runner, size) -> None:
    made_ladder(runner.workspace, rungs=("1", "3"), twins=1)
    app = alone(runner)
    async with app.run_test(size=size) as pilot:
        await read(app, pilot)
        assert "✓ 0001" in app.text() and "✓ 0002" in app.text()

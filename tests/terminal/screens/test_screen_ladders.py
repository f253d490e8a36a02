"""The list of ladders: how each stands and what it answers, and a new one made from a knob or a ready ladder."""

import re

import pytest
from ladder_in_journal import made_ladder
from screen_alone import ScreenAlone, until_true
from textual.widgets import Input, OptionList, Static

from lora_tui.forms.draft import open_draft
from lora_tui.ports import Rights
from lora_tui.screens.choose_knob import KnobDialog
from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.screens.grid import GridScreen
from lora_tui.screens.ladder import LadderScreen
from lora_tui.screens.ladders import LaddersScreen
from lora_tui.screens.new_ladder import NewLadderDialog
from trainer.journal.records import BakeState
from trainer.ladders.presets import PRESETS
from trainer.ladders.state import ladder_states
from trainer.settings.random_numbers import SEEDS

WIDE, NARROW = (120, 36), (80, 24)
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["120x36", "80x24"])


def alone(runner, **given) -> ScreenAlone:
    """Return the screen over a workspace, in an app of its own, with the settings of the workspace in the form."""
    draft = open_draft(runner.workspace.root / "hifumi.toml")
    screen = LaddersScreen(
        runner.workspace, runner.engine, given.pop("draft", lambda: draft), clock=lambda: 1.7e9, **given
    )
    screen.reader.interval = 0.02
    return ScreenAlone(screen)


async def listed(app: ScreenAlone, pilot) -> None:
    await until_true(pilot, lambda: app.shown.lines is not None)


def row_of(app: ScreenAlone, title: str) -> str:
    return next(line for line in app.text().splitlines() if title in line)


def ladders(runner):
    with runner.journal() as journal:
        return ladder_states(journal)


@SIZES
async def test_a_ladder_is_a_line_with_what_is_done_failed_and_waits(runner, size) -> None:
    made_ladder(
        runner.workspace,
        rungs=("0.1", "0.33", "1", "3", "10"),
        title="how much U-Net",
        states={(0, 0): BakeState.FAILED, (3, 1): BakeState.QUEUED, (4, 0): BakeState.QUEUED, (4, 1): None},
    )
    made_ladder(runner.workspace, knob="network_alpha", rungs=("1", "0.5"), twins=1)
    app = alone(runner)
    async with app.run_test(size=size) as pilot:
        await listed(app, pilot)
        await until_true(pilot, lambda: "2/5" in app.text())
        cells = row_of(app, "how much U-Net").split()
        assert cells[:4] == ["✗", "1", "how", "much"]
        # Of five rungs two are done, one failed, two wait; two bakes each; those that are done tell how long these take.
        assert cells[5:9] == ["2/5", "1", "2", "2"]
        assert re.search(r"\d\d:\d\d", row_of(app, "how much U-Net"))
        assert "2 ladders" in app.text()
        # The newest is first, and under the cursor.
        assert row_of(app, "network_alpha").split()[:2] == ["▸", "✓"]
        assert all(len(line) <= size[0] for line in app.text().splitlines())


async def test_columns_that_no_ladder_has_leave_their_cells_to_the_titles(runner) -> None:
    title = "learning_rate 0 … ×50 with every rate set"
    made_ladder(runner.workspace, title=title)
    app = alone(runner)
    async with app.run_test(size=NARROW) as pilot:
        await listed(app, pilot)
        await until_true(pilot, lambda: "3/3" in app.text())
        assert title in row_of(app, "learning_rate 0")
        assert "failed" not in app.text().splitlines()[1]


@SIZES
async def test_the_answer_stands_below_and_beside_the_title_where_there_is_room(runner, size, monkeypatch) -> None:
    # A title of so many cells leaves none to an answer on a narrow screen.
    title = "unet_lr from a third of mine to three times as much"
    made_ladder(runner.workspace, question="does more make more?", title=title)
    app = alone(runner)
    async with app.run_test(size=size) as pilot:
        await listed(app, pilot)
        line = app.shown.ladder_list.current
        await until_true(pilot, lambda: app.shown.ladder_list.current.answer)
        line = app.shown.ladder_list.current
        about = str(app.shown.query_one("#detail", Static).content)
        assert all(words in about for words in line.answer)
        assert "does more make more?" in about and "3 of 3 rungs done · 2 bakes each" in about
        assert (line.answer[0][:12] in row_of(app, "unet_lr")) is (size is WIDE)


async def test_without_a_ladder_it_says_how_to_begin_and_no_key_breaks(runner) -> None:
    app = alone(runner)
    async with app.run_test(size=NARROW) as pilot:
        await listed(app, pilot)
        assert "no ladders yet: n makes one" in app.text()
        for key in ("enter", "j", "k", "home", "end", "pagedown", "pageup", "J", "K"):
            await pilot.press(key)
        assert app.screen is app.shown
        await pilot.press("escape")
        assert app.answers == [None]


async def test_enter_opens_a_ladder_and_its_bake_is_what_the_list_is_left_with(runner) -> None:
    made_ladder(runner.workspace)
    app = alone(runner)
    async with app.run_test(size=NARROW) as pilot:
        await listed(app, pilot)
        await pilot.press("enter")
        await until_true(pilot, lambda: isinstance(app.screen, LadderScreen) and app.screen.state is not None)
        await pilot.press("q")
        await until_true(pilot, lambda: app.screen is app.shown)
        await pilot.press("enter")
        await until_true(pilot, lambda: isinstance(app.screen, LadderScreen) and app.screen.state is not None)
        await pilot.press("down", "right", "enter")
        await until_true(pilot, lambda: app.answers)
    # The twin of the second rung is the fourth bake.
    assert app.answers == [4]


@SIZES
async def test_the_keys_of_the_choice_and_how_rungs_are_typed_are_on_the_screen(runner, size) -> None:
    app = alone(runner)
    async with app.run_test(size=size) as pilot:
        await listed(app, pilot)
        await pilot.press("n")
        await until_true(pilot, lambda: isinstance(app.screen, KnobDialog))
        await until_true(pilot, lambda: "enter: choose · ↑ ↓: next · esc: cancel" in app.text())
        await pilot.press(*"unet_lr", "enter")
        await until_true(pilot, lambda: isinstance(app.screen, NewLadderDialog))
        await until_true(pilot, lambda: "factors, as 0.1, 1, 10; or values, as =1e-4, =2e-4" in app.text())


async def test_a_knob_is_found_as_in_the_form(runner) -> None:
    app = alone(runner)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await pilot.press("n")
        await until_true(pilot, lambda: isinstance(app.screen, KnobDialog))
        dialog = app.screen
        # Every ready ladder and every setting that is no random number.
        assert {knob.preset for knob in dialog._found if knob.preset} == set(PRESETS)
        assert not {knob.name for knob in dialog._found} & set(SEEDS)
        await pilot.press(*"unet_lr")
        assert dialog._found[0].name == "unet_lr"
        await pilot.press("down", "up", "enter")
        await until_true(pilot, lambda: isinstance(app.screen, NewLadderDialog))
        assert app.screen.query_one("#knob", Input).value == "unet_lr"
        assert app.screen.query_one("#rungs", Input).value == "0.1, 0.33, 1, 3, 10"


async def new_ladder(app: ScreenAlone, pilot, *typed: str) -> NewLadderDialog:
    """Open the dialog of a new ladder by what is typed into the search."""
    await listed(app, pilot)
    await pilot.press("n")
    await until_true(pilot, lambda: isinstance(app.screen, KnobDialog))
    await pilot.press(*typed, "enter")
    await until_true(pilot, lambda: isinstance(app.screen, NewLadderDialog))
    app.screen.planner.quiet = 0.01
    return app.screen


def outlook(dialog: NewLadderDialog) -> str:
    return str(dialog.query_one("#outlook", Static).content)


@pytest.mark.parametrize(("key", "held"), [("b", False), ("h", True)])
async def test_a_new_ladder_is_counted_while_it_is_typed_and_queued_or_held(runner, key, held) -> None:
    app = alone(runner)
    async with app.run_test(size=NARROW) as pilot:
        dialog = await new_ladder(app, pilot, *"unet_lr")
        dialog.query_one("#rungs", Input).value = "0.5, 1, 2"
        await until_true(pilot, lambda: "6 bakes" in outlook(dialog))
        assert "3 rungs: ×0.5, ×1 (as it is), ×2" in outlook(dialog)
        assert "time not known" in outlook(dialog) and "MB of disk space" in outlook(dialog)
        dialog.query_one("#twins", Input).value = "1"
        await until_true(pilot, lambda: "3 bakes" in outlook(dialog))
        await pilot.press("enter", "enter", "enter", "enter")
        await until_true(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        assert runner.bakes() == []
        await pilot.press(key)
        await until_true(pilot, lambda: app.screen is app.shown and app.shown.lines)
        bakes = runner.bakes()
        assert {(bake.state, bake.held, bake.engine) for bake in bakes} == {(BakeState.QUEUED, held, runner.engine.key)}
        assert len(bakes) == 3
        (state,) = ladders(runner)
        assert [rung.label for rung in state.spec.rungs] == ["×0.5", "×1", "×2"] and state.spec.twins == 1
        assert runner.engine.wakes > 0
        assert "ladder 1: 3 bakes" in app.notes()


async def test_a_ready_ladder_shows_the_sentence_it_tests(runner) -> None:
    key, preset = next((key, preset) for key, preset in PRESETS.items() if key == "unet-rate")
    app = alone(runner)
    async with app.run_test(size=WIDE) as pilot:
        dialog = await new_ladder(app, pilot, *preset.title)
        assert dialog._knob.preset == key
        shown = " ".join(str(part.content) for part in dialog.query(Static))
        assert preset.quote in shown
        assert not dialog.query("#rungs")
        await until_true(pilot, lambda: "bakes" in outlook(dialog))
        await pilot.press("enter", "enter")
        await until_true(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("h")
        await until_true(pilot, lambda: app.screen is app.shown and ladders(runner))
        (state,) = ladders(runner)
        assert state.spec.preset == key and preset.quote in state.spec.question


async def test_two_knobs_move_together_or_are_crossed(runner) -> None:
    app = alone(runner)
    async with app.run_test(size=NARROW) as pilot:
        dialog = await new_ladder(app, pilot, *"unet_lr")
        knob, rungs = dialog.query_one("#knob", Input), dialog.query_one("#rungs", Input)
        knob.value, rungs.value = "unet_lr, text_encoder_lr", "0.5, 1, 2"
        await until_true(pilot, lambda: "3 rungs" in outlook(dialog))
        knob.value, rungs.value = "unet_lr; network_alpha", "0.5, 1, 2; 1, 2"
        await until_true(pilot, lambda: "6 rungs" in outlook(dialog) and "12 bakes" in outlook(dialog))


@pytest.mark.parametrize(
    ("rungs", "words"),
    [("0.5, zebra", "zebra"), ("1, 1", "same"), ("", "none"), ("-3, 1", "-3")],
)
async def test_what_is_wrong_stands_in_the_dialog_and_nothing_is_queued(runner, rungs, words) -> None:
    app = alone(runner)
    async with app.run_test(size=NARROW) as pilot:
        dialog = await new_ladder(app, pilot, *"unet_lr")
        dialog.query_one("#rungs", Input).value = rungs
        error = dialog.query_one("#error", Static)
        await until_true(pilot, lambda: error.has_class("-shown"))
        assert words in str(error.content)
        dialog.query_one("#start", Input).focus()
        await pilot.press("enter", "b")
        assert app.screen is dialog
        await pilot.press("escape")
        assert app.screen is app.shown
    assert runner.bakes() == [] and ladders(runner) == []


async def test_a_ladder_may_start_from_a_bake_and_takes_what_the_journal_has(runner) -> None:
    made_ladder(runner.workspace, rungs=("1", "3"), twins=1)
    app = alone(runner, draft=lambda: None, bake=lambda: runner.bakes()[-1])
    async with app.run_test(size=NARROW) as pilot:
        dialog = await new_ladder(app, pilot, *"unet_lr")
        start = dialog.query_one("#start", Input)
        assert start.value == "1"
        dialog.query_one("#twins", Input).value = "1"
        dialog.query_one("#rungs", Input).value = "1, 9"
        await until_true(pilot, lambda: "2 rungs" in outlook(dialog))
        start.value = "77"
        error = dialog.query_one("#error", Static)
        await until_true(pilot, lambda: error.has_class("-shown"))
        assert "77" in str(error.content)


async def test_without_settings_and_without_a_bake_there_is_nothing_to_start_from(runner) -> None:
    app = alone(runner, draft=lambda: None)
    async with app.run_test(size=NARROW) as pilot:
        await listed(app, pilot)
        await pilot.press("n")
        assert "open settings on the Bake screen first" in app.notes()
        assert app.screen is app.shown


async def test_a_screen_that_may_not_bake_makes_no_ladder_and_shows_all(runner) -> None:
    made_ladder(runner.workspace)
    app = alone(runner, rights=Rights(bake=False, order=False))
    async with app.run_test(size=NARROW) as pilot:
        await listed(app, pilot)
        await until_true(pilot, lambda: "3/3" in app.text())
        assert "n new ladder" not in app.text()
        await pilot.press("n")
        assert "read-only" in app.notes()
        assert app.screen is app.shown


async def test_a_ladder_whose_spec_is_damaged_hides_no_other(runner) -> None:
    made_ladder(runner.workspace, title="whole")
    made_ladder(runner.workspace, title="broken")
    with runner.journal() as journal:
        journal.ladders.change(2, title="broken", spec_toml="rungs = [")
    app = alone(runner)
    async with app.run_test(size=NARROW) as pilot:
        await listed(app, pilot)
        await until_true(pilot, lambda: "whole" in app.text() and "broken" in app.text())
        await pilot.press("enter")
        await until_true(pilot, lambda: isinstance(app.screen, LadderScreen))
        await until_true(pilot, lambda: "ladder 2" in app.text())
        await pilot.press("c", "o", "o", "g", "plus", "x", "r", "w", "enter", "escape")
        await until_true(pilot, lambda: app.screen is app.shown)


async def test_a_search_that_finds_nothing_chooses_nothing(runner) -> None:
    app = alone(runner)
    async with app.run_test(size=NARROW) as pilot:
        await listed(app, pilot)
        await pilot.press("n")
        await until_true(pilot, lambda: isinstance(app.screen, KnobDialog))
        await pilot.press(*"qqqqzzzz", "enter")
        assert isinstance(app.screen, KnobDialog) and app.screen.query_one(OptionList).option_count == 0
        assert "nothing found" in app.text()
        await pilot.press("escape")
        assert app.screen is app.shown


@SIZES
async def test_l_leads_from_the_form_to_a_bake_of_a_ladder_on_the_bake_screen(runner, until, size) -> None:
    made_ladder(runner.workspace, rungs=("1", "3"), twins=1)
    async with runner.run(size) as pilot:
        bake_screen = runner.app.bake_screen
        await until(pilot, lambda: bake_screen.editor.view is not None)
        # The cursor is in the form, where a key that moves there would not come through.
        bake_screen.form.focus_list()
        await pilot.press("l")
        await until(pilot, lambda: isinstance(runner.app.screen, LaddersScreen) and runner.app.screen.lines)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(runner.app.screen, LadderScreen) and runner.app.screen.entry is not None)
        await pilot.press("enter")
        await until(pilot, lambda: runner.app.screen is bake_screen)
        await until(pilot, lambda: bake_screen.snapshot.bake is not None and bake_screen.snapshot.bake.number == 1)


async def test_the_grid_of_a_ladder_is_in_the_builder(runner, until) -> None:
    made_ladder(runner.workspace, rungs=("1", "3"), twins=1)
    async with runner.run(WIDE) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        await pilot.press("l")
        await until(pilot, lambda: isinstance(runner.app.screen, LaddersScreen) and runner.app.screen.lines)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(runner.app.screen, LadderScreen) and runner.app.screen.state is not None)
        await pilot.press("g")
        await until(
            pilot, lambda: isinstance(runner.app.screen, GridScreen) and runner.app.screen.editor.spec is not None
        )
        grid = runner.app.screen
        await until(pilot, lambda: grid.editor.spec == grid._asked)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(runner.app.screen, LadderScreen))

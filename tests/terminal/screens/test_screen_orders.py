"""Orders beyond pause and save: stop at an epoch, let the card go, change a setting; and who may give them."""

import time

import pytest
from textual.widgets import Input, OptionList

from lora_tui.app import LoraApp
from lora_tui.dashboard_exit import QuitChoice
from lora_tui.keys.keymap import ACTIONS, BY_ID
from lora_tui.ports import NoEngine, Rights
from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.screens.digest import DigestDialog
from lora_tui.screens.help import HelpScreen
from lora_tui.screens.live_settings import LiveSettingsDialog
from trainer.journal.metrics import MetricWriter
from trainer.journal.records import BakeState, Mark, MarkKind, Order


def given(runner) -> list[tuple[Order, str]]:
    with runner.journal() as journal:
        return [(order.order, order.argument) for order in journal.orders.read(1)]


async def at_work(runner, pilot, until) -> None:
    await until(pilot, lambda: runner.app.bake_screen.bake is not None)


def messages(app) -> str:
    return " ".join(note.message for note in app._notifications)


@pytest.mark.parametrize(
    ("keys", "order"),
    [
        (("X",), Order.STOP_AT_EPOCH),
        (("x", "e"), Order.STOP_AT_EPOCH),
        (("x", "s"), Order.STOP),
        (("F",), Order.FREE),
    ],
)
async def test_a_key_gives_its_order(runner, until, keys, order) -> None:
    runner.baking()
    async with runner.run() as pilot:
        await at_work(runner, pilot, until)
        await pilot.press(*keys)
        await until(pilot, lambda: given(runner) == [(order, "")])


async def test_a_live_setting_is_chosen_typed_and_ordered(runner, until, seen) -> None:
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        await at_work(runner, pilot, until)
        await pilot.press("L")
        await until(pilot, lambda: isinstance(runner.app.screen, LiveSettingsDialog))
        dialog = runner.app.screen
        names = [info.name for info in dialog._infos]
        dialog.query_one(OptionList).highlighted = names.index("unet_lr")
        await pilot.press("enter")
        assert dialog.query_one("#value", Input).value == "2e-3"
        dialog.query_one("#value", Input).value = "5e-4"
        await pilot.press("enter")
        await until(pilot, lambda: given(runner) == [(Order.SET, "unet_lr=5e-4")])


async def test_a_live_setting_is_found_by_a_synonym_and_nothing_found_says_so(runner, until, seen) -> None:
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        await at_work(runner, pilot, until)
        await pilot.press("L")
        await until(pilot, lambda: isinstance(runner.app.screen, LiveSettingsDialog))
        dialog = runner.app.screen
        await pilot.press("slash", *"zzzz")
        await until(pilot, lambda: "nothing found" in seen(runner.app))
        await pilot.press("ctrl+u", *"te")
        await until(pilot, lambda: dialog._listed and dialog._listed[0].name == "text_encoder_lr")
        await pilot.press("enter")
        await until(pilot, lambda: dialog.query_one("#value", Input).value == "1e-3")
        dialog.query_one("#value", Input).value = "5e-4"
        await pilot.press("enter")
        await until(pilot, lambda: given(runner) == [(Order.SET, "text_encoder_lr=5e-4")])


async def test_a_search_that_is_cancelled_lists_all_again(runner, until) -> None:
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        await at_work(runner, pilot, until)
        await pilot.press("L")
        await until(pilot, lambda: isinstance(runner.app.screen, LiveSettingsDialog))
        dialog = runner.app.screen
        await pilot.press("slash", *"snr", "escape")
        await until(pilot, lambda: len(dialog._listed) == len(dialog._infos) and not dialog.has_class("-finding"))
        assert isinstance(runner.app.focused, OptionList)


async def test_a_wrong_value_is_shown_there_and_not_ordered(runner, until, seen) -> None:
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        await at_work(runner, pilot, until)
        await pilot.press("L")
        await until(pilot, lambda: isinstance(runner.app.screen, LiveSettingsDialog))
        await pilot.press("enter")
        runner.app.screen.query_one("#value", Input).value = "fast"
        await pilot.press("enter")
        await until(pilot, lambda: "✗ " in seen(runner.app))
        assert isinstance(runner.app.screen, LiveSettingsDialog)
    assert given(runner) == []


async def test_the_dialog_offers_what_is_in_force_now(runner, until, seen) -> None:
    runner.baking()
    with runner.journal() as journal:
        journal.results.add_mark(1, Mark(40, time.time(), MarkKind.SET, "unet_lr=5e-4"))
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.snapshot.marks)
        await pilot.press("L")
        await until(pilot, lambda: "5e-4" in seen(runner.app))


async def test_a_stop_may_be_now(runner, until) -> None:
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        await at_work(runner, pilot, until)
        await pilot.press("L")
        await until(pilot, lambda: isinstance(runner.app.screen, LiveSettingsDialog))
        dialog = runner.app.screen
        names = [info.name for info in dialog._infos]
        assert "text_encoder_stop2" not in names
        dialog.query_one(OptionList).highlighted = names.index("unet_stop")
        await pilot.press("enter", *"now", "enter")
        await until(pilot, lambda: given(runner) == [(Order.SET, "unet_stop=now")])


async def test_shift_t_asks_which_part_stops_and_t_stops_the_text_encoder(runner, until, seen) -> None:
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        await at_work(runner, pilot, until)
        await pilot.press("T")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        text = seen(runner.app)
        assert "t    the text encoder" in text and "u    the U-Net" in text
        await pilot.press("t")
        await until(pilot, lambda: given(runner) == [(Order.SET, "text_encoder_stop=now")])


async def test_a_part_that_was_stopped_is_not_stopped_again(runner, until) -> None:
    runner.baking()
    with runner.journal() as journal:
        journal.results.add_mark(1, Mark(40, time.time(), MarkKind.SET, "text_encoder_stop=now"))
    async with runner.run((120, 36)) as pilot:
        await at_work(runner, pilot, until)
        await until(pilot, lambda: runner.app.bake_screen.snapshot.marks)
        await pilot.press("T")
        await until(pilot, lambda: "only the U-Net trains: press x to stop the bake" in messages(runner.app))
    assert given(runner) == []


async def test_of_two_text_encoders_one_may_be_stopped_alone(runner, until, seen) -> None:
    runner.baking()
    writer = MetricWriter(runner.workspace.journal_path, 1)
    writer.put(90, {"lr_text_encoder_2": 1e-3})
    writer.close()
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: "lr_text_encoder_2" in runner.app.bake_screen.snapshot.last)
        await pilot.press("T")
        await until(pilot, lambda: "both text encoders" in seen(runner.app))
        await pilot.press("1")
        wanted = [(Order.SET, "text_encoder_stop2=100%"), (Order.SET, "text_encoder_stop=now")]
        await until(pilot, lambda: given(runner) == wanted)


async def test_a_parked_bake_continues_by_space(runner, until, seen) -> None:
    runner.baking()
    runner.set_state(BakeState.PARKED)
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: "◇ parked" in seen(runner.app))
        await until(pilot, lambda: "space continue" in seen(runner.app))
        await pilot.press("space")
        await until(pilot, lambda: runner.bakes()[0].state is BakeState.QUEUED)
        assert runner.bakes()[0].engine == runner.engine.key


async def test_a_mark_stands_upright_on_the_curves(runner, until, seen) -> None:
    runner.baking()
    with runner.journal() as journal:
        journal.results.add_mark(1, Mark(80, time.time(), MarkKind.SET, "unet_lr=5e-4"))
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: "┊" in seen(runner.app))


async def test_a_bake_that_waits_may_stay_in_the_queue(runner, until) -> None:
    runner.add_bake()
    async with runner.run() as pilot:
        await at_work(runner, pilot, until)
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        await pilot.press("s")
        await until(pilot, lambda: runner.app.return_value is not None)
    assert runner.app.return_value is QuitChoice.QUIT
    assert runner.bakes()[0].state is BakeState.QUEUED
    assert given(runner) == []


def watching(runner, *, order: bool) -> LoraApp:
    runner.app = LoraApp(runner.workspace, NoEngine(), runner.sampler, rights=Rights(bake=False, order=order))
    runner.app.bake_screen.feed.interval = 0.05
    return runner.app


def keys_of(scope: str, *rights: str) -> list[str]:
    """Return the first key of every action of a screen that needs one of `rights`."""
    held = [action for action in ACTIONS if scope in action.scopes and action.right in rights]
    return [action.keys.partition(",")[0] for action in held]


async def test_a_watcher_orders_nothing_and_the_screen_says_so(runner, until) -> None:
    runner.baking()
    app = watching(runner, order=False)
    async with app.run_test(size=(120, 36)) as pilot:
        await at_work(runner, pilot, until)
        await until(pilot, lambda: app.bake_screen.editor.view is not None)
        # There is nothing to resume while a bake runs.
        for key in sorted({*keys_of("bake", "bake", "order")} - {"r"}):
            app.clear_notifications()
            await pilot.press(key)
            await until(pilot, lambda: "read-only:" in messages(app))
            assert app.screen is app.bake_screen, key
    assert given(runner) == []


async def test_every_other_key_is_as_good_for_a_watcher(runner, until) -> None:
    runner.baking()
    app = watching(runner, order=False)
    async with app.run_test(size=(120, 36)) as pilot:
        await at_work(runner, pilot, until)
        await until(pilot, lambda: app.bake_screen.editor.view is not None)
        for key in sorted(keys_of("bake", "")):
            await pilot.press(key)
            await pilot.pause()
            assert "read-only:" not in messages(app), key
            for _ in range(4):
                if app.screen is not app.bake_screen or isinstance(app.focused, Input):
                    await pilot.press("escape")
                    await pilot.pause()
            assert app.screen is app.bake_screen, key


@pytest.mark.parametrize("order", [False, True])
@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_the_key_lines_of_a_watcher_name_what_its_keys_do(runner, until, seen, order, size) -> None:
    runner.baking()
    app = watching(runner, order=order)
    async with app.run_test(size=size) as pilot:
        for state in (BakeState.BAKING, BakeState.PARKED, BakeState.STOPPED, BakeState.DONE):
            runner.set_state(state)
            await until(pilot, lambda state=state: (bake := app.bake_screen.snapshot.bake) and bake.state is state)
            obeyed = order and state is BakeState.BAKING
            await until(pilot, lambda: "? help" in seen(app).splitlines()[-1])
            await until(pilot, lambda obeyed=obeyed: ("x stop" in seen(app).splitlines()[-1]) == obeyed)
            shown = seen(app).splitlines()[-1]
            assert ("Q queue" in shown) == (not obeyed)
            for words in ("b bake", "r resume", "n new", "save settings"):
                assert words not in shown
            # Parked, it is queued again, which takes an engine.
            assert ("space" in shown) == obeyed
            await pilot.press("question_mark")
            await until(pilot, lambda: isinstance(app.screen, HelpScreen))
            helped = {entry.text for entry in app.screen._keys}
            assert BY_ID["queue.open"].help in helped
            assert BY_ID["bake.start"].help not in helped
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is app.bake_screen)


@pytest.mark.parametrize(
    ("order", "words"), [(False, "this screen is read-only"), (True, "keys here still control it")]
)
async def test_the_log_of_a_watcher_says_what_its_keys_do(runner, until, seen, order, words) -> None:
    runner.baking()
    app = watching(runner, order=order)
    # So wide that the line does not break, however long the process's number is.
    async with app.run_test(size=(200, 36)) as pilot:
        await until(pilot, lambda: words in " ".join(seen(app).replace("─", "").split()))


async def test_who_watches_edits_no_settings(runner, until) -> None:
    app = watching(runner, order=False)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.bake_screen.editor.view is not None)
        app.bake_screen.form.go_to("network_dim")
        await pilot.press("enter", "9", "enter")
        await until(pilot, lambda: "read-only:" in messages(app))
        assert not app.bake_screen.editor.draft.unsaved
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app.return_value is not None)


async def test_who_may_order_orders(runner, until) -> None:
    runner.baking()
    app = watching(runner, order=True)
    async with app.run_test(size=(120, 36)) as pilot:
        await at_work(runner, pilot, until)
        await pilot.press("s")
        await until(pilot, lambda: given(runner) == [(Order.SAVE, "")])


async def test_a_slow_line_is_shown_in_the_title_and_the_curves_stand(runner, until, seen) -> None:
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.snapshot.curves)
        await pilot.press("S")
        await until(pilot, lambda: "slow connection" in seen(runner.app).splitlines()[0])
        with runner.journal() as journal:
            journal.results.add_mark(1, Mark(80, time.time(), MarkKind.SET, "unet_lr=5e-4"))
        await until(pilot, lambda: runner.app.bake_screen.snapshot.marks)
        assert "┊" not in seen(runner.app)
        await pilot.press("S")
        await until(pilot, lambda: "┊" in seen(runner.app))
        assert "slow connection" not in seen(runner.app).splitlines()[0]


async def test_what_a_live_setting_is_now_stands_under_the_form_s(runner, until, seen) -> None:
    runner.baking()
    async with runner.run((120, 60)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        runner.app.bake_screen.form.go_to("unet_lr")
        await pilot.pause()
        assert "in bake 0001 now" not in seen(runner.app)
        with runner.journal() as journal:
            journal.results.add_mark(1, Mark(80, time.time(), MarkKind.SET, "unet_lr=7e-5"))
        await until(pilot, lambda: runner.app.bake_screen.snapshot.marks)
        # The field was the last one in view.
        await pilot.press("down", "down")
        await until(pilot, lambda: "7e-5 in bake 0001 now" in seen(runner.app))
        lines = seen(runner.app).splitlines()
        at = next(number for number, line in enumerate(lines) if "in bake 0001 now" in line)
        assert any("2e-3" in line[:42] for line in lines[at - 2 : at])
        # A change of the bake that runs prepares no other.
        assert "plan of the next bake" not in seen(runner.app)
        runner.set_state(BakeState.DONE)
        await until(pilot, lambda: "in bake 0001 now" not in seen(runner.app))


@pytest.mark.parametrize(
    ("size", "words"), [((120, 36), "plan of the next bake"), ((80, 24), "next bake: 16 pictures")]
)
async def test_the_next_bake_has_its_plan_while_one_runs(runner, until, seen, size, words) -> None:
    runner.baking()
    async with runner.run(size) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        await until(pilot, lambda: runner.app.bake_screen.bake is not None)
        assert words not in seen(runner.app)
        runner.app.bake_screen.editor.typed("network_dim", "16")
        runner.app.bake_screen.editor.typed("max_train_epochs", "3")
        await until(pilot, lambda: words in seen(runner.app))
        await until(pilot, lambda: "40 steps × 3 = 120" in seen(runner.app))
        runner.set_state(BakeState.DONE)
        await until(pilot, lambda: words not in seen(runner.app))


async def test_a_returning_user_sees_what_happened(runner, until, seen) -> None:
    runner.baking()
    with runner.journal() as journal:
        journal.digests.set_last_viewed(1_699_990_000.0)
        journal.log.write("the disk is nearly full", bake=1, level="warning")
        journal.bakes.set_state(1, BakeState.FAILED, "stage step: the card is gone")
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: isinstance(runner.app.screen, DigestDialog))
        text = seen(runner.app)
        for line in ("Since you last looked", "0001 hifumi  failed", "the card is gone", "the disk is nearly full"):
            assert line in text
        await pilot.press("enter")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
    with runner.journal() as journal:
        assert journal.digests.last_viewed() == 1_700_000_000.0


async def test_without_news_no_digest_is_shown(runner, until) -> None:
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        await until(pilot, lambda: runner.journal().digests.last_viewed() is not None)
        assert runner.app.screen is runner.app.bake_screen

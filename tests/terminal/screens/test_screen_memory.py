"""Memory on the screen: in the plan's line, in the plan, and in the search for settings that fit. What predicts is a rule."""

from dataclasses import replace

from textual.containers import VerticalScroll
from textual.widgets import Input

from lora_tui.screens.fit import FitDialog
from lora_tui.screens.plan import PlanDialog
from lora_tui.widgets.plan_bar import PlanBar
from trainer.errors import SettingsError
from trainer.journal.records import BakeState

GIB = 1024**3


def plan_text(runner) -> str:
    bar = runner.app.bake_screen.query_one(PlanBar)
    return " ".join(line.plain for line in bar.lines(200))


async def foreseen(runner, pilot, until) -> None:
    screen = runner.app.bake_screen
    await until(pilot, lambda: screen.editor.peak.prediction is not None and not screen.editor.peak.pending)
    await until(pilot, lambda: screen.editor.plan_line and "GiB free" in plan_text(runner))


async def typed(runner, pilot, until, name: str, text: str) -> None:
    runner.app.bake_screen.editor.typed(name, text)
    await foreseen(runner, pilot, until)


async def fitted(runner, pilot, until) -> FitDialog:
    await pilot.press("f")
    await until(pilot, lambda: isinstance(runner.app.screen, FitDialog) and runner.app.screen._result is not None)
    return runner.app.screen


def crowd(runner, gib: int) -> None:
    """Let others hold so much of the card that `gib` less the context are left."""
    card = runner.sampler.reading.cards[0]
    crowded = replace(card, memory_used=card.memory_ours + (8 - gib) * GIB)
    runner.sampler.reading = replace(runner.sampler.reading, cards=(crowded,))


# The plan's line


async def test_the_peak_stands_in_the_plan_beside_what_is_free(runner, until) -> None:
    async with runner.run((120, 36)) as pilot:
        await foreseen(runner, pilot, until)
        # The demo's batch is 4 pictures; of 8 GiB others hold 1, and CUDA's context 0.44.
        assert "peak 5.0 of 6.6 GiB free ▇▇▇▇▇▇▇▇▁▁ fits" in plan_text(runner)


async def test_the_peak_follows_what_is_typed(runner, until) -> None:
    async with runner.run((120, 36)) as pilot:
        await foreseen(runner, pilot, until)
        await typed(runner, pilot, until, "train_batch_size", "7")
        assert "peak 8.0 of 6.6 GiB free" in plan_text(runner)
        assert "does not fit: 1.4 GiB too much · f fit" in plan_text(runner)


async def test_while_a_figure_is_worked_out_the_old_one_stands_dim_and_keys_are_obeyed(runner, until) -> None:
    async with runner.run((120, 36)) as pilot:
        await foreseen(runner, pilot, until)
        runner.predictor.gate.clear()
        runner.app.bake_screen.editor.typed("train_batch_size", "2")
        await until(pilot, lambda: len(runner.predictor.asked) == 2)
        assert "peak 5.0 of 6.6 GiB free …" in plan_text(runner)
        await pilot.press("question_mark")
        await until(pilot, lambda: runner.app.screen is not runner.app.bake_screen)
        await pilot.press("escape")
        runner.predictor.gate.set()
        await until(pilot, lambda: "peak 3.0 of 6.6 GiB free ▇" in plan_text(runner))


async def test_what_others_take_of_the_card_is_seen_at_once(runner, until) -> None:
    async with runner.run((120, 36)) as pilot:
        await foreseen(runner, pilot, until)
        crowd(runner, 5)
        await until(pilot, lambda: "peak 5.0 of 4.6 GiB free" in plan_text(runner))
        assert "too much" in plan_text(runner)
        assert len(runner.predictor.asked) == 1


async def test_without_a_card_the_computers_memory_counts(runner, until) -> None:
    runner.sampler.reading = replace(runner.sampler.reading, cards=(), no_card_because="none")
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: "peak 5.0 GiB of 26.0 GiB free (CPU)" in plan_text(runner))
        assert {request.policy for request in runner.predictor.asked} == {"cpu"}


async def test_nothing_is_worked_out_before_the_libraries_are_loaded(runner, until) -> None:
    runner.engine.start = lambda: setattr(runner.engine, "libraries", "loading libraries 1/4: torch")
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.plan_line)
        await until(pilot, lambda: not runner.app.bake_screen.editor.peak.pending)
        assert runner.predictor.asked == []
        assert "peak" not in plan_text(runner)
        runner.engine.libraries = "ready"
        await foreseen(runner, pilot, until)


async def test_nothing_is_worked_out_beside_a_bake_on_the_cpu(runner, until, seen) -> None:
    runner.baking()
    with runner.journal() as journal:
        journal.bakes.set_device(1, "cpu")
    async with runner.run((120, 36)) as pilot:
        screen = runner.app.bake_screen
        await until(pilot, lambda: screen.snapshot.bake is not None and screen.editor.plan_line)
        screen.editor.ask()
        await until(pilot, lambda: screen.editor.plan_line and not screen.editor.peak.pending)
        before = len(runner.predictor.asked)
        screen.editor.typed("train_batch_size", "2")
        await until(pilot, lambda: screen.editor.plan_line and not screen.editor.peak.pending)
        assert len(runner.predictor.asked) == before
        await pilot.press("f")
        await until(pilot, lambda: any("on the CPU" in note.message for note in runner.app._notifications))
        runner.set_state(BakeState.DONE)
        await until(pilot, lambda: "peak 3.0 of 6.6 GiB free" in plan_text(runner))


async def test_what_cannot_be_predicted_is_a_line_of_the_plan(runner, until) -> None:
    runner.predictor.error = SettingsError("memory prediction", found="it [b]broke")
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: "it [b]broke" in plan_text(runner))
        assert "on disk" in plan_text(runner)


async def test_a_bake_that_does_not_fit_is_shown_before_it_starts(runner, until, seen) -> None:
    async with runner.run((120, 36)) as pilot:
        await foreseen(runner, pilot, until)
        await typed(runner, pilot, until, "train_batch_size", "7")
        await pilot.press("b")
        await until(pilot, lambda: "does not fit: 1.4 GiB" in " ".join(seen(runner.app).split()))


# The plan


async def test_the_plan_shows_each_stage_and_who_is_on_the_card(runner, until, seen) -> None:
    async with runner.run((120, 120)) as pilot:
        await foreseen(runner, pilot, until)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(runner.app.screen, PlanDialog) and runner.app.screen.query(".section"))
        text = seen(runner.app)
    for words in (
        "memory on a GPU: 64 × 64, 4 at once, bf16",
        "latents    0.50 GiB  encoder of the VAE",
        "step       5.00 GiB  backward of up_blocks.1",
        "weights 1.00 GiB · activations 4.00 GiB",
        "free now   6.56 GiB  of 8.00 GiB: fits, 1.56 GiB to spare",
        "others     1.00 GiB  Xorg 0.25 GiB, firefox",
    ):
        assert words in text


# Fit


async def test_f_proposes_and_enter_applies_as_an_edit_that_can_be_undone(runner, until, seen) -> None:
    async with runner.run((120, 50)) as pilot:
        editor = runner.app.bake_screen.editor
        await foreseen(runner, pilot, until)
        await typed(runner, pilot, until, "train_batch_size", "7")
        before = editor.draft
        dialog = await fitted(runner, pilot, until)
        text = seen(runner.app)
        assert "does not fit in 6.5" in text and "8.00 GiB" in text
        assert dialog._changes
        assert editor.draft is before
        await pilot.press("enter")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
        changed = set(dialog._changes)
        assert editor.draft.unsaved == {"train_batch_size"} | changed
        await foreseen(runner, pilot, until)
        assert " fits" in plan_text(runner)
        for name in changed:
            editor.reset(name)
        assert editor.draft.now == before.now


async def test_escape_leaves_all_as_it_was(runner, until) -> None:
    async with runner.run((120, 50)) as pilot:
        editor = runner.app.bake_screen.editor
        await foreseen(runner, pilot, until)
        await typed(runner, pilot, until, "train_batch_size", "7")
        before = editor.draft
        await fitted(runner, pilot, until)
        await pilot.press("escape")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
        assert editor.draft is before


async def test_another_size_is_looked_for_before_anything_is_applied(runner, until, seen) -> None:
    async with runner.run((120, 50)) as pilot:
        await foreseen(runner, pilot, until)
        dialog = await fitted(runner, pilot, until)
        assert dialog.query_one("#limit", Input).value == "6.56GiB"
        first = dialog._result
        dialog.query_one("#limit", Input).value = "4GiB"
        await until(pilot, lambda: "search again" in seen(runner.app))
        await pilot.press("enter")
        await until(pilot, lambda: dialog._result is not None and dialog._result is not first)
        assert dialog._result.limit == 4 * GIB
        assert runner.app.screen is dialog


async def test_text_that_is_not_a_size_is_refused_without_a_search(runner, until, seen) -> None:
    async with runner.run((120, 50)) as pilot:
        await foreseen(runner, pilot, until)
        dialog = await fitted(runner, pilot, until)
        asked = len(runner.predictor.asked)
        dialog.query_one("#limit", Input).value = "much"
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: "is not a size" in seen(runner.app))
        assert (len(runner.predictor.asked), dialog._changes) == (asked, None)


async def test_a_search_that_is_left_ends(runner, until) -> None:
    async with runner.run((120, 50)) as pilot:
        editor = runner.app.bake_screen.editor
        await foreseen(runner, pilot, until)
        await typed(runner, pilot, until, "train_batch_size", "7")
        runner.predictor.gate.clear()
        await pilot.press("f")
        await until(pilot, lambda: len(runner.predictor.asked) == 3)
        await pilot.press("escape")
        # Textual waits for the threads of its workers: this ends only if the search does.
    assert editor.draft.unsaved == {"train_batch_size"}


async def test_what_was_not_taken_is_reached_on_a_small_screen(runner, until, seen) -> None:
    async with runner.run((80, 24)) as pilot:
        await foreseen(runner, pilot, until)
        await typed(runner, pilot, until, "train_batch_size", "7")
        dialog = await fitted(runner, pilot, until)
        assert "esc: cancel" in seen(runner.app)
        body = dialog.query_one("#found", VerticalScroll)
        await pilot.press(*["pagedown"] * 6)
        await until(pilot, lambda: body.max_scroll_y and body.scroll_offset.y == body.max_scroll_y)
        assert "estimated; everything else predicted" in seen(runner.app)
        await pilot.press("up")
        assert body.scroll_offset.y == body.max_scroll_y - 1


async def test_without_anybody_to_predict_the_plan_says_nothing_of_memory(make_runner, runner, until) -> None:
    from lora_tui.app import LoraApp

    runner.app = LoraApp(runner.workspace, runner.engine, runner.sampler, clock=lambda: 1.7e9)
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.plan_line)
        assert "peak" not in plan_text(runner)
        await pilot.press("f")
        await until(pilot, lambda: any("LORA_TUI_PREDICT" in note.message for note in runner.app._notifications))

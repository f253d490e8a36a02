"""The Curves screen: charts on one axis of steps, every key, values at the cursor, marks, several bakes, a bake that goes on."""

import re
from pathlib import Path

import pytest
from charted_bakes import PER_EPOCH, STEPS, charted_bake, loss_at
from journal_alone import WIDE
from screen_alone import ScreenAlone, until_true

from lora_tui.plots.curve_window import FEWEST_STEPS
from lora_tui.screens.choose_curves import ChooseCurvesDialog
from lora_tui.screens.curves import CurvesScreen
from lora_tui.screens.help import HelpScreen
from lora_tui.widgets.curve_stack import CurveStack
from lora_tui.wording.numbers import loss
from trainer.dataset.manifest import ListedPicture, Manifest, manifest_bytes
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState
from trainer.measures.curve_groups import CURVE_GROUPS
from trainer.workspace import Workspace

NARROW = (80, 24)
SIZES = [(160, 50), WIDE, NARROW, (60, 20), (40, 10)]


def alone(root: Path, *numbers: int, **given) -> ScreenAlone:
    screen = CurvesScreen(Workspace(root), numbers or (1,), **given)
    screen.reader.interval = 0.02
    return ScreenAlone(screen)


async def read(app: ScreenAlone, pilot) -> CurvesScreen:
    """Wait until the curves are read as the screen wants them, and return it."""
    screen = app.shown
    await until_true(pilot, lambda: screen.view is not None and screen.view.question == screen._question())
    return screen


async def press(app: ScreenAlone, pilot, *keys: str) -> None:
    await pilot.press(*keys)
    await read(app, pilot)


def axes(screen: CurvesScreen) -> list[str]:
    return [chart.axis.key for chart in screen.charts]


def path_of(root: Path) -> Path:
    return Workspace(root).journal_path


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_curves_their_values_and_the_step_under_the_cursor_are_there_at_every_size(tmp_path: Path, size) -> None:
    charted_bake(path_of(tmp_path))
    app = alone(tmp_path)
    async with app.run_test(size=size) as pilot:
        await read(app, pilot)
        lines = app.text().splitlines()
        assert len(lines) <= size[1] and all(len(line) <= size[0] for line in lines)
        assert "loss" in app.text() and any("⠀" < sign <= "⣿" for sign in app.text())
        assert "Curves" in lines[0]
        assert any(f"step {STEPS} of {STEPS}" in line for line in lines)
        assert "back" in lines[-1]


async def test_the_first_curves_are_those_of_the_bake_screen_and_the_gradient(tmp_path: Path) -> None:
    charted_bake(path_of(tmp_path))
    app = alone(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        screen = await read(app, pilot)
        assert axes(screen) == ["loss", "rate", "gradient"]
        assert "0001 hifumi" in app.text() and "all steps" in app.text()


async def test_every_digit_shows_and_hides_its_curves(tmp_path: Path) -> None:
    charted_bake(path_of(tmp_path))
    app = alone(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        screen = await read(app, pilot)
        for group in (group for group in CURVE_GROUPS if group.digit):
            there = any(record.group is group for record in screen.view.records)
            before = {curve.record.group.key for curve in screen.view.curves}
            await press(app, pilot, group.digit)
            after = {curve.record.group.key for curve in screen.view.curves}
            assert before ^ after == ({group.key} if there else set()), group
            if not there:
                assert f"{group.title}: nothing of it was recorded" in app.notes()


async def test_without_a_curve_the_screen_says_how_to_choose_some(tmp_path: Path) -> None:
    charted_bake(path_of(tmp_path))
    app = alone(tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        screen = await read(app, pilot)
        for group in CURVE_GROUPS:
            if group.first:
                await press(app, pilot, group.digit)
        assert screen.charts == ()
        assert "no curve is shown · c: choose some" in app.text()
        # No key breaks for want of a chart.
        await press(app, pilot, "up", "down", "enter", "y", "s", "left", "plus", "v", "v", "w", "1")
        assert axes(screen) == ["loss"]


async def test_the_cursor_reads_every_curve_at_its_step(tmp_path: Path) -> None:
    charted_bake(path_of(tmp_path))
    app = alone(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        screen = await read(app, pilot)
        await press(app, pilot, "home")
        assert screen.window.cursor == 0 and "raw –" in app.text()
        for keys in (("right",), ("L", "l"), ("shift+right",), ("h",)):
            await press(app, pilot, *keys)
            step = screen.window.cursor
            assert 0 < step < STEPS
            assert f"raw {loss(loss_at(step))}" in app.text()
            assert f"step {step} of {STEPS}, epoch {-(-step // PER_EPOCH)}" in app.text()
        before = screen.window.cursor
        await press(app, pilot, "H")
        far = before - screen.window.cursor
        await press(app, pilot, "left")
        assert far >= 8 * (before - far - screen.window.cursor)
        await press(app, pilot, "end")
        assert screen.window.cursor == STEPS


async def test_the_brackets_go_from_mark_to_mark_and_say_what_happened(tmp_path: Path) -> None:
    charted_bake(path_of(tmp_path), state=BakeState.STOPPED)
    app = alone(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        screen = await read(app, pilot)
        await press(app, pilot, "home")
        seen = []
        for _ in range(8):
            await press(app, pilot, "right_square_bracket")
            seen.append(screen.window.cursor)
        assert seen == [40, 80, 100, 120, 160, 200, 240, 240]
        assert "stopped" in app.text() and "saved hifumi-000006" in app.text()
        await press(app, pilot, *["left_square_bracket"] * 4)
        assert screen.window.cursor == 100
        assert "changed: unet_lr=1e-4" in app.text()
        marks = next(line for line in app.text().splitlines() if line.startswith("  marks "))
        assert [sign for sign in marks[8:] if sign != " "] == list("SSCRSSE")


async def test_zooming_goes_down_to_single_steps_with_exact_values(tmp_path: Path) -> None:
    charted_bake(path_of(tmp_path))
    app = alone(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        screen = await read(app, pilot)
        await press(app, pilot, "home", "right", "right", *["plus"] * 12)
        window = screen.window
        assert window.last - window.first == FEWEST_STEPS
        line = next(line for line in screen.charts[0].lines if line.role == "raw")
        assert [low for step, low in zip(line.steps, line.low, strict=True) if step > 0] == [
            loss_at(int(step)) for step in line.steps if step > 0
        ]
        assert f"steps {window.first} to {window.last}" in app.text()
        step = window.cursor
        await press(app, pilot, "right")
        assert screen.window.cursor == step + 1
        await press(app, pilot, *["minus"] * 12)
        assert screen.window.shows_all and "all steps" in app.text()


async def test_a_region_is_begun_zoomed_to_and_left(tmp_path: Path) -> None:
    charted_bake(path_of(tmp_path))
    app = alone(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        screen = await read(app, pilot)
        await press(app, pilot, "home", *["right_square_bracket"] * 2, "v")
        assert "region from step 80 (v: zoom to it · esc: leave it)" in app.text()
        await press(app, pilot, *["right_square_bracket"] * 3, "v")
        assert (screen.window.first, screen.window.last) == (80, 160)
        await press(app, pilot, "v", "escape")
        assert screen.window.begun is None and app.answers == []
        await press(app, pilot, "w")
        assert screen.window.shows_all


async def test_comma_and_full_stop_pan_the_view(tmp_path: Path) -> None:
    charted_bake(path_of(tmp_path))
    app = alone(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        screen = await read(app, pilot)
        await press(app, pilot, "plus", "plus")
        last = screen.window.first
        await press(app, pilot, "comma")
        assert screen.window.first == last - 30
        await press(app, pilot, "full_stop")
        assert screen.window.first == last


async def test_keys_are_for_the_selected_chart_which_may_stand_alone(tmp_path: Path) -> None:
    charted_bake(path_of(tmp_path))
    app = alone(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        screen = await read(app, pilot)
        assert "▸loss" in app.text()
        await press(app, pilot, "j", "y")
        assert "▸learning rate (log)" in app.text() and screen.charts[1].log
        await press(app, pilot, "y", "down")
        assert "▸gradient norm (log)" in app.text()
        await press(app, pilot, "y")
        assert not screen.charts[2].log
        await press(app, pilot, "enter")
        assert "gradient norm" in app.text() and "learning rate" not in app.text()
        await press(app, pilot, "k")
        assert "▸learning rate" in app.text() and "gradient norm" not in app.text()
        await press(app, pilot, "escape")
        assert "loss" in app.text() and app.answers == []
        await press(app, pilot, "up", "up", "up")
        assert "▸loss" in app.text()


async def test_spikes_are_held_at_the_edge_or_shown_in_full(tmp_path: Path) -> None:
    losses = [(step, 9.0 if step == 50 else 0.1 + 0.001 * (step % 7)) for step in range(1, 201)]
    charted_bake(path_of(tmp_path), metrics={"loss": losses}, steps=200)
    app = alone(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        screen = await read(app, pilot)
        assert "highest 9.0000" in app.text() and screen.charts[0].window.top < 2
        await press(app, pilot, "s")
        assert "highest" not in app.text() and screen.charts[0].window.top >= 9
        assert "spikes in full" in app.text()


async def test_the_list_shows_curves_one_by_one_and_says_what_records_the_others(tmp_path: Path) -> None:
    charted_bake(path_of(tmp_path))
    app = alone(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        screen = await read(app, pilot)
        await pilot.press("c")
        await until_true(pilot, lambda: isinstance(app.screen, ChooseCurvesDialog))
        shown = app.text()
        assert re.search(r"✓ 1 loss · raw", shown) and re.search(r"  7 size of change · U-Net", shown)
        assert "output share: not recorded; `measure_parts` switches it on" in shown
        assert "VRAM: not recorded; it needs a GPU" in shown
        await pilot.press("space", "down", "space", "enter")
        await until_true(pilot, lambda: app.screen is screen)
        await read(app, pilot)
        assert {curve.record.key for curve in screen.view.curves if curve.record.axis.key == "loss"} == {"validation"}
        # What is cancelled changes nothing.
        await pilot.press("c")
        await until_true(pilot, lambda: isinstance(app.screen, ChooseCurvesDialog))
        await pilot.press("space", "escape")
        await until_true(pilot, lambda: app.screen is screen)
        assert {curve.record.key for curve in screen.view.curves if curve.record.axis.key == "loss"} == {"validation"}


async def test_the_curves_chosen_are_those_of_the_next_time(tmp_path: Path) -> None:
    charted_bake(path_of(tmp_path))
    first = alone(tmp_path)
    async with first.run_test(size=WIDE) as pilot:
        await read(first, pilot)
        await press(first, pilot, "7", "1")
        await pilot.press("escape")
        await until_true(pilot, lambda: first.answers)
    first.shown.reader.join(15)
    again = alone(tmp_path)
    async with again.run_test(size=WIDE) as pilot:
        screen = await read(again, pilot)
        assert axes(screen) == ["loss", "rate", "gradient", "delta_norm"]
        assert "loss" not in {curve.record.key for curve in screen.view.curves}


async def test_several_bakes_lie_over_each_other_and_the_pin_goes_on(tmp_path: Path) -> None:
    charted_bake(path_of(tmp_path))
    charted_bake(path_of(tmp_path), steps=120, name="other")
    app = alone(tmp_path, 1, 2, top=2, colours={1: 0, 2: 1})
    async with app.run_test(size=WIDE) as pilot:
        screen = await read(app, pilot)
        title = app.text().splitlines()[0]
        assert "a 0001 hifumi" in title and "B 0002 other" in title
        assert "loss" not in {curve.record.key for curve in screen.view.curves}
        await press(app, pilot, "1")
        assert f"raw a {loss(loss_at(240))}  B {loss(loss_at(120))} @120" in app.text()
        await press(app, pilot, "p")
        assert screen.view.top.number == 1
        assert "A 0001 hifumi" in app.text().splitlines()[0]
        roles = {entry.bake: entry.role for entry in screen.charts[0].entries}
        assert roles == {1: "curve-1", 2: "curve-2"}


async def test_a_bake_that_goes_on_is_followed(tmp_path: Path) -> None:
    charted_bake(path_of(tmp_path), state=BakeState.BAKING, total=1000)
    app = alone(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        screen = await read(app, pilot)
        assert "following" in app.text() and "●" in app.text().splitlines()[0]
        assert (screen.window.last, screen.window.cursor) == (1000, STEPS)
        await press(app, pilot, *["plus"] * 4)
        with Journal(path_of(tmp_path)) as journal:
            journal.curves.add(1, "loss", [(step, 0.5) for step in range(STEPS + 1, 501)])
        await until_true(pilot, lambda: screen.window.cursor == 500)
        await read(app, pilot)
        assert screen.window.first < 500 <= screen.window.last and "raw 0.5000" in app.text()
        # A key that moves ends it, f begins it again.
        await press(app, pilot, "left")
        here = screen.window.cursor
        with Journal(path_of(tmp_path)) as journal:
            journal.curves.add(1, "loss", [(501, 0.25)])
        await until_true(pilot, lambda: screen.view.recorded == 501)
        assert screen.window.cursor == here and "following" not in app.text()
        await press(app, pilot, "f")
        assert screen.window.cursor == 501 and "raw 0.2500" in app.text()


async def test_where_nothing_changes_nothing_is_painted_and_of_a_step_little(tmp_path: Path) -> None:
    charted_bake(path_of(tmp_path), state=BakeState.BAKING, total=1000)
    app = alone(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await read(app, pilot)
        stack = screen.query_one(CurveStack)
        painted: list[int] = []
        refresh = stack.refresh

        def count(*regions, **options):
            painted.append(sum(region.area for region in regions) if regions else stack.size.area)
            return refresh(*regions, **options)

        stack.refresh = count  # type: ignore[method-assign]
        with Journal(path_of(tmp_path)) as journal:
            journal.log.write("something else was written", bake=1)
        version = screen.view
        await until_true(pilot, lambda: screen.view is not version)
        assert painted == []
        with Journal(path_of(tmp_path)) as journal:
            journal.curves.add(1, "loss", [(STEPS + 1, 0.1), (STEPS + 2, 0.1)])
        await until_true(pilot, lambda: screen.view.recorded == STEPS + 2)
        # With twenty bytes for each cell that would be far from 10 KiB.
        assert 0 < sum(painted) < 500


@pytest.mark.parametrize(
    "metrics",
    [{}, {"loss": [(1, 0.5)]}, {"loss": [(1, float("nan")), (2, float("inf"))]}],
    ids=["none", "one", "no number"],
)
async def test_bakes_with_hardly_a_curve_are_shown_and_break_no_key(tmp_path: Path, metrics) -> None:
    charted_bake(path_of(tmp_path), metrics=metrics, steps=2)
    app = alone(tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await read(app, pilot)
        assert ("nothing was recorded yet" in app.text()) == (not metrics)
        if len(metrics.get("loss", ())) == 2:
            assert "raw infinite" in app.text() and "×" in app.text()
        for key in (
            "left",
            "right",
            "home",
            "end",
            "plus",
            "minus",
            "v",
            "v",
            "comma",
            "full_stop",
            "y",
            "s",
            "f",
            "p",
            "enter",
            "w",
            "[",
            "]",
        ):
            await pilot.press({"[": "left_square_bracket", "]": "right_square_bracket"}.get(key, key))
        await read(app, pilot)
        await pilot.press("escape", "escape")
        await until_true(pilot, lambda: app.answers == [None])


async def test_a_bake_that_is_gone_and_a_journal_that_breaks_are_said(tmp_path: Path) -> None:
    charted_bake(path_of(tmp_path))
    app = alone(tmp_path, 9)
    async with app.run_test(size=NARROW) as pilot:
        await read(app, pilot)
        assert "there is no such bake any more" in app.text()
    (tmp_path / "broken").mkdir()
    path_of(tmp_path / "broken").write_text("no database " * 100)
    app = alone(tmp_path / "broken")
    async with app.run_test(size=NARROW) as pilot:
        await until_true(pilot, lambda: "not a lora-tui journal" in app.notes())
        assert "✗" in app.text()
        await pilot.press("left", "plus", "1", "c", "escape", "escape")


async def test_another_size_reads_curves_as_fine_as_it_has_columns(tmp_path: Path) -> None:
    charted_bake(path_of(tmp_path))
    app = alone(tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        screen = await read(app, pilot)
        assert screen.view.question.columns == 2 * 72
        await pilot.resize_terminal(160, 50)
        await until_true(pilot, lambda: screen.view.question.columns == 2 * 152)


async def test_help_lists_every_key(tmp_path: Path) -> None:
    charted_bake(path_of(tmp_path))
    app = alone(tmp_path)
    async with app.run_test(size=(120, 60)) as pilot:
        await read(app, pilot)
        await pilot.press("question_mark")
        await until_true(pilot, lambda: isinstance(app.screen, HelpScreen))
        assert "logarithmic axis of this chart on/off" in app.text()
        assert "gradient norm on/off" in app.text()


async def test_what_was_shown_by_the_epoch_under_the_cursor_is_said(tmp_path: Path) -> None:
    number = charted_bake(path_of(tmp_path))
    listed = (
        ListedPicture("5_school/1.png", "0" * 64, 1, 64, 64, 5, "hifumi, frills", False, 0, None),
        ListedPicture("5_school/2.png", "0" * 64, 1, 64, 64, 5, "hifumi", False, 0, None),
        ListedPicture("9_reg/3.png", "0" * 64, 1, 64, 64, 9, "a girl", True, 0, None),
    )
    with Journal(path_of(tmp_path)) as journal:
        journal.results.set_manifest(number, manifest_bytes(Manifest(pictures=listed)))
    app = alone(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await read(app, pilot)
        last = "shown by the end of epoch 6: folder 5_school 60 · hifumi 60 · frills 30"
        await until_true(pilot, lambda: last in app.text())
        await press(app, pilot, "home", "right")
        await until_true(pilot, lambda: "shown by the end of epoch 1: folder 5_school 10" in app.text())
        assert "9_reg" not in app.text()


async def test_a_bake_whose_pictures_are_not_known_has_no_such_line(tmp_path: Path) -> None:
    charted_bake(path_of(tmp_path))
    app = alone(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        screen = await read(app, pilot)
        await until_true(pilot, lambda: 1 in screen._exposures)
        assert "shown by" not in app.text()

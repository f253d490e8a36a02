"""Where the panes stand at each size, and that a resize while running rearranges them."""

import re
from dataclasses import replace

import pytest

from lora_tui.keys.key_lines import shown_keys
from lora_tui.workers.feed import SnapshotReady


async def settled(runner, pilot, until) -> None:
    await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)


def shown_panes(runner) -> set[str]:
    panes = ("card", "plan", "progress", "settings", "curves", "epochs", "log", "tabs", "status")
    return {name for name in panes if runner.app.bake_screen.query_one(f"#{name}").region.area}


async def test_wide_shows_everything_at_once(runner, until) -> None:
    async with runner.run((120, 36)) as pilot:
        await settled(runner, pilot, until)
        assert shown_panes(runner) == {"card", "plan", "settings", "curves", "epochs", "log"}


async def test_100_columns_show_the_curves_and_one_more_pane(runner, until) -> None:
    async with runner.run((100, 24)) as pilot:
        await settled(runner, pilot, until)
        assert shown_panes(runner) == {"card", "plan", "tabs", "settings", "curves"}


async def test_120_columns_and_24_lines_still_hold_everything(runner, until) -> None:
    async with runner.run((120, 24)) as pilot:
        await settled(runner, pilot, until)
        assert shown_panes(runner) == {"card", "plan", "settings", "curves", "epochs", "log"}


async def test_60_columns_show_one_tab_under_card_and_plan(runner, until) -> None:
    async with runner.run((60, 24)) as pilot:
        await settled(runner, pilot, until)
        assert shown_panes(runner) == {"card", "plan", "tabs", "settings"}


@pytest.mark.parametrize("columns", [60, 79, 80, 119])
async def test_v_goes_through_the_tabs_and_the_last_line_says_so(runner, until, seen, columns) -> None:
    beside = {"curves"} if columns >= 80 else set()
    async with runner.run((columns, 24)) as pilot:
        await settled(runner, pilot, until)
        assert "v view" in seen(runner.app).splitlines()[-1]
        last = "settings"
        for pane in ("curves", "epochs", "log", "settings"):
            await pilot.press("v")
            await pilot.pause()
            last = last if beside and pane == "curves" else pane
            assert shown_panes(runner) == {"card", "plan", "tabs", last} | beside, pane


async def test_numbers_and_clicks_pick_a_tab(runner, until) -> None:
    async with runner.run((70, 24)) as pilot:
        await settled(runner, pilot, until)
        await pilot.press("4")
        assert "log" in shown_panes(runner)
        await pilot.click("#tabs", offset=(16, 0))
        await pilot.pause()
        assert "curves" in shown_panes(runner)


async def test_while_baking_card_and_progress_take_one_line_each_in_80_columns(runner, until, seen) -> None:
    runner.baking()
    async with runner.run((80, 24)) as pilot:
        await until(pilot, lambda: "90/240" in seen(runner.app))
        lines = seen(runner.app).splitlines()
    assert lines[1].startswith(" VRAM") and "5.0/8.0" in lines[1]
    assert re.match(r" ● loss 0\.\d+   90/240   19 s left   e3/6   37 %   8\.00 it/s   ▇+▁+ *$", lines[2])
    assert "▸1 settings" in lines[3]


@pytest.mark.parametrize("size", [(50, 12), (59, 39), (79, 15)])
async def test_a_small_terminal_has_bake_and_gpu_in_two_lines_over_one_tab(runner, until, seen, size) -> None:
    runner.baking()
    async with runner.run(size) as pilot:
        await until(pilot, lambda: "90/240  19s  VRAM 5.0/8.0" in seen(runner.app))
        assert shown_panes(runner) == {"status", "tabs", "settings"}
        await pilot.press("3", "space")
        await until(pilot, runner.orders)
        assert shown_panes(runner) == {"status", "tabs", "epochs"}


@pytest.mark.parametrize("size", [(50, 7), (120, 5)])
async def test_in_few_lines_bake_and_gpu_have_all_of_them_and_keys_still_work(runner, until, seen, size) -> None:
    runner.baking()
    async with runner.run(size) as pilot:
        await until(pilot, lambda: "90/240  19s  VRAM 5.0/8.0" in seen(runner.app))
        assert shown_panes(runner) == {"status"}
        await pilot.press("space")
        await until(pilot, runner.orders)


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (80, r"● 0\.\d{3}  90/240  19s  VRAM 5\.0/8\.0  37%  0001 hifumi  e3/6  8\.00it/s"),
        (45, r"● 0\.\d{3}  90/240  19s  VRAM 5\.0/8\.0  37%"),
        (38, r"● 0\.\d{3}  90/240  19s  VRAM 5\.0/8\.0"),
        (30, r"● 0\.\d{3}  90/240  19s"),
        (17, r"● 0\.\d{3}  90/240"),
        (7, r"● 0\.…"),
    ],
)
async def test_what_matters_most_comes_first_and_nothing_is_cut_in_the_middle(
    runner, until, seen, columns, line
) -> None:
    runner.baking()
    async with runner.run((columns, 9)) as pilot:
        await until(pilot, lambda: re.fullmatch(line, seen(runner.app).splitlines()[0].strip()))


async def test_a_narrow_line_with_long_numbers_keeps_loss_step_and_time(runner, until, seen) -> None:
    runner.baking()
    async with runner.run((60, 24)) as pilot:
        await until(pilot, lambda: "90/240" in seen(runner.app))
        snapshot = runner.app.bake_screen.snapshot
        long = replace(snapshot.bake, total_steps=1_234_567, stage_done=987_654, steps_per_epoch=1_000)
        runner.app.bake_screen.panes.show(replace(snapshot, bake=long))
        await pilot.pause()
        first = seen(runner.app).splitlines()[2].strip()
    assert re.match(r"● loss 0\.\d+   987,654/1,234,567   \d+ h \d\d min left", first)


async def test_a_resize_while_running_rearranges(runner, until) -> None:
    async with runner.run((120, 36)) as pilot:
        await settled(runner, pilot, until)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: shown_panes(runner) == {"card", "plan", "tabs", "settings", "curves"})
        await pilot.resize_terminal(40, 10)
        await until(pilot, lambda: shown_panes(runner) == {"status", "tabs", "settings"})
        await pilot.resize_terminal(40, 7)
        await until(pilot, lambda: shown_panes(runner) == {"status"})
        await pilot.resize_terminal(160, 50)
        await until(pilot, lambda: "epochs" in shown_panes(runner) and "tabs" not in shown_panes(runner))


async def test_tab_moves_the_focus_from_pane_to_pane(runner, until) -> None:
    async with runner.run((120, 36)) as pilot:
        await settled(runner, pilot, until)
        focused = [runner.app.focused.id]
        for _ in range(4):
            await pilot.press("tab")
            focused.append(runner.app.focused.id)
    assert focused == ["fields", "curves", "epochs", "log", "fields"]


async def test_what_did_not_change_is_not_drawn_again(runner, until, seen) -> None:
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: "hifumi-000002" in seen(runner.app))
        await settled(runner, pilot, until)
        await pilot.pause(0.3)
        drawn = []
        for widget in runner.app.bake_screen.query("*"):
            widget.refresh = lambda *args, _of=widget, **kwargs: drawn.append(_of)
        # Another object that says the same.
        runner.app.bake_screen.post_message(SnapshotReady(replace(runner.app.bake_screen.snapshot)))
        await pilot.pause(0.2)
        assert drawn == []


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("parked", [True, False])
@pytest.mark.parametrize("ended_early", [True, False])
@pytest.mark.parametrize("tabs", [True, False])
def test_the_last_line_shows_six_keys_at_most(live: bool, parked: bool, ended_early: bool, tabs: bool) -> None:
    assert len(shown_keys(live=live, paused=False, parked=parked, tabs=tabs, ended_early=ended_early)) <= 6

"""Where the panes stand at each size, and that a resize while running rearranges them."""

from dataclasses import replace

import pytest

from lora_tui.keymap import shown_keys
from lora_tui.workers.feed import SnapshotReady


async def settled(kitchen, pilot, until) -> None:
    await until(pilot, lambda: kitchen.app.bake_screen.editor.view is not None)


def shown_panes(kitchen) -> set[str]:
    panes = ("card", "plan", "progress", "settings", "curves", "epochs", "log", "tabs", "status")
    return {name for name in panes if kitchen.app.bake_screen.query_one(f"#{name}").region.area}


async def test_wide_shows_everything_at_once(kitchen, until) -> None:
    async with kitchen.run((120, 36)) as pilot:
        await settled(kitchen, pilot, until)
        assert shown_panes(kitchen) == {"card", "plan", "settings", "curves", "epochs", "log"}


async def test_100_columns_and_24_lines_still_hold_both_columns(kitchen, until) -> None:
    async with kitchen.run((100, 24)) as pilot:
        await settled(kitchen, pilot, until)
        assert shown_panes(kitchen) == {"card", "plan", "settings", "curves", "epochs", "log"}


async def test_80_columns_show_one_tab_under_card_and_plan(kitchen, until) -> None:
    async with kitchen.run((80, 24)) as pilot:
        await settled(kitchen, pilot, until)
        assert shown_panes(kitchen) == {"card", "plan", "tabs", "settings"}


async def test_v_goes_through_the_tabs_and_the_last_line_says_so(kitchen, until, seen) -> None:
    async with kitchen.run((80, 24)) as pilot:
        await settled(kitchen, pilot, until)
        assert "v view" in seen(kitchen.app).splitlines()[-1]
        for pane in ("curves", "epochs", "log", "settings"):
            await pilot.press("v")
            assert shown_panes(kitchen) == {"card", "plan", "tabs", pane}


async def test_numbers_pick_a_tab(kitchen, until) -> None:
    async with kitchen.run((80, 24)) as pilot:
        await settled(kitchen, pilot, until)
        await pilot.press("4")
        assert "log" in shown_panes(kitchen)
        await pilot.click("#tabs", offset=(16, 0))
        await pilot.pause()
        assert "curves" in shown_panes(kitchen)


async def test_while_baking_card_and_progress_take_one_line_each_in_80_columns(kitchen, until, seen) -> None:
    kitchen.baking()
    async with kitchen.run((80, 24)) as pilot:
        await until(pilot, lambda: "e3/6  90/240" in seen(kitchen.app))
        lines = seen(kitchen.app).splitlines()
    assert lines[1].startswith(" VRAM") and "5.0/8.0" in lines[1]
    assert "e3/6  90/240" in lines[2] and "19 s left" in lines[2]
    assert "▸1 settings" in lines[3]


@pytest.mark.parametrize("size", [(50, 12), (59, 40), (120, 15)])
async def test_too_small_is_one_line_and_keys_still_work(kitchen, until, seen, size) -> None:
    kitchen.baking()
    async with kitchen.run(size) as pilot:
        await until(pilot, lambda: "0001 hifumi  e3/6  90/240 37%" in seen(kitchen.app))
        assert shown_panes(kitchen) == {"status"}
        await pilot.press("space")
        await until(pilot, kitchen.orders)


async def test_a_resize_while_running_rearranges(kitchen, until) -> None:
    async with kitchen.run((120, 36)) as pilot:
        await settled(kitchen, pilot, until)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: shown_panes(kitchen) == {"card", "plan", "tabs", "settings"})
        await pilot.resize_terminal(40, 10)
        await until(pilot, lambda: shown_panes(kitchen) == {"status"})
        await pilot.resize_terminal(160, 50)
        await until(pilot, lambda: "epochs" in shown_panes(kitchen) and "tabs" not in shown_panes(kitchen))


async def test_tab_moves_the_focus_from_pane_to_pane(kitchen, until) -> None:
    async with kitchen.run((120, 36)) as pilot:
        await settled(kitchen, pilot, until)
        focused = [kitchen.app.focused.id]
        for _ in range(3):
            await pilot.press("tab")
            focused.append(kitchen.app.focused.id)
    assert focused == ["fields", "epochs", "log", "fields"]


async def test_what_did_not_change_is_not_drawn_again(kitchen, until, seen) -> None:
    kitchen.baking()
    async with kitchen.run((120, 36)) as pilot:
        await until(pilot, lambda: "hifumi-000002" in seen(kitchen.app))
        await settled(kitchen, pilot, until)
        await pilot.pause(0.3)
        drawn = []
        for widget in kitchen.app.bake_screen.query("*"):
            widget.refresh = lambda *args, _of=widget, **kwargs: drawn.append(_of)
        # Another object that says the same.
        kitchen.app.bake_screen.post_message(SnapshotReady(replace(kitchen.app.bake_screen.snapshot)))
        await pilot.pause(0.2)
        assert drawn == []


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("parked", [True, False])
@pytest.mark.parametrize("ended_early", [True, False])
@pytest.mark.parametrize("narrow", [True, False])
def test_the_last_line_shows_six_keys_at_most(live: bool, parked: bool, ended_early: bool, narrow: bool) -> None:
    assert len(shown_keys(live=live, paused=False, parked=parked, narrow=narrow, ended_early=ended_early)) <= 6

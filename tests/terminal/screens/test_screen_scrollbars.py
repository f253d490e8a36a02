"""What scrolls keeps its last column beside the scrollbar."""

import string

import pytest

from lora_tui.widgets.epoch_list import EpochList
from lora_tui.widgets.log_pane import LogPane
from trainer.journal.records import Checkpoint, LogLine

NOON = 1_700_000_000.0
# No spaces, so that every row is filled to its last column.
LONG = string.ascii_letters * 12
TIME_AND_SIGN = 9


def rows_beside_the_bar(app, widget) -> list[str]:
    """Return the rows of `widget`, without rule and scrollbar."""
    inside = widget.scrollable_content_region
    rows = app.screen._compositor.render_strips()[inside.y : inside.bottom]
    return [row.text[inside.x : inside.right] for row in rows]


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (63, 20)])
async def test_a_folded_log_line_shows_every_letter(runner, until, size) -> None:
    async with runner.run(size) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        await pilot.press("4")
        log = runner.app.bake_screen.query_one(LogPane)
        texts = [f"{at:02d}{LONG}" for at in range(20)]
        log.show([LogLine(1000 + at, None, NOON, "info", text) for at, text in enumerate(texts)])
        await until(pilot, lambda: log.show_vertical_scrollbar and log.max_scroll_y > 0)
        await pilot.press("home")
        await pilot.pause(0.1)
        shown = rows_beside_the_bar(runner.app, log)
        wide = log.scrollable_content_region.width - TIME_AND_SIGN
        folded = [text[at : at + wide] for text in texts for at in range(0, len(text), wide)]
        assert [row[TIME_AND_SIGN:].rstrip() for row in shown] == folded[: len(shown)]


async def test_the_name_of_a_file_ends_before_the_scrollbar(runner, until) -> None:
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        epochs = runner.app.bake_screen.query_one(EpochList)
        saved = [
            Checkpoint(at, at * 10, f"{LONG}-{at:06d}.safetensors", 1000, 0.1, None, None, None, NOON)
            for at in range(40)
        ]
        epochs.show(tuple(saved), live=False)
        await until(pilot, lambda: epochs.show_vertical_scrollbar)
        await pilot.pause(0.1)
        assert all(row.endswith("…") for row in rows_beside_the_bar(runner.app, epochs)[1:])

"""Steps on captions undone and done again on the Dataset screen, also by the next program, and what is said where they cannot be."""

from pathlib import Path

import pytest
from dataset_screen import CAPTIONS, DatasetAlone, listed, made_data, settled
from screen_alone import until_true

from lora_tui.screens.dataset_steps import CaptionStepsDialog
from trainer.workspace import Workspace

FIRST = "2_school/a.png"
# As small as the panes stand beside each other with what is looked for.
WIDE = (130, 26)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return made_data(tmp_path / "ws")


async def test_a_step_whose_caption_was_changed_since_is_not_called_undone(workspace) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await pilot.press("2", "x")
        await until_true(pilot, lambda: app.caption_of(FIRST) != CAPTIONS[FIRST])
        await settled(app, pilot)
        (workspace.root / "data" / FIRST).with_suffix(".txt").write_text("typed, elsewhere")
        await pilot.press("u")
        await until_true(pilot, lambda: "nothing of it could be undone" in app.notes())
        assert "a.txt (it was changed since)" in app.notes()
        assert app.caption_of(FIRST) == "typed, elsewhere"


async def test_any_step_is_undone_also_after_a_restart(workspace) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await pilot.press("2", "x")
        await until_true(pilot, lambda: app.caption_of(FIRST) != CAPTIONS[FIRST])
        await settled(app, pilot)
        await pilot.press("1", "end", "2", "x")
        await until_true(pilot, lambda: app.caption_of("3_dress/e.png") == "red dress")
        await settled(app, pilot)
    again = DatasetAlone(workspace)
    async with again.run_test(size=WIDE) as pilot:
        await listed(again, pilot)
        await pilot.press("H")
        await until_true(pilot, lambda: isinstance(again.screen, CaptionStepsDialog))
        assert "2_school/a.png" in again.text() and "3_dress/e.png" in again.text()
        # The older one, below the newest.
        await pilot.press("j", "space")
        await until_true(pilot, lambda: again.caption_of(FIRST) == CAPTIONS[FIRST])
        await until_true(pilot, lambda: "(undone)" in again.text())
        assert again.caption_of("3_dress/e.png") == "red dress"
        await pilot.press("space")
        await until_true(pilot, lambda: again.caption_of(FIRST) != CAPTIONS[FIRST])
        await settled(again, pilot)
        await pilot.press("escape")
        await until_true(pilot, lambda: again.screen is again.data)


@pytest.mark.long
async def test_a_step_that_was_interrupted_is_said_and_completed(workspace) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await pilot.press("2", "x")
        await until_true(pilot, lambda: app.caption_of(FIRST) == "school uniform, backpack, smile")
        await settled(app, pilot)
    # As a killed process leaves it: the caption is still as before.
    (workspace.captions / "0001" / "state.json").write_text('{"standing": "writing", "left": []}')
    (workspace.root / "data" / FIRST).with_suffix(".txt").write_text(CAPTIONS[FIRST])
    again = DatasetAlone(workspace)
    async with again.run_test(size=WIDE) as pilot:
        await listed(again, pilot)
        await until_true(pilot, lambda: "step 1 on captions was interrupted" in again.notes())
        await pilot.press("H")
        await until_true(pilot, lambda: isinstance(again.screen, CaptionStepsDialog) and "complete" in again.text())
        await pilot.press("c")
        await until_true(pilot, lambda: again.caption_of(FIRST) == "school uniform, backpack, smile")
        await until_true(pilot, lambda: "done ·" in again.text())
        await settled(again, pilot)
        await pilot.press("space")
        await until_true(pilot, lambda: again.caption_of(FIRST) == CAPTIONS[FIRST])


@pytest.mark.long
async def test_nothing_to_undo_is_said(workspace) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await pilot.press("u")
        await until_true(pilot, lambda: "no step on captions is left to undo" in app.notes())
        await pilot.press("ctrl+r")
        await until_true(pilot, lambda: "was undone last" in app.notes())

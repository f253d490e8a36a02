"""What the checks found, in the plan bar and by key: each finding with its way out, accepted with a reason."""

from pathlib import Path

import pytest
from check_inputs import write_broken_inside
from textual.widgets import OptionList

from lora_tui.screens.bake_note import BakeNoteDialog
from lora_tui.screens.checks import AcceptDialog, ChecksDialog
from lora_tui.screens.grid import GridScreen
from lora_tui.widgets.plan_bar import PlanBar
from trainer.checks.accepted import read_accepted


@pytest.fixture
def folder(runner) -> Path:
    """Return the folder with the demo's pictures, of which one lacks its caption."""
    folder = next(path for path in (runner.workspace.root / "data").iterdir() if path.is_dir())
    (folder / "03.txt").unlink()
    return folder


def bar_of(runner) -> PlanBar:
    return runner.app.bake_screen.query_one(PlanBar)


async def opened(runner, pilot, until) -> ChecksDialog:
    await until(pilot, lambda: runner.app.bake_screen.editor.results is not None)
    await pilot.press("c")
    await until(pilot, lambda: isinstance(runner.app.screen, ChecksDialog))
    return runner.app.screen


def marked(dialog: ChecksDialog) -> str:
    result = dialog._marked
    assert result is not None
    return result.check.key


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_the_plan_bar_counts_what_the_checks_found(runner, until, seen, folder: Path, size) -> None:
    async with runner.run(size) as pilot:
        await until(pilot, lambda: "1 warning · 1 note (c)" in seen(runner.app))
        assert "1 of 16 pictures in 10_hifumi_chan has no caption" in seen(runner.app)


async def test_findings_that_need_the_pictures_decoded_come_after_the_plan(runner, until, folder: Path) -> None:
    (folder / "88.png").write_bytes((folder / "04.png").read_bytes())
    (folder / "88.txt").write_text("1girl, hifumi_chan")
    async with runner.run((120, 36)) as pilot:
        editor = runner.app.bake_screen.editor
        await until(pilot, lambda: any(each.check.key == "near-duplicate" for each in editor.results or ()))
        # They stay while settings are typed.
        editor.typed("max_train_epochs", "2")
        await until(pilot, lambda: editor.plan_line)
        assert any(each.check.key == "near-duplicate" for each in editor.results or ())


async def test_c_lists_the_findings_and_a_accepts_with_a_reason(runner, until, seen, folder: Path) -> None:
    kept = runner.workspace.subjects / "hifumi.accepted.json"
    async with runner.run((120, 40)) as pilot:
        dialog = await opened(runner, pilot, until)
        assert marked(dialog) == "caption-missing"
        assert "→ write NAME.txt beside each" in seen(runner.app)
        await pilot.press("j")
        await until(pilot, lambda: marked(dialog) == "tag-once")
        assert "stand in a single caption" in seen(runner.app)
        await pilot.press("k", "a")
        await until(pilot, lambda: isinstance(runner.app.screen, AcceptDialog))
        # Without a reason it stays open.
        await pilot.press("enter", *"meant so", "enter")
        await until(pilot, lambda: runner.app.screen is dialog and "accepted: meant so" in seen(runner.app))
        await until(pilot, lambda: [each.why for each in read_accepted(kept)] == ["meant so"])
        await pilot.press("escape")
        await until(pilot, lambda: "1 note · 1 accepted (c)" in seen(runner.app))
        assert "no caption" not in str(bar_of(runner).render())

        dialog = await opened(runner, pilot, until)
        await pilot.press("j")
        await until(pilot, lambda: marked(dialog) == "caption-missing")
        await pilot.press("w")
        await until(pilot, lambda: kept.is_file() and read_accepted(kept) == ())
        await pilot.press("c")
        await until(pilot, lambda: "1 warning · 1 note (c)" in seen(runner.app))


async def test_files_that_cannot_be_used_are_listed_beside_the_error(runner, until, seen, folder: Path) -> None:
    for number in (70, 71):
        (folder / f"{number}.png").write_bytes(b"")
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: "2 errors · 1 warning" in seen(runner.app))
        dialog = await opened(runner, pilot, until)
        assert dialog.query_one(OptionList).option_count == 3 + any(
            result.check.key == "tag-once" for result in dialog._results
        )
        assert "71.png" in seen(runner.app)
        # An error has nothing to accept.
        await pilot.press("a")
        assert runner.app.screen is dialog


async def test_a_picture_that_cannot_be_decoded_is_refused_before_the_bake(runner, until, seen, folder: Path) -> None:
    write_broken_inside(folder / "77.png", 64, 64)
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: "1 error · " in seen(runner.app))
        await pilot.press("b")
        await until(pilot, lambda: "77.png: cannot be decoded" in seen(runner.app))
        assert runner.app.screen is runner.app.bake_screen and runner.bakes() == []


async def test_the_note_for_a_bake_says_how_much_was_found(runner, until, seen, folder: Path) -> None:
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: "1 warning · 1 note (c)" in seen(runner.app))
        await pilot.press("b")
        await until(pilot, lambda: isinstance(runner.app.screen, BakeNoteDialog))
        assert "1 warning · 1 note" in str(runner.app.screen.query_one("#story").render())


async def test_the_bar_of_a_grid_keeps_its_own_title(runner, until, seen) -> None:
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.results is not None)
        await pilot.press("g")
        await until(pilot, lambda: isinstance(runner.app.screen, GridScreen) and runner.app.screen.editor.ready)
        assert "─ pictures and time ─" in seen(runner.app)

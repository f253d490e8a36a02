"""Pictures to hold out, offered over the Bake screen where none are named."""

import pytest

from lora_tui.screens.hold_out import HoldOutDialog
from trainer.settings.subject import load_subject, save_subject


def naming_none(runner) -> None:
    """Leave the demo's validation pictures unnamed."""
    path = runner.workspace.subjects / "hifumi.toml"
    save_subject(load_subject(path).model_copy(update={"validation_data_dir": ""}), path)


@pytest.fixture
async def offered(runner, until):
    """The offer is up."""
    naming_none(runner)
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        await pilot.press("H")
        await until(pilot, lambda: isinstance(runner.app.screen, HoldOutDialog))
        yield pilot


async def test_a_share_is_offered_with_what_is_left_and_goes_into_the_form(runner, until, seen, offered) -> None:
    assert "10% by seed" in seen(runner.app) and "2 pictures held out, 14 left, 35 steps / epoch" in seen(runner.app)
    await offered.press("2")
    editor = runner.app.bake_screen.editor
    await until(offered, lambda: editor.draft.now.validation_split == 0.25)
    await until(offered, lambda: editor.view is not None and len(editor.view.planned.data.held_out) == 4)
    assert editor.view.planned.plan.steps_per_epoch == 30
    assert "validation_split = 0.0" in (runner.workspace.root / "hifumi.toml").read_text()
    await offered.press("H")
    await until(offered, lambda: isinstance(runner.app.screen, HoldOutDialog))
    assert "4 pictures held out now" in seen(runner.app) and "120 / epoch · 4 held out" in seen(runner.app)
    await offered.press("1")
    await until(offered, lambda: editor.draft.now.validation_split == 0)


async def test_a_no_is_remembered_as_accepted(runner, until, offered) -> None:
    editor = runner.app.bake_screen.editor
    await until(offered, lambda: any(each.check.key == "nothing-held-out" and each.open for each in editor.results))
    await offered.press("3")
    await until(
        offered, lambda: any(each.check.key == "nothing-held-out" and not each.open for each in editor.results or ())
    )
    assert editor.draft.now.validation_split == 0


async def test_named_pictures_are_said(runner, until) -> None:
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        await pilot.press("H")
        await until(
            pilot, lambda: any("validation_data_dir names" in note.message for note in runner.app._notifications)
        )

"""Edits of forms undone with u and done again with ctrl+r, with a line that names them."""

from dataclasses import replace

import pytest

from lora_tui.actions import bakes
from lora_tui.app import LoraApp
from lora_tui.forms.draft import SettingsDraft, open_draft
from lora_tui.ports import Rights
from lora_tui.screens.grid import GridScreen
from trainer.journal.records import BakeState
from trainer.profiles.registry import PROFILES
from trainer.settings.toml_file import load_settings, save_settings

PROFILE = next(key for key in PROFILES if key.startswith("sd-scripts"))


def other_values(draft: SettingsDraft) -> SettingsDraft:
    return replace(draft, now=draft.now.model_copy(update={"network_dim": 3, "network_alpha": 1.0}))


async def at_field(runner, pilot, until, name: str):
    screen = runner.app.bake_screen
    await until(pilot, lambda: screen.editor.draft is not None)
    screen.form.focus_list()
    screen.form.go_to(name)
    await pilot.pause()
    return screen


async def typed(pilot, screen, until, name: str, text: str) -> None:
    screen.form.focus_list()
    screen.form.go_to(name)
    await pilot.press("enter", "ctrl+u", *text, "enter")
    await until(pilot, lambda: screen.form.editing == "")


def said(runner) -> list[str]:
    return [note.message for note in runner.app._notifications]


async def test_a_typed_value_is_undone_and_done_again_and_named(runner, until) -> None:
    async with runner.run() as pilot:
        screen = await at_field(runner, pilot, until, "unet_lr")
        await typed(pilot, screen, until, "unet_lr", "3e-4")
        await typed(pilot, screen, until, "network_dim", "16")
        await pilot.press("u")
        await until(pilot, lambda: screen.editor.draft.now.network_dim == 8)
        assert screen.editor.draft.now.unet_lr == 3e-4
        assert "undone: network_dim 8 → 16" in said(runner)
        assert screen.form.focused_info.name == "network_dim"
        await pilot.press("u")
        await until(pilot, lambda: not screen.editor.draft.unsaved)
        assert "undone: unet_lr 2e-3 → 3e-4" in said(runner)
        await pilot.press("u")
        await until(pilot, lambda: "nothing to undo" in said(runner))
        await pilot.press("ctrl+r", "ctrl+r", "ctrl+r")
        await until(pilot, lambda: "nothing to do again" in said(runner))
        assert (screen.editor.draft.now.unet_lr, screen.editor.draft.now.network_dim) == (3e-4, 16)
        assert "done again: network_dim 8 → 16" in said(runner)


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (lambda editor: editor.changed({"train_batch_size": 2, "sdpa": False}, "fit"), "undone: fit: "),
        (lambda editor: editor.typed("behave_like", PROFILE), "undone: "),
        (lambda editor: editor.load(other_values(editor.draft), "settings of bake 7"), "undone: settings of bake 7: "),
    ],
)
async def test_whatever_changes_many_values_is_undone_in_one_step(runner, until, edit, named: str) -> None:
    async with runner.run() as pilot:
        screen = await at_field(runner, pilot, until, "unet_lr")
        before = screen.editor.draft.now
        edit(screen.editor)
        after = screen.editor.draft.now
        await pilot.press("u")
        await until(pilot, lambda: any(named in line for line in said(runner)))
        assert screen.editor.draft.now == before
        assert after != before
        await pilot.press("ctrl+r")
        await until(pilot, lambda: screen.editor.draft.now == after)


async def test_what_changes_nothing_is_no_edit(runner, until) -> None:
    async with runner.run() as pilot:
        screen = await at_field(runner, pilot, until, "behave_like")
        screen.editor.typed("behave_like", "lora-tui")
        screen.editor.typed("network_dim", "8")
        screen.editor.reset("unet_lr")
        await pilot.press("u")
        await until(pilot, lambda: "nothing to undo" in said(runner))


async def test_a_reset_is_undone(runner, until) -> None:
    async with runner.run() as pilot:
        screen = await at_field(runner, pilot, until, "network_dim")
        await typed(pilot, screen, until, "network_dim", "4")
        await pilot.press("backspace")
        await until(pilot, lambda: screen.editor.draft.now.network_dim == 8)
        await pilot.press("u")
        await until(pilot, lambda: screen.editor.draft.now.network_dim == 4)
        assert "undone: as in the file: network_dim 4 → 8" in said(runner)


async def test_a_trainer_turned_past_is_undone_to_the_values_before_it(runner, until) -> None:
    async with runner.run() as pilot:
        screen = await at_field(runner, pilot, until, "behave_like")
        before = screen.editor.draft.now
        await pilot.press("right", "right")
        await until(pilot, lambda: screen.editor.draft.now.behave_like is not None)
        await pilot.press("u", "u")
        await until(pilot, lambda: screen.editor.draft.now == before)


async def test_an_edit_that_was_saved_is_undone_in_the_form_and_marked_as_unsaved(runner, until) -> None:
    path = runner.workspace.root / "hifumi.toml"
    async with runner.run() as pilot:
        screen = await at_field(runner, pilot, until, "network_dim")
        await typed(pilot, screen, until, "network_dim", "16")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: load_settings(path).network_dim == 16 and not screen.editor.draft.unsaved)
        await pilot.press("u")
        await until(pilot, lambda: screen.editor.draft.now.network_dim == 8)
        assert screen.editor.draft.unsaved == {"network_dim"}
        assert load_settings(path).network_dim == 16


async def test_each_file_has_edits_of_its_own_and_keeps_them_while_another_is_open(runner, until) -> None:
    first, other = runner.workspace.root / "hifumi.toml", runner.workspace.root / "other.toml"
    save_settings(load_settings(first).model_copy(update={"network_dim": 32}), other)
    async with runner.run() as pilot:
        screen = await at_field(runner, pilot, until, "network_dim")
        await typed(pilot, screen, until, "network_dim", "16")
        screen.files.save()
        await until(pilot, lambda: not screen.editor.draft.unsaved)
        screen.post_message(bakes.Opened(open_draft(other)))
        await until(pilot, lambda: screen.editor.draft.path == other)
        await pilot.press("u")
        await until(pilot, lambda: "nothing to undo" in said(runner))
        screen.post_message(bakes.Opened(open_draft(first)))
        await until(pilot, lambda: screen.editor.draft.path == first)
        await pilot.press("u")
        await until(pilot, lambda: screen.editor.draft.now.network_dim == 8)


async def test_settings_of_a_bake_loaded_into_the_form_are_undone(runner, until) -> None:
    number = runner.add_bake()
    runner.set_state(BakeState.STARTING, number)
    runner.set_state(BakeState.DONE, number)
    path = runner.workspace.root / "hifumi.toml"
    save_settings(load_settings(path).model_copy(update={"network_dim": 4}), path)
    async with runner.run() as pilot:
        screen = await at_field(runner, pilot, until, "network_dim")
        screen.journal._load(number)
        await until(pilot, lambda: screen.editor.draft.now.network_dim == 8)
        assert screen.editor.draft.parent == number
        await pilot.press("u")
        await until(pilot, lambda: screen.editor.draft.now.network_dim == 4)
        assert screen.editor.draft.parent is None
        assert any(line.startswith(f"undone: settings of bake {number:04d}: ") for line in said(runner))


async def test_an_open_value_keeps_its_letters(runner, until) -> None:
    async with runner.run() as pilot:
        screen = await at_field(runner, pilot, until, "training_comment")
        await typed(pilot, screen, until, "network_dim", "16")
        screen.form.go_to("training_comment")
        await pilot.press("enter", *"up", "ctrl+r")
        await until(pilot, lambda: screen.form.pending == ("training_comment", "up"))
        assert screen.editor.draft.now.network_dim == 16
        await pilot.press("escape")


async def test_a_screen_that_may_not_edit_undoes_nothing(runner, until) -> None:
    runner.app = LoraApp(runner.workspace, runner.engine, runner.sampler, rights=Rights(bake=False, order=False))
    async with runner.run() as pilot:
        await at_field(runner, pilot, until, "unet_lr")
        await pilot.press("u")
        await until(pilot, lambda: any("read-only" in line for line in said(runner)))


async def test_the_grid_builder_undoes_fields_axes_and_loaded_grids(runner, until) -> None:
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        await pilot.press("g")
        await until(pilot, lambda: isinstance(runner.app.screen, GridScreen))
        screen = runner.app.screen
        await until(pilot, lambda: screen.editor.ready is not None)
        before = screen.editor.spec
        await typed(pilot, screen, until, "steps", "7")
        screen.editor.typed("x.kind", "cfg_scale")
        screen.specs.load(before.model_copy(update={"prompt": "another one"}))
        await until(pilot, lambda: screen.editor.spec.prompt == "another one")
        screen.form.focus_list()
        await pilot.press("u")
        await until(pilot, lambda: screen.editor.spec.x is not None and screen.editor.spec.prompt == before.prompt)
        assert any("another grid" in line for line in said(runner))
        await pilot.press("u", "u")
        await until(pilot, lambda: screen.editor.spec == before)
        assert any(line.startswith("undone: steps ") for line in said(runner))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: screen.editor.spec.steps == 7)

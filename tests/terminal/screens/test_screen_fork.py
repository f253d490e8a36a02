"""Continuing a bake: r resumes it, B forks it with the edited settings."""

import numpy
import pytest
from safetensors.numpy import save_file
from textual.widgets import Input, Static

from lora_tui.app import LoraApp
from lora_tui.ports import NoEngine, Rights
from lora_tui.screens.fork import ForkDialog
from trainer.journal.records import Bake, BakeState
from trainer.journal.state_files import (
    FOLDER,
    HEADER_KEY,
    STATE_FORMAT,
    Environment,
    FilesSoFar,
    StateHeader,
    file_name,
    state_header_json,
)
from trainer.settings.model import Settings
from trainer.settings.subject import resolve
from trainer.settings.toml_file import apply_overrides, load_settings, parse_settings, settings_toml

EARLY = [BakeState.LOST, BakeState.STOPPED, BakeState.FAILED, BakeState.PARKED]


def keep_state(runner, epoch: int, *overrides: str) -> None:
    """Keep a state of bake 1 at the end of an epoch; its header is all that a fork reads before it begins."""
    path = runner.workspace.root / "hifumi.toml"
    settings = apply_overrides(resolve(load_settings(path), path), overrides)
    facts = StateHeader(
        format=STATE_FORMAT,
        step=40 * epoch,
        epoch=epoch,
        ends_epoch=True,
        bake=1,
        name="hifumi",
        settings_toml=settings_toml(settings),
        changes=0,
        rate_scale=1.0,
        data="",
        scaler={},
        optimizer={},
        checkpoints=FilesSoFar(),
        verdict=None,
        environment=Environment("", "", "", "cpu", 1, "no"),
    )
    folder = runner.workspace.root / runner.bakes()[-1].folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"one": numpy.zeros(1)}, folder / file_name(facts.step), {HEADER_KEY: state_header_json(facts)})


def ended(runner, state: BakeState, *epochs: int) -> None:
    """Leave bake 1 ended, with states at the ends of these epochs."""
    runner.baking()
    runner.set_state(state)
    for epoch in epochs:
        keep_state(runner, epoch)
    with runner.journal() as journal:
        # As if one had looked after it ended: nothing is offered.
        journal.digests.set_last_viewed(4e9)


async def shown_bake(runner, pilot, until) -> None:
    screen = runner.app.bake_screen
    await until(pilot, lambda: screen.editor.view is not None and screen.snapshot.bake is not None)


async def fork_dialog(runner, pilot, until) -> ForkDialog:
    await shown_bake(runner, pilot, until)
    await pilot.press("B")
    await until(pilot, lambda: isinstance(runner.app.screen, ForkDialog))
    dialog = runner.app.screen
    await until(pilot, lambda: "saved states" in text_in(dialog, "kept"))
    return dialog


def text_in(dialog: ForkDialog, part: str) -> str:
    return str(dialog.query_one(f"#{part}", Static).content)


def settings_of(bake: Bake) -> Settings:
    return parse_settings(bake.settings_toml, "bake")


@pytest.mark.parametrize("state", EARLY)
async def test_r_resumes_a_bake_that_ended_early(runner, until, seen, state: BakeState) -> None:
    ended(runner, state)
    async with runner.run((120, 36)) as pilot:
        await shown_bake(runner, pilot, until)
        await until(pilot, lambda: "r resume" in seen(runner.app).splitlines()[-1])
        await pilot.press("r")
        await until(pilot, lambda: runner.bakes()[0].state is BakeState.QUEUED)
        await until(pilot, lambda: runner.engine.wakes)
        await until(pilot, lambda: "r resume" not in seen(runner.app))
    assert (runner.bakes()[0].engine, runner.bakes()[0].attempt) == (runner.engine.key, 2)


async def test_r_on_a_done_bake_says_how_to_extend_it(runner, until, seen) -> None:
    ended(runner, BakeState.DONE)
    async with runner.run((120, 36)) as pilot:
        await shown_bake(runner, pilot, until)
        assert "r resume" not in seen(runner.app)
        await pilot.press("r")
        await until(pilot, lambda: any("extend" in note.message for note in runner.app._notifications))
    assert runner.bakes()[0].state is BakeState.DONE


async def test_r_leaves_a_running_bake_alone(runner, until, seen) -> None:
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        await shown_bake(runner, pilot, until)
        await pilot.press("r")
        await pilot.pause(0.1)
        assert "r resume" not in seen(runner.app)
        assert not runner.app._notifications
    assert (runner.bakes()[0].state, runner.bakes()[0].attempt) == (BakeState.BAKING, 1)


async def test_the_key_forks_the_newest_state_with_the_edited_settings(runner, until, seen) -> None:
    ended(runner, BakeState.STOPPED, 1, 2)
    async with runner.run((120, 36)) as pilot:
        await shown_bake(runner, pilot, until)
        runner.app.bake_screen.editor.typed("unet_lr", "1e-3")
        dialog = await fork_dialog(runner, pilot, until)
        outlook = text_in(dialog, "outlook")
        assert text_in(dialog, "kept") == "saved states: end of epoch 1, 2"
        assert "starts after step 80 of 240" in outlook
        assert "unet_lr  2e-3 → 1e-3" in outlook
        assert "the U-Net's rate changes from 0.002 to 0.001 at step 81" in outlook
        await pilot.press("enter", *"te", "enter")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
        await until(pilot, lambda: "bake 2 forks bake 1 after step 80" in seen(runner.app))
        assert "the U-Net's rate changes from 0.002 to 0.001" in seen(runner.app)
        assert runner.engine.wakes
    fork = runner.bakes()[0]
    assert (fork.number, fork.parent, fork.why, fork.engine) == (2, 1, "te", runner.engine.key)
    assert (settings_of(fork).unet_lr, fork.state) == (1e-3, BakeState.QUEUED)
    assert (runner.workspace.root / fork.starts_from).is_file()
    # Edited settings are not saved by it.
    assert load_settings(runner.workspace.root / "hifumi.toml").unet_lr == 2e-3


async def test_a_narrow_screen_without_a_log_in_view_says_what_becomes_of_the_rates_too(runner, until) -> None:
    ended(runner, BakeState.STOPPED, 1)
    async with runner.run((80, 24)) as pilot:
        await shown_bake(runner, pilot, until)
        runner.app.bake_screen.editor.typed("unet_lr", "1e-3")
        await fork_dialog(runner, pilot, until)
        await pilot.press("enter", "enter")
        await until(pilot, lambda: len(runner.app._notifications) == 1)
        assert "rate changes from 0.002 to 0.001" in next(iter(runner.app._notifications)).message


async def test_an_epoch_is_typed_and_compared_with_the_settings_in_force_then(runner, until) -> None:
    ended(runner, BakeState.STOPPED, 2)
    keep_state(runner, 1, "unet_lr=5e-4")
    async with runner.run((120, 36)) as pilot:
        dialog = await fork_dialog(runner, pilot, until)
        assert "no edited settings" in text_in(dialog, "outlook")
        await pilot.press("1")
        await until(pilot, lambda: "starts after step 40 of 240" in text_in(dialog, "outlook"))
        assert "unet_lr  5e-4 → 2e-3" in text_in(dialog, "outlook")
        await pilot.press("enter", "enter")
        await until(pilot, lambda: len(runner.bakes()) == 2)
    assert settings_of(runner.bakes()[0]).unet_lr == 2e-3


async def test_more_epochs_in_the_editor_extend_a_done_bake(runner, until) -> None:
    ended(runner, BakeState.DONE, 6)
    async with runner.run((120, 36)) as pilot:
        await shown_bake(runner, pilot, until)
        runner.app.bake_screen.editor.typed("max_train_epochs", "8")
        dialog = await fork_dialog(runner, pilot, until)
        assert "starts after step 240 of 320" in text_in(dialog, "outlook")
        await pilot.press("enter", "enter")
        await until(pilot, lambda: len(runner.bakes()) == 2)
    assert runner.bakes()[0].total_steps == 320


@pytest.mark.parametrize(
    ("epochs", "typed", "said"),
    [
        ((6,), {}, "raise max_train_epochs"),
        ((2,), {"network_dim": "16"}, "network_dim: changed from 8 to 16"),
        ((), {}, "no state from the end of an epoch"),
    ],
)
async def test_what_cannot_be_forked_is_refused_in_the_dialog(runner, until, seen, epochs, typed, said) -> None:
    ended(runner, BakeState.DONE, *epochs)
    async with runner.run((100, 30)) as pilot:
        await shown_bake(runner, pilot, until)
        for name, text in typed.items():
            runner.app.bake_screen.editor.typed(name, text)
        dialog = await fork_dialog(runner, pilot, until)
        # Said before enter, and again after it.
        for keys in ((), ("enter", "enter")):
            await pilot.press(*keys)
            await until(pilot, lambda: not dialog._busy and dialog.query_one("#error").display)
            assert said in " ".join(seen(runner.app).split())
        assert runner.app.screen is dialog
        await pilot.press("escape")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
    assert len(runner.bakes()) == 1
    assert not list(runner.workspace.bakes.glob(".fork-*"))


async def test_an_epoch_that_was_not_kept_is_refused_until_another_is_typed(runner, until) -> None:
    ended(runner, BakeState.STOPPED, 1, 2)
    async with runner.run((100, 30)) as pilot:
        dialog = await fork_dialog(runner, pilot, until)
        await pilot.press("7")
        await until(pilot, lambda: "epoch 7" in text_in(dialog, "error"))
        await pilot.press("backspace", "x", "1")
        await until(pilot, lambda: "starts after step 40" in text_in(dialog, "outlook"))
        assert dialog.query_one("#epoch", Input).value == "1"
        assert not dialog.query_one("#error").display


async def test_who_only_watches_takes_nothing_up_and_forks_nothing(runner, until) -> None:
    ended(runner, BakeState.STOPPED, 1)
    runner.app = LoraApp(
        runner.workspace, NoEngine(), runner.sampler, rights=Rights(order=False, bake=False), clock=lambda: 1.7e9
    )
    async with runner.run() as pilot:
        await until(pilot, lambda: runner.app.bake_screen.snapshot.bake is not None)
        await pilot.press("r", "B")
        await until(pilot, lambda: len(runner.app._notifications) == 2)
        assert runner.app.screen is runner.app.bake_screen
    assert [bake.state for bake in runner.bakes()] == [BakeState.STOPPED]


async def test_the_palette_resumes_and_forks(runner, until) -> None:
    def names() -> set[str]:
        return {command.title for command in runner.app.get_system_commands(runner.app.screen)}

    async with runner.run() as pilot:
        assert not {"Resume", "Fork"} & names()
        ended(runner, BakeState.FAILED)
        await until(pilot, lambda: {"Resume", "Fork"} <= names())

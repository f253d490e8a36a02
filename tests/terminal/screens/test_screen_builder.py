"""The grid builder's memory: what was changed in it comes back, and a grid on the screen can be loaded into it."""

import json
from dataclasses import replace

import pytest
from made_grid import made_grid
from textual.widgets import OptionList

from lora_tui.screens.grid import GridScreen
from lora_tui.screens.pick import PickDialog
from lora_tui.widgets.sheet_view import SheetView
from trainer.grid.spec import AxisSpec, GridSpec, spec_json
from trainer.journal.grid_records import GridState
from trainer.journal.records import BakeState, Checkpoint

SIZE = (120, 36)


async def opened(runner, pilot, until) -> GridScreen:
    await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
    await pilot.press("g")
    await until(pilot, lambda: isinstance(runner.app.screen, GridScreen))
    screen = runner.app.screen
    screen.planner.quiet = 0.01
    await until(pilot, lambda: hasattr(screen, "editor") and screen.editor.ready is not None)
    return screen


def kept(runner) -> dict:
    file = runner.workspace.grids / ".builder.json"
    return {start: entry["fields"] for start, entry in json.loads(file.read_text()).items()} if file.is_file() else {}


async def set_steps(pilot, screen, until, text: str) -> None:
    screen.form.focus_list()
    screen.form.go_to("steps")
    await pilot.press("enter", "ctrl+u", *text, "enter")
    await until(pilot, lambda: screen.editor.spec.steps == int(text))


async def picked(runner, pilot, until, title: str) -> None:
    await pilot.press("r")
    await until(pilot, lambda: isinstance(runner.app.screen, PickDialog))
    options = runner.app.screen.query_one(OptionList)
    titles = [str(options.get_option_at_index(at).prompt) for at in range(options.option_count)]
    options.highlighted = next(at for at, each in enumerate(titles) if title in each)
    await pilot.press("enter")


def earlier_grid(runner) -> int:
    with runner.journal() as journal:
        spec = GridSpec(base="demo", prompt="of an earlier grid", steps=3, x=AxisSpec(kind="cfg_scale", values="2-4"))
        grid = journal.grids.add(name="earlier", spec=spec_json(spec))
        made_grid(runner.workspace.root / grid.folder)
        journal.grids.set_state(grid.number, GridState.DONE)
        return grid.number


async def test_what_was_changed_comes_back_after_escape_and_after_a_restart(runner, make_runner, until) -> None:
    async with runner.run(SIZE) as pilot:
        screen = await opened(runner, pilot, until)
        await set_steps(pilot, screen, until, "7")
        await pilot.press("escape")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
        again = await opened(runner, pilot, until)
        assert again is not screen
        assert again.editor.spec.steps == 7
        await until(pilot, lambda: kept(runner) == {"subject hifumi": {"steps": 7}})
    later = make_runner(runner.workspace)
    async with later.run(SIZE) as pilot:
        assert (await opened(later, pilot, until)).editor.spec.steps == 7


async def test_epochs_saved_since_are_in_the_spec_that_comes_back(runner, until) -> None:
    number = runner.baking(steps=50)
    folder = runner.workspace.root / runner.bakes()[0].folder
    folder.mkdir(parents=True)
    (folder / "hifumi-000001.safetensors").write_bytes(b"first")
    async with runner.run(SIZE) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.snapshot.bake is not None)
        screen = await _opened_before_it_is_counted(runner, pilot, until)
        screen.editor.typed("cfg_scale", "3")
        await until(pilot, lambda: kept(runner) == {f"bake {number}": {"cfg_scale": 3.0}})
        await pilot.press("escape")
        (folder / "hifumi-000002.safetensors").write_bytes(b"second")
        with runner.journal() as journal:
            first = journal.results.checkpoints(number)[0]
            journal.results.add_checkpoint(number, _second(first))
        again = await _opened_before_it_is_counted(runner, pilot, until)
        assert [epoch.label for epoch in again.editor.spec.epochs] == ["1", "2"]
        assert again.editor.spec.cfg_scale == 3.0


async def test_epochs_saved_while_the_builder_is_open_come_into_it(runner, until) -> None:
    number = runner.baking(steps=50)
    folder = runner.workspace.root / runner.bakes()[0].folder
    folder.mkdir(parents=True)
    (folder / "hifumi-000001.safetensors").write_bytes(b"first")
    async with runner.run(SIZE) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.snapshot.checkpoints)
        screen = await _opened_before_it_is_counted(runner, pilot, until)
        screen.editor.typed("cfg_scale", "3")
        (folder / "hifumi-000002.safetensors").write_bytes(b"second")
        with runner.journal() as journal:
            journal.results.add_checkpoint(number, _second(journal.results.checkpoints(number)[0]))
        screen.form.focus_list()
        screen.form.go_to("steps")
        await pilot.press("enter")
        await until(pilot, lambda: len(screen.snapshot().checkpoints) == 2)
        await pilot.pause(1.2)
        assert screen.form.editing == "steps", "an edit goes before what is new"
        assert len(screen.editor.spec.epochs) == 1
        await pilot.press("ctrl+u", "5", "enter")
        await until(pilot, lambda: [epoch.label for epoch in screen.editor.spec.epochs] == ["1", "2"])
        assert (screen.editor.spec.cfg_scale, screen.editor.spec.steps) == (3.0, 5)
        await until(pilot, lambda: kept(runner) == {f"bake {number}": {"cfg_scale": 3.0, "steps": 5}})


async def test_each_bake_has_its_own(runner, until) -> None:
    for seed in (1, 2):
        runner.add_bake(why=str(seed))
        runner.set_state(BakeState.DONE, seed)
    async with runner.run(SIZE) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.snapshot.bake is not None)
        screen = await opened(runner, pilot, until)
        await set_steps(pilot, screen, until, "5")
        await pilot.press("escape", "comma")
        await until(pilot, lambda: runner.app.bake_screen.snapshot.bake.number == 1)
        other = await opened(runner, pilot, until)
        assert other.editor.spec.steps == 12
        await picked(runner, pilot, until, "As changed for bake 2")
        await until(pilot, lambda: other.editor.spec.steps == 5)
        await picked(runner, pilot, until, "As first proposed")
        await until(pilot, lambda: other.editor.spec.steps == 12)
        await pilot.press("escape", "full_stop")
        await until(pilot, lambda: runner.app.bake_screen.snapshot.bake.number == 2)
        assert (await opened(runner, pilot, until)).editor.spec.steps == 5


async def test_e_loads_the_grid_on_the_screen_and_r_brings_back_what_was_there(runner, until, seen) -> None:
    number = earlier_grid(runner)
    async with runner.run(SIZE) as pilot:
        screen = await opened(runner, pilot, until)
        await set_steps(pilot, screen, until, "9")
        await until(pilot, lambda: screen.selection.grid is not None)
        screen.query_one(SheetView).focus()
        await pilot.press("e")
        await until(pilot, lambda: screen.editor.spec.prompt == "of an earlier grid")
        assert screen.editor.spec.x == AxisSpec(kind="cfg_scale", values="2-4")
        assert any(f"settings of grid {number}" in note.message for note in runner.app._notifications)
        assert screen.form in screen.focused.ancestors_with_self
        await picked(runner, pilot, until, "What the builder had before")
        await until(pilot, lambda: screen.editor.spec.steps == 9)
        await picked(runner, pilot, until, "As first proposed")
        await until(pilot, lambda: screen.editor.spec.steps == 12)
        await until(pilot, lambda: kept(runner) == {})


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"subject hifumi": {"fields": {"steps": "many"}}}', '{"subject hifumi": 3}']
)
async def test_a_file_that_cannot_be_used_is_no_obstacle(runner, until, text: str) -> None:
    runner.workspace.grids.mkdir(exist_ok=True)
    (runner.workspace.grids / ".builder.json").write_text(text, encoding="utf-8")
    async with runner.run(SIZE) as pilot:
        assert (await opened(runner, pilot, until)).editor.spec.steps == 12


async def _opened_before_it_is_counted(runner, pilot, until) -> GridScreen:
    """Open the Grid screen on files that are no LoRAs: its spec is there, a count never comes."""
    await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
    await pilot.press("g")
    await until(pilot, lambda: isinstance(runner.app.screen, GridScreen))
    await until(pilot, lambda: runner.app.screen.editor.spec is not None)
    return runner.app.screen


def _second(first: Checkpoint) -> Checkpoint:
    return replace(first, epoch=2, step=80, file="hifumi-000002.safetensors")

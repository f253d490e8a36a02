"""The Grid screen: its builder, what the keys have made, and how it is left."""

from pathlib import Path

from made_grid import made_grid
from textual.widgets import OptionList, Static

from lora_tui.app import LoraApp
from lora_tui.ports import Rights
from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.screens.grid import GridScreen
from lora_tui.screens.grids import GridsDialog
from lora_tui.screens.pick import PickDialog
from lora_tui.widgets.sheet_view import SheetView
from trainer.grid.spec import AxisSpec, GridSpec, load_spec, parse_spec, spec_json
from trainer.grid.styles import Style, save_styles
from trainer.journal.grid_records import GridState
from trainer.journal.records import BakeState, Order
from trainer.workspace import Workspace

SIZE = (120, 36)


async def opened(runner, pilot, until) -> GridScreen:
    """Open the Grid screen and return it once the builder knows what it would make."""
    await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
    await pilot.press("g")
    await until(pilot, lambda: isinstance(runner.app.screen, GridScreen))
    screen = runner.app.screen
    screen.planner.quiet = 0.01
    await until(pilot, lambda: hasattr(screen, "editor") and screen.editor.ready is not None)
    return screen


async def edit(pilot, screen, name: str, text: str) -> None:
    """Type `text` into field `name`, in place of what stands there, and leave the editor open."""
    screen.form.focus_list()
    screen.form.go_to(name)
    await pilot.press("enter")
    await pilot.press("ctrl+u", *text)


def grids(runner) -> list:
    with runner.journal() as journal:
        return journal.grids.latest()


def add_grid(runner, *, made: bool = False, bake: int | None = None, state: GridState | None = None, missing: int = 0):
    """Note a grid, with its pictures if `made`; return its row."""
    with runner.journal() as journal:
        spec = GridSpec(base="demo", prompt="of an earlier grid", x=AxisSpec(kind="steps", values="2-4"))
        number = journal.grids.add(name="earlier", spec=spec_json(spec), bake=bake).number
        grid = journal.grids.read(number)
        if made:
            folder = runner.workspace.root / grid.folder
            made_grid(folder, missing=missing)
        if state is not None:
            journal.grids.set_state(number, state)
        return journal.grids.read(number)


async def test_g_opens_a_builder_that_knows_the_subject(runner, until, seen) -> None:
    async with runner.run(SIZE) as pilot:
        screen = await opened(runner, pilot, until)
        shown = seen(runner.app)
    assert "1girl, hifumi_chan" in shown
    assert "4: 11 · 12 · 13 · 14" in shown
    assert "4 pictures · duration unknown" in shown
    assert screen.editor.spec.subject == "hifumi"


async def test_values_are_spelled_out_while_they_are_typed(runner, until, seen) -> None:
    async with runner.run(SIZE) as pilot:
        screen = await opened(runner, pilot, until)
        screen.editor.typed("x.kind", "steps")
        await edit(pilot, screen, "x.values", "10-30 (+5)")
        await until(pilot, lambda: "5: 10 · 15 · 20 · 25 · 30" in seen(runner.app))
        await until(pilot, lambda: "5 × 4 = 20 pictures" in seen(runner.app))
        assert screen.form.editing == "x.values"
        assert screen.editor.spec.x.values == "10-30 (+10)"
        await pilot.press("enter")
        await until(pilot, lambda: screen.editor.spec.x.values == "10-30 (+5)")


async def test_what_was_typed_and_given_up_is_not_made(runner, until) -> None:
    async with runner.run(SIZE) as pilot:
        screen = await opened(runner, pilot, until)
        await edit(pilot, screen, "seeds", "1-9")
        await until(pilot, lambda: screen.editor.ready and len(screen.editor.ready.expanded.cells) == 9)
        await pilot.press("escape")
        await until(pilot, lambda: screen.editor.ready and len(screen.editor.ready.expanded.cells) == 4)
        assert runner.app.screen is screen


async def test_an_empty_range_is_shown_under_its_field(runner, until, seen) -> None:
    async with runner.run(SIZE) as pilot:
        screen = await opened(runner, pilot, until)
        screen.editor.typed("x.kind", "steps")
        await edit(pilot, screen, "x.values", "30-10")
        await until(pilot, lambda: "✗ `30-10` is an empty range" in seen(runner.app))
        await pilot.press("enter", "b")
        await until(pilot, lambda: any("empty range" in note.message for note in runner.app._notifications))
    assert grids(runner) == []


async def test_a_value_that_cannot_stand_there_keeps_its_editor_open(runner, until, seen) -> None:
    async with runner.run(SIZE) as pilot:
        screen = await opened(runner, pilot, until)
        await edit(pilot, screen, "steps", "many")
        await pilot.press("enter")
        await until(pilot, lambda: "✗ many" in seen(runner.app).replace("'", ""))
        assert screen.form.editing == "steps"
        assert screen.editor.spec.steps == 12


async def test_what_varies_is_picked_from_a_list(runner, until, seen) -> None:
    async with runner.run(SIZE) as pilot:
        screen = await opened(runner, pilot, until)
        screen.form.go_to("y.kind")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(runner.app.screen, PickDialog) and "sampling steps" in seen(runner.app))
        await pilot.press("end", "enter")
        await until(pilot, lambda: screen.editor.spec.y is not None)
        assert screen.editor.spec.y == AxisSpec(kind="repeat", values="1-2")
        await until(pilot, lambda: "Y values" in seen(runner.app))


async def test_backspace_takes_an_axis_back_to_what_it_was(runner, until) -> None:
    async with runner.run(SIZE) as pilot:
        screen = await opened(runner, pilot, until)
        screen.editor.typed("x.kind", "steps")
        screen.form.go_to("x.kind")
        await pilot.press("backspace")
        await until(pilot, lambda: screen.editor.spec.x is None)


async def test_b_queues_the_grid_for_our_engine_and_shows_it(runner, until, seen) -> None:
    async with runner.run(SIZE) as pilot:
        screen = await opened(runner, pilot, until)
        wakes = runner.engine.wakes
        await pilot.press("b")
        await until(pilot, lambda: screen.selection.grid is not None)
        assert runner.engine.wakes > wakes
        assert isinstance(runner.app.focused, SheetView)
        await until(pilot, lambda: "x end" in seen(runner.app))
    (grid,) = grids(runner)
    (job,) = runner.bakes()
    assert (job.grid, job.engine, job.state) == (grid.number, runner.engine.key, BakeState.QUEUED)
    assert parse_spec(grid.spec, "grid").seeds == "11, 12, 13, 14"


async def test_while_a_bake_is_running_b_asks_where(runner, until, seen) -> None:
    bake = runner.baking()
    async with runner.run(SIZE) as pilot:
        await opened(runner, pilot, until)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        shown = seen(runner.app)
        assert "Make the grid? 4 pictures" in shown
        assert "now, between two steps of bake 0001" in shown
        await pilot.press("i")
        await until(pilot, lambda: runner.orders(bake))
    (grid,) = grids(runner)
    assert grid.bake == bake
    assert runner.orders(bake) == [Order.GRID]
    assert len(runner.bakes()) == 1


async def test_a_grid_may_wait_behind_the_running_bake(runner, until) -> None:
    runner.baking()
    async with runner.run(SIZE) as pilot:
        await opened(runner, pilot, until)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        await pilot.press("q")
        await until(pilot, lambda: grids(runner))
    assert [bake.grid for bake in runner.bakes()] == [1, None]


async def test_x_takes_a_waiting_grid_out_of_the_queue(runner, until) -> None:
    async with runner.run(SIZE) as pilot:
        screen = await opened(runner, pilot, until)
        await pilot.press("b")
        await until(pilot, lambda: screen.selection.grid is not None)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        await pilot.press("s")
        await until(pilot, lambda: grids(runner)[0].state is GridState.CUT)
    assert runner.bakes()[0].state is BakeState.STOPPED


async def test_x_leaves_the_epoch_under_the_cursor_out(runner, until, seen) -> None:
    bake = runner.baking()
    grid = add_grid(runner, made=True, bake=bake, state=GridState.MAKING, missing=6)
    async with runner.run(SIZE) as pilot:
        screen = await opened(runner, pilot, until)
        await until(pilot, lambda: screen.viewer.cell is not None)
        screen.query_one(SheetView).focus()
        await pilot.press("right", "right", "x")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        assert "skip epoch 2 in the rest" in seen(runner.app)
        await pilot.press("d")
        await until(pilot, lambda: runner.orders(bake))
        with runner.journal() as journal:
            (order,) = journal.orders.read(bake)
        assert (order.order, order.argument) == (Order.DROP_EPOCH, "2")
        await pilot.press("x")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        await pilot.press("s")
        await until(pilot, lambda: runner.orders(bake) == [Order.DROP_EPOCH, Order.CANCEL_GRID])
    assert grid.bake == bake


async def test_in_blind_mode_x_does_not_reveal_the_epoch(runner, until, seen) -> None:
    bake = runner.baking()
    add_grid(runner, made=True, bake=bake, state=GridState.MAKING, missing=6)
    async with runner.run(SIZE) as pilot:
        screen = await opened(runner, pilot, until)
        await until(pilot, lambda: screen.viewer.cell is not None)
        screen.query_one(SheetView).focus()
        await pilot.press("B", "x")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        assert "skip epoch" not in seen(runner.app)


async def test_earlier_grids_are_opened_and_gone_on_with(runner, until, seen) -> None:
    add_grid(runner, made=True, state=GridState.CUT, missing=6)
    add_grid(runner, made=True, state=GridState.DONE)
    async with runner.run(SIZE) as pilot:
        screen = await opened(runner, pilot, until)
        await until(pilot, lambda: screen.selection.grid is not None and screen.selection.grid.number == 2)
        await pilot.press("o")
        await until(pilot, lambda: isinstance(runner.app.screen, GridsDialog))
        assert "■ 0001 earlier" in seen(runner.app)
        await pilot.press("g")
        await until(pilot, lambda: any("only an unfinished" in note.message for note in runner.app._notifications))
        await pilot.press("down", "g")
        await until(pilot, runner.bakes)
        await until(pilot, lambda: screen.selection.grid is not None and screen.selection.grid.number == 1)
    assert runner.bakes()[0].grid == 1


async def test_the_spec_of_an_earlier_grid_comes_into_the_builder(runner, until) -> None:
    add_grid(runner, state=GridState.DONE)
    async with runner.run(SIZE) as pilot:
        screen = await opened(runner, pilot, until)
        await pilot.press("o")
        await until(pilot, lambda: isinstance(runner.app.screen, GridsDialog))
        assert runner.app.screen.query_one(OptionList).highlighted == 0
        await pilot.press("e")
        await until(pilot, lambda: screen.editor.spec.prompt == "of an earlier grid")


async def test_a_ready_made_grid_comes_into_the_builder(runner, until, seen) -> None:
    async with runner.run(SIZE) as pilot:
        screen = await opened(runner, pilot, until)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(runner.app.screen, PickDialog))
        assert "The same seed twice" in seen(runner.app)
        await pilot.press("5")
        await until(pilot, lambda: screen.editor.spec.x == AxisSpec(kind="repeat", values="1-2"))
        await until(pilot, lambda: "2 pictures" in seen(runner.app))


async def test_a_style_changes_what_it_sets_and_nothing_else(runner, until) -> None:
    save_styles(runner.workspace, (Style(name="notes", steps=28, sampler="Euler a"),))
    async with runner.run(SIZE) as pilot:
        screen = await opened(runner, pilot, until)
        seeds = screen.editor.spec.seeds
        await pilot.press("y")
        await until(pilot, lambda: isinstance(runner.app.screen, PickDialog))
        await pilot.press("enter")
        await until(pilot, lambda: screen.editor.spec.steps == 28)
        assert (screen.editor.spec.sampler, screen.editor.spec.seeds) == ("Euler a", seeds)


async def test_ctrl_s_writes_a_spec_that_reads_back(runner, until) -> None:
    async with runner.run(SIZE) as pilot:
        screen = await opened(runner, pilot, until)
        await pilot.press("ctrl+s")
        path = runner.workspace.grids / "hifumi.json"
        await until(pilot, path.is_file)
        assert load_spec(path) == screen.editor.spec


async def test_a_digit_over_the_builder_is_no_verdict(runner, until) -> None:
    add_grid(runner, made=True, state=GridState.DONE)
    async with runner.run(SIZE) as pilot:
        screen = await opened(runner, pilot, until)
        await until(pilot, lambda: screen.viewer.cell is not None)
        await pilot.press("3")
        assert screen.selection.notes == {}
        screen.query_one(SheetView).focus()
        await pilot.press("3")
        await until(pilot, lambda: [note.whole for note in screen.selection.notes.values()] == ["over"])


async def test_h_writes_the_page_and_copies_the_command_that_fetches_it(runner, until) -> None:
    grid = add_grid(runner, made=True, state=GridState.DONE)
    async with runner.run(SIZE) as pilot:
        screen = await opened(runner, pilot, until)
        await until(pilot, lambda: screen.selection.made is not None)
        await pilot.press("H")
        path = runner.workspace.root / grid.folder / f"{Path(grid.folder).name}.html"
        await until(pilot, path.is_file)
        await until(pilot, lambda: str(path) in runner.app.clipboard)


async def test_who_only_watches_makes_nothing(runner, until) -> None:
    app = LoraApp(runner.workspace, runner.engine, runner.sampler, rights=Rights(bake=False, order=False))
    app.bake_screen.planner.quiet = 0.01
    runner.app = app
    async with app.run_test(size=SIZE) as pilot:
        await opened(runner, pilot, until)
        await pilot.press("b")
        await until(pilot, lambda: any("read-only:" in note.message for note in app._notifications))
    assert grids(runner) == []


async def test_in_a_narrow_terminal_v_switches_between_builder_and_pictures(runner, until, seen) -> None:
    add_grid(runner, made=True, state=GridState.DONE)
    async with runner.run((80, 24)) as pilot:
        screen = await opened(runner, pilot, until)
        assert screen.form.display
        assert "v pictures" in seen(runner.app)
        await pilot.press("v")
        assert not screen.query_one("#builder").display
        assert isinstance(runner.app.focused, SheetView)
        await pilot.press("v")
        assert screen.query_one("#builder").display


async def test_escape_goes_back_to_the_bake(runner, until) -> None:
    async with runner.run(SIZE) as pilot:
        screen = await opened(runner, pilot, until)
        await pilot.press("escape")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
        await until(pilot, lambda: not screen.planner.is_alive() and not screen.viewer.watcher.is_alive())


async def test_without_bake_or_subject_the_builder_says_what_is_missing(make_runner, tmp_path, until, seen) -> None:
    from trainer.journal.journal import Journal
    from trainer.workspace import make_workspace

    workspace: Workspace = make_workspace(tmp_path / "empty")
    Journal(workspace.journal_path).close()
    runner = make_runner(workspace)
    async with runner.run(SIZE) as pilot:
        await until(pilot, lambda: "No settings yet" in seen(runner.app))
        assert "W  the demo, another workspace" in seen(runner.app)
        last = seen(runner.app).splitlines()[-1]
        assert "W workspaces" in last and "n new" in last and "bake" not in last
        files = runner.app.bake_screen.files
        files.started_in = tmp_path / "my pictures"
        files.show_none()
        # From the widget, for where the lines break depends on how long the paths are.
        text = str(runner.app.screen.query_one("#empty", Static).content)
        assert f"{tmp_path / 'my pictures'} is not a workspace; this one is {workspace.root}." in text
        await pilot.press("g")
        await until(pilot, lambda: "✗" in seen(runner.app) and "base" in seen(runner.app))
        assert "b makes this grid" in seen(runner.app)

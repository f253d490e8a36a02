"""The Grid screen: its builder, what the keys have made, and how it is left."""

from pathlib import Path

from made_grid import made_grid
from textual.widgets import OptionList

from lora_tui.app import LoraApp
from lora_tui.ports import Rights
from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.screens.grid import GridScreen
from lora_tui.screens.grids import GridsDialog
from lora_tui.screens.pick import PickDialog
from lora_tui.widgets.sheet_view import SheetView
from trainer.grid.spec import AxisSpec, GridSpec, load_spec, parse_spec, spec_json
from trainer.grid.styles import Style, save_style
from trainer.journal.records import BakeState, GridState, Order
from trainer.workspace import Workspace

SIZE = (120, 36)


async def opened(kitchen, pilot, until) -> GridScreen:
    """Open the Grid screen and return it once the builder knows what it would make."""
    await until(pilot, lambda: kitchen.app.bake_screen.editor.view is not None)
    await pilot.press("g")
    await until(pilot, lambda: isinstance(kitchen.app.screen, GridScreen))
    screen = kitchen.app.screen
    screen.planner.quiet = 0.01
    await until(pilot, lambda: hasattr(screen, "editor") and screen.editor.ready is not None)
    return screen


async def edit(pilot, screen, name: str, text: str) -> None:
    """Type `text` into field `name`, in place of what stands there, and leave the editor open."""
    screen.form.focus_list()
    screen.form.go_to(name)
    await pilot.press("enter")
    await pilot.press("ctrl+u", *text)


def grids(kitchen) -> list:
    with kitchen.journal() as journal:
        return journal.grids.latest()


def add_grid(kitchen, *, made: bool = False, bake: int | None = None, state: GridState | None = None, missing: int = 0):
    """Note a grid, with its pictures if `made`; return its row."""
    with kitchen.journal() as journal:
        spec = GridSpec(base="demo", prompt="of an earlier grid", x=AxisSpec(kind="steps", values="2-4"))
        number = journal.grids.add(name="earlier", spec=spec_json(spec), bake=bake).number
        grid = journal.grids.read(number)
        if made:
            folder = kitchen.workspace.root / grid.folder
            made_grid(folder, missing=missing)
        if state is not None:
            journal.grids.set_state(number, state)
        return journal.grids.read(number)


async def test_g_opens_a_builder_that_knows_the_subject(kitchen, until, seen) -> None:
    async with kitchen.run(SIZE) as pilot:
        screen = await opened(kitchen, pilot, until)
        shown = seen(kitchen.app)
    assert "1girl, hifumi_chan" in shown
    assert "4: 11 · 12 · 13 · 14" in shown
    assert "4 pictures · duration unknown" in shown
    assert screen.editor.spec.subject == "hifumi"


async def test_values_are_spelled_out_while_they_are_typed(kitchen, until, seen) -> None:
    async with kitchen.run(SIZE) as pilot:
        screen = await opened(kitchen, pilot, until)
        screen.editor.typed("x.kind", "steps")
        await edit(pilot, screen, "x.values", "10-30 (+5)")
        await until(pilot, lambda: "5: 10 · 15 · 20 · 25 · 30" in seen(kitchen.app))
        await until(pilot, lambda: "5 × 4 = 20 pictures" in seen(kitchen.app))
        assert screen.form.editing == "x.values"
        assert screen.editor.spec.x.values == "10-30 (+10)"
        await pilot.press("enter")
        await until(pilot, lambda: screen.editor.spec.x.values == "10-30 (+5)")


async def test_what_was_typed_and_given_up_is_not_made(kitchen, until) -> None:
    async with kitchen.run(SIZE) as pilot:
        screen = await opened(kitchen, pilot, until)
        await edit(pilot, screen, "seeds", "1-9")
        await until(pilot, lambda: screen.editor.ready and len(screen.editor.ready.expanded.cells) == 9)
        await pilot.press("escape")
        await until(pilot, lambda: screen.editor.ready and len(screen.editor.ready.expanded.cells) == 4)
        assert kitchen.app.screen is screen


async def test_an_empty_range_is_said_under_its_field(kitchen, until, seen) -> None:
    async with kitchen.run(SIZE) as pilot:
        screen = await opened(kitchen, pilot, until)
        screen.editor.typed("x.kind", "steps")
        await edit(pilot, screen, "x.values", "30-10")
        await until(pilot, lambda: "✗ `30-10` is an empty range" in seen(kitchen.app))
        await pilot.press("enter", "b")
        await until(pilot, lambda: any("empty range" in note.message for note in kitchen.app._notifications))
    assert grids(kitchen) == []


async def test_a_value_that_cannot_stand_there_keeps_its_editor_open(kitchen, until, seen) -> None:
    async with kitchen.run(SIZE) as pilot:
        screen = await opened(kitchen, pilot, until)
        await edit(pilot, screen, "steps", "many")
        await pilot.press("enter")
        await until(pilot, lambda: "✗ many" in seen(kitchen.app).replace("'", ""))
        assert screen.form.editing == "steps"
        assert screen.editor.spec.steps == 12


async def test_what_varies_is_picked_from_a_list(kitchen, until, seen) -> None:
    async with kitchen.run(SIZE) as pilot:
        screen = await opened(kitchen, pilot, until)
        screen.form.go_to("y.kind")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(kitchen.app.screen, PickDialog))
        assert "CFG scale" in seen(kitchen.app)
        await pilot.press("end", "enter")
        await until(pilot, lambda: screen.editor.spec.y is not None)
        assert screen.editor.spec.y == AxisSpec(kind="repeat", values="1-2")
        await until(pilot, lambda: "Y values" in seen(kitchen.app))


async def test_backspace_takes_an_axis_back_to_what_it_was(kitchen, until) -> None:
    async with kitchen.run(SIZE) as pilot:
        screen = await opened(kitchen, pilot, until)
        screen.editor.typed("x.kind", "steps")
        screen.form.go_to("x.kind")
        await pilot.press("backspace")
        await until(pilot, lambda: screen.editor.spec.x is None)


async def test_b_queues_the_grid_for_our_engine_and_shows_it(kitchen, until, seen) -> None:
    async with kitchen.run(SIZE) as pilot:
        screen = await opened(kitchen, pilot, until)
        wakes = kitchen.engine.wakes
        await pilot.press("b")
        await until(pilot, lambda: screen.selection.grid is not None)
        assert kitchen.engine.wakes > wakes
        assert isinstance(kitchen.app.focused, SheetView)
        await until(pilot, lambda: "x end" in seen(kitchen.app))
    (grid,) = grids(kitchen)
    (job,) = kitchen.bakes()
    assert (job.grid, job.engine, job.state) == (grid.number, kitchen.engine.key, BakeState.QUEUED)
    assert parse_spec(grid.spec, "grid").seeds == "11, 12, 13, 14"


async def test_while_a_bake_is_at_work_b_asks_where(kitchen, until, seen) -> None:
    bake = kitchen.baking()
    async with kitchen.run(SIZE) as pilot:
        await opened(kitchen, pilot, until)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(kitchen.app.screen, ConfirmDialog))
        shown = seen(kitchen.app)
        assert "Make the grid? 4 pictures" in shown
        assert "now, between two steps of bake 0001" in shown
        await pilot.press("i")
        await until(pilot, lambda: kitchen.orders(bake))
    (grid,) = grids(kitchen)
    assert grid.bake == bake
    assert kitchen.orders(bake) == [Order.GRID]
    assert len(kitchen.bakes()) == 1


async def test_a_grid_may_wait_behind_the_bake_at_work(kitchen, until) -> None:
    kitchen.baking()
    async with kitchen.run(SIZE) as pilot:
        await opened(kitchen, pilot, until)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(kitchen.app.screen, ConfirmDialog))
        await pilot.press("q")
        await until(pilot, lambda: grids(kitchen))
    assert [bake.grid for bake in kitchen.bakes()] == [1, None]


async def test_x_takes_a_waiting_grid_out_of_the_queue(kitchen, until) -> None:
    async with kitchen.run(SIZE) as pilot:
        screen = await opened(kitchen, pilot, until)
        await pilot.press("b")
        await until(pilot, lambda: screen.selection.grid is not None)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(kitchen.app.screen, ConfirmDialog))
        await pilot.press("s")
        await until(pilot, lambda: grids(kitchen)[0].state is GridState.CUT)
    assert kitchen.bakes()[0].state is BakeState.STOPPED


async def test_x_leaves_the_epoch_under_the_cursor_out(kitchen, until, seen) -> None:
    bake = kitchen.baking()
    grid = add_grid(kitchen, made=True, bake=bake, state=GridState.MAKING, missing=6)
    async with kitchen.run(SIZE) as pilot:
        screen = await opened(kitchen, pilot, until)
        await until(pilot, lambda: screen.viewer.cell is not None)
        screen.query_one(SheetView).focus()
        await pilot.press("right", "right", "x")
        await until(pilot, lambda: isinstance(kitchen.app.screen, ConfirmDialog))
        assert "skip epoch 2 in the rest" in seen(kitchen.app)
        await pilot.press("d")
        await until(pilot, lambda: kitchen.orders(bake))
        with kitchen.journal() as journal:
            (order,) = journal.orders.read(bake)
        assert (order.order, order.argument) == (Order.DROP_EPOCH, "2")
        await pilot.press("x")
        await until(pilot, lambda: isinstance(kitchen.app.screen, ConfirmDialog))
        await pilot.press("s")
        await until(pilot, lambda: kitchen.orders(bake) == [Order.DROP_EPOCH, Order.CANCEL_GRID])
    assert grid.bake == bake


async def test_in_blind_mode_x_does_not_tell_the_epoch(kitchen, until, seen) -> None:
    bake = kitchen.baking()
    add_grid(kitchen, made=True, bake=bake, state=GridState.MAKING, missing=6)
    async with kitchen.run(SIZE) as pilot:
        screen = await opened(kitchen, pilot, until)
        await until(pilot, lambda: screen.viewer.cell is not None)
        screen.query_one(SheetView).focus()
        await pilot.press("B", "x")
        await until(pilot, lambda: isinstance(kitchen.app.screen, ConfirmDialog))
        assert "skip epoch" not in seen(kitchen.app)


async def test_earlier_grids_are_opened_and_gone_on_with(kitchen, until, seen) -> None:
    add_grid(kitchen, made=True, state=GridState.CUT, missing=6)
    add_grid(kitchen, made=True, state=GridState.DONE)
    async with kitchen.run(SIZE) as pilot:
        screen = await opened(kitchen, pilot, until)
        await until(pilot, lambda: screen.selection.grid is not None and screen.selection.grid.number == 2)
        await pilot.press("o")
        await until(pilot, lambda: isinstance(kitchen.app.screen, GridsDialog))
        assert "■ 0001 earlier" in seen(kitchen.app)
        await pilot.press("g")
        await until(pilot, lambda: any("only one that was cut" in note.message for note in kitchen.app._notifications))
        await pilot.press("down", "g")
        await until(pilot, kitchen.bakes)
        await until(pilot, lambda: screen.selection.grid is not None and screen.selection.grid.number == 1)
    assert kitchen.bakes()[0].grid == 1


async def test_the_spec_of_an_earlier_grid_comes_into_the_builder(kitchen, until) -> None:
    add_grid(kitchen, state=GridState.DONE)
    async with kitchen.run(SIZE) as pilot:
        screen = await opened(kitchen, pilot, until)
        await pilot.press("o")
        await until(pilot, lambda: isinstance(kitchen.app.screen, GridsDialog))
        assert kitchen.app.screen.query_one(OptionList).highlighted == 0
        await pilot.press("e")
        await until(pilot, lambda: screen.editor.spec.prompt == "of an earlier grid")


async def test_a_ready_made_grid_comes_into_the_builder(kitchen, until, seen) -> None:
    async with kitchen.run(SIZE) as pilot:
        screen = await opened(kitchen, pilot, until)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(kitchen.app.screen, PickDialog))
        assert "The same seed twice" in seen(kitchen.app)
        await pilot.press("5")
        await until(pilot, lambda: screen.editor.spec.x == AxisSpec(kind="repeat", values="1-2"))
        await until(pilot, lambda: "2 pictures" in seen(kitchen.app))


async def test_a_style_changes_what_it_sets_and_nothing_else(kitchen, until) -> None:
    save_style(kitchen.workspace, Style(name="notes", steps=28, sampler="Euler a"))
    async with kitchen.run(SIZE) as pilot:
        screen = await opened(kitchen, pilot, until)
        seeds = screen.editor.spec.seeds
        await pilot.press("y")
        await until(pilot, lambda: isinstance(kitchen.app.screen, PickDialog))
        await pilot.press("enter")
        await until(pilot, lambda: screen.editor.spec.steps == 28)
        assert (screen.editor.spec.sampler, screen.editor.spec.seeds) == ("Euler a", seeds)


async def test_ctrl_s_writes_a_spec_that_reads_back(kitchen, until) -> None:
    async with kitchen.run(SIZE) as pilot:
        screen = await opened(kitchen, pilot, until)
        await pilot.press("ctrl+s")
        path = kitchen.workspace.grids / "hifumi.json"
        await until(pilot, path.is_file)
        assert load_spec(path) == screen.editor.spec


async def test_a_digit_over_the_builder_is_no_verdict(kitchen, until) -> None:
    add_grid(kitchen, made=True, state=GridState.DONE)
    async with kitchen.run(SIZE) as pilot:
        screen = await opened(kitchen, pilot, until)
        await until(pilot, lambda: screen.viewer.cell is not None)
        await pilot.press("3")
        assert screen.selection.notes == {}
        screen.query_one(SheetView).focus()
        await pilot.press("3")
        await until(pilot, lambda: [note.whole for note in screen.selection.notes.values()] == ["over"])


async def test_h_writes_the_page_and_copies_the_command_that_fetches_it(kitchen, until) -> None:
    grid = add_grid(kitchen, made=True, state=GridState.DONE)
    async with kitchen.run(SIZE) as pilot:
        screen = await opened(kitchen, pilot, until)
        await until(pilot, lambda: screen.selection.made is not None)
        await pilot.press("H")
        path = kitchen.workspace.root / grid.folder / f"{Path(grid.folder).name}.html"
        await until(pilot, path.is_file)
        await until(pilot, lambda: str(path) in kitchen.app.clipboard)


async def test_who_only_watches_makes_nothing(kitchen, until) -> None:
    app = LoraApp(kitchen.workspace, kitchen.engine, kitchen.sampler, rights=Rights(bake=False, order=False))
    app.bake_screen.planner.quiet = 0.01
    kitchen.app = app
    async with app.run_test(size=SIZE) as pilot:
        await opened(kitchen, pilot, until)
        await pilot.press("b")
        await until(pilot, lambda: any("read-only:" in note.message for note in app._notifications))
    assert grids(kitchen) == []


async def test_in_a_narrow_terminal_v_switches_between_builder_and_pictures(kitchen, until, seen) -> None:
    add_grid(kitchen, made=True, state=GridState.DONE)
    async with kitchen.run((80, 24)) as pilot:
        screen = await opened(kitchen, pilot, until)
        assert screen.form.display
        assert "v pictures" in seen(kitchen.app)
        await pilot.press("v")
        assert not screen.query_one("#builder").display
        assert isinstance(kitchen.app.focused, SheetView)
        await pilot.press("v")
        assert screen.query_one("#builder").display


async def test_escape_goes_back_to_the_bake(kitchen, until) -> None:
    async with kitchen.run(SIZE) as pilot:
        screen = await opened(kitchen, pilot, until)
        await pilot.press("escape")
        await until(pilot, lambda: kitchen.app.screen is kitchen.app.bake_screen)
        await until(pilot, lambda: not screen.planner.is_alive() and not screen.viewer.watcher.is_alive())


async def test_without_bake_or_subject_the_builder_says_what_is_missing(make_kitchen, tmp_path, until, seen) -> None:
    from trainer.journal.journal import Journal
    from trainer.workspace import make_workspace

    workspace: Workspace = make_workspace(tmp_path / "empty")
    Journal(workspace.journal_path).close()
    kitchen = make_kitchen(workspace)
    async with kitchen.run(SIZE) as pilot:
        await until(pilot, lambda: "No settings yet" in seen(kitchen.app))
        await pilot.press("g")
        await until(pilot, lambda: "✗" in seen(kitchen.app) and "base" in seen(kitchen.app))

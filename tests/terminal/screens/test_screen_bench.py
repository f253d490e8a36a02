"""The LoRA bench: O offers what can be done with LoRA files, shows what would come of it, and does it."""

from pathlib import Path

import pytest
from dense_loras import cut, dense, distance, write_form
from lora_kinds import write_kinds
from textual.widgets import Input, Static

from lora_tui.actions.bench_operations import OPERATIONS
from lora_tui.actions.bench_runs import RUNS
from lora_tui.screens.bench import BenchDialog
from lora_tui.screens.journal import JournalScreen
from lora_tui.screens.pick import PickDialog
from trainer.lora_tools import resize
from trainer.models.identify import identify_base
from trainer.models.lora_header import read_lora_header


async def bench(runner, pilot, until, operation: str) -> BenchDialog:
    """Open an operation of the bench over the Bake screen, which shows a bake with two epochs."""
    folder = runner.workspace.root / "bakes/0001-hifumi"
    folder.mkdir(parents=True, exist_ok=True)
    for epoch in (1, 2):
        write_form(folder / f"hifumi-{epoch:06d}.safetensors", "kohya", seed=epoch)
    screen = runner.app.bake_screen
    await until(pilot, lambda: screen.editor.view is not None and screen.snapshot.bake is not None)
    await pilot.press("O")
    await until(pilot, lambda: isinstance(runner.app.screen, PickDialog))
    for _ in range(list(OPERATIONS).index(operation)):
        await pilot.press("down")
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(runner.app.screen, BenchDialog))
    dialog = runner.app.screen
    await until(pilot, lambda: "reading" not in found(dialog))
    return dialog


def found(dialog: BenchDialog) -> str:
    return str(dialog.query_one("#found", Static).render())


def test_every_operation_is_offered_and_can_be_done() -> None:
    assert OPERATIONS.keys() == RUNS.keys()


async def test_another_kind_is_named_where_only_a_plain_lora_will_do_and_converted(runner, until) -> None:
    runner.baking()
    source = runner.workspace.root / "style.safetensors"
    write_kinds(source, identify_base("demo"), ["lokr"], dora="outputs")
    async with runner.run((120, 36)) as pilot:
        dialog = await bench(runner, pilot, until, "resize")
        dialog.query_one("#files", Input).value = str(source)
        await until(pilot, lambda: "it is a LoKr with DoRA" in found(dialog))
        await pilot.press("escape")
        dialog = await bench(runner, pilot, until, "convert")
        dialog.query_one("#files", Input).value = str(source)
        await until(pilot, lambda: "depends on the base's weights" in " ".join(found(dialog).split()))
        dialog.query_one("#base", Input).value = "demo"
        dialog.query_one("#keep", Input).value = "rank=1"
        await until(pilot, lambda: "writes loras/style-convert.safetensors" in found(dialog))
        assert "LoKr with DoRA" in found(dialog)
        dialog.query_one("#out", Input).focus()
        await pilot.press("enter")
        await until(pilot, lambda: "lost of the size of the change" in " ".join(found(dialog).split()))
        assert read_lora_header(runner.workspace.root / "loras/style-convert.safetensors").is_plain


async def test_a_file_is_resized_with_a_preview_before_and_the_loss_behind(runner, until) -> None:
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        dialog = await bench(runner, pilot, until, "resize")
        assert dialog.query_one("#files", Input).value == "1@2"
        await until(pilot, lambda: "bake 1, epoch 2: 10 modules of rank 4 to 32, fp32" in found(dialog))
        await pilot.press("enter", *"rank=2")
        await until(pilot, lambda: "keeps of each module: rank 2" in found(dialog))
        assert "writes loras/hifumi-000002-resize.safetensors" in found(dialog)
        await pilot.press("enter", "enter", "enter")
        await until(pilot, lambda: "whole LoRA" in found(dialog))
        made = runner.workspace.root / "loras/hifumi-000002-resize.safetensors"
        source = runner.workspace.root / "bakes/0001-hifumi/hifumi-000002.safetensors"
        assert distance(dense(made), {name: cut(change, 2) for name, change in dense(source).items()}) < 1e-6
        await pilot.press("escape")
        assert not isinstance(runner.app.screen, BenchDialog)


async def test_enter_behind_a_file_that_is_written_writes_it_no_second_time(runner, until) -> None:
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        dialog = await bench(runner, pilot, until, "alpha")
        await pilot.press("enter", *"rank", "enter", *"mine", "enter")
        await until(pilot, lambda: "wrote" in found(dialog))
        made = runner.workspace.root / "loras/mine.safetensors"
        made.unlink()
        await pilot.press("enter", "enter")
        await pilot.pause()
        assert not made.exists()
        assert "change a line" in str(dialog.query_one("#keys", Static).render())
        await pilot.press("2", "enter")
        await until(pilot, (runner.workspace.root / "loras/mine2.safetensors").exists)


async def test_what_is_wrong_stands_there_and_a_file_is_overwritten_at_the_second_enter(runner, until) -> None:
    runner.baking()
    async with runner.run() as pilot:
        dialog = await bench(runner, pilot, until, "alpha")
        await pilot.press("enter", *"x", "enter", *"mine", "enter")
        error = dialog.query_one("#error", Static)
        await until(pilot, lambda: error.has_class("-shown"))
        assert "keep, rank, none" in str(error.render())
        dialog.query_one("#alpha", Input).value = "rank"
        taken = runner.workspace.root / "loras/mine.safetensors"
        taken.parent.mkdir(exist_ok=True)
        taken.write_text("mine")
        await pilot.press("enter")
        await until(pilot, lambda: "is already there" in str(error.render()))
        assert taken.read_text() == "mine"
        await pilot.press("enter")
        await until(pilot, lambda: "wrote" in found(dialog))
        assert {module.alpha == module.rank for module in read_lora_header(taken).modules.values()} == {True}


async def test_escape_stops_what_runs_and_leaves_nothing(runner, until, monkeypatch: pytest.MonkeyPatch) -> None:
    runner.baking()
    begun: list[object] = []

    def forever(*_: object, stop, **__: object) -> None:
        from trainer.lora_tools.made_lora import BenchStopped

        begun.append(stop)
        while not stop():
            pass
        raise BenchStopped

    async with runner.run() as pilot:
        dialog = await bench(runner, pilot, until, "resize")
        monkeypatch.setattr("lora_tui.actions.bench_runs.resize_lora", forever)
        assert resize.resize_lora is not forever
        await pilot.press("enter", *"2", "enter", "enter", "enter")
        await until(pilot, lambda: begun)
        await pilot.press("escape")
        await until(pilot, lambda: "stopped; nothing was written" in found(dialog))
        assert runner.app.screen is dialog
        assert not list((runner.workspace.root / "loras").glob("*.safetensors"))


async def test_parts_of_two_epochs_are_suggested_for_a_mix(runner, until) -> None:
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        dialog = await bench(runner, pilot, until, "mix")
        assert dialog.query_one("#parts", Input).value == "unet=1@2, text_encoder=1@1"
        await pilot.press("enter", "enter")
        await until(pilot, lambda: "wrote" in found(dialog))
        folder: Path = runner.workspace.root / "bakes/0001-hifumi"
        early, late = (dense(folder / f"hifumi-{epoch:06d}.safetensors") for epoch in (1, 2))
        wanted = {name: (early if name.startswith("lora_te") else late)[name] for name in late}
        assert distance(dense(next((runner.workspace.root / "loras").glob("*.safetensors"))), wanted) == 0


async def test_the_journal_opens_it_for_the_bake_under_the_cursor(runner, until) -> None:
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        screen = runner.app.bake_screen
        await until(pilot, lambda: screen.snapshot.bake is not None)
        await pilot.press("j")
        await until(pilot, lambda: isinstance(runner.app.screen, JournalScreen) and runner.app.screen.entry is not None)
        await pilot.press("O")
        await until(pilot, lambda: isinstance(runner.app.screen, PickDialog))

"""What can be done with a saved LoRA: Enter on a line of the epochs."""

from dataclasses import replace

from made_grid import made_grid
from PIL import Image
from textual.widgets import Input, OptionList

from lora_tui.app import LoraApp
from lora_tui.ports import Rights
from lora_tui.screens.bake_epochs import EpochActionsDialog
from lora_tui.screens.bake_notes import NotesDialog
from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.screens.fork import ForkDialog
from lora_tui.screens.grid import GridScreen
from lora_tui.screens.measures import MeasuresScreen
from lora_tui.screens.samples import SamplesScreen
from lora_tui.screens.use_epoch import PublishDialog
from trainer.dataset.manifest import ListedPicture, Manifest, manifest_bytes
from trainer.gallery.sidecar import write_sidecar
from trainer.grid.recipe import LoraUse
from trainer.grid.spec import spec_json
from trainer.history.notes import keep_note
from trainer.journal.grid_records import GridState
from trainer.journal.records import BakeState
from trainer.journal.sample_files import sample_name
from trainer.settings.subject import load_subject


def with_files(runner, number: int = 1) -> None:
    folder = runner.workspace.root / f"bakes/{number:04d}-hifumi"
    folder.mkdir(parents=True)
    for epoch in (1, 2):
        (folder / f"hifumi-{epoch:06d}.safetensors").write_bytes(b"x" * 100)


def offered(app) -> list[str]:
    options = app.screen.query_one(OptionList)
    return [str(options.get_option_at_index(at).prompt).split("  ")[1].strip() for at in range(options.option_count)]


async def opened(runner, pilot, until, *keys: str) -> None:
    app = runner.app
    await until(pilot, lambda: len(app.bake_screen.snapshot.checkpoints) == 2)
    await pilot.press("3", *keys, "enter")
    await until(pilot, lambda: isinstance(app.screen, EpochActionsDialog))


async def choose(runner, pilot, until, title: str) -> None:
    await until(pilot, lambda: runner.app.shows(runner.app.screen))
    await pilot.press(*["down"] * offered(runner.app).index(title), "enter")


async def test_every_action_is_offered_and_leads_to_its_place(runner, until) -> None:
    runner.baking()
    runner.set_state(BakeState.DONE)
    with_files(runner)
    app = runner.app
    async with runner.run((120, 36)) as pilot:
        await opened(runner, pilot, until)
        assert offered(app) == [
            "measures",
            "grid from it",
            "compare",
            "use",
            "fork from it",
            "verdict",
            "best",
            "note",
            "champion",
            "delete",
        ]
        for title, screen in (
            ("measures", MeasuresScreen),
            ("use", PublishDialog),
            ("fork from it", ForkDialog),
            ("grid from it", GridScreen),
            ("compare", GridScreen),
        ):
            await choose(runner, pilot, until, title)
            await until(pilot, lambda screen=screen: isinstance(app.screen, screen))
            if screen is ForkDialog:
                assert app.screen.query_one("#epoch", Input).value == "2"
            if screen is GridScreen:
                wanted = {"grid from it": "2", "compare": "1, 2"}[title]
                await until(
                    pilot,
                    lambda wanted=wanted: hasattr(app.screen, "editor") and app.screen.editor.spec.x.values == wanted,
                )
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is app.bake_screen)
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, EpochActionsDialog))


async def test_the_best_and_the_champion_are_named_and_seen_in_the_list(runner, until, seen) -> None:
    runner.baking()
    runner.set_state(BakeState.DONE)
    with_files(runner)
    app = runner.app
    async with runner.run((120, 36)) as pilot:
        await opened(runner, pilot, until, "down")
        await choose(runner, pilot, until, "best")
        await until(pilot, lambda: "verdict" in seen(app))
        await until(pilot, lambda: app.screen is app.bake_screen)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, EpochActionsDialog))
        assert "not the best" in offered(app)
        await choose(runner, pilot, until, "champion")
        await until(pilot, lambda: "★ hifum" in seen(app))
        subject = load_subject(runner.workspace.subjects / "hifumi.toml")
        assert subject.champion == "bakes/0001-hifumi/hifumi-000001.safetensors"
        # A champion stays.
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, EpochActionsDialog))
        assert "champion" not in offered(app)
        await choose(runner, pilot, until, "delete")
        await until(pilot, lambda: "champion of hifumi" in seen(app))
        assert app.screen is app.bake_screen


async def test_its_samples_are_shown_and_those_of_the_step_before_where_it_has_none(runner, until) -> None:
    runner.baking()
    with_files(runner)
    folder = runner.workspace.root / "bakes/0001-hifumi/samples"
    folder.mkdir()
    for step in (0, 40, 120):
        Image.new("RGB", (16, 16), (step, 0, 0)).save(folder / sample_name(step, "01-school"))
    app = runner.app
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: app.bake_screen.snapshot.samples)
        for keys, step in (((), 40), (("down",), 40)):
            await opened(runner, pilot, until, *keys)
            await choose(runner, pilot, until, "show")
            await until(pilot, lambda step=step: isinstance(app.screen, SamplesScreen) and app.screen.step == step)
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is app.bake_screen)


async def test_a_line_on_it_goes_into_the_note_of_its_bake_once_something_is_typed(runner, until) -> None:
    number = runner.baking()
    with runner.journal() as journal:
        keep_note(journal, runner.workspace, number, text="halo [bold]often[/]\nwings never")
    app = runner.app

    def note() -> str:
        with runner.journal() as journal:
            return journal.notes.of(number).text

    async with runner.run((120, 36)) as pilot:
        for typed in ("", "tooMuch"):
            await opened(runner, pilot, until, "down")
            await choose(runner, pilot, until, "note")
            await until(pilot, lambda: isinstance(app.screen, NotesDialog))
            await pilot.press(*typed)
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is app.bake_screen)
            said = f"\nepoch 1: {typed}" if typed else ""
            await until(pilot, lambda said=said: note() == f"halo [bold]often[/]\nwings never{said}")


async def test_a_verdict_is_given_in_the_newest_grid_that_has_its_pictures(runner, until, seen) -> None:
    number = runner.baking()
    app = runner.app
    async with runner.run((120, 36)) as pilot:
        await opened(runner, pilot, until, "down")
        await choose(runner, pilot, until, "verdict")
        await until(pilot, lambda: "no grid has pictures that it made alone" in seen(app))
        with runner.journal() as journal:
            for _ in range(2):
                grid = journal.grids.add(name="judged", spec="{}")
                folder = runner.workspace.root / grid.folder
                made = made_grid(folder, shape=(2, 1, 1, 1))
                lora = LoraUse(runner.workspace.root / f"bakes/{number:04d}-hifumi/hifumi-000001.safetensors")
                cells = [replace(cell, recipe=replace(cell.recipe, loras=(lora,))) for cell in made.cells]
                write_sidecar(replace(made, cells=tuple(cells)) if grid.number == 1 else made, folder)
                journal.grids.set_spec(grid.number, spec_json(made.spec), len(made.cells))
                journal.grids.set_state(grid.number, GridState.DONE)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, EpochActionsDialog))
        await choose(runner, pilot, until, "verdict")
        await until(pilot, lambda: isinstance(app.screen, GridScreen) and app.screen.viewer.cell is not None)
        assert app.screen.selection.number == 1


async def test_an_epoch_is_deleted_after_a_yes(runner, until, seen) -> None:
    runner.baking()
    runner.set_state(BakeState.DONE)
    with_files(runner)
    app = runner.app
    gone = runner.workspace.root / "bakes/0001-hifumi/hifumi-000002.safetensors"
    async with runner.run((120, 36)) as pilot:
        await opened(runner, pilot, until)
        await choose(runner, pilot, until, "delete")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog) and app.shows(app.screen))
        assert "Delete this LoRA of bake 0001? 1 LoRA file would go" in seen(app)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.bake_screen)
        assert gone.exists()
        await opened(runner, pilot, until)
        await choose(runner, pilot, until, "delete")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog) and app.shows(app.screen))
        await pilot.press("d")
        await until(pilot, lambda: not gone.exists() and "deleted" in seen(app))
        await until(pilot, lambda: app.screen is app.bake_screen)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, EpochActionsDialog))
        assert offered(app) == ["measures", "verdict", "best", "note"]


async def test_a_screen_that_may_only_look_offers_what_writes_nothing(runner, until) -> None:
    runner.baking()
    with_files(runner)
    runner.app = LoraApp(runner.workspace, runner.engine, runner.sampler, rights=Rights(bake=False, order=False))
    async with runner.run((120, 36)) as pilot:
        await opened(runner, pilot, until)
        assert offered(runner.app) == ["measures", "grid from it", "compare"]


async def test_what_the_bake_had_shown_by_then_stands_above_the_actions(runner, until, seen) -> None:
    number = runner.baking()
    listed = [
        ListedPicture(f"4_frills/{name}.png", "0" * 64, 1, 64, 64, 4, "hifumi, red dress", False, 0, None)
        for name in "abc"
    ]
    with runner.journal() as journal:
        journal.results.set_manifest(number, manifest_bytes(Manifest(pictures=tuple(listed))))
    async with runner.run((120, 36)) as pilot:
        await opened(runner, pilot, until, "down")
        await until(pilot, lambda: "shown by the end of epoch 1:" in seen(runner.app))
        assert "folder 4_frills 12" in seen(runner.app) and "red dress 12" in seen(runner.app)

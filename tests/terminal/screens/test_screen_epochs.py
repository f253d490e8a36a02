"""What can be done with a saved LoRA: Enter on a line of the epochs."""

from textual.widgets import Input, OptionList

from lora_tui.app import LoraApp
from lora_tui.ports import Rights
from lora_tui.screens.bake_epochs import EpochActionsDialog
from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.screens.fork import ForkDialog
from lora_tui.screens.grid import GridScreen
from lora_tui.screens.measures import MeasuresScreen
from lora_tui.screens.use_epoch import PublishDialog
from trainer.dataset.manifest import ListedPicture, Manifest, manifest_bytes
from trainer.journal.records import BakeState
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
    await pilot.press(str(offered(runner.app).index(title) + 1))


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
            "best",
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
        assert offered(app) == ["measures", "best"]


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

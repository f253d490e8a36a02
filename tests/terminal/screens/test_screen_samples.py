"""The sample pictures of a bake: tiles that one cursor over the steps moves together."""

from pathlib import Path

import pytest
from PIL import Image

from lora_tui.screens import samples as samples_screen
from lora_tui.screens.samples import LargeSampleScreen, SamplesScreen
from lora_tui.widgets.picture_view import PictureView
from lora_tui.widgets.sample_tiles import SampleTiles
from trainer.journal.records import BakeState
from trainer.journal.sample_files import sample_name

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)


def make(runner, step: int, name: str, colour: tuple[int, int, int]) -> None:
    folder = Path(runner.workspace.root) / "bakes/0001-hifumi/samples"
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (32, 32), colour).save(folder / sample_name(step, name))


def painted(app, tile: int) -> set[tuple[int, int, int]]:
    """Return the colours of a tile's picture."""
    view = list(app.screen.query(PictureView))[tile]
    pixels = view._pixels()
    return set() if not pixels else {tuple(pixels.data[at : at + 3]) for at in range(0, len(pixels.data), 3)}


def titles(app) -> list[str]:
    return [str(view.border_title) for view in app.screen.query(PictureView)]


@pytest.fixture
def sampled(runner):
    runner.baking()
    for step, colour in ((40, RED), (80, GREEN)):
        make(runner, step, "01-school", colour)
    make(runner, 40, "02-beach [day]", BLUE)
    return runner


async def test_one_cursor_over_the_steps_moves_every_tile(sampled, until, seen) -> None:
    app = sampled.app
    async with sampled.run((120, 36)) as pilot:
        await until(pilot, lambda: app.bake_screen.snapshot.bake is not None)
        await pilot.press("V")
        await until(pilot, lambda: isinstance(app.screen, SamplesScreen) and painted(app, 0) == {GREEN})
        # A prompt without a picture of this step shows the one before, and says so.
        assert painted(app, 1) == {BLUE} and "step 40" in titles(app)[1] and "step" not in titles(app)[0]
        assert "e1 [e2]" in seen(app)
        await pilot.press("h")
        await until(pilot, lambda: painted(app, 0) == {RED})
        assert "[e1] e2" in seen(app) and "step" not in titles(app)[1]
        await pilot.press("left", "end")
        await until(pilot, lambda: painted(app, 0) == {GREEN})
        await pilot.press("q")
        await until(pilot, lambda: app.screen is app.bake_screen)


async def test_the_cursor_at_the_end_follows_what_the_bake_makes(sampled, until, monkeypatch) -> None:
    monkeypatch.setattr(samples_screen, "_SECONDS", 0.05)
    app = sampled.app
    async with sampled.run((80, 24)) as pilot:
        await until(pilot, lambda: app.bake_screen.snapshot.bake is not None)
        await pilot.press("V")
        await until(pilot, lambda: isinstance(app.screen, SamplesScreen) and painted(app, 0) == {GREEN})
        make(sampled, 120, "01-school", RED)
        await until(pilot, lambda: app.screen.step == 120 and painted(app, 0) == {RED})
        await pilot.press("home")
        make(sampled, 160, "03-new", BLUE)
        await until(pilot, lambda: len(titles(app)) == 3)
        assert app.screen.step == 40


async def test_the_chosen_tile_is_seen_large_with_the_same_cursor(sampled, until) -> None:
    app = sampled.app
    async with sampled.run((120, 36)) as pilot:
        await until(pilot, lambda: app.bake_screen.snapshot.bake is not None)
        await pilot.press("V")
        await until(pilot, lambda: isinstance(app.screen, SamplesScreen) and painted(app, 0) == {GREEN})
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(app.screen, LargeSampleScreen) and painted(app, 0) == {BLUE})
        await pilot.press("k")
        await until(pilot, lambda: painted(app, 0) == {GREEN})
        await pilot.press("left")
        await until(pilot, lambda: painted(app, 0) == {RED})
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SamplesScreen) and painted(app, 0) == {RED})


async def test_without_samples_the_way_to_some_is_said(runner, until, seen) -> None:
    runner.baking()
    async with runner.run((80, 24)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.snapshot.bake is not None)
        await pilot.press("V")
        await until(pilot, lambda: "sample_every_n_epochs" in seen(runner.app))


async def test_the_newest_samples_stand_beside_the_panes_where_there_is_room(sampled, until, seen) -> None:
    app = sampled.app
    async with sampled.run((160, 50)) as pilot:
        tiles = app.bake_screen.query_one(SampleTiles)
        await until(pilot, lambda: tiles.display and painted(app, 0) == {GREEN} and painted(app, 1) == {BLUE})
        assert "samples e2" in seen(app) and "02-beach [day] · e1" in seen(app)
        await pilot.resize_terminal(120, 50)
        await until(pilot, lambda: not tiles.display)
        await pilot.resize_terminal(160, 50)
        await until(pilot, lambda: tiles.display)
        make(sampled, 120, "01-school", RED)
        sampled.set_state(BakeState.PAUSED)
        await until(pilot, lambda: painted(app, 0) == {RED} and "samples e3" in seen(app))


async def test_without_samples_the_other_panes_have_the_room(runner, until) -> None:
    runner.baking()
    async with runner.run((160, 50)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.snapshot.bake is not None)
        assert not runner.app.bake_screen.query_one(SampleTiles).display
        assert runner.app.bake_screen.query_one("#log").region.right == 160

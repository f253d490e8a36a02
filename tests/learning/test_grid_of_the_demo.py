"""The whole way of a grid on the demo: the epochs of a real bake by weight, prompt and seed, made, cut, gone on with and taken over."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from load_sampler import load_sampler
from PIL import Image

from trainer.gallery.sidecar import MadeGrid, read_sidecar
from trainer.grid.cell import Place
from trainer.grid.first_spec import spec_for_bake
from trainer.grid.recipe import ComputeSetup
from trainer.grid.spec import AxisSpec, GridSpec, spec_json
from trainer.journal.grid_records import Grid, GridState
from trainer.journal.journal import Journal
from trainer.sampling.compute_setup import compute_setup_for
from trainer.sampling.make_grid import Progress, make_grid
from trainer.sampling.standalone import StandaloneProvider
from trainer.workspace import Workspace

STEPS = 6
# A minute and a half; smaller grids are made in tests/engine and tests/terminal.
pytestmark = pytest.mark.long


@dataclass
class Hand:
    """Ends a grid when so many pictures were begun, and drops epochs from then on."""

    stop_at: int | None = None
    drops: dict[int, str] = field(default_factory=dict)
    begun: int = 0

    def stop(self) -> bool:
        return self.stop_at is not None and self.begun > self.stop_at

    def dropped(self) -> Collection[str]:
        # Asked once for each picture, when its turn comes.
        self.begun += 1
        return [label for at, label in self.drops.items() if self.begun > at]


@dataclass
class Maker:
    """Makes grids in one workspace."""

    workspace: Workspace
    lines: list[str] = field(default_factory=list)

    def make(self, spec: GridSpec | int, hand: Hand | None = None) -> Grid:
        """Make a grid by its spec, or go on with the one of that number."""
        hand = hand or Hand()
        with Journal(self.workspace.journal_path) as journal, StandaloneProvider() as provider:
            number = spec if isinstance(spec, int) else journal.grids.add(name="test", spec=spec_json(spec)).number
            progress = Progress(lambda done, total: None, self.lines.append)
            make_grid(number, journal, self.workspace, provider, hand, progress)
            return journal.grids.read(number)

    def made(self, grid: Grid) -> MadeGrid:
        made = read_sidecar(self.workspace.root / grid.folder)
        assert made is not None
        return made

    def picture(self, grid: Grid, place: Place) -> np.ndarray:
        return np.asarray(Image.open(self.workspace.root / grid.folder / f"{place.name}.png"))


@pytest.fixture(scope="module")
def maker(learned) -> Maker:
    return Maker(Workspace(learned().folder.parents[1]))


@pytest.fixture(scope="module")
def asked(maker: Maker) -> GridSpec:
    """Return epochs × weight × two prompts × four seeds of the demo's bake, in few steps."""
    with Journal(maker.workspace.journal_path) as journal:
        spec = spec_for_bake(journal, maker.workspace, 1)
    return spec.model_copy(
        update={
            "steps": STEPS,
            "sampler": "DDIM",
            "seeds": "11-14",
            "x": AxisSpec(kind="epoch", values="all"),
            "y": AxisSpec(kind="weight", values="0-1.25 (+0.25)"),
            "z": AxisSpec(
                kind="prompt",
                values='"1girl, hifumi_chan, upper body, school uniform, halo, smile, outdoors",'
                '"1girl, upper body, blue hair, short hair, green dress, smile, city"',
            ),
        }
    )


@pytest.fixture(scope="module")
def grid(maker: Maker, asked: GridSpec) -> Grid:
    return maker.make(asked)


def test_every_picture_is_made_and_none_twice(maker: Maker, grid: Grid) -> None:
    assert (grid.state, grid.total, grid.done) == (GridState.DONE, 6 * 6 * 2 * 4, 6 * 6 * 2 * 4)
    # At weight 0 all six epochs are the base.
    assert grid.sampled == (6 * 5 + 1) * 2 * 4
    folder = maker.workspace.root / grid.folder
    assert all((folder / cell.file).is_file() for cell in maker.made(grid).cells)
    assert {path.name for path in folder.glob("sheet-*.png")} == {"sheet-z1.png", "sheet-z2.png"}


def test_weight_zero_is_the_bases_picture_bit_for_bit(maker: Maker, grid: Grid) -> None:
    recipes = [cell.recipe for cell in maker.made(grid).cells if cell.place.x == cell.place.y == cell.place.z == 0]
    assert all(recipe.loras == () for recipe in recipes)
    with load_sampler(recipes[0], compute_setup_for("auto")) as sampler:
        alone = sampler.sample(recipes, stop=lambda: False)
    assert alone is not None
    for epoch in (0, 5):
        for seed, pixels in enumerate(alone):
            assert np.array_equal(maker.picture(grid, Place(epoch, 0, 0, seed)), pixels)


def test_a_trained_epoch_shows_and_an_early_one_shows_less(maker: Maker, grid: Grid) -> None:
    def moved(epoch: int, weight: int) -> float:
        apart = [
            np.abs(
                maker.picture(grid, Place(epoch, weight, 0, seed)).astype(float)
                - maker.picture(grid, Place(epoch, 0, 0, seed))
            ).mean()
            for seed in range(4)
        ]
        return float(np.mean(apart))

    by_weight = [moved(5, weight) for weight in range(6)]
    assert by_weight[0] == 0
    assert by_weight[1] < by_weight[2] < by_weight[4]


def test_the_same_grid_again_is_taken_from_the_disk(maker: Maker, grid: Grid, asked: GridSpec) -> None:
    again = maker.make(asked)
    assert (again.state, again.done, again.sampled) == (GridState.DONE, grid.total, 0)
    place = Place(3, 4, 1, 2)
    assert np.array_equal(maker.picture(again, place), maker.picture(grid, place))


def test_a_grid_cut_at_half_has_every_epoch_and_continues_where_it_was(maker: Maker, asked: GridSpec) -> None:
    other = asked.model_copy(
        update={"seeds": "21-24", "y": AxisSpec(kind="weight", values="1"), "steps": 3, "batch_size": 4}
    )
    cut = maker.make(other, Hand(stop_at=24))
    assert cut.state is GridState.CUT
    folder = maker.workspace.root / cut.folder
    there = [cell for cell in maker.made(cut).cells if (folder / cell.file).is_file()]
    assert len(there) == 24
    # The first seed of every epoch with both prompts.
    assert {(cell.epoch, cell.place.z) for cell in there} == {(str(e), z) for e in range(1, 7) for z in (0, 1)}
    before = {cell.file: (folder / cell.file).read_bytes() for cell in there}
    whole = maker.make(cut.number)
    assert (whole.state, whole.done, whole.sampled) == (GridState.DONE, 48, 48)
    assert all((folder / name).read_bytes() == content for name, content in before.items())


def test_a_dropped_epoch_is_left_out_of_the_rest(maker: Maker, asked: GridSpec) -> None:
    other = asked.model_copy(
        update={"seeds": "31-32", "y": AxisSpec(kind="weight", values="1"), "steps": 2, "batch_size": 2}
    )
    grid = maker.make(other, Hand(drops={12: "2"}))
    folder = maker.workspace.root / grid.folder
    missing = [cell for cell in maker.made(grid).cells if not (folder / cell.file).is_file()]
    assert {(cell.epoch, cell.place.seed) for cell in missing} == {("2", 1)}


def test_a_lora_without_effect_is_named(maker: Maker, asked: GridSpec, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    real = maker.workspace.root / asked.epochs[0].file
    tensors = {key: value * 0 if "lora_up" in key else value for key, value in load_file(real).items()}
    save_file(tensors, tmp_path / "nothing.safetensors")
    spec = asked.model_copy(
        update={
            "epochs": (
                asked.epochs[0].model_copy(update={"label": "1", "file": str(tmp_path / "nothing.safetensors")}),
            ),
            "y": AxisSpec(kind="weight", values="0,1"),
            "z": None,
            "seeds": "5",
            "steps": 2,
        }
    )
    maker.lines.clear()
    grid = maker.make(spec)
    line = "nothing.safetensors changes nothing: at U-Net 1, text encoder 1 the picture is that of weight 0"
    assert line in maker.lines
    assert line in maker.made(grid).notes


def test_the_same_seed_made_twice_shows_how_much_is_noise(maker: Maker, asked: GridSpec) -> None:
    twice = asked.model_copy(
        update={"x": AxisSpec(kind="repeat", values="1-2"), "y": None, "z": None, "seeds": "41-42", "steps": 2}
    )
    for _ in range(2):
        maker.lines.clear()
        grid = maker.make(twice)
        assert "made again with sdpa attention: 2 of 2 are equal bit for bit" in maker.lines
    # Of the second grid the first making was there already, the second never is.
    assert grid.sampled == 2


def test_what_pictures_are_made_with_stands_in_the_sidecar(maker: Maker, grid: Grid) -> None:
    made = maker.made(grid)
    assert made.compute_setup == ComputeSetup("cpu", "fp32", "sdpa")
    assert set(made.hashes) >= {str(maker.workspace.root / epoch.file) for epoch in made.spec.epochs}

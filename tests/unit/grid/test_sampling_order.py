"""The order in which pictures are made, and their batches."""

from itertools import pairwise, product
from pathlib import Path

import pytest
from make_recipe import make_recipe

from trainer.grid.cell import Axis, Cell, Expanded, Place
from trainer.grid.recipe import LoraUse
from trainer.grid.sampling_order import batch_key, batches
from trainer.grid.spec import AxisSpec, GridSpec

EPOCHS = ("1", "2", "3")
WEIGHTS = ("0.5", "1", "1.25")
PROMPTS = ("a girl", "a boy")
SEEDS = ("1", "2", "3", "4")


def grid(
    *, x: str = "epoch", y: str = "weight", z: str = "prompt", bases: tuple[str, ...] = ("demo",), order: str = "fair"
) -> Expanded:
    """Return epochs, weights and prompts on the axes named, four seeds; of several bases one after the other epoch's."""
    values = {"epoch": EPOCHS, "weight": WEIGHTS, "prompt": PROMPTS, "seed": SEEDS}
    axes = [Axis(kind, kind, values[kind], "") for kind in (x, y, z)]
    seeds = Axis("seed", "Seed", SEEDS if "seed" not in (x, y, z) else ("",), "")
    cells = []
    for iz, iy, ix, s in product(*(range(len(axis)) for axis in (axes[2], axes[1], axes[0], seeds))):
        at = {axis.kind: axis.labels[place] for axis, place in zip(axes, (ix, iy, iz), strict=True)}
        weight = float(at.get("weight", "1"))
        epoch = at.get("epoch", "1")
        recipe = make_recipe(
            base=bases[int(epoch) % len(bases)],
            prompt=at.get("prompt", PROMPTS[0]),
            seed=int(at.get("seed", SEEDS[s])),
            steps=4,
            cfg_scale=7.0,
            loras=(LoraUse(Path(f"/lora-{epoch}.safetensors"), weight, weight),),
        )
        cells.append(Cell(Place(ix, iy, iz, s), recipe, epoch))
    spec = GridSpec(order=order, x=AxisSpec(kind=x, values=""))  # type: ignore[arg-type]
    return Expanded(spec, *axes, seeds, tuple(cells), "sd1")


def made(expanded: Expanded, at_once: int) -> list[tuple[Cell, ...]]:
    return list(batches(expanded, lambda recipe: at_once))


@pytest.mark.parametrize("at_once", [1, 3, 8, 64])
@pytest.mark.parametrize("order", ["fair", "axes"])
def test_every_picture_is_made_once_in_batches_of_mates(order: str, at_once: int) -> None:
    expanded = grid(order=order)
    found = made(expanded, at_once)
    assert sorted(cell.place for batch in found for cell in batch) == sorted(cell.place for cell in expanded.cells)
    assert all(len(batch) <= at_once for batch in found)
    assert all(len({batch_key(cell.recipe) for cell in batch}) == 1 for batch in found)


@pytest.mark.parametrize("x", ["epoch", "weight", "prompt"])
@pytest.mark.parametrize("at_once", [1, 4, 8])
def test_the_first_seed_of_everything_comes_before_any_second(x: str, at_once: int) -> None:
    others = [kind for kind in ("epoch", "weight", "prompt") if kind != x]
    order = [cell.place.seed for batch in made(grid(x=x, y=others[0], z=others[1]), at_once) for cell in batch]
    firsts = len(EPOCHS) * len(WEIGHTS) * len(PROMPTS)
    assert order[:firsts] == [0] * firsts
    assert 0 not in order[firsts:]


def test_seeds_on_an_axis_are_as_fair() -> None:
    cells = [cell for batch in made(grid(x="seed", y="epoch", z="prompt"), 8) for cell in batch]
    assert {cell.place.x for cell in cells[:6]} == {0}
    assert {cell.epoch for cell in cells[:6]} == set(EPOCHS)


def test_a_grid_cut_at_half_has_every_epoch_of_every_prompt() -> None:
    cells = [cell for batch in made(grid(), 8) for cell in batch]
    half = cells[: len(cells) // 2]
    assert {(cell.epoch, cell.recipe.prompt) for cell in half} == set(product(EPOCHS, PROMPTS))


@pytest.mark.parametrize(("x", "y"), [("epoch", "weight"), ("weight", "epoch")])
def test_files_change_no_oftener_than_there_are_epochs_in_a_pass(x: str, y: str) -> None:
    cells = [cell for batch in made(grid(x=x, y=y), 8) for cell in batch]
    changes = sum(one.epoch != other.epoch for one, other in pairwise(cells))
    passes = 2
    assert changes <= passes * len(EPOCHS) - 1


def test_prompts_and_further_seeds_fill_a_batch() -> None:
    sizes = [len(batch) for batch in made(grid(), 8)]
    # Two prompts with the first seed, then both with the three others.
    assert sizes == [2] * 9 + [6] * 9


def test_base_models_come_one_after_the_other() -> None:
    cells = [cell for batch in made(grid(bases=("demo", "/other")), 8) for cell in batch]
    assert sum(one.recipe.base != other.recipe.base for one, other in pairwise(cells)) == 1


def test_the_webuis_order_is_that_of_the_axes() -> None:
    expanded = grid(order="axes")
    assert tuple(cell for batch in made(expanded, 1) for cell in batch) == expanded.cells

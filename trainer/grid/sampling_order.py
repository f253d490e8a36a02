"""Sampling order of a grid and its batches: little is loaded twice, and a grid that is stopped early still shows every value."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import groupby

from trainer.grid.cell import Cell, Expanded
from trainer.grid.recipe import Recipe

Key = tuple[Hashable, ...]


def batch_key(recipe: Recipe) -> Key:
    """Return what pictures made together have in common: everything but prompt, negative prompt and seed."""
    return (*base_key(recipe), *_encoders(recipe), *_unet(recipe), *_sampling(recipe))


def base_key(recipe: Recipe) -> Key:
    """Return what pictures made on one loaded base have in common."""
    return recipe.base, recipe.vae, recipe.components, recipe.prediction, recipe.zero_terminal_snr


def batches(expanded: Expanded, size: Callable[[Recipe], int]) -> Iterator[tuple[Cell, ...]]:
    """Yield the batches of cells in the order in which they are made.

    Base models come one after the other, because loading one takes longest. Within one, the fair order makes the first seed of
    everything before any second one, and further seeds as many at a time as fill a batch; among the pictures of a pass files
    change seldom, text encoders' factors less seldom, the U-Net's factors freely. The webui's order (`axes`) is that of the axes.

    Args:
        expanded: the grid.
        size: how many pictures like a recipe are made at once.
    """
    cells = expanded.cells
    if expanded.spec.order == "axes":
        for _, alike in groupby(cells, key=lambda cell: batch_key(cell.recipe)):
            yield from _split(tuple(alike), size)
        return
    ranks = [_seed_rank(expanded, cell) for cell in cells]
    for base in _first_seen(base_key(cell.recipe) for cell in cells):
        here = [place for place, cell in enumerate(cells) if base_key(cell.recipe) == base]
        for first, last in _passes([cells[place] for place in here], [ranks[place] for place in here], size):
            yield from _in_pass([cells[place] for place in here if first <= ranks[place] < last], size)


def _in_pass(cells: Sequence[Cell], size: Callable[[Recipe], int]) -> Iterator[tuple[Cell, ...]]:
    order = {
        part: {key: place for place, key in enumerate(_first_seen(part(cell.recipe) for cell in cells))}
        for part in (_files, _encoders, _unet, _sampling)
    }
    ranked = sorted(cells, key=lambda cell: tuple(order[part][part(cell.recipe)] for part in order))
    for _, alike in groupby(ranked, key=lambda cell: batch_key(cell.recipe)):
        yield from _split(tuple(alike), size)


def _passes(cells: Sequence[Cell], ranks: Sequence[int], size: Callable[[Recipe], int]) -> Iterator[tuple[int, int]]:
    """Yield the seeds of each pass as a half-open range: the first alone, then as many as fill a batch."""
    seeds = max(ranks) + 1
    yield 0, 1
    first = 1
    firsts = [cell for cell, rank in zip(cells, ranks, strict=True) if rank == 0]
    together = max(
        (len(list(alike)) for _, alike in groupby(firsts, key=lambda cell: batch_key(cell.recipe))), default=1
    )
    step = max(1, size(cells[0].recipe) // together)
    while first < seeds:
        yield first, min(seeds, first + step)
        first += step


def _seed_rank(expanded: Expanded, cell: Cell) -> int:
    """Return which of the grid's seeds a cell has, whether an axis or the spec has the seeds."""
    for axis, place in ((expanded.x, cell.place.x), (expanded.y, cell.place.y), (expanded.z, cell.place.z)):
        if axis.kind == "seed":
            return place
    return cell.place.seed


def _files(recipe: Recipe) -> Key:
    return tuple((lora.path, lora.rank, lora.text_encoder_path) for lora in recipe.loras)


def _encoders(recipe: Recipe) -> Key:
    of_loras = ((lora.text_encoder_path or lora.path, lora.text_encoder, lora.blocks) for lora in recipe.loras)
    return (recipe.clip_skip, *of_loras)


def _unet(recipe: Recipe) -> Key:
    return tuple((lora.path, lora.rank, lora.text_encoder_path, lora.unet, lora.blocks) for lora in recipe.loras)


def _sampling(recipe: Recipe) -> Key:
    # Repetitions go into passes of their own: within one batch they would be the same computation.
    size = recipe.width, recipe.height
    return recipe.sampler, recipe.steps, recipe.cfg_scale, recipe.guidance_rescale, recipe.shift, *size, recipe.repeat


def _first_seen(keys: Iterator[Key]) -> list[Key]:
    return list(dict.fromkeys(keys))


def _split(cells: tuple[Cell, ...], size: Callable[[Recipe], int]) -> Iterator[tuple[Cell, ...]]:
    count = max(1, size(cells[0].recipe))
    for start in range(0, len(cells), count):
        yield cells[start : start + count]

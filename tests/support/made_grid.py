"""A grid's folder as it lies on the disk after its making: real small PNGs, each of its own colour with its place drawn on."""

import colorsys
from dataclasses import replace
from itertools import product
from pathlib import Path

from make_recipe import make_recipe
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from trainer.gallery.sidecar import MadeCell, MadeGrid, write_sidecar
from trainer.grid.cell import Axis, Place
from trainer.grid.recipe import ComputeSetup, LoraUse
from trainer.grid.spec import AxisSpec, EpochFile, GridSpec, kept_spec
from trainer.workspace_paths import workspace_paths

SIZE = 64
"""Pixels of each side of a picture."""

_FIRST_SEED = 11
_PROMPTS = ("hifumi, red dress", "hifumi, swimsuit, beach", "hifumi, coat, snow", "hifumi, smile")


def made_grid(folder: Path, shape: tuple[int, int, int, int] = (3, 2, 1, 2), *, missing: int = 0) -> MadeGrid:
    """Write a grid into `folder` (made where it is not there) and return what its sidecar says.

    X is the epoch, Y the U-Net's weight from 0 on in quarters, Z the prompt; the seeds count from 11.

    Args:
        folder: the grid's own.
        shape: values of x, y, z and the seeds; at most 4 of z.
        missing: how many of the last pictures were not made, as in a grid that was cut.
    """
    folder.mkdir(parents=True, exist_ok=True)
    columns, rows, sheets, seeds = shape
    epochs = tuple(str(number + 1) for number in range(columns))
    weights = tuple(f"{number * 0.25:g}" for number in range(rows))
    prompts = _PROMPTS[:sheets]
    numbers = tuple(str(_FIRST_SEED + number) for number in range(seeds))
    axes = (
        Axis("epoch", "Epoch", epochs, ",".join(epochs)),
        Axis("unet_weight", "U-Net weight", weights, ",".join(weights)),
        Axis("prompt", "Prompt", prompts, ",".join(f'"{prompt}"' for prompt in prompts)),
    )
    spec = GridSpec(
        name=folder.name.lstrip("0123456789-") or "grid",
        subject="hifumi",
        base="demo",
        prompt=prompts[0],
        negative_prompt="lowres",
        seeds=",".join(numbers),
        width=SIZE,
        height=SIZE,
        token="hifumi",
        epochs=tuple(EpochFile(label=label, file=str(_lora(folder, label))) for label in epochs),
        x=AxisSpec(kind=axes[0].kind, values=axes[0].values),
        y=AxisSpec(kind=axes[1].kind, values=axes[1].values),
        z=AxisSpec(kind=axes[2].kind, values=axes[2].values),
    )
    cells = tuple(
        _cell(spec, axes, Place(x, y, z, seed), folder)
        for z, y, x, seed in product(range(sheets), range(rows), range(columns), range(seeds))
    )
    for number, cell in enumerate(cells[: len(cells) - missing]):
        _picture(number / len(cells), cell, folder)
    made = MadeGrid(
        spec,
        *axes,
        Axis("seed", "Seed", numbers, ",".join(numbers)),
        cells,
        ComputeSetup("cpu", "fp32"),
        "sd1",
        {},
        ("a note",),
    )
    write_sidecar(made, folder)
    # As it is read back.
    return replace(made, spec=kept_spec(spec, workspace_paths(folder.parent.parent)))


def renamed(made: MadeGrid, **labels: tuple[str, ...]) -> MadeGrid:
    """Return `made` with other labels of the axes `x`, `y`, `z` or `seeds`."""
    return replace(made, **{axis: replace(getattr(made, axis), labels=values) for axis, values in labels.items()})


def _cell(spec: GridSpec, axes: tuple[Axis, Axis, Axis], place: Place, folder: Path) -> MadeCell:
    weight = float(axes[1].labels[place.y])
    lora = LoraUse(_lora(folder, axes[0].labels[place.x]), unet=weight, text_encoder=1.0)
    recipe = make_recipe(
        prompt=axes[2].labels[place.z],
        negative_prompt=spec.negative_prompt,
        seed=_FIRST_SEED + place.seed,
        steps=spec.steps,
        cfg_scale=spec.cfg_scale,
        sampler=spec.sampler,
        width=spec.width,
        height=spec.height,
        loras=(lora,),
    )
    return MadeCell(place, recipe, axes[0].labels[place.x], f"{place.name}.png", f"{hash(place) & (2**256 - 1):064x}")


def _lora(folder: Path, label: str) -> Path:
    return folder.parent / f"hifumi-{int(label):06d}.safetensors"


def _picture(hue: float, cell: MadeCell, folder: Path) -> None:
    colour = tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.6, 0.75))
    picture = Image.new("RGB", (SIZE, SIZE), colour)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(14)
    place = cell.place
    draw.text((6, 8), f"x{place.x + 1} y{place.y + 1}", fill="white", font=font)
    draw.text((6, 34), f"z{place.z + 1} s{place.seed + 1}", fill="white", font=font)
    text = PngImagePlugin.PngInfo()
    text.add_text(
        "parameters", f"{cell.recipe.prompt}\nSteps: {cell.recipe.steps}, Seed: {cell.recipe.seed}, Size: 64x64"
    )
    picture.save(folder / cell.file, pnginfo=text)

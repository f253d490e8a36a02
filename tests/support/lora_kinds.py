"""LoRA files of every kind of change, of random numbers and without torch: LoRA, LoHa, LoKr, full differences, each also as a DoRA."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from lora_of_numbers import write_tensors
from numpy.typing import NDArray

from trainer.models.identify import Base, LoraShape

Array = NDArray[Any]

FORMS = (
    "lora",
    "lora tucker",
    "loha",
    "loha tucker",
    "lokr",
    "lokr both",
    "lokr whole",
    "lokr first",
    "lokr flat",
    "lokr tucker",
    "full",
)
"""Every way in which a change is made of tensors. `both`: w1 is a product too; `whole`: neither is; `first`: w1 alone is; `flat`: the
kernel lies in w2_b, as LyCORIS and sd-scripts write it."""


def tensors_of(
    form: str, place: LoraShape, *, rank: int = 2, alpha: float | None = 1.0, dora: str = "", seed: int = 0
) -> dict[str, Array]:
    """Return the tensors of one module's change by the endings of their keys.

    Args:
        form: one of FORMS; a Tucker's form on a 1x1 kernel is written as if there were none.
        place: the module.
        rank: of the factors.
        alpha: None to write none.
        dora: `outputs` or `inputs` for a dora_scale of that axis, `peft` for PEFT's magnitude; "" for none.
        seed: another one gives other numbers.
    """
    draws = np.random.default_rng([seed, FORMS.index(form), place.outputs, place.inputs])

    def numbers(*shape: int, size: float = 0.3) -> Array:
        return draws.standard_normal(shape) * size

    outputs, inputs = place.outputs, place.inputs
    kernel = (place.kernel, place.kernel) if place.is_conv else ()
    flat = inputs * math.prod(kernel)
    is_wide = place.kernel > 1
    found: dict[str, Array] = {}
    match form.split():
        case ["lora"]:
            found |= {"lora_down.weight": numbers(rank, inputs, *kernel)}
            found |= {"lora_up.weight": numbers(outputs, rank, *(1 for _ in kernel))}
        case ["lora", "tucker"]:
            point = (1, 1) if kernel else ()
            found |= {
                "lora_down.weight": numbers(rank, inputs, *point),
                "lora_up.weight": numbers(outputs, rank, *point),
            }
            if kernel:
                found["lora_mid.weight"] = numbers(rank, rank, *kernel)
        case ["loha", *form_of]:
            for half in ("1", "2"):
                if form_of and is_wide:
                    found[f"hada_t{half}"] = numbers(rank, rank, *kernel)
                    found |= {f"hada_w{half}_a": numbers(rank, outputs), f"hada_w{half}_b": numbers(rank, inputs)}
                else:
                    found |= {f"hada_w{half}_a": numbers(outputs, rank), f"hada_w{half}_b": numbers(rank, flat)}
        case ["lokr", *form_of]:
            found |= _lokr(form_of[0] if form_of else "", outputs, inputs, kernel, rank, numbers)
        case _:
            found["diff"] = numbers(outputs, inputs, *kernel, size=0.05)
    if alpha is not None and form != "full":
        found["alpha"] = np.array(alpha)
    if dora:
        along = {"outputs": (outputs, 1), "inputs": (1, inputs)}.get(dora, (outputs,))
        point = tuple(1 for _ in kernel)
        magnitude = np.abs(numbers(*along, *(() if dora == "peft" else point))) + 0.5
        if dora == "peft" and kernel:
            magnitude = magnitude.reshape(1, -1, 1, 1)
        found["lora_magnitude_vector" if dora == "peft" else "dora_scale"] = magnitude
    return found


def write_kinds(
    path: Path,
    base: Base | Mapping[str, LoraShape],
    forms: Iterable[str] = FORMS,
    *,
    dora: str = "",
    dtype: str = "F32",
    rank: int = 2,
    alpha: float | None = 1.0,
    seed: int = 0,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write a file with a layer on every module that gets one from a bake with conv_dim, and return its path.

    Args:
        path: the .safetensors file.
        base: whose modules.
        forms: of the layers, one after the other.
        dora, rank, alpha, seed: as tensors_of has them.
        dtype: of the numbers, in the format's words.
        metadata: texts for the header.
    """
    shapes = base.lora_shapes if isinstance(base, Base) else base
    names = [name for name, place in shapes.items() if not place.only_in_files]
    order = list(forms)
    tensors = {
        f"{name}.{ending}": (dtype, numbers)
        for number, name in enumerate(names)
        for ending, numbers in tensors_of(
            order[number % len(order)], shapes[name], rank=rank, alpha=alpha, dora=dora, seed=seed + number
        ).items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_tensors(path, tensors, metadata)


def split(number: int) -> tuple[int, int]:
    """Return the two factors of a number that lie nearest to each other, the smaller one first, as LoKr splits a side."""
    small = next(each for each in range(math.isqrt(number), 0, -1) if number % each == 0)
    return small, number // small


def _lokr(form: str, outputs: int, inputs: int, kernel: tuple[int, ...], rank: int, numbers: Any) -> dict[str, Array]:
    (a, b), (c, d) = split(outputs), split(inputs)
    is_wide = math.prod(kernel) > 1
    found: dict[str, Array] = {}
    if form in ("both", "first"):
        found |= {"lokr_w1_a": numbers(a, rank), "lokr_w1_b": numbers(rank, c)}
    else:
        found["lokr_w1"] = numbers(a, c)
    if form in ("whole", "first"):
        found["lokr_w2"] = numbers(b, d, *(kernel if is_wide else ()))
    elif form == "tucker" and is_wide:
        found |= {"lokr_t2": numbers(rank, rank, *kernel), "lokr_w2_a": numbers(rank, b), "lokr_w2_b": numbers(rank, d)}
    elif form == "flat" or not is_wide:
        found |= {"lokr_w2_a": numbers(b, rank), "lokr_w2_b": numbers(rank, d * math.prod(kernel))}
    else:
        found |= {"lokr_w2_a": numbers(b, rank), "lokr_w2_b": numbers(rank, d, *kernel)}
    return found

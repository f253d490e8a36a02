"""LoRA files of any kind written as plain LoRAs: the best approximation of each module's change in a rank, with its loss."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from trainer.errors import ModelError
from trainer.families.registry import family_record
from trainer.lora_tools.base_change import decomposed_matrix
from trainer.lora_tools.decompose import Decomposed, RankRule, decomposed
from trainer.lora_tools.inputs import OpenedLora, OpenedLoras, biases_left_out
from trainer.lora_tools.made_lora import (
    SCALE_KEPT,
    AlphaRule,
    MadeLora,
    MadeModule,
    Output,
    PlannedModule,
    Progress,
    no_progress,
    write_lora,
)
from trainer.lora_tools.provenance import Making, made_metadata
from trainer.lora_tools.references import LoraReference
from trainer.lora_tools.resize import cut_decomposed
from trainer.measures.blocks import block_of
from trainer.measures.change_factors import Factors
from trainer.measures.products import squared_norm
from trainer.models.identify import Base
from trainer.text import printable

NOTHING = "it changes nothing"
"""Why a module is left out."""

# What the file says of its own kind, which the new one is not of.
_OF_ITS_KIND = ("ss_network_module", "ss_network_args")
# A 3x3 kernel, the only one of the bases known here, may lie in the inputs of what LyCORIS writes as a matrix.
_PLACES = 9


@dataclass(frozen=True)
class Loss:
    """What a rank leaves out of a change, ‖ΔW - ΔW written‖ / ‖ΔW‖.

    Attributes:
        parts: of each part, "" for all of them.
        kinds: what the file was made of, in words -> how many modules.
    """

    parts: Mapping[str, float]
    kinds: Mapping[str, int]


def convert_lora(
    reference: LoraReference,
    rule: RankRule,
    output: Output,
    *,
    base: Base | None = None,
    progress: Progress = no_progress,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[MadeLora, Loss]:
    """Write a LoHa, LoKr, DoRA or full difference as a plain LoRA.

    A plain layer in the file stays as it is, whatever its rank. One of another kind that changes nothing is left out.

    Args:
        reference: the file.
        rule: how many directions of each change are kept.
        output: where to.
        base: that it was trained on: a DoRA's change depends on its weights; it also tells convolutions from matrices where the
            file does not.
        progress, stop: as write_lora has them.

    Raises:
        LoraTuiError: as write_lora; or a DoRA has no base, or a layer may be a convolution or none.
    """
    rule.check()
    output.check([reference.path])
    with OpenedLoras([reference], base) as files:
        (file,) = files.files
        files.check_changes()
        if base is None:
            _check_sides(file)
        names = {files.written_name(name): name for name in files.names()}
        planned = [
            PlannedModule(written, sides, sides.most if file.module(name).is_plain else rule.most(sides.most))
            for written, name in names.items()
            for sides in [files.sides(name)]
        ]

        def make(written: str) -> MadeModule | str:
            name = names[written]
            change = files.read(0, name)
            assert change is not None
            squared = squared_norm(change)
            if file.module(name).is_plain:
                return MadeModule(change.up * change.scale, change.down, change.scale, change.rank, squared)
            if squared == 0:
                return NOTHING
            most = min(change.rank, files.sides(name).most)
            return cut_decomposed(_taken_apart(change, rule, most, written), rule, most, 1.0, file.module(name).rank)

        making = Making("convert", {"to": "lora", "keep": rule.words()}, [reference])
        kept = {key: text for key, text in file.header.metadata.items() if key not in _OF_ITS_KIND}
        if files.family is not None:
            kept["ss_network_module"] = family_record(files.family).network_module
        if output.alpha == SCALE_KEPT and not file.header.is_plain:
            # Another kind's scale is none of a plain layer. One alpha for all, since diffusers' loader takes one for all.
            output = Output(output.path, output.dtype, AlphaRule(float(rule.rank or 1)), output.replace)
        made = write_lora(
            output,
            planned,
            make,
            made_metadata(making, [kept], output.path),
            dtype=files.dtype(),
            progress=progress,
            stop=stop,
            notes=[*file.header.unread(), *biases_left_out(file), *_matrices(file, base)],
        )
        return made, Loss(losses(made), file.header.kinds)


def losses(made: MadeLora) -> dict[str, float]:
    """Return ‖ΔW - ΔW written‖ / ‖ΔW‖ of all modules under "", and of each part's; what the file's type rounds off included."""
    lost: dict[str, float] = {}
    whole: dict[str, float] = {}
    for module in made.modules:
        for part in ("", block_of(module.name)[0]):
            # What the rank leaves out is at right angles to what it keeps, and so to what is rounded off of that, but for a little.
            lost[part] = lost.get(part, 0.0) + module.lost + module.rounded
            whole[part] = whole.get(part, 0.0) + module.squared
    return {part: math.sqrt(lost[part] / whole[part]) if whole[part] else 0.0 for part in whole}


def _taken_apart(change: Factors, rule: RankRule, most: int, name: str) -> Decomposed:
    """Return the singular value decomposition of a change by the way that costs least.

    Of a LoKr's it follows from those of its two sides; the directions themselves are made as far as the rule keeps them. Of factors
    of a small inner size it costs that size, of any other change the smaller side of the layer.
    """
    if change.parts is None:
        narrow = 2 * len(change.down) <= min(change.sides)
        return decomposed(change, name) if narrow else decomposed_matrix(change.dense())
    one, other = (decomposed(part, name) for part in change.parts)
    products = np.outer(one.sizes, other.sizes)
    order = np.argsort(products.reshape(-1))[::-1]
    sizes = products.reshape(-1)[order]
    rows, columns = np.unravel_index(order[: rule.kept(sizes, most)], products.shape)
    left = (one.left[:, None, rows] * other.left[None, :, columns]).reshape(-1, len(rows))
    right = (one.right[rows, :, None] * other.right[columns, None, :]).reshape(len(rows), -1)
    return Decomposed(left, sizes, right)


def _check_sides(file: OpenedLora) -> None:
    """See that every layer's own shapes tell a matrix from a convolution.

    Raises:
        ModelError: one may be either.
    """
    for name, module in file.header.modules.items():
        if module.is_flat and module.down[1] % _PLACES == 0:
            channels = module.down[1] // _PLACES
            raise ModelError(
                printable(str(file.reference.path)),
                found=f"{printable(name, 80)} has {module.down[1]:,} inputs: a matrix, or a 3x3 convolution of {channels:,}",
                expected="a base, which tells the two apart",
                way_out="name it with --base",
            )


def _matrices(file: OpenedLora, base: Base | None) -> list[str]:
    """Return a note where 1x1 convolutions cannot be told from matrices; none where there is a base, or none may be one."""
    if base is not None or not any(module.is_flat for module in file.header.modules.values()):
        return []
    return ["layers on 1x1 convolutions are written as matrices, which some programs refuse: with --base they are not"]

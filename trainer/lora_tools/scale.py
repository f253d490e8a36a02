"""LoRAs with a weight on each part and block group written into the file, and with other alphas of the same effect."""

from collections.abc import Callable

from trainer.errors import SettingsError
from trainer.lora_tools.inputs import OpenedLora, OpenedLoras
from trainer.lora_tools.made_lora import (
    AlphaRule,
    MadeLora,
    MadeModule,
    Output,
    Progress,
    no_progress,
)
from trainer.lora_tools.provenance import Making
from trainer.lora_tools.references import LoraReference
from trainer.lora_tools.rewrite import rewrite_lora
from trainer.measures.change_factors import Factors
from trainer.measures.products import squared_norm
from trainer.models.block_weights import BlockWeights
from trainer.models.identify import Base

NO_WEIGHT = "weight 0"
"""Why a module is left out."""


def weigh_lora(
    reference: LoraReference,
    weights: BlockWeights,
    output: Output,
    *,
    weight: float = 1.0,
    base: Base | None = None,
    progress: Progress = no_progress,
    stop: Callable[[], bool] = lambda: False,
) -> MadeLora:
    """Write a LoRA whose parts and block groups are as strong at weight 1 as these weights make them; what has weight 0 is left out.

    Args:
        reference: the file.
        weights: by part and block group.
        output: where to.
        weight: factor on all of it.
        base: names its modules; None where they have names.
        progress, stop: as write_lora has them.

    Raises:
        LoraTuiError: as write_lora; or a place of a weight is not in the file.
    """
    if not weights and weight == 1.0:
        raise SettingsError("weights", found="none", expected="a part or block group and its weight")
    making = Making("weights", {"weights": weights.text() or None, "weight": weight}, [reference])

    def factor(own: str) -> float:
        return weight * weights.factor(own)

    return _rewrite(reference, factor, weights, output, making, base, progress, stop)


def write_alpha(
    reference: LoraReference,
    rule: AlphaRule,
    output: Output,
    *,
    base: Base | None = None,
    progress: Progress = no_progress,
    stop: Callable[[], bool] = lambda: False,
) -> MadeLora:
    """Write a LoRA of the same effect with other alphas, their difference folded into lora_up.

    Without alphas the scale is 1 in every program, and diffusers' loader, which scales modules wrongly where their alphas differ, has
    nothing to mistake.

    Args:
        reference: the file.
        rule: the alphas.
        output: where to; its own rule has no effect.
        base: names its modules; None where they have names.
        progress, stop: as write_lora has them.

    Raises:
        LoraTuiError: as write_lora.
    """
    words = "none" if not rule.is_written else "rank" if rule.value is None else f"{rule.value:g}"
    output = Output(output.path, output.dtype, rule, output.replace)
    making = Making("alpha", {"alpha": words}, [reference])
    return _rewrite(reference, lambda _: 1.0, BlockWeights(), output, making, base, progress, stop)


def _rewrite(
    reference: LoraReference,
    factor: Callable[[str], float],
    weights: BlockWeights,
    output: Output,
    making: Making,
    base: Base | None,
    progress: Progress,
    stop: Callable[[], bool],
) -> MadeLora:
    def left_out(file: OpenedLora, name: str) -> str:
        return NO_WEIGHT if factor(file.own[name]) == 0 else ""

    def make(files: OpenedLoras, name: str, written: str, change: Factors) -> MadeModule:
        (file,) = files.files
        weighed = Factors(change.up, change.down, change.scale * factor(file.own[name]), change.rank)
        # All of it goes into one side, so that the other stays to the bit.
        up = change.up * weighed.scale
        return MadeModule(up, change.down, change.scale, change.rank, squared_norm(weighed))

    return rewrite_lora(
        reference,
        make,
        output,
        making,
        check=lambda file: weights.check(file.header.modules, reference.label),
        left_out=left_out,
        base=base,
        progress=progress,
        stop=stop,
    )

"""LoRAs extracted from two checkpoints: the difference of each module in few directions."""

from collections.abc import Callable
from dataclasses import replace

from trainer.families.registry import family_record
from trainer.lora_tools.base_change import (
    BaseWeights,
    above_rounding,
    check_alike,
    decomposed_matrix,
    is_rounding,
    rounding_of,
)
from trainer.lora_tools.decompose import Decomposed, RankRule
from trainer.lora_tools.inputs import ModuleSides
from trainer.lora_tools.made_lora import MadeLora, MadeModule, Output, PlannedModule, Progress, no_progress, write_lora
from trainer.lora_tools.provenance import Making, made_metadata
from trainer.lora_tools.resize import cut_decomposed
from trainer.measures.blas_threads import use_one_blas_thread
from trainer.models.identify import Base, LoraShape
from trainer.text import plural, printable

ROUNDING = "a difference by rounding alone"
"""Why a module is left out whose difference is what the types of the two files make."""

SAME = "the same in both"
"""Why a module is left out that does not differ."""


def extract_lora(
    base: Base,
    tuned: Base,
    rule: RankRule,
    output: Output,
    *,
    with_conv: bool = True,
    with_ends: bool = False,
    progress: Progress = no_progress,
    stop: Callable[[], bool] = lambda: False,
) -> MadeLora:
    """Write the difference of two checkpoints as a LoRA.

    A module that is the same in both, or differs by no more than the rounding of their types, is left out; of the others no more
    directions are kept than stand out from that rounding.

    Args:
        base: what the LoRA is for.
        tuned: the same with what was trained or merged into it.
        rule: how many directions of each module are kept.
        output: where to; fp16 unless it names a type.
        with_conv: whether convolutions and what else lies in resnets get layers (a LoCon).
        with_ends: whether the layers before and behind the blocks do, which many programs pass over.
        progress, stop: as write_lora has them.

    Raises:
        LoraTuiError: as write_lora; or the two are not of one architecture.
    """
    rule.check()
    check_alike(base, tuned)
    output.check([base.path, tuned.path])
    use_one_blas_thread()
    wanted = {
        name: shape
        for name, shape in base.lora_shapes.items()
        if _is_wanted(shape, with_conv=with_conv, with_ends=with_ends)
        and name in base.weights
        and name in tuned.weights
    }
    planned = [
        PlannedModule(name, sides, rule.most(sides.most)) for name, shape in wanted.items() for sides in [_sides(shape)]
    ]
    limits = {each.name: each.most for each in planned}
    with BaseWeights(base) as before, BaseWeights(tuned) as after:

        def make(name: str) -> MadeModule | str:
            first, second = before.read(name), after.read(name)
            found = rounding_of(first, second, (before.dtype(name), after.dtype(name)))
            if found.same:
                return SAME if (first == second).all() else ROUNDING
            second -= first
            del first
            whole = decomposed_matrix(second)
            if is_rounding(found, whole):
                return ROUNDING
            clear = _leading(whole, above_rounding(found, whole))
            # A fixed rank is the same in all modules; what does not stand out is zeros then, and counts as lost.
            most = limits[name] if rule.is_fixed else len(clear.sizes)
            made = cut_decomposed(clear, rule, most, 1.0, 0)
            return replace(made, squared=whole.squared, lost=whole.squared - clear.squared + made.lost)

        making = Making("extract", {"keep": rule.words(), "base": base.name, "tuned": tuned.name})
        metadata = made_metadata(making, [_base_metadata(base)], output.path)
        notes = _notes(base, wanted)
        return write_lora(output, planned, make, metadata, dtype="F16", progress=progress, stop=stop, notes=notes)


def _leading(whole: Decomposed, count: int) -> Decomposed:
    return Decomposed(whole.left[:, :count], whole.sizes[:count], whole.right[:count])


def _is_wanted(shape: LoraShape, *, with_conv: bool, with_ends: bool) -> bool:
    if shape.only_in_files:
        return with_ends
    return with_conv or not shape.needs_conv_dim


def _sides(shape: LoraShape) -> ModuleSides:
    return ModuleSides(shape.outputs, shape.inputs, (shape.kernel, shape.kernel) if shape.is_conv else ())


def _base_metadata(base: Base) -> dict[str, str]:
    record = family_record(base.family)
    prediction = base.markers.prediction or record.prediction
    versions = record.base_versions
    return {
        "ss_base_model_version": versions.get(prediction or "", next(iter(versions.values()))),
        "ss_sd_model_name": base.name,
        "ss_network_module": record.network_module,
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": record.architecture,
        **({"modelspec.prediction_type": prediction} if prediction and record.says_prediction else {}),
    }


def _notes(base: Base, wanted: dict[str, LoraShape]) -> list[str]:
    passed = len(base.lora_shapes) - len(wanted)
    others = f"{plural(passed, 'module')} of {printable(base.name, 60)}, " if passed else ""
    return [f"not compared: {others}norms and biases, which a LoRA does not change"]

"""LoRAs brought to another rank: the best approximation of each module's change, from its factors."""

from collections.abc import Callable

from trainer.lora_tools.decompose import Decomposed, RankRule, decomposed
from trainer.lora_tools.inputs import ModuleSides, OpenedLoras
from trainer.lora_tools.made_lora import (
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
from trainer.models.identify import Base


def resize_lora(
    reference: LoraReference,
    rule: RankRule,
    output: Output,
    *,
    base: Base | None = None,
    progress: Progress = no_progress,
    stop: Callable[[], bool] = lambda: False,
) -> MadeLora:
    """Write a LoRA with fewer directions in each module, those that change most.

    Args:
        reference: the file.
        rule: how many are kept; a module that has no more stays whole.
        output: where to, in which type and with which alphas.
        base: names its modules; None where they have names.
        progress, stop: as write_lora has them.

    Raises:
        LoraTuiError: as write_lora; or the rule says nothing, or the file cannot be written over.
    """
    rule.check()

    def make(files: OpenedLoras, name: str, written: str, change: Factors) -> MadeModule:
        (file,) = files.files
        return cut_change(change, rule, files.sides(name), written, change.scale, file.module(name).rank)

    making = Making("resize", {"keep": rule.words()}, [reference])
    return rewrite_lora(reference, make, output, making, most=rule.most, base=base, progress=progress, stop=stop)


def cut_change(change: Factors, rule: RankRule, sides: ModuleSides, name: str, scale: float, before: int) -> MadeModule:
    """Return a change with as many directions as a rule keeps.

    Args:
        change: a module's.
        rule: how many are kept.
        sides: of the module.
        name: for an error.
        scale: alpha / rank that the module had.
        before: its rank.
    """
    return cut_decomposed(decomposed(change, name), rule, min(change.rank, sides.most), scale, before)


def cut_decomposed(whole: Decomposed, rule: RankRule, most: int, scale: float, before: int) -> MadeModule:
    """Return what a rule keeps of a change that is taken apart.

    Args:
        whole: the change.
        rule: how many directions are kept.
        most: no more can be.
        scale, before: as in MadeModule.
    """
    rank = rule.kept(whole.sizes, most)
    up, down = whole.cut(rank)
    lost = float((whole.sizes[rank:] ** 2).sum())
    return MadeModule(up, down, scale, before, whole.squared, lost)

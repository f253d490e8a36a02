"""LoRAs merged into one: their weighted sum exactly, or the best approximation of it, or of their mean, in a rank."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from trainer.errors import SettingsError
from trainer.lora_tools.combine import summed
from trainer.lora_tools.decompose import RankRule
from trainer.lora_tools.inputs import OpenedLoras, shared_modules
from trainer.lora_tools.made_lora import (
    ALPHA_IS_RANK,
    SCALE_KEPT,
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
from trainer.lora_tools.resize import cut_change
from trainer.measures.change_factors import Factors
from trainer.measures.products import squared_norm
from trainer.models.block_weights import BlockWeights
from trainer.models.identify import Base
from trainer.text import plural

_NOTHING = "all weights 0"
# Half precision would round a sum by a few parts in ten thousand; so sd-scripts writes fp32 too where no type is named.
_DTYPE = "F32"


@dataclass(frozen=True)
class WeightedLora:
    """A LoRA with what it counts in a sum.

    Attributes:
        reference: the file.
        weight: factor on all of it.
        blocks: further factors by part and block group.
    """

    reference: LoraReference
    weight: float = 1.0
    blocks: BlockWeights = field(default_factory=BlockWeights)

    def factor(self, module: str) -> float:
        """Return the factor on a module's change, by its name in kohya's form."""
        return self.weight * self.blocks.factor(module)

    def words(self) -> str:
        """Return its weights as they are typed."""
        return "; ".join(filter(None, (f"{self.weight:g}", self.blocks.text())))


def merge_loras(
    loras: Sequence[WeightedLora],
    output: Output,
    rule: RankRule | None = None,
    *,
    base: Base | None = None,
    progress: Progress = no_progress,
    stop: Callable[[], bool] = lambda: False,
) -> MadeLora:
    """Write the weighted sum of LoRAs as one.

    Without a rule the sum is exact: each module gets the sum of the ranks, or its smaller side where that is less.

    Args:
        loras: two or more; their modules need not be the same.
        output: where to; in fp32 unless it names a type.
        rule: how many directions of the sum are kept; None for all.
        base: whose names the modules get; None for those of the files.
        progress, stop: as write_lora has them.

    Raises:
        LoraTuiError: as write_lora; or there is one file alone, or a weight is of nothing in it.
    """
    _check_count(loras, "merge")
    if rule is not None:
        rule.check()
    return _write_sum(loras, output, rule, "merge", base, progress, stop)


def average_loras(
    references: Sequence[LoraReference],
    output: Output,
    rule: RankRule | None = None,
    *,
    base: Base | None = None,
    progress: Progress = no_progress,
    stop: Callable[[], bool] = lambda: False,
) -> MadeLora:
    """Write the best approximation of the mean of LoRAs, such as twins, in the largest of their ranks in each module.

    Args:
        references: two or more files.
        output: where to; in fp32 unless it names a type.
        rule: how many directions of the mean are kept; None for the largest rank that one of them has.
        base: whose names the modules get; None for those of the files.
        progress, stop: as write_lora has them.

    Raises:
        LoraTuiError: as merge_loras.
    """
    loras = [WeightedLora(reference, 1 / len(references)) for reference in references]
    _check_count(loras, "average")
    if rule is not None:
        rule.check()
    return _write_sum(loras, output, rule, "average", base, progress, stop)


def _write_sum(
    loras: Sequence[WeightedLora],
    output: Output,
    rule: RankRule | None,
    operation: Literal["merge", "average"],
    base: Base | None,
    progress: Progress,
    stop: Callable[[], bool],
) -> MadeLora:
    references = [lora.reference for lora in loras]
    output.check([reference.path for reference in references])
    with OpenedLoras(references, base) as files:
        files.check_plain()
        for lora, file in zip(loras, files.files, strict=True):
            lora.blocks.check(file.header.modules, lora.reference.label)
        whole = _Sum(loras, files, rule, exact=rule is None and operation == "merge")
        weights = [lora.words() for lora in loras] if operation == "merge" else []
        making = Making(operation, {"keep": rule.words() if rule else None}, references, weights, of_several=True)
        metadata = made_metadata(making, [file.header.metadata for file in files.files], output.path)
        notes = [*whole.shared_note(), *(line for file in files.files for line in file.header.unread())]
        if whole.exact and output.alpha == SCALE_KEPT:
            # The sum of several scales has none of its own.
            output = Output(output.path, output.dtype, ALPHA_IS_RANK, output.replace)
        made = write_lora(
            output, whole.planned, whole.make, metadata, dtype=_DTYPE, progress=progress, stop=stop, notes=notes
        )
    if operation == "average":
        made = _with_note(made, whole.norms.words())
    return made


class _Sum:
    """The weighted sum of opened LoRAs, module by module.

    Args:
        loras: the weights.
        files: the same LoRAs, opened.
        rule: how many directions are kept; None for all, or for the largest rank that one of them has.
        exact: whether all are.
    """

    def __init__(
        self, loras: Sequence[WeightedLora], files: OpenedLoras, rule: RankRule | None, *, exact: bool
    ) -> None:
        self._loras, self._files, self._rule = loras, files, rule
        self.exact = exact
        self.norms = _Norms(len(loras))
        self._names = {files.written_name(name): name for name in files.names()}
        self.planned = [PlannedModule(each, files.sides(name), self._most(name)) for each, name in self._names.items()]
        self._limits = {each.name: each.most for each in self.planned}

    def _most(self, name: str) -> int:
        """Return the largest rank that a module may get."""
        ranks = [self._files.most_rank(number, name) for number in range(len(self._loras))]
        most = min(sum(ranks), self._files.sides(name).most)
        if self._rule is not None:
            return self._rule.most(most)
        return most if self.exact else max(ranks)

    def shared_note(self) -> Iterator[str]:
        """Yield that not all modules are in all files, where it is so."""
        shared = sum(1 for _ in shared_modules(self._files.files))
        if shared < len(self._names):
            of_all = f"{plural(shared, 'module')} of {len(self._names):,} in all files"
            yield f"{of_all if shared else 'no module is in all of the files'}: elsewhere only some of them count"

    def make(self, written: str) -> MadeModule | str:
        """Return the change of a module by the name that is written, or why it has none."""
        files, name = self._files, self._names[written]
        found = [
            (factor, change)
            for number, lora in enumerate(self._loras)
            if (factor := lora.factor(files.files[number].own.get(name, name)))
            and (change := files.read(number, name)) is not None
        ]
        if not found:
            return _NOTHING
        whole = summed(found)
        self.norms.add(found, whole)
        before = max(file.module(name).rank for file in files.files if name in file.own)
        if self.exact:
            return MadeModule(whole.up, whole.down, 1.0, before, squared_norm(whole))
        # Where all have the same scale it stays.
        scales = {change.scale for _, change in found}
        scale = scales.pop() if len(scales) == 1 else 1.0
        wanted = self._rule or RankRule(rank=self._limits[written])
        return cut_change(whole, wanted, files.sides(name), written, scale, before)


class _Norms:
    """How long a mean is beside what it is of."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._each = self._mean = 0.0

    def add(self, found: Sequence[tuple[float, Factors]], whole: Factors) -> None:
        """Take a module: weights and changes, and their sum."""
        # Each change counts with its weight, the mean's share of one file.
        self._each += sum(squared_norm(change) for _, change in found) / self._count
        self._mean += squared_norm(whole)

    def words(self) -> str:
        """Return it in words."""
        if not self._each > 0:
            return ""
        share = math.sqrt(self._mean / self._each)
        alone = math.sqrt(1 / self._count)
        return (
            f"length of the mean beside that of the files: {share:.2f}; "
            f"1 would be the same direction, {alone:.2f} directions that have nothing in common"
        )


def _with_note(made: MadeLora, note: str) -> MadeLora:
    notes = (*made.notes, note) if note else made.notes
    return MadeLora(made.path, made.size, made.dtype, made.modules, made.left_out, notes, made.sha256)


def _check_count(loras: Sequence[WeightedLora], what: str) -> None:
    if len(loras) < 2:
        raise SettingsError(what, found=plural(len(loras), "file"), expected="two or more")

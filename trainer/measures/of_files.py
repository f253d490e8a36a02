"""Measures of any LoRA files, beside the base they are meant for where one is named."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trainer.measures.base_norms import base_norms
from trainer.measures.interference import common_name
from trainer.measures.weights import LoraMeasures, MeasuringStopped, measure_lora
from trainer.models.identify import Base, identify_base
from trainer.models.kohya_names import ModuleNames
from trainer.models.lora_fit import check_lora
from trainer.models.lora_header import read_lora_header
from trainer.models.lora_numbers import check_lora_numbers
from trainer.models.weight_slice import PlacedWeight


@dataclass(frozen=True)
class BaseForFiles:
    """What LoRA files are measured beside.

    Attributes:
        base: None where none is named.
        norms: of its weights, by module.
        own_name: a module's name in a file -> the one by which files, and the base, are compared.
    """

    base: Base | None = None
    norms: Mapping[str, float] = field(default_factory=dict)
    own_name: Callable[[str], str] = common_name

    @property
    def weights(self) -> Mapping[str, PlacedWeight]:
        """Where the base's weights lie, by module; empty without a base."""
        return {} if self.base is None else self.base.weights


def base_for_files(name_or_path: str | None, cache: Path, stop: Callable[[], bool] = lambda: False) -> BaseForFiles:
    """Return the base that files are measured beside.

    Args:
        name_or_path: as a setting names it; None for no base.
        cache: folder where norms of bases are kept.
        stop: asked from time to time whether to give up.

    Raises:
        ModelError: it is no base that is known here, or cannot be read.
        MeasuringStopped: `stop` became true.
    """
    if name_or_path is None:
        return BaseForFiles()
    base = identify_base(name_or_path)
    norms = base_norms(base, cache, stop=stop)
    if norms is None:
        raise MeasuringStopped
    return BaseForFiles(base, norms, ModuleNames(base.family, base.lora_shapes).own)


def measure_file(path: Path, beside: BaseForFiles, threads: int = 1) -> LoraMeasures:
    """Measure a LoRA file.

    Args:
        path: the file, or the folder of PEFT or diffusers that holds it.
        beside: from base_for_files.
        threads: as measure_lora has them.

    Raises:
        ModelError: it is no LoRA of a kind that is read, holds what is no number, or is not for this base; says in which module.
    """
    check_lora_numbers(path)
    if beside.base is not None:
        modules = read_lora_header(path).modules
        check_lora(path, {beside.own_name(name): module for name, module in modules.items()}, beside.base)
    return measure_lora(
        path, base_norms=beside.norms, own_name=beside.own_name, weights=beside.weights, threads=threads
    )

"""Facts of a LoRA file that its tensors tell, as keys beside those of its metadata; read from the header alone."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from trainer.errors import ModelError
from trainer.families.registry import family_record
from trainer.formats.safetensors_header import Header, read_header
from trainer.interop.record import SourceDocument, SourceKey
from trainer.interop.syntax.tree import MAX_KEYS, too_many_keys
from trainer.models.adapter_config import lora_file
from trainer.models.kohya_names import families_with, part_of
from trainer.models.lora_header import LoraHeader, not_plain, read_lora_header
from trainer.models.lora_module import LoraModule
from trainer.settings.parts import is_encoder
from trainer.text import printable

PARTS, TYPE, RANK, ALPHA = "tensors.parts", "tensors.type", "tensors.rank", "tensors.alpha"
CONV_RANK, CONV_ALPHA = "tensors.conv_rank", "tensors.conv_alpha"
BASE, KIND, EMBEDDINGS = "tensors.base", "tensors.kind", "tensors.embeddings"
FACTS = {
    BASE: "the bases that it fits, by its names or the width of its texts",
    PARTS: "the parts that have layers",
    RANK: "rank of the layers, the most frequent first",
    ALPHA: "their alpha",
    CONV_RANK: "rank of the layers on 3×3 convolutions",
    CONV_ALPHA: "their alpha",
    TYPE: "the type of its numbers",
    KIND: "what it is instead of a plain LoRA",
    EMBEDDINGS: "the words whose embeddings are in it",
}
"""Key of a fact to what it is."""

# The width of the texts that a U-Net attends to, or of a text encoder -> the bases that have it.
_BASES_BY_TEXT = {768: "SD1.x", 1024: "SD2.x", 2048: "SDXL"}
_BASES_BY_ENCODER = {768: "SD1.x", 1024: "SD2.x", 1280: "SDXL"}
_METADATA_OF_TRAINING = ("ss_", "modelspec.", "ot_")


def lora_document(path: Path, where: str) -> SourceDocument:
    """Return the metadata of a LoRA file, and what its tensors tell.

    Args:
        path: a .safetensors file, or a folder of PEFT or diffusers with one.
        where: how an error names it.

    Raises:
        ModelError: it is damaged, or neither a LoRA nor a file with the metadata of one.
        SettingsError: its metadata have more keys than any program writes.
    """
    path = lora_file(path)
    header = read_header(path)
    if len(header.metadata) > MAX_KEYS:
        raise too_many_keys(where)
    # By name: in the file they stand in an order of chance, another one in each.
    keys = tuple(SourceKey(key, value) for key, value in sorted(header.metadata.items()))
    return SourceDocument(where, "safetensors", keys + tensor_keys(path, header), dict(header.metadata))


def with_tensors(document: SourceDocument, path: Path) -> SourceDocument:
    """Return the document of an adapter's config with what the tensors beside it tell.

    Raises:
        ModelError: as lora_document.
    """
    return replace(document, keys=(*document.keys, *tensor_keys(path, read_header(path))))


def tensor_keys(path: Path, header: Header) -> tuple[SourceKey, ...]:
    """Return what the tensors of a LoRA file tell, under the keys of FACTS; of a file that is no plain LoRA its kind.

    Raises:
        ModelError: it is no LoRA, and has no metadata of one either.
    """
    try:
        lora = read_lora_header(path)
    except ModelError as error:
        if not any(key.startswith(_METADATA_OF_TRAINING) for key in header.metadata):
            raise
        return (SourceKey(KIND, error.found),)
    if not lora.is_plain:
        # Its ranks and alphas are those of another kind.
        return (SourceKey(KIND, not_plain(path, lora).found),)
    facts: dict[str, object] = {
        BASE: base_of(lora.modules),
        PARTS: list(dict.fromkeys(filter(None, map(part_of, sorted(lora.modules))))),
    }
    plain = [module for module in lora.modules.values() if not is_kernel(module)]
    kernels = [module for module in lora.modules.values() if is_kernel(module)]
    facts |= {RANK: _frequent(m.rank for m in plain), ALPHA: _frequent(m.alpha for m in plain)}
    facts |= {CONV_RANK: _frequent(m.rank for m in kernels), CONV_ALPHA: _frequent(m.alpha for m in kernels)}
    facts[TYPE] = _type(lora, header)
    facts[EMBEDDINGS] = [printable(word, 60) for word in lora.embeddings]
    return tuple(SourceKey(key, value) for key, value in facts.items() if value not in ([], ""))


def is_kernel(module: LoraModule) -> bool:
    """Return whether a layer sits on a convolution with a kernel."""
    return module.down[2:] not in ((), (1, 1))


def base_of(modules: Mapping[str, LoraModule]) -> str:
    """Return the bases that layers fit by their names or the widths of their inputs, "" where none tells."""
    families = families_with(modules)
    if len(families) == 1:
        return family_record(families[0]).title
    inputs: dict[bool, set[int]] = {True: set(), False: set()}
    for name, module in modules.items():
        part = part_of(name)
        if part is not None:
            inputs[is_encoder(part)].add(module.down[1])
    by_unet = [base for width, base in _BASES_BY_TEXT.items() if width in inputs[False]]
    by_encoder = [base for width, base in _BASES_BY_ENCODER.items() if width in inputs[True]]
    # Both of SDXL's encoders, or one that several bases have.
    found = by_unet if inputs[False] else by_encoder[-1:]
    return found[0] if len(found) == 1 else ""


def _frequent(numbers: Iterable[float]) -> list[int | float]:
    """Return different numbers, the most frequent first."""
    counted = Counter(numbers).most_common()
    return [int(number) if float(number).is_integer() else number for number, _ in counted]


def _type(lora: LoraHeader, header: Header) -> str:
    types = Counter(header.dtypes[key] for (_, role), key in lora.keys.items() if role != "alpha")
    return types.most_common(1)[0][0]

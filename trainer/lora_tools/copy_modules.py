"""LoRA files whose modules come from other files as they are, to the bit: parts of different epochs in one file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from trainer.atomic_file import atomic_path
from trainer.errors import ModelError, SettingsError
from trainer.formats.number_types import BYTES, number_bytes, rounded
from trainer.formats.safetensors_arrays import TensorArrays
from trainer.formats.safetensors_bytes import TensorBytes
from trainer.formats.safetensors_header import Header
from trainer.formats.safetensors_stream import Entry, TensorStream, canonical_order
from trainer.lora_tools.inputs import OpenedLora, OpenedLoras
from trainer.lora_tools.made_lora import (
    BenchStopped,
    MadeLora,
    Output,
    Progress,
    WrittenModule,
    network_texts,
    no_progress,
    unwritten,
)
from trainer.lora_tools.provenance import Making, made_metadata
from trainer.lora_tools.references import LoraReference
from trainer.models.adapter_config import lora_file
from trainer.models.block_weights import plain_words
from trainer.models.identify import Base
from trainer.models.kohya_names import part_with
from trainer.models.lora_header import ALPHA, ENDINGS
from trainer.models.lora_keys import Role
from trainer.settings.parts import all_parts, label_of
from trainer.text import plural, printable

_AT_ONCE = 4 * 2**20


@dataclass(frozen=True)
class PartOf:
    """A part and the file that gives it.

    Attributes:
        part: key of the part; "" for every part that no other file is named for.
        reference: the file.
    """

    part: str
    reference: LoraReference


@dataclass(frozen=True)
class _Copied:
    """A tensor that is written.

    Attributes:
        key: in the new file.
        file: place of its file among the open ones.
        source: its key there; "" for an alpha that stands beside the weights.
        dtype, shape: as they are written.
        value: of such an alpha.
    """

    key: str
    file: int
    source: str
    dtype: str
    shape: tuple[int, ...]
    value: float = 0.0


def part_named(text: str, where: str = "part") -> str:
    """Return the key of the part that a text names, by key or label, in any case.

    Raises:
        SettingsError: no family has such a part.
    """
    wanted = plain_words(text).replace("-", "")
    for part in all_parts():
        if wanted in (plain_words(part).replace("-", ""), plain_words(label_of(part)).replace("-", "")):
            return part
    raise SettingsError(where, found=printable(text, 60), expected=f"one of {', '.join(all_parts())}")


def mix_loras(
    parts: Sequence[PartOf],
    output: Output,
    *,
    base: Base | None = None,
    progress: Progress = no_progress,
    stop: Callable[[], bool] = lambda: False,
) -> MadeLora:
    """Write the parts of different files as one LoRA, such as the text encoder of one epoch and the U-Net of another.

    Every tensor keeps its bytes and its type, unless the output names a type.

    Args:
        parts: each part at most once.
        output: where to; its rule for alphas has no effect.
        base: whose names the modules get; None for those of the files.
        progress, stop: as write_lora has them.

    Raises:
        LoraTuiError: a file cannot be read or is for another base, has no layer of its part, or the new one cannot be written.
    """
    _check_parts(parts)
    references = list(dict.fromkeys(each.reference for each in parts))
    output.check([reference.path for reference in references])
    with OpenedLoras(references, base) as files:
        chosen = _chosen_modules(parts, references, files)
        words = {label_of(each.part) if each.part else "the rest": each.reference.label for each in parts}
        making = Making("mix", {"parts": words}, references, of_several=True)
        metadata = made_metadata(making, [file.header.metadata for file in files.files], output.path)
        notes = [line for file in files.files for line in file.header.unread()]
        return copy_modules(files, chosen, output, metadata, progress=progress, stop=stop, notes=notes)


def copy_modules(
    files: OpenedLoras,
    chosen: Mapping[str, int],
    output: Output,
    metadata: Mapping[str, str],
    *,
    progress: Progress = no_progress,
    stop: Callable[[], bool] = lambda: False,
    notes: Sequence[str] = (),
) -> MadeLora:
    """Write modules of open files as one LoRA in kohya's form, each tensor as it is.

    Args:
        files: the files.
        chosen: common name of a module -> the place of its file.
        output: where to.
        metadata: texts of its header, without ranks and hashes.
        progress, stop, notes: as write_lora has them.

    Raises:
        LoraTuiError: as mix_loras.
        BenchStopped: `stop` became true.
    """
    tensors = sorted(_tensors(files, chosen, output.dtype), key=lambda each: canonical_order(each.key, each.dtype))
    entries: list[Entry] = [(each.key, each.dtype, each.shape) for each in tensors]
    written = _modules(files, chosen)
    texts = {**metadata, **network_texts(written, _alphas(files, chosen), metadata)}
    try:
        with ExitStack() as closing:
            beside = closing.enter_context(atomic_path(output.path))
            sources = [
                closing.enter_context(TensorArrays(lora_file(file.reference.path), file.raw)) for file in files.files
            ]
            stream = closing.enter_context(TensorStream(beside, entries, texts))
            for number, each in enumerate(tensors):
                if stop():
                    raise BenchStopped
                progress(number, len(tensors))
                raw = files.files[each.file].raw
                stream.add(each.key, each.dtype, each.shape, _content(each, sources[each.file], raw, output))
            hashes = stream.hashes(texts)
            stream.finish({**texts, **hashes})
        size = output.path.stat().st_size
    except OSError as error:
        raise unwritten(output.path, error) from error
    progress(len(tensors), len(tensors))
    dtypes = {each.dtype for each in tensors if not each.key.endswith(ALPHA)}
    dtype = dtypes.pop() if len(dtypes) == 1 else ""
    return MadeLora(output.path, size, dtype, tuple(written), {}, tuple(notes), hashes["sshs_model_hash"])


def copied_bytes(source: TensorBytes, raw: Header, key: str) -> Iterator[memoryview]:
    """Yield the bytes of a tensor of a file, some at a time."""
    start, end = raw.spans[key]
    for begin in range(start, end, _AT_ONCE):
        piece = memoryview(bytearray(min(_AT_ONCE, end - begin)))
        source.fill(piece, begin)
        yield piece


def _content(each: _Copied, source: TensorArrays, raw: Header, output: Output) -> Iterator[memoryview]:
    if not each.source:
        yield number_bytes(np.array(each.value), each.dtype)
    elif raw.dtypes[each.source] == each.dtype:
        yield from copied_bytes(source, raw, each.source)
    else:
        numbers = source.read(each.source)
        if not np.isfinite(rounded(numbers, each.dtype)).all():
            raise ModelError(
                printable(str(output.path)),
                found=f"{printable(each.key, 100)} has numbers too large for the type",
                expected="a type that holds them",
                way_out="save it in fp32 (--save-precision float)",
            )
        yield number_bytes(numbers, each.dtype)


def _tensors(files: OpenedLoras, chosen: Mapping[str, int], dtype: str) -> Iterator[_Copied]:
    for name, place in chosen.items():
        file = files.files[place]
        own, written = file.own[name], files.written_name(name)
        _check_scale(file, own)
        types = []
        for role, ending in ENDINGS.items():
            key = file.header.keys.get((own, role))
            if key is not None:
                types.append(_type_of(role, file, own, key, dtype))
                yield _Copied(written + ending, place, key, types[-1], file.raw.shapes[key])
        if (own, "alpha") not in file.header.keys:
            # PEFT and diffusers keep it as a text, of which nothing is left.
            alpha = file.module(name).alpha
            kind = types[0] if types[0] in BYTES and _holds(types[0], alpha) else "F32"
            yield _Copied(written + ALPHA, place, "", kind, (), alpha)


def _type_of(role: Role, file: OpenedLora, own: str, key: str, dtype: str) -> str:
    """Return the type that a tensor is written in: its own, or the one asked for, unless an alpha would be rounded by it."""
    if not dtype or (role == "alpha" and not _holds(dtype, file.header.modules[own].alpha)):
        return file.raw.dtypes[key]
    return dtype


def _holds(dtype: str, alpha: float) -> bool:
    return float(rounded(np.array(alpha), dtype)) == alpha


def _check_scale(file: OpenedLora, own: str) -> None:
    """See that a module's tensors alone tell its scale: that of a LoKr of two whole matrices stands in a config or in the metadata.

    Raises:
        ModelError: they do not.
    """
    module = file.header.modules[own]
    has_rank = any((own, role) in file.header.keys for role in _WITH_A_RANK)
    if module.kind == "lokr" and not has_rank and module.scale != 1:
        raise ModelError(
            printable(str(file.reference.path)),
            found=f"{printable(own, 80)} is a LoKr of two whole matrices with the scale {module.scale:g}",
            expected="a layer whose tensors tell its scale",
            way_out="make a plain LoRA of it first: lora-tui lora convert",
        )


_WITH_A_RANK: tuple[Role, ...] = ("lokr_w1_b", "lokr_w2_b")


def _modules(files: OpenedLoras, chosen: Mapping[str, int]) -> list[WrittenModule]:
    return [
        WrittenModule(files.written_name(name), module.rank, module.rank, 0.0, 0.0, 0.0)
        for name, place in chosen.items()
        for module in [files.files[place].module(name)]
    ]


def _alphas(files: OpenedLoras, chosen: Mapping[str, int]) -> set[float]:
    return {files.files[place].module(name).alpha for name, place in chosen.items()}


def _check_parts(parts: Sequence[PartOf]) -> None:
    if not parts:
        raise SettingsError("mix", found="no part", expected="a part and its file, such as `unet=12@5`")
    named = [each.part for each in parts]
    twice = next((part for part in named if named.count(part) > 1), None)
    if twice is not None:
        what = label_of(twice) if twice else "the rest"
        raise SettingsError("mix", found=f"{what} twice", expected="each part from one file")


def _chosen_modules(parts: Sequence[PartOf], references: Sequence[LoraReference], files: OpenedLoras) -> dict[str, int]:
    """Return common name -> place of the file that gives the module, in the order of the parts."""
    chosen: dict[str, int] = {}
    named = {each.part for each in parts}
    for each in parts:
        place = references.index(each.reference)
        file = files.files[place]
        found = [name for name, own in file.own.items() if _is_of(own, each.part, named)]
        if not found:
            what = f"the {label_of(each.part)}" if each.part else "any other part"
            raise ModelError(
                printable(str(each.reference.path)),
                found=f"has no layer of {what}: it has {_parts_in(file)}",
                expected="a file with at least one",
            )
        chosen |= dict.fromkeys(found, place)
    return chosen


def _is_of(name: str, part: str, named: set[str]) -> bool:
    found = part_with(name)
    key = "" if found is None else found.key
    return key == part if part else key not in named


def _parts_in(file: OpenedLora) -> str:
    counts: dict[str, int] = {}
    for name in file.own.values():
        part = part_with(name)
        label = "no known part" if part is None else part.label
        counts[label] = counts.get(label, 0) + 1
    return ", ".join(f"{plural(count, 'layer')} of {label}" for label, count in counts.items())

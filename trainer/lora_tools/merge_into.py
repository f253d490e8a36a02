"""LoRAs merged into a checkpoint: the file written again tensor by tensor, each in its own type, with the changes added."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainer.atomic_file import atomic_path
from trainer.errors import ModelError
from trainer.formats.number_types import number_bytes, rounded
from trainer.formats.safetensors_arrays import TensorArrays
from trainer.formats.safetensors_header import Header, read_header
from trainer.formats.safetensors_stream import TensorStream, entries_of
from trainer.lora_tools.base_change import check_finite, weights_in
from trainer.lora_tools.combine import summed
from trainer.lora_tools.copy_modules import copied_bytes
from trainer.lora_tools.inputs import OpenedLoras, biases_left_out
from trainer.lora_tools.made_lora import BenchStopped, Output, Progress, no_progress, unwritten
from trainer.lora_tools.merge import WeightedLora
from trainer.lora_tools.provenance import Making, made_metadata
from trainer.measures.change_factors import Matrix
from trainer.models.identify import Base
from trainer.models.weight_slice import WeightSlice
from trainer.settings.in_metadata import MADE
from trainer.text import plural, printable


@dataclass(frozen=True)
class MadeCheckpoint:
    """A checkpoint that was made.

    Attributes:
        path: of the file.
        size: bytes.
        changed: how many modules were changed.
        notes: what else the user should know, a line each.
    """

    path: Path
    size: int
    changed: int
    notes: tuple[str, ...] = ()


def merge_into_base(
    base: Base,
    loras: Sequence[WeightedLora],
    output: Output,
    *,
    progress: Progress = no_progress,
    stop: Callable[[], bool] = lambda: False,
) -> MadeCheckpoint:
    """Write a checkpoint with LoRAs of any kind merged into it, W + Σ weight · ΔW.

    No more than one weight is held; everything that no LoRA changes keeps its bytes.

    Args:
        base: a single file.
        loras: one or more; they must be for this base.
        output: where to; its type and alphas have no effect.
        progress: takes how many tensors are written.
        stop: asked between two tensors whether to give up.

    Raises:
        LoraTuiError: a LoRA is not for this base, the base is a folder, or the file cannot be written.
        BenchStopped: `stop` became true.
    """
    if not base.path.is_file() or not base.weights:
        raise ModelError(
            printable(str(base.path)),
            found="a folder" if base.path.is_dir() else "a model whose weights are not known one by one",
            expected="a checkpoint of one .safetensors file",
        )
    output.check([base.path, *(lora.reference.path for lora in loras)])
    header = read_header(base.path)
    inside = weights_in(base).get(base.path, {})
    making = Making("merge", {"into": base.name}, [lora.reference for lora in loras], [lora.words() for lora in loras])
    # The checkpoint's own texts stay; of the LoRAs' nothing is true of it.
    metadata = {**header.metadata, MADE: made_metadata(making, [], output.path)[MADE]}
    entries = entries_of(header)
    changed = 0
    try:
        with ExitStack() as closing:
            files = closing.enter_context(OpenedLoras([lora.reference for lora in loras], base))
            files.check_changes()
            for lora, file in zip(loras, files.files, strict=True):
                lora.blocks.check(file.header.modules, lora.reference.label)
            source = closing.enter_context(TensorArrays(base.path, header))
            beside = closing.enter_context(atomic_path(output.path))
            stream = closing.enter_context(TensorStream(beside, entries, metadata))
            touched = set(files.names())
            for number, (key, dtype, shape) in enumerate(entries):
                if stop():
                    raise BenchStopped
                progress(number, len(entries))
                names = [name for name in inside.get(key, ()) if name in touched]
                if names:
                    content: Iterator[memoryview] = iter([_changed(base, files, loras, names, key, source, header)])
                    changed += len(names)
                else:
                    content = copied_bytes(source, header, key)
                stream.add(key, dtype, shape, content)
            stream.finish(metadata)
            notes = (
                *(line for file in files.files for line in (*file.header.unread(), *biases_left_out(file))),
                *_elsewhere(base, touched),
            )
        size = output.path.stat().st_size
    except OSError as error:
        raise unwritten(output.path, error) from error
    progress(len(entries), len(entries))
    return MadeCheckpoint(output.path, size, changed, notes)


def _elsewhere(base: Base, names: Collection[str]) -> Iterator[str]:
    """Yield a line about the modules whose weights lie in another of the base's files, of each file."""
    others = Counter(place.path for name in names if (place := base.weights[name]).path != base.path)
    for path, count in others.items():
        yield f"{plural(count, 'module')} not merged: not in this checkpoint, but in {printable(path.name, 80)}"


def _changed(
    base: Base,
    files: OpenedLoras,
    loras: Sequence[WeightedLora],
    names: Sequence[str],
    key: str,
    source: TensorArrays,
    header: Header,
) -> memoryview:
    """Return the bytes of a tensor with the changes of the modules in it added."""
    numbers = source.read(key)
    check_finite(base.path, key, numbers)
    for name in names:
        found = [
            (factor, change)
            for number, lora in enumerate(loras)
            if (factor := lora.factor(files.files[number].own.get(name, name)))
            and (change := files.read(number, name)) is not None
        ]
        if found:
            whole = summed(found)
            _add(numbers, base.weights[name].piece, whole.up @ whole.down)
    dtype = header.dtypes[key]
    if not np.isfinite(rounded(numbers, dtype)).all():
        raise ModelError(
            printable(key, 100), found="gets numbers too large for its type", expected="a smaller weight of the LoRA"
        )
    return number_bytes(numbers, dtype)


def _add(numbers: Matrix, piece: WeightSlice, change: Matrix) -> None:
    """Add a module's change to the tensor that its weight lies in, in place."""
    if piece.turned:
        numbers += change.T.reshape(numbers.shape)
        return
    rows = piece.shape[0]
    part = numbers[piece.first_row : piece.first_row + rows]
    part += change.reshape(part.shape)

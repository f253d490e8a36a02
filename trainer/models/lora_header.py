"""The header of a LoRA file: its modules, their ranks and shapes, or what the file is instead; free of torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from trainer.errors import ModelError
from trainer.formats.safetensors_header import Header, read_header
from trainer.models.kohya_names import part_of
from trainer.settings.parts import is_encoder
from trainer.text import printable

DOWN, UP, ALPHA = ".lora_down.weight", ".lora_up.weight", ".alpha"
"""How the keys of a module end."""

# What LyCORIS and others write under the same module names: a change of another form, or part of one.
_OTHER_KINDS = {
    "dora_scale": "a DoRA",
    "lora_mid": "a LoRA in Tucker form (lora_mid)",
    "hada": "a LoHa",
    "lokr": "a LoKr",
    "oft": "an OFT",
    "diff": "full weights (diff)",
}


@dataclass(frozen=True)
class LoraModule:
    """The layer on one module, as its file has it.

    Attributes:
        down: shape of lora_down: [rank, inputs], with a kernel on convolutions.
        up: shape of lora_up: [outputs, rank], with a 1x1 kernel on convolutions.
    """

    down: tuple[int, ...]
    up: tuple[int, ...]


@dataclass(frozen=True)
class LoraHeader:
    """What a LoRA file says before any tensor is read.

    Attributes:
        modules: name in the file -> its layer.
        metadata: the file's own texts.
    """

    modules: Mapping[str, LoraModule]
    metadata: Mapping[str, str]

    @cached_property
    def rank(self) -> int:
        """The highest rank of its layers."""
        return max(module.down[0] for module in self.modules.values())

    @cached_property
    def has_text_encoder(self) -> bool:
        """Whether it has layers for a text encoder."""
        parts = (part_of(name) for name in self.modules)
        return any(part is not None and is_encoder(part) for part in parts)


def read_lora_header(path: Path) -> LoraHeader:
    """Return what the header of a LoRA file says.

    Raises:
        ModelError: it is no whole safetensors file, or no plain LoRA (or LoCon) in kohya's form; says what it is instead.
    """
    header = read_header(path)
    _check_kind(path, header)
    modules = {}
    for name in (key.removesuffix(DOWN) for key in header.shapes if key.endswith(DOWN)):
        _check_shapes(path, header, name)
        modules[name] = LoraModule(header.shapes[name + DOWN], header.shapes[name + UP])
    return LoraHeader(modules, header.metadata)


def _check_kind(path: Path, header: Header) -> None:
    strange: list[str] = []
    for key in header.shapes:
        name, _, suffix = key.partition(".")
        # Other keys, as of an embedding that travels in the file, change no weight.
        if name.startswith("lora_") and f".{suffix}" not in (DOWN, UP, ALPHA):
            strange.append(suffix)
    if strange:
        kind = next((word for start, word in _OTHER_KINDS.items() if strange[0].startswith(start)), "")
        raise ModelError(
            printable(str(path)),
            found=f"it is {kind}" if kind else f"it has tensors …{printable(strange[0], 60)}",
            expected="a plain LoRA or LoCon: lora_down, lora_up and alpha",
        )
    if not any(key.endswith(DOWN) for key in header.shapes):
        raise ModelError(
            printable(str(path)), found="not a LoRA in kohya's format", expected="keys such as …lora_down.weight"
        )
    for key in header.shapes:
        module = key.removesuffix(UP)
        if key.endswith(UP) and module + DOWN not in header.shapes:
            raise ModelError(
                printable(str(path)), found=f"module {printable(module, 80)} has no lora_down", expected="both"
            )


def _check_shapes(path: Path, header: Header, module: str) -> None:
    down, up = header.shapes[module + DOWN], header.shapes.get(module + UP, ())
    alpha = header.shapes.get(module + ALPHA, ())
    fits = len(up) == len(down) and len(up) in (2, 4) and up[1] == down[0] > 0 and up[2:] in ((), (1, 1))
    if not fits or alpha not in ((), (1,)):
        raise ModelError(
            printable(str(path)),
            found=f"module {printable(module, 80)} has down {down}, up {up}, alpha {alpha}",
            expected="[rank, in], [out, rank] and a scalar",
        )

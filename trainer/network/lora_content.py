"""What does a LoRA file hold? Its tensors under kohya's keys, from any tool that writes the form, and a plain word where it is none."""

from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
from torch import Tensor

from trainer.errors import ModelError
from trainer.foreign_text import shown
from trainer.models.kohya_names import file_name
from trainer.models.safetensors_header import Header, read_header
from trainer.settings.parts import Family

DOWN, UP, ALPHA = ".lora_down.weight", ".lora_up.weight", ".alpha"

# What LyCORIS and others write under the same module names: a change of another form, or part of one.
_OTHER_KINDS = {
    "dora_scale": "a DoRA",
    "lora_mid": "a LoRA in Tucker form (lora_mid)",
    "hada": "a LoHa",
    "lokr": "a LoKr",
    "oft": "an OFT",
    "diff": "whole weights (diff)",
}


@dataclass(frozen=True)
class LoraFile:
    """What a LoRA file holds: tensors by kohya's keys, and the metadata texts."""

    path: Path
    tensors: dict[str, Tensor]
    metadata: dict[str, str]

    @property
    def modules(self) -> list[str]:
        """Names of the modules it changes, sorted."""
        return sorted(key.removesuffix(DOWN) for key in self.tensors if key.endswith(DOWN))

    def rank(self, module: str) -> int:
        """Return the module's rank."""
        return self.tensors[module + DOWN].shape[0]

    def alpha(self, module: str) -> float:
        """Return the module's alpha; a missing or zero one is the rank (sd-scripts: networks.lora)."""
        tensor = self.tensors.get(module + ALPHA)
        # sd-scripts writes alpha as int64 where save_precision was not given.
        return (float(tensor) if tensor is not None else 0.0) or float(self.rank(module))

    def named_for(self, family: Family) -> "LoraFile":
        """Return the same file with its modules named as this program names them on a base of `family`.

        Raises:
            ModelError: it names one module in two ways.
        """
        tensors: dict[str, Tensor] = {}
        for key, tensor in self.tensors.items():
            name, dot, suffix = key.partition(".")
            own = file_name(name, family) + dot + suffix
            if own in tensors:
                raise ModelError(
                    shown(str(self.path)), found=f"{shown(key, 80)} is there under two names", expected="one of them"
                )
            tensors[own] = tensor
        return LoraFile(self.path, tensors, self.metadata)


def load_lora(path: Path) -> LoraFile:
    """Read a LoRA file to the CPU.

    Raises:
        ModelError: it is no whole safetensors file, or no plain LoRA (or LoCon) in kohya's form; says what it is instead.
    """
    header = read_header(path)
    _check_kind(path, header)
    for module in (name.removesuffix(DOWN) for name in header.shapes if name.endswith(DOWN)):
        _check_shapes(path, header, module)
    return LoraFile(path, safetensors.torch.load_file(path), header.metadata)


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
            shown(str(path)),
            found=f"it is {kind}" if kind else f"it has tensors …{shown(strange[0], 60)}",
            expected="a plain LoRA or LoCon: lora_down, lora_up and alpha",
        )
    if not any(key.endswith(DOWN) for key in header.shapes):
        raise ModelError(shown(str(path)), found="no LoRA in kohya's form", expected="keys such as …lora_down.weight")
    for key in header.shapes:
        module = key.removesuffix(UP)
        if key.endswith(UP) and module + DOWN not in header.shapes:
            raise ModelError(shown(str(path)), found=f"module {shown(module, 80)} has no lora_down", expected="both")


def _check_shapes(path: Path, header: Header, module: str) -> None:
    down, up = header.shapes[module + DOWN], header.shapes.get(module + UP, ())
    alpha = header.shapes.get(module + ALPHA, ())
    fits = len(up) == len(down) and len(up) in (2, 4) and up[1] == down[0] > 0 and up[2:] in ((), (1, 1))
    if not fits or alpha not in ((), (1,)):
        raise ModelError(
            shown(str(path)),
            found=f"module {shown(module, 80)} has down {down}, up {up}, alpha {alpha}",
            expected="[rank, in], [out, rank] and a scalar",
        )

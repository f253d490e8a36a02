"""The content of a LoRA file: its tensors under kohya's keys, from any tool that writes the format."""

from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
from torch import Tensor

from trainer.errors import ModelError
from trainer.models.kohya_names import file_name
from trainer.models.lora_header import ALPHA, DOWN, read_lora_header
from trainer.settings.parts import Family
from trainer.text import printable


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
                    printable(str(self.path)),
                    found=f"{printable(key, 80)} is present under two names",
                    expected="one of them",
                )
            tensors[own] = tensor
        return LoraFile(self.path, tensors, self.metadata)


def load_lora(path: Path) -> LoraFile:
    """Read a LoRA file to the CPU.

    Raises:
        ModelError: it is not a complete safetensors file, or not a plain LoRA (or LoCon) in kohya's format; the error says what it is.
    """
    metadata = read_lora_header(path).metadata
    return LoraFile(path, safetensors.torch.load_file(path), dict(metadata))

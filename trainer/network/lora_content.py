"""The content of a LoRA file: its tensors under kohya's and LyCORIS' keys, whichever tool wrote it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from trainer.errors import ModelError
from trainer.models.adapter_config import lora_file
from trainer.models.kohya_names import ModuleNames
from trainer.models.lora_header import ALPHA, DOWN, ENDINGS, MID, not_plain, read_lora_header
from trainer.models.lora_keys import Role
from trainer.models.lora_module import LoraModule
from trainer.models.lora_numbers import check_lora_numbers
from trainer.text import printable


@dataclass(frozen=True)
class LoraFile:
    """What a LoRA file holds.

    Attributes:
        path: where it was read from.
        tensors: by kohya's keys, however the file calls them; those of other kinds than plain layers by LyCORIS'.
        metadata: its texts.
        others: module -> its change, of those that are no plain layers.
    """

    path: Path
    tensors: dict[str, Tensor]
    metadata: dict[str, str]
    others: Mapping[str, LoraModule] = field(default_factory=dict)

    @property
    def modules(self) -> list[str]:
        """Names of the modules it changes, sorted."""
        plain = {key.removesuffix(DOWN) for key in self.tensors if key.endswith(DOWN)}
        return sorted(plain | self.others.keys())

    def plain(self) -> "LoraFile":
        """Return the file itself, which must be of plain layers alone.

        Raises:
            ModelError: it is not.
        """
        if self.others:
            raise not_plain(self.path, read_lora_header(self.path))
        return self

    def tensors_of(self, module: str) -> dict[Role, Tensor]:
        """Return a module's tensors by their roles."""
        return {role: self.tensors[module + end] for role, end in ENDINGS.items() if module + end in self.tensors}

    def rank(self, module: str) -> int:
        """Return the module's rank."""
        return self.tensors[module + DOWN].shape[0]

    def alpha(self, module: str) -> float:
        """Return the module's alpha; a missing or zero one is the rank (sd-scripts: networks.lora)."""
        tensor = self.tensors.get(module + ALPHA)
        # sd-scripts writes alpha as int64 where save_precision was not given.
        return (float(tensor) if tensor is not None else 0.0) or float(self.rank(module))

    def named_for(self, names: ModuleNames) -> "LoraFile":
        """Return the same file with its modules named as this program names them on a base.

        Args:
            names: of the base's modules, or of a network's layers.

        Raises:
            ModelError: it names one module in two ways, with different weights.
        """
        tensors: dict[str, Tensor] = {}
        for key, tensor in self.tensors.items():
            name, dot, suffix = key.partition(".")
            own = names.own(name) + dot + suffix
            if own in tensors and not torch.equal(tensors[own], tensor):
                raise ModelError(
                    printable(str(self.path)),
                    found=f"{printable(key, 80)} is present under two names",
                    expected="one of them",
                )
            tensors[own] = tensor
        others = {names.own(name): module for name, module in self.others.items()}
        return LoraFile(self.path, tensors, self.metadata, others)


def load_lora(path: Path) -> LoraFile:
    """Read a LoRA file to the CPU.

    Args:
        path: the file, or the folder of PEFT or diffusers that holds it.

    Raises:
        ModelError: it is not a complete safetensors file, no LoRA of a kind that is read here, or holds NaN or infinity; the error
            says what it is, or in which module.
    """
    path = lora_file(path)
    header = read_lora_header(path)
    check_lora_numbers(path)
    try:
        written = safetensors.torch.load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            printable(str(path)),
            found=f"cannot be read ({printable(str(error), 120)})",
            expected="a complete .safetensors file",
            way_out="download it again and compare its size",
        ) from error
    tensors = {module + ENDINGS[role]: written[key] for (module, role), key in header.keys.items()}
    others = {name: module for name, module in header.modules.items() if not module.is_plain}
    for name, module in header.modules.items():
        # PEFT and diffusers keep it as a text.
        tensors.setdefault(name + ALPHA, torch.tensor(module.alpha))
        core = tensors.pop(name + MID, None)
        if core is not None:
            tensors[name + DOWN] = _without_core(tensors[name + DOWN], core)
    return LoraFile(path, tensors, dict(header.metadata), others)


def _without_core(down: Tensor, core: Tensor) -> Tensor:
    """Return the one convolution that two in a row are: 1x1 `down` [rank, in, 1, 1] and `core` [rank, rank, k, k]."""
    return torch.einsum("pqkl,qi->pikl", core.float(), down.flatten(1).float())

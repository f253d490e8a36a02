"""The network of LoRA layers on a base, and the modules that get one (kohya's networks.lora)."""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal, Protocol, Self

import torch
from torch import nn

from trainer.errors import ModelError, SettingsError
from trainer.families.registry import family_record
from trainer.models.kohya_names import ModuleNames, kohya_name
from trainer.network.dropout import Dropouts
from trainer.network.lora import LoraLayer
from trainer.network.norms import limit_norms
from trainer.network.patch_network import PatchNetwork
from trainer.settings.model import Settings
from trainer.settings.parts import Family, Part, label_of, parts_of


class LoraBase(Protocol):
    """What a network needs of a model: its family and the parts that LoRA layers sit in."""

    @property
    def family(self) -> Family:
        """Architecture, which decides the names."""

    @property
    def body(self) -> nn.Module:
        """The predicting module."""

    @property
    def encoders(self) -> Mapping[Part, nn.Module]:
        """The text encoders."""


@dataclass(frozen=True)
class LayerRules:
    """Rank, alpha and dropout of every layer.

    Attributes:
        dim: rank of Linear layers and 1x1 convolutions.
        alpha: scale times dim; 0 stands for dim, as in sd-scripts.
        conv_dim: rank of the layers on 3x3 convolutions; None leaves the U-Net's resnets and samplers without any layer.
        conv_alpha: scale times conv_dim; 0 stands for conv_dim.
        dropout, rank_dropout, module_dropout: shares left out while training; see network.dropout.
    """

    dim: int
    alpha: float
    conv_dim: int | None = None
    conv_alpha: float = 0.0
    dropout: float = 0.0
    rank_dropout: float = 0.0
    module_dropout: float = 0.0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the rules that settings ask for."""
        return cls(
            dim=settings.network_dim,
            alpha=settings.alpha,
            conv_dim=settings.conv_dim,
            conv_alpha=settings.alpha_of_conv,
            dropout=settings.network_dropout,
            rank_dropout=settings.rank_dropout,
            module_dropout=settings.module_dropout,
        )

    def rank_and_alpha(self, target: nn.Linear | nn.Conv2d) -> tuple[int, float]:
        """Return the rank and the alpha in force of the layer on `target`."""
        is_wide = isinstance(target, nn.Conv2d) and target.kernel_size != (1, 1)
        rank, alpha = (self.conv_dim or self.dim, self.conv_alpha) if is_wide else (self.dim, self.alpha)
        return rank, alpha or float(rank)

    def dropouts(self) -> Dropouts | None:
        """Return the dropouts that one network's layers share, None where every share is 0."""
        shares = (self.dropout, self.rank_dropout, self.module_dropout)
        return Dropouts(*shares) if any(shares) else None


class LoraNetwork(PatchNetwork[LoraLayer]):
    """All LoRA layers on one model, by kohya's names, in the order of the model's modules.

    Args:
        family: the model's architecture.
        layers: part -> layers; a part without layers is left out of the file.
        dropouts: those that the layers share, if any.
    """

    def __init__(
        self, family: Family, layers: Mapping[Part, list[LoraLayer]], dropouts: Dropouts | None = None
    ) -> None:
        """Attach every layer."""
        super().__init__(family, layers)
        self._dropouts = dropouts

    def parameters(self, part: Part | None = None) -> list[nn.Parameter]:
        """Return the weights of one part, or of all: down and up of each layer, fp32."""
        layers = self if part is None else self.layers(part)
        return [weight for layer in layers for weight in (layer.down, layer.up)]

    def downs(self, part: Part) -> list[nn.Parameter]:
        """Return the down weights of one part's layers, in their order."""
        return [layer.down for layer in self.layers(part)]

    def ups(self, part: Part) -> list[nn.Parameter]:
        """Return the up weights of one part's layers, in their order."""
        return [layer.up for layer in self.layers(part)]

    def train_only(self, parts: Collection[Part]) -> None:
        """Let the weights of `parts` have gradients and the others none."""
        for part in parts_of(self.family):
            for weight in self.parameters(part):
                weight.requires_grad_(part in parts)

    def start_pass(self, seed: int, step: int, micro_batch: int, *, rows: tuple[int, int] | None = None) -> None:
        """Draw the dropout of the next training forward; call it before each. Without dropouts it does nothing.

        What is left out of a picture depends on seed, step, batch and the picture's place in it alone, not on which others pass
        through with it; forwards without gradient and layers that do not train leave out nothing.

        Args:
            seed: the bake's, for its noise.
            step: the optimizer step.
            micro_batch: the batch within the step.
            rows: the first of the batch's pictures that pass through and the one after the last; None for all.
        """
        if self._dropouts is None:
            return
        training = [layer.name for layer in self if layer.down.requires_grad]
        left_out = self._dropouts.start_pass(seed, step, micro_batch, training, rows=rows)
        for layer in self:
            layer.dropped = layer.name in left_out

    def without_dropout(self) -> AbstractContextManager[None]:
        """Leave nothing out while the block runs, with gradient or without."""
        return nullcontext() if self._dropouts is None else self._dropouts.paused()

    def move_to(self, device: torch.device | str, part: Part | None = None) -> None:
        """Move the weights of one part, or of all, to a device; they stay the same parameter objects.

        The layers' forward must meet its input there.
        """
        for weight in self.parameters(part):
            if weight.device != torch.device(device):
                weight.data = weight.data.to(device)

    def limit_norms(self, largest: float) -> None:
        """Shorten the change of each layer that trains to `largest` where it is longer; see network.norms."""
        limit_norms([layer for layer in self if layer.down.requires_grad], largest)


def inject(model: LoraBase, rules: LayerRules, seed: int, parts: Collection[Part]) -> LoraNetwork:
    """Put LoRA layers on a model and return them; their change is zero until they are trained.

    Args:
        model: loaded base, on any device (on `meta` the layers have shapes only).
        rules: ranks, alphas and dropouts.
        seed: decides the start values.
        parts: which parts get layers; those the family lacks are passed over.

    Raises:
        SettingsError: no part is wanted.
    """
    wanted = wanted_parts(model, parts)
    dropouts = rules.dropouts()
    layers = {
        part: [
            LoraLayer(name, target, *rules.rank_and_alpha(target), dropouts)
            for name, target in targets(model, part, "linear" if rules.conv_dim is None else "conv").items()
        ]
        for part in wanted
    }
    for layer in (layer for of_part in layers.values() for layer in of_part):
        layer.init_weights(seed)
    return LoraNetwork(model.family, layers, dropouts)


def wanted_parts(model: LoraBase, parts: Collection[Part]) -> list[Part]:
    """Return those of `parts` that the model has, the U-Net first.

    Raises:
        SettingsError: there are none.
    """
    of_model = parts_of(model.family)
    wanted = [part for part in of_model if part in parts]
    if not wanted:
        raise SettingsError(
            "network",
            found="no part to train",
            expected=f"at least one of {', '.join(label_of(part) for part in of_model)}",
        )
    return wanted


Extent = Literal["linear", "conv", "all"]
"""Which modules of a part count: those that always get a layer, those in resnets and samplers too (`conv_dim`), or every one that
a file of another program may have a layer on, such as `conv_in` and `time_embedding`."""


def targets(model: LoraBase, part: Part, extent: Extent = "linear") -> dict[str, nn.Linear | nn.Conv2d]:
    """Return the modules of one part that get a LoRA layer, by kohya's name, in the model's order.

    Args:
        model: loaded base.
        part: one of the parts of its family.
        extent: which ones count.

    Raises:
        ModelError: two modules would have the same name.
    """
    record = family_record(model.family).part(part)
    root = model.encoders[part] if record.is_encoder else model.body
    holders = record.lora_holders | (record.conv_holders if extent != "linear" else frozenset())
    found: dict[str, nn.Linear | nn.Conv2d] = {}

    def add(path: str, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Conv2d):
            name = kohya_name(part, path, model.family)
            if found.setdefault(name, module) is not module:
                raise ModelError(
                    name, found="two modules of the base would have this name", expected="SDXL's block layout"
                )

    for path, holder in root.named_modules():
        if type(holder).__name__ in holders:
            for child_path, child in holder.named_modules():
                add(f"{path}.{child_path}", child)
    if extent == "all":
        for path, module in root.named_modules():
            add(path, module)
    return found


def module_names(model: LoraBase) -> ModuleNames:
    """Return the names of all modules of a model that a LoRA file may have a layer on."""
    parts = parts_of(model.family)
    return ModuleNames(model.family, (name for part in parts for name in targets(model, part, "all")))

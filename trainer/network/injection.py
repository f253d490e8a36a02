"""Where do LoRA layers sit? Targets of kohya's networks.lora in an SD1.x model, and the network of all layers."""

from collections.abc import Iterator
from typing import Protocol

from torch import nn

from trainer.errors import SettingsError
from trainer.models.kohya_names import PARTS, Part, kohya_name
from trainer.network.lora import LoraLayer

# kohya's targets, by class name: Linear and 1x1 convolutions inside these.
_HOLDERS: dict[Part, set[str]] = {
    "unet": {"Transformer2DModel"},
    "text_encoder": {"CLIPAttention", "CLIPSdpaAttention", "CLIPMLP"},
}


class LoraBase(Protocol):
    """What a network needs of a model: the two parts that LoRA layers sit in."""

    unet: nn.Module
    text_encoder: nn.Module


class LoraNetwork:
    """All LoRA layers on one model, by kohya's names, in the order of the model's modules.

    Args:
        layers: part -> layers; a part without layers is left out of the file.
    """

    def __init__(self, layers: dict[Part, list[LoraLayer]]) -> None:
        """Attach every layer."""
        self._layers = layers
        self._strengths: dict[Part, float] = dict.fromkeys(PARTS, 1.0)
        for layer in self:
            layer.attach()

    def __iter__(self) -> Iterator[LoraLayer]:
        """Yield every layer, the U-Net's first."""
        for part in PARTS:
            yield from self._layers.get(part, ())

    def __len__(self) -> int:
        """Return how many layers there are."""
        return sum(len(layers) for layers in self._layers.values())

    def layers(self, part: Part) -> list[LoraLayer]:
        """Return the layers of one part."""
        return self._layers.get(part, [])

    def parameters(self, part: Part | None = None) -> list[nn.Parameter]:
        """Return the weights of one part, or of both: down and up of each layer, fp32."""
        layers = self if part is None else self.layers(part)
        return [weight for layer in layers for weight in (layer.down, layer.up)]

    def train_only(self, parts: set[Part]) -> None:
        """Let the weights of `parts` have gradients and the others none."""
        for part in PARTS:
            for weight in self.parameters(part):
                weight.requires_grad_(part in parts)

    @property
    def unet_strength(self) -> float:
        """Factor on the U-Net's change; 0 is the base exactly."""
        return self._strengths["unet"]

    @unet_strength.setter
    def unet_strength(self, value: float) -> None:
        self._set_strength("unet", value)

    @property
    def text_encoder_strength(self) -> float:
        """Factor on the text encoder's change; 0 is the base exactly."""
        return self._strengths["text_encoder"]

    @text_encoder_strength.setter
    def text_encoder_strength(self, value: float) -> None:
        self._set_strength("text_encoder", value)

    def _set_strength(self, part: Part, value: float) -> None:
        self._strengths[part] = value
        for layer in self.layers(part):
            layer.strength = value

    def remove(self) -> None:
        """Take every layer out of the model, which is then as it was before."""
        for layer in self:
            layer.remove()


def inject(
    model: LoraBase, dim: int, alpha: float, seed: int, *, unet: bool = True, text_encoder: bool = True
) -> LoraNetwork:
    """Put LoRA layers of rank `dim` on a model and return them; their change is zero until they are trained.

    Args:
        model: loaded base, on any device (on `meta` the layers have shapes only).
        dim: rank of every layer.
        alpha: scale times dim; 0 stands for dim, as in sd-scripts.
        seed: decides the start values.
        unet, text_encoder: which parts get layers.

    Raises:
        SettingsError: neither part is wanted.
    """
    wanted: dict[Part, bool] = {"unet": unet, "text_encoder": text_encoder}
    if not any(wanted.values()):
        raise SettingsError("network", found="neither U-Net nor text encoder", expected="at least one part to train")
    layers: dict[Part, list[LoraLayer]] = {}
    for part in PARTS:
        if wanted[part]:
            layers[part] = [
                LoraLayer(name, target, dim, alpha or float(dim)) for name, target in targets(model, part).items()
            ]
    for layer in (layer for part in layers.values() for layer in part):
        layer.draw(seed)
    return LoraNetwork(layers)


def targets(model: LoraBase, part: Part) -> dict[str, nn.Linear | nn.Conv2d]:
    """Return the modules of one part that get a LoRA layer, by kohya's name, in the model's order."""
    root = model.unet if part == "unet" else model.text_encoder
    found: dict[str, nn.Linear | nn.Conv2d] = {}
    for path, holder in root.named_modules():
        if type(holder).__name__ not in _HOLDERS[part]:
            continue
        for child_path, child in holder.named_modules():
            if isinstance(child, nn.Linear) or (isinstance(child, nn.Conv2d) and child.kernel_size == (1, 1)):
                found[kohya_name(part, f"{path}.{child_path}")] = child
    return found

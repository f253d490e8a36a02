"""Changes of layers on one model: by parts, with a strength for each, attached and removed together."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from trainer.models.block_weights import BlockWeights
from trainer.network.forward_patch import ForwardPatch
from trainer.settings.parts import Family, Part, body_of, is_encoder, parts_of

Patch_co = TypeVar("Patch_co", bound=ForwardPatch, covariant=True)


class PatchNetwork(Generic[Patch_co]):
    """All changes on one model, by kohya's names, in the order of the model's modules.

    Args:
        family: the model's architecture.
        layers: part -> changes.

    Attributes:
        block_weights: further factors by block group, in force from the next strength that is set on.
    """

    def __init__(self, family: Family, layers: Mapping[Part, Sequence[Patch_co]]) -> None:
        """Attach every change."""
        self.family = family
        self._layers = layers
        self._strengths: dict[Part, float] = dict.fromkeys(parts_of(family), 1.0)
        self.block_weights = BlockWeights()
        for layer in self:
            layer.attach()

    def __iter__(self) -> Iterator[Patch_co]:
        """Yield every change, the U-Net's first."""
        for part in parts_of(self.family):
            yield from self._layers.get(part, ())

    def __len__(self) -> int:
        """Return how many changes there are."""
        return sum(len(layers) for layers in self._layers.values())

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts that have changes, the U-Net first."""
        return tuple(part for part in parts_of(self.family) if self._layers.get(part))

    def layers(self, part: Part) -> Sequence[Patch_co]:
        """Return the changes of one part."""
        return self._layers.get(part, ())

    @property
    def unet_strength(self) -> float:
        """Factor on the U-Net's change; 0 is the base exactly."""
        return self._strengths[body_of(self.family)]

    @unet_strength.setter
    def unet_strength(self, value: float) -> None:
        self.set_strength(body_of(self.family), value)

    @property
    def text_encoder_strength(self) -> float:
        """Factor on the text encoders' change, both of SDXL's at once; 0 is the base exactly."""
        return next((self._strengths[part] for part in self._strengths if is_encoder(part)), 1.0)

    @text_encoder_strength.setter
    def text_encoder_strength(self, value: float) -> None:
        for part in filter(is_encoder, parts_of(self.family)):
            self.set_strength(part, value)

    def strength(self, part: Part) -> float:
        """Return the factor on one part's change."""
        return self._strengths[part]

    def set_strength(self, part: Part, value: float) -> None:
        """Set the factor on one part's change, times those of `block_weights`; 0 is the base exactly."""
        self._strengths[part] = value
        weights = self.block_weights
        for layer in self.layers(part):
            layer.strength = value * weights.factor(layer.name) if weights else value

    def remove(self) -> None:
        """Remove every change from the model, which is then as it was before."""
        for layer in self:
            layer.remove()

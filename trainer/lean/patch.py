"""Replacement of a loaded base's modules by leaner ones of the same weights, names and outputs."""

from diffusers.models import activations, resnet
from diffusers.models.transformers import transformer_2d
from torch import nn
from transformers.activations import QuickGELUActivation

from trainer.lean.activations import GEGLU, QuickGELU
from trainer.lean.frozen_conv import FrozenConv2d
from trainer.lean.resnet import ResnetBlock2D, is_usual
from trainer.lean.transformer_2d import Transformer2DModel

_OURS: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv2d: FrozenConv2d,
    activations.GEGLU: GEGLU,
    resnet.ResnetBlock2D: ResnetBlock2D,
    transformer_2d.Transformer2DModel: Transformer2DModel,
    QuickGELUActivation: QuickGELU,
}


def make_lean(*modules: nn.Module) -> None:
    """Make frozen modules of diffusers and transformers keep less for the backward pass and compute faster on a CPU.

    Their outputs are the same. The change is permanent, through `.to` and deep copies: modules change their class, no instance
    gets a forward of its own. Whatever is not exactly of a class known here stays as it is, such as layers of 8 bits and
    unusual blocks. It may be called again.

    Args:
        modules: U-Net and text encoders; before LoRA layers are put on them.
    """
    for module in (each for root in modules for each in root.modules()):
        ours = _OURS.get(type(module))
        if ours is None or (type(module) is resnet.ResnetBlock2D and not is_usual(module)):
            continue
        module.__class__ = ours

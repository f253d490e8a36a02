"""Replacement of a loaded base's modules by leaner ones of the same weights, names and outputs."""

from collections.abc import Callable
from typing import Any

from diffusers.models import activations, attention_processor, resnet
from diffusers.models.transformers import transformer_2d
from torch import nn
from transformers.activations import QuickGELUActivation

from trainer.lean.activations import GEGLU, QuickGELU
from trainer.lean.attention_layer import Attention, is_plain
from trainer.lean.frozen_conv import FrozenConv2d
from trainer.lean.resnet import ResnetBlock2D, is_usual
from trainer.lean.transformer_2d import Transformer2DModel

_OURS: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv2d: FrozenConv2d,
    activations.GEGLU: GEGLU,
    attention_processor.Attention: Attention,
    resnet.ResnetBlock2D: ResnetBlock2D,
    transformer_2d.Transformer2DModel: Transformer2DModel,
    QuickGELUActivation: QuickGELU,
}

# Of classes that diffusers has in several kinds, those that ours computes.
_IS_OURS: dict[type[nn.Module], Callable[[Any], bool]] = {
    attention_processor.Attention: is_plain,
    resnet.ResnetBlock2D: is_usual,
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
        kind = type(module)
        if kind in _OURS and (kind not in _IS_OURS or _IS_OURS[kind](module)):
            module.__class__ = _OURS[kind]

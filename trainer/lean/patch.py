"""Patching of a base as it is loaded; its modules keep their weights, their names and what others know of them."""

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
    """Let frozen modules of diffusers and transformers keep less for the backward pass and compute quicker on a CPU.

    What they give is the same. It stays for good, through `.to` and deep copies: the modules change their class, no instance gets
    a forward of its own. Whatever is not exactly of a class known here, layers of 8 bits and unusual blocks among it, stays as
    it is. It may be called again.

    Args:
        modules: U-Net and text encoders; before LoRA layers are put on them.
    """
    for module in (each for root in modules for each in root.modules()):
        ours = _OURS.get(type(module))
        if ours is None or (type(module) is resnet.ResnetBlock2D and not is_usual(module)):
            continue
        module.__class__ = ours

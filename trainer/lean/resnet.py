"""A resnet of the U-Net that keeps its input and its middle, and no third tensor of their size."""

from diffusers.models import resnet
from torch import Tensor
from torch.nn import functional

from trainer.lean.norm_silu import norm_silu


class ResnetBlock2D(resnet.ResnetBlock2D):  # type: ignore[misc]  # diffusers is untyped
    """diffusers' block as SD1.x and SDXL have it, with norm and activation in one.

    It has diffusers' name, since kohya's targets are found by it. Every submodule is called as a module, so that LoRA layers on
    them take part.
    """

    def forward(self, input_tensor: Tensor, temb: Tensor) -> Tensor:
        """Return the block's output.

        Args:
            input_tensor: [batch, channels, height, width].
            temb: [batch, channels of the time's embedding].
        """
        hidden: Tensor = self.conv1(norm_silu(self.norm1, input_tensor))
        hidden = hidden + self.time_emb_proj(functional.silu(temb))[:, :, None, None]
        hidden = self.conv2(norm_silu(self.norm2, hidden))
        shortcut = input_tensor if self.conv_shortcut is None else self.conv_shortcut(input_tensor)
        return shortcut + hidden


def is_usual(block: resnet.ResnetBlock2D) -> bool:
    """Return whether a block of diffusers computes exactly what ours does."""
    return (
        block.upsample is None
        and block.downsample is None
        and block.time_emb_proj is not None
        and block.time_embedding_norm == "default"
        and not block.skip_time_act
        and block.output_scale_factor == 1.0
        and block.dropout.p == 0.0
        and type(block.nonlinearity).__name__ == "SiLU"
    )

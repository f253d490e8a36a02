"""An attention of the U-Net that does nothing but attention in passes without gradient."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.models import attention_processor
from torch import Tensor
from torch.nn import functional

from trainer.lean.device_path import on_card

# On a CPU torch's kernel takes heads of 8 numbers 5.9 ms and those of 16 that hold the same and zeros 4.4 (12 pictures of 256 tokens, 4
# heads, one core); wider ones are quickest as they are.
_NARROW = 16


class Attention(attention_processor.Attention):  # type: ignore[misc]  # diffusers is untyped
    """diffusers' attention, under its own name.

    diffusers' own looks up the processor's arguments in every call and divides what comes out by 1, which is another pass over it.

    Attributes:
        fills_heads: whether narrow heads are filled up with zeros to the width that the kernel is quick in; see filled_heads.
    """

    fills_heads = False

    def forward(
        self,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        **others: Any,
    ) -> Tensor:
        """Return what the tokens make of each other, or of a text.

        Args:
            hidden_states: [batch, tokens, channels].
            encoder_hidden_states: [batch, the text's tokens, channels]; None for the tokens themselves.
            attention_mask, others: as diffusers has them; with any of them its own forward computes.
        """
        is_usual = type(self.processor) is attention_processor.AttnProcessor2_0 and hidden_states.dim() == 3
        if torch.is_grad_enabled() or attention_mask is not None or others or not is_usual:
            found: Tensor = super().forward(hidden_states, encoder_hidden_states, attention_mask, **others)
            return found
        text = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        each = (self.to_q(hidden_states), self.to_k(text), self.to_v(text))
        query, key, value = (one.unflatten(-1, (self.heads, -1)).transpose(1, 2) for one in each)
        if self.fills_heads and query.shape[-1] < _NARROW and not on_card(query):
            attended = _attended_filled(query, key, value)
        else:
            attended = functional.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.to_out[0](attended.transpose(1, 2).flatten(2))
        return out


def is_plain(attention: attention_processor.Attention) -> bool:
    """Return whether an attention of diffusers computes exactly what ours does."""
    extras = ("spatial_norm", "group_norm", "norm_q", "norm_k", "norm_cross", "add_q_proj", "add_k_proj")
    return (
        all(getattr(attention, name, None) is None for name in extras)
        and not attention.residual_connection
        and not attention.fused_projections
        and not attention.only_cross_attention
        and attention.rescale_output_factor == 1.0
        and attention.scale_qk
        and attention.to_q.out_features == attention.to_k.out_features
        and attention.to_out is not None
        and attention.to_out[1].p == 0.0
    )


@contextmanager
def filled_heads(unet: Any) -> Iterator[None]:
    """Let heads narrower than 16 numbers be filled up with zeros while the block lasts: the same sums, in another order.

    Args:
        unet: made lean; its attentions of other classes stay as they are.
    """
    attentions = [each for each in unet.modules() if isinstance(each, Attention)]
    for each in attentions:
        each.fills_heads = True
    try:
        yield
    finally:
        for each in attentions:
            del each.fills_heads


def _attended_filled(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return softmax(query keyᵀ / sqrt width) value, each [batch, heads, tokens, width], of filled heads."""
    width = query.shape[-1]
    query, key, value = (functional.pad(each, (0, _NARROW - width)) for each in (query, key, value))
    return functional.scaled_dot_product_attention(query, key, value, scale=width**-0.5)[..., :width]

"""The body's layers made leaner: attention with rotary positions that keeps less for the backward pass."""

from typing import Any, cast

import torch
from diffusers.models import attention_processor
from diffusers.models.transformers.transformer_cosmos import CosmosAttnProcessor2_0
from torch import Tensor, nn
from torch.nn import functional


class RotaryAttention(attention_processor.Attention):  # type: ignore[misc]  # diffusers is untyped
    """diffusers' attention as Cosmos' blocks have it: queries and keys normalized, and turned by their places.

    Attributes:
        fused: whether torch's kernel computes it; else every pair of tokens is kept.
    """

    fused = True

    def forward(
        self,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
        **others: Any,
    ) -> Tensor:
        """Return what the tokens make of each other, or of a text.

        Args:
            hidden_states: [batch, tokens, channels].
            encoder_hidden_states: [batch, the text's tokens, channels]; None for the tokens themselves.
            attention_mask: None.
            image_rotary_emb: cosines and sines of the places, fp32 [tokens, width of a head]; None for none.
            others: none.
        """
        assert attention_mask is None and not others
        text = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        each = (self.to_q(hidden_states), self.to_k(text), self.to_v(text))
        query, key, value = (one.unflatten(-1, (self.heads, -1)).transpose(1, 2) for one in each)
        query, key = placed(query, self.norm_q, image_rotary_emb), placed(key, self.norm_k, image_rotary_emb)
        attended = (
            functional.scaled_dot_product_attention(query, key, value)
            if self.fused
            else _spelled_out(query, key, value)
        )
        out: Tensor = self.to_out[0](attended.transpose(1, 2).flatten(2))
        return out


def _spelled_out(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
    found: Tensor = scores.softmax(-1) @ value
    return found


def make_lean(body: nn.Module) -> None:
    """Make the frozen body's attentions keep less; names, weights and outputs stay. It may be called again."""
    for module in body.modules():
        if type(module) is attention_processor.Attention and type(module.processor) is CosmosAttnProcessor2_0:
            module.__class__ = RotaryAttention


def attentions(body: nn.Module) -> list[RotaryAttention]:
    """Return the body's attentions."""
    return [module for module in body.modules() if isinstance(module, RotaryAttention)]


def placed(x: Tensor, norm: Any, rotary: tuple[Tensor, Tensor] | None) -> Tensor:
    """Return queries or keys normalized (Zhang and Sennrich 2019) and turned by their places (Su et al. 2021), in fp32 inside.

    Args:
        x: [batch, heads, tokens, width]; the first half of a head's numbers turn with the second.
        norm: diffusers' RMSNorm, frozen.
        rotary: cosines and sines, fp32 [tokens, width]; None for no places.
    """
    if not torch.is_grad_enabled():
        return _placed(x, norm, rotary)
    return cast(Tensor, _Placed.apply(x, norm, rotary))  # type: ignore[no-untyped-call]


def _placed(x: Tensor, norm: Any, rotary: tuple[Tensor, Tensor] | None) -> Tensor:
    normalized: Tensor = norm(x)
    if rotary is None:
        return normalized
    cos, sin = rotary
    numbers = normalized.float()
    first, second = numbers.chunk(2, dim=-1)
    return (numbers * cos).add_(torch.cat([-second, first], dim=-1).mul_(sin)).to(x.dtype)


class _Placed(torch.autograd.Function):
    """Keeps what goes in, in its own type, and the cosines and sines, which all layers share.

    diffusers' operations keep the same in fp32 twice over: 96 MiB a block of the real model at 1024².
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, norm: Any, rotary: tuple[Tensor, Tensor] | None) -> Tensor:
        ctx.save_for_backward(x, *(rotary or ()))
        ctx.norm = norm
        return _placed(x, norm, rotary)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        x, *rotary = ctx.saved_tensors
        flow = gradient.float()
        if rotary:
            cos, sin = rotary
            first, second = (flow * sin).chunk(2, dim=-1)
            flow = (flow * cos).add_(torch.cat([second, -first], dim=-1))
        flow = flow * ctx.norm.weight
        numbers = x.float()
        scale = torch.rsqrt(numbers.square().mean(-1, keepdim=True) + ctx.norm.eps)
        numbers = numbers * scale
        # Of n = x / rms: what changes the length of a head's numbers is taken out.
        along = (flow * numbers).mean(-1, keepdim=True)
        return flow.sub_(numbers.mul_(along)).mul_(scale).to(gradient.dtype), None, None

"""Activations that keep only their input and compute the rest again in the backward pass."""

from typing import Any, cast

import torch
from diffusers.models import activations
from torch import Tensor
from torch.nn import functional
from transformers.activations import QuickGELUActivation

# CLIP's approximation of GELU (Hendrycks and Gimpel 2016, section 2): x · sigmoid(1.702 x).
_QUICK = 1.702


class GEGLU(activations.GEGLU):  # type: ignore[misc]  # diffusers is untyped
    """Half the projection times GELU of the other half (Shazeer 2020); what it keeps is the projection, in one piece."""

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Return [..., channels] of `hidden_states`."""
        projected = self.proj(hidden_states)
        if not torch.is_grad_enabled():
            return _gated(projected)
        return cast(Tensor, _Gated.apply(projected))  # type: ignore[no-untyped-call]


class QuickGELU(QuickGELUActivation):  # type: ignore[misc]  # transformers is untyped
    """CLIP's activation."""

    def forward(self, input: Tensor) -> Tensor:
        """Return input · sigmoid(1.702 input)."""
        return cast(Tensor, _Quick.apply(input))  # type: ignore[no-untyped-call]


class _Gated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, projected: Tensor) -> Tensor:
        ctx.save_for_backward(projected)
        return _gated(projected)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (projected,) = ctx.saved_tensors
        linear, gate = projected.chunk(2, dim=-1)
        found = torch.empty_like(projected)
        of_linear, of_gate = found.chunk(2, dim=-1)
        of_linear.copy_(functional.gelu(gate).mul_(gradient))
        of_gate.copy_(torch.ops.aten.gelu_backward(gradient * linear, gate))
        return found


def _gated(projected: Tensor) -> Tensor:
    linear, gate = projected.chunk(2, dim=-1)
    return functional.gelu(gate).mul_(linear)


class _Quick(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * torch.sigmoid(_QUICK * x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        gate = torch.sigmoid(_QUICK * x)
        # d(x g) = g + x g', g' = 1.702 g (1 - g).
        return gradient * torch.addcmul(gate, x * gate, 1 - gate, value=_QUICK)

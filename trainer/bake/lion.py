"""Lion, the optimizer of signs (Chen et al. 2023, algorithm 2), deciding on the device whether a step counts."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class Lion(torch.optim.Optimizer):
    """Steps of equal length in every number, in the direction of a momentum's sign; keeps one moment.

    A rate of a third to a tenth of AdamW's and a weight decay that much larger suit it (section 5 of the paper).

    Args:
        params: weights or groups of them.
        lr: step length.
        betas: of the direction, and of the moment that is kept.
        weight_decay: decoupled, as AdamW's.

    Where an attribute `found_inf` is set, a scalar on the weights' device, the next step changes nothing if it is above 0, moments
    included; where `grad_scale` is, gradients are divided by it. fp16's gradient scaler sets both for a step.
    """

    # torch's gradient scaler then leaves skipping to the optimizer instead of waiting for the card.
    _step_supports_amp_scaling = True

    def __init__(
        self, params: Any, lr: float = 1e-4, betas: tuple[float, float] = (0.9, 0.99), weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        found_inf, scale = getattr(self, "found_inf", None), getattr(self, "grad_scale", None)
        counts = None if found_inf is None else found_inf == 0
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if weights:
                grads = [_cleaned(weight.grad, counts, scale) for weight in weights]
                self._step(group, weights, grads, 1.0 if counts is None else counts.float())
        return loss

    def _step(self, group: dict[str, Any], weights: list[Tensor], grads: list[Tensor], counts: Tensor | float) -> None:
        direction_beta, moment_beta = group["betas"]
        for weight in weights:
            if not self.state[weight]:
                self.state[weight]["exp_avg"] = torch.zeros_like(weight)
        moments = [self.state[weight]["exp_avg"] for weight in weights]
        steps = torch._foreach_lerp(moments, grads, 1.0 - direction_beta)
        torch._foreach_sign_(steps)
        if group["weight_decay"]:
            torch._foreach_add_(steps, weights, alpha=group["weight_decay"])
        torch._foreach_mul_(steps, -group["lr"] * counts)
        torch._foreach_add_(weights, steps)
        # moment + 0 × anything finite is the moment bit for bit, which a sum of two products is not.
        torch._foreach_sub_(grads, moments)
        torch._foreach_mul_(grads, (1.0 - moment_beta) * counts)
        torch._foreach_add_(moments, grads)


def _cleaned(grad: Tensor, counts: Tensor | None, scale: Tensor | None) -> Tensor:
    """Return a copy of the gradient, unscaled, and zero where the step does not count: NaN times zero is NaN."""
    unscaled = grad.clone() if scale is None else grad / scale
    return unscaled if counts is None else torch.where(counts, unscaled, 0.0)

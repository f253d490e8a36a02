"""Optimizers as other people write them: one class for each way to keep things, and for each way to be of no use to a bake."""

import random
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor


class _Foreign(torch.optim.Optimizer):
    """Momentum whose size depends on the step count, wherever that is kept."""

    def __init__(self, params: Any, lr: float = 1e-3, drag: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "drag": drag})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:
        for group in self.param_groups:
            count = self.count(group)
            for weight in group["params"]:
                if weight.grad is not None:
                    self.move(weight, weight.grad, group, count)

    def count(self, group: dict[str, Any]) -> int:
        return 1

    def move(self, weight: Tensor, grad: Tensor, group: dict[str, Any], count: int) -> None:
        state = self.state[weight]
        state.setdefault("speed", torch.zeros_like(weight)).mul_(0.9).add_(grad)
        weight.sub_(state["speed"], alpha=group["lr"] * 1000 / (1 - 0.9**count))


class CountsInGroup(_Foreign):
    """Keeps its step count in a group's entry that appears at the first step."""

    def count(self, group: dict[str, Any]) -> int:
        group["step"] = group.get("step", 0) + 1
        return int(group["step"])


class CountsInItself(_Foreign):
    """Keeps its step count in an attribute, and a sum in a tensor that is one from the first step on."""

    def count(self, group: dict[str, Any]) -> int:
        self.taken = getattr(self, "taken", 0) + 1
        self.sum = getattr(self, "sum", torch.zeros(())) + 0.5
        return int(self.taken + self.sum)


class SwitchesItself(_Foreign):
    """Changes a switch and a text of its groups, and an entry that was None."""

    def __init__(self, params: Any, lr: float = 1e-3) -> None:
        super().__init__(params, lr)
        for group in self.param_groups:
            group.update(warm=False, phase="early", seen=None)

    def count(self, group: dict[str, Any]) -> int:
        group["seen"] = 1 if group["seen"] is None else group["seen"] + 1
        group["warm"], group["phase"] = group["seen"] > 2, "late" if group["seen"] > 4 else "early"
        return 2 + group["seen"] + 3 * group["warm"] + (5 if group["phase"] == "late" else 0)


class KeepsNested(_Foreign):
    """Keeps lists of tensors, empty lists, mappings, a queue, and a tensor that all weights share."""

    def move(self, weight: Tensor, grad: Tensor, group: dict[str, Any], count: int) -> None:
        state = self.state[weight]
        if not state:
            table = self.state["all"].setdefault("table", torch.zeros(3, dtype=torch.float64))
            state.update(
                sides=[torch.zeros(grad.shape[0]), []], seen=deque(maxlen=3), table=table, how={"at": (0, None)}
            )
        state["sides"][0].add_(grad.flatten(1).mean(dim=1))
        state["table"] += 1
        state["seen"].append(float(grad.mean()))
        state["how"] = {"at": (state["how"]["at"][0] + 1, None)}
        size = float(state["table"].sum()) + sum(state["seen"]) + state["how"]["at"][0]
        side = state["sides"][0].reshape(-1, *[1] * (weight.dim() - 1))
        weight.sub_(grad + side, alpha=group["lr"] * size)


class OwnGenerator(_Foreign):
    """Draws from a generator of its own."""

    def __init__(self, params: Any, lr: float = 1e-3) -> None:
        super().__init__(params, lr)
        self.drawn = torch.Generator().manual_seed(3)

    def move(self, weight: Tensor, grad: Tensor, group: dict[str, Any], count: int) -> None:
        weight.sub_(torch.rand(grad.shape, generator=self.drawn) * grad.sign(), alpha=group["lr"])


class ScheduleFree(torch.optim.Optimizer):
    """Trains between a fast point and the average, which is what should be used (Defazio et al. 2024, algorithm 1)."""

    BETA = 0.9

    def __init__(self, params: Any, lr: float = 1e-3) -> None:
        super().__init__(params, {"lr": lr, "training": False, "weight": 0.0})

    def eval(self) -> None:
        if not self.state:
            raise KeyError("z")
        self._move(1 - 1 / self.BETA, False)

    def train(self) -> None:
        self._move(1 - self.BETA, True)

    def _move(self, share: float, training: bool) -> None:
        for group in self.param_groups:
            if group["training"] is not training:
                group["training"] = training
                for weight in group["params"]:
                    if "z" in self.state[weight]:
                        weight.lerp_(self.state[weight]["z"], share)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:
        for group in self.param_groups:
            if not group["training"]:
                raise RuntimeError("not in train mode")
            group["weight"] += group["lr"] ** 2
            share = group["lr"] ** 2 / group["weight"] if group["weight"] else 0.0
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["z"] = weight.clone()
                move = weight.grad.sign() * group["lr"]
                weight.lerp_(state["z"], share).sub_(move, alpha=1 - self.BETA * (1 - share))
                state["z"].sub_(move)


class ForgetsInEval(ScheduleFree):
    """Starts its average anew after each look at it."""

    def eval(self) -> None:
        super().eval()
        for group in self.param_groups:
            group["weight"] = 0.0


class KeepsAFunction(_Foreign):
    """Keeps a function of each weight."""

    def move(self, weight: Tensor, grad: Tensor, group: dict[str, Any], count: int) -> None:
        self.state[weight].setdefault("scale", lambda: 0.1)
        weight.sub_(grad, alpha=group["lr"] * self.state[weight]["scale"]())


class DrawsElsewhere(_Foreign):
    """Draws from Python's random numbers, which no state holds."""

    def move(self, weight: Tensor, grad: Tensor, group: dict[str, Any], count: int) -> None:
        weight.sub_(grad, alpha=group["lr"] * random.random())


class KeepsElsewhere(_Foreign):
    """Keeps its step count where nobody finds it."""

    counts: ClassVar[WeakKeyDictionary[torch.optim.Optimizer, int]] = WeakKeyDictionary()

    def count(self, group: dict[str, Any]) -> int:
        self.counts[self] = self.counts.get(self, 0) + 1
        return self.counts[self]


class OnlyMatrices(_Foreign):
    """Takes matrices alone."""

    def move(self, weight: Tensor, grad: Tensor, group: dict[str, Any], count: int) -> None:
        weight.sub_(torch.mm(grad, torch.mm(grad.mT, grad)), alpha=group["lr"])


class NeedsEveryGradient(_Foreign):
    """Takes it that every weight has a gradient."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                weight.sub_(weight.grad, alpha=group["lr"])


class FailsAtTheTenth(_Foreign):
    """Does something else every tenth step, for which it needs what a bake does not give it."""

    def count(self, group: dict[str, Any]) -> int:
        group["step"] = group.get("step", 0) + 1
        if group["step"] == 10:
            raise RuntimeError("needs the graph of the gradients")
        return 1


class DividesByLength(_Foreign):
    """Divides each gradient by its length, which is 0 for every lora_down in the first step."""

    def move(self, weight: Tensor, grad: Tensor, group: dict[str, Any], count: int) -> None:
        weight.sub_(grad / grad.norm(), alpha=group["lr"])


class NeverMoves(_Foreign):
    """Waits for a flag that nobody sets."""

    def move(self, weight: Tensor, grad: Tensor, group: dict[str, Any], count: int) -> None:
        self.state[weight]["count"] = count


class NeedsAClosure(_Foreign):
    """Wants the loss again."""

    def step(self, closure: Callable[[], Any] | None = None) -> None:
        if closure is None:
            raise ValueError("a closure is required")


SUPPORTED = (CountsInGroup, CountsInItself, SwitchesItself, KeepsNested, OwnGenerator, ScheduleFree)
"""Those that a bake can use."""

REFUSED: dict[type[torch.optim.Optimizer], str] = {
    KeepsAFunction: "keeps scale, of type function, which no state can hold",
    DrawsElsewhere: "draws random numbers of its own",
    KeepsElsewhere: "does not continue from a state as it would have without a break: 2 steps later weights of up to",
    OnlyMatrices: r"cannot take a step on cpu with layers of shapes \[4, 320, 3, 3\] and \[320, 4, 1, 1\] \(",
    NeedsEveryGradient: r"cannot take a step on cpu \(",
    FailsAtTheTenth: r"cannot take a step on cpu \(needs the graph of the gradients\)",
    DividesByLength: r"turns weights of shape \[4, 320\] into numbers that are not finite",
    NeverMoves: "does not move weights of shape",
    NeedsAClosure: r"cannot take a step on cpu \(a closure is required\)",
    ForgetsInEval: r"learns something else after train\(\) and eval\(\)",
}
"""Those that it cannot use, and what is said of each."""

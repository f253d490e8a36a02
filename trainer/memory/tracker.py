"""A tracker of operations: the memory, work and moment of every tensor made while it is on."""

import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from trainer.memory.fake_tensors import KnownOperation

_ATEN = torch.ops.aten

# torch counts neither products of int8 nor the attention of a CPU, which stands for a card's: the same products, by the same arguments.
_FLOPS = {
    _ATEN._int_mm: flop_registry[_ATEN.mm],
    _ATEN._scaled_dot_product_flash_attention_for_cpu: flop_registry[_ATEN._scaled_dot_product_flash_attention],
    _ATEN._scaled_dot_product_flash_attention_for_cpu_backward: flop_registry[
        _ATEN._scaled_dot_product_flash_attention_backward
    ],
    **flop_registry,
}

AWAY = "away"
"""The part of tensors that are not on the device that is counted."""


@dataclass
class Allocation:
    """One piece of memory.

    Attributes:
        part: what it is held for; see peak.PARTS, or AWAY.
        size: bytes as asked for.
    """

    part: str
    size: int


@dataclass
class Work:
    """Operations and bytes moved since counting started.

    Attributes:
        flops: of products and convolutions.
        seconds: estimated by `roofline`.
    """

    flops: int = 0
    seconds: float = 0.0

    def since(self, before: "Work") -> "Work":
        """Return the work done since `before`."""
        return Work(self.flops - before.flops, self.seconds - before.seconds)

    def now(self) -> "Work":
        """Return a copy."""
        return Work(self.flops, self.seconds)


@dataclass
class Log:
    """Allocations and frees, in order.

    Attributes:
        lives: every piece by number.
        events: (number, +1 allocated or -1 freed, index in moments).
        moments: names of the moments, in the order they were first met.
    """

    allocations: dict[int, Allocation] = field(default_factory=dict)
    events: list[tuple[int, int, int]] = field(default_factory=list)
    moments: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Cost:
    """An operation's flops, seconds, and bytes of scratch memory."""

    flops: int
    seconds: float
    scratch: int


class Tracker(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Tracks every operation below autograd: as a mode itself, or as a LightFakeMode's watcher.

    Args:
        roofline: takes (flops, bytes moved, type) of an operation and returns its seconds.
        scratch: takes an operation and its arguments and returns the bytes its kernel takes while it runs, beyond its outputs.

    Attributes:
        log: what was tracked.
        work: done so far.
        part: what new memory is held for.
        live: bytes held now, known storages aside.
    """

    def __init__(
        self,
        roofline: Callable[[int, int, torch.dtype], float],
        scratch: Callable[[Any, tuple[Any, ...]], int],
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._roofline, self._scratch = roofline, scratch
        self.log = Log()
        self.work = Work()
        self.part = "activations"
        self.live = 0
        self._moment = self._moment_number("")
        self._numbers = 0
        # Storages by their address, which another one may have after they are gone.
        self._known: dict[int, tuple[Any, int]] = {}

    def hold(self, tensors: Iterable[Tensor], part: str) -> None:
        """Count tensors made before, each storage once."""
        before, self.part = self.part, part
        for tensor in tensors:
            self._count_storage(tensor)
        self.part = before

    def rename(self, tensors: Iterable[Tensor], part: str) -> None:
        """Set the part of storages that are tracked; others are tracked from now on."""
        for tensor in tensors:
            known = self._known.get(tensor.untyped_storage()._cdata)
            if known is None:
                self.hold([tensor], part)
            else:
                self.log.allocations[known[1]].part = part

    def size_of(self, tensors: Iterable[Tensor]) -> int:
        """Return the bytes of the tensors' storages, each once."""
        sizes = {each.untyped_storage()._cdata: each.untyped_storage().nbytes() for each in tensors}
        return sum(sizes.values())

    @contextmanager
    def at(self, moment: str) -> Iterator[None]:
        """Name the moment `moment` while the block runs."""
        before = self._moment
        self.enter(moment)
        try:
            yield
        finally:
            self._moment = before

    def enter(self, moment: str) -> None:
        """Name the moment `moment` from now on."""
        self._moment = self._moment_number(moment)

    def _moment_number(self, moment: str) -> int:
        if moment not in self.log.moments:
            self.log.moments.append(moment)
        return self.log.moments.index(moment)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute the operation and track its outputs."""
        out = func(*args, **(kwargs or {}))
        self.see(func, args, kwargs or {}, out, None)
        return out

    def see(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any, known: KnownOperation | None
    ) -> None:
        """Track the outputs of an operation; a fake_tensors.Watcher."""
        if func.is_view:
            return
        cost = None if known is None else known.costs.get(self._scratch)
        if cost is None:
            cost = self._cost(func, args, kwargs, out)
            if known is not None:
                known.costs[self._scratch] = cost
        self.work.flops += cost.flops
        self.work.seconds += cost.seconds
        for each in (out,) if isinstance(out, Tensor) else tree_leaves(out):
            if isinstance(each, Tensor):
                self._count_storage(each)
        if cost.scratch:
            self._count_scratch(cost.scratch)

    def _cost(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> "_Cost":
        outputs = [each for each in tree_leaves(out) if isinstance(each, Tensor)]
        inputs = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
        count = _FLOPS.get(func._overloadpacket)
        flops = int(count(*args, **kwargs, out_val=out)) if count is not None else 0
        moved = sum(each.numel() * each.itemsize for each in (*inputs, *outputs))
        seconds = self._roofline(flops, moved, outputs[0].dtype) if outputs else 0.0
        return _Cost(flops, seconds, self._scratch(func, args))

    def _count_storage(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        size = storage.nbytes()
        if key in self._known or size == 0:
            return
        number = self._allocate(size)
        self._known[key] = (weakref.ref(storage, partial(self._storage_freed, key)), number)

    def _allocate(self, size: int) -> int:
        number, self._numbers = self._numbers, self._numbers + 1
        self.log.allocations[number] = Allocation(self.part, size)
        self.log.events.append((number, 1, self._moment))
        self.live += size
        return number

    def _free(self, number: int) -> None:
        self.log.events.append((number, -1, self._moment))
        self.live -= self.log.allocations[number].size

    def _storage_freed(self, key: int, _: Any) -> None:
        known = self._known.pop(key, None)
        if known is not None:
            self._free(known[1])

    def _count_scratch(self, size: int) -> None:
        """Count memory that a kernel takes while it runs."""
        before, self.part = self.part, "scratch"
        self._free(self._allocate(size))
        self.part = before

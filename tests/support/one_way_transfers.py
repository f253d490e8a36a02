"""Transfers to a device that a CPU stands in for, as late and as early as a card's may happen, and a watch over what is read from the computer."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from trainer.lean.transfers import Transfers


class OneWayTransfers(Transfers):
    """Overwrites a buffer at once when a copy into it starts, and copies only when somebody waits for it.

    Attributes:
        buffers: that were asked for.
        hosts: the computer's memory, by address.
        copies: how many were made.
    """

    def __init__(self) -> None:
        self.buffers: list[Tensor] = []
        self.hosts: dict[int, Tensor] = {}
        self.copies = 0

    def buffer(self, size: int) -> Tensor:
        self.buffers.append(torch.full((size,), 0xFF, dtype=torch.uint8))
        return self.buffers[-1]

    def host(self, size: int) -> Tensor:
        memory = torch.empty(size, dtype=torch.uint8)
        self.hosts[memory.data_ptr()] = memory
        return memory

    def release(self, host: Tensor) -> None:
        del self.hosts[host.data_ptr()]

    def copy(self, to: Tensor, source: Tensor) -> list[tuple[Tensor, Tensor]]:
        # Every byte 255 is no number in any type, and -1 in int8.
        to.fill_(0xFF)
        return [(to, source)]

    def wait(self, copied: list[tuple[Tensor, Tensor]]) -> None:
        while copied:
            to, source = copied.pop()
            to.copy_(source)
            self.copies += 1

    def finish(self) -> None:
        pass


class NothingReadsTheHost(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses every operation but a copy that reads the computer's memory of some transfers, as a card's kernels cannot."""

    def __init__(self, transfers: OneWayTransfers) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._transfers = transfers

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is not torch.ops.aten.copy_.default and not func.is_view:
            for each in tree_leaves((args, kwargs)):
                if isinstance(each, Tensor):
                    assert each.untyped_storage().data_ptr() not in self._transfers.hosts, f"{func} reads the host"
        return func(*args, **(kwargs or {}))

"""Transfers of frozen weights from the computer's memory to a card, behind an interface that a CPU can stand in for."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

# What cudaHostRegister locks in place is whole pages.
_PAGE = 4096


class Transfers(ABC):
    """Buffers on a device, memory on the computer, and copies from the second into the first, in one direction alone.

    Attributes:
        pinned: whether every piece of the computer's memory is locked in place, so that copies run beside the computation.
    """

    pinned = True

    @abstractmethod
    def buffer(self, size: int) -> Tensor:
        """Return `size` bytes on the device, uint8 [size]."""

    @abstractmethod
    def host(self, size: int) -> Tensor:
        """Return `size` bytes in the computer's memory, uint8 [size], as quick to copy from as can be had."""

    @abstractmethod
    def release(self, host: Tensor) -> None:
        """Let memory of `host` be as any other again; its bytes stay."""

    @abstractmethod
    def copy(self, to: Tensor, source: Tensor) -> Any:
        """Start a copy that waits for what the device was told to do before, and return what `wait` takes.

        Args:
            to: a buffer's bytes.
            source: as many of the computer's.
        """

    @abstractmethod
    def wait(self, copied: Any) -> None:
        """Let what the device is told to do from now on wait for a copy."""

    @abstractmethod
    def finish(self) -> None:
        """Return once no copy is on its way."""


class CardTransfers(Transfers):
    """A card's: memory locked in place, copies on a stream of their own.

    Args:
        device: the card.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._beside = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._registered: set[int] = set()

    def buffer(self, size: int) -> Tensor:
        """Return bytes on the card."""
        return torch.empty(size, dtype=torch.uint8, device=self._device)

    def host(self, size: int) -> Tensor:
        """Return bytes locked in place; where the system refuses that, plain ones, whose copies the computation waits for."""
        # Pages of their own: pieces that share one cannot both be registered. torch's own pinned memory takes a power of two each.
        whole = -(-size // _PAGE) * _PAGE
        memory = torch.empty(whole + _PAGE, dtype=torch.uint8)
        first = -memory.data_ptr() % _PAGE
        found = memory[first : first + size]
        if int(torch.cuda.cudart().cudaHostRegister(found.data_ptr(), whole, 0)) == 0:  # type: ignore[no-untyped-call]
            self._registered.add(found.data_ptr())
        else:
            self.pinned = False
            # CUDA keeps the refusal for whoever asks next, which is this kernel.
            with contextlib.suppress(RuntimeError):
                torch.zeros(1, device=self._device)
        return found

    def release(self, host: Tensor) -> None:
        """Unlock memory."""
        if host.data_ptr() in self._registered:
            self._registered.discard(host.data_ptr())
            torch.cuda.cudart().cudaHostUnregister(host.data_ptr())  # type: ignore[no-untyped-call]

    def copy(self, to: Tensor, source: Tensor) -> torch.cuda.Event:
        """Start a copy on the stream beside the computation's."""
        before = torch.cuda.Event()  # type: ignore[no-untyped-call]
        before.record(torch.cuda.current_stream(self._device))
        self._beside.wait_event(before)
        with torch.cuda.stream(self._beside):
            to.copy_(source, non_blocking=True)
        after = torch.cuda.Event()  # type: ignore[no-untyped-call]
        after.record(self._beside)
        return after

    def wait(self, copied: torch.cuda.Event) -> None:
        """Let the computation's stream wait."""
        torch.cuda.current_stream(self._device).wait_event(copied)

    def finish(self) -> None:
        """Wait for the stream of copies."""
        self._beside.synchronize()


class _InPlaceOfACard:
    """What makes transfers while `transfers_by` is in force: one for all threads, as a card is."""

    make: Callable[[], Transfers] | None = None


def transfers_for(device: torch.device) -> Transfers | None:
    """Return transfers to a device; None for a CPU, where weights lie in the computer's memory already."""
    if _InPlaceOfACard.make is not None:
        return _InPlaceOfACard.make()
    return CardTransfers(device) if device.type == "cuda" else None


@contextmanager
def transfers_by(make: Callable[[], Transfers]) -> Iterator[None]:
    """Let transfers be those that `make` returns, whatever the device: for the prediction, and for tests without a card."""
    before = _InPlaceOfACard.make
    _InPlaceOfACard.make = make
    try:
        yield
    finally:
        _InPlaceOfACard.make = before

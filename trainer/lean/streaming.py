"""Frozen blocks that lie in the computer's memory and come to the card one after the other, each when it computes.

Two buffers on the card, as large as the largest such block: while a block computes in one, the next is copied into the other. The
weights go one way only, since they never change, and every kernel gets the same numbers as from a block that stays on the card.

Forward, a block is fetched as it is called. Backward, as the gradient of its output arrives: autograd runs the operations in the
opposite order of the forward pass, so that all of a block's are done before the first of the block before it. What an operation
saves of a weight is not the weight but where it lies in its block (`_Saved`), and is looked up again then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from trainer.lean.forward_wrapper import ForwardWrapper
from trainer.lean.transfers import Transfers
from trainer.settings.amounts import SWAP_BUFFERS

# Where a tensor may begin in a block: as torch's allocator for cards has it, since kernels are chosen by it.
_ALIGNED = 512


def chosen_blocks(sizes: Mapping[str, int], count: int) -> list[str]:
    """Return the blocks to stream, in their order: those that free most beside the two buffers; of equal ones some, evenly spread.

    Spread, because the card then computes other blocks while one is on its way.

    Args:
        sizes: bytes of each block's weights, by name, in the order of the forward pass.
        count: how many, at most all.
    """
    if not count:
        return []
    falling = sorted(sizes.values(), reverse=True)
    starts = range(len(falling) - count + 1)
    # Buffers are as large as the largest: a block much larger than the others may cost more than it frees.
    first = max(starts, key=lambda start: sum(falling[start : start + count]) - SWAP_BUFFERS * falling[start])
    largest, smallest = falling[first], falling[first + count - 1]
    above = [name for name, size in sizes.items() if smallest < size <= largest]
    equal = [name for name, size in sizes.items() if size == smallest]
    left = count - len(above)
    above += (equal[(2 * index + 1) * len(equal) // (2 * left)] for index in range(left))
    return [name for name in sizes if name in set(above)]


def weight_bytes(block: nn.Module) -> int:
    """Return the bytes of a block's weights and buffers."""
    return sum(tensor.nbytes for tensor in (*block.parameters(), *block.buffers()))


@dataclass(frozen=True)
class _Place:
    """One tensor of a block: who holds it, under which name, and where in the block's bytes it lies."""

    holders: tuple[tuple[dict[str, Tensor | None], str], ...]
    offset: int
    shape: torch.Size
    stride: tuple[int, ...]
    dtype: torch.dtype
    is_parameter: bool

    def within(self, memory: Tensor) -> Tensor:
        """Return the tensor as it lies in the block's bytes, uint8 [bytes]."""
        view = memory.view(self.dtype).as_strided(self.shape, self.stride, self._offset_in(memory))
        return nn.Parameter(view, requires_grad=False) if self.is_parameter else view

    def _offset_in(self, memory: Tensor) -> int:
        return (memory.storage_offset() + self.offset) // self.dtype.itemsize


@dataclass(frozen=True)
class _Saved:
    """A tensor that lies in a streamed block's bytes, as an operation saved it for the backward pass."""

    block: int
    offset: int
    shape: torch.Size
    stride: tuple[int, ...]
    dtype: torch.dtype


class _PackedBlock:
    """A block's weights in one piece of the computer's memory.

    Args:
        block: its weights move there.
        transfers: whose memory.
    """

    def __init__(self, block: nn.Module, transfers: Transfers) -> None:
        self._places, size = _places(block)
        self.host = transfers.host(size)
        resting = [place.within(self.host) for place in self._places]
        for place, tensor in zip(self._places, resting, strict=True):
            table, name = place.holders[0]
            weight = table[name]
            assert weight is not None
            tensor.data.copy_(weight.data)
        self._resting = resting
        self._in_buffers: list[list[Tensor]] = []
        self._put(resting)

    def enter(self, buffers: Sequence[Tensor]) -> None:
        """Know the buffers that the weights may come into."""
        self._in_buffers = [[place.within(buffer) for place in self._places] for buffer in buffers]

    def use(self, buffer: int) -> None:
        """Let the block compute with what lies in a buffer."""
        self._put(self._in_buffers[buffer])

    def rest(self) -> None:
        """Let the block have its weights in the computer's memory."""
        self._put(self._resting)

    def leave(self) -> None:
        """Give every tensor memory of its own again."""
        copies = [
            torch.empty_strided(each.size(), each.stride(), dtype=each.dtype).copy_(each) for each in self._resting
        ]
        own = zip(copies, self._places, strict=True)
        self._resting = [nn.Parameter(copy, requires_grad=False) if place.is_parameter else copy for copy, place in own]
        self._put(self._resting)

    def _put(self, tensors: Sequence[Tensor]) -> None:
        for place, tensor in zip(self._places, tensors, strict=True):
            for table, name in place.holders:
                table[name] = tensor


def _places(block: nn.Module) -> tuple[list[_Place], int]:
    """Return where each tensor of a block will lie, and the bytes of all; one that several modules hold lies there once."""
    holders: dict[int, list[tuple[dict[str, Any], str]]] = {}
    tensors: dict[int, Tensor] = {}
    for module in block.modules():
        for table in (module._parameters, module._buffers):
            for name, tensor in table.items():
                if tensor is not None:
                    tensors[id(tensor)] = tensor
                    holders.setdefault(id(tensor), []).append((table, name))
    places: list[_Place] = []
    end = 0
    for key, tensor in tensors.items():
        # Dense, in its own memory layout.
        stride = torch.empty_like(tensor, device="meta").stride()
        is_parameter = isinstance(tensor, nn.Parameter)
        places.append(_Place(tuple(holders[key]), end, tensor.shape, stride, tensor.dtype, is_parameter))
        end += -(-tensor.nbytes // _ALIGNED) * _ALIGNED
    return places, end


class BlockStream:
    """Blocks of one body that are fetched when they compute.

    Args:
        blocks: in the order of the forward pass, without gradients of their own; their weights move into memory of `transfers`.
        transfers: to the device.

    Attributes:
        buffers: on the device, while it is open.
    """

    def __init__(self, blocks: Sequence[nn.Module], transfers: Transfers) -> None:
        self.transfers = transfers
        self.buffers: list[Tensor] = []
        self._blocks = list(blocks)
        self._packed: list[_PackedBlock] = []
        for block in blocks:
            self._packed.append(_PackedBlock(block, transfers))
        self._forget()
        self._wrappers = [StreamedBlock(block, self, index) for index, block in enumerate(blocks)]
        for wrapper in self._wrappers:
            wrapper.attach()

    def _forget(self) -> None:
        # Of each buffer which block lies in it, and its copy; which buffer was used last.
        self._holds: list[int | None] = [None] * SWAP_BUFFERS
        self._copies: list[Any] = [None] * SWAP_BUFFERS
        self._used = 0
        self._keys: dict[int, int] = {}

    @property
    def device_bytes(self) -> int:
        """The bytes of the buffers, there or not."""
        return min(SWAP_BUFFERS, len(self._packed)) * max(packed.host.nbytes for packed in self._packed)

    def host_tensors(self) -> list[Tensor]:
        """Return the memory of the computer that the blocks lie in."""
        return [packed.host for packed in self._packed]

    def begin(self) -> None:
        """Take the buffers from the device."""
        if self.buffers:
            return
        count = min(SWAP_BUFFERS, len(self._packed))
        self.buffers = [self.transfers.buffer(self.device_bytes // count) for _ in range(count)]
        self._keys = {buffer.untyped_storage()._cdata: index for index, buffer in enumerate(self.buffers)}
        for packed in self._packed:
            packed.enter(self.buffers)

    def close(self) -> None:
        """Give the buffers back; the blocks' weights are those in the computer's memory."""
        self.transfers.finish()
        for packed in self._packed:
            packed.rest()
            packed.enter(())
        self.buffers = []
        self._forget()

    def end(self) -> None:
        """Leave the blocks as they were, with their weights in the computer's memory."""
        self.close()
        for wrapper in self._wrappers:
            wrapper.remove()
        for packed in self._packed:
            packed.leave()
            self.transfers.release(packed.host)

    def move_others(self, module: nn.Module, place: torch.device | str) -> None:
        """Move a module's tensors to another place as `module.to` does, those of the streamed blocks aside."""
        if any(module is block for block in self._blocks):
            return
        module._apply(lambda tensor: tensor.to(place), recurse=False)  # type: ignore[no-untyped-call]
        for child in module.children():
            self.move_others(child, place)

    def fetch(self, index: int, following: int | None) -> None:
        """Let a block compute on the device, and start fetching the one that comes after it.

        Args:
            index: the block.
            following: None where no other is needed next.
        """
        if index not in self._holds:
            self._start(index)
        buffer = self._holds.index(index)
        self.transfers.wait(self._copies[buffer])
        self._packed[index].use(buffer)
        self._used = buffer
        if following is not None and following not in self._holds:
            self._start(following)

    def _start(self, index: int) -> None:
        """Start copying a block into the buffer that was not used last."""
        self.begin()
        buffer = (self._used + 1) % len(self.buffers)
        before = self._holds[buffer]
        if before is not None:
            self._packed[before].rest()
        self._holds[buffer] = None
        host = self._packed[index].host
        self._copies[buffer] = self.transfers.copy(self.buffers[buffer][: len(host)], host)
        self._holds[buffer] = index

    def before(self, index: int) -> int | None:
        """Return the block that the backward pass needs after this one; None after the first."""
        return index - 1 if index else None

    def after(self, index: int) -> int | None:
        """Return the block that the forward pass needs after this one. After the last, where there is no backward pass, the first."""
        if index + 1 < len(self._packed):
            return index + 1
        return None if torch.is_grad_enabled() else 0

    def pack(self, tensor: Tensor) -> Tensor | _Saved:
        """Return what an operation keeps of a tensor for the backward pass."""
        buffer = self._keys.get(tensor.untyped_storage()._cdata)
        block = None if buffer is None else self._holds[buffer]
        if block is None:
            return tensor
        return _Saved(block, int(tensor.storage_offset()), tensor.shape, tensor.stride(), tensor.dtype)

    def unpack(self, saved: Tensor | _Saved) -> Tensor:
        """Return the tensor that was packed."""
        if isinstance(saved, Tensor):
            return saved
        self.fetch(saved.block, None)
        buffer = self.buffers[self._holds.index(saved.block)]
        return buffer.view(saved.dtype).as_strided(saved.shape, saved.stride, saved.offset)


class StreamedBlock(ForwardWrapper):
    """A block that is fetched before it computes, forward and backward.

    Args:
        block: one of the stream's.
        stream: who fetches.
        index: which of its blocks.
    """

    def __init__(self, block: nn.Module, stream: BlockStream, index: int) -> None:
        super().__init__(block)
        self._stream, self._index = stream, index

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the block."""
        stream, index = self._stream, self._index
        stream.fetch(index, stream.after(index))
        if not torch.is_grad_enabled():
            return self.inner(*args, **kwargs)
        with torch.autograd.graph.saved_tensors_hooks(stream.pack, stream.unpack):
            out = self.inner(*args, **kwargs)
        for tensor in tree_leaves(out):
            if isinstance(tensor, Tensor) and tensor.requires_grad:
                tensor.register_hook(self._fetch_for_backward)  # type: ignore[no-untyped-call]
        return out

    def _fetch_for_backward(self, _gradient: Tensor) -> None:
        self._stream.fetch(self._index, self._stream.before(self._index))

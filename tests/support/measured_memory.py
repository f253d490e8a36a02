"""How much memory does a step really take? On a CPU from the allocator's own events, on a card from its own count.

Nothing here knows how the peak is predicted: what is held is counted tensor by tensor, what a step adds is measured.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, fields
from typing import Any

import torch
from ready_steps import Ready, ready_steps
from torch import Tensor
from torch._C._profiler import _EventType
from torch.profiler import ProfilerActivity, profile

from trainer.bake.batch import StepBatches
from trainer.bake.session import TrainingSession
from trainer.bake.step import train_step
from trainer.jobs.preflight import PlannedBake

STEPS = 2
"""The second one is measured: the first makes the optimizer's moments."""


@dataclass(frozen=True)
class Measured:
    """The memory of one step.

    Attributes:
        held: bytes that are there before the step, by what holds them.
        peak: the most bytes there are at once while the step lasts, those held included.
    """

    held: Mapping[str, int]
    peak: int

    @property
    def rise(self) -> int:
        """The most that the step adds to what is held, bytes."""
        return self.peak - sum(self.held.values())


def measured_step(planned: PlannedBake) -> Measured:
    """Return the memory that a step of this bake takes, measured on the second one: on the card if there is one.

    Args:
        planned: of the bake; see ready_steps.planned_of.
    """
    with ExitStack() as closing:
        # With every step made beforehand no other thread asks the allocator for anything.
        ready = closing.enter_context(ready_steps(planned, made=STEPS))
        for _ in range(STEPS - 1):
            _take(ready, next(ready.works))
        return _on_a_card(ready) if ready.session.model.device.type == "cuda" else _on_the_cpu(ready)


def _on_the_cpu(ready: Ready) -> Measured:
    work = next(ready.works)
    held = held_by(ready.session, work)
    return Measured(held, sum(held.values()) + highest_rise(lambda: _take(ready, work)))


def _on_a_card(ready: Ready) -> Measured:
    work = next(ready.works)
    ready.wait()
    held = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    _take(ready, work)
    ready.wait()
    return Measured({"card": held}, torch.cuda.max_memory_allocated())


def _take(ready: Ready, work: StepBatches) -> None:
    """Take a step, which must be taken as a whole: divided because memory ran out it would be measured as something else."""
    assert train_step(ready.session, work).reduced_micro_batch is None, "the step ran out of memory"


def highest_rise(act: Callable[[], object]) -> int:
    """Return by how many bytes the CPU's allocations rise at most above what they were, while `act` runs.

    Every request and every release goes through the allocator, which tells the profiler of them. The release of what was
    there before does not count: memory that `act` only gives back counts as still held.
    """
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        act()
    return highest(changes(seen))


def changes(seen: Any) -> Iterator[int]:
    """Yield what a profile says of the CPU's allocator, in order: bytes requested, and bytes released below 0.

    The allocator notes every address that it gives out during a profile and strikes it out when it is released during one. What
    was requested in an earlier profile, and older memory that has got an address from there, is therefore told of when it goes:
    it is left out here.
    """
    told = [
        event for event in _with_children(seen.profiler.kineto_results.experimental_event_tree()) if _of_memory(event)
    ]
    requested: set[int] = set()
    # The sort is stable, and events of one thread come in their order: equal moments stay as they happened.
    for event in sorted(told, key=lambda event: event.start_time_ns):
        address, size = event.extra_fields.ptr, event.extra_fields.alloc_size
        if size > 0:
            requested.add(address)
            yield size
        elif address in requested:
            requested.remove(address)
            yield size


def _with_children(events: Iterable[Any]) -> Iterator[Any]:
    waiting = list(events)
    while waiting:
        event = waiting.pop()
        waiting.extend(event.children)
        yield event


def _of_memory(event: Any) -> bool:
    return event.tag == _EventType.Allocation and event.extra_fields.device.type == "cpu"


def highest(steps: Iterable[int]) -> int:
    """Return the highest that a sum of `steps` gets on its way, at least 0."""
    here = top = 0
    for step in steps:
        here += step
        top = max(top, here)
    return top


def held_by(session: TrainingSession, work: StepBatches) -> dict[str, int]:
    """Return the bytes a step finds there, by what holds them; a storage that several tensors share counts once.

    On a CPU resting encoders are there too; a VAE that was put away has no numbers.
    """
    model = session.model
    groups: dict[str, Iterable[Tensor]] = {
        "lora": session.network.parameters(),
        "optimizer": _moments(session.optimizer),
        "weights": _tensors_of(model.body),
        "encoders": [tensor for encoder in model.encoders.values() for tensor in _tensors_of(encoder)],
        "vae": [tensor for tensor in _tensors_of(model.vae) if tensor.device.type != "meta"],
        "gradients": [weight.grad for weight in session.network.parameters() if weight.grad is not None],
        "batch": [
            value
            for batch in work.batches
            for value in (getattr(batch, field.name) for field in fields(batch))
            if isinstance(value, Tensor)
        ],
    }
    seen: set[int] = set()
    return {name: storage_bytes(tensors, seen) for name, tensors in groups.items()}


def storage_bytes(tensors: Iterable[Tensor], seen: set[int]) -> int:
    """Return the bytes of the tensors' storages that are not in `seen`, and add them to it, by their address."""
    total = 0
    for tensor in tensors:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in seen:
            seen.add(storage.data_ptr())
            total += storage.nbytes()
    return total


def _tensors_of(module: torch.nn.Module) -> Iterator[Tensor]:
    yield from module.parameters()
    yield from module.buffers()


def _moments(optimizer: Any) -> Iterator[Tensor]:
    for state in getattr(optimizer, "optimizer", optimizer).state.values():
        yield from (value for value in state.values() if isinstance(value, Tensor))

"""What a training step computes and keeps, counted and not timed."""

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from trainer.bake.batch import StepBatches
from trainer.bake.session import TrainingSession
from trainer.bake.step import train_step

Shape = tuple[int, ...]


def _attention(query: Shape, key: Shape, value: Shape, *_: Any, **__: Any) -> int:
    return int(sdpa_flop_count(query, key, value))


def _attention_backward(grad: Shape, query: Shape, key: Shape, value: Shape, *_: Any, **__: Any) -> int:
    return int(sdpa_backward_flop_count(grad, query, key, value))


# torch counts the attention kernels of cards only.
_OF_THE_CPU = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
}


def flops(session: TrainingSession, work: StepBatches) -> int:
    """Return the floating point operations of one step's products, convolutions and attention."""
    with FlopCounterMode(display=False, custom_mapping=_OF_THE_CPU) as counter:
        train_step(session, work)
    return int(counter.get_total_flops())


def saved_bytes(session: TrainingSession, work: StepBatches) -> int:
    """Return the bytes that one step's forward pass keeps for the backward pass, weights aside, each storage once."""
    weights = {
        weight.untyped_storage().data_ptr()
        for module in (session.model.body, *session.model.encoders.values(), *session.network)
        for weight in module.parameters()
    }
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        train_step(session, work)
    return sum(kept.values())

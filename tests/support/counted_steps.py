"""What a training step computes and keeps, counted and not timed."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from trainer.bake.feeding import StepWork
from trainer.bake.step import train_step
from trainer.bake.workbench import Workbench


def flops(bench: Workbench, work: StepWork) -> int:
    """Return the floating point operations of one step's products and convolutions."""
    with FlopCounterMode(display=False) as counter:
        train_step(bench, work)
    return int(counter.get_total_flops())


def saved_bytes(bench: Workbench, work: StepWork) -> int:
    """Return the bytes that one step's forward pass keeps for the backward pass, weights aside, each storage once."""
    weights = {
        weight.untyped_storage().data_ptr()
        for module in (bench.model.unet, *bench.model.encoders.values())
        for weight in module.parameters()
    }
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        train_step(bench, work)
    return sum(kept.values())

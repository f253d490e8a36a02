"""The loan of a bake's model to a sampler between two steps, after which the bake continues to the same bits."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor

from trainer.bake.session import TrainingSession
from trainer.sampling.compute_setup import free_memory

# What encoders, VAE and a pass need beside a loaded SD1.5 in half precision; with less free memory the optimizer's moments wait
# in the computer's.
_NEEDED_BYTES = 4 * 2**30


@contextmanager
def lend_model(session: TrainingSession, *, base_alone: bool) -> Iterator[None]:
    """Let a sampler make pictures with the bake's model while the block lasts.

    Dropouts are off, the LoRA's weights are those that would be saved, and nobody else uses the tokenizers, which cannot be
    shared. Afterwards all that a step depends on is as it was: the LoRA's weights and strengths, the optimizer's moments, torch's
    random numbers.

    Args:
        session: between two steps.
        base_alone: whether the LoRA in training is out of force meanwhile.
    """
    device = session.model.device
    with ExitStack() as closing:
        closing.enter_context(torch.no_grad())
        closing.enter_context(torch.random.fork_rng([device] if device.type == "cuda" else []))
        closing.enter_context(session.text_embeddings.tokenizers_alone())
        closing.enter_context(session.network.without_dropout())
        if not base_alone:
            # Before moments are parked, which the averages are made of.
            closing.enter_context(session.averaged_weights())
        if device.type == "cuda":
            closing.callback(torch.cuda.empty_cache)
            if free_memory(device) < _NEEDED_BYTES:
                closing.enter_context(park_moments(session))
        if base_alone:
            closing.enter_context(session.without_lora())
        yield


@contextmanager
def park_moments(session: TrainingSession) -> Iterator[None]:
    """Keep what the optimizer holds of each weight in the computer's memory while the block lasts."""
    parked: list[tuple[dict[str, Any], str, torch.device]] = []
    try:
        for values in session.optimizer.optimizer.state.values():
            if not isinstance(values, dict):
                continue
            for key, value in values.items():
                if isinstance(value, Tensor):
                    parked.append((values, key, value.device))
                    values[key] = value.to("cpu")
        yield
    finally:
        for values, key, device in parked:
            values[key] = values[key].to(device)

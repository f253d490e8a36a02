"""How is the loaded base lent to pictures between two steps? So that after them the bake goes on to the same bits."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor

from trainer.bake.session import TrainingSession
from trainer.sampling.compute_setup import free_memory

# What encoders, VAE and a pass want beside a loaded SD1.5 in half precision; below this the optimizer's moments make room.
_ROOM = 4 * 2**30


@contextmanager
def lend_model(session: TrainingSession, *, base_alone: bool) -> Iterator[None]:
    """Let a studio make pictures on the bench's model while the block lasts.

    Dropouts leave nothing out, and nobody else uses the tokenizers, which cannot be shared. Afterwards all that a step depends
    on is as it was: the LoRA's strengths, the optimizer's moments, torch's random numbers.

    Args:
        session: between two steps.
        base_alone: whether the LoRA in training is out of force meanwhile.
    """
    device = session.model.device
    with ExitStack() as closing:
        closing.enter_context(torch.no_grad())
        closing.enter_context(torch.random.fork_rng([device] if device.type == "cuda" else []))
        closing.enter_context(session.text_embeddings.tokenizers_alone())
        closing.enter_context(session.network.at_rest())
        if device.type == "cuda":
            closing.callback(torch.cuda.empty_cache)
            if free_memory(device) < _ROOM:
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
            for key, value in values.items():
                if isinstance(value, Tensor):
                    parked.append((values, key, value.device))
                    values[key] = value.to("cpu")
        yield
    finally:
        for values, key, device in parked:
            values[key] = values[key].to(device)

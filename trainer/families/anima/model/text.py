"""The text path: Qwen3 reads a caption, and the conditioner turns what it says into what the body takes of each of T5's tokens."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional


class TextEncoder(nn.Module):
    """Qwen3 and the conditioner behind it, as one encoder.

    Args:
        qwen: transformers' Qwen3Model.
        conditioner: diffusers' AnimaTextConditioner.
    """

    def __init__(self, qwen: Any, conditioner: Any) -> None:
        super().__init__()
        self.qwen, self.conditioner = qwen, conditioner

    @property
    def device(self) -> torch.device:
        """Where it lies."""
        return cast(torch.device, self.qwen.device)

    @property
    def dtype(self) -> torch.dtype:
        """Type of its weights."""
        return cast(torch.dtype, self.conditioner.out_proj.weight.dtype)

    @property
    def width(self) -> int:
        """Numbers for each token."""
        return int(self.conditioner.config.target_dim)

    def forward(self, words: Tensor, queries: Tensor) -> Tensor:
        """Return what the body takes of one text, [tokens, width]: a row for each of T5's tokens.

        Nothing is filled up or masked: a text alone gives what it gives among others with masks, to the last bits.

        Args:
            words: Qwen3's tokens, int64 [words]; none for an empty text.
            queries: T5's tokens, int64 [tokens].
        """
        dtype = self.dtype
        if len(words):
            # A mask for each kind of layer, none: transformers makes the causal one from numbers that a prediction lacks, and
            # torch's kernel needs none.
            found = self.qwen(input_ids=words[None], attention_mask={"full_attention": None}, use_cache=False)
            source = found.last_hidden_state.to(dtype)
        else:
            # The model was trained with one masked row of zeros there; to attention it is the same as one of zeros.
            source = torch.zeros(1, 1, self.conditioner.config.source_dim, dtype=dtype, device=queries.device)
        rows: Tensor = self.conditioner(source, queries[None])
        # The conditioner fills up by itself, which would be kept with each caption.
        return rows[0, : len(queries)].clone()


def filled(rows: Sequence[Tensor], length: int) -> Tensor:
    """Return texts as a batch, [texts, tokens, width], with rows of zeros behind the shorter ones.

    The body has no mask for its text: rows of zeros take part in its attention, as it was trained.

    Args:
        rows: [tokens, width] each.
        length: tokens at least.
    """
    longest = max(length, *(len(each) for each in rows))
    return torch.stack([functional.pad(each, (0, 0, 0, longest - len(each))) for each in rows])

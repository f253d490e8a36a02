"""Captions longer than CLIP reads: chunks of 75 tokens, each encoded alone and joined again (sd-scripts: max_token_length)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from trainer.prompts.clip_tokens import BytePairTokenizer

CHUNK = 75
"""Tokens of text in a chunk."""

CHUNK_TOKENS = CHUNK + 2
"""With BOS and EOS around them: the longest text CLIP's position embeddings reach."""


def chunked(tokenizer: BytePairTokenizer, captions: Sequence[str], chunks: int, pad: int) -> Tensor:
    """Return the captions' tokens, int64 [batch, chunks, 77], on the CPU.

    Each chunk is BOS, its part of the caption, EOS, and `pad` up to 77; what is longer than all chunks is cut. A chunk that
    the caption does not reach holds BOS, EOS and padding, as in sd-scripts.

    Args:
        tokenizer: the encoder's.
        captions: of any length, the empty one too.
        chunks: 1, 2 or 3.
        pad: token that fills a chunk up: EOS for CLIP-L, 0 for SDXL's second encoder.
    """
    bos, eos = tokenizer.start, tokenizer.end
    rows: list[list[list[int]]] = []
    for words in map(tokenizer.tokens, captions):
        rows.append([])
        for start in range(0, CHUNK * chunks, CHUNK):
            part = words[start : start + CHUNK]
            rows[-1].append([bos, *part, eos, *[pad] * (CHUNK - len(part))])
    return torch.tensor(rows, dtype=torch.int64).view(-1, chunks, CHUNK_TOKENS)


def joined(hidden: Tensor, chunks: int) -> Tensor:
    """Return the chunks' embeddings as one sequence per caption: BOS of the first, 75 of each, EOS of the last.

    Args:
        hidden: [batch · chunks, 77, channels], the chunks of a caption one after the other.
        chunks: how many there are of each caption.

    Returns:
        [batch, 75 · chunks + 2, channels]; of one chunk, `hidden` itself.
    """
    if chunks == 1:
        return hidden
    apart = hidden.reshape(-1, chunks, *hidden.shape[1:])
    return torch.cat([apart[:, 0, :1], apart[:, :, 1:-1].flatten(1, 2), apart[:, -1, -1:]], dim=1)

"""CLIP's tokenizer for bases that bring none, from the vocabulary that comes with this program."""

import gzip
from functools import cache
from importlib import resources
from itertools import islice
from typing import Any

from transformers import CLIPTokenizer

TOKENS = 49408
"""Tokens of CLIP's vocabulary: 256 bytes, each alone and at a word's end, the merges, and the two around a text."""

_MERGES = TOKENS - 2 * 256 - 2
_START, _END = "<|startoftext|>", "<|endoftext|>"


def clip_tokenizer() -> Any:
    """Return CLIP's tokenizer as a transformers CLIPTokenizer, without network.

    SDXL's second encoder reads the same tokens and is filled up with 0 in place of the end's. Its published tokenizer calls
    0 (`!` within a word) the padding token, and so gives it for every `!` in a text too; CLIP gives 256, as here.
    """
    vocabulary, merges = _vocabulary()
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77)


def is_clips(tokenizer: Any) -> bool:
    """Return whether a tokenizer has CLIP's vocabulary, token for token."""
    own: bool = tokenizer.get_vocab() == _vocabulary()[0]
    return own


@cache
def _vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Return token -> number, and the pairs to merge, earliest first (Radford et al. 2021; openai/CLIP, simple_tokenizer)."""
    packed = resources.files("trainer.models.stable_diffusion").joinpath("vocabulary", "bpe_simple_vocab_16e6.txt.gz")
    with packed.open("rb") as raw, gzip.open(raw, "rt", encoding="utf-8") as lines:
        # The first line is a heading; merges beyond these are of a larger vocabulary that CLIP does not use.
        merges = [(first, second) for first, second in (line.split() for line in islice(lines, 1, 1 + _MERGES))]
    letters = _letters()
    tokens = [*letters, *(letter + "</w>" for letter in letters), *(first + second for first, second in merges)]
    return {token: number for number, token in enumerate([*tokens, _START, _END])}, merges


def _letters() -> list[str]:
    """Return the letter that stands for each byte, in the vocabulary's order: printable ones first, for themselves."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = 256 - len(printable)
    return [chr(code) for code in printable] + [chr(256 + number) for number in range(others)]

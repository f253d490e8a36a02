"""The tokenizers that come with the program: Qwen's merges and T5's pieces as their makers publish them, packed; free of torch."""

import gzip
from collections.abc import Mapping
from importlib import resources

from trainer.families.anima.files.tokenizer_files import TokenizerKind, fits
from trainer.prompts.clip_tokens import byte_letters

# Qwen3's, numbered behind its pieces: Qwen/Qwen3-0.6B-Base, tokenizer_config.json.
QWEN_SPECIAL = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>"),
    *("<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>"),
    *("<|image_pad|>", "<|video_pad|>", "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>"),
    *("<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>"),
    *("<think>", "</think>"),
)
"""Texts that are one token of Qwen3's each."""

SHIPPED_TOKENS: Mapping[TokenizerKind, int] = {"qwen3_tokenizer": 151_669, "t5_tokenizer_path": 32_100}
"""How many tokens each has, the special ones among them."""

_FOLDER = "tokenizers"


def is_shipped(kind: TokenizerKind, rows: int) -> bool:
    """Return whether the tokenizer that comes with the program can be that of a model.

    Args:
        kind: which one.
        rows: of the model's embedding of its tokens.
    """
    return fits(SHIPPED_TOKENS[kind], rows)


def qwen_pieces() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Return piece -> number, without the special tokens, and the pairs to merge, earliest first.

    As in CLIP's vocabulary and GPT-2's, the numbers are those of the bytes' letters and then of the merges, each in its order.
    """
    # The first line is a heading.
    lines = _unpacked("qwen3_merges.txt.gz").splitlines()[1:]
    merges = [(first, second) for first, second in (line.split(" ") for line in lines)]
    pieces = [*byte_letters().values(), *(first + second for first, second in merges)]
    return {piece: number for number, piece in enumerate(pieces)}, merges


def t5_table() -> str:
    """Return T5's tokenizer.json."""
    return _unpacked("t5_tokenizer.json.gz")


def _unpacked(name: str) -> str:
    packed = resources.files("trainer.families.anima").joinpath(_FOLDER, name).read_bytes()
    return gzip.decompress(packed).decode("utf-8")

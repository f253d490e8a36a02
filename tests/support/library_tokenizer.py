"""Tokenizers of transformers, for pipelines of diffusers and to compare with."""

from pathlib import Path
from typing import Any

from transformers import CLIPTokenizer

from trainer.prompts.clip_tokens import clip_vocabulary

DEMO = Path(__file__).parents[2] / "trainer" / "demo" / "model" / "tokenizer"


def library_tokenizer(folder: Path | None = None) -> Any:
    """Return the tokenizer in a folder, CLIP's own where none is given."""
    if folder is not None:
        return CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    vocabulary, merges = clip_vocabulary()
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77)

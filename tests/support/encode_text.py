"""Captions through all encoders of a base at once."""

from collections.abc import Sequence

from torch import Tensor

from trainer.models.base_model import SHORTEST_TEXT, BaseModel, Conditioning


def encode_text(
    model: BaseModel, captions: Sequence[str], clip_skip: int, max_token_length: int = SHORTEST_TEXT
) -> Conditioning:
    """Return what the body takes of captions, from their texts; see BaseModel.tokenize and encode_part."""
    return encode_tokens(model, model.tokenize(captions, max_token_length), clip_skip)


def encode_tokens(model: BaseModel, tokens: Tensor, clip_skip: int) -> Conditioning:
    """Return what the body takes of captions, from their tokens; see BaseModel.encode_part."""
    return model.join({part: model.encode_part(part, tokens, clip_skip) for part in model.encoders})

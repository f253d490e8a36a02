"""Prompts for CLIP encoders: chunks encoded one by one, each token at its weight, as the webui does it."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import torch
from torch import Tensor

from trainer.models.base_model import Conditioning, Encoded
from trainer.prompts.attention import parse
from trainer.prompts.chunks import Chunk, chunk
from trainer.prompts.clip_tokens import BytePairTokenizer
from trainer.settings.parts import Family, Part, is_encoder, parts_of


class ClipEncoders(Protocol):
    """What prompts need of a model: its CLIP encoders with their tokenizers, as StableDiffusion has them."""

    family: Family
    tokenizers: dict[Part, BytePairTokenizer]

    def tokenize(self, captions: Sequence[str]) -> Tensor:
        """Return token numbers, int64 [batch, encoders, chunks, 77]."""
        ...

    def encode_part(self, part: Part, tokens: Tensor, clip_skip: int) -> Encoded:
        """Return what one encoder makes of captions."""
        ...

    def join(self, encoded: Mapping[Part, Encoded]) -> Conditioning:
        """Return what the U-Net takes of what the encoders made."""
        ...


@dataclass(frozen=True)
class PromptText(Conditioning):
    """The U-Net's conditioning of one prompt.

    Attributes:
        embeddings: [1, 77 · chunks, channels]: BOS and EOS of every chunk stay, other than in a caption's embeddings.
        pooled: [1, width], of the first chunk; None in SD1.x.
        empty: [1, 77, channels]: what a chunk without words gives, to extend with.
    """

    empty: Tensor


@torch.no_grad()
def encode_prompts(model: ClipEncoders, prompts: Sequence[str], clip_skip: int) -> list[PromptText]:
    """Return the U-Net's conditioning of each prompt, under the webui's rules.

    Each chunk of 75 tokens goes through the encoders alone, so that a prompt gives the same bits in any company. Then each
    token's embedding is multiplied by its weight and the chunk brought back to the mean it had (the webui's emphasis
    "Original"), in each encoder by itself. Weights do not reach SDXL's pooled vector.

    Args:
        model: its encoders are on the device, LoRAs and all in force.
        prompts: without LoRA tags; attention.check has seen them.
        clip_skip: as the webui counts, see StableDiffusion.encode_part; SDXL takes the last layer but one whatever it says.
    """
    parts = [part for part in parts_of(model.family) if is_encoder(part)]
    frame = model.tokenize([""])

    @cache
    def encoded(chunks: tuple[Chunk, ...]) -> Conditioning:
        tokens = torch.cat([_framed(frame[:, [index]], one) for index, one in enumerate(chunks)], dim=1)
        return model.join(
            {
                part: _weighted(model.encode_part(part, tokens, clip_skip), one.weights)
                for part, one in zip(parts, chunks, strict=True)
            }
        )

    empty = encoded((Chunk(),) * len(parts)).embeddings
    texts: list[PromptText] = []
    for prompt in prompts:
        # The encoders have a tokenizer each, of one vocabulary: their chunks end at the same words.
        each = [encoded(chunks) for chunks in zip(*(_chunks(model, part, prompt) for part in parts), strict=True)]
        texts.append(PromptText(torch.cat([text.embeddings for text in each], dim=1), each[0].pooled, empty))
    return texts


def alike(texts: Sequence[PromptText]) -> list[PromptText]:
    """Return the texts, the shorter ones extended by empty chunks, so that all are as long as the longest.

    It is for a prompt and its negative prompt, which go through the U-Net together. What is added changes the picture a
    little: pictures of other prompts should not be the reason.
    """
    longest = max((text.embeddings.shape[1] for text in texts), default=0)
    return [_extended(text, longest) for text in texts]


def _extended(text: PromptText, length: int) -> PromptText:
    missing = (length - text.embeddings.shape[1]) // text.empty.shape[1]
    if not missing:
        return text
    return dataclasses.replace(text, embeddings=torch.cat([text.embeddings, *[text.empty] * missing], dim=1))


def _chunks(model: ClipEncoders, part: Part, prompt: str) -> tuple[Chunk, ...]:
    tokenizer = model.tokenizers[part]
    return chunk(parse(prompt), tokenizer.tokens, comma=tokenizer.comma)


def _framed(frame: Tensor, one: Chunk) -> Tensor:
    """Return a chunk's tokens, int64 [1, 1, 1, 77], filled up as the encoder was trained.

    Args:
        frame: the same of no words: BOS, EOS, and what this encoder is filled up with.
        one: the chunk.
    """
    framed = frame.clone()
    length = len(one.tokens)
    framed[..., 1 : 1 + length] = torch.tensor(one.tokens, dtype=torch.int64)
    framed[..., 1 + length] = frame[..., 1]
    return framed


def _weighted(encoded: Encoded, weights: Sequence[float]) -> Encoded:
    """Return the embeddings of one chunk with each token's multiplied by its weight, at the mean they had before."""
    if all(weight == 1 for weight in weights):
        return encoded
    before = encoded.hidden.float()
    factors = torch.ones(before.shape[1], device=before.device)
    factors[1 : 1 + len(weights)] = torch.tensor(weights, device=before.device)
    after = before * factors[None, :, None]
    return Encoded((after * (before.mean() / after.mean())).to(encoded.hidden.dtype), encoded.pooled)

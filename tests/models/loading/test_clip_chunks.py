from typing import Any

import pytest
import torch
from encode_text import encode_text
from library_tokenizer import DEMO, library_tokenizer
from torch import Tensor

from trainer.models.stable_diffusion.clip_chunks import joined
from trainer.models.stable_diffusion.model import StableDiffusion

SHORT = "1girl, upper body, smile"


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return library_tokenizer(DEMO)


def caption_of(words: int) -> str:
    """Return a caption of so many tokens: letters, one token each."""
    return " ".join("abcdefghij"[number % 10] for number in range(words))


def as_in_the_facts(tokenizer: Any, caption: str, chunks: int) -> Tensor:
    """Return [chunks, 77] by sd-scripts' rule: one long row filled with EOS, cut into pieces of 75 between BOS and EOS."""
    row = tokenizer(
        caption, padding="max_length", truncation=True, max_length=75 * chunks + 2, return_tensors="pt"
    ).input_ids[0]
    pieces = [row[1 + 75 * number : 76 + 75 * number] for number in range(chunks)]
    return torch.stack([torch.cat([row[:1], piece, row[-1:]]) for piece in pieces])


@pytest.mark.parametrize("chunks", [1, 2, 3])
def test_tokens_of_sd1_lie_as_sd_scripts_lays_them(demo: StableDiffusion, tokenizer: Any, chunks: int) -> None:
    captions = ["", SHORT, *(caption_of(words) for words in (74, 75, 76, 149, 150, 151, 225, 400))]
    tokens = demo.tokenize(captions, 75 * chunks)
    assert tokens.shape == (10, 1, chunks, 77)
    assert torch.equal(tokens[:, 0], torch.stack([as_in_the_facts(tokenizer, text, chunks) for text in captions]))


@pytest.mark.parametrize(
    ("words", "lengths"), [(0, (0, 0, 0)), (74, (74, 0, 0)), (75, (75, 0, 0)), (76, (75, 1, 0)), (300, (75, 75, 75))]
)
def test_the_second_encoder_of_sdxl_has_an_eos_in_each_chunk_and_zeros_after(
    tiny_sdxl: StableDiffusion, tokenizer: Any, words: int, lengths: tuple[int, ...]
) -> None:
    letters = tokenizer(caption_of(words), add_special_tokens=False).input_ids
    bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
    expected = [
        [bos, *letters[75 * number : 75 * number + length], eos, *[0] * (75 - length)]
        for number, length in enumerate(lengths)
    ]
    assert tiny_sdxl.tokenize([caption_of(words)], 225)[0, 1].tolist() == expected


def test_the_first_encoder_of_sdxl_is_filled_with_eos(tiny_sdxl: StableDiffusion, demo: StableDiffusion) -> None:
    assert torch.equal(tiny_sdxl.tokenize([SHORT], 225)[:, 0], demo.tokenize([SHORT], 225)[:, 0])


def test_joining_takes_bos_of_the_first_75_of_each_and_eos_of_the_last() -> None:
    hidden = torch.arange(2 * 3 * 77).view(6, 77, 1)
    whole = joined(hidden, 3)[1, :, 0].tolist()
    first = 3 * 77
    assert whole == [
        first,
        *range(first + 1, first + 76),
        *range(first + 78, first + 153),
        *range(first + 155, first + 230),
        first + 230,
    ]


@pytest.mark.parametrize(("length", "tokens"), [(75, 77), (150, 152), (225, 227)])
def test_each_chunk_is_encoded_alone(demo: StableDiffusion, length: int, tokens: int) -> None:
    caption = caption_of(400)
    embeddings = encode_text(demo, [caption], 1, length).embeddings
    assert embeddings.shape == (1, tokens, 96)
    for number in range(length // 75):
        words = " ".join(caption.split()[75 * number : 75 * number + 75])
        alone = encode_text(demo, [words], 1).embeddings
        start = 1 + 75 * number
        assert torch.allclose(embeddings[:, start : start + 75], alone[:, 1:-1], atol=1e-5)


def test_a_short_caption_starts_the_same_in_a_long_setting(demo: StableDiffusion) -> None:
    short, long = (encode_text(demo, [SHORT], 2, length).embeddings for length in (75, 225))
    assert torch.allclose(short[:, :76], long[:, :76], atol=1e-5)


def test_pooled_is_of_the_first_chunk(tiny_sdxl: StableDiffusion) -> None:
    words = caption_of(150).split()
    captions = [" ".join(words[:75]), " ".join(words), " ".join([*words[:75], *words[:75]])]
    short = encode_text(tiny_sdxl, captions[:1], 1).pooled
    long = encode_text(tiny_sdxl, captions, 1, 150).pooled
    assert short is not None and long is not None
    assert torch.allclose(long, short.expand(3, -1), atol=1e-6)

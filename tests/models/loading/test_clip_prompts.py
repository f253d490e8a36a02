"""Prompts reach the U-Net as the webui tells them: computed once more by hand, encoder by encoder."""

from pathlib import Path

import pytest
import torch
from encode_text import encode_text
from tiny_bases import write_tiny
from torch import Tensor

from trainer.models.identify import identify_base
from trainer.models.stable_diffusion.clip_prompts import alike, encode_prompts
from trainer.models.stable_diffusion.model import StableDiffusion, load_base
from trainer.prompts.clip_tokens import BytePairTokenizer
from trainer.settings.subject import DEMO_BASE

torch.set_num_threads(1)

WEIGHTED = "1girl, (red dress:1.5), [smile]"
LONG = ", ".join(["1girl, (red dress:1.3), upper body, smile"] * 12)


@pytest.fixture(scope="module")
def demo() -> StableDiffusion:
    return load_base(identify_base(DEMO_BASE), device="cpu", dtype=torch.float32)


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> StableDiffusion:
    path = write_tiny(Path(tmp_path_factory.mktemp("base")) / "xl.safetensors", "sdxl")
    return load_base(identify_base(str(path)), device="cpu", dtype=torch.float32)


def by_hand(tokenizer: BytePairTokenizer, pieces: list[tuple[str, float]], pad: int) -> tuple[Tensor, Tensor]:
    """Return tokens [1, 77] and weights [1, 77, 1] of one chunk: BOS, words, EOS, and `pad`, all but words at 1."""
    tokens, weights = [tokenizer.start], [1.0]
    for text, weight in pieces:
        found = tokenizer.tokens(text)
        tokens += found
        weights += [weight] * len(found)
    tokens += [tokenizer.end]
    tokens += [pad] * (77 - len(tokens))
    weights += [1.0] * (77 - len(weights))
    return torch.tensor([tokens]), torch.tensor(weights).view(1, 77, 1)


def emphasized(hidden: Tensor, weights: Tensor) -> Tensor:
    """Return embeddings at their weights, at the mean they had."""
    out = hidden * weights
    return out * (hidden.mean() / out.mean())


PIECES = [("1girl,", 1.0), ("red dress", 1.5), (",", 1.0), ("smile", 1 / 1.1)]


def test_sd1_by_hand(demo: StableDiffusion) -> None:
    tokens, weights = by_hand(demo.tokenizers["text_encoder"], PIECES, demo.tokenizers["text_encoder"].end)
    with torch.no_grad():
        expected = emphasized(demo.text_encoder(tokens).last_hidden_state, weights)
    [text] = encode_prompts(demo, [WEIGHTED], 1)
    assert (text.embeddings.shape, text.pooled) == ((1, 77, 96), None)
    torch.testing.assert_close(text.embeddings, expected)
    assert text.embeddings.mean() == pytest.approx(
        float(encode_text(demo, ["1girl, red dress, smile"], 1).embeddings.mean())
    )


def test_sd1_with_clip_skip_by_hand(demo: StableDiffusion) -> None:
    tokens, weights = by_hand(demo.tokenizers["text_encoder"], PIECES, demo.tokenizers["text_encoder"].end)
    with torch.no_grad():
        before_last = demo.text_encoder(tokens, output_hidden_states=True).hidden_states[-2]
        expected = emphasized(demo.text_encoder.final_layer_norm(before_last), weights)
    torch.testing.assert_close(encode_prompts(demo, [WEIGHTED], 2)[0].embeddings, expected)


def test_sdxl_by_hand(sdxl: StableDiffusion) -> None:
    """Each encoder for itself: CLIP-L filled up with EOS, the second with 0, the last layer but one, the pooled as it is."""
    first, second = sdxl.encoders["text_encoder"], sdxl.encoders["text_encoder_2"]
    tokenizer = sdxl.tokenizers["text_encoder"]
    tokens, weights = by_hand(tokenizer, PIECES, tokenizer.end)
    tokens_2, _ = by_hand(sdxl.tokenizers["text_encoder_2"], PIECES, 0)
    with torch.no_grad():
        one = emphasized(first(tokens, output_hidden_states=True).hidden_states[-2], weights)
        out = second(tokens_2, output_hidden_states=True)
        two = emphasized(out.hidden_states[-2], weights)
    [text] = encode_prompts(sdxl, [WEIGHTED], 1)
    torch.testing.assert_close(text.embeddings, torch.cat([one, two], dim=-1))
    assert text.pooled is not None
    assert torch.equal(text.pooled, out.text_embeds)


@pytest.mark.parametrize("clip_skip", [1, 2])
def test_a_plain_prompt_is_encoded_bit_for_bit_as_a_caption(demo: StableDiffusion, clip_skip: int) -> None:
    for prompt in ("", "1girl, upper body, smile"):
        own = encode_text(demo, [prompt], clip_skip).embeddings
        assert torch.equal(encode_prompts(demo, [prompt], clip_skip)[0].embeddings, own)


def test_a_plain_prompt_is_encoded_bit_for_bit_as_a_caption_in_sdxl(sdxl: StableDiffusion) -> None:
    own = encode_text(sdxl, ["1girl, smile"], 1)
    [text] = encode_prompts(sdxl, ["1girl, smile"], 1)
    assert own.pooled is not None and text.pooled is not None
    assert torch.equal(text.embeddings, own.embeddings) and torch.equal(text.pooled, own.pooled)


def test_weight_1_is_no_weight(demo: StableDiffusion) -> None:
    weighted, plain = encode_prompts(demo, ["(1girl:1)", "1girl"], 1)
    assert torch.equal(weighted.embeddings, plain.embeddings)


def test_chunks_are_encoded_alone_and_follow_each_other_whole(demo: StableDiffusion) -> None:
    both, first, second = encode_prompts(
        demo, ["1girl, smile BREAK (red dress:1.4)", "1girl, smile", "(red dress:1.4)"], 1
    )
    assert torch.equal(both.embeddings, torch.cat([first.embeddings, second.embeddings], dim=1))


def test_pooled_is_of_the_first_chunk(sdxl: StableDiffusion) -> None:
    both, first = encode_prompts(sdxl, ["1girl, smile BREAK red dress", "(1girl, smile:1.3)"], 1)
    assert both.pooled is not None and first.pooled is not None
    assert both.embeddings.shape == (1, 154, 64)
    assert torch.equal(both.pooled, first.pooled)


@pytest.mark.parametrize("model", ["demo", "sdxl"])
def test_a_prompt_gives_the_same_bits_in_any_company(model: str, request: pytest.FixtureRequest) -> None:
    base: StableDiffusion = request.getfixturevalue(model)
    prompts = [WEIGHTED, "", LONG, "BREAK", WEIGHTED]
    together = encode_prompts(base, prompts, 1)
    for prompt, text in zip(prompts, together, strict=True):
        [alone] = encode_prompts(base, [prompt], 1)
        assert torch.equal(text.embeddings, alone.embeddings)
        assert (text.pooled is None) == (alone.pooled is None) == (model == "demo")
        if text.pooled is not None and alone.pooled is not None:
            assert torch.equal(text.pooled, alone.pooled)


def test_a_long_prompt_is_as_long_as_its_chunks(demo: StableDiffusion) -> None:
    [text] = encode_prompts(demo, [LONG], 1)
    tokens = len(demo.tokenizers["text_encoder"].tokens(LONG.replace("(", "").replace(":1.3)", "")))
    assert text.embeddings.shape[1] == 77 * -(-tokens // 75) > 77


def test_the_shorter_text_is_extended_with_chunks_without_words(demo: StableDiffusion) -> None:
    long, short = encode_prompts(demo, ["1girl BREAK smile BREAK red dress", "upper body"], 1)
    extended_long, extended = alike([long, short])
    empty = encode_text(demo, [""], 1).embeddings
    assert torch.equal(extended_long.embeddings, long.embeddings)
    assert torch.equal(extended.embeddings, torch.cat([short.embeddings, empty, empty], dim=1))


def test_texts_of_one_length_stay_as_they_are(sdxl: StableDiffusion) -> None:
    texts = encode_prompts(sdxl, ["1girl", "smile"], 1)
    assert alike(texts) == texts


def test_embeddings_come_in_the_encoders_type() -> None:
    model = load_base(identify_base(DEMO_BASE), device="cpu", dtype=torch.bfloat16)
    [text] = encode_prompts(model, [WEIGHTED], 1)
    assert text.embeddings.dtype == torch.bfloat16
    assert bool(torch.isfinite(text.embeddings).all())


def test_a_bake_can_train_on_after_prompts_were_encoded(demo: StableDiffusion) -> None:
    [text] = encode_prompts(demo, [WEIGHTED], 1)
    assert not text.embeddings.is_inference() and not text.embeddings.requires_grad


def test_prompts_and_captions_are_fixed_alike(demo: StableDiffusion) -> None:
    odd, plain = "“red” &amp; ｂｌｕｅ, a \ufb01ne hat", '"red" & blue, a fine hat'
    assert torch.equal(demo.tokenize([odd]), demo.tokenize([plain]))
    one, other = encode_prompts(demo, [odd, plain], 1)
    assert torch.equal(one.embeddings, other.embeddings)

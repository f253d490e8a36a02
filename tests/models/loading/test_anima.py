"""Anima gives what diffusers' own parts give of the same captions, pictures and latents, from a folder as from single files."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from diffusers import CosmosTransformer3DModel
from diffusers.modular_pipelines.anima.encoders import AnimaTextEncoderStep, encode_vae_image
from one_way_transfers import NothingReadsTheHost, OneWayTransfers
from safetensors.torch import load_file
from tiny_anima import BODY, LEAST_TOKENS, hollow_files, tiny_anima, tiny_files, tiny_modules, write_files
from torch import Tensor, nn
from transformers import Qwen2Tokenizer, T5TokenizerFast

from trainer.errors import SettingsError
from trainer.families.anima.model.anima import Anima
from trainer.lean import compiled
from trainer.lean.compute_options import ComputeOptions
from trainer.lean.transfers import transfers_by
from trainer.models.engines import load_base, load_shapes
from trainer.models.identify import identify_base
from trainer.network.injection import LayerRules, inject

CAPTIONS = [
    "1girl, smile, hat",
    "",
    "a long caption, longer than the least number of tokens: " + "many words, " * 11 + "end",
    "白い 1girl",
]
NEAR = {"rtol": 0, "atol": 1e-5}


def loaded(path: Path, dtype: torch.dtype = torch.float32, **form: Any) -> Anima:
    model = load_base(identify_base(str(path), {}), device="cpu", dtype=dtype, **form)
    assert isinstance(model, Anima)
    return model


@pytest.fixture(scope="module")
def model() -> Anima:
    return loaded(tiny_anima())


@pytest.fixture(scope="module")
def theirs() -> dict[str, Any]:
    return tiny_modules()


def encoded(model: Anima, captions: list[str]) -> Tensor:
    tokens = model.tokenize(captions)
    return model.join({"conditioner": model.encode_part("conditioner", tokens, 1)}).embeddings


def test_captions_give_what_diffusers_makes_of_them(model: Anima, theirs: dict[str, Any]) -> None:
    parts = SimpleNamespace(
        tokenizer=Qwen2Tokenizer.from_pretrained(tiny_anima() / "tokenizer", pad_token="<|endoftext|>"),
        t5_tokenizer=T5TokenizerFast.from_pretrained(tiny_anima() / "t5_tokenizer", extra_ids=0),
        text_encoder=theirs["text_encoder"],
    )
    # At once, with masks; an empty caption apart, as their tokenizer fills it up only among others.
    for captions in (CAPTIONS, [""]):
        told = AnimaTextEncoderStep.encode_prompt(
            parts, captions, prepare_unconditional_embeds=False, device=torch.device("cpu"), dtype=torch.float32
        )
        expected = theirs["text_conditioner"](
            source_hidden_states=told["qwen_prompt_embeds"],
            target_input_ids=told["t5_input_ids"],
            target_attention_mask=told["t5_attention_mask"],
            source_attention_mask=told["qwen_attention_mask"],
        )
        torch.testing.assert_close(encoded(model, captions), expected, **NEAR)


def test_a_caption_gives_the_same_bits_in_any_company_and_is_kept_without_what_fills_it_up(model: Anima) -> None:
    together = encoded(model, CAPTIONS)
    alone = [model.encode_part("conditioner", model.tokenize([each]), 1) for each in CAPTIONS]
    assert [each.hidden.shape[1] for each in alone] == [len(model.tokenizers.queries([each])[0]) for each in CAPTIONS]
    assert all(each.hidden.untyped_storage().nbytes() == each.hidden.nbytes for each in alone)
    assert torch.equal(model.join({"conditioner": model.batched(alone)}).embeddings, together)
    assert together.shape[1] == max(LEAST_TOKENS, *(each.hidden.shape[1] for each in alone))


def test_pictures_give_the_latents_and_latents_the_pictures_that_diffusers_makes(
    model: Anima, theirs: dict[str, Any]
) -> None:
    pixels = torch.randint(0, 256, (2, 64, 48, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    images = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1
    expected = encode_vae_image(images, theirs["vae"], None, torch.device("cpu"), torch.float32, latent_channels=16)
    latents = model.encode_pictures(pixels)
    torch.testing.assert_close(latents, expected[:, :, 0], **NEAR)
    again = theirs["vae"].decode(model.raw(latents).unsqueeze(2), return_dict=False)[0][:, :, 0]
    torch.testing.assert_close(model.vae_decode(model.raw(latents)), again, **NEAR)
    torch.testing.assert_close(model.normalized(model.raw(latents)), latents, **NEAR)


def test_a_picture_is_decoded_in_tiles_that_meet(model: Anima) -> None:
    latents = torch.randn(1, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    whole = model.vae_decode(latents)
    with model.tiled(64):
        tiles = model.vae_decode(latents)
    assert tiles.shape == whole.shape and not torch.equal(tiles, whole)
    assert torch.equal(model.vae_decode(latents), whole)


@pytest.mark.parametrize("attention", ["sdpa", "math"])
def test_a_prediction_is_that_of_diffusers_transformer(model: Anima, theirs: dict[str, Any], attention: Any) -> None:
    # Theirs as published asks torchvision for the mask; without it the mask's columns, always times zero, are to go.
    plain = CosmosTransformer3DModel(**{**BODY, "concat_padding_mask": False}).eval()
    weights = theirs["transformer"].state_dict()
    plain.load_state_dict(weights | {"patch_embed.proj.weight": weights["patch_embed.proj.weight"][:, :64]})
    generator = torch.Generator().manual_seed(0)
    noisy, times = torch.randn(2, 16, 8, 6, generator=generator), torch.tensor([0.31, 0.87])
    text = model.encode_prompts(["1girl", "1girl"], 1)[0]
    both = type(text)(text.embeddings.expand(2, -1, -1), None)
    expected = plain(noisy.unsqueeze(2), times, both.embeddings, return_dict=False)[0].squeeze(2)
    model.set_compute_options(ComputeOptions(attention=attention))
    torch.testing.assert_close(model.predict(noisy, times, both), expected, **NEAR)
    assert float(expected.std()) > 0.1
    # Where a picture's latents lie decides what is predicted of them: attention knows places.
    turned = model.predict(noisy.flip(-1), times, both).flip(-1)
    assert not torch.allclose(turned, expected, atol=0.01)
    model.set_compute_options(ComputeOptions())


def test_times_are_not_rounded_to_the_body_type() -> None:
    half = loaded(tiny_anima(), torch.bfloat16)
    seen: list[Tensor] = []
    half.body.time_embed.time_proj.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    noisy = torch.randn(1, 16, 4, 4)
    half.predict(noisy, torch.tensor([0.501]), half.encode_prompts([""], 1)[0])
    assert seen[0].dtype == torch.float32 and float(seen[0]) == pytest.approx(0.501, abs=1e-7)


def test_single_files_and_the_folder_are_one_model(model: Anima) -> None:
    other = loaded(tiny_files())
    for mine, its in (
        (model.body, other.body),
        (model.encoders["conditioner"], other.encoders["conditioner"]),
        (model.vae, other.vae),
    ):
        weights = its.state_dict()
        assert weights.keys() == mine.state_dict().keys()
        assert all(torch.equal(weight, weights[name]) for name, weight in mine.state_dict().items())
        buffers = dict(its.named_buffers())
        assert all(torch.equal(buffer, buffers[name]) for name, buffer in mine.named_buffers())
    assert other.encode_prompts(["hat"], 1)[0].tokens == 512
    assert torch.equal(model.tokenize(CAPTIONS), other.tokenize(CAPTIONS))


def test_a_base_without_tokenizers_has_those_of_the_program(tmp_path: Path) -> None:
    modules = tiny_modules()
    # As many rows as the real ones, where the tiny tokenizers have few.
    modules["text_encoder"].embed_tokens = nn.Embedding(151_936, 64)
    modules["text_conditioner"].embed = nn.Embedding(32_128, 64)
    path = write_files(tmp_path, modules)
    shutil.rmtree(tmp_path / "comfy")
    model = loaded(path)
    words, queries = model.tokenize(["red hat"])[0].tolist()
    # Of Qwen3's and T5's vocabularies: red, hat; red, hat, the end.
    assert [token for token in words if token >= 0] == [1151, 8896]
    assert [token for token in queries if token >= 0] == [1131, 3, 547, 1]
    assert encoded(model, ["1girl"]).isfinite().all()


def test_a_prompts_weight_multiplies_the_rows_of_its_words_and_a_break_is_a_space(model: Anima) -> None:
    plain, weighted, broken = (
        model.encode_prompts([prompt], 1)[0].embeddings[0] for prompt in ("ab cd", "ab (cd:1.5)", "abBREAKcd BREAK ef")
    )
    factors = (weighted / plain).nan_to_num()
    words = len(model.tokenizers.queries(["ab "])[0]) - 1
    assert torch.allclose(factors[words : words + 1].mean(), torch.tensor(1.5), atol=0.3)
    assert broken.shape == plain.shape


def test_a_literal_bracket_of_a_caption_stays(model: Anima) -> None:
    with_brackets, without = model.tokenize(["ganyu (genshin impact)"]), model.tokenize(["ganyu genshin impact"])
    assert with_brackets.shape[-1] > without.shape[-1]


def test_prompt_and_negative_prompt_have_one_number_of_tokens(model: Anima) -> None:
    long, short = model.encode_prompts(["many words, " * 20, ""], 1)
    first, second = model.guided(long, short, blank=True)
    assert first.tokens == second.tokens == long.tokens > LEAST_TOKENS
    assert not second.embeddings[:, short.tokens :].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_computes_twice_gives_the_same_gradients(dtype: torch.dtype) -> None:
    model = loaded(tiny_anima(), dtype)
    network = inject(model, LayerRules(dim=4, alpha=4), 0, ["body"])
    for layer in network:
        nn.init.normal_(layer.up, generator=torch.Generator().manual_seed(1))
    found = []
    for names in (None, (), ("blocks.1",)):
        model.set_compute_options(ComputeOptions(checkpointed=names))
        for weight in network.parameters():
            weight.grad = None
        predicted = model.predict(*step_inputs(model))
        predicted.float().square().mean().backward()
        found.append([weight.grad.clone() for weight in network.parameters()])
    assert len(found[0]) == 2 * 30
    assert all(bool(grad.any()) for grad in found[0])
    for other in found[1:]:
        assert all(torch.equal(one, two) for one, two in zip(found[0], other, strict=True))


def test_the_blocks_that_may_be_swapped_are_counted_before_anything_is_loaded() -> None:
    for path in (tiny_anima(), tiny_files()):
        assert identify_base(str(path), {}).swapped_blocks == len(loaded(path).body_blocks())
    assert identify_base(str(hollow_files(36)), {}).swapped_blocks == 36


@pytest.mark.parametrize("kind", [None, "int8"])
@pytest.mark.parametrize("names", [None, ()])
def test_blocks_that_come_one_by_one_give_the_same_gradients(kind: Any, names: tuple[str, ...] | None) -> None:
    model = loaded(tiny_anima(), torch.bfloat16, quantized=kind)
    model.set_compute_options(ComputeOptions(checkpointed=names))
    transfers = OneWayTransfers()
    found = []
    for count in (0, 3):
        with transfers_by(lambda: transfers):
            model.stream_blocks(count)
        network = inject(model, LayerRules(dim=4, alpha=4), 0, ["body"])
        for layer in network:
            nn.init.normal_(layer.up, generator=torch.Generator().manual_seed(1))
        model.bring_body()
        with NothingReadsTheHost(transfers):
            model.predict(*step_inputs(model)).float().square().mean().backward()
        found.append([weight.grad for weight in network.parameters()])
        network.remove()
    assert transfers.copies >= 3
    assert all(torch.equal(one, two) for one, two in zip(*found, strict=True))
    model.stream_blocks(0)


def step_inputs(model: Anima) -> tuple[Tensor, Tensor, Any]:
    generator = torch.Generator().manual_seed(0)
    noisy, times = torch.randn(2, 16, 8, 8, generator=generator), torch.tensor([0.3, 0.8])
    text = model.encode_prompts(["1girl"], 1)[0]
    return noisy, times, type(text)(text.embeddings.expand(2, -1, -1), None)


def test_attention_gives_diffusers_gradients(theirs: dict[str, Any]) -> None:
    """Ours turns queries and keys by a function of its own, which keeps nothing of them."""
    model = loaded(tiny_anima())
    block, other = model.body.transformer_blocks[0].attn1, theirs["transformer"].transformer_blocks[0].attn1
    generator = torch.Generator().manual_seed(0)
    rotary = model.body.rope(torch.zeros(1, 17, 1, 8, 8))
    results = []
    for attention in (block, other):
        tokens = torch.randn(1, 16, 64, generator=generator.manual_seed(0)).requires_grad_()
        out = attention(tokens, image_rotary_emb=rotary)
        out.square().sum().backward()
        results.append((out, tokens.grad))
    torch.testing.assert_close(results[0], results[1], **NEAR)


@pytest.mark.parametrize("kind", ["int8", "fp8"])
def test_large_weights_are_held_in_eight_bits_and_predict_nearly_the_same(model: Anima, kind: Any) -> None:
    rough = loaded(tiny_anima(), quantized=kind)
    inputs = step_inputs(model)
    exact, found = model.predict(*inputs), rough.predict(*inputs)
    assert 0 < float((found - exact).norm() / exact.norm()) < (0.05 if kind == "int8" else 0.15)
    assert rough.body.transformer_blocks[0].ff.net[2].weight.dtype in (torch.int8, torch.uint8)
    assert rough.body.patch_embed.proj.weight.dtype == torch.float32
    assert rough.encoders["conditioner"].qwen.layers[0].mlp.up_proj.weight.dtype in (torch.int8, torch.uint8)


def test_loading_takes_no_more_than_the_weights(tmp_path: Path) -> None:
    """Every weight is read into its place: no state dict is held beside the modules."""
    shapes = load_shapes(identify_base(str(hollow_files()), {}), dtype=torch.bfloat16, vae_dtype=torch.bfloat16)
    sizes = [sum(weight.nbytes for weight in module.parameters()) for module in shapes.modules]
    # Body with the mask's columns, Qwen3 and the conditioner, VAE.
    assert sizes == [2 * 1_956_405_248, 2 * (596_049_920 + 134_663_680), 2 * 126_892_531]


def test_fp16_is_refused() -> None:
    with pytest.raises(SettingsError, match="mixed_precision: fp16; expected bf16, or no for fp32"):
        loaded(tiny_anima(), torch.float16)


def test_xformers_is_refused_with_the_reason(model: Anima) -> None:
    with pytest.raises(SettingsError, match=r"xformers: on with Anima; expected off: its attention.*\(sdpa\)"):
        model.set_compute_options(ComputeOptions(attention="xformers"))


def test_blocks_are_compiled_as_one_kind(model: Anima, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def note(function: Any) -> Any:
        asked.append(function)
        return function

    monkeypatch.setattr(torch, "compile", note)
    monkeypatch.setattr(compiled, "_compiled_by_kind", {})
    inputs = step_inputs(model)
    expected = model.predict(*inputs)
    model.set_compute_options(ComputeOptions(compiled=True))
    assert len(asked) == 1
    assert torch.equal(model.predict(*inputs), expected)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("names", [None, ()])
def test_compiled_blocks_give_the_same_gradients_at_every_size(
    names: tuple[str, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch._dynamo.reset()
    monkeypatch.setattr(compiled, "_compiled_by_kind", {})
    model = loaded(tiny_anima())
    network = inject(model, LayerRules(dim=4, alpha=4), 0, ["body"])
    for layer in network:
        nn.init.normal_(layer.up, generator=torch.Generator().manual_seed(1))

    def gradients(rows: int, side: int) -> Tensor:
        text = model.encode_prompts(["1girl"], 1)[0]
        noisy = torch.randn(rows, 16, side, side + 4, generator=torch.Generator().manual_seed(0))
        for weight in network.parameters():
            weight.grad = None
        both = type(text)(text.embeddings.expand(rows, -1, -1), None)
        model.predict(noisy, torch.full((rows,), 0.4), both).square().mean().backward()
        return torch.cat([weight.grad.flatten() for weight in network.parameters()])

    sizes = ((2, 8), (2, 16), (3, 12))
    plain = [gradients(*size) for size in sizes]
    model.set_compute_options(ComputeOptions(checkpointed=names, compiled=True))
    stats, graphs = torch._dynamo.utils.counters["stats"], []
    for size, expected in zip(sizes, plain, strict=True):
        found = gradients(*size)
        assert 0 < float((found - expected).norm() / expected.norm()) < 1e-4
        graphs.append(stats["unique_graphs"])
    # Another size asks for nothing new, and no block falls apart.
    assert len(set(graphs)) == 1
    assert not torch._dynamo.utils.counters["graph_break"]


@pytest.fixture(autouse=True)
def _as_it_was(model: Anima) -> Iterator[None]:
    yield
    model.set_compute_options(ComputeOptions())


def test_the_folder_holds_what_the_modules_were(theirs: dict[str, Any]) -> None:
    stored = load_file(tiny_anima() / "transformer" / "diffusion_pytorch_model.safetensors")
    assert all(torch.equal(stored[name].float(), weight) for name, weight in theirs["transformer"].state_dict().items())

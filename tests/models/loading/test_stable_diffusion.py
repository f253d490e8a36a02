import copy
import shutil
from pathlib import Path

import pytest
import torch
from encode_text import encode_text
from safetensors.torch import load_file, save_file
from torch import nn

from trainer.lean.compute_options import ComputeOptions
from trainer.models.identify import identify_base
from trainer.models.stable_diffusion.model import StableDiffusion, load_base
from trainer.network.lora import LoraLayer
from trainer.settings.parts import Part

CAPTIONS = ["1girl, upper body, smile", "1girl, red dress"]


def on_attention(encoder: nn.Module) -> LoraLayer:
    """Return a LoRA layer that changes the first layer's attention, attached."""
    target = next(module for name, module in encoder.named_modules() if name.endswith("layers.0.self_attn.v_proj"))
    assert isinstance(target, nn.Linear)
    layer = LoraLayer("lora", target, rank=2, alpha=2)
    layer.init_weights(seed=0)
    with torch.no_grad():
        layer.up.fill_(0.1)
    layer.attach()
    return layer


def test_clip_skip_1_is_the_encoders_own_output(demo: StableDiffusion) -> None:
    own = demo.text_encoder(demo.tokenize(CAPTIONS)[:, 0, 0]).last_hidden_state
    assert torch.equal(encode_text(demo, CAPTIONS, 1).embeddings, own)


def test_clip_skip_2_is_the_layer_before_after_the_final_norm(demo: StableDiffusion) -> None:
    """By hand: embeddings, the first of the two layers, final norm."""
    encoder = demo.text_encoder
    hidden = encoder.embeddings(input_ids=demo.tokenize(CAPTIONS)[:, 0, 0])
    causal = torch.full((77, 77), float("-inf")).triu(1)[None, None]
    expected = encoder.final_layer_norm(encoder.encoder.layers[0](hidden, causal))
    got = encode_text(demo, CAPTIONS, 2).embeddings
    assert torch.allclose(got, expected, atol=1e-5)
    assert not torch.allclose(got, encode_text(demo, CAPTIONS, 1).embeddings, atol=0.1)


def test_captions_are_encoded_the_same_alone_and_part_by_part(tiny_sdxl: StableDiffusion) -> None:
    """What is cached one caption and one encoder at a time is what a batch would give."""
    together = encode_text(tiny_sdxl, CAPTIONS, 1)
    parts: tuple[Part, ...] = ("text_encoder", "text_encoder_2")
    alone = tiny_sdxl.tokenize(CAPTIONS[1:])
    text = tiny_sdxl.join({part: tiny_sdxl.encode_part(part, alone, 1) for part in parts})
    assert text.pooled is not None and together.pooled is not None
    assert torch.allclose(text.embeddings, together.embeddings[1:], atol=1e-5)
    assert torch.allclose(text.pooled, together.pooled[1:], atol=1e-5)


def test_latents_are_the_scaled_mean_of_the_vae(demo: StableDiffusion) -> None:
    pixels = torch.randint(0, 256, (2, 64, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    images = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        expected = demo.vae.encode(images).latent_dist.mean * 0.18215
    latents = demo.encode_pictures(pixels)
    assert latents.shape == (2, 4, 16, 8)
    assert torch.allclose(latents, expected)


def test_the_base_is_frozen(demo: StableDiffusion) -> None:
    for module in (demo.unet, demo.text_encoder, demo.vae):
        assert not any(weight.requires_grad for weight in module.parameters())
        assert not module.training


def test_a_new_base_predicts_noise_until_something_else_is_decided(demo: StableDiffusion) -> None:
    assert (demo.schedule.prediction, demo.schedule.zero_terminal_snr) == ("epsilon", False)


def test_weights_come_in_the_type_asked_for_and_the_vae_in_fp32() -> None:
    model = load_base(identify_base("demo"), device="cpu", dtype=torch.bfloat16)
    assert (model.unet.dtype, model.text_encoder.dtype, model.vae.dtype) == (
        torch.bfloat16,
        torch.bfloat16,
        torch.float32,
    )


def test_a_text_encoder_saved_with_the_old_level_encodes_the_same(tmp_path: Path, demo: StableDiffusion) -> None:
    folder = Path(shutil.copytree(identify_base("demo").path, tmp_path / "base"))
    path = folder / "text_encoder" / "model.safetensors"
    tensors = {f"text_model.{key.removeprefix('text_model.')}": value for key, value in load_file(path).items()}
    # Files of the time carry this buffer too.
    save_file({**tensors, "text_model.embeddings.position_ids": torch.arange(77)[None]}, path)
    old = load_base(identify_base(str(folder)), device="cpu", dtype=torch.float32)
    texts = encode_text(old, CAPTIONS, 2), encode_text(demo, CAPTIONS, 2)
    assert torch.equal(texts[0].embeddings, texts[1].embeddings)


@pytest.mark.parametrize("part", ["text_encoder", "text_encoder_2"])
def test_checkpointing_changes_no_gradient_and_runs_every_layer_again(tiny_sdxl: StableDiffusion, part: Part) -> None:
    model = copy.deepcopy(tiny_sdxl)
    layer = on_attention(model.encoders[part])
    runs: list[int] = []
    # Before the first layer: the second run ends as soon as it has what it needs.
    norm = next(
        module for name, module in model.encoders[part].named_modules() if name.endswith("layers.0.layer_norm1")
    )
    norm.register_forward_pre_hook(lambda *_: runs.append(1))

    def gradient() -> torch.Tensor:
        layer.down.grad = None
        runs.clear()
        encode_text(model, CAPTIONS, 1).embeddings.square().sum().backward()
        assert layer.down.grad is not None
        return layer.down.grad

    kept = gradient()
    assert len(runs) == 1
    model.set_compute_options(ComputeOptions(checkpointed=()))
    again = gradient()
    assert len(runs) == 2
    assert torch.allclose(again, kept, rtol=1e-5)


def test_a_frozen_encoder_drops_nothing_under_checkpointing(tiny_sdxl: StableDiffusion) -> None:
    model = copy.deepcopy(tiny_sdxl)
    for module in model.text_encoder.modules():
        if hasattr(module, "dropout"):
            module.dropout = 0.5
    before = encode_text(model, CAPTIONS, 1).embeddings
    model.set_compute_options(ComputeOptions(checkpointed=()))
    assert torch.equal(encode_text(model, CAPTIONS, 1).embeddings, before)


def test_an_encoder_comes_back_with_its_lora(demo: StableDiffusion) -> None:
    model = copy.deepcopy(demo)
    layer = on_attention(model.text_encoder)
    down = layer.down
    before = encode_text(model, CAPTIONS, 1).embeddings
    model.put_encoder_away("text_encoder")
    model.bring_encoder_back("text_encoder")
    assert torch.equal(encode_text(model, CAPTIONS, 1).embeddings, before)
    assert layer.down is down and layer.down.requires_grad

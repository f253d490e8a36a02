import shutil
from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler
from safetensors.torch import load_file, save_file

from trainer.errors import ModelError
from trainer.models.identify import identify_base
from trainer.models.sd1 import SD1, load_sd1

CAPTIONS = ["1girl, upper body, smile", "1girl, red dress"]


def test_clip_skip_1_is_the_encoders_own_output(demo: SD1) -> None:
    own = demo.text_encoder(demo.tokenize(CAPTIONS)).last_hidden_state
    assert torch.equal(demo.encode_text(CAPTIONS, 1), own)


def test_clip_skip_2_is_the_layer_before_after_the_final_norm(demo: SD1) -> None:
    """By hand: embeddings, the first of the two layers, final norm."""
    encoder = demo.text_encoder
    hidden = encoder.embeddings(input_ids=demo.tokenize(CAPTIONS))
    causal = torch.full((77, 77), float("-inf")).triu(1)[None, None]
    expected = encoder.final_layer_norm(encoder.encoder.layers[0](hidden, causal))
    got = demo.encode_text(CAPTIONS, 2)
    assert torch.allclose(got, expected, atol=1e-5)
    assert not torch.allclose(got, demo.encode_text(CAPTIONS, 1), atol=0.1)


def test_captions_are_filled_up_with_eos_and_cut_at_77(demo: SD1) -> None:
    tokens = demo.tokenize(["a", "smile, " * 100])
    eos = demo.tokenizer.eos_token_id
    assert tokens.shape == (2, 77)
    assert set(tokens[0, 3:].tolist()) == {eos}
    assert tokens[1, 76] == eos


def test_noise_is_added_as_diffusers_scheduler_adds_it(demo: SD1) -> None:
    scheduler = DDPMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000, clip_sample=False
    )
    generator = torch.Generator().manual_seed(0)
    latents, noise = torch.randn(2, 3, 4, 8, 8, generator=generator)
    times = torch.tensor([0, 500, 999])
    assert torch.equal(demo.alphas_cumprod, scheduler.alphas_cumprod)
    assert torch.allclose(demo.add_noise(latents, noise, times), scheduler.add_noise(latents, noise, times))


def test_latents_are_the_scaled_mean_of_the_vae(demo: SD1) -> None:
    pixels = torch.randint(0, 256, (2, 64, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    images = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        expected = demo.vae.encode(images).latent_dist.mean * 0.18215
    latents = demo.encode_pictures(pixels)
    assert latents.shape == (2, 4, 16, 8)
    assert torch.allclose(latents, expected)


def test_the_base_is_frozen(demo: SD1) -> None:
    for module in (demo.unet, demo.text_encoder, demo.vae):
        assert not any(weight.requires_grad for weight in module.parameters())
        assert not module.training


def test_weights_come_in_the_type_asked_for_and_the_vae_in_fp32() -> None:
    model = load_sd1(identify_base("demo"), device="cpu", dtype=torch.bfloat16)
    assert (model.unet.dtype, model.text_encoder.dtype, model.vae.dtype) == (
        torch.bfloat16,
        torch.bfloat16,
        torch.float32,
    )


def test_loading_writes_nothing_to_the_terminal(
    capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    load_sd1(identify_base("demo"), device="cpu", dtype=torch.float32)
    assert capfd.readouterr() == ("", "")
    assert [str(warning.message) for warning in recwarn] == []


def test_a_text_encoder_saved_with_the_old_level_loads_the_same(tmp_path: Path, demo: SD1) -> None:
    folder = Path(shutil.copytree(identify_base("demo").folder, tmp_path / "base"))
    path = folder / "text_encoder" / "model.safetensors"
    tensors = {f"text_model.{key.removeprefix('text_model.')}": value for key, value in load_file(path).items()}
    # Files of the time carry this buffer too.
    save_file({**tensors, "text_model.embeddings.position_ids": torch.arange(77)[None]}, path)
    old = load_sd1(identify_base(str(folder)), device="cpu", dtype=torch.float32)
    assert torch.equal(old.encode_text(CAPTIONS, 2), demo.encode_text(CAPTIONS, 2))


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("unet/diffusion_pytorch_model.safetensors", "conv_in.weight"),
        ("text_encoder/model.safetensors", "final_layer_norm.weight"),
    ],
)
def test_a_missing_weight_is_not_filled_with_random_numbers(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], file: str, key: str
) -> None:
    folder = Path(shutil.copytree(identify_base("demo").folder, tmp_path / "base"))
    tensors = load_file(folder / file)
    del tensors[next(name for name in tensors if name.endswith(key))]
    save_file(tensors, folder / file)
    with pytest.raises(ModelError, match="1 weights are missing"):
        load_sd1(identify_base(str(folder)), device="cpu", dtype=torch.float32)
    assert capfd.readouterr() == ("", "")

"""Four SDXL checkpoints in one file, for noise and for v, with markers and without: each is recognised."""

from pathlib import Path
from typing import Any

import pytest
import torch
from encode_text import encode_text
from tiny_bases import tiny_modules, write_tiny
from torch import Tensor
from torch.nn import functional

from trainer.errors import SettingsError
from trainer.models.identify import identify_base
from trainer.models.prediction_markers import Prediction
from trainer.models.prediction_type import Found, decide, measure, needs_measuring
from trainer.models.stable_diffusion.model import StableDiffusion, load_base
from trainer.models.stable_diffusion.noise_schedule import NoiseSchedule
from trainer.prompts.clip_tokens import clip_tokenizer

pytestmark = pytest.mark.long

CAPTIONS = ["1girl, smile", "1boy, night", "city", ""]
SIZES = torch.tensor([[64, 64, 0, 0, 64, 64]] * 4)
# What such a file says of itself: NoobAI's marker tensors, sd-scripts' metadata.
MARKS: dict[Prediction, dict[str, Any]] = {
    "v": {"markers": ("v_pred", "ztsnr")},
    "epsilon": {"metadata": {"modelspec.prediction_type": "epsilon"}},
}


def fields(generator: torch.Generator) -> Tensor:
    """Return four smooth latents: something a network learns to tell from noise in a few steps."""
    return functional.interpolate(torch.randn(4, 4, 2, 2, generator=generator) * 1.4, size=(8, 8), mode="bilinear")


def trained(prediction: Prediction) -> Any:
    """Return the tiny SDXL U-Net after forty steps towards one kind of prediction."""
    modules = tiny_modules("sdxl")
    unet = modules["unet"].requires_grad_(True)
    encoders = {"text_encoder": modules["text_encoder"], "text_encoder_2": modules["text_encoder_2"]}
    tokenizers = dict.fromkeys(encoders, clip_tokenizer())
    model = StableDiffusion("sdxl", unet, encoders, modules["vae"], tokenizers)
    text = encode_text(model, CAPTIONS, 1)
    schedule = NoiseSchedule(prediction, zero_terminal_snr=prediction == "v")
    optimizer = torch.optim.AdamW(unet.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(40):
        clean = fields(generator)
        noise = torch.randn(clean.shape, generator=generator)
        times = torch.randint(300, 700, (4,), generator=generator)
        output = model.predict(schedule.add_noise(clean, noise, times), times, text, SIZES)
        (output - schedule.target(clean, noise, times)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    return unet.requires_grad_(False)


@pytest.fixture(scope="module", params=["epsilon", "v"])
def kind(request: pytest.FixtureRequest) -> Prediction:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def unet(kind: Prediction) -> Any:
    return trained(kind)


def found(path: Path, setting: Found, *, always: bool = False) -> tuple[Prediction, bool]:
    """Return what the base in `path` is taken for: prediction and zero terminal SNR."""
    base = identify_base(str(path))
    scores = None
    if always or needs_measuring(base.markers, setting):
        model = load_base(base, device="cpu", dtype=torch.float32)
        with torch.no_grad():
            text = encode_text(model, CAPTIONS[:2], 1)
        scores = measure(model, fields(torch.Generator().manual_seed(7))[:2], text, SIZES[:2], seed=0)
    decision = decide(base.markers, setting, "auto", scores)
    assert not decision.is_warning
    return decision.prediction, decision.zero_terminal_snr


def test_a_file_with_markers_is_what_they_say_and_measures_so(kind: Prediction, unet: Any, tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "base.safetensors", "sdxl", unet=unet, **MARKS[kind])
    assert found(path, "auto") == found(path, "auto", always=True) == (kind, kind == "v")


def test_a_silent_file_is_measured(kind: Prediction, unet: Any, tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "base.safetensors", "sdxl", unet=unet)
    assert found(path, "auto") == (kind, False)
    assert found(path, "yes" if kind == "v" else "no") == (kind, False)


@pytest.mark.parametrize("is_marked", [True, False])
def test_the_wrong_setting_is_refused(kind: Prediction, unet: Any, tmp_path: Path, is_marked: bool) -> None:
    marks = MARKS[kind] if is_marked else {}
    path = write_tiny(tmp_path / "base.safetensors", "sdxl", unet=unet, **marks)
    with pytest.raises(SettingsError, match=r"\d\.\d\d as noise against \d\.\d\d as v"):
        found(path, "no" if kind == "v" else "yes")

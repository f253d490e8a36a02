"""What a base predicts is found: read where its file says it, measured where it is silent, and a wrong setting refused."""

import copy
import itertools
import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from encode_text import encode_text
from safetensors.torch import save_file

from trainer.demo.figure import hifumi_caption, random_hifumi
from trainer.demo.render import render
from trainer.errors import SettingsError
from trainer.models.identify import identify_base
from trainer.models.prediction_markers import Prediction, PredictionMarkers
from trainer.models.prediction_type import Found, PredictionScores, decide, measure, needs_measuring
from trainer.models.stable_diffusion.model import Conditioning, StableDiffusion, load_base
from trainer.models.stable_diffusion.noise_schedule import NoiseSchedule
from trainer.settings.subject import DEMO_BASE

SILENT = PredictionMarkers(None, None, "")
SAYS_NOISE = PredictionMarkers("epsilon", None, "modelspec.prediction_type")
SAYS_V = PredictionMarkers("v", True, "key v_pred")
NOISE, V, UNTRAINED = PredictionScores(0.08, 1.1), PredictionScores(0.95, 0.12), PredictionScores(1.12, 1.15)


def pictures(model: StableDiffusion, seed: int, count: int) -> tuple[torch.Tensor, Conditioning]:
    """Return latents and texts of pictures that the demo base was not trained on."""
    rng = random.Random(seed)
    figures = [random_hifumi(rng) for _ in range(count)]
    pixels = np.stack([np.asarray(render(figure, rng)) for figure in figures])
    with torch.no_grad():
        text = encode_text(model, [hifumi_caption(figure) for figure in figures], 1)
    return model.encode_pictures(torch.from_numpy(pixels)), text


@pytest.fixture(scope="session")
def towards_v(demo: StableDiffusion) -> StableDiffusion:
    """The demo base after twelve steps of training for v with zero terminal SNR: far from good, and enough to tell."""
    model = copy.deepcopy(demo)
    model.unet.requires_grad_(True)
    model.schedule = NoiseSchedule("v", zero_terminal_snr=True)
    latents, text = pictures(demo, seed=1, count=8)
    optimizer = torch.optim.AdamW(model.unet.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(12):
        chosen = torch.randperm(8, generator=generator)[:4]
        times = torch.randint(250, 750, (4,), generator=generator)
        noise = torch.randn(latents[chosen].shape, generator=generator)
        noisy = model.schedule.add_noise(latents[chosen], noise, times)
        output = model.predict(noisy, times, Conditioning(text.embeddings[chosen], None))
        target = model.schedule.target(latents[chosen], noise, times)
        (output - target).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    model.unet.requires_grad_(False)
    return model


def base_folder(place: Path, unet: torch.nn.Module, scheduler: dict[str, object] | None) -> Path:
    """Write the demo base with another U-Net, and with what its scheduler's config says, if anything."""
    folder = Path(shutil.copytree(identify_base(DEMO_BASE).path, place / "base"))
    half = {key: value.half().contiguous() for key, value in unet.state_dict().items()}
    save_file(half, folder / "unet" / "diffusion_pytorch_model.safetensors")
    config = folder / "scheduler" / "scheduler_config.json"
    if scheduler is None:
        shutil.rmtree(config.parent)
    else:
        config.write_text(json.dumps(json.loads(config.read_text()) | scheduler))
    return folder


@pytest.mark.parametrize("is_marked", [True, False])
@pytest.mark.parametrize("prediction", ["epsilon", "v"])
def test_a_base_is_recognised_with_markers_and_without(
    demo: StableDiffusion, towards_v: StableDiffusion, tmp_path: Path, prediction: Prediction, is_marked: bool
) -> None:
    is_v = prediction == "v"
    marker: dict[str, object] = {
        "prediction_type": "v_prediction" if is_v else "epsilon",
        "rescale_betas_zero_snr": is_v,
    }
    unet = (towards_v if is_v else demo).unet
    base = identify_base(str(base_folder(tmp_path, unet, marker if is_marked else None)))
    assert needs_measuring(base.markers, "auto") is not is_marked
    scores = None
    if not is_marked:
        model = load_base(base, device="cpu", dtype=torch.float32)
        latents, text = pictures(model, seed=2, count=2)
        scores = measure(model, latents, text, None, seed=0)
    decision = decide(base.markers, "auto", "auto", scores)
    assert (decision.prediction, decision.is_warning) == (prediction, False)
    # A silent file is not taken for one of zero terminal SNR.
    assert decision.zero_terminal_snr is (is_v and is_marked)


@pytest.mark.parametrize(("of", "wrong"), [("epsilon", "yes"), ("v", "no")])
def test_a_wrong_setting_is_refused_with_both_numbers(
    demo: StableDiffusion, towards_v: StableDiffusion, of: Prediction, wrong: Found
) -> None:
    model = demo if of == "epsilon" else towards_v
    latents, text = pictures(model, seed=2, count=2)
    scores = measure(model, latents, text, None, seed=0)
    with pytest.raises(SettingsError) as caught:
        decide(SILENT, wrong, "auto", scores)
    assert f"{scores.epsilon:.2f} as noise against {scores.v:.2f} as v" in str(caught.value)
    assert caught.value.where == "v_parameterization"


def test_the_scores_are_far_apart_for_any_noise_and_pictures(demo: StableDiffusion, towards_v: StableDiffusion) -> None:
    """Half of what tells would tell too: one picture, other noise."""
    for seed in range(3):
        latents, text = pictures(demo, seed=10 + seed, count=1)
        noise, v = (measure(model, latents, text, None, seed) for model in (demo, towards_v))
        assert noise.epsilon < 0.5 * 0.75 * noise.v
        assert v.v < 0.5 * 0.75 * v.epsilon


def test_the_same_seed_measures_the_same(demo: StableDiffusion) -> None:
    latents, text = pictures(demo, seed=2, count=1)
    assert measure(demo, latents, text, None, seed=0) == measure(demo, latents, text, None, seed=0)
    assert measure(demo, latents, text, None, seed=0) != measure(demo, latents, text, None, seed=1)


def test_the_scores_are_errors_by_the_size_of_the_target(demo: StableDiffusion) -> None:
    """An output of zeros is 1 off, whatever it should have been."""
    model = copy.deepcopy(demo)
    model.unet.conv_out.weight.zero_()
    model.unet.conv_out.bias.zero_()
    latents, text = pictures(demo, seed=2, count=1)
    scores = measure(model, latents, text, None, seed=0)
    assert (scores.epsilon, scores.v) == pytest.approx((1, 1))


def test_a_base_that_was_never_trained_cannot_be_measured(tiny_sdxl: StableDiffusion) -> None:
    latents = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    text = encode_text(tiny_sdxl, ["1girl", "1boy"], 1)
    sizes = torch.tensor([[128, 128, 0, 0, 128, 128]] * 2)
    scores = measure(tiny_sdxl, latents, text, sizes, seed=0)
    assert scores.winner is None
    with pytest.raises(SettingsError, match=f"{scores.epsilon:.2f} as noise against {scores.v:.2f} as v"):
        decide(SILENT, "auto", "auto", scores)


def test_an_output_that_is_not_a_number_decides_nothing() -> None:
    assert PredictionScores(float("nan"), float("nan")).winner is None


def test_an_output_worse_than_a_blank_predicts_neither() -> None:
    """A random base of SD1.5's size came to these numbers."""
    assert PredictionScores(1.43, 2.34).winner is None


@pytest.mark.parametrize(("setting", "prediction"), [("yes", "v"), ("no", "epsilon")])
def test_where_it_cannot_be_measured_the_setting_is_used_with_a_warning(setting: Found, prediction: Prediction) -> None:
    decision = decide(SILENT, setting, "auto", UNTRAINED)
    assert (decision.prediction, decision.is_warning) == (prediction, True)
    assert "1.12 as noise against 1.15 as v" in decision.line


@pytest.mark.parametrize(
    ("said", "scores", "prediction", "words"),
    [
        (SAYS_NOISE, None, "epsilon", "noise (modelspec.prediction_type), without zero"),
        (SAYS_V, None, "v", "v (key v_pred), with zero"),
        (SAYS_V, V, "v", "v (measured: 0.95 as noise against 0.12 as v), with zero"),
        (SILENT, NOISE, "epsilon", "noise (measured: 0.08 as noise against 1.10 as v), without zero"),
    ],
)
def test_the_line_says_what_is_predicted_and_how_that_is_known(
    said: PredictionMarkers, scores: PredictionScores | None, prediction: Prediction, words: str
) -> None:
    decision = decide(said, "auto", "auto", scores)
    assert (decision.prediction, decision.is_warning) == (prediction, False)
    assert decision.line == f"the base predicts {words} terminal SNR"


def test_scores_win_over_what_the_file_says_with_a_warning() -> None:
    decision = decide(SAYS_NOISE, "auto", "auto", V)
    assert (decision.prediction, decision.is_warning) == ("v", True)
    assert "its file says otherwise (modelspec.prediction_type)" in decision.line


def test_a_setting_that_the_scores_bear_out_wins_over_the_file_with_a_warning() -> None:
    decision = decide(SAYS_NOISE, "yes", "auto", V)
    assert (decision.prediction, decision.is_warning) == ("v", True)


def test_without_marker_and_measure_the_setting_is_asked_for() -> None:
    with pytest.raises(SettingsError, match="nothing was measured"):
        decide(SILENT, "auto", "auto", None)


@pytest.mark.parametrize(
    ("said", "setting", "expected"),
    [(said, setting, setting == "yes") for said, setting in itertools.product((SAYS_V, SILENT), ("yes", "no"))]
    + [(SAYS_V, "auto", True), (SILENT, "auto", False)],
)
def test_zero_terminal_snr_is_as_set_else_as_the_file_says(
    said: PredictionMarkers, setting: Found, expected: bool
) -> None:
    decision = decide(said, "auto", setting, V)
    assert decision.zero_terminal_snr is expected
    assert decision.is_warning is (said is SAYS_V and setting == "no")


def test_zero_terminal_snr_with_noise_prediction_is_warned_of() -> None:
    decision = decide(SAYS_NOISE, "auto", "yes", None)
    assert (decision.zero_terminal_snr, decision.is_warning) == (True, True)


@pytest.mark.parametrize(
    ("said", "setting", "expected"),
    [(SILENT, "auto", True), (SAYS_V, "auto", False), (SAYS_V, "yes", True), (SAYS_NOISE, "no", True)],
)
def test_a_silent_file_and_a_setting_are_measured(said: PredictionMarkers, setting: Found, expected: bool) -> None:
    assert needs_measuring(said, setting) is expected

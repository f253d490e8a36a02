"""What the weight of a finished LoRA file does to the validation loss."""

import pytest
import torch
from encode_text import encode_text
from measured_lora import opened, validation_of

from trainer.models.identify import DEMO_BASE, identify_base
from trainer.models.memory_layout import memory_format
from trainer.models.stable_diffusion.model import StableDiffusion, load_base

THIRD = "max_train_epochs=2"
"""A third of the demo's steps, as in test_the_demo_learns: the curve has the same form."""

WEIGHTS = (0.0, 0.5, 0.75, 1.0, 1.25, 1.5)


@pytest.fixture(scope="module")
def sweep(learned) -> dict[float, float]:
    """Validation loss by the weight of both parts."""
    with opened(learned(THIRD).folder) as (session, pictures):
        validation = validation_of(session, pictures)
        losses = {}
        for weight in WEIGHTS:
            session.network.unet_strength = session.network.text_encoder_strength = weight
            losses[weight] = validation.measure(0, lambda done, total: None).loss
    print({weight: round(loss, 4) for weight, loss in losses.items()})
    return losses


def test_the_sweep_over_weights_is_a_u_with_its_bottom_near_one(sweep) -> None:
    bottom = min(sweep, key=sweep.get)
    assert 0.75 <= bottom <= 1.25
    down = [sweep[weight] for weight in WEIGHTS if weight <= bottom]
    up = [sweep[weight] for weight in WEIGHTS if weight >= bottom]
    assert down == sorted(down, reverse=True)
    assert up == sorted(up)
    assert sweep[0.0] > 2 * sweep[bottom]
    assert sweep[1.5] > 1.1 * sweep[bottom]


def test_weight_one_of_the_file_is_what_the_bake_measured(learned, sweep) -> None:
    # The file holds fp16, the bake had fp32.
    assert sweep[1.0] == pytest.approx(learned(THIRD).last, rel=1e-3)


@pytest.mark.long
def test_weight_zero_is_the_base_bit_for_bit(learned) -> None:
    with opened(learned(THIRD).folder) as (session, _):
        noisy = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(1))
        times = torch.tensor([100, 700])
        captions = ["1girl, hifumi_chan, halo", "1boy, city"]

        @torch.no_grad()
        def predicted(model: StableDiffusion) -> torch.Tensor:
            return model.predict(noisy, times, encode_text(model, captions, 1))

        full = predicted(session.model)
        session.network.unet_strength = session.network.text_encoder_strength = 0.0
        nothing = predicted(session.model)
        base = load_base(identify_base(DEMO_BASE), device="cpu", dtype=torch.float32)
        base.unet.to(memory_format=memory_format())
        untouched = predicted(base)
    assert torch.equal(nothing, untouched)
    assert not torch.equal(full, untouched)

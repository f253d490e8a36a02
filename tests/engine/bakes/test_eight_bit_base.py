"""A bake on a base of 8 bits: it learns what it would learn on the whole one."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from trainer.bake.batch import StepBatches
from trainer.bake.batch_loader import BatchLoader
from trainer.bake.latents import encode_pictures
from trainer.bake.session import TrainingSession
from trainer.bake.step import train_step
from trainer.jobs.preflight import PlannedBake
from trainer.lean.eight_bit import EightBit
from trainer.settings.model import Settings

OpenSession = Callable[[Settings], AbstractContextManager[tuple[TrainingSession, PlannedBake]]]
STEPS = 5


def learned(settings: Settings, open_session: OpenSession) -> tuple[Tensor, list[float]]:
    """Return what several steps on one batch change of the LoRA, in one row, and their losses."""
    with open_session(settings) as (session, planned):
        layers = [layer for module in (session.model.unet, session.model.text_encoder) for layer in module.modules()]
        asked = settings.int8_base or settings.fp8_base
        assert any(isinstance(layer, EightBit) for layer in layers) == asked
        latents = dict(encode_pictures(session.model, planned.data.pictures, planned.plan.placements, 4))
        with BatchLoader(session, planned.data, latents, pin=False) as feed:
            batches = next(iter(feed)).batches
        before = torch.cat([weight.detach().flatten() for weight in session.network.parameters()])
        losses = [
            float(train_step(session, StepBatches(step, 1, False, batches, {})).loss) for step in range(1, STEPS + 1)
        ]
        after = torch.cat([weight.detach().flatten() for weight in session.network.parameters()])
    return after - before, losses


@pytest.mark.parametrize(
    ("changes", "alike"),
    [
        ({"int8_base": True}, 0.99),
        pytest.param({"fp8_base": True}, 0.98, marks=pytest.mark.long),
        # Layers in resnets too, all blocks computed twice.
        pytest.param({"int8_base": True, "conv_dim": 4, "gradient_checkpointing": True}, 0.99, marks=pytest.mark.long),
    ],
)
def test_a_lora_learns_on_8_bits_what_it_learns_on_the_whole_base(
    make_settings: Any, open_session: OpenSession, changes: dict[str, object], alike: float
) -> None:
    # SGD keeps the gradients' proportions; Adam's first steps go by their signs, which small ones lose to rounding.
    # It must learn, which a base of random weights does slowly.
    rates = {
        "pretrained_model_name_or_path": "demo",
        "optimizer_type": "SGDNesterov",
        "unet_lr": 1,
        "text_encoder_lr": 1,
        "max_grad_norm": 1,
    }
    plain = {name: value for name, value in changes.items() if not name.endswith("_base")}
    whole, losses = learned(make_settings(**rates, **plain), open_session)
    found, own = learned(make_settings(**rates, **changes), open_session)
    assert functional.cosine_similarity(whole, found, dim=0) > alike
    assert own[-1] < 0.9 * own[0]
    assert own[-1] == pytest.approx(losses[-1], rel=0.03)

"""A session whose layers compute in int8: layers with a LoRA too, checkpointed or not; refused where it is slower."""

from collections import Counter
from typing import Any

import pytest
import torch

from trainer.bake.batch_loader import BatchLoader
from trainer.bake.latents import encode_pictures
from trainer.bake.step import train_step
from trainer.errors import SettingsError
from trainer.lean.eight_bit import int8_layers


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many products were computed in int8."""
    counts: Counter[str] = Counter()
    multiply = torch._int_mm

    def counted(*arguments: Any) -> Any:
        counts["int8"] += 1
        return multiply(*arguments)

    monkeypatch.setattr(torch, "_int_mm", counted)
    return counts


def step(settings: Any, open_session: Any) -> tuple[float, float]:
    with open_session(settings) as (session, planned):
        latents = dict(encode_pictures(session.model, planned.data.pictures, planned.plan.placements, 4))
        with BatchLoader(session, planned.data, latents, pin=False) as feed:
            result = train_step(session, next(iter(feed)))
        layers = int8_layers(session.model.unet, session.model.text_encoder)
        assert layers and all(layer.int8_products == settings.int8_matmul for layer in layers)
    assert not any(layer.int8_products for layer in layers)
    return float(result.loss), float(result.grad_norm)


@pytest.mark.parametrize("changes", [{}, {"gradient_checkpointing": True, "mixed_precision": "bf16"}])
def test_a_step_in_int8_is_near_the_one_as_usual(
    make_settings: Any, open_session: Any, products: Counter[str], monkeypatch: pytest.MonkeyPatch, changes: Any
) -> None:
    monkeypatch.setattr("trainer.bake.session.int8_time", lambda *_: 0.9)
    loss, norm = step(make_settings(int8_base=True, **changes), open_session)
    assert not products
    found = step(make_settings(int8_base=True, int8_matmul=True, **changes), open_session)
    assert products["int8"] > 40
    assert found[0] != loss
    assert found[0] == pytest.approx(loss, rel=0.01) and found[1] == pytest.approx(norm, rel=0.05)


def test_where_it_is_slower_it_is_refused_in_one_line(
    make_settings: Any, open_session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.bake.session.int8_time", lambda *_: 1.5)
    with pytest.raises(SettingsError) as raised, open_session(make_settings(int8_base=True, int8_matmul=True)):
        pass
    assert "int8_matmul: on, but the base's products take 1.50 times as long in int8" in raised.value.line()

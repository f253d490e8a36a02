"""The trial of an optimizer: what is supported whatever it keeps and wherever, and what is refused with its reason."""

import importlib
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from foreign_optimizers import REFUSED, SUPPORTED, OnlyMatrices, ScheduleFree

from trainer.bake.optimizer_trial import try_optimizer
from trainer.errors import SettingsError
from trainer.optimizers import OPTIMIZERS, spec_of
from trainer.settings.model import Settings

CPU = torch.device("cpu")
LINEAR = [(4, 320), (320, 4), (4, 768), (640, 4)]
CONVOLUTION = [(4, 320, 3, 3), (320, 4, 1, 1)]
SHAPES = [*LINEAR, *CONVOLUTION]


def settings_of(name: str, *arguments: str, **values: Any) -> Settings:
    if (spec := spec_of(name)) is not None and spec.package:
        pytest.importorskip(spec.package)
    chosen = {"optimizer_type": name, "optimizer_args": list(arguments), "lr_warmup_steps": "0"}
    return Settings.model_validate({**chosen, **values})


@pytest.fixture(autouse=True)
def foreign(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the classes into an installed package."""
    for kind in (*SUPPORTED, *REFUSED):
        monkeypatch.setattr(torch.optim, kind.__name__, kind, raising=False)


@pytest.mark.parametrize("kind", SUPPORTED)
@pytest.mark.parametrize(
    "values", [{}, {"loraplus_lr_ratio": 4, "lr_warmup_steps": "5"}], ids=["plain", "LoRA+ and warm-up"]
)
def test_what_goes_on_to_the_same_bits_is_supported(kind: type[torch.optim.Optimizer], values: dict[str, Any]) -> None:
    try_optimizer(settings_of(f"torch.optim.{kind.__name__}", **values), "sd1", SHAPES, CPU)


@pytest.mark.parametrize(("kind", "said"), REFUSED.items())
def test_what_a_bake_cannot_use_is_refused_with_the_reason(kind: type[torch.optim.Optimizer], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        try_optimizer(settings_of(f"torch.optim.{kind.__name__}"), "sd1", SHAPES, CPU)
    assert "set optimizer_type = AdamW" in caught.value.line()
    assert "\n" not in caught.value.line()


def test_only_the_shapes_that_the_lora_has_count() -> None:
    try_optimizer(settings_of("torch.optim.OnlyMatrices"), "sd1", LINEAR, CPU)
    with pytest.raises(SettingsError, match="cannot take a step"):
        try_optimizer(settings_of("torch.optim.OnlyMatrices"), "sd1", CONVOLUTION, CPU)
    assert OnlyMatrices in REFUSED


def test_weights_without_a_gradient_occur_in_text_encoders_alone() -> None:
    settings = settings_of("torch.optim.NeedsEveryGradient", text_encoder_lr=0)
    try_optimizer(settings, "sd1", SHAPES, CPU)


def test_a_module_that_ends_the_program_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(name: str) -> None:
        raise SystemExit("no triton here")

    monkeypatch.setattr(importlib, "import_module", leave)
    with pytest.raises(SettingsError, match=r"needs torch\.optim, which cannot be imported \(no triton here\)"):
        try_optimizer(settings_of("torch.optim.NAdam"), "sd1", SHAPES, CPU)


def test_averages_and_a_limit_on_the_weights_exclude_each_other() -> None:
    settings = settings_of("torch.optim.ScheduleFree", scale_weight_norms=1.0)
    with pytest.raises(SettingsError, match=r"averages its weights .*leave scale_weight_norms blank"):
        try_optimizer(settings, "sd1", SHAPES, CPU)
    assert ScheduleFree in SUPPORTED


@pytest.mark.parametrize("name", [*OPTIMIZERS, "torch.optim.NAdam", "torch.optim.RAdam", "torch.optim.Adadelta"])
def test_usual_optimizers_pass(name: str) -> None:
    try_optimizer(settings_of(name, unet_lr=1, text_encoder_lr=1, loraplus_lr_ratio=2), "sdxl", SHAPES, CPU)


def test_the_trial_leaves_torchs_random_numbers_as_they_were() -> None:
    before = torch.get_rng_state()
    try_optimizer(settings_of("torch.optim.NAdam"), "sd1", SHAPES, CPU)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("name", "of_each"),
    [
        # Two moments and two counts.
        ("torch.optim.NAdam", lambda shape: [4 * math.prod(shape), 4 * math.prod(shape), 4, 4]),
        # One number for each row and one for each column of a matrix; a convolution's kernel counts as its last two sides.
        ("torch.optim.Adafactor", lambda shape: [4 * math.prod(shape[:-1]), 4 * math.prod((*shape[:-2], shape[-1])), 4]),
    ],
)  # fmt: skip
def test_the_trial_measures_what_an_optimizer_keeps_of_each_shape(
    name: str, of_each: Callable[[tuple[int, ...]], list[int]]
) -> None:
    kept = try_optimizer(settings_of(name), "sd1", SHAPES, CPU)
    assert kept is not None
    assert {shape: sorted(sizes) for shape, sizes in kept.sizes.items()} == {
        shape: sorted(of_each(shape)) for shape in kept.sizes
    }
    assert set(SHAPES) <= set(kept.sizes)
    assert try_optimizer(settings_of("AdamW"), "sd1", SHAPES, CPU) is None

"""The schedules, against transformers' and diffusers' own at every step, and what those do not have against numbers by hand."""

from typing import Any

import pytest

from trainer.errors import SettingsError
from trainer.plan.lr_schedules import lr_factor, warmup_of
from trainer.settings.model import Settings

PEAK = 2e-3
TOTAL = 60
SCHEDULES = (
    "constant",
    "constant_with_warmup",
    "linear",
    "cosine",
    "cosine_with_restarts",
    "cosine_with_min_lr",
    "polynomial",
    "inverse_sqrt",
    "warmup_stable_decay",
    "rex",
)


def settings_of(name: str, warmup: int = 0, **values: Any) -> Settings:
    chosen = {"lr_scheduler": name, "lr_warmup_steps": str(warmup), "unet_lr": PEAK, **values}
    return Settings.model_validate(chosen)


def shares(settings: Settings, steps: list[int], total: int = 100) -> list[float]:
    return [lr_factor(settings, "unet", step, total) for step in steps]


def by_library(name: str, warmup: int, **extra: Any) -> list[float]:
    """Return the shares that the library's scheduler gives at each step of the bake and at its very end."""
    import torch
    from diffusers.optimization import get_piecewise_constant_schedule
    from transformers.optimization import get_scheduler

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    if name == "piecewise_constant":
        scheduler = get_piecewise_constant_schedule(optimizer, **extra)
    else:
        scheduler = get_scheduler(name, optimizer, warmup, TOTAL, extra)
    found = []
    for _ in range(TOTAL + 1):
        found.append(scheduler.get_last_lr()[0] / PEAK)
        optimizer.step()
        scheduler.step()
    return found


# Our settings, the warm-up, and what sd-scripts hands to the library for them.
CASES: list[tuple[str, dict[str, Any], int, dict[str, Any]]] = [
    ("constant", {}, 0, {}),
    ("constant_with_warmup", {}, 7, {}),
    ("linear", {}, 0, {}),
    ("linear", {}, 7, {}),
    ("linear", {}, TOTAL, {}),
    ("cosine", {}, 7, {}),
    ("cosine_with_restarts", {"lr_scheduler_num_cycles": 1}, 7, {"num_cycles": 1}),
    ("cosine_with_restarts", {"lr_scheduler_num_cycles": 4}, 0, {"num_cycles": 4}),
    ("cosine_with_min_lr", {"lr_scheduler_min_lr_ratio": 0.1}, 7, {"min_lr_rate": 0.1, "num_cycles": 0.5}),
    ("cosine_with_min_lr", {"lr_scheduler_num_cycles": 3}, 7, {"min_lr_rate": 0.0, "num_cycles": 1.5}),
    ("polynomial", {}, 7, {"power": 1.0}),
    ("polynomial", {"lr_scheduler_power": 2.5}, 0, {"power": 2.5}),
    ("inverse_sqrt", {}, 7, {}),
    ("inverse_sqrt", {}, 0, {}),
    ("inverse_sqrt", {"lr_scheduler_timescale": 20}, 7, {"timescale": 20}),
    ("warmup_stable_decay", {"lr_decay_steps": "15"}, 7, {"num_decay_steps": 15}),
    ("warmup_stable_decay", {"lr_decay_steps": "25%"}, 0, {"num_decay_steps": 15}),
    ("warmup_stable_decay", {"lr_decay_steps": "0"}, 7, {"num_decay_steps": 0}),
    ("warmup_stable_decay", {"lr_decay_steps": "58"}, 7, {"num_decay_steps": 58}),
    (
        "warmup_stable_decay",
        {"lr_decay_steps": "20", "lr_scheduler_min_lr_ratio": 0.2, "lr_scheduler_num_cycles": 3},
        10,
        {"num_decay_steps": 20, "min_lr_ratio": 0.2, "num_cycles": 1.5},
    ),
    (
        "piecewise_constant",
        {"lr_scheduler_args": ["step_rules=1:10,0.5:30,0.1"]},
        0,
        {"step_rules": "1:10,0.5:30,0.1"},
    ),
    ("piecewise_constant", {"lr_scheduler_args": ["step_rules=0.25"]}, 0, {"step_rules": "0.25"}),
]


@pytest.mark.parametrize(("name", "values", "warmup", "extra"), CASES)
def test_a_schedule_is_the_librarys_at_every_step(
    name: str, values: dict[str, Any], warmup: int, extra: dict[str, Any]
) -> None:
    settings = settings_of(name, warmup, **values)
    found = [lr_factor(settings, "unet", step, TOTAL) for step in range(TOTAL + 1)]
    assert found == pytest.approx(by_library(name, warmup, **extra), abs=1e-12)


def test_every_schedule_that_can_be_chosen_was_compared() -> None:
    from trainer.settings.describe import field

    compared = {case[0] for case in CASES} | {"rex"}
    assert compared == set(field("lr_scheduler").choices)


def test_rex_falls_slowly_at_first_and_fast_at_the_end() -> None:
    # (1 - z) / (1 - z/2): 1, 0.75 / 0.875, 0.5 / 0.75, 0.25 / 0.625, 0
    assert shares(settings_of("rex"), [0, 25, 50, 75, 100]) == pytest.approx([1, 6 / 7, 2 / 3, 0.4, 0])


def test_rex_counts_from_the_end_of_the_warm_up_and_ends_at_the_lowest_share() -> None:
    settings = settings_of("rex", 20, lr_scheduler_min_lr_ratio=0.1)
    assert shares(settings, [0, 10, 20, 60, 100]) == pytest.approx([0, 0.5, 1, 0.1 + 0.9 * 2 / 3, 0.1])


@pytest.mark.parametrize("name", [*SCHEDULES, "piecewise_constant"])
def test_past_the_end_no_schedule_rises_again(name: str) -> None:
    settings = settings_of(name, 10, lr_scheduler_num_cycles=3, lr_decay_steps="10", lr_scheduler_args=["step_rules=1"])
    end = lr_factor(settings, "unet", 100, 100)
    assert all(lr_factor(settings, "unet", step, 100) <= end for step in (101, 130, 1000))


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_warm_up_as_long_as_the_bake_or_longer_breaks_nothing(name: str) -> None:
    for warmup in (10, 15):
        settings = settings_of(name, warmup, lr_decay_steps="5")
        assert all(0 <= value <= 1 for value in shares(settings, [0, 5, 9, 10, 11], total=10))


def test_the_text_encoders_follow_their_own_schedule_and_warm_up() -> None:
    settings = settings_of(
        "cosine", 10, text_encoder_lr_scheduler="constant_with_warmup", text_encoder_lr_warmup_steps="50%"
    )
    for part in ("text_encoder", "text_encoder_2"):
        assert [lr_factor(settings, part, step, 100) for step in (0, 25, 50, 99)] == [0, 0.5, 1, 1]
    assert shares(settings, [10]) == [1]


def test_text_encoders_without_a_schedule_of_their_own_follow_that_of_all() -> None:
    settings = settings_of("linear", 10)
    assert lr_factor(settings, "text_encoder", 55, 100) == lr_factor(settings, "unet", 55, 100) == 0.5


def test_polynomial_ends_at_the_same_rate_whatever_the_peak_of_a_part_is() -> None:
    settings = settings_of("polynomial", text_encoder_lr=1e-5)
    assert PEAK * lr_factor(settings, "unet", 100, 100) == pytest.approx(1e-7)
    assert 1e-5 * lr_factor(settings, "text_encoder", 100, 100) == pytest.approx(1e-7)


def test_polynomial_stays_at_a_peak_that_lies_below_its_end() -> None:
    assert shares(settings_of("polynomial", unet_lr=5e-8), [0, 50, 100]) == [1, 1, 1]


def test_constant_and_piecewise_constant_have_no_warm_up() -> None:
    for name in ("constant", "piecewise_constant"):
        assert warmup_of(settings_of(name, 10), "unet", 100) == 0
    assert warmup_of(settings_of("linear", 10), "unet", 100) == 10


def test_piecewise_constant_without_rules_is_an_error_that_shows_some() -> None:
    with pytest.raises(SettingsError, match=r"lr_scheduler_args: no step_rules.*step_rules=1:100,0.5:200,0.1"):
        lr_factor(settings_of("piecewise_constant"), "unet", 0, 1)

"""What is typed of a search: objective, ranges, budget; what is wrong is one line that names it."""

import pytest

from trainer.errors import SettingsError
from trainer.search.record import KnobRange
from trainer.search.typed import override, typed_budget, typed_knob, typed_objective
from trainer.settings.model import Settings
from trainer.settings.toml_file import apply_overrides

SETTINGS = Settings(pretrained_model_name_or_path="demo")


@pytest.mark.parametrize(
    ("text", "knob"),
    [
        ("unet_lr=1e-5..1e-3", KnobRange("unet_lr", 1e-5, 1e-3, log=True)),
        ("unet-lr = 1e-4 .. 5e-4", KnobRange("unet_lr", 1e-4, 5e-4)),
        ("unet_lr=1e-5..1e-3 linear", KnobRange("unet_lr", 1e-5, 1e-3)),
        ("network_dim=4..64", KnobRange("network_dim", 4, 64, log=True, whole=True)),
        ("network_dim=4..16 log", KnobRange("network_dim", 4, 16, log=True, whole=True)),
        ("lr_scheduler=cosine,linear", KnobRange("lr_scheduler", choices=("cosine", "linear"))),
        ("masked_loss=yes,no", KnobRange("masked_loss", choices=("true", "false"))),
    ],
)
def test_a_range_or_choices_are_read(text: str, knob: KnobRange) -> None:
    assert typed_knob(SETTINGS, text) == knob


@pytest.mark.parametrize(
    "text", ["unet_lr=1e-5..1e-3", "network_dim=4..64", "lr_scheduler=cosine,linear", "masked_loss=yes,no"]
)
def test_every_end_of_a_range_is_a_value_that_the_settings_take_as_it_is_written(text: str) -> None:
    knob = typed_knob(SETTINGS, text)
    for value in knob.choices or (knob.low, knob.high):
        made = apply_overrides(SETTINGS, [override(knob.name, value, whole=knob.whole)])
        assert (
            str(getattr(made, knob.name)).lower()
            == str(int(value) if knob.whole and isinstance(value, float) else value).lower()
        )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("unet_rl=1..2", "unet_rl"),
        ("seed=1..5", "random numbers alone"),
        ("unet_lr", "no values"),
        ("unet_lr=1e-3..1e-5", "the smaller number first"),
        ("unet_lr=a..b", "two numbers"),
        ("unet_lr=0..1e-3 log", "above 0"),
        ("unet_lr=1e-5..9", "unet_lr"),
        ("network_dim=1.5..4", "whole numbers"),
        ("lr_scheduler=1..2", "a range; expected values of lr_scheduler"),
        ("lr_scheduler=cosine", "at least two values"),
        ("lr_scheduler=cosine,odd", "odd"),
        ("unet_lr=1e-5..1e999", "finite"),
    ],
)
def test_a_wrong_range_is_named(text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        typed_knob(SETTINGS, text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("12 bakes", (12, None)),
        ("1 bake", (1, None)),
        ("2h", (None, 7200.0)),
        ("90 min", (None, 5400.0)),
        ("1.5 hours", (None, 5400.0)),
    ],
)
def test_a_budget_is_bakes_or_time(text: str, found: tuple[int | None, float | None]) -> None:
    assert typed_budget(text) == found


@pytest.mark.parametrize(
    "text", ["", "0 bakes", "1.5 bakes", "5000 bakes", "2", "2 weeks", "9999999 h", "-1h", "٣ bakes"]
)
def test_a_wrong_budget_is_named(text: str) -> None:
    with pytest.raises(SettingsError, match="--budget"):
        typed_budget(text)


def test_an_objective_is_a_measure_that_bakes_are_compared_by_and_a_part() -> None:
    assert typed_objective("validation_change") == ("validation_change", "")
    assert typed_objective("delta_share:unet") == ("delta_share", "unet")
    with pytest.raises(SettingsError, match="such as validation_change"):
        typed_objective("validation_chang")
    with pytest.raises(SettingsError, match="part nose"):
        typed_objective("delta_share:nose")

"""The table of a part's settings."""

import dataclasses

import pytest

from trainer.settings.describe import field, fields, is_setting
from trainer.settings.model import Settings
from trainer.settings.parts import RATE_SETTINGS, STOP_SETTINGS, all_parts, metric_of, rate_setting, settings_of_part


@pytest.mark.parametrize("part", all_parts())
def test_every_name_is_a_setting_and_what_it_falls_back_to_may_not_be_blank_alone(part: str) -> None:
    for names in dataclasses.asdict(settings_of_part(part)).values():
        assert names and all(map(is_setting, names))
        assert all(field(name).optional or field(name).default == "" for name in names[:-1])


def test_rates_and_stops_are_live() -> None:
    assert all(field(name).live for name in (*RATE_SETTINGS, *STOP_SETTINGS))
    assert {info.name for info in fields() if info.name.endswith(("_stop", "_stop2"))} == set(STOP_SETTINGS)


def test_a_blank_rate_follows_the_one_before_it() -> None:
    settings = Settings(unet_lr=None, text_encoder_lr=3e-5, learning_rate=7e-5)
    assert settings.rate("unet") == 7e-5
    assert settings.rate("text_encoder_2") == settings.rate("text_encoder") == 3e-5
    assert Settings(text_encoder_lr2=0.0).rate("text_encoder_2") == 0


def test_the_second_encoder_stops_with_the_first_unless_it_has_a_stop() -> None:
    assert Settings(text_encoder_stop="3ep").stop_of("text_encoder_2") == "3ep"
    assert Settings(text_encoder_stop="3ep", text_encoder_stop2="5ep").stop_of("text_encoder_2") == "5ep"
    assert Settings().stop_of("unet") == ""


def test_a_rates_metric_is_named_after_its_part() -> None:
    assert metric_of("unet") == "lr_unet"
    assert rate_setting("text_encoder_2") == "text_encoder_lr2"

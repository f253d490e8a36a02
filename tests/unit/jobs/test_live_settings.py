"""What a bake at work has in force, what may be stopped of it, and which changes `lora-tui order N set` passes on."""

from dataclasses import replace

import pytest
from bake_rows import bake_row

from lora_tui.commands.order import checked_change
from trainer.errors import SettingsError
from trainer.jobs.live_settings import PossibleStop, change_setting, in_force, possible_stops, training_parts
from trainer.journal.records import Mark, MarkKind
from trainer.settings.model import Settings
from trainer.settings.toml_file import settings_toml

BAKE = bake_row(stage_done=60)
ONE = {"lr_unet": (60, 1e-4), "lr_text_encoder": (60, 2e-5)}
TWO = {**ONE, "lr_text_encoder_2": (60, 2e-5)}


def mark(text: str, kind: MarkKind = MarkKind.SET) -> Mark:
    return Mark(50, 0.0, kind, text)


def offered(settings: Settings, last: dict[str, tuple[int, float]]) -> list[PossibleStop]:
    return list(possible_stops(settings, BAKE, training_parts(settings, BAKE, last)))


def test_what_was_changed_is_in_force_in_its_order() -> None:
    now = in_force(Settings(), [mark("unet_lr=5e-4"), mark("unet_lr=3e-4"), mark("pause", MarkKind.ORDER)])
    assert now.unet_lr == 3e-4


def test_a_change_this_version_cannot_read_is_left_out() -> None:
    assert in_force(Settings(), [mark("of_tomorrow=1"), mark("nothing"), mark("seed=-1")]) == Settings()


def test_a_part_stopped_now_stopped_at_the_step_of_the_mark() -> None:
    now = in_force(Settings(), [mark("text_encoder_stop=now")])
    assert now.text_encoder_stop == "50"
    assert training_parts(now, BAKE, ONE) == ("unet",)


def test_now_is_a_value_of_stops_alone() -> None:
    assert change_setting(Settings(), "unet_stop", " Now ") == Settings()
    with pytest.raises(SettingsError, match="unet_lr"):
        change_setting(Settings(), "unet_lr", "now")


def test_either_of_two_parts_may_be_stopped() -> None:
    assert offered(Settings(), ONE) == [
        PossibleStop(("text_encoder",), ("text_encoder_stop=now",)),
        PossibleStop(("unet",), ("unet_stop=now",)),
    ]


@pytest.mark.parametrize("settings", [Settings(text_encoder_lr=0), Settings(text_encoder_stop="1ep")])
def test_the_last_part_that_trains_is_not_stopped(settings: Settings) -> None:
    assert training_parts(settings, BAKE, ONE) == ("unet",)
    assert offered(settings, ONE) == []


def test_a_part_that_is_to_stop_later_is_not_left_alone_with_the_rest() -> None:
    assert [each.parts for each in offered(Settings(unet_stop="5ep"), ONE)] == [("unet",)]


def test_before_the_first_step_nothing_is_offered() -> None:
    assert training_parts(Settings(), BAKE, {}) == ()


def test_of_two_text_encoders_both_stop_by_one_change_where_the_second_follows_the_first() -> None:
    assert offered(Settings(), TWO) == [
        PossibleStop(("text_encoder", "text_encoder_2"), ("text_encoder_stop=now",)),
        PossibleStop(("text_encoder",), ("text_encoder_stop2=100%", "text_encoder_stop=now")),
        PossibleStop(("text_encoder_2",), ("text_encoder_stop2=now",)),
        PossibleStop(("unet",), ("unet_stop=now",)),
    ]


def test_of_two_text_encoders_with_stops_of_their_own_each_gets_a_change() -> None:
    changes = offered(Settings(text_encoder_stop2="90%"), TWO)[0].changes
    assert changes == ("text_encoder_stop=now", "text_encoder_stop2=now")


def test_the_second_encoder_keeps_the_stop_it_took_from_the_first() -> None:
    changes = offered(Settings(text_encoder_stop="5ep"), TWO)[1].changes
    assert changes == ("text_encoder_stop2=5ep", "text_encoder_stop=now")


def test_a_stop_that_is_reached_counts_at_its_step() -> None:
    settings = Settings(text_encoder_stop="60")
    assert training_parts(settings, BAKE, ONE) == ("unet",)
    assert training_parts(settings, replace(BAKE, stage_done=59), ONE) == ("unet", "text_encoder")


@pytest.mark.parametrize(
    ("typed", "passed"),
    [
        ("unet_lr=5e-4", "unet_lr=5e-4"),
        ("text-encoder-stop = now", "text_encoder_stop=now"),
        ("unet_stop=3ep", "unet_stop=3ep"),
        ("text_encoder_stop2=", "text_encoder_stop2="),
    ],
)
def test_a_change_is_passed_on_in_its_plain_form(typed: str, passed: str) -> None:
    assert checked_change(replace(BAKE, settings_toml=settings_toml(Settings())), typed) == passed


@pytest.mark.parametrize("typed", ["unet_lr=now", "text_encoder_stop=soon", "seed=3", "unet_stpo=now", "unet_lr"])
def test_what_a_bake_cannot_take_is_refused_before_it_is_written(typed: str) -> None:
    with pytest.raises(SettingsError):
        checked_change(replace(BAKE, settings_toml=settings_toml(Settings())), typed)

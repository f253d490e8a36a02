"""Ladders that would test moves: large steps in the direction asked for, by the family's parts, around the bake's own settings."""

from dataclasses import replace
from pathlib import Path

import pytest

from trainer.advice.knobs import KNOBS
from trainer.advice.ladder_of_move import (
    BY_HAND_KNOBS,
    LADDER_KNOBS,
    has_parts,
    ladder_of_move,
    parts_words,
    steps_of_way,
)
from trainer.advice.record import Way
from trainer.advice.symptoms import SYMPTOMS, why_not
from trainer.families.record import PartRecord
from trainer.families.registry import FAMILIES
from trainer.ladders.build import settings_of_rungs
from trainer.ladders.own_settings import OwnSettings
from trainer.settings.model import Settings


def own(family: str = "sd1", **settings: object) -> OwnSettings:
    made = Settings.model_validate({"pretrained_model_name_or_path": "demo", "max_train_epochs": 8, **settings})
    return OwnSettings("advice", made, family)


def ladder(mine: OwnSettings, knob: str, way: Way, preset: str = ""):
    return ladder_of_move(mine, knob, way, bake=7, question="does it matter?", preset=preset)


@pytest.mark.parametrize("knob", sorted(LADDER_KNOBS - {"repeats"}))
@pytest.mark.parametrize("way", [Way.RAISE, Way.LOWER, Way.EITHER])
def test_every_ladder_is_one_that_the_settings_take(knob: str, way: Way) -> None:
    mine = own(unet_lr=1e-4, text_encoder_lr=5e-5)
    made = ladder(mine, knob, way)
    assert made.spec is not None, made.by_hand
    assert made.spec.question == "does it matter?" or made.spec.preset
    settings = settings_of_rungs(mine.settings, made.spec)
    assert len(settings) >= 2
    # A number type that follows from the machine is none of those that are compared.
    assert made.spec.centre is not None or knob == "precision"
    tried = steps_of_way(made.spec, way)
    assert tried and not any(rung.is_centre for rung in tried)


@pytest.mark.parametrize(
    ("way", "rates", "tried"),
    [
        (Way.RAISE, [1e-4, 3e-4, 1e-3], [3e-4]),
        (Way.LOWER, [1e-5, 3.3e-5, 1e-4], [3.3e-5]),
        (Way.EITHER, [3.3e-5, 1e-4, 3e-4], [3.3e-5, 3e-4]),
    ],
)
def test_a_rate_is_moved_threefold_in_its_direction(way: Way, rates: list[float], tried: list[float]) -> None:
    mine = own(unet_lr=1e-4)
    made = ladder(mine, "body-rate", way)
    assert made.spec is not None
    assert [each.unet_lr for each in settings_of_rungs(mine.settings, made.spec)] == pytest.approx(rates)
    assert {each.text_encoder_lr for each in settings_of_rungs(mine.settings, made.spec)} == {
        mine.settings.text_encoder_lr
    }
    assert [rung.position for rung in steps_of_way(made.spec, way)] == pytest.approx(tried)
    assert made.spec.log_axis and made.spec.knobs == ("unet_lr",)


def test_the_rate_of_a_part_is_found_where_it_stands() -> None:
    """A blank rate of a part is the general one, which the others keep."""
    mine = own(unet_lr=None, text_encoder_lr=2e-5, learning_rate=4e-4)
    made = ladder(mine, "body-rate", Way.RAISE)
    assert made.spec is not None
    settings = settings_of_rungs(mine.settings, made.spec)
    assert [each.rate("unet") for each in settings] == pytest.approx([4e-4, 1.2e-3, 4e-3])
    assert {each.rate("text_encoder") for each in settings} == {2e-5}


def test_both_encoders_of_a_family_move_together() -> None:
    mine = own("sdxl", text_encoder_lr=1e-5, text_encoder_lr2=2e-5)
    assert parts_words(mine, "encoder-rate") == "learning rate of the text encoders"
    made = ladder(mine, "encoder-rate", Way.LOWER)
    assert made.spec is not None
    settings = settings_of_rungs(mine.settings, made.spec)
    assert [each.rate("text_encoder_2") / each.rate("text_encoder") for each in settings] == pytest.approx([2, 2, 2])


def test_what_is_of_a_part_that_does_not_train_has_no_move() -> None:
    assert not has_parts(own(network_train_unet_only=True), "encoder-rate")
    assert not has_parts(own(network_train_text_encoder_only=True), "body-rate")
    assert has_parts(own(network_train_unet_only=True), "body-rate") and has_parts(own(), "captions")


def test_a_part_is_called_what_its_family_calls_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A family without a text encoder that a LoRA sits on, whose body is none of the others'."""
    body = PartRecord("transformer", "transformer", "unet", "lora_transformer_", frozenset({"Block"}))
    monkeypatch.setitem(FAMILIES, "flow", replace(FAMILIES["sd1"], key="flow", parts=(body,)))
    mine = own("flow", unet_lr=1e-4)
    assert parts_words(mine, "body-rate") == "learning rate of the transformer"
    assert ladder(mine, "body-rate", Way.RAISE).spec is not None
    assert not has_parts(mine, "encoder-rate") and not has_parts(mine, "encoder-stop")
    assert "no text encoder" in why_not(SYMPTOMS["unprompted-objects"], mine.trained)


@pytest.mark.parametrize("knob", sorted(BY_HAND_KNOBS))
def test_what_is_changed_by_hand_says_how(knob: str) -> None:
    made = ladder(own(train_data_dir="/data"), knob, Way.CHANGE)
    assert made.spec is None and made.by_hand
    assert "{" not in made.by_hand and (" 7" in made.by_hand or knob == "base")
    table = ladder(own(dataset_config="/data.toml"), "captions", Way.CHANGE)
    assert "--knob dataset_config" in table.by_hand


def test_repeats_of_pictures_in_one_folder_are_those_of_all(tmp_path: Path) -> None:
    made = ladder(own(train_data_dir=str(tmp_path), dataset_repeats=3), "repeats", Way.RAISE)
    assert made.spec is not None
    mine = own(dataset_repeats=3)
    assert [each.dataset_repeats for each in settings_of_rungs(mine.settings, made.spec)] == [3, 6, 12]


def test_what_cannot_be_a_ladder_says_why() -> None:
    made = ladder(
        own(max_train_epochs=None, max_train_steps=100, lr_scheduler="piecewise_constant"),
        "scheduler",
        Way.CHANGE,
        "warmup",
    )
    assert made.spec is None and "not as a ladder of this bake: " in made.by_hand


def test_a_ready_ladder_may_stand_for_a_knob() -> None:
    mine = own(unet_lr=1e-4)
    made = ladder(mine, "all-rates", Way.LOWER, "rate-steps")
    assert made.spec is not None and made.spec.preset == "rate-steps"
    longer = settings_of_rungs(mine.settings, made.spec)
    products = [each.rate("unet") * (each.max_train_epochs or 0) for each in longer]
    assert len(products) > 2 and products == pytest.approx([8e-4] * len(longer))


def test_titles_name_what_is_changed() -> None:
    assert parts_words(own(), "encoder-stop") == "stop of the text encoder"
    assert {parts_words(own(), key) for key in KNOBS} and all("{" not in parts_words(own(), key) for key in KNOBS)

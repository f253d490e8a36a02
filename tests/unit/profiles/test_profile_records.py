"""The records of trainers: every value is one that our settings accept, every one of our own choices has its reason."""

from dataclasses import fields

import pytest

from trainer.dataset.picture_file import ENDINGS
from trainer.profiles.record import TrainerProfile
from trainer.profiles.registry import OURS, PROFILES
from trainer.settings.model import Settings

OTHERS = [profile for key, profile in PROFILES.items() if key != OURS]


def test_every_trainer_of_the_source_notes_and_of_today_is_there() -> None:
    assert list(PROFILES) == [
        "lora-tui",
        "sd-scripts 2023-01",
        "sd-scripts 2023-01 on Linux",
        "sd-scripts 2023-02",
        "legacy ps script 2023-02",
        "anon-1337 2023-02",
        "easy training scripts 2023-02",
        "easy training scripts popup 2023-02",
        "kohya_ss 2023-02",
        "sd_dreambooth_extension 2023-02",
        "cloneofsimo lora 2023-02",
        "source notes 2023-02",
        "easy training scripts 2025-04",
        "sd-scripts 2026-02",
        "kohya_ss 2026-07",
        "OneTrainer 2026-08",
        "ai-toolkit 2026-08",
    ]


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.key)
def test_its_defaults_are_values_of_our_settings_in_their_own_form(profile: TrainerProfile) -> None:
    values = {**profile.defaults, **profile.machine}
    settings = Settings.model_validate(values)
    assert {name: getattr(settings, name) for name in values} == values


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.key)
def test_what_it_names_are_settings_and_each_has_one_place(profile: TrainerProfile) -> None:
    names = [*profile.defaults, *profile.machine, *profile.unknown]
    assert len(names) == len(set(names))
    assert {*names, *profile.reasons, *profile.inferred} <= set(Settings.model_fields)
    assert set(profile.inferred) <= {*profile.defaults, *profile.machine}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.key)
def test_its_reasons_are_sentences_without_their_stop(profile: TrainerProfile) -> None:
    rules = (profile.steps.sentence, profile.steps.warmup_sentence, profile.steps.repeats.sentence)
    texts = [*profile.reasons.values(), *rules, profile.engine.repeats.sentence]
    assert all(texts)
    assert not any(text.endswith(".") or "\n" in text for text in (*texts, profile.engine.ways(2)))


def test_each_of_our_defaults_that_another_trainer_states_has_its_reason() -> None:
    named = {name for profile in OTHERS for name in (*profile.defaults, *profile.machine, *profile.unknown)}
    assert named <= set(PROFILES[OURS].reasons)


def test_our_own_profile_has_no_second_set_of_defaults() -> None:
    assert not PROFILES[OURS].defaults
    assert PROFILES[OURS].engine.pictures.extensions == PROFILES[OURS].steps.pictures.extensions
    assert set(ENDINGS) | {".avif"} == set(PROFILES[OURS].engine.pictures.extensions)


def test_no_two_profiles_are_the_same() -> None:
    records = [
        [getattr(profile, each.name) for each in fields(TrainerProfile) if each.name != "key"]
        for profile in PROFILES.values()
    ]
    assert all(one != other for place, one in enumerate(records) for other in records[:place])


def test_a_bake_that_sets_nothing_has_the_values_of_the_facts_tables() -> None:
    def values(key: str, *names: str) -> list[object]:
        return [PROFILES[key].defaults.get(name) for name in names]

    rates = ("learning_rate", "unet_lr", "text_encoder_lr", "network_dim", "network_alpha")
    assert values("sd-scripts 2023-02", *rates) == [2e-6, None, None, 4, 1.0]
    assert values("anon-1337 2023-02", *rates) == [1e-3, None, None, 128, 1.0]
    assert values("easy training scripts 2023-02", *rates) == [1e-4, None, None, 128, 64.0]
    assert values("easy training scripts popup 2023-02", *rates) == [1e-4, None, None, 128, 64.0]
    assert values("kohya_ss 2023-02", *rates) == [1e-5, 1e-3, 5e-5, 8, 1.0]
    assert values("sd_dreambooth_extension 2023-02", *rates) == [5e-6, 1e-4, 5e-5, 4, 0.0]
    texts = ("clip_skip", "max_token_length", "min_bucket_reso", "max_bucket_reso", "caption_extension")
    assert values("legacy ps script 2023-02", *texts) == [2, "150", 320, 960, [".txt"]]
    assert values("anon-1337 2023-02", *texts) == [1, "75", 256, 1024, [".txt"]]
    assert values("easy training scripts 2023-02", *texts) == [2, "150", 320, 960, [".txt"]]
    assert values("kohya_ss 2023-02", *texts) == [1, "75", 256, 1024, [".caption"]]
    assert "unet_lr" in PROFILES["legacy ps script 2023-02"].unknown
    assert values("source notes 2023-02", "train_batch_size", "lr_warmup_steps", "network_dim", "network_alpha") == [
        3,
        "5%",
        64,
        32.0,
    ]

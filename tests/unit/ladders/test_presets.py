"""Preset ladders on every family's defaults, on awkward settings, and with their exact numbers."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from trainer.demo.workspace import demo_settings
from trainer.errors import LoraTuiError, SettingsError
from trainer.families.registry import FAMILIES, first_family
from trainer.ladders.build import settings_of_rungs
from trainer.ladders.files import spec_of_toml, spec_toml
from trainer.ladders.presets import PRESETS, LadderPreset, preset_ladder, preset_named
from trainer.ladders.record import LadderSpec
from trainer.plan.rate_lines import rate_pairs
from trainer.settings.model import Settings
from trainer.settings.parts import body_of, label_of, parts_of

FAMILY_KEYS = tuple(FAMILIES)
TWO_ENCODERS = next(key for key, record in FAMILIES.items() if len(record.encoders) == 2)


def whole(family: str) -> dict[str, Any]:
    """Return what lets every part of a family train."""
    return {part.switch: True for part in FAMILIES[family].parts if part.switch}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two folders of pictures, one of them shown three times as often."""
    for name, count in (("6_school", 2), ("2_dress", 2)):
        (tmp_path / name).mkdir()
        for number in range(count):
            (tmp_path / name / f"{number}.png").touch()
    return tmp_path


def _values(settings: Settings, spec: LadderSpec, *names: str) -> list[tuple[object, ...]]:
    return [tuple(getattr(rung, name) for name in names) for rung in settings_of_rungs(settings, spec)]


def _rates(settings: Settings, key: str) -> list[float]:
    return [rung.rate("unet") for rung in settings_of_rungs(settings, PRESETS[key].spec(settings))]


@pytest.mark.parametrize("family", FAMILY_KEYS)
@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_a_preset_is_a_ladder_on_the_defaults_of_every_family(
    preset: LadderPreset, family: str, pictures: Path
) -> None:
    settings = Settings(train_data_dir=str(pictures), **FAMILIES[family].first_settings, **whole(family))
    spec = preset.spec(settings, twins=3, family=family)
    made = settings_of_rungs(settings, spec)
    assert len(made) == len(spec.rungs) >= 2
    assert not [rung for rung in made if made.count(rung) > 1]
    assert (spec.preset, spec.twins) == (preset.key, 3)
    assert preset.quote in spec.question
    assert spec.knobs


def test_only_the_settings_as_they_are_are_the_centre(pictures: Path) -> None:
    settings = demo_settings().model_copy(update={"train_data_dir": str(pictures)})
    for preset in PRESETS.values():
        spec = preset.spec(settings)
        base = settings_of_rungs(settings, dataclasses.replace(spec, rungs=(spec.rungs[0],), base_settings=()))
        assert base
        for rung, made in zip(spec.rungs, settings_of_rungs(settings, spec), strict=True):
            changed = {name for name in spec.knobs if getattr(made, name) != getattr(settings, name)}
            assert rung.is_centre == (not rung.overrides)
            assert rung.is_centre or changed, (preset.key, rung.label)


AWKWARD: dict[str, tuple[dict[str, Any], set[str]]] = {
    "encoder off": (
        {"text_encoder_lr": 0},
        {"te-rate", "te-lower", "both-rates", "carried", "unet-alone", "te-alone", "te-stop"},
    ),
    "U-Net only": (
        {"network_train_unet_only": True},
        {"te-rate", "te-lower", "both-rates", "carried", "unet-alone", "te-alone", "te-stop"},
    ),
    "encoder only": (
        {"network_train_text_encoder_only": True},
        {"unet-rate", "unet-trend", "unet-small", "both-rates", "carried", "unet-alone", "te-alone"},
    ),
    "alpha blank": ({"network_alpha": 0}, set()),
    "rates blank": ({"unet_lr": None, "text_encoder_lr": None, "learning_rate": 3e-4}, set()),
    "learning_rate 0": ({"learning_rate": 0}, set()),
    "Prodigy": (
        {"optimizer_type": "Prodigy", "unet_lr": 1, "text_encoder_lr": 1, "learning_rate": 1},
        # Of these nothing is left: every rung asks for more than a rate may be.
        {"unet-trend", "both-rates", "carried", "alpha-pair"},
    ),
    "SGD": ({"optimizer_type": "SGDNesterov"}, {"alpha-pair"}),
    "cosine without restarts": ({"lr_scheduler": "cosine"}, set()),
    "a schedule without its rules": ({"lr_scheduler": "piecewise_constant"}, {"warmup"}),
    "minutes": ({"train_minutes": 30}, set()),
    "steps": ({"max_train_epochs": None, "max_train_steps": 501, "lr_warmup_steps": "100"}, set()),
    "three epochs, stops in epochs": ({"max_train_epochs": 3, "text_encoder_stop": "2ep", "unet_stop": "50%"}, set()),
    "one epoch": ({"max_train_epochs": 1}, set()),
    "no warm-up": ({"lr_warmup_steps": "0", "lr_scheduler": "constant"}, set()),
    "dim 1": ({"network_dim": 1, "network_alpha": 1}, set()),
    "a LoRA to start from": (
        {"network_weights": "/start.safetensors"},
        {"carried", "alpha-pair", "alpha-naive", "alpha-above-dim", "dim"},
    ),
    "3×3 layers": ({"conv_dim": 8, "conv_alpha": 4}, set()),
    "a second encoder of its own": ({"text_encoder_lr2": 1e-5, "text_encoder_stop2": "30%"}, set()),
    "behave like another": ({"behave_like": "anon-1337 2023-02"}, set()),
}


@pytest.mark.parametrize("family", FAMILY_KEYS)
@pytest.mark.parametrize("which", AWKWARD)
def test_awkward_settings_give_a_ladder_or_a_reason(which: str, family: str, pictures: Path) -> None:
    values, refused = AWKWARD[which]
    settings = Settings(train_data_dir=str(pictures), **values, **whole(family))
    reasons = {}
    for preset in PRESETS.values():
        try:
            spec = preset.spec(settings, family=family)
        except SettingsError as error:
            reasons[preset.key] = error
            continue
        assert len(settings_of_rungs(settings, spec)) >= 2
    assert set(reasons) == refused
    assert all(error.expected for error in reasons.values())


def test_a_base_without_a_text_encoder_to_train_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    record = first_family()
    bare = dataclasses.replace(record, key="bare", title="Bare", parts=(record.parts[0],))
    monkeypatch.setitem(FAMILIES, "bare", bare)
    with pytest.raises(SettingsError, match="preset te-rate: a base of Bare, whose text encoder a LoRA does not train"):
        PRESETS["te-rate"].spec(Settings(), family="bare")
    spec = PRESETS["unet-rate"].spec(Settings(), family="bare")
    assert [rung.label for rung in spec.rungs] == ["×0.1", "×0.33", "×1", "×3", "×10"]


def test_a_part_that_a_setting_keeps_from_training_is_named_with_it() -> None:
    with pytest.raises(
        SettingsError,
        match=r"the conditioner does not train \(train_llm_adapter is off\).*set train_llm_adapter = true",
    ):
        PRESETS["te-rate"].spec(Settings(), family=next(key for key in FAMILIES if whole(key)))


def test_the_names_of_parts_are_the_families() -> None:
    for family in FAMILY_KEYS:
        assert label_of(body_of(family)) in PRESETS["unet-rate"].spec(Settings(), family=family).title


def test_the_rates_of_the_notes_come_out_at_their_usual_value() -> None:
    usual = Settings(unet_lr=2e-4, text_encoder_lr=2e-4, learning_rate=2e-4)
    assert _rates(usual, "unet-rate") == [2e-5, 6.6e-5, 2e-4, 6e-4, 2e-3]
    te = PRESETS["te-rate"].spec(usual)
    assert _values(usual, te, "unet_lr", "text_encoder_lr") == [(2e-4, 2e-5), (2e-4, 2e-4), (2e-4, 2e-3)]
    lr = PRESETS["lr"].spec(usual)
    assert _values(usual, lr, "learning_rate") == [(0,), (4e-6,), (4e-5,), (2e-4,), (1e-3,), (1e-2,)]
    assert [rung.is_centre for rung in lr.rungs] == [False, False, False, True, False, False]
    lower = PRESETS["te-lower"].spec(usual.model_copy(update={"text_encoder_lr": 1e-4}))
    assert [rung.position for rung in lower.rungs] == [5e-5, 9e-5, 1e-4]
    fine = PRESETS["unet-small"].spec(Settings(unet_lr=3e-4))
    assert [f"{rung.position:.3g}" for rung in fine.rungs] == ["0.00025", "0.000275", "0.0003"]


@pytest.mark.parametrize("family", FAMILY_KEYS)
def test_learning_rate_moves_no_part_in_its_ladder(family: str) -> None:
    settings = Settings(unet_lr=None, text_encoder_lr=None, text_encoder_lr2=None, learning_rate=3e-4, **whole(family))
    made = settings_of_rungs(settings, PRESETS["lr"].spec(settings, family=family))
    assert {rung.rate(part) for rung in made for part in parts_of(family)} == {3e-4}
    assert {rung.learning_rate for rung in made} == {0, 6e-6, 6e-5, 3e-4, 1.5e-3, 1.5e-2}


@pytest.mark.parametrize("family", FAMILY_KEYS)
def test_the_pair_of_every_part_stays_where_alpha_moves_with_lora_ups_rate(family: str) -> None:
    settings = Settings(network_dim=128, network_alpha=64, unet_lr=1.5e-4, text_encoder_lr=7e-5, **whole(family))
    spec = PRESETS["alpha-pair"].spec(settings, family=family)
    made = settings_of_rungs(settings, spec)
    assert [rung.network_alpha for rung in made] == [1, 64, 128]
    assert [rung.loraplus_unet_lr_ratio for rung in made] == [64, None, 0.5]
    assert [rung.loraplus_text_encoder_lr_ratio for rung in made] == [64, None, 0.5]
    for rung in made:
        assert rate_pairs(rung, family) == {
            part: pytest.approx((settings.rate(part), settings.rate(part) / 2)) for part in parts_of(family)
        }


def test_one_factor_on_both_rates_moves_lora_downs_alone_too_far() -> None:
    settings = Settings(network_dim=128, network_alpha=64, unet_lr=1.5e-4, text_encoder_lr=7e-5)
    spec = PRESETS["alpha-naive"].spec(settings)
    assert _values(settings, spec, "network_alpha", "unet_lr", "text_encoder_lr") == [
        (1, 9.6e-3, 4.48e-3),
        (64, 1.5e-4, 7e-5),
        (128, 7.5e-5, 3.5e-5),
    ]
    pairs = [rate_pairs(rung, first_family().key)["unet"] for rung in settings_of_rungs(settings, spec)]
    assert [pair.up for pair in pairs] == pytest.approx([7.5e-5] * 3)
    assert [pair.down for pair in pairs] == pytest.approx([9.6e-3, 1.5e-4, 7.5e-5])


def test_alpha_above_dim_leaves_the_rates() -> None:
    settings = Settings(network_dim=16, network_alpha=4)
    spec = PRESETS["alpha-above-dim"].spec(settings)
    assert _values(settings, spec, "network_alpha", "unet_lr") == [(each, 1e-4) for each in (4, 16, 32, 64)]


def test_who_carries_is_asked_with_the_notes_own_numbers_at_their_rate() -> None:
    settings = Settings(network_dim=128, network_alpha=128, unet_lr=1.5e-4, text_encoder_lr=3e-5)
    spec = PRESETS["carried"].spec(settings)
    assert _values(settings, spec, "network_alpha", "unet_lr", "text_encoder_lr") == [
        (1, 4.5e-3, 5e-5),
        (64, 2.5e-4, 2e-5),
        (64, 1.5e-4, 7e-5),
    ]
    assert [rung.label for rung in spec.rungs] == ["U-Net carries", "close", "text encoder carries"]
    assert [rung.position for rung in spec.rungs] == pytest.approx([1 / 90, 0.08, 7 / 15])


def test_rates_divided_by_k_get_k_times_the_steps_and_all_that_is_counted_in_them() -> None:
    settings = Settings(
        max_train_epochs=6, unet_lr=2e-3, text_encoder_lr=1e-3, lr_warmup_steps="30", text_encoder_stop="4ep"
    )
    spec = PRESETS["rate-steps"].spec(settings)
    names = ("max_train_epochs", "unet_lr", "text_encoder_lr", "lr_warmup_steps", "text_encoder_stop")
    assert _values(settings, spec, *names) == [
        (3, 4e-3, 2e-3, "15", "2ep"),
        (6, 2e-3, 1e-3, "30", "4ep"),
        (12, 1e-3, 5e-4, "60", "8ep"),
        (24, 5e-4, 2.5e-4, "120", "16ep"),
    ]


def test_epochs_that_cannot_be_halved_are_left_out_and_named() -> None:
    ladder = PRESETS["length"].ladder(Settings(max_train_epochs=3))
    assert [rung.position for rung in ladder.spec.rungs] == [3, 6, 12]
    assert any(line.startswith("×0.5 is left out: max_train_epochs 3 × 0.5") for line in ladder.remarks)


def test_step_rules_and_timescales_stretch_with_the_steps() -> None:
    rules = Settings(lr_scheduler="piecewise_constant", lr_scheduler_args=["step_rules=1:100,0.5:200,0.1"])
    long = settings_of_rungs(rules, PRESETS["length"].spec(rules))[-1]
    assert long.lr_scheduler_args == ["step_rules=1:400,0.5:800,0.1"]
    root = Settings(lr_scheduler="inverse_sqrt", lr_scheduler_timescale=50)
    assert settings_of_rungs(root, PRESETS["length"].spec(root))[0].lr_scheduler_timescale == 25


def test_a_rate_that_no_setting_takes_is_left_out_and_named() -> None:
    ladder = PRESETS["unet-rate"].ladder(Settings(unet_lr=0.2))
    assert [rung.label for rung in ladder.spec.rungs] == ["×0.1", "×0.33", "×1", "×3"]
    assert "×10 is left out: unet_lr 2, expected a number from 0 to 1, or blank" in ladder.remarks


def test_two_schedules_of_one_course_are_one_rung() -> None:
    def names(**values: Any) -> list[str]:
        return [rung.label for rung in PRESETS["schedule"].spec(Settings(**values)).rungs]

    assert names(lr_scheduler="cosine_with_restarts") == [
        "cosine_with_restarts",
        "constant_with_warmup",
        "linear",
        "rex",
    ]
    assert names(lr_scheduler="cosine_with_restarts", lr_scheduler_num_cycles=4)[3] == "cosine"
    assert names(lr_scheduler="polynomial", lr_scheduler_power=2)[0] == "polynomial"


def test_cycles_are_those_of_restarts_whatever_the_schedule_was() -> None:
    settings = Settings(lr_scheduler="linear", lr_scheduler_num_cycles=7)
    spec = PRESETS["cycles"].spec(settings)
    assert {rung.lr_scheduler for rung in settings_of_rungs(settings, spec)} == {"cosine_with_restarts"}
    assert [rung.position for rung in spec.rungs] == [1, 2, 3, 5]
    restarts = Settings(lr_scheduler="cosine_with_restarts", lr_scheduler_num_cycles=4)
    assert [rung.is_centre for rung in PRESETS["cycles"].spec(restarts).rungs] == [False, False, False, True, False]


@pytest.mark.parametrize(
    ("values", "amounts"),
    [
        ({"lr_warmup_steps": "10%"}, ["0%", "5%", "10%", "20%"]),
        ({"lr_warmup_steps": "0.3"}, ["0%", "15%", "0.3", "60%"]),
        ({"lr_warmup_steps": "80%"}, ["0%", "40%", "80%", "100%"]),
        ({"lr_warmup_steps": "50"}, ["0", "25", "50", "100"]),
        ({"lr_warmup_steps": "0"}, ["0", "5%", "10%", "20%"]),
    ],
)
def test_warm_up_is_varied_around_ones_own(values: dict[str, Any], amounts: list[str]) -> None:
    settings = Settings(**values)
    spec = PRESETS["warmup"].spec(settings)
    assert [amount for (amount,) in _values(settings, spec, "lr_warmup_steps")] == amounts
    assert [rung.label for rung in spec.rungs if rung.is_centre] == [values["lr_warmup_steps"]]


def test_the_text_encoder_stops_by_epoch_or_by_share() -> None:
    def stops(**values: Any) -> list[object]:
        settings = Settings(**values)
        spec = PRESETS["te-stop"].spec(settings, family=TWO_ENCODERS)
        return [rung.stop_of("text_encoder_2") for rung in settings_of_rungs(settings, spec)]

    assert stops(max_train_epochs=8) == ["2ep", "4ep", "6ep", ""]
    assert stops(max_train_epochs=8, text_encoder_stop="300") == ["300", "2ep", "4ep", "6ep", ""]
    assert stops(max_train_epochs=None) == ["25%", "50%", "75%", ""]
    assert stops(max_train_epochs=8, text_encoder_stop2="1ep") == ["1ep", "2ep", "4ep", "6ep", ""]


def test_fp16_is_a_rung_where_there_is_a_gpu_and_left_out_with_a_word_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "GPU" in PRESETS["precision"].needs
    for has_card, labels in ((True, ["fp32", "fp16", "bf16"]), (False, ["fp32", "bf16"])):
        monkeypatch.setattr("trainer.ladders.preset_schedules.card_device", lambda has_card=has_card: has_card)
        ladder = PRESETS["precision"].ladder(Settings(mixed_precision="bf16"))
        assert [rung.label for rung in ladder.spec.rungs] == labels
        assert [rung.label for rung in ladder.spec.rungs if rung.is_centre] == ["bf16"]
        assert any("fp16 needs a GPU" in line for line in ladder.remarks)
        assert any(line.startswith("fp16 is left out") for line in ladder.remarks) is not has_card


def test_repeats_are_those_of_the_folder_shown_least_or_of_the_one_named(pictures: Path) -> None:
    settings = Settings(train_data_dir=str(pictures), num_repeats=["6_school=5"])
    least = PRESETS["repeats"].spec(settings)
    assert _values(settings, least, "num_repeats") == [
        (["6_school=5", "2_dress=1"],),
        (["6_school=5"],),
        (["6_school=5", "2_dress=4"],),
        (["6_school=5", "2_dress=8"],),
    ]
    named = PRESETS["repeats"].spec(settings, choice="6_school")
    assert _values(settings, named, "num_repeats")[0] == (["6_school=2"],)
    assert [rung.position for rung in named.rungs if rung.is_centre] == [5]


@pytest.mark.parametrize(
    ("values", "choice", "said"),
    [
        ({"dataset_config": "/data.toml"}, "", "a data set file"),
        ({"train_data_dir": ""}, "", "0 folders with pictures"),
        ({"train_data_dir": "{pictures}/6_school"}, "", "1 folder with pictures"),
        ({}, "3_hat", "no folder 3_hat; expected one of 2_dress, 6_school"),
        ({"train_data_dir": "/nowhere/at all"}, "", "no such folder"),
    ],
)
def test_repeats_that_cannot_be_balanced_are_refused(
    values: dict[str, str], choice: str, said: str, pictures: Path
) -> None:
    given = {name: value.format(pictures=pictures) for name, value in values.items()}
    with pytest.raises(LoraTuiError, match=said):
        PRESETS["repeats"].spec(Settings(**({"train_data_dir": str(pictures)} | given)), choice=choice)


def test_a_folder_whose_name_the_setting_cannot_hold_is_refused(tmp_path: Path) -> None:
    for name in ("2_a,b", "3_c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").touch()
    with pytest.raises(SettingsError, match=r"whose name has a comma or `=` \(2_a,b\)"):
        PRESETS["repeats"].spec(Settings(train_data_dir=str(tmp_path)))


def test_a_preset_is_named_by_its_key_and_what_is_behind_it() -> None:
    assert preset_named(" repeats : 6_school ") == (PRESETS["repeats"], "6_school")
    assert preset_named("lr") == (PRESETS["lr"], "")
    with pytest.raises(SettingsError, match=r"preset unet: not known; expected one of lr, unet-rate"):
        preset_named("unet")
    with pytest.raises(SettingsError, match=r"preset lr:x: a name behind the key"):
        PRESETS["lr"].spec(Settings(), choice="x")


def test_a_preset_is_relative_to_what_is_set_on_top_of_the_settings() -> None:
    made = preset_ladder("te-rate", Settings(), twins=4, base_settings=["text_encoder_lr=1e-3", "max_train_epochs=2"])
    assert made.spec.base_settings[:2] == ("text_encoder_lr=1e-3", "max_train_epochs=2")
    values = _values(Settings(), made.spec, "text_encoder_lr", "max_train_epochs")
    assert values == [(1e-4, 2), (1e-3, 2), (1e-2, 2)]
    assert made.spec.twins == 4


def test_what_a_preset_needs_counts_before_what_is_set_and_is_written_once() -> None:
    made = preset_ladder("unet-alone", Settings(), base_settings=["measure_parts=false", "max_train_epochs=2"])
    assert made.spec.base_settings == ("measure_parts=yes", "max_train_epochs=2")
    assert spec_of_toml(spec_toml(made.spec), "ladder 1") == made.spec


def test_every_preset_comes_back_from_its_file(pictures: Path) -> None:
    settings = Settings(train_data_dir=str(pictures), text_encoder_lr2=1e-5, conv_dim=8, conv_alpha=4)
    for preset in PRESETS.values():
        spec = preset.spec(settings, family=TWO_ENCODERS)
        back = spec_of_toml(spec_toml(spec), "ladder 1")
        assert settings_of_rungs(settings, back) == settings_of_rungs(settings, spec)
        assert [rung.label for rung in back.rungs] == [rung.label for rung in spec.rungs]


def test_training_hard_alone_is_longer_and_at_higher_rates() -> None:
    settings = demo_settings()
    spec = PRESETS["te-alone"].spec(settings)
    names = ("network_train_text_encoder_only", "max_train_epochs", "text_encoder_lr", "unet_lr")
    assert _values(settings, spec, *names) == [
        (False, 6, 1e-3, 2e-3),
        (True, 6, 1e-3, 2e-3),
        (True, 18, 1e-3, 2e-3),
        (True, 18, 3e-3, 2e-3),
        (True, 18, 1e-2, 2e-3),
    ]
    assert all(rung.measure_parts for rung in settings_of_rungs(settings, spec))


# Every place of the notes that describes an experiment or asks for one, in our words, with what asks the same here.
EXPERIMENTS: dict[str, tuple[str, ...]] = {
    "a change seen at a small step is looked for at larger ones": ("unet-trend",),
    "general LR from fifty times the usual value to none": ("lr",),
    "equal results at any alpha with the right rates": ("alpha-pair", "alpha-naive"),
    "alpha larger than dim": ("alpha-above-dim",),
    "large dims ask for other rates": ("dim",),
    "a LoRA of the U-Net alone": ("unet-alone",),
    "a text encoder trained to an extreme, alone": ("te-alone",),
    "one part carries the LoRA": ("carried",),
    "do two parts that are trained hard interfere": ("both-rates",),
    "the encoder ended before the rest": ("te-stop",),
    "smaller rates with more steps hit a wider zone": ("rate-steps",),
    "restarts carry a bake further": ("cycles",),
    "a slightly lower U-Net rate at a fixed encoder rate": ("unet-small",),
    "encoder rate ten times and a tenth": ("te-rate",),
    "encoder rate lowered against objects nobody asked for": ("te-lower",),
    "repeats of one concept among several": ("repeats",),
    "U-Net rate ten times, three times, a third, a tenth": ("unet-rate",),
    "more time for more, or wasted": ("length",),
    "schedules": ("schedule",),
    "warm-up": ("warmup",),
    "number types": ("precision",),
}


def test_every_experiment_of_the_notes_has_a_preset_and_every_preset_an_experiment() -> None:
    asked = [key for keys in EXPERIMENTS.values() for key in keys]
    assert sorted(asked) == sorted(PRESETS)


def test_every_preset_says_what_it_tests_and_varies() -> None:
    for preset in PRESETS.values():
        assert preset.title
        assert preset.heading
        assert len(preset.quote) > 20
        assert len(preset.varies) > 10

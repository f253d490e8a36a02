"""Descriptions of settings for the form and error lines."""

import pytest

from trainer.settings.describe import field, fields, nearest_name, number_text, shown_value
from trainer.settings.model import Settings
from trainer.settings.one_setting import SECTIONS


def test_every_setting_is_described_in_the_order_of_the_model() -> None:
    assert [info.name for info in fields()] == list(Settings.model_fields)


def test_every_setting_has_a_section_a_label_and_help() -> None:
    assert [info.name for info in fields() if not (info.section in SECTIONS and info.label and info.help)] == []


def test_every_number_has_bounds_and_every_choice_its_choices() -> None:
    unbounded = [info.name for info in fields() if info.kind in ("int", "float") and None in (info.low, info.high)]
    assert unbounded == []
    assert [info.name for info in fields() if (info.kind == "choice") != bool(info.choices)] == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("enable_bucket", "bool"),
        ("network_dim", "int"),
        ("max_train_epochs", "int"),
        ("unet_lr", "float"),
        ("lr_warmup_steps", "text"),
        ("caption_extension", "list"),
        ("optimizer_args", "list"),
        ("lr_scheduler", "choice"),
        ("train_data_dir", "path"),
        ("validation_data_dir", "path"),
        ("pretrained_model_name_or_path", "path"),
    ],
)
def test_a_setting_has_the_kind_of_its_type(name: str, kind: str) -> None:
    assert field(name).kind == kind


def test_bounds_units_and_blanks_come_from_the_model() -> None:
    rate = field("unet_lr")
    assert (rate.low, rate.high, rate.optional, rate.default) == (0, 1, True, 1e-4)
    assert (field("bucket_reso_steps").unit, field("bucket_reso_steps").multiple) == ("px", 8)
    assert field("min_snr_gamma").above


def test_rates_stops_cadences_and_samples_may_change_while_baking() -> None:
    live = {info.name for info in fields() if info.live}
    rates = {"learning_rate", "unet_lr", "text_encoder_lr", "text_encoder_lr2"}
    stops = {"unet_stop", "text_encoder_stop", "text_encoder_stop2"}
    cadences = {
        "save_every_n_epochs",
        "save_every_n_steps",
        "save_state_every_n_steps",
        "validate_every_n_steps",
    }
    samples = {
        "sample_every_n_epochs",
        "sample_every_n_steps",
        "sample_seeds",
        "sample_sampler",
        "sample_steps",
        "sample_cfg_scale",
        "sample_shift",
        "sample_resolution",
    }
    assert live == rates | stops | cadences | samples | {"micro_batch_size"}


def test_what_an_exact_resume_does_not_hold_for_says_so() -> None:
    assert {info.name for info in fields() if info.exactness} == {
        "mixed_precision",
        "micro_batch_size",
        "xformers",
        "torch_compile",
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("network_dim", "a whole number from 1 to 1024"),
        ("unet_lr", "a number from 0 to 1, or blank"),
        ("network_dropout", "a number from 0 and below 1"),
        ("min_snr_gamma", "a number above 0 and up to 1000, or blank"),
        ("bucket_reso_steps", "a whole number from 8 to 512, a multiple of 8"),
        ("save_precision", "one of float, fp16, bf16"),
        ("enable_bucket", "true or false"),
    ],
)
def test_expected_values_are_described_in_words(name: str, expected: str) -> None:
    assert field(name).expected == expected


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [
        ("unett_lr", "unet_lr"),
        ("unet-lr", "unet_lr"),
        ("UNET_LR", "unet_lr"),
        ("network_dims", "network_dim"),
        ("max_epochs", "max_train_epochs"),
        ("xyzzy", None),
    ],
)
def test_a_mistyped_name_has_a_nearest_one(typed: str, nearest: str | None) -> None:
    assert nearest_name(typed) == nearest


def test_an_unknown_name_has_no_description() -> None:
    with pytest.raises(KeyError):
        field("unett_lr")


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-4, "1e-4"), (2.5e-4, "2.5e-4"), (0.05, "0.05"), (0.1, "0.1"), (16.0, "16"), (0.0, "0"), (12.5, "12.5")],
)
def test_a_number_is_written_short(value: float, text: str) -> None:
    assert number_text(value) == text


@pytest.mark.parametrize("value", [1 / 3, 1e-7 / 3, 123456.789, 5e-324, 1e300, 1.0000000000000002, 2e-5])
def test_a_number_written_short_reads_back_exactly(value: float) -> None:
    assert float(number_text(value)) == value


def test_values_are_shown_as_a_person_writes_them() -> None:
    settings = Settings(unet_lr=None, xformers=True, caption_extension=[".txt", ".cap"])
    names = ("unet_lr", "text_encoder_lr", "xformers", "enable_bucket", "caption_extension", "network_alpha", "seed")
    shown = [shown_value(settings, name) for name in names]
    assert shown == ["", "2e-5", "yes", "yes", ".txt, .cap", "16", "42"]

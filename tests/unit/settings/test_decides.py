"""Whether a setting decides what LoRA comes out."""

from trainer.settings.describe import field, fields
from trainer.settings.one_setting import SECTIONS, Decides
from trainer.settings.random_numbers import RANDOM_SOURCES, SEEDS, RandomSource


def test_what_goes_to_a_section_as_a_rule_and_what_says_otherwise() -> None:
    assert {info.section for info in fields()} == set(SECTIONS)
    said = {info.name: info.decides for info in fields()}
    assert said["unet_lr"] is said["seed"] is said["fp8_base"] is said["save_precision"] is Decides.YES
    assert said["gradient_checkpointing"] is said["vae_batch_size"] is Decides.ROUNDING
    assert said["output_name"] is said["sample_steps"] is said["subject"] is said["validation_data_dir"] is Decides.NO


def test_what_rounds_otherwise_when_a_bake_is_resumed_decides_at_least_the_last_digits() -> None:
    assert [info.name for info in fields() if info.exactness and info.decides is Decides.NO] == []


def test_every_source_of_random_numbers_has_a_seed_that_may_be_blank() -> None:
    assert set(RANDOM_SOURCES) == set(RandomSource)
    assert all(field(record.setting).optional for record in RANDOM_SOURCES.values())
    assert set(SEEDS) == {"seed", *(record.setting for record in RANDOM_SOURCES.values())}

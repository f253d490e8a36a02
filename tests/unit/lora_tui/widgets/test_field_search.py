"""What the line to find by finds."""

import pytest
from textual.fuzzy import FuzzySearch

from lora_tui.widgets.field_search import find_fields
from trainer.settings.describe import fields


def found(query: str) -> list[str]:
    return find_fields(query, fields(), FuzzySearch())


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("scheduler", "lr_scheduler"),
        ("warm", "lr_warmup_steps"),
        ("clip skip", "clip_skip"),
        ("tex_lr", "text_encoder_lr"),
        ("te lr", "text_encoder_lr"),
        ("SNR", "snr_schedule"),
        ("seed", "seed"),
    ],
)
def test_the_likeliest_comes_first(query: str, first: str) -> None:
    assert found(query)[0] == first


def test_what_only_resembles_a_word_is_left_out_where_a_name_has_it() -> None:
    names = found("seed")
    assert (names[0], set(names)) == ("seed", {info.name for info in fields() if "seed" in info.name})


@pytest.mark.parametrize(
    ("query", "name"), [("LoCon", "conv_dim"), ("rex", "lr_scheduler"), ("prodigy", "optimizer_type")]
)
def test_a_word_that_no_name_has_is_found_in_help_and_choices(query: str, name: str) -> None:
    assert name in found(query)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("vram", {"gradient_checkpointing", "micro_batch_size", "int8_base", "train_batch_size", "resolution"}),
        ("gpu", {"gradient_checkpointing", "encoder_off_card", "mixed_precision"}),
        ("trigger", {"caption_prefix", "keep_tokens", "subject"}),
        ("learning rate", {"learning_rate", "unet_lr", "text_encoder_lr", "text_encoder_lr2", "lr_scheduler"}),
        ("mse", {"loss_type"}),
        ("flip", {"train_data_dir"}),
    ],
)
def test_a_word_of_other_programs_finds_the_setting(query: str, names: set[str]) -> None:
    assert names <= set(found(query))


@pytest.mark.parametrize("query", ["", "  ", "zzzz"])
def test_nothing_is_found_by_nothing(query: str) -> None:
    assert found(query) == []

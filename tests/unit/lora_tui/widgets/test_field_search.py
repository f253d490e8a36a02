"""What the line to find by finds."""

import pytest
from textual.fuzzy import FuzzySearch

from lora_tui.widgets.field_search import FoundFields, find_fields, search_fields
from trainer.settings.describe import fields


def found(query: str) -> list[str]:
    return find_fields(query, fields(), FuzzySearch())


def search(query: str) -> FoundFields:
    return search_fields(query, fields(), FuzzySearch())


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("scheduler", "lr_scheduler"),
        ("warm", "lr_warmup_steps"),
        ("clip skip", "clip_skip"),
        ("tex_lr", "text_encoder_lr"),
        ("te lr", "text_encoder_lr"),
        ("SNR", "min_snr_gamma"),
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


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("learning rate", "learning_rate"),
        ("te", "text_encoder_lr"),
        ("rank", "network_dim"),
        ("resume", "keep_states"),
        ("steps", "max_train_steps"),
        ("cosine", "lr_scheduler"),
        ("dropout", "network_dropout"),
        ("trigger", "subject"),
        ("oom", "gradient_checkpointing"),
        ("--network_dim", "network_dim"),
        ("network dim", "network_dim"),
        ("lora_rank", "network_dim"),
        ("train.steps", "max_train_steps"),
        ("masked_training", "masked_loss"),
        ("snr_gamma", "min_snr_gamma"),
        ("num_train_epochs", "max_train_epochs"),
        ("instance_data_dir", "train_data_dir"),
        ("save_state", "keep_states"),
        ("optimizer.beta1", "optimizer_args"),
    ],
)
def test_the_setting_that_is_meant_comes_first(query: str, first: str) -> None:
    assert found(query)[0] == first


def test_two_letters_are_no_piece_of_a_longer_word() -> None:
    assert "max_train_steps" not in found("te")
    assert "noise_offset" not in found("se")


@pytest.mark.parametrize(
    ("query", "action"),
    [
        ("vram", "plan.fit"),
        ("oom", "plan.fit"),
        ("trigger", "subject.new"),
        ("blur", "checks.open"),
        ("resume", "bake.resume"),
        ("fork", "bake.fork"),
        ("burnt", "doneness.open"),
        ("tensorboard", "journal.open"),
    ],
)
def test_what_is_no_setting_but_a_key_is_said(query: str, action: str) -> None:
    assert action in search(query).actions


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("flip", "put mirrored pictures into the folder"),
        ("random_crop", "no such option"),
        ("trigger", "subjects/NAME.toml"),
        ("color_aug", "no such option"),
    ],
)
def test_what_there_is_no_setting_for_is_said_with_the_way_out(query: str, said: str) -> None:
    assert any(said in note for note in search(query).notes)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("learnign rate", "learning_rate"),
        ("netwrok_dim", "network_dim"),
        ("gradeint checkpointing", "gradient_checkpointing"),
        ("optimzier", "optimizer_type"),
        ("scheduller", "lr_scheduler"),
    ],
)
def test_of_a_typing_mistake_what_is_near_is_offered(typed: str, meant: str) -> None:
    result = search(typed)
    assert result.names == ()
    assert meant in result.near


def test_what_is_nothing_at_all_is_near_nothing() -> None:
    assert search("qqqqwwww") == FoundFields()


@pytest.mark.parametrize("info", fields(), ids=lambda info: info.name)
def test_every_setting_is_found_first_by_its_own_name(info) -> None:
    assert found(info.name)[0] == info.name

"""Texts that stand for numbers."""

import pytest

from trainer.settings.amounts import (
    StepRules,
    bucket_range,
    check_amount,
    check_command,
    check_resolution,
    check_rules,
    check_states,
    check_stop,
    parse_size,
    parse_step_rules,
    split_arguments,
    steps_of,
    stop_step,
)


@pytest.mark.parametrize(
    ("text", "total", "steps"),
    [
        ("100", 1600, 100),
        ("100.0", 1600, 100),
        ("0", 1600, 0),
        ("1", 1600, 1),
        ("10%", 1600, 160),
        ("5 %", 990, 49),  # the source notes' own example: 5 % of 990 is 49, cut, not rounded
        ("0.05", 990, 49),
        (".5", 3, 1),
        ("1e-2", 1600, 16),
        ("29%", 100, 29),  # 0.29 * 100 is 28.999999999999996 in binary
        ("100%", 7, 7),
    ],
)
def test_an_amount_is_steps_or_a_share_cut_to_whole_steps(text: str, total: int, steps: int) -> None:
    assert steps_of(text, total) == steps


@pytest.mark.parametrize("text", ["", "ten", "-1", "1.5", "101%", "10%%", "1e99", "nan", "٣"])
def test_a_malformed_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"steps|share"):
        check_amount(text)


def test_an_amount_keeps_its_form_without_blanks() -> None:
    assert check_amount(" 10 % ") == "10%"


@pytest.mark.parametrize(
    ("text", "plain"), [("512", "512"), ("512,512", "512"), ("512x768", "512,768"), (" 512 , 768 ", "512,768")]
)
def test_a_resolution_has_one_plain_form(text: str, plain: str) -> None:
    assert check_resolution(text) == plain
    assert parse_size(plain) == parse_size(text)


@pytest.mark.parametrize("text", ["", "big", "512,", "16", "9000", "512,768,1", "512.5"])
def test_a_malformed_resolution_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"512|sides"):
        check_resolution(text)


@pytest.mark.parametrize(
    ("low", "high", "step", "rounded"),
    [(256, 1024, 64, (256, 1024)), (320, 960, 64, (320, 960)), (300, 1000, 64, (256, 1024)), (32, 128, 64, (64, 128))],
)
def test_bucket_sides_are_rounded_outwards_but_never_to_nothing(
    low: int, high: int, step: int, rounded: tuple[int, int]
) -> None:
    assert bucket_range(low, high, step) == rounded


def test_a_comma_parts_optimizer_arguments_only_before_a_key() -> None:
    assert split_arguments("betas=0.9,0.999, weight_decay=0.1") == ["betas=0.9,0.999", "weight_decay=0.1"]


def test_rules_say_from_which_step_which_share_holds() -> None:
    assert parse_step_rules("1:100,0.5:200,0.1") == StepRules(((100, 1.0), (200, 0.5)), 0.1)
    assert parse_step_rules(" .5 ") == StepRules((), 0.5)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("step_rules=1:100,0.5:200,0.1", "step_rules=1:100,0.5:200,0.1"),
        (" step_rules = '1:100, 0.1' ", "step_rules=1:100,0.1"),
    ],
)
def test_a_schedules_argument_has_one_plain_form(text: str, plain: str) -> None:
    assert check_rules(text) == plain


@pytest.mark.parametrize(
    "text",
    [
        "step_rules=",
        "step_rules=1:100",
        "step_rules=1:100,0.5:100,0.1",
        "step_rules=-1:100,0.1",
        "step_rules=1:1.5,0.1",
        "num_cycles=3",
        "1:100,0.1",
    ],
)
def test_a_malformed_rule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"1:100,0\.5:200,0\.1|steps that rise"):
        check_rules(text)


@pytest.mark.parametrize(
    ("text", "plain"),
    [("", ""), (" 3 EP ", "3ep"), ("4 epochs", "4ep"), ("600", "600"), ("50 %", "50%"), ("0.5", "0.5")],
)
def test_a_stop_is_epochs_steps_or_a_share(text: str, plain: str) -> None:
    assert check_stop(text) == plain


@pytest.mark.parametrize("text", ["0", "0ep", "0%", "ten", "1.5", "-3", "3 weeks", "101%"])
def test_a_malformed_stop_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ep"):
        check_stop(text)


@pytest.mark.parametrize(
    ("text", "step"), [("", None), ("3ep", 120), ("600", 600), ("50%", 500), ("29%", 290), ("0.0001", 1)]
)
def test_a_part_stops_after_whole_steps_and_never_before_the_first(text: str, step: int | None) -> None:
    assert stop_step(text, total=1000, steps_per_epoch=40) == step


@pytest.mark.parametrize(("text", "plain"), [("last", "last"), (" Epochs ", "epochs"), ("3", "3"), ("007", "7")])
def test_states_are_kept_by_word_or_number(text: str, plain: str) -> None:
    assert check_states(text) == plain


@pytest.mark.parametrize("text", ["", "all", "0", "-1", "2.5", "٣", "12345678"])
def test_a_malformed_choice_of_states_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="last"):
        check_states(text)


@pytest.mark.parametrize("text", ["", "notify-send baked", "sh -c 'echo \"a b\" >> ~/log'"])
def test_a_command_may_be_blank_or_words(text: str) -> None:
    assert check_command(f" {text} ") == text


@pytest.mark.parametrize("text", ["say 'it", 'say "it', "say \\", "say \0", "''"])
def test_what_no_command_line_can_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a command"):
        check_command(text)

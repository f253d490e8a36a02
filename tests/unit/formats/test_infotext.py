"""Infotexts as the webui writes and reads them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.formats.infotext import Infotext, parse_infotext, write_infotext

A_WEBUIS = """masterpiece, (frills:1.2),
second line <lora:hifumi-000003:0.8>
Negative prompt: lowres, bad hands,
blurry
Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.0, Seed: 1, Size: 512x768, Model hash: 6ce0161689, Model: name, Clip skip: 2, RNG: CPU, Lora hashes: "a: 0123456789ab, b: ba9876543210", Version: v1.10.1"""

FIELDS = {"Steps": "20", "Sampler": "Euler a", "Seed": "1"}
KEYS = st.from_regex(r"\w[\w \-/]*\w", fullmatch=True).filter(lambda key: not key.startswith("Exact"))


def test_an_infotext_of_the_webui_is_read() -> None:
    info = parse_infotext(A_WEBUIS)
    assert info.prompt == "masterpiece, (frills:1.2),\nsecond line <lora:hifumi-000003:0.8>"
    assert info.negative_prompt == "lowres, bad hands,\nblurry"
    assert list(info.fields) == [
        *("Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Model hash", "Model", "Clip skip"),
        *("RNG", "Lora hashes", "Version"),
    ]
    assert info.fields["Size"] == "512x768"
    assert info.fields["Lora hashes"] == "a: 0123456789ab, b: ba9876543210"


def test_an_infotext_is_written_in_the_webuis_layout() -> None:
    assert write_infotext(parse_infotext(A_WEBUIS)) == A_WEBUIS


def test_without_negative_prompt_its_line_is_absent() -> None:
    assert write_infotext(Infotext("cat", "", FIELDS)) == "cat\nSteps: 20, Sampler: Euler a, Seed: 1"


def test_without_any_prompt_only_the_fields_are_left() -> None:
    assert write_infotext(Infotext("", "", FIELDS)) == "Steps: 20, Sampler: Euler a, Seed: 1"
    assert parse_infotext("Steps: 20, Sampler: Euler a, Seed: 1") == Infotext("", "", FIELDS)


@pytest.mark.parametrize("value", ["a, b", "a: b", "a\nb", 'say "a", b', '"a"', " a ", '"', "\\", '{"model": "ab"}'])
def test_a_value_with_signs_of_the_layout_is_quoted_and_comes_back(value: str) -> None:
    info = Infotext("cat", "", FIELDS | {"Odd": value, "Version": "1"})
    assert parse_infotext(write_infotext(info)) == info


def test_a_value_is_quoted_only_where_it_must_be() -> None:
    written = write_infotext(Infotext("cat", "", FIELDS | {"Script": "X/Y/Z plot", "X Values": "0-1 [5], 3"}))
    assert written.endswith('Script: X/Y/Z plot, X Values: "0-1 [5], 3"')


def test_a_last_line_of_two_pairs_belongs_to_the_prompt() -> None:
    assert parse_infotext("cat\nSteps: 20, Seed: 1") == Infotext("cat\nSteps: 20, Seed: 1", "", {})


def test_what_an_extension_writes_behind_the_fields_is_passed_over() -> None:
    info = parse_infotext("cat\nSteps: 20, Seed: 1, Size: 8x8\nTemplate: __animal__\nNegative Template: a: b")
    assert info == Infotext("cat", "", {"Steps": "20", "Seed": "1", "Size": "8x8"})


def test_fields_that_would_be_read_as_prompt_are_not_written() -> None:
    with pytest.raises(ValueError, match="3 fields"):
        write_infotext(Infotext("cat", "", {"Steps": "20", "Seed": "1"}))


@pytest.mark.parametrize(("key", "value"), [("a(b)", "1"), ("A", "1"), (" Odd", "1"), ("Odd:", "1"), ("Empty", "")])
def test_a_field_no_webui_reads_back_is_not_written(key: str, value: str) -> None:
    with pytest.raises(ValueError, match="not a valid field"):
        write_infotext(Infotext("cat", "", FIELDS | {key: value}))


def test_a_pair_without_value_is_skipped_and_hurts_no_other() -> None:
    assert parse_infotext("cat\nSteps: 20, Model: , Seed: 1").fields == {"Steps": "20", "Seed": "1"}


def test_text_that_is_not_a_pair_is_skipped() -> None:
    fields = parse_infotext('cat\nloose, a(b): 1, Steps: 20, "x", Seed: 1, CFG scale: 7, Odd: "open, Size: 8x8').fields
    assert fields == {"Steps": "20", "Seed": "1", "CFG scale": "7", "Odd": '"open', "Size": "8x8"}


@pytest.mark.parametrize(
    "prompt",
    [
        "Negative prompt: a cat",
        "cat\nNegative prompt: dog",
        "cat\n  Negative prompt: dog",
        "Steps: 1, Seed: 2, Size: 8x8",
        "  spaces at the ends  ",
        "lines \n with spaces\n\n",
        "\r\n",
    ],
)
def test_a_prompt_that_the_layout_would_change_comes_back_letter_by_letter(prompt: str) -> None:
    for info in (Infotext(prompt, "dog", FIELDS), Infotext("cat", prompt, FIELDS)):
        assert parse_infotext(write_infotext(info)) == info


def test_who_knows_only_the_layout_reads_a_guarded_prompt_as_the_encoder_does() -> None:
    written = write_infotext(Infotext("cat\nNegative prompt: dog", "owl", FIELDS))
    seen_by_others = parse_infotext(written.replace("Exact prompt", "Other words"))
    assert seen_by_others.prompt == "cat\nNegative  prompt: dog"
    assert seen_by_others.negative_prompt == "owl"


def test_an_edited_prompt_counts_more_than_the_exact_one_from_before() -> None:
    written = write_infotext(Infotext(" cat ", "", FIELDS))
    assert parse_infotext(written.replace("cat", "dog", 1)).prompt == "dog"


@given(st.text(), st.text(), st.dictionaries(KEYS, st.text(min_size=1), max_size=5))
def test_every_infotext_reads_back_as_it_was_written(prompt: str, negative: str, more: dict[str, str]) -> None:
    info = Infotext(prompt, negative, FIELDS | more)
    assert parse_infotext(write_infotext(info)) == info


def test_tables_and_lists_that_are_not_quoted_stay_whole() -> None:
    info = parse_infotext(
        'cat\nSteps: 8, Hashes: {"model": "ab, c", "lora:hat": "0123456789"}, Seed: 1, '
        'Civitai resources: [{"type": "lora", "weight": 0.5}, {"type": "x", "modelName": "a [b], c: d"}], Size: 8x8'
    )
    assert info.fields == {
        "Steps": "8",
        "Hashes": '{"model": "ab, c", "lora:hat": "0123456789"}',
        "Seed": "1",
        "Civitai resources": '[{"type": "lora", "weight": 0.5}, {"type": "x", "modelName": "a [b], c: d"}]',
        "Size": "8x8",
    }


def test_half_a_letter_in_a_quoted_value_can_be_written_on() -> None:
    info = parse_infotext('cat\nSteps: 8, Seed: 1, Size: 8x8, Model: "a\\ud800, b"')
    assert info.fields["Model"] == "a?, b"


def test_a_value_that_only_starts_like_a_list_is_read_as_before() -> None:
    fields = parse_infotext("cat\nSteps: 8, Odd: [a, b], Range: [1] x, Seed: 1, Size: 8x8").fields
    assert fields == {"Steps": "8", "Odd": "[a", "Range": "[1] x", "Seed": "1", "Size": "8x8"}


@given(st.text(alphabet='ab :,"\\\n-/(1x[]{}', max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    info = parse_infotext(text)
    assert all(info.fields.values())


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "a,",
        "a:",
        'ab: "',
        'ab: "\\',
        "ab: ",
        ", ",
        '"',
        "ab: 1, ",
        "\n",
        "ab: \t",
        "Negative prompt:\n",
        "ab: [",
        'ab: [{"a": ',
        "ab: [1] x",
        'ab: {"a": 1} x: ',
    ],
)
def test_a_long_hostile_text_takes_time_in_proportion(unit: str) -> None:
    short, long = (_seconds(unit * count) for count in (10_000, 100_000))
    # Ten times as long in ten times the time; in quadratic time it would be a hundred times.
    assert long < 30 * max(short, 0.003)


def _seconds(text: str) -> float:
    """Return the seconds of CPU time that reading takes at best."""
    took = []
    for _ in range(3):
        began = time.process_time()
        parse_infotext(text)
        took.append(time.process_time() - began)
    return min(took)

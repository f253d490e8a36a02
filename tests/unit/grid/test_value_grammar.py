"""The webui's value grammar, and where ours says more."""

import itertools
import re
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.errors import GridError
from trainer.grid.value_grammar import (
    MAX_VALUES,
    decimal_text,
    decimals,
    permutations_of,
    text_list,
    texts,
    whole_numbers,
)

# The ids number the rows of the grammar's acceptance table; letters part the inputs of one row.


@pytest.mark.parametrize(
    ("text", "values"),
    [
        pytest.param("1,2,3", (1, 2, 3), id="1"),
        pytest.param("1-5", (1, 2, 3, 4, 5), id="2"),
        pytest.param("1-10 (+3)", (1, 4, 7, 10), id="3"),
        pytest.param("10-1 (-3)", (10, 7, 4, 1), id="4"),
        pytest.param("1-10 [4]", (1, 4, 7, 10), id="6a"),
        pytest.param("1-10[4]", (1, 4, 7, 10), id="6b"),
        pytest.param("3-1 [3]", (3, 2, 1), id="8"),
        pytest.param("-1--1 [7]", (-1,) * 7, id="9"),
        pytest.param("-1, -1, -1", (-1,) * 3, id="10"),
        pytest.param("-1--1", (-1,), id="11"),
        pytest.param("-1--1 [4],1234", (-1, -1, -1, -1, 1234), id="12"),
        pytest.param("-3--1", (-3, -2, -1), id="13"),
        pytest.param("+1-3", (1, 2, 3), id="14a"),
        pytest.param("1 - 3", (1, 2, 3), id="14b"),
        pytest.param("1-3,7,10-12", (1, 2, 3, 7, 10, 11, 12), id="15"),
        pytest.param("1-4 (+5)", (1,), id="16"),
        pytest.param("1,,2", (1, 2), id="21"),
        pytest.param("1-10 ( +3 )", (1, 4, 7, 10), id="blanks inside"),
        pytest.param("0-10 [4]", (0, 3, 6, 10), id="cut to whole numbers"),
        pytest.param("1\n2-3", (1, 2, 3), id="lines"),
        pytest.param('"1","2"', (1, 2), id="quoted"),
    ],
)
def test_whole_numbers_are_expanded(text: str, values: tuple[int, ...]) -> None:
    assert whole_numbers(text, "X") == values


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("10-1", "`10-1` is an empty range; write `10-1 (-1)`", id="5"),
        pytest.param("0-1 [3]", "asks for 3 values, but only 2 of them differ", id="7"),
        pytest.param("1-10 (3)", "a step without a sign; write `1-10 (+3)`", id="17"),
        pytest.param("1-10 (+0)", "step 0", id="18"),
        pytest.param("1-10 [0]", "asks for 0 values", id="19"),
        pytest.param("1-10 [2.5]", "a count that is not a whole number", id="20a"),
        pytest.param("1.5", "neither a whole number nor a range", id="20b"),
        pytest.param("abc", "`abc` is neither a whole number", id="20c"),
        pytest.param("1e3", "`1e3` is neither", id="20d"),
        pytest.param("- 1 - 3", "neither", id="20e"),
        pytest.param("1-3 (+1) [2]", "neither", id="20f"),
        pytest.param("", "the axis has no values", id="22"),
        pytest.param(" , ,\n", "the axis has no values", id="22 of blanks"),
        pytest.param("10-1 (+3)", "write `10-1 (-3)`", id="a step the wrong way"),
        pytest.param("1-10 (+0.5)", "a step that is not a whole number", id="half a step"),
        pytest.param("1-9999999", "9,999,999 values; expected at most 2,000", id="too many"),
        pytest.param("1-5 [9999999]", "9,999,999 values", id="too large a count"),
        pytest.param("٣", "neither", id="other digits"),
        pytest.param("9" * 5000, "neither", id="a long number"),
    ],
)
def test_an_item_that_is_not_a_whole_number_is_refused(text: str, said: str) -> None:
    with pytest.raises(GridError, match=re.escape(said)) as refused:
        whole_numbers(text, "X Steps")
    assert refused.value.where == "X Steps"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        pytest.param("0-1.25 (+0.25)", "0 .25 .5 .75 1 1.25", id="23a"),
        pytest.param("0-1.25(+0.25)", "0 .25 .5 .75 1 1.25", id="23b"),
        pytest.param("0-1 [5]", "0 .25 .5 .75 1", id="24"),
        pytest.param("0-1", "0 1", id="25"),
        pytest.param("0.5-2", "0.5 1.5", id="26"),
        pytest.param("1-2 (+0.3)", "1 1.3 1.6 1.9", id="27"),
        pytest.param("0.7-1.0 (+0.1)", ".7 .8 .9 1", id="28"),
        pytest.param("0.1-0.3 (+0.1)", ".1 .2 .3", id="29"),
        pytest.param("1.0-1.5(+0.1)", "1 1.1 1.2 1.3 1.4 1.5", id="30"),
        pytest.param("0-1 (+0.1)", "0 .1 .2 .3 .4 .5 .6 .7 .8 .9 1", id="31"),
        pytest.param("1-0 (-0.25)", "1 .75 .5 .25 0", id="32"),
        pytest.param("-1-1 (+0.5)", "-1 -.5 0 .5 1", id="34"),
        pytest.param("-0.5-0.5 [3]", "-.5 0 .5", id="35"),
        pytest.param("0.5,1-2 (+0.5),4", ".5 1 1.5 2 4", id="36"),
        pytest.param("5-7.5 [3]", "5 6.25 7.5", id="37"),
        pytest.param("0-1 [1]", "0", id="38"),
        pytest.param("0-1 (+1.5)", "0", id="39"),
        pytest.param(".5-1", ".5", id="40a"),
        pytest.param("0-1 (+.25)", "0 .25 .5 .75 1", id="40b"),
        pytest.param("0 - 1 ( +0.5 )", "0 .5 1", id="40c"),
        pytest.param("0-1 [4]", "0 .33333333 .66666667 1", id="thirds"),
    ],
)
def test_decimals_are_exact_and_never_past_the_end(text: str, values: str) -> None:
    assert decimals(text, "Y") == tuple(Decimal(value) for value in values.split())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("1-0", "`1-0` is an empty range; write `1-0 (-1)`", id="33"),
        pytest.param("0-1 (0.25)", "a step without a sign; write `0-1 (+0.25)`", id="40d"),
        pytest.param("1e-1", "`1e-1` is neither", id="40e"),
        pytest.param("0-1 (+0)", "step 0", id="41"),
        pytest.param("1x5-2x5", "`1x5-2x5` is neither", id="42a"),
        pytest.param("0-1 [2x]", "a count that is not a whole number", id="42b"),
        pytest.param("0,5-1", "`5-1` is an empty range", id="43"),
        pytest.param("inf", "neither", id="44a"),
        pytest.param("nan", "neither", id="44b"),
    ],
)
def test_an_item_that_is_not_a_decimal_is_refused(text: str, said: str) -> None:
    with pytest.raises(GridError, match=re.escape(said)) as refused:
        decimals(text, "Y CFG scale")
    assert refused.value.where == "Y CFG scale"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        pytest.param(
            '"1girl, school uniform, classroom","1girl, bikini, beach","1girl, playboy bunny, casino"',
            ("1girl, school uniform, classroom", "1girl, bikini, beach", "1girl, playboy bunny, casino"),
            id="45",
        ),
        pytest.param('"1girl, a", "1girl, b"', ("1girl, a", "1girl, b"), id="46"),
        pytest.param('a, "b, c",d', ("a", "b, c", "d"), id="47"),
        pytest.param('"a""b",c', ('a"b', "c"), id="48"),
        pytest.param("'a, b',c", ("'a", "b'", "c"), id="49"),
        pytest.param('"halo, ",""', ("halo, ", ""), id="50"),
        pytest.param("a,", ("a", ""), id="51"),
        pytest.param("<lora:x-000001:1>,<lora:x-000002:1>", ("<lora:x-000001:1>", "<lora:x-000002:1>"), id="52"),
        pytest.param("a\nb", ("a", "b"), id="53a"),
        pytest.param('"a\nb",c', ("a\nb", "c"), id="53b"),
        pytest.param("1-3", ("1-3",), id="55"),
        pytest.param("\na\r\n\n  \nb\n", ("a", "b"), id="blank lines"),
        pytest.param('say "hi",b', ('say "hi"', "b"), id="a quote inside"),
        pytest.param('""', ("",), id="a blank on purpose"),
    ],
)
def test_texts_are_split_at_commas_and_lines(text: str, values: tuple[str, ...]) -> None:
    assert texts(text, "Z") == values


def test_54_a_quote_without_an_end_is_refused() -> None:
    with pytest.raises(GridError, match="Z Prompt: a quote is not closed") as refused:
        texts('a,"unterminated, b', "Z Prompt")
    assert "unterminated" in refused.value.found


@pytest.mark.parametrize("text", ["", "  ", "\n\n"])
def test_a_list_of_nothing_is_refused(text: str) -> None:
    with pytest.raises(GridError, match="the axis has no values"):
        texts(text, "Z")


def test_56_an_order_axis_has_every_order_by_place() -> None:
    orders = ["abc", "acb", "bac", "bca", "cab", "cba"]
    assert permutations_of("a,b,c", "Z") == tuple(tuple(order) for order in orders)


def test_seven_words_have_too_many_orders() -> None:
    with pytest.raises(GridError, match="5,040 values; expected at most 2,000"):
        permutations_of("a,b,c,d,e,f,g", "Z")


def test_a_control_character_in_a_value_is_shown_as_a_code() -> None:
    with pytest.raises(GridError, match=r"\\x1b") as refused:
        whole_numbers("\x1b[31m", "X")
    assert "\x1b" not in str(refused.value)


_DECIMAL = st.decimals(min_value=-100, max_value=100, places=3).map(lambda value: value + 0)
_STEP = st.decimals(min_value=Decimal("0.01"), max_value=50, places=2)


@given(_DECIMAL, _DECIMAL, _STEP)
def test_a_stepped_range_goes_exactly_and_ends_before_its_end(start: Decimal, end: Decimal, step: Decimal) -> None:
    sign = 1 if end >= start else -1
    count = int((Fraction(end) - Fraction(start)) / Fraction(sign * step)) + 1
    if count > MAX_VALUES:
        return
    values = decimals(f"{start:f}-{end:f} ({'+' if sign > 0 else '-'}{step:f})", "X")
    assert [Fraction(value) for value in values] == [
        Fraction(start) + index * sign * Fraction(step) for index in range(count)
    ]
    assert min(start, end) <= values[-1] <= max(start, end)


@given(_DECIMAL, _DECIMAL, st.integers(1, 40))
def test_a_count_gives_that_many_values_from_end_to_end_in_order(start: Decimal, end: Decimal, count: int) -> None:
    values = decimals(f"{start:f}-{end:f} [{count}]", "X")
    assert len(values) == count
    assert values[0] == start
    assert count == 1 or values[-1] == end
    assert list(values) == sorted(values, reverse=end < start)


@given(st.integers(-500, 500), st.integers(1, 900), st.integers(1, 50))
def test_whole_ranges_have_both_ends_within_them(start: int, width: int, step: int) -> None:
    up = whole_numbers(f"{start}-{start + width} (+{step})", "X")
    down = whole_numbers(f"{start + width}-{start} (-{step})", "X")
    assert list(up) == list(range(start, start + width + 1, step))
    assert list(down) == list(range(start + width, start - 1, -step))


@given(st.lists(_DECIMAL, min_size=1, max_size=30))
def test_numbers_keep_their_order_and_read_back_as_written(values: list[Decimal]) -> None:
    assert list(decimals(", ".join(decimal_text(value) for value in values), "X")) == values


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=10))
def test_a_list_of_texts_reads_back_whatever_they_hold(values: list[str]) -> None:
    assert texts(text_list(values), "X") == tuple(values)


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=5, unique=True))
def test_orders_are_all_different_and_complete(words: list[str]) -> None:
    orders = permutations_of(text_list(words), "X")
    assert set(orders) == set(itertools.permutations(words))
    assert orders[0] == tuple(words)


@pytest.mark.parametrize(
    ("value", "text"), [("70", "70"), ("0.50", "0.5"), ("-0.0", "0"), ("1E+1", "10"), ("-.25", "-0.25")]
)
def test_a_decimal_is_written_as_people_write_it(value: str, text: str) -> None:
    assert decimal_text(Decimal(value)) == text

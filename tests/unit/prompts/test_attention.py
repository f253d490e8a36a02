"""Attention weights and what is refused in a prompt."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.errors import GridError
from trainer.prompts.attention import (
    MAX_CHARACTERS,
    MAX_DEPTH,
    Break,
    PromptPiece,
    check,
    escaped,
    escaped_once,
    parse,
    unescaped,
)

BREAK = Break()


def weights_of(text: str) -> list[tuple[str, float]]:
    """Return words and weights of a prompt without a break."""
    return [(piece.text, piece.weight) for piece in parse(text) if isinstance(piece, PromptPiece)]


def test_the_webuis_own_example() -> None:
    found = weights_of("a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).")
    assert [text for text, _ in found] == ["a ", "house", " ", "on", " a ", "hill", ", sun, ", "sky", "."]
    assert [weight for _, weight in found] == pytest.approx([1, 1.573, 1.1, 1.0, 1.1, 0.55, 1.1, 1.4641, 1.1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("()[]", []),
        ("1girl, smile", [("1girl, smile", 1)]),
        ("(a)", [("a", 1.1)]),
        ("[a]", [("a", 1 / 1.1)]),
        ("(a:1.3)", [("a", 1.3)]),
        ("(a: +1.3 )", [("a", 1.3)]),
        ("(a:.5)", [("a", 0.5)]),
        ("(a:2.)", [("a", 2)]),
        ("(a:-1)", [("a", -1)]),
        ("(a:0)b", [("a", 0), ("b", 1)]),
        ("((a))", [("a", 1.21)]),
        ("((a:1.5):2)", [("a", 3)]),
        ("[(a:1.2)]", [("a", 1.2 / 1.1)]),
        ("(a [b] c)", [("a ", 1.1), ("b", 1), (" c", 1.1)]),
        ("(unbalanced", [("unbalanced", 1.1)]),
        ("a [b (c", [("a ", 1), ("b ", 1 / 1.1), ("c", 1)]),
        ("a) b] c", [("a) b] c", 1)]),
        ("a:1.2) b", [("a:1.2) b", 1)]),
        ("(16:9:1.2)", [("16:9", 1.2)]),
        ("(re:zero)", [("re:zero", 1.1)]),
        ("[a:b]", [("a:b", 1 / 1.1)]),
        ("(unnecessary)(brackets)", [("unnecessarybrackets", 1.1)]),
    ],
)
def test_words_count_as_in_the_webui(text: str, expected: list[tuple[str, float]]) -> None:
    found = weights_of(text)
    assert [words for words, _ in found] == [words for words, _ in expected]
    assert [weight for _, weight in found] == pytest.approx([weight for _, weight in expected])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\(literal\]", "(literal]"),
        (r"aqua \(konosuba\)", "aqua (konosuba)"),
        (r"a\\b", r"a\b"),
        (r"\[a\|b\]", "[a|b]"),
        (r"a\b", "ab"),
    ],
)
def test_a_backslash_makes_a_bracket_a_letter(text: str, expected: str) -> None:
    assert parse(text) == (PromptPiece(expected, 1.0),)


def test_an_escaped_bracket_within_brackets_closes_nothing() -> None:
    assert parse(r"(a \(b\):1.5)") == (PromptPiece("a (b)", 1.5),)


def test_break_is_a_word_of_its_own_and_takes_the_space_around_it() -> None:
    assert parse("red BREAK\nblue") == (PromptPiece("red", 1.0), BREAK, PromptPiece("blue", 1.0))


def test_a_break_within_brackets_is_one_too() -> None:
    assert parse("(red BREAK blue:1.5)") == (PromptPiece("red", 1.5), BREAK, PromptPiece("blue", 1.5))


@pytest.mark.parametrize("text", ["BREAKFAST", "break", "xBREAK", "BREAK_DANCE"])
def test_break_is_a_word_of_its_own_in_capitals(text: str) -> None:
    assert parse(text) == (PromptPiece(text, 1.0),)


def test_breaks_in_a_row_are_counted() -> None:
    assert parse("BREAK BREAK a") == (BREAK, BREAK, PromptPiece("a", 1.0))


def test_comments_are_left_out() -> None:
    assert parse("# (my notes\n1girl, # [smile:2]\nred") == (PromptPiece("1girl, \nred", 1.0),)


@pytest.mark.parametrize(
    "text", ["[cat:dog:0.5]", "[cat::10]", "[:cat:3]", "[cat:0.5]", "x [(a:1.2) b: 5 ] y", "([a:b:.5])"]
)
def test_a_prompt_that_changes_between_steps_is_refused(text: str) -> None:
    with pytest.raises(GridError, match=r"^prompt: \[.*changes the prompt between steps.*\\\[ and \\\]"):
        check(text, "prompt")


@pytest.mark.parametrize("text", ["[cat|dog]", "[cat|]", "[(a:1.2)|b|c]", "(1girl, [red|blue] dress:1.2)"])
def test_a_prompt_that_takes_turns_is_refused(text: str) -> None:
    with pytest.raises(GridError, match=r"^prompt: \[.*alternates from step to step.*one prompt for all steps"):
        check(text, "prompt")


def test_a_composed_prompt_is_refused() -> None:
    with pytest.raises(
        GridError, match=r"negative prompt: AND, which composes pictures, in .*cat AND dog.*write `and` for the word"
    ):
        check("a cat AND dog :1.2", "negative prompt")


@pytest.mark.parametrize("text", ["(a:1.2.3)", "(a:.)", "(a:+.)", "(a:1..2 )"])
def test_a_weight_that_is_not_a_number_is_refused(text: str) -> None:
    with pytest.raises(GridError, match=r"prompt: weight .*expected a number, as in \(a:1.2\)"):
        check(text, "prompt")


def test_a_weight_beyond_all_numbers_is_refused() -> None:
    with pytest.raises(GridError, match="prompt: weight inf of huge"):
        check(f"(huge:{'9' * 400})", "prompt")


def test_brackets_without_end_are_refused() -> None:
    check("(" * MAX_DEPTH, "prompt")
    with pytest.raises(GridError, match="prompt: brackets nested too deeply; expected at most 100"):
        check("(" * (MAX_DEPTH + 1), "prompt")


def test_a_prompt_without_end_is_refused() -> None:
    check("a" * MAX_CHARACTERS, "prompt")
    with pytest.raises(GridError, match="prompt: 20,001 characters; expected at most 20,000"):
        check("a" * (MAX_CHARACTERS + 1), "prompt")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
        "a|b",
        "(a|b)",
        "[a:b]",
        r"\[a:b:0.5\]",
        r"[\[a|b\]",
        r"[a\|b]",
        "[a:b:0.5",
        "sand, and, ANDY",
        "[(a:1.2)]",
        "(re:zero:1.1)",
        "# [a|b] AND c\nplain",
    ],
)
def test_what_means_the_same_in_each_step_passes(text: str) -> None:
    check(text, "prompt")


def test_errors_about_a_prompt_carry_no_terminal_codes() -> None:
    with pytest.raises(GridError) as refused:
        check("[\x1b[31mred\n:0.5]", "prompt")
    assert "\x1b" not in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("sign", ["9", " ", ":", "(a)", "[a:", "\\", "BREAK ", ":1 ", "#"])
def test_a_prompt_of_one_sign_over_and_over_is_read_at_once(sign: str) -> None:
    """What would be tried in every way to cut it takes minutes at this length and runs into the test's time limit."""
    try:
        check(f"(:{sign * (MAX_CHARACTERS // len(sign) - 2)}", "prompt")
    except GridError as error:
        assert "too deep" in str(error)


@given(st.text(alphabet=st.sampled_from("ab ()[]\\:1.2#\n,|BREAK"), max_size=60))
def test_neighbours_of_one_weight_are_one_piece_and_none_is_empty(text: str) -> None:
    pieces = parse(text)
    for piece, following in pairwise(pieces):
        if isinstance(piece, PromptPiece) and isinstance(following, PromptPiece):
            assert piece.weight != following.weight
    assert all(piece.text for piece in pieces if isinstance(piece, PromptPiece))


@given(
    st.text(alphabet=st.characters(exclude_characters="#", exclude_categories=["Cs"]), max_size=60),
    st.integers(-300, 300),
)
def test_an_escaped_text_is_itself_at_the_weight_around_it(text: str, hundredths: int) -> None:
    if "BREAK" in text:
        return
    expected = (PromptPiece(text, hundredths / 100),) if text else ()
    assert parse(f"({escaped(text)}:{hundredths / 100:.2f})") == expected


@given(st.text("ab()[]\\\\: .1", max_size=30))
def test_an_escaped_text_reaches_the_encoder_letter_by_letter(text: str) -> None:
    assert "".join(piece.text for piece in parse(escaped(text)) if isinstance(piece, PromptPiece)) == text
    assert all(piece.weight == 1 for piece in parse(escaped(text)) if isinstance(piece, PromptPiece))
    assert unescaped(escaped(text)) == text


def test_what_is_escaped_already_stays() -> None:
    assert escaped_once(r"a \(b\)") == escaped_once("a (b)") == r"a \(b\)"
    assert escaped_once("a") == "a"

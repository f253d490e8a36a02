"""Chunks of a prompt, cut by the webui's rule."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.prompts.attention import Break, PromptPiece, parse
from trainer.prompts.chunks import CHUNK, Chunk, chunk

COMMA = 0


def words(text: str) -> list[int]:
    """Return a token for each word: its number, COMMA for a comma."""
    return [COMMA if word == "," else int(word) for word in text.split()]


def row(count: int, start: int = 1) -> str:
    """Return so many words, counted up."""
    return " ".join(str(number) for number in range(start, start + count))


def lengths_of(text: str) -> list[int]:
    return [len(one.tokens) for one in chunk(parse(text), words, COMMA)]


def test_no_words_are_one_empty_chunk() -> None:
    assert chunk((), words, COMMA) == (Chunk(),)


def test_each_token_has_the_weight_of_its_piece() -> None:
    assert chunk(parse("7 (8 9:1.5) 10"), words, COMMA) == (Chunk((7, 8, 9, 10), (1, 1.5, 1.5, 1)),)


@pytest.mark.parametrize(
    ("count", "lengths"), [(74, [74]), (75, [75]), (76, [75, 1]), (150, [75, 75]), (151, [75, 75, 1])]
)
def test_words_without_a_comma_are_cut_at_75(count: int, lengths: list[int]) -> None:
    assert lengths_of(row(count)) == lengths


@pytest.mark.parametrize(
    ("before", "lengths"),
    [
        (54, [75, 25]),  # the comma is the 55th token, 20 tokens follow it
        (55, [56, 44]),  # the 56th, 19 follow: cut behind it
        (73, [74, 26]),
        (74, [75, 25]),  # the comma fills the chunk
        (75, [75, 25]),  # the comma comes too late and opens the next chunk
    ],
)
def test_a_full_chunk_is_cut_behind_a_comma_among_its_last_20(before: int, lengths: list[int]) -> None:
    text = f"{row(before)} , {row(99 - before, start=before + 1)}"
    assert lengths_of(text) == lengths


def test_the_last_comma_counts() -> None:
    assert lengths_of(f"{row(60)} , {row(5)} , {row(20)}") == [67, 20]


def test_a_comma_that_opens_a_chunk_does_not_tear_the_words_before_it() -> None:
    assert lengths_of(f"{row(60)} , {row(14)} , {row(3)}") == [75, 4]


def test_a_comma_is_good_for_one_cut_only() -> None:
    assert lengths_of(f"{row(70)} , {row(90)}") == [71, 75, 15]


def test_words_keep_their_weights_when_they_move_to_the_next_chunk() -> None:
    first, second = chunk(parse(f"{row(70)} , ({row(6, start=80)}:1.5)"), words, COMMA)
    assert (len(first.tokens), first.weights) == (71, (1.0,) * 71)
    assert second == Chunk((80, 81, 82, 83, 84, 85), (1.5,) * 6)


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("1 BREAK 2", [1, 1]),
        ("1 BREAK", [1]),
        ("BREAK 1", [0, 1]),
        ("1 BREAK BREAK 2", [1, 0, 1]),
        (f"{row(75)} BREAK 2", [75, 1]),
        ("BREAK", [0]),
    ],
)
def test_a_break_ends_the_chunk_as_it_is(text: str, lengths: list[int]) -> None:
    assert lengths_of(text) == lengths


_pieces = st.lists(
    st.one_of(
        st.builds(
            PromptPiece,
            st.lists(st.sampled_from([",", "1", "2"]), min_size=1, max_size=120).map(" ".join),
            st.sampled_from([0.5, 1.0, 1.5]),
        ),
        st.just(Break()),
    ),
    max_size=6,
)


@given(_pieces)
def test_no_token_is_lost_or_moved_and_no_chunk_is_too_long(pieces: list[PromptPiece | Break]) -> None:
    chunks = chunk(pieces, words, COMMA)
    there = [pair for one in chunks for pair in zip(one.tokens, one.weights, strict=True)]
    asked = [(token, piece.weight) for piece in pieces if isinstance(piece, PromptPiece) for token in words(piece.text)]
    assert there == asked
    assert all(len(one.tokens) <= CHUNK for one in chunks)


@given(_pieces)
def test_a_chunk_ends_where_a_break_stood(pieces: list[PromptPiece | Break]) -> None:
    ends = {0, *accumulate(len(one.tokens) for one in chunk(pieces, words, COMMA))}
    counts = accumulate(0 if isinstance(piece, Break) else len(words(piece.text)) for piece in pieces)
    for piece, count in zip(pieces, counts, strict=True):
        assert not isinstance(piece, Break) or count in ends

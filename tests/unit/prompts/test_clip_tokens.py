"""CLIP's tokens: the numbers of other programs on the same texts."""

import string
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from library_tokenizer import library_tokenizer
from mixed_texts import TEXTS, mixed_texts

from trainer.prompts.clip_tokens import (
    CLIP_TOKENS,
    END,
    START,
    BytePairTokenizer,
    byte_letters,
    clip_tokenizer,
    clip_tokens,
    clip_vocabulary,
    fixed,
    needs_fixing,
)

# The numbers of open-clip-torch 3.3.0 without ftfy, of texts that ftfy leaves alone.
CLIPS = [
    ("a photo of a cat", [320, 1125, 539, 320, 2368]),
    ("", []),
    (
        "1girl, solo, blonde hair, twintails, halo, white shirt, blue_skirt, looking at viewer",
        [
            272,
            1611,
            267,
            5797,
            267,
            10711,
            2225,
            267,
            9342,
            16066,
            267,
            11918,
            267,
            1579,
            2523,
            267,
            1746,
            318,
            12386,
            267,
            1312,
            536,
            15061,
        ],
    ),
    (
        "It's HER 3rd day; they've won't, I'm sure you'd've",
        [585, 568, 899, 274, 1973, 575, 282, 889, 1200, 1749, 713, 267, 328, 880, 1650, 592, 1896, 1200],
    ),
    (
        "hifumi_chan (blue archive), ^_^, :d, >_<",
        [677, 665, 2251, 318, 6704, 263, 1746, 10548, 2361, 14423, 61, 267, 281, 323, 267, 44144, 283],
    ),
    (
        "masterpiece, best quality, (smile:1.2), [hat], {bow|ribbon}",
        [12066, 267, 949, 3027, 267, 263, 3490, 281, 272, 269, 273, 2361, 314, 3801, 34067, 346, 4040, 347, 12114, 348],
    ),
    (
        "日本語 と かな, 初音ミク",
        [39121, 44353, 34002, 508, 4813, 357, 4813, 36218, 359, 267, 42748, 251, 165, 253, 111, 2429, 253, 3909, 363],
    ),
    (
        "naïve café Ångström ½ ²³",
        [1097, 35689, 563, 15304, 23176, 10352, 807, 7255, 332, 33613, 41175, 126, 367],
    ),
    ("emoji 🎀👩‍👩‍👧 ok!", [16327, 34347, 26304, 26304, 964, 356, 2481, 256]),
    ("!!! wow! ?!... -- ___ \\(^o^)/", [995, 2781, 256, 9785, 678, 2432, 13530, 59, 7, 317, 334, 61, 26616]),
    ("tabs\tand\nlines  and   spaces ", [29163, 537, 3418, 537, 9006]),
    (
        "supercalifragilisticexpialidocious antidisestablishmentarianism",
        [1642, 2857, 13093, 2076, 5868, 26850, 835, 639, 38466, 3120, 4262, 7726, 12658, 1585, 44351],
    ),
    (
        "2023-07-01 12:34:56 100% #1 @me $5 &c",
        [
            273,
            271,
            273,
            274,
            268,
            271,
            278,
            268,
            271,
            272,
            272,
            273,
            281,
            274,
            275,
            281,
            276,
            277,
            272,
            271,
            271,
            260,
            258,
            272,
            287,
            614,
            259,
            276,
            261,
            322,
        ],
    ),
    (
        "한국어 العربية עברית русский Ελληνικά",
        [
            15197,
            250,
            31871,
            255,
            31625,
            368,
            12973,
            18843,
            10948,
            16378,
            12046,
            20915,
            147,
            95,
            147,
            239,
            147,
            101,
            147,
            247,
            147,
            359,
            16370,
            39729,
            23669,
            23669,
            27152,
            29503,
            373,
            138,
            113,
            138,
            119,
            138,
            119,
            138,
            115,
            138,
            121,
            138,
            117,
            138,
            118,
            138,
            361,
        ],
    ),
]


def ids_of_transformers() -> list[list[int]]:
    """Return the ids of the mixed texts in transformers 4.54.1 with ftfy 6.3.1.

    clip_ids.npz was made once in an environment of Python 3.11 with these two and tokenizers: the vocabulary here written as
    vocab.json and merges.txt (with a heading), `CLIPTokenizer(vocab.json, merges.txt)` of transformers 4.54.1, which is the one
    in Python, `tokenizer(text, add_special_tokens=False)["input_ids"]` of each text, and
    `np.savez_compressed(ids=..., ends=...)`: all ids in a row as uint16, and where each text ends as uint32.
    """
    with np.load(Path(__file__).with_name("clip_ids.npz"), allow_pickle=False) as stored:
        rows = np.split(stored["ids"], stored["ends"][:-1])
    return [row.tolist() for row in rows]


def test_two_thousand_mixed_texts_have_the_ids_of_transformers_with_ftfy() -> None:
    texts, expected = mixed_texts(), ids_of_transformers()
    assert len(texts) == len(expected) == TEXTS
    wrong = [text for text, ids in zip(texts, expected, strict=True) if clip_tokens(text) != ids]
    assert wrong == []


@pytest.mark.parametrize(("text", "tokens"), CLIPS)
def test_a_text_has_clips_tokens(text: str, tokens: list[int]) -> None:
    assert clip_tokens(text) == tokens


@cache
def library() -> Any:
    return library_tokenizer()


PLAIN = string.ascii_letters + string.digits + " ,.:;!?'_-()[]{}|<>/+*^~#@$%="


@given(st.text(PLAIN, max_size=60))
def test_plain_texts_have_the_tokens_of_the_library_without_ftfy(text: str) -> None:
    assert clip_tokens(text) == library()(text, add_special_tokens=False).input_ids


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("it’s “fine”", 'it\'s "fine"'),
        ("salt &amp; pepper, caf&eacute;", "salt & pepper, café"),
        ("ＨＩＦＵＭＩ　ｃｈａｎ！", "hifumi chan!"),
        ("a ﬁne oﬃce", "a fine office"),
        ("sch\u00c3\u00b6n", "schön"),
        ("cafe\u0301", "café"),
        ("red\u00a0\u2003hat\x07", "red hat"),
    ],
)
def test_signs_of_other_programs_are_read_as_the_plain_ones(written: str, plain: str) -> None:
    assert clip_tokens(written) == clip_tokens(plain)
    assert needs_fixing(written)
    assert not needs_fixing(plain)


def test_entities_stay_where_the_text_has_markup() -> None:
    assert fixed("a &lt; b") == "a < b"
    assert fixed("<i> &lt; b") == "<i> &lt; b"


def test_the_two_around_a_text_are_tokens_in_it_too() -> None:
    start, end = clip_tokenizer().start, clip_tokenizer().end
    assert (start, end) == (49406, 49407)
    assert clip_tokens(f"a{END} B{START}") == [320, end, 321, start]


def test_it_has_clips_vocabulary_and_no_token_more() -> None:
    numbers, merges = clip_vocabulary()
    assert len(numbers) == CLIP_TOKENS == 49408
    assert len(merges) == 48894
    assert clip_tokenizer().comma == 267


def merged_in_turns(word: str) -> list[str]:
    """Return a word's tokens by the rule in its plainest form: in each turn the pair of lowest rank, wherever it stands."""
    ranks = {pair: rank for rank, pair in enumerate(clip_vocabulary()[1])}
    parts = [byte_letters()[byte] for byte in word.encode()]
    parts[-1] += "</w>"
    while known := [pair for pair in pairwise(parts) if pair in ranks]:
        best = min(known, key=lambda pair: ranks[pair])
        place, out = 0, []
        while place < len(parts):
            both = tuple(parts[place : place + 2]) == best
            out.append("".join(best) if both else parts[place])
            place += 2 if both else 1
        parts = out
    return parts


@given(st.text("abcdeoi", min_size=1, max_size=40))
def test_a_word_is_merged_by_rank(word: str) -> None:
    numbers = clip_vocabulary()[0]
    assert clip_tokens(word) == [numbers[part] for part in merged_in_turns(word)]


def test_added_texts_are_one_token_each() -> None:
    numbers, merges = clip_vocabulary()
    tokenizer = BytePairTokenizer(numbers, merges, {"<my-style>": 50000, "<my-style>_1": 50001})
    assert tokenizer.tokens("a <my-style>_1, <my-style>") == [320, 50001, 267, 50000]


PIECES = [
    ", ",
    ",",
    " ",
    "a_b",
    "1girl",
    "it's",
    "'s",
    "(x:1.2)",
    "!",
    "<|endoftext|>",
    "<|",
    "é",
    "&amp;",
    "\t",
    "Hat",
    "  ",
    "9",
    "-",
]


@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_tags_that_are_read_one_by_one_have_the_numbers_of_the_whole_text(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert clip_tokens(text) == clip_tokenizer()._tokens_in(text)


def test_a_token_of_its_own_across_tags_is_still_found() -> None:
    vocabulary, merges = clip_vocabulary()
    tokenizer = BytePairTokenizer(vocabulary, merges, {"a, b": 7})
    assert tokenizer.tokens("x, a, b, y") == [*tokenizer.tokens("x, "), 7, *tokenizer.tokens(", y")]

"""Captions that are longer than what is read of them."""

from pathlib import Path

import pytest

from trainer.dataset.cut_captions import CutCaption, cut_captions
from trainer.dataset.exposures import TagExposure, tag_exposures
from trainer.dataset.records import CaptionRules, DataSet, Picture
from trainer.prompts.clip_tokens import clip_tokens

PLAIN, SHUFFLE = CaptionRules(), CaptionRules(shuffle=True)


def words(text: str) -> list[str]:
    """Return a token for each word and each comma."""
    return text.replace(",", " , ").split()


def data_of(*captions: str, rules: CaptionRules = PLAIN) -> DataSet:
    pictures = tuple(
        Picture(Path(f"{number}.png"), "2_x", 2, 64, 64, caption, Path(f"{number}.txt"), caption_rules=rules)
        for number, caption in enumerate(captions)
    )
    return DataSet(Path(), (), pictures, ())


def cut(caption: str, limit: int, rules: CaptionRules = PLAIN) -> CutCaption:
    [found] = cut_captions(data_of(caption, rules=rules), words, limit)
    return found


def test_a_caption_within_the_limit_is_not_cut() -> None:
    assert cut_captions(data_of("red hat, sea", "", "a"), words, 4) == ()


def test_the_tags_that_end_behind_the_limit_are_lost() -> None:
    assert cut("red hat, blue sea, sun", 6) == CutCaption(0, 7, False, {"sun": 0.0})
    # A tag of which a word is missing is not read.
    assert cut("red hat, blue sea, sun", 4).read == {"blue sea": 0.0, "sun": 0.0}


def test_a_tag_that_stands_within_the_limit_too_is_read() -> None:
    assert cut("sun, blue sea, sun", 3).read == {"blue sea": 0.0}


def test_a_sentence_is_one_tag() -> None:
    assert cut("a knight stands in the rain", 3).read == {"a knight stands in the rain": 0.0}


def test_prefix_suffix_and_separators_count() -> None:
    rules = CaptionRules(prefix="best,", suffix=", end", secondary_separator=";")
    assert cut("red;hat, sea", 5, rules).read == {"sea": 0.0, "end": 0.0}


def test_of_shuffled_tags_each_is_read_a_share_of_the_times() -> None:
    found = cut("a, b, c, d", 3, SHUFFLE)
    assert (found.tokens, found.shuffled) == (7, True)
    assert found.read == dict.fromkeys("abcd", 0.5)


def test_kept_tags_are_read_in_every_order() -> None:
    found = cut("hero, a, b, c", 3, CaptionRules(shuffle=True, keep_tokens=1))
    assert found.read == pytest.approx(dict.fromkeys("abc", 1 / 3))


def test_of_many_shuffled_tags_a_part_of_the_orders_is_looked_at() -> None:
    found = cut(", ".join(f"t{number}" for number in range(200)), 99, SHUFFLE)
    assert sum(found.read.values()) == pytest.approx(50, rel=0.05)


def test_with_wildcards_every_line_is_measured() -> None:
    rules = CaptionRules(wildcards=True)
    [found] = cut_captions(data_of("a, b\na, {c|d}, e", rules=rules), words, 3)
    assert (found.tokens, found.read) == (5, {"e": 0.0})


def test_only_the_first_line_is_measured_without_wildcards() -> None:
    assert cut_captions(data_of("a\nb, c, d"), words, 3) == ()


def test_exposures_count_what_is_read() -> None:
    data = data_of("hat, sea, sun", "sun")
    assert tag_exposures(data, 3, cut_captions(data, words, 3)) == [
        TagExposure("sun", 2, 6, 6),
        TagExposure("hat", 1, 6),
        TagExposure("sea", 1, 6),
    ]


def test_what_is_read_is_what_the_tokenizer_leaves() -> None:
    caption = ", ".join(f"tag number {number}" for number in range(40))
    found = cut_captions(data_of(caption), clip_tokens, 75)[0]
    read = caption[: caption.index(next(iter(found.read)))].rstrip(", ")
    assert found.tokens == len(clip_tokens(caption))
    assert len(clip_tokens(read)) <= 75 < len(clip_tokens(f"{read}, {next(iter(found.read))}"))

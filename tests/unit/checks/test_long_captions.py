"""What a plan says of captions that are longer than a base reads."""

from dataclasses import replace
from typing import Any

from planned import SQUARE, data_of, plan, warnings

from trainer.dataset.records import DataSet
from trainer.prompts.clip_tokens import clip_tokens

FOUR = data_of(("5_x", 5, [SQUARE] * 4), captioned=4)
LONG = ", ".join(["knight"] * 40 + ["castle", "moat"])


def with_captions(*captions: str) -> DataSet:
    pictures = tuple(replace(each, caption=text) for each, text in zip(FOUR.pictures, captions, strict=True))
    return replace(FOUR, pictures=pictures)


def said(*captions: str, **values: Any) -> str:
    lines = [line for line in warnings(with_captions(*captions), tokens=clip_tokens, **values) if "longer than" in line]
    return "\n".join(lines)


def test_short_captions_are_not_mentioned() -> None:
    assert said("a", "b", "c", LONG[:150]) == ""


def test_file_tags_and_share_are_named_with_the_way_out() -> None:
    assert said("a", LONG, "b", "c") == (
        "1 of 4 captions (25%) is longer than 75 tokens, and the rest is not read: "
        "2 tags from `castle` to `moat` in 1.txt (84 tokens); max_token_length 150 reads everything"
    )


def test_the_longest_come_first_and_many_are_not_all_named() -> None:
    captions = [", ".join([LONG] + ["tree"] * number) for number in range(4)]
    line = said(*captions)
    assert line.startswith("4 of 4 captions (100%) are longer than 75 tokens")
    assert line.index("in 3.txt (90 tokens)") < line.index("in 2.txt") < line.index("in 1.txt")
    assert "0.txt" not in line and ", …;" in line


def test_a_larger_limit_that_is_still_too_small_says_so() -> None:
    line = said("a", "b", "c", ", ".join([LONG] * 4))
    assert line.endswith("max_token_length 225 reads more; shorten the rest")
    assert said("a", "b", "c", ", ".join([LONG] * 4), max_token_length="225").endswith("; shorten what is longer")
    assert said("a", "b", "c", LONG, max_token_length="150") == ""


def test_tags_that_were_read_before_are_not_lost() -> None:
    line = said("a", "b", "c", ", ".join(["knight, moat"] * 40))
    assert "is not read: tags that stand there twice in 3.txt (" in line


def test_shuffled_tags_are_others_each_time() -> None:
    line = said(
        "a", "b", "c", ", ".join(f"tree {number}" for number in "abcdefghijklmnopqrstuvwxyz"), shuffle_caption=True
    )
    assert "about 1 tag in 3.txt (77 tokens), others each time as shuffle_caption mixes them" in line


def test_a_base_that_cuts_no_captions_has_nothing_to_say() -> None:
    assert plan(with_captions(LONG, LONG, LONG, LONG)).cut == ()

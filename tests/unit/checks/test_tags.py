"""Tags of a single caption, and tags that are nearly a commoner one."""

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from planned import SQUARE, data_of, findings

from trainer.dataset.records import DataSet


def captioned(captions: Sequence[str]) -> DataSet:
    data = data_of(("2_x", 2, [SQUARE] * len(captions)), captioned=len(captions))
    pictures = [replace(each, caption=text) for each, text in zip(data.pictures, captions, strict=True)]
    return replace(data, pictures=tuple(pictures))


def found(captions: Sequence[str], check: str) -> list[str]:
    return [case for finding in findings(captioned(captions)) if finding.check == check for case in finding.cases]


def alike(rare: str, common: str) -> bool:
    return bool(found([common, common, common, rare], "tag-alike"))


@pytest.mark.parametrize(
    ("rare", "common"),
    [
        ("schol uniform", "school uniform"),
        ("twintials", "twintails"),
        ("haol", "halo"),
        ("long_hair", "long hair"),
        ("Long Hair", "long hair"),
        ("t shirt", "t-shirt"),
        (r"knight \(order\)", "knight (order)"),
        ("smiles", "smile"),
        ("gloves", "glovess"),
        ("backpakc", "backpack"),
        ("red ribben", "red ribbon"),
    ],
)
def test_a_slip_or_another_spelling_is_found(rare: str, common: str) -> None:
    assert alike(rare, common)


@pytest.mark.parametrize(
    ("rare", "common"),
    [
        ("white skirt", "white shirt"),
        ("bow", "box"),
        ("1girl", "2girls"),
        ("light", "night"),
        ("red eyes", "blue eyes"),
        ("hat", "long hat"),
        ("version 12", "version 13"),
    ],
)
def test_another_word_is_not(rare: str, common: str) -> None:
    assert not alike(rare, common)


def test_of_two_spellings_in_equal_numbers_only_the_same_words_are_one() -> None:
    assert found(["smile", "smiles", "smile", "smiles"], "tag-alike") == []
    assert found(["school_bag", "school bag", "school_bag", "school bag"], "tag-alike") != []


def test_a_tag_of_a_single_caption_is_found_once_and_a_slip_is_not_found_twice() -> None:
    captions = ["castle, moat", "castle", "castle", "casttle"]
    assert found(captions, "tag-once") == ["moat"]
    assert found(captions, "tag-alike") == ["`casttle` (1) and `castle` (3)"]


def test_sentences_and_a_handful_of_captions_have_no_rare_tags() -> None:
    assert found(["a knight stands before the castle gate"] + ["castle"] * 3, "tag-once") == []
    assert found(["castle", "moat", "tower"], "tag-once") == []


def test_the_time_grows_with_the_number_of_tags_and_not_with_its_square() -> None:
    def seconds(count: int) -> float:
        letters = [chr(0x4E00 + number) for number in range(count)]
        start = time.process_time()
        # One letter apart, every one of them from every other one.
        found([", ".join(f"castle{letter}s" for letter in letters), "x", "x", "x"], "tag-alike")
        return time.process_time() - start

    # The least of three: on a shared computer a single one may take ten times as long.
    assert min(seconds(2000) for _ in range(3)) < 25 * max(0.01, seconds(250))

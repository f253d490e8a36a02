"""Pictures and buckets in words."""

from dataclasses import replace
from pathlib import Path

from lora_tui.wording.dataset import (
    bucket_words,
    buckets_heading,
    crop_text,
    exposures_text,
    facts_of,
    pair_words,
    picture_sign,
    state_text,
)
from lora_tui.wording.state_symbols import FAILED, HELD_OUT, LEFT_OUT, WARNING
from trainer.data_index.record import BucketBar, IndexedPicture, RowFault

PICTURE = IndexedPicture(
    id=1,
    path=Path("/data/3_school/a.png"),
    name="3_school/a.png",
    folder="3_school",
    folder_path=Path("/data/3_school"),
    use="training",
    repeats=3,
    width=768,
    height=512,
    bytes=2048,
    caption="a, b",
    caption_file=Path("/data/3_school/a.txt"),
    caption_place=Path("/data/3_school/a.txt"),
    tags=("a", "b"),
    tokens=80,
    mask=None,
    excluded=False,
    bucket=(640, 448),
    resized=(672, 448),
    crop=(16, 0),
)


def test_what_is_cut_off_and_how_often_it_is_shown() -> None:
    assert crop_text(PICTURE) == "768×512 → 640×448, 5% of the width cut off"
    assert crop_text(replace(PICTURE, resized=(640, 448))) == "768×512 → 640×448"
    assert crop_text(replace(PICTURE, width=0, height=0)) == "unreadable"
    assert exposures_text(PICTURE, 8) == "×3 in an epoch, shown 24 times in 8 epochs"
    assert exposures_text(PICTURE, None) == "×3 in an epoch"
    assert exposures_text(replace(PICTURE, excluded=True), 8) == ""


def test_a_sign_says_what_matters_most() -> None:
    small, stops = RowFault("small", "too small"), RowFault("unusable", "cut off", stops=True)
    assert picture_sign(PICTURE).mark == " "
    assert picture_sign(replace(PICTURE, use="held out")) == HELD_OUT
    assert picture_sign(replace(PICTURE, use="held out", faults=(small,))) == WARNING
    assert picture_sign(replace(PICTURE, excluded=True, faults=(small,))) == LEFT_OUT
    assert picture_sign(replace(PICTURE, faults=(small, stops))) == FAILED
    assert state_text(replace(PICTURE, excluded=True, faults=(small,))) == "left out, small"
    assert state_text(replace(PICTURE, caption_file=None)) == "no caption"


def test_facts_name_what_is_not_read_of_a_caption() -> None:
    lines = [text for _, text in facts_of(PICTURE, 8, 75)]
    assert "the last 5 tokens of the caption are not read" in lines
    assert any("80 of 75 tokens" in line and "2 KiB" in line for line in lines)
    assert not any("not read" in text for _, text in facts_of(PICTURE, 8, 150))
    assert any("· 80 tokens ·" in text for _, text in facts_of(PICTURE))


def test_ragged_batches_are_named() -> None:
    even, ragged = BucketBar(0, (64, 64), 8, 24, 3, 8, 0), BucketBar(0, (96, 32), 2, 4, 3, 2, 1)
    assert buckets_heading([even, ragged]) == "2 buckets · 10 batches in an epoch · ragged: 96×32 (1 of 3)"
    assert buckets_heading([even]) == "1 bucket · 8 batches in an epoch · none ragged"
    assert bucket_words(ragged) == "4 shown, 2 batches of 3, the last of 1"
    assert bucket_words(replace(even, batches=1)) == "24 shown, 1 batch of 3"


def test_how_near_two_pictures_are() -> None:
    assert (
        pair_words(0) == "the same by their hashes"
        and pair_words(3) == "3 of 64 bits differ"
        and pair_words(None) == ""
    )

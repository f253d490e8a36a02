"""Tags that are learned as one thing: found where the data show it, by pictures and repeats, and nowhere by chance."""

import itertools
import random
import time
from dataclasses import replace
from math import comb

import pytest

from trainer.data_index.pairs import PAIR_RULE, hypergeometric_tail, pairs_of
from trainer.data_index.subject_tags import SubjectTags
from trainer.data_index.tagged import TaggedPicture, named

HIFUMI = SubjectTags("hifumi", {"school": ("school uniform",)}, {"school": "school uniform"})


def pictures(*kinds: tuple[int, str]) -> tuple[TaggedPicture, ...]:
    """Return so many pictures with each of these captions."""
    captions = [caption for count, caption in kinds for _ in range(count)]
    return named((f"{number}.png", caption.split(", ")) for number, caption in enumerate(captions))


def backpacks() -> tuple[TaggedPicture, ...]:
    return pictures(
        (63, "hifumi, school uniform, backpack"), (7, "hifumi, school uniform"), (40, "hifumi, bikini, beach")
    )


def test_a_tag_that_hardly_comes_without_the_outfit_is_one_thing_with_it() -> None:
    (pair,) = pairs_of(backpacks(), HIFUMI)
    assert pair.text == "`backpack` in 63 of 70 `school uniform` pictures: they will be learned as one thing"
    assert pair.apart == tuple(f"{number}.png" for number in range(63, 70))
    assert pair.alone == ()
    assert (
        pair.parting == "parted by 7 pictures of `school uniform` without `backpack` (63.png, 64.png, 65.png, 4 more)"
    )
    assert pair.missing == "missing: pictures of `backpack` without `school uniform`"


def test_so_many_more_times_bring_the_share_below_the_rules() -> None:
    (pair,) = pairs_of(backpacks(), HIFUMI)
    assert pair.more == 9
    shares = [63 / (70 + more) for more in (pair.more - 1, pair.more)]
    assert shares[0] >= PAIR_RULE.share > shares[1]
    enough = pictures(
        (63, "hifumi, school uniform, backpack"), (16, "hifumi, school uniform"), (40, "hifumi, bikini, beach")
    )
    assert pairs_of(enough, HIFUMI) == ()


def test_repeats_part_tags_as_more_pictures_do() -> None:
    repeated = [
        replace(picture, repeats=1 if "backpack" in picture.tags or "bikini" in picture.tags else 3)
        for picture in backpacks()
    ]
    assert pairs_of(repeated, HIFUMI) == ()


def test_a_tag_that_comes_elsewhere_too_is_brought_along_only() -> None:
    (pair,) = pairs_of(
        pictures(
            (63, "hifumi, school uniform, backpack"),
            (7, "hifumi, school uniform"),
            (30, "hifumi, bikini, backpack"),
            (80, "hifumi, bikini, beach"),
        ),
        HIFUMI,
    )
    assert pair.text == "`backpack` in 63 of 70 `school uniform` pictures: `school uniform` will bring it along"
    assert pair.missing == ""
    assert len(pair.alone) == 30


def test_what_every_caption_has_pairs_with_nothing() -> None:
    everywhere = pictures((50, "hifumi, school uniform, smile"), (50, "hifumi, bikini, smile"))
    assert [(pair.tag, pair.along) for pair in pairs_of(everywhere, HIFUMI)] == []


def test_spellings_of_one_tag_are_one_tag() -> None:
    spelled = pictures(
        (30, "hifumi, School_Uniform, backpack"), (33, "hifumi, school uniform, Backpack"), (40, "hifumi, bikini")
    )
    (pair,) = pairs_of(spelled, HIFUMI)
    assert (pair.tag, pair.along, pair.together) == ("school uniform", "Backpack", 63)


def test_words_of_one_outfit_are_meant_as_one_thing() -> None:
    subject = SubjectTags("hifumi", {"school": ("school uniform", "backpack")}, {})
    assert pairs_of(backpacks(), subject) == ()


def test_a_few_pictures_say_nothing() -> None:
    few = pictures((PAIR_RULE.least_pictures - 1, "school uniform, backpack"), (60, "bikini"))
    assert pairs_of(few, HIFUMI) == ()


def test_without_a_subject_all_tags_are_looked_at_and_only_what_holds_both_ways_is_said() -> None:
    (pair,) = pairs_of(
        pictures((30, "smile, hat, scarf"), (30, "smile, beach"), (9, "smile, beach, dog")), SubjectTags("smile")
    )
    assert {pair.tag, pair.along} == {"hat", "scarf"}
    assert pair.both_ways
    assert pairs_of(()) == ()


def test_tags_that_have_nothing_to_do_with_each_other_are_hardly_ever_called_a_pair() -> None:
    claims = 0
    for seed in range(60):
        rng = random.Random(seed)
        # Tags of every share, some of them in nearly all pictures.
        shares = {f"tag {number}": rng.choice((0.05, 0.2, 0.5, 0.8, 0.95)) for number in range(20)}
        drawn = [[tag for tag, share in shares.items() if rng.random() < share] for _ in range(60)]
        claims += bool(pairs_of(named((f"{n}.png", tags) for n, tags in enumerate(drawn))))
    # At 5 % three are expected at most.
    assert claims <= 6


@pytest.mark.parametrize(("of_all", "marked", "drawn"), [(20, 8, 5), (9, 9, 4), (30, 1, 30), (12, 6, 6)])
def test_the_tail_is_the_share_of_all_draws(of_all: int, marked: int, drawn: int) -> None:
    ways = {both: comb(marked, both) * comb(of_all - marked, drawn - both) for both in range(drawn + 1)}
    for least in range(drawn + 2):
        share = sum(ways[both] for both in range(least, drawn + 1)) / comb(of_all, drawn)
        assert hypergeometric_tail(least, of_all, marked, drawn) == pytest.approx(share, abs=1e-12)


def test_the_time_grows_with_the_number_of_captions() -> None:
    def seconds(count: int) -> float:
        rng = random.Random(0)
        words = [f"tag {number}" for number in range(500)]
        drawn = named((f"{n}.png", rng.sample(words, 20)) for n in range(count))
        start = time.process_time()
        pairs_of(drawn)
        return time.process_time() - start

    assert min(seconds(4000) for _ in range(2)) < 20 * max(0.02, seconds(500))


@pytest.mark.long
def test_a_hundred_thousand_captions_of_thirty_tags_take_seconds() -> None:
    rng = random.Random(1)
    words = [f"tag {number}" for number in range(20_000)]
    weights = list(itertools.accumulate(1 / (number + 10) for number in range(len(words))))
    drawn = named(
        (f"{number}.png", tuple(dict.fromkeys(rng.choices(words, cum_weights=weights, k=30))))
        for number in range(100_000)
    )
    start = time.process_time()
    pairs_of(drawn)
    assert time.process_time() - start < 60

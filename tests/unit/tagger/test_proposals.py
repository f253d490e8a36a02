"""What a tagger proposes: thresholds by category, the largest gap, names as captions have them, disagreements."""

from pathlib import Path

import pytest

from trainer.data_index.tagged import TaggedPicture
from trainer.errors import SettingsError
from trainer.tagger.proposals import (
    TagDisagreement,
    checklist_ticks,
    compare_tags,
    disagreements,
    largest_gap,
    proposed_tags,
    written_name,
)
from trainer.tagger.record import (
    InputRules,
    KnownTag,
    OutputRules,
    TaggedRun,
    Tagger,
    TagOptions,
    TagScore,
    Thresholds,
)
from trainer.tagger.typed import typed_thresholds

KNOWN = (
    KnownTag("general", 9),
    KnownTag("long_hair", 0),
    KnownTag("halo", 0),
    KnownTag(">_<", 0),
    KnownTag("ajitani_hifumi", 4),
    KnownTag("saber_(fate)", 4),
    KnownTag("blue_archive", 3),
)
TAGGER = Tagger(
    Path("model.onnx"),
    Path("selected_tags.csv"),
    KNOWN,
    InputRules("input", "NHWC", 448, 448, None, "float32", "BGR"),
    OutputRules("output", True),
    "key",
)


def scores(**probabilities: float) -> tuple[TagScore, ...]:
    """Return the answers, by the place of a tag as `p1=0.5`."""
    return tuple(TagScore(int(name[1:]), number) for name, number in probabilities.items())


def tags(found: tuple[TagScore, ...], options: TagOptions | None = None) -> list[str]:
    return [each.tag for each in proposed_tags(found, TAGGER, options or TagOptions())]


def test_each_category_has_its_threshold_and_characters_stand_first() -> None:
    answers = scores(p0=0.9, p1=0.36, p2=0.34, p4=0.9, p5=0.84, p6=0.5)
    assert tags(answers) == ["ajitani hifumi", "blue archive", "long hair"]
    lower = TagOptions(Thresholds({"general": 0.3, "character": 0.5, "series": 0.6}))
    assert tags(answers, lower) == ["ajitani hifumi", "saber (fate)", "long hair", "halo"]


def test_a_rating_is_written_only_where_it_is_asked_for() -> None:
    assert tags(scores(p0=0.9, p1=0.9)) == ["long hair"]
    assert tags(scores(p0=0.9, p1=0.9), TagOptions(categories=("general", "rating"))) == ["long hair", "general"]


def test_unwanted_tags_go_however_they_are_spelled_and_underscores_may_stay() -> None:
    answers = scores(p1=0.9, p3=0.8, p5=0.9)
    assert tags(answers, TagOptions(unwanted=("Long Hair",))) == ["saber (fate)", ">_<"]
    assert tags(answers, TagOptions(spaces=False)) == ["saber_(fate)", "long_hair", ">_<"]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("long_hair", "long hair"),
        (">_<", ">_<"),
        ("^_^", "^_^"),
        ("0_0", "0_0"),
        ("o_o", "o_o"),
        ("(o)_(o)", "(o)_(o)"),
        ("saber_(fate)", "saber (fate)"),
        ("1girl", "1girl"),
        ("re:zero", "re:zero"),
    ],
)
def test_faces_keep_their_underscores(name: str, written: str) -> None:
    assert written_name(name, spaces=True) == written


@pytest.mark.parametrize(
    ("probabilities", "gap"),
    [([0.9, 0.8, 0.3, 0.2], 0.55), ([0.98], 0.49), ([0.97, 0.96], 0.48), ([], 1.0), ([0.5, 0.5], 0.25)],
)
def test_the_largest_gap_lies_between_what_is_there_and_what_is_not(probabilities: list[float], gap: float) -> None:
    assert largest_gap(probabilities) == pytest.approx(gap)


def test_the_largest_gap_decides_in_the_categories_that_ask_for_it() -> None:
    answers = scores(p1=0.9, p2=0.5, p3=0.45, p4=0.6, p5=0.1)
    asked = TagOptions(Thresholds(largest_gap=frozenset({"general", "character"})))
    assert tags(answers, asked) == ["ajitani hifumi", "long hair", "halo", ">_<"]
    # A character that is hardly probable is none, whatever the gap.
    assert tags(scores(p5=0.14), asked) == []


def test_what_a_caption_has_is_held_against_what_the_tagger_sees() -> None:
    here = TaggedPicture("a.png", ("Long_Hair", "halo", "my trigger"), Path("a.png"))
    without = TaggedPicture("b.png", ("beach",), Path("b.png"), captioned=False)
    unread = TaggedPicture("c.png", ("halo",), Path("c.png"))
    run = TaggedRun({Path("a.png"): scores(p1=0.9, p2=0.2, p3=0.8), Path("b.png"): scores(p1=0.7)})
    first, second = compare_tags([here, without, unread], run, TAGGER, TagOptions())
    assert first.agreed == ("Long_Hair",)
    assert [each.tag for each in first.added] == [">_<"]
    assert [(each.tag, each.probability) for each in first.unseen] == [("halo", 0.2)]
    assert first.unknown == ("my trigger",)
    # Words of a folder are no caption.
    assert (second.agreed, second.unknown, [each.tag for each in second.added]) == ((), (), ["long hair"])
    assert disagreements([first, second]) == (
        TagDisagreement(">_<", 1, 0, 0),
        TagDisagreement("halo", 0, 1, 0),
        TagDisagreement("long hair", 1, 0, 0),
    )


def test_items_of_a_checklist_name_the_longest_tag_in_them() -> None:
    items = ["halo above the head", "Long_Hair", "wears a saber (fate) costume", "the red dress stays red"]
    ticks = checklist_ticks(items, scores(p1=0.9, p2=0.1), TAGGER, Thresholds())
    assert ticks == {"halo above the head": False, "Long_Hair": True, "wears a saber (fate) costume": False}


def test_thresholds_are_typed_for_all_or_one_category() -> None:
    known = ("general", "character", "rating")
    typed = typed_thresholds(("0.5", "character=0.7"), ("general",), known)
    assert (typed.of("general"), typed.of("character"), typed.of("rating")) == (0.5, 0.7, 0.5)
    assert typed.largest_gap == {"general"}
    assert typed_thresholds((), (), known).of("character") == 0.85
    for texts, gaps in ((("1.5",), ()), (("nan",), ()), (("artist=0.5",), ()), (("",), ()), ((), ("artist",))):
        with pytest.raises(SettingsError, match="expected"):
            typed_thresholds(texts, gaps, known)

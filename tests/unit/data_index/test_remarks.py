"""Remarks on captions, each with the edit that fixes it."""

from pathlib import Path

import pytest

from trainer.captions.record import TagEdit
from trainer.checks.registry import CHECKS
from trainer.data_index.remarks import REMARK_KINDS, CaptionRemark, remarks_of
from trainer.data_index.subject_tags import SubjectTags, subject_tags
from trainer.data_index.tagged import TaggedPicture
from trainer.settings.subject import Subject


def pictures(*captions: str, folder: str = "10_x") -> list[TaggedPicture]:
    return [
        TaggedPicture(
            f"{folder}/{number}.png",
            tuple(filter(None, caption.split(", "))),
            Path(folder, f"{number}.png"),
            folder,
            text=caption,
        )
        for number, caption in enumerate(captions)
    ]


def of_kind(key: str, some: list[TaggedPicture], subject: SubjectTags | None = None) -> list[CaptionRemark]:
    return [remark for remark in remarks_of(some, subject) if remark.key == key]


def test_what_four_captions_of_five_repeat_is_not_learned_by_the_trigger() -> None:
    captions = ["knight, white hair, smile", "knight, white hair, castle"] * 2 + ["knight, red hat"]
    (remark,) = of_kind("common", pictures(*captions), SubjectTags("knight"))
    assert remark.text == "`white hair` in 4 of 5 captions: the trigger learns nothing of it"
    assert remark.edits == (TagEdit("remove", tags=("white hair",)),)
    assert [path.name for path in remark.pictures] == ["0.png", "1.png", "2.png", "3.png"]
    # With a fifth of the captions more it is below the share.
    assert of_kind("common", pictures(*captions, "knight, beach"), SubjectTags("knight")) == []


def test_a_sentence_that_nearly_every_caption_repeats_is_named_and_left_to_the_user() -> None:
    captions = [f"Freya has white hair. She stands in scene {number}." for number in range(6)]
    (remark,) = of_kind("common", pictures(*captions), SubjectTags("portrait"))
    assert remark.about == "Freya has white hair"
    assert remark.edits == ()


@pytest.mark.parametrize(
    ("rare", "common", "differs"),
    [
        ("Long Hair", "long hair", "in small and capital letters"),
        ("long_hair", "long hair", "in underscores, hyphens or backslashes"),
        ("red bow", "red bows", "in singular and plural"),
        ("puppy", "puppies", "in singular and plural"),
        ("blue eye", "blue eyes", "in singular and plural"),
        ("glass boxes", "glass box", "in singular and plural"),
        ("twintials", "twintails", "in a letter"),
    ],
)
def test_another_spelling_of_a_commoner_tag_is_renamed_to_it(rare: str, common: str, differs: str) -> None:
    (remark,) = of_kind("spelling", pictures(*[f"{common}, smile"] * 4, f"{rare}, smile"))
    assert remark.text == f"`{rare}` (1) differs from `{common}` (4) {differs}"
    assert remark.edits == (TagEdit("rename", tags=(rare,), new=common),)
    assert [path.name for path in remark.pictures] == ["4.png"]


@pytest.mark.parametrize(("rare", "common"), [("arm up", "arms up"), ("1girl", "2girls"), ("glass", "glasses")])
def test_one_and_several_of_what_is_another_thing_are_both_meant(rare: str, common: str) -> None:
    assert of_kind("spelling", pictures(*[f"{common}, smile"] * 4, f"{rare}, smile")) == []


def test_a_tag_of_one_caption_is_named_with_its_picture() -> None:
    (remark,) = of_kind("once", pictures("hat, smile", "hat, smile", "hat, smile", "hat, moat"))
    assert remark.text == "`moat` in a single caption (10_x/3.png)"
    assert remark.edits == (TagEdit("remove", tags=("moat",)),)


def test_captions_without_the_trigger_get_it_in_front() -> None:
    some = pictures("hifumi, smile", "Hifumi, hat", "smile, hat", "hat")
    (remark,) = of_kind("trigger", some, SubjectTags("hifumi"))
    assert remark.text == "2 of 4 captions lack the trigger `hifumi` (10_x/2.png, 10_x/3.png)"
    assert remark.edits == (TagEdit("add", tags=("hifumi",), place="front"),)
    assert [path.name for path in remark.pictures] == ["2.png", "3.png"]
    assert of_kind("trigger", some, SubjectTags("nobody"))[0].text == "no caption has the trigger `nobody`"
    assert of_kind("trigger", some, SubjectTags("")) == []


def test_words_of_an_outfit_that_no_caption_has_go_into_the_captions_of_its_folder() -> None:
    subject = subject_tags(Subject(outfits={"10_school": "school uniform, halo", "20_beach": "white bikini"}))
    some = pictures("hifumi, halo", "hifumi, halo", folder="10_school")
    school, beach = of_kind("unsaid", some, subject)
    assert school.text == "no caption has `school uniform`, which the outfit `10_school` names"
    assert school.edits == (TagEdit("add", tags=("school uniform",), place="back"),)
    assert len(school.pictures) == 2
    assert (beach.edits, beach.pictures) == ((), ())


@pytest.mark.parametrize("item", ["halo", "halo above the head", "the golden halo"])
def test_an_item_of_the_checklist_that_names_a_tag_is_said(item: str) -> None:
    some = pictures("hifumi, halo", "hifumi, hat")
    assert of_kind("unsaid", some, SubjectTags(checklist=(item,))) == []
    (remark,) = of_kind("unsaid", some, SubjectTags(checklist=("wings on the back",)))
    assert remark.text == "no caption has a word for `wings on the back` of the checklist"
    assert remark.edits == ()


def test_folders_words_that_stand_in_are_looked_at_for_the_trigger_alone() -> None:
    some = [TaggedPicture(f"{n}.png", ("beach",), Path(f"{n}.png"), text="beach", captioned=False) for n in range(9)]
    (remark,) = remarks_of(some, SubjectTags("hifumi"))
    assert remark.key == "trigger"
    # Without a file of its own a picture's caption is not edited.
    assert remark.pictures == ()


def test_signs_of_a_terminal_in_a_tag_are_made_visible() -> None:
    (remark,) = of_kind("once", pictures("hat", "hat", "hat", "hat, \x1b[31mred"))
    assert "\x1b" not in remark.text


def test_each_kind_that_a_check_finds_too_names_a_check() -> None:
    keys = {check.key for check in CHECKS}
    assert {kind.check for kind in REMARK_KINDS if kind.check} <= keys

"""How often a bake shows each folder and each tag."""

from pathlib import Path

from trainer.dataset.exposures import FolderExposure, TagExposure, folder_exposures, tag_exposures
from trainer.dataset.records import CaptionRules, DataSet, Folder, Picture


def picture(
    folder: str, repeats: int, caption: str, rules: CaptionRules | None = None, *, is_reg: bool = False
) -> Picture:
    words = rules or CaptionRules()
    return Picture(Path("a.png"), folder, repeats, 64, 64, caption, None, is_reg=is_reg, caption_rules=words)


def data_of(*pictures: Picture, folders: tuple[Folder, ...] = ()) -> DataSet:
    return DataSet(Path(), folders, pictures, ())


def test_a_folders_exposures_are_pictures_times_repeats_times_epochs() -> None:
    pictures = [picture("10_school", 10, "")] * 3 + [picture("4_frills", 4, "")] * 2
    data = data_of(*pictures, folders=(Folder("10_school", 10, 3, 1), Folder("4_frills", 4, 2, 2)))
    assert folder_exposures(data, 5) == [
        FolderExposure("10_school", False, 3, 1, 10, 150),
        FolderExposure("4_frills", False, 2, 2, 4, 40),
    ]


def test_regularisation_is_shown_as_often_as_the_others() -> None:
    pictures = [picture("10_x", 10, ""), picture("1_girl", 1, "", is_reg=True)]
    data = data_of(*pictures, folders=(Folder("10_x", 10, 1, 0), Folder("1_girl", 1, 1, 0, is_reg=True)))
    assert folder_exposures(data, 2)[1] == FolderExposure("1_girl", True, 1, 0, 1, 20)


def test_a_tags_exposures_are_those_of_its_pictures_the_most_frequent_first() -> None:
    data = data_of(
        picture("10_x", 10, "halo, smile"),
        picture("10_x", 10, "halo,, halo , hat"),
        picture("3_y", 3, "smile"),
        picture("9_reg", 9, "girl", is_reg=True),
    )
    assert tag_exposures(data, 2) == [
        TagExposure("halo", 2, 40),
        TagExposure("smile", 2, 26),
        TagExposure("hat", 1, 20),
    ]


def test_prefix_suffix_separators_and_lines_all_count() -> None:
    rules = CaptionRules(
        prefix="best,", suffix=", end", wildcards=True, keep_separator="|||", secondary_separator=";;;"
    )
    data = data_of(picture("1_x", 1, "a ||| b;;;c\nd", rules))
    assert {(tag.tag, tag.pictures, tag.times_shown) for tag in tag_exposures(data, 1)} == {
        (tag, 1, 1) for tag in ("best", "a", "b", "c", "d", "end")
    }


def test_pictures_without_words_have_no_tags() -> None:
    assert tag_exposures(data_of(picture("1_x", 1, "")), 9) == []

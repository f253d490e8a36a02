"""How often a bake shows each folder, each outfit and each tag, in all and by epoch."""

from pathlib import Path

from trainer.dataset.exposures import (
    EpochExposure,
    FolderExposure,
    OutfitExposure,
    TagExposure,
    common_tags,
    epoch_exposures,
    folder_exposures,
    listed_exposures,
    outfit_exposures,
    tag_exposures,
)
from trainer.dataset.manifest import ListedPicture
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


OUTFITS = {"10_school": "school uniform, halo", "bikini": "white bikini"}


def wardrobe() -> DataSet:
    return data_of(
        picture("10_school", 10, "hifumi, smile"),
        picture("10_school", 10, "hifumi"),
        picture("4_x", 4, "hifumi, White_Bikini"),
        picture("4_x", 4, "hifumi, halo, school uniform, white bikini"),
        picture("4_x", 4, "hifumi"),
        picture("1_reg", 1, "white bikini", is_reg=True),
        folders=(Folder("10_school", 10, 2, 2), Folder("4_x", 4, 3, 3), Folder("1_reg", 1, 1, 1, is_reg=True)),
    )


def test_an_outfits_exposures_are_those_of_its_folder_or_of_the_captions_with_its_words() -> None:
    assert outfit_exposures(wardrobe(), OUTFITS, 3) == [
        # Two of the folder, and one picture elsewhere that shows both outfits.
        OutfitExposure("10_school", "school uniform, halo", 3, 3 * (10 + 10 + 4)),
        OutfitExposure("bikini", "white bikini", 2, 3 * 8),
        OutfitExposure("", "", 1, 3 * 4),
    ]
    assert outfit_exposures(wardrobe(), {}, 3) == []


def test_after_each_epoch_as_much_more_was_shown() -> None:
    rows = epoch_exposures(wardrobe(), OUTFITS, tags=1)
    found = {(each.kind, each.name): [each.after(epoch) for epoch in (1, 2, 3)] for each in rows}
    assert found["folder", "10_school"] == [20, 40, 60]
    assert found["outfit", "bikini"] == [8, 16, 24]
    assert found["tag", "hifumi"] == [32, 64, 96]
    assert len([each for each in rows if each.kind == "tag"]) == 1
    in_all = {each.name: each.times_shown for each in folder_exposures(wardrobe(), 3)}
    assert all(each.after(3) == in_all[each.name] for each in rows if each.kind == "folder")


def test_of_a_bake_that_ran_the_list_of_its_pictures_says_the_same() -> None:
    listed = [
        ListedPicture(
            f"{each.folder}/{number}.png", "0" * 64, 1, 64, 64, each.repeats, each.caption, each.is_reg, 0, None
        )
        for number, each in enumerate(wardrobe().pictures)
    ]
    rows = listed_exposures(listed, OUTFITS, tags=2)
    same = [each for each in epoch_exposures(wardrobe(), OUTFITS, tags=2) if each.name != "1_reg"]
    assert list(rows) == same
    assert listed_exposures([], OUTFITS) == (
        EpochExposure("outfit", "10_school", 0, 0),
        EpochExposure("outfit", "bikini", 0, 0),
    )


def test_what_nearly_every_caption_repeats_is_in_the_captions_order() -> None:
    pictures = [
        Picture(Path("a.png"), "1_x", 1, 64, 64, f"knight, white hair, tall, scene {number}", Path("a.txt"))
        for number in range(5)
    ]
    assert common_tags(data_of(*pictures), "knight") == [("white hair", 5), ("tall", 5)]
    assert common_tags(data_of(*pictures[:3]), "knight") == []

"""What is found in an index: by queries, in an order, and as near-duplicates."""

from pathlib import Path

import pytest
from check_inputs import cut_in_half, draw
from indexed import by_name, faults, settings

from trainer.data_index.index import DataIndex
from trainer.data_index.record import SORTS, IndexedPicture, PictureQuery
from trainer.prompts.clip_tokens import clip_tokens


def test_near_duplicates_are_found_across_folders(index: DataIndex, root: Path) -> None:
    draw(root / "train" / "3_her" / "again.jpg", 2, size=(128, 128), quality=50)
    draw(root / "train" / "3_her" / "more.webp", 2, size=(96, 96))
    index.refresh(settings(root))
    (group,) = index.near_duplicates()
    names = [picture.name for picture in index.pictures(group.ids)]
    assert names == ["2_knight/2.png", "3_her/again.jpg", "3_her/more.webp"]
    assert group.folders == ("2_knight", "3_her") and group.furthest <= 4
    assert set(by_name(index, PictureQuery(near_duplicates=True))) == set(names)
    index.refresh(settings(root, exclude_pictures=names[1:]))
    assert index.near_duplicates() == []


def test_a_query_finds_what_it_asks_for(index: DataIndex, root: Path) -> None:
    index.refresh(settings(root), tokens=clip_tokens)
    whole = by_name(index)

    def found(**asked: object) -> set[str]:
        query = PictureQuery(**asked)  # type: ignore[arg-type]
        names = set(by_name(index, query))
        assert index.count(query) == len(names)
        return names

    assert found(text="MOAT") == {"2_knight/1.png", "2_knight/3.png"}
    assert found(text="moat 3.png") == {"2_knight/3.png"}
    assert found(text="her/4") == {"3_her/4.jpg"}
    assert found(folder="3_her") == {name for name in whole if name.startswith("3_her")}
    assert found(folder="none") == set()
    assert found(with_tags=("castle",), without_tags=("moat",), folder="2_knight") == {
        "2_knight/0.png",
        "2_knight/2.png",
    }
    assert found(with_tags=("tower top",)) == {"2_knight/0.png", "2_knight/2.png"}
    assert found(without_caption=True) == {"3_her/6.jpg"}
    assert found(use="held out") == set()
    assert found(fault="small") == {name for name, each in whole.items() if "small" in faults(each)}
    assert found(fault="any") == {name for name, each in whole.items() if each.faults}
    counts = {each.tag: (each.pictures, each.shown) for each in index.tag_counts()}
    assert counts["castle"] == (6, 4 * 2 + 2 * 3) and counts["moat"] == (2, 4)
    assert {each.tag for each in index.tag_counts(PictureQuery(with_tags=("moat",)))} == {
        "my_knight",
        "castle",
        "moat",
        "tag 1",
        "tag 3",
    }


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("descending", [False, True])
def test_a_list_is_sorted_with_the_unknown_last(sort: str, descending: bool, index: DataIndex, root: Path) -> None:
    cut_in_half(draw(root / "train" / "2_knight" / "a.jpg", 50))
    index.refresh(settings(root), tokens=clip_tokens)
    pictures = index.pictures(index.ids(PictureQuery(sort=sort, descending=descending)))  # type: ignore[arg-type]
    place = {number: at for at, number in enumerate(index.ids())}

    def value(picture: IndexedPicture) -> float | None:
        pixels = picture.pixels
        values: dict[str, float | None] = {
            "name": place[picture.id],
            "folder": index.folders().index(picture.folder),
            "size": picture.width * picture.height or None,
            "tokens": picture.tokens,
            "sharpness": None if pixels is None else pixels.sharpness,
            "detail": None if pixels is None else pixels.detail,
            "repeats": picture.repeats,
            "enlarged": picture.enlarged or None,
        }
        return values[sort]

    known = [number for picture in pictures if (number := value(picture)) is not None]
    assert known == sorted(known, reverse=descending)
    assert [value(picture) for picture in pictures][: len(known)] == known

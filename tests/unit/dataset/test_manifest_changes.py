"""What differs between two manifests: pictures by name, models by both hashes."""

from dataclasses import fields, replace

import pytest

from trainer.dataset.manifest import ListedModel, ListedPicture, Manifest
from trainer.dataset.manifest_changes import ModelChange, model_changes, picture_changes


def picture(name: str, **changes: object) -> ListedPicture:
    plain = ListedPicture(f"2_cat/{name}.png", name * 64, 100, 64, 48, 2, "a cat", False, 0, None)
    return replace(plain, **changes)  # type: ignore[arg-type]


OLD = Manifest(pictures=(picture("a"), picture("b"), picture("c")), validation=(picture("f"),))

CHANGES: dict[str, tuple[dict[str, object], str]] = {
    "path": ({"path": "3_cat/b.png"}, "2_cat/b.png: now 3_cat/b.png"),
    "sha256": ({"sha256": "0" * 64, "bytes": 99}, f"another picture (sha256 {'b' * 12} → {'0' * 12})"),
    "bytes": ({"sha256": "0" * 64, "bytes": 99}, "another picture"),
    "width": ({"sha256": "0" * 64, "width": 99}, "another picture"),
    "height": ({"sha256": "0" * 64, "height": 99}, "another picture"),
    "repeats": ({"repeats": 1}, "2_cat/b.png: 1 repeat in place of 2"),
    "caption": ({"caption": "a dog"}, "2_cat/b.png: another caption"),
    "is_reg": ({"is_reg": True}, "2_cat/b.png: now a regularisation picture"),
    "group": ({"group": 1}, "2_cat/b.png: now in data set 2"),
    "mask": ({"mask": "alpha"}, "2_cat/b.png: a mask"),
}


@pytest.mark.parametrize("name", [each.name for each in fields(ListedPicture)])
def test_whatever_changes_of_a_picture_is_named_with_it_and_nothing_else(name: str) -> None:
    change, expected = CHANGES[name]
    now = replace(OLD, pictures=(picture("a"), picture("b", **change), picture("c")))
    (line,) = picture_changes(OLD, now)
    assert line.startswith("2_cat/b.png: ") and expected in line


def test_pictures_that_came_and_went_are_named() -> None:
    now = replace(OLD, pictures=(picture("a"), picture("c"), picture("d")), validation=(picture("f", caption="dog"),))
    assert picture_changes(OLD, now) == [
        "2_cat/b.png: removed",
        "2_cat/d.png: added",
        "validation: 2_cat/f.png: another caption",
    ]


def test_a_picture_that_is_listed_twice_is_compared_twice() -> None:
    twice = replace(OLD, pictures=(*OLD.pictures, picture("b")))
    assert picture_changes(OLD, twice) == ["2_cat/b.png: added"]
    assert picture_changes(twice, OLD) == ["2_cat/b.png: removed"]
    assert picture_changes(twice, twice) == []


def test_an_older_manifest_says_nothing_of_the_validation_pictures() -> None:
    assert picture_changes(replace(OLD, format=1, validation=()), OLD) == []


def test_another_data_set_file_is_named() -> None:
    assert picture_changes(OLD, replace(OLD, config="1")) == ["the data set file is another one"]


def test_a_model_with_another_content_is_named_with_both_hashes_and_the_files_that_differ() -> None:
    old = {
        "base": ListedModel("1" * 64, 9, {"unet/a": "5", "vae/a": "6", "vae/b": "7"}),
        "vae": ListedModel("2" * 64, 9),
    }
    new = {
        "base": ListedModel("3" * 64, 9, {"unet/a": "5", "vae/a": "0", "vae/c": "7"}),
        "vae": ListedModel("2" * 64, 9),
    }
    assert model_changes(old, new) == [ModelChange("base", "1" * 64, "3" * 64, ("vae/a", "vae/b", "vae/c"))]
    assert model_changes(old, {"base": old["base"]}) == [ModelChange("vae", "2" * 64, "")]
    assert model_changes({}, {"vae": old["vae"]}) == [ModelChange("vae", "", "2" * 64)]
    assert model_changes(old, old) == []

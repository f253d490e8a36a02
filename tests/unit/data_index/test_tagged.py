"""Pictures as their captions tag them: the same ones, whoever lists them."""

from pathlib import Path

import pytest
from PIL import Image

from trainer.data_index.tagged import tagged_in, tagged_pictures, tagged_under
from trainer.dataset.read import read_data
from trainer.settings.model import Settings


@pytest.fixture
def root(tmp_path: Path) -> Path:
    captions = {
        "data/10_school": {"a": "hifumi, school uniform", "b": "hifumi, halo, halo", "c": None},
        "data/3_beach": {"d": "hifumi, beach", "e": "hifumi"},
        "reg/1_girl": {"f": "girl, beach"},
    }
    for folder, files in captions.items():
        (tmp_path / folder).mkdir(parents=True)
        for name, text in files.items():
            Image.new("RGB", (64, 64)).save(tmp_path / folder / f"{name}.png")
            if text is not None:
                (tmp_path / folder / f"{name}.txt").write_text(f"{text}\nA line that is not read.\n")
    return tmp_path


def settings(root: Path, **values: object) -> Settings:
    return Settings.model_validate({"train_data_dir": str(root / "data"), "reg_data_dir": str(root / "reg"), **values})


@pytest.mark.parametrize(
    "values",
    [{}, {"caption_prefix": "best,"}, {"num_repeats": "3_beach=7"}, {"exclude_pictures": ["10_school/b.png"]}],
    ids=str,
)
def test_listed_without_being_opened_they_are_those_that_are_read(root: Path, values: dict[str, object]) -> None:
    asked = settings(root, **values)
    assert tagged_in(asked) == tagged_pictures(read_data(asked))


def test_names_repeats_and_tags_are_those_of_training(root: Path) -> None:
    found = {each.name: each for each in tagged_in(settings(root))}
    assert list(found) == ["10_school/a.png", "10_school/b.png", "10_school/c.png", "3_beach/d.png", "3_beach/e.png"]
    assert found["10_school/b.png"].tags == ("hifumi", "halo")
    assert (found["3_beach/d.png"].repeats, found["3_beach/d.png"].folder) == (3, "3_beach")
    # The folder's words stand in.
    assert (found["10_school/c.png"].captioned, found["10_school/c.png"].tags) == (False, ("school",))


def test_a_folder_without_settings_has_the_same_pictures(root: Path) -> None:
    assert [each.name for each in tagged_under(root / "data")] == [each.name for each in tagged_in(settings(root))]


def test_a_caption_that_cannot_be_read_counts_as_none(root: Path) -> None:
    (root / "data" / "3_beach" / "d.txt").write_bytes(b"\xff\xfe\x00\xd8")
    found = {each.name: each for each in tagged_in(settings(root))}
    assert (found["3_beach/d.png"].captioned, found["3_beach/d.png"].tags) == (False, ())

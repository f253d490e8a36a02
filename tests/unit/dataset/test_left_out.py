"""Pictures that exclude_pictures leaves out."""

from pathlib import Path

import pytest
from PIL import Image

from trainer.dataset.found_files import found_data
from trainer.dataset.manifest import manifest_of
from trainer.dataset.read import read_data
from trainer.dataset.records import DataSet
from trainer.errors import SettingsError
from trainer.plan.plan import make_plan, plan_line
from trainer.settings.amounts import list_text, split_list
from trainer.settings.describe import shown_value
from trainer.settings.model import Settings

SMALL = {"resolution": "64", "min_bucket_reso": 32, "max_bucket_reso": 128, "bucket_reso_steps": 32}


def draw(path: Path, *, size: tuple[int, int] = (64, 64)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "red").save(path)
    path.with_suffix(".txt").write_text("castle, moat")
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        draw(tmp_path / "train" / "2_x" / f"{name}.png")
    draw(tmp_path / "train" / "3_y" / "a.png")
    draw(tmp_path / "train" / "loose, one.png")
    return tmp_path


def settings(root: Path, *names: str, **values: object) -> Settings:
    given = {"train_data_dir": str(root / "train"), "exclude_pictures": list(names), **SMALL, **values}
    return Settings.model_validate(given)


def names_of(data: DataSet) -> list[str]:
    return [data.name_of(picture) for picture in data.pictures]


def refusal(asked: Settings) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        read_data(asked)
    return caught.value


def test_a_picture_is_left_out_of_data_plan_and_manifest(root: Path) -> None:
    asked = settings(root, "2_x/b.png")
    data = read_data(asked)
    assert names_of(data) == ["loose, one.png", "2_x/a.png", "2_x/c.png", "3_y/a.png"]
    assert [data.name_of(picture) for picture in data.excluded] == ["2_x/b.png"]
    assert [listed.path for listed in manifest_of(data, None, {}).pictures] == names_of(data)
    plan = make_plan(asked, data, family="sd1")
    whole = make_plan(settings(root), read_data(settings(root)), family="sd1")
    assert (plan.pictures, plan.excluded_pictures) == (4, 1)
    assert whole.repeats_total - plan.repeats_total == 2
    assert "1 left out" in plan_line(plan) and "left out" not in plan_line(whole)
    (note,) = [note for note in data.notes if note.check == "picture-excluded"]
    assert note.cases == ("2_x/b.png",)


def test_a_name_may_have_a_comma_and_lie_directly_in_the_folder(root: Path) -> None:
    asked = settings(root, "loose, one.png")
    assert "loose, one.png" not in names_of(read_data(asked))
    assert shown_value(asked, "exclude_pictures") == '"loose, one.png"'
    assert Settings.model_validate({"exclude_pictures": '"loose, one.png", 3_y/a.png'}).exclude_pictures == [
        "loose, one.png",
        "3_y/a.png",
    ]


@pytest.mark.parametrize(
    "parts", [["a"], ["a, b"], ['"q"', 'say "x"'], ['a", "b'], [" blanks "], ["betas=0.9,0.999", "x"], []]
)
def test_a_list_is_read_back_as_it_was_shown(parts: list[str]) -> None:
    text = list_text(parts)
    # Arguments are read by their keys.
    assert split_list(text) == parts or any("=" in part for part in parts)


def test_what_is_wrong_with_a_picture_that_is_left_out_keeps_no_bake_from_starting(root: Path) -> None:
    broken = root / "train" / "3_y" / "broken.png"
    broken.write_bytes(b"no picture")
    data = read_data(settings(root, "3_y/broken.png"))
    (left_out,) = data.excluded
    assert (left_out.path, left_out.width) == (broken, 0)
    assert not data.faults


def test_a_name_that_is_not_there_is_refused_with_the_nearest(root: Path) -> None:
    error = refusal(settings(root, "2_x/a.png", "1_x/b.png"))
    assert error.where == "exclude_pictures"
    assert "1_x/b.png" in error.found and "2_x/b.png" in error.way_out
    assert "3_y/a.png" in refusal(settings(root, "3_y/aa.png")).way_out


def test_a_name_in_a_folder_that_is_not_read_may_stay(root: Path) -> None:
    data = read_data(settings(root, "3_y/a.png", num_repeats=["3_y=0"]))
    assert names_of(data) == ["loose, one.png", "2_x/a.png", "2_x/b.png", "2_x/c.png"]
    assert not data.excluded


@pytest.mark.parametrize("name", ["/2_x/a.png", "../a.png", "2_x//a.png", "2_x/./a.png", ""])
def test_a_name_that_leads_out_of_the_folder_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="name of a picture"):
        Settings(exclude_pictures=[name])


def test_a_folder_of_which_all_is_left_out_is_empty_and_not_read(root: Path) -> None:
    data = read_data(settings(root, "3_y/a.png"))
    assert [folder.name for folder in data.folders] == ["train", "2_x"]
    every = ("loose, one.png", "2_x/a.png", "2_x/b.png", "2_x/c.png", "3_y/a.png")
    error = refusal(settings(root, *every))
    assert error.where == "exclude_pictures" and "5 pictures" in error.found


def test_regularisation_pictures_are_named_by_their_folder(root: Path) -> None:
    for name in ("p", "q"):
        draw(root / "reg" / "1_girl" / f"{name}.png")
    data = read_data(settings(root, "1_girl/q.png", reg_data_dir=str(root / "reg")))
    assert [picture.path.name for picture in data.pictures if picture.is_reg] == ["p.png"]
    assert data.excluded[0].is_reg


def test_pictures_of_a_data_set_file_are_left_out_wherever_they_are_named(root: Path) -> None:
    elsewhere = draw(root / "elsewhere" / "z.png").parent
    draw(elsewhere / "y.png")
    subset = "[[datasets.subsets]]\nimage_dir = '{}'\nnum_repeats = 2\n"
    text = (
        "[[datasets]]\n"
        + subset.format("train/2_x")
        + subset.format(elsewhere)
        + "[[datasets]]\n"
        + subset.format("train/2_x")
    )
    (root / "data.toml").write_text(text)
    asked = settings(root, "train/2_x/b.png", "elsewhere/z.png", dataset_config=str(root / "data.toml"))
    data = read_data(asked)
    assert [data.name_of(picture) for picture in data.excluded] == [
        "train/2_x/b.png",
        "elsewhere/z.png",
        "train/2_x/b.png",
    ]
    assert names_of(data) == [
        "train/2_x/a.png",
        "train/2_x/c.png",
        "elsewhere/y.png",
        "train/2_x/a.png",
        "train/2_x/c.png",
    ]


def test_what_is_left_out_is_neither_held_out_nor_counted_by_a_script(root: Path) -> None:
    held = read_data(settings(root, "3_y/a.png", validation_split=0.4))
    assert len(held.held_out) == 2
    assert "a.png" not in {picture.path.name for picture in held.held_out if picture.folder == "3_y"}
    like = {"behave_like": "legacy ps script 2023-02", "train_batch_size": 1}
    script = [read_data(settings(root, *names, **like)).by_script for names in ((), ("2_x/a.png",))]
    assert script[0] is not None and script[1] is not None
    assert script[0].total - script[1].total == 2
    left_out = {root / "train" / "2_x" / "a.png"}
    assert "2_x/a.png" not in {file.path for file in found_data(settings(root), left_out).files}


def test_the_mask_of_a_picture_that_is_left_out_is_not_missed(root: Path) -> None:
    for name in ("a", "b"):
        draw(root / "masks" / "2_x" / f"{name}.png")
    for name in ("loose, one.png", "a.png"):
        draw(root / "masks" / name)
    data = read_data(settings(root, "2_x/c.png", masked_loss=True, conditioning_data_dir=str(root / "masks")))
    assert all(picture.mask is not None for picture in data.pictures)

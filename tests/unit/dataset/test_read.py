"""Which pictures the settings ask for."""

from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from trainer.dataset.batches import instances
from trainer.dataset.captions import fixed_caption
from trainer.dataset.read import read_data, read_validation, same_data
from trainer.dataset.records import CaptionRules, DataSet, Folder, Group
from trainer.errors import DatasetError, LoraTuiError, SettingsError
from trainer.settings.model import Settings


def draw(path: Path, words: str | None = None, size: tuple[int, int] = (8, 6)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "red").save(path)
    if words is not None:
        path.with_suffix(".txt").write_text(words)
    return path


def settings_for(root: Path, **values: object) -> Settings:
    return Settings.model_validate({"train_data_dir": str(root / "train"), **values})


def read(root: Path, **values: object) -> DataSet:
    return read_data(settings_for(root, **values))


def refusal(root: Path, kind: type[LoraTuiError] = DatasetError, **values: object) -> str:
    with pytest.raises(kind) as caught:
        read(root, **values)
    assert "\n" not in caught.value.line()
    return caught.value.line()


def test_the_settings_decide_buckets_batch_and_captions(tmp_path: Path) -> None:
    draw(tmp_path / "train" / "3_x" / "a.png")
    data = read(tmp_path, resolution="768", train_batch_size=5, shuffle_caption=True, keep_tokens=2)
    assert data.groups == (Group(data.groups[0].rules, 5),)
    assert data.groups[0].rules.size == (768, 768)
    assert data.pictures[0].caption_rules == CaptionRules(shuffle=True, keep_tokens=2)
    assert (data.root, data.config) == (tmp_path / "train", "")


def test_flat_pictures_come_with_dataset_repeats(tmp_path: Path) -> None:
    draw(tmp_path / "train" / "a.png")
    assert read(tmp_path, dataset_repeats=7).folders == (Folder("train", 7, 1, 0),)


def test_every_line_of_a_caption_is_read_where_one_is_drawn(tmp_path: Path) -> None:
    draw(tmp_path / "train" / "1_x" / "a.png", " one \n\n\ttwo\r\nthree\n")
    assert read(tmp_path).pictures[0].caption == "one"
    assert read(tmp_path, enable_wildcard=True).pictures[0].caption == "one\ntwo\nthree"


def test_repeats_of_single_folders_replace_those_in_their_names(tmp_path: Path) -> None:
    for name in ("10_school", "3_frills", "0_off", "plain"):
        draw(tmp_path / "train" / name / "a.png")
    data = read(tmp_path, num_repeats=["10_school=4", "0_off=2", "plain=5"])
    assert [(folder.name, folder.repeats) for folder in data.folders] == [
        ("0_off", 2),
        ("10_school", 4),
        ("3_frills", 3),
        ("plain", 5),
    ]
    assert [picture.caption for picture in data.pictures] == ["off", "school", "frills", ""]


def test_no_repeats_leave_a_folder_out_and_say_so(tmp_path: Path) -> None:
    draw(tmp_path / "train" / "10_school" / "a.png")
    draw(tmp_path / "train" / "3_frills" / "a.png", "x")
    data = read(tmp_path, num_repeats=["10_school=0"])
    assert data.folders == (Folder("3_frills", 3, 1, 1),)
    assert tuple(note.text for note in data.notes) == ("folder 10_school is skipped: 0 repeats; 1 picture in it",)


def test_pictures_directly_in_the_folder_can_be_left_out_by_its_name(tmp_path: Path) -> None:
    draw(tmp_path / "train" / "a.png")
    draw(tmp_path / "train" / "3_x" / "b.png")
    assert read(tmp_path, num_repeats=["train=0"]).folders == (Folder("3_x", 3, 1, 0),)


def test_a_date_in_front_of_a_folder_gets_repeats_by_its_name(tmp_path: Path) -> None:
    draw(tmp_path / "train" / "20230209_x" / "a.png")
    assert read(tmp_path, num_repeats=["20230209_x=6"]).folders[0].repeats == 6


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("10_schol", "num_repeats: no folder 10_schol; expected the name of a folder with pictures; did you"),
        ("zzzzzz", "no folder zzzzzz; expected the name of a folder with pictures; remove it"),
    ],
)
def test_repeats_for_a_folder_that_is_not_there_name_the_nearest(name: str, said: str, tmp_path: Path) -> None:
    draw(tmp_path / "train" / "10_school" / "a.png")
    draw(tmp_path / "train" / "3_frills" / "a.png")
    line = refusal(tmp_path, SettingsError, num_repeats=[f"{name}=4"])
    assert said in line
    assert ("did you mean 10_school?" in line) == (name == "10_schol")


def test_repeats_reach_the_regularisation_folders_too(tmp_path: Path) -> None:
    draw(tmp_path / "train" / "2_x" / "a.png")
    draw(tmp_path / "reg" / "1_girl" / "a.png")
    data = read(tmp_path, reg_data_dir=str(tmp_path / "reg"), num_repeats="1_girl=3")
    assert data.folders[1] == Folder("1_girl", 3, 1, 0, is_reg=True)


def test_regularisation_pictures_come_beside_the_others(tmp_path: Path) -> None:
    draw(tmp_path / "train" / "5_x" / "a.png", "x, smile")
    for name in ("b", "c"):
        draw(tmp_path / "reg" / "1_girl" / f"{name}.png")
    data = read(tmp_path, reg_data_dir=str(tmp_path / "reg"))
    assert data.folders == (Folder("5_x", 5, 1, 1), Folder("1_girl", 1, 2, 0, is_reg=True))
    assert [(p.caption, p.is_reg, p.group) for p in data.pictures] == [
        ("x, smile", False, 0),
        ("girl", True, 0),
        ("girl", True, 0),
    ]
    assert Counter(instances(data)) == {0: 5, 1: 3, 2: 2}
    assert [data.name_of(picture) for picture in data.pictures] == ["5_x/a.png", "1_girl/b.png", "1_girl/c.png"]


def test_regularisation_pictures_that_are_never_shown_are_counted(tmp_path: Path) -> None:
    draw(tmp_path / "train" / "2_x" / "a.png", "x")
    for name in "bcde":
        draw(tmp_path / "reg" / "1_girl" / f"{name}.png", "girl")
    notes = read(tmp_path, reg_data_dir=str(tmp_path / "reg")).notes
    assert tuple(note.text for note in notes) == (
        "2 of 4 regularisation pictures never shown: no more are needed than there are training pictures",
    )


def test_an_empty_regularisation_folder_is_named(tmp_path: Path) -> None:
    draw(tmp_path / "train" / "2_x" / "a.png")
    (tmp_path / "reg").mkdir()
    assert refusal(tmp_path, reg_data_dir=str(tmp_path / "reg")).startswith(f"{tmp_path}/reg: an empty folder")


def test_the_same_folder_cannot_be_both(tmp_path: Path) -> None:
    draw(tmp_path / "train" / "2_x" / "a.png")
    line = refusal(tmp_path, reg_data_dir=str(tmp_path / "reg" / ".." / "train"))
    assert "reg_data_dir and train_data_dir are the same folder" in line


def test_two_folders_of_one_name_get_different_names(tmp_path: Path) -> None:
    draw(tmp_path / "train" / "2_girl" / "a.png")
    draw(tmp_path / "reg" / "2_girl" / "b.png")
    data = read(tmp_path, reg_data_dir=str(tmp_path / "reg"))
    assert [folder.name for folder in data.folders] == ["2_girl", "2_girl (reg)"]
    assert [picture.folder for picture in data.pictures] == ["2_girl", "2_girl (reg)"]


def test_validation_pictures_leave_nothing_to_chance(tmp_path: Path) -> None:
    draw(tmp_path / "train" / "a.png")
    draw(tmp_path / "held" / "a.png", "{a|b}, c ||| d\nother line")
    settings = settings_for(
        tmp_path,
        validation_data_dir=str(tmp_path / "held"),
        enable_wildcard=True,
        shuffle_caption=True,
        keep_tokens_separator="|||",
        caption_prefix="p,",
        caption_dropout_rate=0.5,
        resolution="768",
    )
    data = read_validation(settings, read_data(settings))
    assert data is not None
    assert data.pictures[0].caption == "p, a, c, d"
    assert fixed_caption(data.pictures[0]) == "p, a, c, d"
    assert data.groups[0].rules.size == (768, 768)


def test_without_caption_options_validation_captions_are_untouched(tmp_path: Path) -> None:
    draw(tmp_path / "train" / "a.png")
    draw(tmp_path / "held" / "a.png", "a,b ,,{c|d} ||| e")
    settings = settings_for(tmp_path, validation_data_dir=str(tmp_path / "held"), shuffle_caption=True)
    data = read_validation(settings, read_data(settings))
    assert data is not None
    assert data.pictures[0].caption == "a,b ,,{c|d} ||| e"
    assert read_validation(settings_for(tmp_path), read(tmp_path)) is None


def test_settings_that_decide_nothing_about_the_pictures_need_no_new_look(tmp_path: Path) -> None:
    before = settings_for(tmp_path)
    same = before.model_copy(update={"unet_lr": 1e-3, "prior_loss_weight": 0.5, "max_train_epochs": 3})
    assert same_data(before, same)
    for name, value in (("train_batch_size", 7), ("num_repeats", ["x=2"]), ("caption_prefix", "p"), ("masked_loss", 1)):
        assert not same_data(before, before.model_copy(update={name: value}))

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.dataset.batches import instances
from trainer.dataset.held_out import hold_out, outfits
from trainer.dataset.manifest import manifest_bytes, manifest_of, read_manifest
from trainer.dataset.read import read_data, read_validation
from trainer.dataset.records import BucketRules, CaptionRules, DataSet, Folder, Group, Picture
from trainer.errors import SettingsError
from trainer.settings.model import Settings

_GROUP = Group(BucketRules((64, 64), True, 32, 128, 32, False), 2)


def data_of(folders: dict[str, int], *, reg: int = 0, groups: int = 1) -> DataSet:
    """Return pictures that lie nowhere, `groups` times each folder as a data set file can have it, and regularisation ones."""
    pictures, listed = [], []
    for group in range(groups):
        for name, count in folders.items():
            listed.append(Folder(f"{name}{group or ''}", 2, count, count))
            pictures += [
                Picture(
                    Path(f"/d/{name}/{number:03}.png"),
                    f"{name}{group or ''}",
                    2,
                    64,
                    64,
                    "a, b",
                    Path("x"),
                    group=group,
                )
                for number in range(count)
            ]
    pictures += [Picture(Path(f"/r/{n}.png"), "reg", 1, 64, 64, "r", None, is_reg=True) for n in range(reg)]
    return DataSet(
        Path("/d"),
        (*listed, *([Folder("reg", 1, reg, 0, True)] if reg else [])),
        tuple(pictures),
        (),
        (_GROUP,) * groups,
    )


def split(data: DataSet, share: float = 0.0, outfit: str = "", seed: int = 0) -> DataSet:
    return hold_out(data, {folder.name: share for folder in data.folders}, outfit, seed)


@given(
    folders=st.dictionaries(st.sampled_from(["10_school", "4_beach", "night", "1_ü"]), st.integers(1, 40), min_size=1),
    share=st.floats(0.001, 0.6),
    reg=st.integers(0, 5),
    seed=st.integers(0, 9),
)
@settings(deadline=None)
def test_a_share_is_of_each_folder_its_part_and_nothing_is_lost(
    folders: dict[str, int], share: float, reg: int, seed: int
) -> None:
    data = data_of(folders, reg=reg)
    total = sum(folders.values())
    if total == 1:
        return
    made = split(data, share, seed=seed)
    assert len(made.held_out) == max(1, int(share * total + 0.5))
    held = Counter(picture.folder for picture in made.held_out)
    assert all(abs(held[name] - share * count) < 1 for name, count in folders.items()) or len(made.held_out) == 1
    assert not any(picture.is_reg for picture in made.held_out)
    assert Counter((*made.pictures, *made.held_out)) == Counter(data.pictures)
    assert {folder.name: folder.pictures for folder in made.folders} == Counter(
        picture.folder for picture in made.pictures
    )
    assert split(data, share, seed=seed) == made


def test_another_seed_holds_out_other_pictures_and_one_more_picture_hardly_any() -> None:
    data = data_of({"10_school": 40})
    first = {picture.path for picture in split(data, 0.25).held_out}
    assert first != {picture.path for picture in split(data, 0.25, seed=1).held_out}
    more = {picture.path for picture in split(data_of({"10_school": 41}), 0.25).held_out}
    assert len(first - more) <= 1


def test_a_picture_of_two_data_sets_goes_from_both() -> None:
    made = split(data_of({"10_school": 8}, groups=2), 0.25)
    assert len(made.held_out) == 4 and len({picture.path for picture in made.held_out}) == 2
    assert not {picture.path for picture in made.held_out} & {picture.path for picture in made.pictures}


@pytest.mark.parametrize("name", ["4_beach", "beach"])
def test_an_outfit_is_held_out_whole_in_place_of_a_share(name: str) -> None:
    made = split(data_of({"10_school": 5, "4_beach": 3}, reg=2), 0.5, outfit=name)
    assert {picture.folder for picture in made.held_out} == {"4_beach"} and len(made.held_out) == 3
    assert [folder.name for folder in made.folders] == ["10_school", "reg"]


def test_epochs_are_shorter_by_the_repeats_of_what_is_held_out_and_regularisation_follows() -> None:
    data = data_of({"10_school": 8}, reg=16)
    made = split(data, 0.25)
    assert len(instances(data)) == 32 and len(instances(made)) == 24


@pytest.mark.parametrize(
    ("folders", "share", "outfit", "said"),
    [
        ({"10_school": 1}, 0.1, "", "validation_split: it holds out all there is: 1 training picture"),
        ({"10_school": 4}, 0.95, "", "validation_split: it holds out all there are: 4 training pictures"),
        ({"10_school": 4}, 0.0, "school", "validation_outfit: it holds out all there are: 4 training pictures"),
        (
            {"10_school": 4, "b": 1},
            0.0,
            "beach",
            "validation_outfit: beach, and no folder of training pictures is called that",
        ),
        ({"10_school": 4}, 0.0, "reg", "expected one of 10_school"),
    ],
)
def test_what_cannot_be_held_out_is_refused(folders: dict[str, int], share: float, outfit: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        split(data_of(folders, reg=1), share, outfit)
    assert said in caught.value.line()


def test_one_outfit_of_several_may_be_held_out() -> None:
    assert outfits(data_of({"10_school": 4}, reg=3)) == []
    assert outfits(data_of({"10_school": 4, "4_beach": 2}, reg=3)) == ["10_school", "4_beach"]


def test_what_is_held_out_is_measured_without_chance_and_listed_in_the_manifest(pictures: Path) -> None:
    asked = Settings(
        train_data_dir=str(pictures / "train"),
        validation_split=0.3,
        caption_prefix="p,",
        shuffle_caption=True,
        resolution="64",
        min_bucket_reso=32,
        max_bucket_reso=128,
        bucket_reso_steps=32,
    )
    data = read_data(asked)
    held = read_validation(asked, data)
    whole = read_data(asked.model_copy(update={"validation_split": 0.0}))
    assert held is not None and len(held.pictures) + len(data.pictures) == len(whole.pictures)
    assert all(picture.caption.startswith("p, ") for picture in held.pictures)
    assert {picture.caption_rules for picture in held.pictures} == {CaptionRules()}
    manifest = manifest_of(data, held, {})
    assert read_manifest(manifest_bytes(manifest), "x") == manifest
    listed = {picture.path for picture in (*manifest.pictures, *manifest.validation)}
    assert listed == {whole.name_of(picture) for picture in whole.pictures} and manifest.validation


def test_a_folder_of_validation_pictures_leaves_all_to_train_on(pictures: Path) -> None:
    asked = Settings(train_data_dir=str(pictures / "train"), validation_split=0.5, validation_outfit="nowhere")
    with pytest.raises(SettingsError):
        read_data(asked)
    named = asked.model_copy(update={"validation_data_dir": str(pictures / "held_out")})
    assert not read_data(named).held_out
    assert len(read_data(named).pictures) == len(read_data(Settings(train_data_dir=str(pictures / "train"))).pictures)


def test_a_data_set_file_gives_each_folder_its_own_share(tmp_path: Path, pictures: Path) -> None:
    folder = next(path for path in (pictures / "train").iterdir() if path.is_dir())
    (tmp_path / "data.toml").write_text(
        f"[general]\nvalidation_split = 0.5\nresolution = 64\nmin_bucket_reso = 32\nmax_bucket_reso = 128\nbucket_reso_steps = 32\n"
        f"[[datasets]]\n[[datasets.subsets]]\nimage_dir = '{folder}'\nnum_repeats = 2\nvalidation_split = 0.0\n"
        f"[[datasets.subsets]]\nimage_dir = '{pictures / 'held_out'}'\nnum_repeats = 1\n"
    )
    data = read_data(Settings(dataset_config=str(tmp_path / "data.toml")))
    assert {picture.path.parent for picture in data.held_out} == {pictures / "held_out"}
    assert len(data.held_out) == 2

"""sd-scripts' data set file."""

from pathlib import Path

import pytest
from PIL import Image

from trainer.dataset.batches import batches_per_epoch, instances
from trainer.dataset.buckets import placements_of
from trainer.dataset.read import read_data, read_validation
from trainer.dataset.records import BucketRules, CaptionRules, DataSet, Folder
from trainer.errors import DatasetError, LoraTuiError, PathError, SettingsError
from trainer.settings.model import Settings

SUBSET = "[[datasets]]\n[[datasets.subsets]]\nimage_dir = '10_a'\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("10_a/1.png", "10_a/2.png", "b/3.png", "girl/4.png", "sets/10_a/5.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (640, 480)).save(path)
    (tmp_path / "10_a" / "1.txt").write_text("one, tag")
    (tmp_path / "10_a" / "2.caption").write_text("two")
    return tmp_path


def texts(data: DataSet) -> tuple[str, ...]:
    return tuple(note.text for note in data.notes)


def settings_for(folder: Path, text: str, **values: object) -> Settings:
    (folder / "data.toml").write_text(text)
    return Settings.model_validate({"dataset_config": str(folder / "data.toml"), **values})


def read(folder: Path, text: str, **values: object) -> DataSet:
    return read_data(settings_for(folder, text, **values))


def refusal(folder: Path, text: str, kind: type[LoraTuiError] = SettingsError, **values: object) -> str:
    with pytest.raises(kind) as caught:
        read(folder, text, **values)
    line = caught.value.line()
    assert line.startswith(str(folder))
    assert "\n" not in line
    return line.removeprefix(f"{folder}/")


def test_the_sample_of_the_facts_is_read(folder: Path) -> None:
    data = read(
        folder,
        """
        [general]
        caption_extension = ".txt"
        shuffle_caption = true
        [[datasets]]
        resolution = 512
        batch_size = 2
        enable_bucket = true
          [[datasets.subsets]]
          image_dir = "10_a"
          num_repeats = 10
        """,
    )
    assert data.folders == (Folder("10_a", 10, 2, 1),)
    assert [picture.caption for picture in data.pictures] == ["one, tag", ""]
    assert data.pictures[0].caption_rules == CaptionRules(shuffle=True)
    assert data.groups[0].batch_size == 2
    assert batches_per_epoch(data, placements_of(data)) == 10


def test_the_number_in_a_folders_name_does_not_count_as_repeats_here(folder: Path) -> None:
    assert read(folder, SUBSET).folders[0].repeats == 1
    assert read(folder, SUBSET, dataset_repeats=6).folders[0].repeats == 6


# `keep_tokens` of general, data set, subset and our settings → the one that holds
@pytest.mark.parametrize(
    ("general", "dataset", "subset", "ours", "expected"),
    [(1, 2, 3, 4, 3), (1, 2, None, 4, 2), (1, None, None, 4, 1), (None, None, None, 4, 4), (1, None, 0, 4, 0)],
)
def test_the_innermost_wins_and_our_settings_come_last(
    general: int | None, dataset: int | None, subset: int | None, ours: int, expected: int, folder: Path
) -> None:
    def line(value: int | None) -> str:
        return "" if value is None else f"keep_tokens = {value}\n"

    text = f"[general]\n{line(general)}[[datasets]]\n{line(dataset)}[[datasets.subsets]]\nimage_dir='b'\n{line(subset)}"
    assert read(folder, text, keep_tokens=ours).pictures[0].caption_rules.keep_tokens == expected


def test_every_key_of_a_data_set_reaches_its_buckets(folder: Path) -> None:
    text = """
    [general]
    enable_bucket = true
    [[datasets]]
    resolution = [768, 512]
    batch_size = 4
    min_bucket_reso = 320
    max_bucket_reso = 960
    bucket_reso_steps = 32
    [[datasets.subsets]]
    image_dir = "b"
    [[datasets]]
    resolution = "640"
    bucket_no_upscale = true
    [[datasets.subsets]]
    image_dir = "10_a"
    [[datasets]]
    enable_bucket = false
    [[datasets.subsets]]
    image_dir = "girl"
    """
    groups = read(folder, text, train_batch_size=7).groups
    assert [group.rules for group in groups] == [
        BucketRules((768, 512), True, 320, 960, 32, False),
        BucketRules((640, 640), True, 256, 1024, 64, True),
        BucketRules((512, 512), False, 256, 1024, 64, False),
    ]
    assert [group.batch_size for group in groups] == [4, 7, 7]


def test_every_key_of_a_subset_reaches_its_captions(folder: Path) -> None:
    text = """
    [[datasets]]
    [[datasets.subsets]]
    image_dir = "10_a"
    num_repeats = 3
    class_tokens = "a girl"
    caption_extension = ".caption"
    shuffle_caption = true
    keep_tokens = 2
    keep_tokens_separator = "|||"
    secondary_separator = ";;;"
    caption_prefix = "p"
    caption_suffix = "s"
    caption_dropout_rate = 0.1
    caption_dropout_every_n_epochs = 3
    caption_tag_dropout_rate = 0.2
    enable_wildcard = true
    token_warmup_min = 4
    token_warmup_step = 0.1
    alpha_mask = true
    """
    data = read(folder, text)
    words = CaptionRules("p", "s", 0.1, 3, True, True, 2, "|||", 0.2, 4, "0.1", ";;;")
    assert {picture.caption_rules for picture in data.pictures} == {words}
    assert [picture.caption for picture in data.pictures] == ["a girl", "two"]
    assert {picture.mask for picture in data.pictures} == {"alpha"}
    assert {picture.repeats for picture in data.pictures} == {3}


def test_regularisation_is_a_subset_and_fills_up(folder: Path) -> None:
    text = SUBSET + "num_repeats = 4\n[[datasets.subsets]]\nimage_dir='girl'\nis_reg = true\nclass_tokens = 'girl'\n"
    data = read(folder, text)
    assert [(picture.is_reg, picture.caption) for picture in data.pictures][1:] == [(False, "two"), (True, "girl")]
    assert instances(data) == [0] * 4 + [1] * 4 + [2] * 8


def test_class_tokens_may_stand_further_out(folder: Path) -> None:
    text = "[general]\nclass_tokens = 'g'\n[[datasets]]\n[[datasets.subsets]]\nimage_dir = 'b'\n"
    data = read(folder, text)
    assert data.pictures[0].caption == "g"
    assert texts(data) == ("1 of 1 picture in b has no caption; class_tokens is used instead: g",)
    assert read(folder, text + "class_tokens = ''\n").pictures[0].caption == ""


def test_a_subset_has_masks_of_its_own(folder: Path) -> None:
    (folder / "masks").mkdir()
    Image.new("L", (640, 480)).save(folder / "masks" / "3.png")
    text = "[[datasets]]\n[[datasets.subsets]]\nimage_dir = 'b'\nconditioning_data_dir = 'masks'\n"
    assert read(folder, text, masked_loss=True).pictures[0].mask == folder / "masks" / "3.png"
    plain = read(folder, text)
    assert plain.pictures[0].mask is None
    assert "the masks for b are ignored: masked_loss is off" in texts(plain)


def test_relative_folders_count_from_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    Image.new("RGB", (64, 64)).save(folder / "sets" / "x.png")
    (folder / "sets" / "data.toml").write_text("[[datasets]]\n[[datasets.subsets]]\nimage_dir = '../b'\n")
    data = read_data(Settings(dataset_config=str(folder / "sets" / "data.toml")))
    assert data.pictures[0].path == folder / "b" / "3.png"
    assert data.name_of(data.pictures[0]) == "b/3.png"


def test_the_same_folder_may_be_in_two_data_sets_but_not_twice_in_one(folder: Path) -> None:
    twice = "[[datasets.subsets]]\nimage_dir = '10_a'\n" * 2
    data = read(folder, f"[[datasets]]\nresolution = 512\n{twice}[[datasets]]\nresolution = 768\n{twice}")
    assert [folder.name for folder in data.folders] == ["10_a", "10_a (data set 2)"]
    assert [picture.group for picture in data.pictures] == [0, 0, 1, 1]
    assert texts(data).count("folder 10_a is skipped: it is named twice in a data set") == 2
    assert [placed.bucket for placed in placements_of(data)] == [(576, 448)] * 2 + [(896, 640)] * 2


def test_folders_of_one_name_get_different_names(folder: Path) -> None:
    data = read(folder, SUBSET + "[[datasets.subsets]]\nimage_dir = 'sets/10_a'\n")
    assert [folder.name for folder in data.folders] == ["10_a", "10_a (sets)"]
    assert Folder("10_a (sets)", 1, 1, 0) in data.folders


def test_no_repeats_leave_a_folder_out(folder: Path) -> None:
    text = SUBSET + "[[datasets.subsets]]\nimage_dir = 'nowhere'\nnum_repeats = 0\n"
    data = read(folder, text)
    assert [folder.name for folder in data.folders] == ["10_a"]
    assert "folder nowhere is skipped: 0 repeats" in texts(data)


def test_repeats_can_be_overridden_by_the_folders_name(folder: Path) -> None:
    assert read(folder, SUBSET + "num_repeats = 3\n", num_repeats="10_a=8").folders[0].repeats == 8
    with pytest.raises(SettingsError, match=r"no folder 10_b; .*did you mean 10_a\?"):
        read(folder, SUBSET, num_repeats="10_b=8")


def test_the_folders_of_the_settings_are_not_read(folder: Path) -> None:
    data = read(folder, SUBSET, train_data_dir=str(folder / "nowhere"), reg_data_dir=str(folder / "nowhere"))
    assert len(data.pictures) == 2


def test_validation_pictures_are_treated_as_the_first_data_set(folder: Path) -> None:
    text = f"[general]\ncaption_prefix = 'p,'\nnum_repeats = 0\n{SUBSET}num_repeats = 2\n"
    text = text.replace("[[datasets]]\n", "[[datasets]]\nresolution = 768\n", 1)
    (folder / "b" / "3.txt").write_text("three")
    settings = settings_for(folder, text, validation_data_dir=str(folder / "b"))
    data = read_validation(settings, read_data(settings))
    assert data is not None
    assert data.pictures[0].caption == "p, three"
    assert data.groups[0].rules.size == (768, 768)


@pytest.mark.parametrize(
    "line",
    [
        "flip_aug = false",
        "color_aug = 0",
        "random_crop = false",
        "caption_separator = ','",
        "network_multiplier = 1.0",
        "validation_split = 0.0",
        "validation_seed = 7",
        "cache_info = true",
        "custom_attributes = {}",
    ],
)
def test_an_option_that_is_switched_off_changes_nothing(line: str, folder: Path) -> None:
    assert read(folder, f"[general]\n{line}\n{SUBSET}").pictures == read(folder, SUBSET).pictures


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            f"{SUBSET}flip_aug = true",
            "data.toml line 4: flip_aug: true, an option of sd-scripts that lora-tui does not support",
        ),
        (f"{SUBSET}color_aug = true", "put mirrored or cropped copies beside them instead"),
        (f"[general]\nrandom_crop = true\n{SUBSET}", "data.toml line 2: random_crop: true, an option"),
        (f"{SUBSET}face_crop_aug_range = '2.0,4.0'", "line 4: face_crop_aug_range"),
        (f"{SUBSET}metadata_file = 'meta.json'", "put the captions as text files beside the pictures"),
        (f"{SUBSET}caption_separator = ';'", "tags are separated by commas"),
        (f"[general]\nvalidation_split = 1.5\n{SUBSET}", "line 2: validation_split: 1.5; expected a number from 0"),
        # unknown and misplaced keys
        (
            f"{SUBSET}shufle_caption = true",
            "unknown key in a data set file: `shufle_caption`; did you mean `shuffle_caption`?",
        ),
        (f"[generl]\n{SUBSET}", "data.toml: generl: unknown key in a data set file: `generl`; did you mean `general`?"),
        (f"{SUBSET}zzz = 1", "unknown key in a data set file: `zzz`; remove it"),
        (f"{SUBSET}resolution = 768", "line 4: resolution: this key is under [[datasets.subsets]]; expected under"),
        (f"[general]\nimage_dir = 'x'\n{SUBSET}", "line 2: image_dir: this key is under [general]; expected under"),
        (SUBSET.replace("]]\n[[", "]]\nis_reg = true\n[[", 1), "line 2: is_reg: this key is under [[datasets]]"),
        # wrong values, in our settings' words
        (f"{SUBSET}num_repeats = -1", "line 4: num_repeats: -1; expected"),
        (f"{SUBSET}num_repeats = 'ten'", 'line 4: num_repeats: "ten"; expected a whole number'),
        (f"{SUBSET}caption_dropout_rate = 2", "line 4: caption_dropout_rate: 2; expected a number from 0 to 1"),
        (f"{SUBSET}is_reg = 1", "line 4: is_reg: 1; expected true or false"),
        (f"{SUBSET}class_tokens = 5", "line 4: class_tokens: 5; expected text"),
        (f"[general]\nbatch_size = 0\n{SUBSET}", "line 2: batch_size: 0; expected"),
        (f"[general]\nresolution = [512]\n{SUBSET}\n[[datasets]]\nresolution = [1, 2, 3]\n", "line 8: resolution"),
        (
            f"[general]\nresolution = 2048\n{SUBSET}",
            "line 2: resolution: 2048 lies outside the buckets; expected min_b",
        ),
        (f"[general]\nmin_bucket_reso = 600\n{SUBSET}", "512 lies outside the buckets"),
        # tables that are missing or wrong
        ("", "data.toml: [[datasets]]: missing; expected at least one table"),
        ("[general]\nshuffle_caption = true\n", "[[datasets]]: missing"),
        ("[[datasets]]\nresolution = 512\n", "data.toml: [[datasets]] 1: [[datasets.subsets]]: missing"),
        ("[datasets]\nresolution = 512\n", "[[datasets]]: a table; expected at least one table of this kind"),
        ("general = 5\n", "data.toml: [general]: 5; expected a table"),
        ("[[datasets]]\n[[datasets.subsets]]\nnum_repeats = 2\n", "[[datasets.subsets]] 1.1: image_dir: missing"),
        (f"{SUBSET}[[datasets.subsets]]\nimage_dir = ' '\n", 'line 5: image_dir: " "; expected the folder with'),
        # no TOML
        ("[[datasets]\n", "data.toml line 1: broken TOML"),
        ('[[datasets]]\n[[datasets.subsets]]\nimage_dir = "F:\\xmas"\n', "line 3: a backslash in double quotes"),
        ('[[datasets]]\n[[datasets.subsets]]\nimage_dir = "F:\\fur"\n', "line 3: a backslash in double quotes"),
        ("[general]\nshuffle_caption = True\n", "line 2: True does not exist in TOML; write true"),
        # JSON
        ('{"datasets": []}', "data.toml: [[datasets]]: []; expected at least one table"),
        ('{"datasets": [\n{"subsets": ]}', "data.toml line 2: broken JSON"),
        ('{"datasets": [{"subsets": [{"image_dir": "10_a", "num_repeats": -1}]}]}', "num_repeats: -1; expected"),
        ('{"a":' * 9999, "data.toml: "),
    ],
)
def test_what_is_wrong_in_a_data_set_file_is_one_line_with_its_place(text: str, said: str, folder: Path) -> None:
    assert said in refusal(folder, text)


def test_all_keys_that_cannot_stay_are_named_at_once(folder: Path) -> None:
    text = f"[genral]\n[general]\nrandom_crop = true\nzzz = 1\n{SUBSET}batch_size = 3\n"
    with pytest.raises(SettingsError) as caught:
        read(folder, text)
    line, details = caught.value.line(), caught.value.details
    assert "4 keys that lora-tui does not know there: `genral`, `random_crop`, `zzz`, `batch_size`" in line
    assert [detail.partition(":")[0] for detail in details] == ["genral", "line 3", "line 4", "line 8"]
    assert details[-1].endswith("move it to [[datasets]]")


def test_the_second_of_two_equal_keys_is_found_at_its_own_line(folder: Path) -> None:
    text = SUBSET + "keep_tokens = 1\n" + SUBSET.replace("10_a", "b") + "keep_tokens = 999\n"
    assert refusal(folder, text).startswith("data.toml line 8: keep_tokens: 999; expected a whole number from 0 to 255")


def test_json_says_the_same_as_toml(folder: Path) -> None:
    (folder / "data.json").write_text(
        '{"datasets": [{"batch_size": 2, "subsets": [{"image_dir": "10_a", "num_repeats": 3}]}]}'
    )
    (folder / "data.toml").write_text(f"[[datasets]]\nbatch_size = 2\n{SUBSET.partition(chr(10))[2]}num_repeats = 3\n")
    one, other = (read_data(Settings(dataset_config=str(folder / name))) for name in ("data.json", "data.toml"))
    assert [picture.repeats for picture in one.pictures] == [picture.repeats for picture in other.pictures] != []
    assert one.groups == other.groups
    (folder / "data.json").write_text("[]")
    with pytest.raises(SettingsError, match=r"data\.json: JSON, but not a table"):
        read_data(Settings(dataset_config=str(folder / "data.json")))


def test_a_missing_file_and_a_missing_folder_are_named(folder: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.toml: no such file; expected a data set file"):
        read_data(Settings(dataset_config=str(folder / "gone.toml")))
    missing = refusal(folder, SUBSET.replace("10_a", "gone"), DatasetError)
    assert missing.startswith("gone: no such folder")


def test_a_wrong_path_is_one_line(folder: Path) -> None:
    text = SUBSET.replace("'10_a'", '"a\\u0000b"')
    line = refusal(folder, text, PathError)
    assert line.endswith("data.toml: a\\x00b: a zero byte; expected a path that a file can have")


def test_a_folder_without_pictures_is_named(folder: Path) -> None:
    (folder / "empty").mkdir()
    text = SUBSET + "[[datasets.subsets]]\nimage_dir = 'empty'\n"
    assert refusal(folder, text, DatasetError).startswith("empty: an empty folder")


def test_regularisation_alone_is_not_a_data_set(folder: Path) -> None:
    text = SUBSET + SUBSET.replace("10_a", "girl") + "is_reg = true\n"
    assert refusal(folder, text, DatasetError).startswith("data.toml [[datasets]] 2: no folder to train on; expected")

"""The subject, its file, and how settings take their blanks from it."""

import os
from pathlib import Path

import pytest

from trainer.errors import SettingsError
from trainer.settings.model import Settings
from trainer.settings.subject import Subject, load_subject, resolve, save_subject, subject_path

FULL = Subject(
    name="hifumi",
    trigger="hifumi_chan",
    train_data_dir="data/train",
    validation_data_dir="data/held out",
    pretrained_model_name_or_path="demo",
    outfits={"3_school": "school uniform, backpack", "3_frills": "frilled dress"},
    prompts={"plain": 'hifumi_chan, 1girl\x1b[31m "quoted"', "red": "hifumi_chan, red dress"},
    seeds=[0, 7, 2**40],
    negative_prompt="lowres",
    checklist=["halo", "collar [bold]"],
    champion="hifumi-000004",
)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "subjects").mkdir()
    save_subject(FULL, tmp_path / "subjects" / "hifumi.toml")
    return tmp_path


@pytest.mark.parametrize("subject", [FULL, Subject(name="empty")])
def test_a_subject_written_and_read_back_is_equal(subject: Subject, tmp_path: Path) -> None:
    save_subject(subject, tmp_path / "s.toml")
    assert load_subject(tmp_path / "s.toml") == subject


def test_a_subject_without_a_name_takes_its_files(tmp_path: Path) -> None:
    (tmp_path / "hifumi.toml").write_text('trigger = "x"\n')
    assert load_subject(tmp_path / "hifumi.toml").name == "hifumi"


def test_saving_a_subject_keeps_comments_and_what_did_not_change(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text('name = "s"\ntrigger = "old"  # to be tried\nseeds = [1,2]\n\n[outfits]\n# two so far\na = "b"\n')
    save_subject(load_subject(path).model_copy(update={"trigger": "new"}), path)
    text = path.read_text()
    assert 'trigger = "new"  # to be tried\nseeds = [1,2]\n' in text
    assert '# two so far\na = "b"\n' in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("triger = 'x'", "s.toml line 1: triger: unknown setting `triger`; did you mean `trigger`?"),
        ("name = 5", "s.toml line 1: name: 5; expected text"),
        ("\nseeds = ['a']", 's.toml line 2: seeds: "a"; expected a list of whole numbers'),
        ("outfits = ['a']", "expected a table of texts"),
        ("checklist = 'halo'", '"halo"; expected a list of texts'),
        ("name = ", "broken TOML"),
    ],
)
def test_a_wrong_subject_file_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_subject(tmp_path / "s.toml")
    assert said in caught.value.line()
    assert "\n" not in caught.value.line()


def test_a_subject_is_found_beside_the_settings_or_above_them(workspace: Path) -> None:
    expected = workspace / "subjects" / "hifumi.toml"
    assert subject_path(workspace / "hifumi.toml", "hifumi") == expected
    assert subject_path(workspace / "bakes" / "0001-x" / "settings.toml", "hifumi") == expected
    assert subject_path(workspace / "hifumi.toml", "somebody") is None


def test_blanks_come_from_the_subject_and_paths_become_absolute(workspace: Path) -> None:
    resolved = resolve(Settings(subject="hifumi"), workspace / "try" / "one.toml")
    assert resolved.train_data_dir == str(workspace / "data" / "train")
    assert resolved.validation_data_dir == str(workspace / "data" / "held out")
    assert resolved.pretrained_model_name_or_path == "demo"
    assert resolved.output_name == "hifumi"


def test_what_the_settings_say_wins_over_the_subject_and_counts_from_their_own_folder(workspace: Path) -> None:
    mine = Settings(
        subject="hifumi", train_data_dir="../mine", pretrained_model_name_or_path="/b/base", output_name="x"
    )
    resolved = resolve(mine, workspace / "try" / "one.toml")
    assert resolved.train_data_dir == str(workspace / "mine")
    assert resolved.pretrained_model_name_or_path == "/b/base"
    assert resolved.output_name == "x"


def test_every_other_path_counts_from_the_settings_file_too(workspace: Path) -> None:
    mine = Settings(
        subject="hifumi",
        reg_data_dir="../reg",
        conditioning_data_dir="masks",
        dataset_config="data.toml",
        vae="~/vae.safetensors",
        network_weights="/loras/first.safetensors",
    )
    resolved = resolve(mine, workspace / "try" / "one.toml")
    assert resolved.reg_data_dir == str(workspace / "reg")
    assert resolved.conditioning_data_dir == str(workspace / "try" / "masks")
    assert resolved.dataset_config == str(workspace / "try" / "data.toml")
    assert resolved.vae == os.path.expanduser("~/vae.safetensors")
    assert resolved.network_weights == "/loras/first.safetensors"
    blank = resolve(Settings(subject="hifumi"), workspace / "one.toml")
    assert [blank.reg_data_dir, blank.conditioning_data_dir, blank.dataset_config, blank.vae] == [""] * 4


def test_a_data_set_file_stands_in_for_the_pictures_folder(tmp_path: Path) -> None:
    settings = Settings(dataset_config="data.toml", pretrained_model_name_or_path="demo")
    resolved = resolve(settings, tmp_path / "one.toml")
    assert (resolved.train_data_dir, resolved.dataset_config) == ("", str(tmp_path / "data.toml"))


def test_resolving_twice_changes_nothing(workspace: Path) -> None:
    once = resolve(Settings(subject="hifumi"), workspace / "one.toml")
    assert resolve(once, workspace / "elsewhere" / "two.toml") == once


def test_without_a_subject_the_settings_stand_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/hifumi")
    settings = Settings(train_data_dir="~/pictures", pretrained_model_name_or_path="demo")
    resolved = resolve(settings, tmp_path / "one.toml")
    assert (resolved.train_data_dir, resolved.validation_data_dir) == ("/home/hifumi/pictures", "")
    assert resolved.output_name == "lora"


def test_a_folder_called_demo_is_a_folder_and_the_base_called_demo_is_the_demo(tmp_path: Path) -> None:
    resolved = resolve(Settings(train_data_dir="demo", pretrained_model_name_or_path="demo"), tmp_path / "one.toml")
    assert resolved.train_data_dir == str(tmp_path / "demo")
    assert resolved.pretrained_model_name_or_path == "demo"


def test_a_relative_settings_path_counts_from_the_current_folder(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace)
    assert resolve(Settings(subject="hifumi"), Path("one.toml")).train_data_dir == str(workspace / "data" / "train")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings(subject="somebody"), "one.toml: subject: no subjects/somebody.toml beside this file"),
        (Settings(pretrained_model_name_or_path="demo"), "train_data_dir: blank; expected the pictures' folder"),
        (Settings(train_data_dir="x"), "pretrained_model_name_or_path: blank; expected the base model; set it here"),
    ],
)
def test_a_needed_path_or_subject_that_is_nowhere_is_one_line(settings: Settings, said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve(settings, tmp_path / "one.toml")
    assert said in caught.value.line()


def test_a_path_that_no_file_can_hold_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"gr\xfcn")
    with pytest.raises(SettingsError) as caught:
        resolve(Settings(train_data_dir="x", pretrained_model_name_or_path="demo"), folder / "one.toml")
    caught.value.line().encode("utf-8")
    with pytest.raises(SettingsError, match="rename the folder"):
        save_subject(Subject(train_data_dir=str(folder)), tmp_path / "s.toml")


def test_all_unknown_keys_of_a_subject_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text("triger = 'x'\nname = 5\nseedz = [1]\n")
    with pytest.raises(SettingsError) as caught:
        load_subject(tmp_path / "s.toml")
    assert "2 keys that lora-tui does not know there: `triger`, `seedz`" in caught.value.line()
    assert caught.value.details == ("line 1: triger: did you mean `trigger`?", "line 3: seedz: did you mean `seeds`?")

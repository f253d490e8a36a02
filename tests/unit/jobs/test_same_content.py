"""What a bake stands on: no setting that names a file is forgotten."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from replaced_file import ReplacedFile

from trainer.dataset.manifest import ListedModel, ListedPicture, Manifest, manifest_of
from trainer.dataset.manifest_changes import picture_changes
from trainer.dataset.read import read_data, read_validation
from trainer.errors import ModelError
from trainer.jobs.same_content import Provenance, check_same_models, models_now
from trainer.models.model_content import ModelContent
from trainer.settings.describe import fields, settings_naming
from trainer.settings.model import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings in which every setting for data names something."""
    for place in ("train/2_cat/a", "reg/1_animal/b", "masks/a", "masks/d", "held/c", "own/d"):
        path = (tmp_path / place).with_suffix(".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((64, 64), 99).convert("RGB").save(path)
        path.with_suffix(".txt").write_text(f"words of {path.stem}")
    toml = tmp_path / "data.toml"
    toml.write_text("[[datasets]]\nresolution = 512\n[[datasets.subsets]]\nimage_dir = 'own'\n# note\n")
    return Settings(
        train_data_dir=str(tmp_path / "train"),
        reg_data_dir=str(tmp_path / "reg"),
        conditioning_data_dir=str(tmp_path / "masks"),
        validation_data_dir=str(tmp_path / "held"),
        dataset_config=str(toml),
        masked_loss=True,
    )


def manifest(settings: Settings) -> Manifest:
    data = read_data(settings)
    return manifest_of(data, read_validation(settings, data), {})


DATA = {
    "train_data_dir": ["2_cat/a.png", "2_cat/a.txt"],
    "reg_data_dir": ["1_animal/b.png", "1_animal/b.txt"],
    "conditioning_data_dir": ["a.png"],
    "validation_data_dir": ["c.png", "c.txt"],
    "dataset_config": ["", "../own/d.png", "../own/d.txt"],
}


@pytest.mark.parametrize("setting", settings_naming("data"))
def test_whatever_changes_in_the_data_that_a_setting_names_is_named(setting: str, settings: Settings) -> None:
    if setting != "dataset_config":
        settings = settings.model_copy(update={"dataset_config": ""})
    before = manifest(settings)
    for name in DATA[setting]:
        path = Path(getattr(settings, setting))
        path = path.parent / name.removeprefix("../") if setting == "dataset_config" and name else path / name
        with ReplacedFile(path):
            assert picture_changes(before, manifest(settings)), name
    assert picture_changes(before, manifest(settings)) == []


def test_every_setting_that_names_a_file_says_what_that_decides() -> None:
    paths = {info.name for info in fields() if info.kind == "path"}
    roles = [settings_naming(role) for role in ("weights", "data", "samples")]
    assert sorted(name for names in roles for name in names) == sorted(paths)
    assert roles[2] == ("sample_prompts",)


def test_a_model_that_is_missing_is_named_with_its_setting(tmp_path: Path) -> None:
    for name in settings_naming("weights"):
        settings = Settings.model_validate({name: str(tmp_path / "gone.safetensors")})
        with pytest.raises(ModelError, match=r"gone\.safetensors: no such file"):
            models_now(settings)
    assert models_now(Settings(pretrained_model_name_or_path="")) == {}


@pytest.mark.parametrize("before, now", [("1", "2"), ("", "2"), ("1", "")])
def test_a_model_that_came_went_or_changed_is_refused(before: str, now: str) -> None:
    setting = settings_naming("weights")[1]
    was = Manifest(models={setting: ListedModel(before * 64, 1)} if before else {})
    found = {setting: ModelContent(now * 64, 1)} if now else {}
    with pytest.raises(ModelError) as caught:
        check_same_models(Provenance(was, 7), Settings(vae="/v.safetensors" if now else ""), found)
    assert all((each * 12 or "none") in caught.value.line() for each in (before, now))


def test_thousands_of_changes_are_counted_and_the_first_are_named() -> None:
    def data(caption: str) -> Manifest:
        one: Callable[[int], ListedPicture] = lambda number: ListedPicture(  # noqa: E731
            f"{number:04}.png", "1" * 64, 1, 1, 1, 1, caption, False, 0, None
        )
        return Manifest(pictures=tuple(map(one, range(3000))))

    notes = Provenance(data("cat"), 7).notes(data("dog"), 20)
    assert notes[:2] == [
        "the data changed in 3,000 places since bake 7 saved its state:",
        "changed: 0000.png: another caption",
    ]
    assert (len(notes), notes[-1]) == (22, "changed: 2,980 more")


def test_without_a_list_it_says_what_was_not_checked() -> None:
    (line,) = Provenance(None, 7).notes(Manifest(), 20)
    assert "was not checked" in line
    (line,) = Provenance(Manifest(format=1), 7).notes(Manifest(), 20)
    assert "older lora-tui" in line and "was not checked" in line

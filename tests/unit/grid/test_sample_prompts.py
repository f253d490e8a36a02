"""Which sample pictures come of settings, subject and prompt file."""

from pathlib import Path
from typing import Any

import pytest

from trainer.errors import GridError, SettingsError
from trainer.grid.recipe import Recipe
from trainer.grid.sample_prompts import check_samples, sample_pictures
from trainer.models.identify import identify_base
from trainer.settings.model import Settings
from trainer.settings.subject import Subject, save_subject

DEMO = identify_base("demo")


@pytest.fixture
def near(tmp_path: Path) -> Path:
    """The settings file of a bake, in whose workspace there is a subject."""
    (tmp_path / "subjects").mkdir()
    subject = Subject(
        prompts={"at/night": "a girl, night", "day": "a girl, <lora:other:0.5> day"},
        seeds=[5, 2**32 - 1],
        negative_prompt="blurry",
    )
    save_subject(subject, tmp_path / "subjects" / "who.toml")
    (tmp_path / "bakes" / "0001-who").mkdir(parents=True)
    return tmp_path / "bakes" / "0001-who" / "settings.toml"


def recipes(settings: Settings, near: Path, *, zero: bool = False) -> dict[str, Recipe]:
    pictures = sample_pictures(settings, near, DEMO, "v" if zero else "epsilon", zero_terminal_snr=zero)
    return {picture.name: picture.recipe for picture in pictures}


def test_the_subjects_prompts_come_with_its_first_seed_and_negative_prompt(make_settings: Any, near: Path) -> None:
    made = recipes(make_settings(subject="who", clip_skip=2, pretrained_model_name_or_path="demo"), near)
    assert list(made) == ["01-at_night-s1", "02-day-s1"]
    first = made["01-at_night-s1"]
    assert (first.prompt, first.negative_prompt, first.seed) == ("a girl, night", "blurry", 5)
    assert (first.base, first.clip_skip, first.width, first.height) == ("demo", 2, 64, 64)


def test_more_seeds_are_the_subjects_next_ones_and_then_count_on(make_settings: Any, near: Path) -> None:
    made = recipes(make_settings(subject="who", sample_seeds=3), near)
    assert [recipe.seed for recipe in made.values()][:3] == [5, 2**32 - 1, 0]


def test_lora_tags_are_left_out_of_samples(make_settings: Any, near: Path) -> None:
    made = recipes(make_settings(subject="who"), near)["02-day-s1"]
    assert (made.prompt, made.loras) == ("a girl,  day", ())


def test_settings_say_how_pictures_are_made(make_settings: Any, near: Path) -> None:
    chosen = {"sample_sampler": "Euler", "sample_steps": 3, "sample_cfg_scale": 1, "sample_resolution": "128,64"}
    made = recipes(make_settings(subject="who", **chosen), near)["01-at_night-s1"]
    assert (made.sampler, made.steps, made.cfg_scale, made.width, made.height) == ("Euler", 3, 1, 128, 64)


def test_zero_terminal_snr_brings_the_guidance_back(make_settings: Any, near: Path) -> None:
    made = recipes(make_settings(subject="who"), near, zero=True)["01-at_night-s1"]
    assert (made.prediction, made.zero_terminal_snr, made.guidance_rescale) == ("v", True, 0.7)


def test_a_prompt_file_has_the_last_word(make_settings: Any, near: Path, tmp_path: Path) -> None:
    file = tmp_path / "p.txt"
    file.write_text("a cat --d 3 --s 4 --l 2 --w 64 --h 128 --ss euler_a --n dog\na cow")
    settings = make_settings(subject="who", sample_prompts=str(file), sample_seeds=2, sample_steps=9)
    cat, *cows = recipes(settings, near).values()
    assert (cat.prompt, cat.negative_prompt, cat.seed, cat.steps) == ("a cat", "dog", 3, 4)
    assert (cat.cfg_scale, cat.width, cat.height, cat.sampler) == (2, 64, 128, "Euler a")
    assert [(cow.prompt, cow.negative_prompt, cow.seed, cow.steps) for cow in cows] == [
        ("a cow", "", 5, 9),
        ("a cow", "", 2**32 - 1, 9),
    ]


def test_without_a_subject_the_bakes_seed_is_taken(make_settings: Any, near: Path, tmp_path: Path) -> None:
    file = tmp_path / "p.txt"
    file.write_text("a cat")
    assert [made.seed for made in recipes(make_settings(sample_prompts=str(file)), near).values()] == [3]


def test_samples_that_nobody_asked_for_are_not_looked_at(make_settings: Any, near: Path) -> None:
    check_samples(make_settings(), near, DEMO)
    check_samples(make_settings(sample_prompts="/nowhere.txt"), near, DEMO)


@pytest.mark.parametrize("when", [{"sample_at_first": True}, {"sample_every_n_epochs": 1}, {"sample_every_n_steps": 9}])
def test_samples_without_a_prompt_are_refused(make_settings: Any, near: Path, when: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="sample_prompts: blank, and the subject has no prompts"):
        check_samples(make_settings(**when), near, DEMO)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[a:b:0.5]", "sample prompt 01"),
        ("a --ss dpm_2", "sampler: dpm_2"),
        ("a --ss er_sde", "ER SDE, which is not for SD1.x"),
        ("<lora:a:x>", "LoRA tag"),
    ],
)
def test_a_prompt_that_means_nothing_here_is_refused(
    make_settings: Any, near: Path, tmp_path: Path, line: str, said: str
) -> None:
    file = tmp_path / "p.txt"
    file.write_text(line)
    with pytest.raises(GridError, match=said):
        check_samples(make_settings(sample_at_first=True, sample_prompts=str(file)), near, DEMO)

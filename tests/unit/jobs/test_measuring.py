"""What a plan says of the measures of each saved LoRA."""

from pathlib import Path

import pytest

import trainer.jobs.measuring
from trainer.demo.workspace import make_demo
from trainer.jobs.measuring import measuring_lines, measuring_seconds
from trainer.jobs.preflight import PlannedBake, prepare
from trainer.settings.model import Settings
from trainer.settings.subject import resolve
from trainer.settings.toml_file import load_settings


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo(tmp_path_factory.mktemp("demo") / "demo").root / "hifumi.toml"


def planned(demo: Path, **changes: object) -> PlannedBake:
    values = load_settings(demo).model_dump() | changes
    return prepare(resolve(Settings.model_validate(values), demo))


def test_nothing_is_said_of_what_is_off(demo: Path) -> None:
    assert measuring_lines(planned(demo, measure_weights=True), demo) == ()


def test_what_each_part_does_has_its_price(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "what each part does: 16 pictures at 4 times, 192 passes per saved LoRA"
    assert measuring_lines(planned(demo, measure_parts=True), demo) == (line,)
    monkeypatch.setattr(trainer.jobs.measuring, "_pass_seconds", lambda ready, path: 0.05)
    ready = planned(demo, measure_parts=True, max_train_epochs=3)
    assert len(ready.plan.saves) == 3
    assert measuring_lines(ready, demo) == (f"{line}, about 10 s, 29 s in all",)


def test_one_part_takes_one_pass_of_each(demo: Path) -> None:
    (line,) = measuring_lines(planned(demo, measure_parts=True, network_train_unet_only=True), demo)
    assert line.endswith(" 64 passes per saved LoRA")


def test_memorization_has_its_price_and_says_what_it_needs(demo: Path) -> None:
    both = "16 held-out pictures at 6 times and 16 trained ones, with and without captions, 384 passes per saved LoRA"
    assert measuring_lines(planned(demo, measure_memorization=True, measure_validation=True), demo) == (
        f"memorization: {both}",
    )
    assert measuring_lines(planned(demo, measure_validation=True), demo) == (
        "by bands: 16 held-out pictures at 6 times, 96 passes per saved LoRA",
    )


def test_too_few_pictures_for_memorization_are_said_before_the_bake(demo: Path) -> None:
    settings = resolve(load_settings(demo), demo).model_copy(
        update={"validation_data_dir": "", "validation_split": 0.1, "measure_memorization": True}
    )
    price, warning = measuring_lines(prepare(settings), demo)
    assert price.startswith("memorization: 2 held-out pictures at 6 times and 2 trained ones, ")
    assert warning == "no claim on memorization can be made: that takes at least 4 held-out pictures"


def test_pictures_have_their_price_and_what_is_measured_in_them(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer.jobs.measuring, "_pass_seconds", lambda ready, path: 0.02)
    price, made = measuring_lines(planned(demo, measure_pictures=True), demo)
    assert price == (
        "test pictures: 7 prompts × 2 seeds = 14 pictures, 336 passes per saved LoRA, about 7 s, 40 s in all;"
        " as many of the base once, which later bakes find again"
    )
    assert made == (
        "measured in them: drift, token effect, bleed, fine detail, saturation, static;"
        " no outfits: the subject has fewer than two with pictures"
    )


def test_larger_pictures_take_longer_and_prompts_without_room_are_counted(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer.jobs.measuring, "_pass_seconds", lambda ready, path: 0.02)
    few = {"measure_pictures": True, "measure_pictures_most": 4, "sample_cfg_scale": 1, "sample_steps": 25}
    small, made = measuring_lines(planned(demo, **few), demo)
    large, _ = measuring_lines(planned(demo, sample_resolution="128", **few), demo)
    assert "2 prompts × 2 seeds = 4 pictures, 100 passes per saved LoRA, about 2 s" in small
    assert "100 passes per saved LoRA, about 8 s" in large
    assert made.endswith("5 prompts left out, for which measure_pictures_most leaves no room")


@pytest.mark.parametrize(
    ("changes", "passes"),
    [
        ({}, 0),
        ({"measure_parts": True}, 192),
        ({"measure_validation": True}, 96),
        # Memorization measures the held-out pictures as well.
        ({"measure_validation": True, "measure_memorization": True}, 384),
        ({"measure_pictures": True}, 336),
        ({"measure_pictures": True, "sample_resolution": "128", "measure_parts": True}, 4 * 336 + 192),
    ],
)
def test_the_seconds_of_measures_are_those_of_their_passes(demo: Path, changes: dict[str, object], passes: int) -> None:
    # A step of four pictures, forward and backward, is eight passes.
    assert measuring_seconds(planned(demo, **changes), demo, 8.0) == pytest.approx(passes)

"""Rates ×10 and ×0.1 stand apart in the measures of the weights beyond the noise between seeds; all figures are in docs/experiments.md."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from run_bakes import BakeRunner

from trainer.demo.workspace import make_demo
from trainer.journal.journal import Journal
from trainer.measures.of_weights import DELTA_SHARE, MOVEMENT
from trainer.noise_floor.floors import NoiseFloors
from trainer.noise_floor.record import Standing
from trainer.noise_floor.values import ValueKey
from trainer.settings.subject import resolve
from trainer.settings.toml_file import load_settings

SEEDS, STEPS = (0, 1, 2), 30
SHORT = ("max_train_epochs=", f"max_train_steps={STEPS}", "save_every_n_epochs=", "save_every_n_steps=15")
RATES = {
    "x1": (),
    "U-Net x10": ("unet_lr=2e-2",),
    "U-Net x0.1": ("unet_lr=2e-4",),
    "text encoder x10": ("text_encoder_lr=1e-2",),
    "text encoder x0.1": ("text_encoder_lr=1e-4",),
}
UNET, ENCODER = ValueKey(DELTA_SHARE.key, "unet", ""), ValueKey(DELTA_SHARE.key, "text_encoder", "")


@pytest.fixture(scope="module")
def bakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[NoiseFloors, dict[str, list[int]]]]:
    """Three seeds of each rate, baked on the demo, and the noise of their journal."""
    workspace = make_demo(tmp_path_factory.mktemp("rates") / "demo")
    file = Path(workspace.root / "hifumi.toml")
    numbers: dict[str, list[int]] = {}
    with Journal(workspace.journal_path) as journal:
        runner = BakeRunner(workspace.root, journal)
        for name, changes in RATES.items():
            for seed in SEEDS:
                overrides = [*SHORT, *changes, f"seed={seed}", "validation_data_dir="]
                runner.bake(resolve(load_settings(file, overrides), file))
                numbers.setdefault(name, []).append(journal.bakes.latest()[0].number)
        yield NoiseFloors(journal), numbers


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("name", "key"),
    [("U-Net x10", UNET), ("U-Net x0.1", UNET), ("text encoder x10", ENCODER), ("text encoder x0.1", ENCODER)],
)
def test_a_rate_stands_apart_in_the_size_of_its_parts_change(bakes, name: str, key: ValueKey) -> None:
    floors, numbers = bakes
    compared = floors.compare(numbers["x1"], numbers[name], key, STEPS)
    assert compared is not None
    assert (compared.first_bakes, compared.second_bakes) == (3, 3)
    assert compared.standing is Standing.OUTSIDE, compared
    assert compared.times is not None and compared.times > 2
    assert (compared.difference > 0) is ("x10" in name)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_rate_of_one_part_shows_far_less_in_the_others(bakes) -> None:
    floors, numbers = bakes
    for name, own, other in (("U-Net x0.1", UNET, ENCODER), ("text encoder x0.1", ENCODER, UNET)):
        apart = {key: floors.compare(numbers["x1"], numbers[name], key, STEPS) for key in (own, other)}
        assert abs(apart[own].difference) > 3 * abs(apart[other].difference), name


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_one_seed_beside_another_does_not_stand_apart_everywhere(bakes) -> None:
    floors, numbers = bakes
    one, other, _ = numbers["x1"]
    keys = [UNET, ENCODER, ValueKey(MOVEMENT.key, "unet", ""), ValueKey(MOVEMENT.key, "text_encoder", "")]
    found = [floors.compare([one], [other], key, STEPS) for key in keys]
    assert Standing.INSIDE in {each.standing for each in found if each is not None}

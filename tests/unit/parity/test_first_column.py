"""The first column of the table against the plan of the same settings: both count the same pictures, steps and buckets."""

from collections.abc import Callable
from pathlib import Path

import pytest
from odd_folder import SMALL, SQUARE, TALL, WIDE, odd_folder, put, worked_folder

from trainer.dataset.dataset_toml import read_dataset_toml
from trainer.dataset.found_files import found_data
from trainer.dataset.read import read_data
from trainer.errors import LoraTuiError
from trainer.parity.columns import asked_settings, first_column
from trainer.plan.behaviour import imitate
from trainer.plan.plan import make_plan
from trainer.profiles.registry import OURS, PROFILES
from trainer.settings.model import Settings


def flat(root: Path) -> dict[str, object]:
    put(root / "set", ["a.png", "b.PNG"], SQUARE)
    return {"train_data_dir": str(root / "set"), "dataset_repeats": 4}


def named_root(root: Path) -> dict[str, object]:
    put(root / "7_her", ["a.png", "b.jpg"], WIDE)
    put(root / "7_her" / "2_in", ["c.png"], TALL)
    return {"train_data_dir": str(root / "7_her")}


def given_repeats(root: Path) -> dict[str, object]:
    worked_folder(root / "set")
    put(root / "set" / "3_b", ["a.png"], WIDE)
    put(root / "set" / "extra", ["a.png", "b.png"], TALL)
    return {"train_data_dir": str(root / "set"), "num_repeats": ["10_a=2", "3_b=0", "extra=5"]}


def regularised(root: Path) -> dict[str, object]:
    odd_folder(root / "set")
    put(root / "reg" / "3_r", [f"{n}.png" for n in range(20)], TALL)
    return {"train_data_dir": str(root / "set"), "reg_data_dir": str(root / "reg")}


def data_set_file(root: Path) -> dict[str, object]:
    put(root / "10_one", ["a.png", "b.png"], SQUARE)
    put(root / "two", ["c.png"], WIDE)
    put(root / "two" / "in", ["d.png"], WIDE)
    (root / "data.toml").write_text(
        "[[datasets]]\nresolution = 64\nbatch_size = 2\nenable_bucket = true\nmin_bucket_reso = 32\nmax_bucket_reso = 128\n"
        f'bucket_reso_steps = 16\n[[datasets.subsets]]\nimage_dir = "{root / "10_one"}"\nnum_repeats = 3\n'
        f'[[datasets.subsets]]\nimage_dir = "{root / "two"}"\nnum_repeats = 2\n'
    )
    return {"dataset_config": str(root / "data.toml")}


def data_set_file_and_given_repeats(root: Path) -> dict[str, object]:
    return {**data_set_file(root), "num_repeats": ["10_one=5", "two=0"]}


CASES = (flat, named_root, given_repeats, regularised, data_set_file, data_set_file_and_given_repeats)


def settings_of_data(settings: Settings) -> Settings:
    """Return the settings with those of a data set file on top."""
    path = settings.dataset_config
    return read_dataset_toml(Path(path), settings).settings if path else settings


@pytest.mark.parametrize("accumulation", [1, 3])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_both_count_the_same(tmp_path: Path, case: Callable[[Path], dict[str, object]], accumulation: int) -> None:
    more = {"max_train_epochs": 3, "train_batch_size": 2, "gradient_accumulation_steps": accumulation}
    settings = Settings.model_validate({**SMALL, **more, **case(tmp_path)})
    data = read_data(settings)
    plan = make_plan(settings, data, family="sd1")
    run = first_column(asked_settings(settings_of_data(settings)), found_data(settings)).run
    assert len(run.loaded.pictures) + len(run.loaded.regularisation) == plan.pictures
    assert run.regularisation_shown + run.loaded.total == plan.repeats_total
    assert (run.batches_per_epoch, run.steps, run.epochs) == (plan.batches_per_epoch, plan.total_steps, plan.epochs)
    assert run.warmup == plan.warmup_steps
    assert [(each.size, each.shown) for each in run.buckets] == [(each.size, each.pictures) for each in plan.buckets]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_both_count_the_same_for_a_bake_that_behaves_like_another_trainer(
    tmp_path: Path, case: Callable[[Path], dict[str, object]]
) -> None:
    more = {"max_train_epochs": 3, "train_batch_size": 2, "lr_warmup_steps": "10%"}
    values = {**SMALL, **more, **case(tmp_path)}
    stopped = 0
    for key in PROFILES:
        settings = Settings.model_validate({**values, "behave_like": None if key == OURS else key})
        run = first_column(asked_settings(settings_of_data(settings)), found_data(settings)).run
        try:
            data = read_data(settings)
            plan = make_plan(imitate(settings, data).settings, data, family="sd1")
        except LoraTuiError:
            assert run.stops, key
            stopped += 1
            continue
        assert (run.steps, run.epochs, run.warmup) == (plan.total_steps, plan.epochs, plan.warmup_steps), key
        assert len(run.loaded.pictures) + len(run.loaded.regularisation) == plan.pictures, key
    assert stopped < len(PROFILES)

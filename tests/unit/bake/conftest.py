import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from trainer.bake.ground import Ground, survey
from trainer.bake.loop import run_bake
from trainer.bake.workbench import Workbench, workbench
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState
from trainer.settings.model import Settings
from trainer.settings.toml_file import settings_toml

torch.set_num_threads(1)

MakeSettings = Callable[..., Settings]


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five pictures in two folders and two shapes, and three held out."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for folder, names, size in (
        ("train/2_red", "abc", (64, 64)),
        ("train/1_blue", "de", (64, 96)),
        ("held_out", "fgh", (64, 64)),
    ):
        (root / folder).mkdir(parents=True)
        for name in names:
            small = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
            Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(root / folder / f"{name}.png")
            (root / folder / f"{name}.txt").write_text(f"1girl, {folder[-3:]}, smile, hat")
    return root


@pytest.fixture
def make_settings(pictures: Path) -> MakeSettings:
    """Return a function that makes the settings of a short bake on the demo base, with changes."""

    def make(**changes: object) -> Settings:
        chosen: dict[str, object] = {
            "train_data_dir": str(pictures / "train"),
            "validation_data_dir": str(pictures / "held_out"),
            "pretrained_model_name_or_path": "demo",
            "output_name": "x",
            "resolution": "64",
            "min_bucket_reso": 32,
            "max_bucket_reso": 128,
            "bucket_reso_steps": 32,
            "train_batch_size": 2,
            "network_dim": 4,
            "network_alpha": 4,
            "unet_lr": 2e-3,
            "text_encoder_lr": 1e-3,
            "lr_scheduler": "constant",
            "lr_warmup_steps": "0",
            "max_train_epochs": None,
            "max_train_steps": 6,
            "seed": 3,
            **changes,
        }
        return Settings.model_validate(chosen)

    return make


@contextmanager
def _bench(settings: Settings) -> Iterator[tuple[Workbench, Ground]]:
    ground = survey(settings)
    with workbench(settings, ground) as bench:
        yield bench, ground


@pytest.fixture
def open_bench() -> Callable[[Settings], object]:
    """Return a context manager that gives the workbench and the ground of some settings."""
    return _bench


@dataclass(frozen=True)
class Kitchen:
    """A journal in a folder of its own, and a way to bake into it."""

    root: Path
    journal: Journal

    def queue(self, settings: Settings) -> Bake:
        self.journal.add_bake(
            name="x",
            why="",
            settings_toml=settings_toml(settings),
            engine="test",
            total_steps=1,
            steps_per_epoch=1,
        )
        bake = self.journal.claim_next("test", os.getpid(), 0.0)
        assert bake is not None
        (self.root / bake.folder).mkdir(parents=True)
        return bake

    def run(self, bake: Bake, settings: Settings) -> BakeState:
        return run_bake(bake, settings, self.root / bake.folder, self.journal)

    def bake(self, settings: Settings) -> Path:
        bake = self.queue(settings)
        assert self.run(bake, settings) is BakeState.DONE
        return self.root / bake.folder


@pytest.fixture
def kitchen(tmp_path: Path) -> Iterator[Kitchen]:
    with Journal(tmp_path / "journal.sqlite") as journal:
        yield Kitchen(tmp_path, journal)

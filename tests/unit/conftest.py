"""A few pictures and the settings of a short bake on them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer.settings.model import Settings

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

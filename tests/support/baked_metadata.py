"""Metadata of a LoRA file as a bake here writes them, of data that are there as records alone."""

import dataclasses
from pathlib import Path

from other_values import other_value

from trainer.dataset.buckets import bucket_rules
from trainer.dataset.records import DataSet, Folder, Group, Picture
from trainer.models.file_hashes import FileHashes
from trainer.models.identify import identify_base
from trainer.network.metadata import Origin, for_file, training_metadata
from trainer.plan.plan import make_plan
from trainer.settings.describe import SettingInfo
from trainer.settings.model import Settings
from trainer.settings.subject import DEMO_BASE

DEMO = identify_base(DEMO_BASE)
HASHES = FileHashes("0123abcd", "f" * 64)


def picture(folder: str, repeats: int, size: tuple[int, int], caption: str, **more: object) -> Picture:
    return Picture(Path(f"{folder}/x.png"), folder, repeats, *size, caption, Path("x.txt"), **more)


PICTURES = (
    picture("10_shapes", 10, (64, 64), "1girl, Smile, smile"),
    picture("10_shapes", 10, (128, 32), "1girl"),
    picture("3_more", 3, (64, 64), "hat, \ud800"),
)
FOLDERS = (Folder("10_shapes", 10, 2, 2), Folder("3_more", 3, 1, 1))


def baked_settings(**changes: object) -> Settings:
    chosen: dict[str, object] = {
        "pretrained_model_name_or_path": "/models/sd15.safetensors",
        "resolution": "64",
        "min_bucket_reso": 32,
        "max_bucket_reso": 128,
        "bucket_reso_steps": 32,
        "train_batch_size": 4,
        "max_train_epochs": 2,
        **changes,
    }
    return Settings.model_validate(chosen)


def data_of(settings: Settings) -> DataSet:
    return DataSet(Path("data"), FOLDERS, PICTURES, (), (Group(bucket_rules(settings), settings.train_batch_size),))


def baked_metadata(
    data: DataSet | None = None, origin: dict[str, object] | None = None, family: str = "sd1", **changes: object
) -> dict[str, str]:
    settings = baked_settings(**changes)
    data = data or data_of(settings)
    base = dataclasses.replace(DEMO, family=family)
    facts: dict[str, object] = {
        "data": data,
        "plan": make_plan(settings, data, family=base.family),
        "base": base,
        "prediction": "epsilon",
        "zero_terminal_snr": False,
        "hashes": HASHES,
        "validation_pictures": 5,
        "precision": "bf16",
        "started": 1000.5,
        "session": 77,
        **(origin or {}),
    }
    return for_file(
        training_metadata(settings, Origin(**facts)),
        file=Path("bakes/x-000001.safetensors"),
        step=7,
        epoch=1,
        finished=2000.25,
    )


def other_value_here(info: SettingInfo) -> object:
    """Return a value other than that of baked_settings, which the small pictures of these data allow."""
    sizes = {"resolution": "96", "min_bucket_reso": 64, "max_bucket_reso": 96, "bucket_reso_steps": 16}
    return sizes.get(info.name, 7 if info.name == "train_batch_size" else other_value(info))

"""Data sets that need no files, and their plans."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from trainer.checks.record import CheckedBake
from trainer.checks.registry import run_checks
from trainer.checks.report import warning_lines
from trainer.dataset.buckets import bucket_rules
from trainer.dataset.records import CaptionRules, DataSet, Folder, Group, Picture
from trainer.finding import Finding
from trainer.journal.curves import MeasuredSpeed
from trainer.plan.plan import Plan, make_plan
from trainer.settings.model import Settings

WIDE, SQUARE, TALL = (640, 384), (512, 512), (384, 640)
_OF_THE_PLAN = ("family", "lora_bytes", "state_bytes", "seconds_per_step", "speed", "tokens")


def data_of(
    *folders: tuple[str, int, list[tuple[int, int]]], captioned: int = 0, reg: Sequence[str] = (), caption: str = ""
) -> DataSet:
    """Return a data set of folders as (name, repeats, sizes of the pictures).

    Args:
        folders: what is in it.
        captioned: how many pictures, from the first, have a caption file.
        reg: which folders are of regularisation.
        caption: the words of every picture.
    """
    root = Path("/data")
    pictures = [
        Picture(root / name / f"{index}.png", name, repeats, *size, caption, None, is_reg=name in reg)
        for name, repeats, sizes in folders
        for index, size in enumerate(sizes)
    ]
    for index in range(captioned):
        pictures[index] = replace(pictures[index], caption_file=pictures[index].path.with_suffix(".txt"))
    counts = tuple(Folder(name, repeats, len(sizes), 0, name in reg) for name, repeats, sizes in folders)
    return DataSet(root, counts, tuple(pictures), ())


TWELVE = data_of(("10_a", 10, [WIDE] * 2 + [SQUARE] * 7 + [TALL] * 3))
"""12 pictures × 10 in buckets of 20, 70 and 30."""


def plan(data: DataSet = TWELVE, **values: object) -> Plan:
    """Return the plan of some settings and of what `make_plan` takes besides, every picture trained as the settings say."""
    return _planned(data, values).planned


def findings(data: DataSet = TWELVE, **values: object) -> list[Finding]:
    """Return what the checks find in the same, without looking at any file."""
    return [result.finding for result in run_checks(_planned(data, values))]


def warnings(data: DataSet = TWELVE, **values: object) -> tuple[str, ...]:
    """Return the lines of the warnings among them."""
    return warning_lines(run_checks(_planned(data, values)))


def _planned(data: DataSet, values: dict[str, object]) -> CheckedBake:
    more = {name: values.pop(name) for name in _OF_THE_PLAN if name in values}
    settings = Settings.model_validate({"train_data_dir": "/data", **values})
    words = CaptionRules.of(settings)
    pictures = tuple(replace(picture, caption_rules=words) for picture in data.pictures)
    groups = (Group(bucket_rules(settings), settings.train_batch_size),)
    data = replace(data, pictures=pictures, groups=groups)
    if (seconds := more.pop("seconds_per_step", None)) is not None:
        more["speed"] = MeasuredSpeed(float(str(seconds)), steps=100, bake=7)
    made = make_plan(settings, data, **{"family": "sd1", **more})
    return CheckedBake(settings, data, plan=made)

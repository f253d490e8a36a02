"""The worked example of the trainers' facts: one folder through the trainers of February 2023, number for number."""

import pytest

from trainer.profiles.record import Options, Size
from trainer.profiles.registry import PROFILES
from trainer.profiles.run import BucketOf, TrainerRun, run_of
from trainer.profiles.tally import FoundData, FoundFile
from trainer.settings.model import Settings

# 10_a holds 7 .png, 2 .JPG, 1 .jpeg, 1 .webp, 1 .bmp, 1 .gif and a folder with 3 .png. The 12 that sd-scripts loads on Windows
# lie in buckets of 7, 3 and 2 different pictures.
NAMES = [
    *(f"{n}.png" for n in range(7)),
    "7.JPG",
    "8.JPG",
    "9.jpeg",
    "10.webp",
    "11.bmp",
    "12.gif",
    *(f"sub/{n}.png" for n in range(3)),
]
BUCKETS = [(512, 512)] * 7 + [(448, 576)] * 3 + [(576, 448)] * 2 + [(512, 512)] * 4
FOLDER = FoundData("set", tuple(FoundFile(f"10_a/{name}", size) for name, size in zip(NAMES, BUCKETS, strict=True)))
STATED: Options = {"train_batch_size": 4, "max_train_epochs": 5, "lr_warmup_steps": "5%", "lr_scheduler": "cosine"}


def as_they_are(options: Options) -> BucketOf:
    """Take a picture's size as its bucket."""

    def bucket(size: Size) -> Size:
        return size

    return bucket


def run(key: str, data: FoundData = FOLDER, stated: Options = STATED) -> TrainerRun:
    """Return what a trainer makes of the folder."""
    return run_of(PROFILES[key], data, stated, Settings().model_dump(), as_they_are)


@pytest.mark.parametrize(
    ("key", "counted", "total", "shown", "warmup", "steps", "epochs"),
    [
        ("legacy ps script 2023-02", 16, 160, 200, 10, 200, 7),
        ("anon-1337 2023-02", 10, 100, 125, 6, 155, 5),
        ("easy training scripts 2023-02", 13, 130, 162, 8, 155, 5),
        ("easy training scripts popup 2023-02", 13, 130, 162, 8, 155, 5),
        ("kohya_ss 2023-02", 9, 90, 113, 6, 113, 4),
        ("sd-scripts 2023-01", 12, 120, None, 0, 155, 5),
        ("sd-scripts 2023-02", 12, 120, None, 0, 190, 5),
    ],
)
def test_each_row_of_the_worked_example(
    key: str, counted: int, total: int, shown: int | None, warmup: int, steps: int, epochs: int
) -> None:
    found = run(key)
    assert (len(found.counted.pictures), found.counted.total) == (counted, total)
    assert (found.steps_shown, found.warmup, found.steps, found.epochs) == (shown, warmup, steps, epochs)


def test_whatever_counts_before_it_sd_scripts_loads_the_same_twelve() -> None:
    for key in ("legacy ps script 2023-02", "anon-1337 2023-02", "easy training scripts 2023-02", "kohya_ss 2023-02"):
        found = run(key)
        assert len(found.loaded.pictures) == 12
        assert [(bucket.distinct, bucket.batches) for bucket in found.buckets] == [(3, 8), (7, 18), (2, 5)]


def test_on_linux_the_upper_case_endings_are_not_found() -> None:
    found = run("sd-scripts 2023-01 on Linux")
    assert (len(found.counted.pictures), found.counted.total) == (10, 100)
    assert {left.path for left in found.counted.left_out if ".JPG" in left.why} == {"10_a/7.JPG", "10_a/8.JPG"}


def test_the_batches_of_the_example_are_those_of_the_facts() -> None:
    assert [bucket.batches for bucket in sorted(run("sd-scripts 2023-01").buckets, key=lambda b: -b.distinct)] == [
        18,
        8,
        5,
    ]
    assert [bucket.batches for bucket in sorted(run("sd-scripts 2023-02").buckets, key=lambda b: -b.distinct)] == [
        18,
        10,
        10,
    ]

"""A data set with every odd case through every trainer, against figures worked out by hand.

set/            loose.png
set/10_a/       0.png 1.PNG 2.jpg 3.JPEG 4.webp 5.bmp 6.gif, and in a folder in it 7.png
set/1.5_b/      0.png 1.JPG
set/extra/      0.png
reg/3_r/        40 .png, three times each: 120, more than there are to train on

4.webp alone lies in the wide bucket W, all others in the square one S. Batch 4, 3 epochs, 2 batches accumulated, warm-up 10 %.
"""

from typing import NamedTuple

import pytest

from trainer.profiles.record import Options, Size
from trainer.profiles.registry import PROFILES
from trainer.profiles.run import BucketOf, TrainerRun, run_of
from trainer.profiles.tally import FoundData, FoundFile
from trainer.settings.model import Settings

SQUARE, WIDE = (512, 512), (576, 448)
TEN = ["0.png", "1.PNG", "2.jpg", "3.JPEG", "4.webp", "5.bmp", "6.gif", "sub/7.png"]
OTHERS = ["1.5_b/0.png", "1.5_b/1.JPG", "extra/0.png", "loose.png"]
REGULAR = tuple(FoundFile(f"3_r/{n}.png", SQUARE, regularisation=True) for n in range(40))
STATED: Options = {
    "train_batch_size": 4,
    "max_train_epochs": 3,
    "gradient_accumulation_steps": 2,
    "lr_warmup_steps": "10%",
    "lr_scheduler": "cosine",
}


def found(*paths: str) -> FoundData:
    """Return a data folder with these files, beside the regularisation folder."""
    files = [FoundFile(path, WIDE if path.endswith(".webp") else SQUARE) for path in sorted(paths)]
    return FoundData("set", (*files, *REGULAR), "reg")


ALL = found(*(f"10_a/{name}" for name in TEN), *OTHERS)


def run(key: str, data: FoundData = ALL, **more: object) -> TrainerRun:
    """Return what a trainer makes of it."""

    def as_they_are(options: Options) -> BucketOf:
        def bucket(size: Size) -> Size:
            return size

        return bucket

    return run_of(PROFILES[key], data, STATED | more, Settings().model_dump(), as_they_are)


class Worked(NamedTuple):
    """Pictures counted, with repeats, loaded, with repeats, regularisation shown, batches, steps shown, run, epochs, warm-up."""

    counted: int
    total: int
    loaded: int
    loaded_total: int
    regular: int
    batches: int
    shown: int | None
    steps: int
    epochs: int
    warmup: int


def of_run(made: TrainerRun) -> Worked:
    """Return the same figures of a run."""
    return Worked(
        len(made.counted.pictures),
        made.counted.total,
        len(made.loaded.pictures),
        made.loaded.total,
        made.regularisation_shown,
        made.batches_per_epoch,
        made.steps_shown,
        made.steps,
        made.epochs,
        made.warmup,
    )


WORKED = {
    # 10_a: 7 × 10, loose × 1. reg until 71: 24 × 3 = 72. S 60 + 1 + 72 = 133 → 34, W 10 → 3. ceil(37 / 2) = 19; 10 % of 57.
    "lora-tui": Worked(8, 71, 8, 71, 72, 37, None, 57, 3, 5),
    # 6 of 10_a × 10 (no gif, no sub); int("1.5") fails, so does int("extra"). reg until 60: 20 × 3. S 50 + 60 = 110 → 28,
    # W 10 → 3. 3 × 31 = 93, not divided; ceil(31 / 2) = 16 to an epoch, so ceil(93 / 16) = 6 epochs. 10 % cannot be said.
    "sd-scripts 2023-01": Worked(6, 60, 6, 60, 60, 31, None, 93, 6, 0),
    # 0.png 2.jpg 4.webp 5.bmp × 10. reg until 40: 14 × 3 = 42. S 30 + 42 = 72 → 18, W 10 → 3. 3 × 21; ceil(63 / 11) = 6.
    "sd-scripts 2023-01 on Linux": Worked(4, 40, 4, 40, 42, 21, None, 63, 6, 0),
    # as on Windows, but W has 1 different picture: batch 1 → 10. 28 + 10 = 38; 3 × 38 = 114; ceil(114 / 19) = 6.
    "sd-scripts 2023-02": Worked(6, 60, 6, 60, 60, 38, None, 114, 6, 0),
    # 8 × 10 with gif and sub, [int]1.5 = 2: 2 × 2. [int](84 / 4 × 3) = 63 passed; ceil(63 / 16) = 4. round(6.3).
    "legacy ps script 2023-02": Worked(10, 84, 6, 60, 60, 31, 63, 63, 4, 6),
    "source notes 2023-02": Worked(10, 84, 6, 60, 60, 31, 63, 63, 4, 6),
    # 7 × 10 with gif, not 1.5. int(70 / 4 × 3) = int(52.5) = 52; int(5.2). Accumulation is not passed: 3 × 31 in 3 epochs.
    "easy training scripts 2023-02": Worked(7, 70, 6, 60, 60, 31, 52, 93, 3, 5),
    "easy training scripts popup 2023-02": Worked(7, 70, 6, 60, 60, 31, 52, 93, 3, 5),
    # everything once: 8 of 10_a, 2, 1, 1 = 12. S 11, each with one of regularisation: 22; W 1 alone. 23 pictures → 6 batches of
    # 4, 3 steps to an epoch. Its progress: 3 × 23 = 69.
    "sd_dreambooth_extension 2023-02": Worked(12, 12, 12, 12, 11, 6, 69, 9, 3, 0),
    # loose.png alone: one batch, no accumulation, its own 1,000 steps.
    "cloneofsimo lora 2023-02": Worked(1, 1, 1, 1, 0, 1, None, 1000, 1000, 0),
    # counts in lower case: 0.png 2.jpg 4.webp 5.bmp × 10, 0.png of 1.5_b and of extra × 1 = 42; with all of reg: S 30 + 1 + 1 +
    # 120 = 152 → 38, W 3; ceil(41 / 2) × 3 = 63; round(6.3). Loads 60 + 2 + 1 = 63, reg 21 × 3; S 53 + 63 = 116 → 29, W 3;
    # ceil(32 / 2) × 3 = 48.
    "easy training scripts 2025-04": Worked(6, 42, 9, 63, 63, 32, 63, 48, 3, 6),
    # .PNG and .JPEG are in its list. ceil(31 / 2) × 3 = 48; int(4.8).
    "sd-scripts 2026-02": Worked(6, 60, 6, 60, 60, 31, None, 48, 3, 4),
    # 5 of 10_a × 10 (no bmp, no gif). ceil(50 / 4 / 2 × 3 × 2) = ceil(37.5) = 38 passed; ceil(38 / 16) = 3; int(3.8).
    "kohya_ss 2026-07": Worked(5, 50, 6, 60, 60, 31, 38, 38, 3, 3),
    # once each, no gif, no sub: 6 + 2 + 1 + 1 = 10; all 40 of reg beside them. S 9 + 40 = 49 → 12 full batches, W 1 → none.
    # 3 × 12 / 2 = 18; int(1.8).
    "OneTrainer 2026-08": Worked(10, 10, 10, 10, 40, 12, None, 18, 3, 1),
    # once each with sub, no bmp, no gif: 6 + 2 + 1 + 1 = 10. S 49 → 13, W 1 → 1. 1,000 steps of its own, 7 to an epoch.
    "ai-toolkit 2026-08": Worked(10, 10, 10, 10, 40, 14, None, 1000, 143, 0),
}


@pytest.mark.parametrize("key", [key for key in PROFILES if key not in ("anon-1337 2023-02", "kohya_ss 2023-02")])
def test_the_odd_data_set_counts_as_worked_out_by_hand(key: str) -> None:
    assert of_run(run(key)) == WORKED[key]


@pytest.mark.parametrize(("key", "folder"), [("anon-1337 2023-02", "extra"), ("kohya_ss 2023-02", "1.5_b")])
def test_trainers_that_stop_at_a_folder_name_it_and_train_nothing(key: str, folder: str) -> None:
    made = run(key)
    assert folder in made.stops
    assert (made.steps, made.epochs) == (0, 0)


def test_anon_1337_doubles_its_steps_for_regularisation_and_rounds_half_to_even() -> None:
    # 0.png 1.PNG 2.jpg 4.webp × 10, [int]"1.5" = 2: 2 × 2 = 44. [int](88 / 4 × 3) = 66 shown, round(6.6); sd-scripts runs 3 × 31.
    without = found(*(f"10_a/{name}" for name in TEN), "1.5_b/0.png", "1.5_b/1.JPG")
    assert of_run(run("anon-1337 2023-02", without)) == Worked(6, 44, 6, 60, 60, 31, 66, 93, 6, 7)


def test_kohya_ss_of_2023_halves_the_epochs_with_regularisation() -> None:
    # 0.png 2.jpg 4.webp × 10 = 30. ceil(30 / 4 × 3) = ceil(22.5) = 23 passed, 16 to an epoch; round(2.3).
    made = run("kohya_ss 2023-02", found(*(f"10_a/{name}" for name in TEN)))
    assert of_run(made) == Worked(3, 30, 6, 60, 60, 31, 23, 23, 2, 2)
    assert made.options["lr_scheduler_num_cycles"] == 3


def test_with_checkpointing_easy_training_scripts_pass_the_accumulation_on() -> None:
    made = run("easy training scripts 2023-02", gradient_checkpointing=True)
    assert (made.steps, made.epochs, made.schedule_steps) == (93, 6, 186)
    assert run("easy training scripts 2023-02").schedule_steps == 93


def test_a_schedule_of_2023_is_planned_for_more_steps_than_run() -> None:
    made = run("sd-scripts 2023-01")
    assert (made.steps, made.schedule_steps) == (93, 186)
    assert run("sd-scripts 2026-02").schedule_steps == 48


def test_every_picture_left_out_has_its_name_and_why() -> None:
    assert {left.path: left.why for left in run("kohya_ss 2026-07").counted.left_out} == {
        "1.5_b/0.png": "folder 1.5_b does not count",
        "1.5_b/1.JPG": "folder 1.5_b does not count",
        "10_a/5.bmp": ".bmp does not count",
        "10_a/6.gif": ".gif does not count",
        "10_a/sub/7.png": "it lies in a folder in a folder",
        "extra/0.png": "folder extra does not count",
        "loose.png": "it lies in the data folder itself",
    }
    assert ".PNG is not .png to it" in {left.why for left in run("sd-scripts 2023-01 on Linux").counted.left_out}


def test_a_share_that_is_no_whole_per_cent_stops_kohya_ss_of_2023_alone() -> None:
    data = found(*(f"10_a/{name}" for name in TEN))
    assert "7.5 %" in run("kohya_ss 2023-02", data, lr_warmup_steps="7.5%").stops
    assert run("kohya_ss 2026-07", data, lr_warmup_steps="7.5%").warmup == 2  # int(38 × 0.075) = int(2.85)
    assert run("kohya_ss 2023-02", data, lr_warmup_steps="50").warmup == 50


def test_rates_of_zero_mean_what_each_window_made_of_them() -> None:
    def passed(key: str, **rates: object) -> dict[str, object]:
        return {each.name: each.value for each in run(key, found("10_a/0.png"), **rates).derived}

    for key in ("kohya_ss 2023-02", "kohya_ss 2026-07"):
        assert passed(key, text_encoder_lr=0.0)["network_train_unet_only"] is True
        assert passed(key, unet_lr=None)["network_train_text_encoder_only"] is True
    assert passed("kohya_ss 2023-02", unet_lr=0.0)["network_train_text_encoder_only"] is True
    gone = passed("easy training scripts 2023-02", unet_lr=0.0, gradient_accumulation_steps=1)
    assert gone == {"unet_lr": None}

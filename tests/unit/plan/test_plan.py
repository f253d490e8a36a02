"""What settings mean for pictures, against sd-scripts' arithmetic (facts: kohya.md section 5, trainers.md 1.3)."""

import json
from collections import Counter
from pathlib import Path

import pytest

from trainer.dataset.batches import epoch_batches
from trainer.dataset.scan import DataSet, Folder, Picture
from trainer.errors import SettingsError
from trainer.plan.plan import Plan, make_plan, plan_json, plan_line
from trainer.settings.model import Settings

WIDE, SQUARE, TALL = (640, 384), (512, 512), (384, 640)


def data_of(*folders: tuple[str, int, list[tuple[int, int]]]) -> DataSet:
    """A data set of folders as (name, repeats, sizes of the pictures)."""
    root = Path("/data")
    pictures = [
        Picture(root / name / f"{index}.png", name, repeats, *size, caption="", caption_file=None)
        for name, repeats, sizes in folders
        for index, size in enumerate(sizes)
    ]
    counts = tuple(Folder(name, repeats, len(sizes), 0) for name, repeats, sizes in folders)
    return DataSet(root, counts, tuple(pictures), ())


TWELVE = data_of(("10_a", 10, [WIDE] * 2 + [SQUARE] * 7 + [TALL] * 3))
"""12 pictures × 10 in buckets of 20, 70 and 30."""


def plan(data: DataSet = TWELVE, **values: object) -> Plan:
    return make_plan(Settings(train_data_dir="/data", **values), data)


def test_twelve_pictures_times_ten_in_batches_of_two_make_sixty() -> None:
    planned = plan(train_batch_size=2, max_train_epochs=1)
    assert (planned.pictures, planned.repeats_total, planned.batches_per_epoch) == (12, 120, 60)
    assert [(bucket.size, bucket.pictures, bucket.batches) for bucket in planned.buckets] == [
        (TALL, 30, 15),
        (SQUARE, 70, 35),
        (WIDE, 20, 10),
    ]


def test_the_worked_folder_of_the_trainers_facts_takes_155_steps() -> None:
    # 7, 3 and 2 pictures × 10 in batches of 4: 18 + 8 + 5 = 31 an epoch
    planned = plan(train_batch_size=4, max_train_epochs=5, lr_warmup_steps="5%")
    assert (planned.batches_per_epoch, planned.total_steps) == (31, 155)
    assert planned.warmup_steps == 7  # 7.75, cut


@pytest.mark.parametrize(("accumulation", "steps"), [(1, 31), (2, 16), (4, 8), (31, 1), (100, 1)])
def test_accumulation_makes_one_step_of_several_batches_and_one_of_what_is_left(accumulation: int, steps: int) -> None:
    planned = plan(train_batch_size=4, max_train_epochs=3, gradient_accumulation_steps=accumulation)
    assert (planned.steps_per_epoch, planned.total_steps) == (steps, 3 * steps)


@pytest.mark.parametrize(("steps", "epochs"), [(1, 1), (59, 1), (60, 1), (61, 2), (150, 3), (1600, 27)])
def test_max_train_steps_ends_within_the_epoch_it_falls_in(steps: int, epochs: int) -> None:
    planned = plan(train_batch_size=2, max_train_epochs=None, max_train_steps=steps)
    assert (planned.total_steps, planned.epochs) == (steps, epochs)


def test_max_train_steps_counts_optimizer_steps() -> None:
    planned = plan(train_batch_size=2, max_train_epochs=None, max_train_steps=100, gradient_accumulation_steps=2)
    assert (planned.steps_per_epoch, planned.epochs) == (30, 4)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 7, 29, 30, 31, 120, 512])
@pytest.mark.parametrize("no_upscale", [False, True])
def test_the_plan_counts_the_batches_that_an_epoch_has(batch_size: int, no_upscale: bool) -> None:
    sizes = [(300 + 37 * index % 500, 300 + 91 * index % 700) for index in range(40)]
    data = data_of(("3_a", 3, sizes), ("7_b", 7, sizes[::-1][:9]))
    planned = plan(data, train_batch_size=batch_size, bucket_no_upscale=no_upscale)
    batches = epoch_batches(
        [placement.bucket for placement in planned.placements],
        [picture.repeats for picture in data.pictures],
        batch_size,
        seed=1,
        epoch=0,
    )
    assert planned.batches_per_epoch == len(batches)
    assert {bucket.size: bucket.batches for bucket in planned.buckets} == Counter(batch.bucket for batch in batches)
    assert planned.repeats_total == sum(len(batch.pictures) for batch in batches)


def test_the_warm_up_is_a_share_of_all_steps_and_constant_has_none() -> None:
    assert plan(train_batch_size=2, max_train_epochs=10, lr_warmup_steps="10%").warmup_steps == 60
    assert plan(train_batch_size=2, lr_warmup_steps="25").warmup_steps == 25
    assert plan(lr_scheduler="constant", lr_warmup_steps="25").warmup_steps == 0


def files(**values: object) -> list[tuple[int, int | None, str]]:
    planned = plan(TWELVE, train_batch_size=2, output_name="hifumi", **values)
    return [(save.step, save.epoch, save.file) for save in planned.saves]


def test_an_epochs_file_has_its_number_and_the_last_has_none() -> None:
    assert files(max_train_epochs=3) == [
        (60, 1, "hifumi-000001.safetensors"),
        (120, 2, "hifumi-000002.safetensors"),
        (180, 3, "hifumi.safetensors"),
    ]


def test_every_second_epoch_skips_those_between_and_the_last() -> None:
    assert [step for step, _, _ in files(max_train_epochs=5, save_every_n_epochs=2)] == [120, 240, 300]
    assert [step for step, _, _ in files(max_train_epochs=4, save_every_n_epochs=2)] == [120, 240]


def test_without_saves_between_there_is_only_the_last() -> None:
    assert files(max_train_epochs=3, save_every_n_epochs=None) == [(180, 3, "hifumi.safetensors")]


def test_a_steps_file_has_its_number_and_is_not_doubled_at_the_end() -> None:
    assert files(max_train_epochs=2, save_every_n_epochs=None, save_every_n_steps=40) == [
        (40, None, "hifumi-step00000040.safetensors"),
        (80, None, "hifumi-step00000080.safetensors"),
        (120, 2, "hifumi.safetensors"),
    ]


def test_step_and_epoch_saves_come_in_the_order_they_are_written() -> None:
    names = [name for _, _, name in files(max_train_epochs=2, save_every_n_steps=30)]
    assert names == [
        "hifumi-step00000030.safetensors",
        "hifumi-step00000060.safetensors",
        "hifumi-000001.safetensors",
        "hifumi-step00000090.safetensors",
        "hifumi.safetensors",
    ]


def test_a_bake_that_ends_within_an_epoch_has_its_last_file_there() -> None:
    assert files(max_train_epochs=None, max_train_steps=100) == [
        (60, 1, "hifumi-000001.safetensors"),
        (100, None, "hifumi.safetensors"),
    ]


def test_more_files_than_anyone_looks_through_are_refused() -> None:
    with pytest.raises(SettingsError, match="save_every_n_steps: 1,599,999 files; expected at most 10,000"):
        plan(max_train_epochs=None, max_train_steps=1_600_000, save_every_n_epochs=None, save_every_n_steps=1)
    with pytest.raises(SettingsError, match="save_every_n_epochs"):
        plan(max_train_epochs=100_000)


def test_disk_and_time_follow_from_what_is_measured() -> None:
    settings = Settings(train_batch_size=2, max_train_epochs=3)
    planned = make_plan(settings, TWELVE, lora_bytes=37_864_304, seconds_per_step=0.5)
    assert (planned.disk_bytes, planned.seconds) == (3 * 37_864_304, 90.0)
    unknown = make_plan(settings, TWELVE)
    assert (unknown.disk_bytes, unknown.seconds) == (None, None)


def test_a_bake_that_trains_nothing_is_refused() -> None:
    with pytest.raises(SettingsError, match="both 0"):
        plan(unet_lr=0, text_encoder_lr=0)
    with pytest.raises(SettingsError, match="both 0"):
        plan(network_train_unet_only=True, unet_lr=0)


def warnings(data: DataSet = TWELVE, **values: object) -> str:
    return "\n".join(plan(data, **values).warnings)


def test_the_defaults_warn_of_nothing() -> None:
    assert warnings() == ""


FLAT = data_of(("hifumi", 5, [SQUARE] * 4))


@pytest.mark.parametrize(
    ("data", "values", "said"),
    [
        (TWELVE, {"learning_rate": 1e-3}, "learning_rate has no effect: both parts have their own"),
        (
            TWELVE,
            {"learning_rate": 1e-3, "network_train_unet_only": True, "text_encoder_lr": None},
            "learning_rate has no effect: the part that trains has its own",
        ),
        (TWELVE, {"network_train_unet_only": True, "text_encoder_lr": 1e-5}, "text_encoder_lr has no effect"),
        (TWELVE, {"network_train_text_encoder_only": True, "unet_lr": 1e-5}, "unet_lr has no effect"),
        (
            TWELVE,
            {"lr_scheduler": "cosine", "lr_scheduler_num_cycles": 3},
            "lr_scheduler_num_cycles has no effect: cosine has no restarts",
        ),
        (
            TWELVE,
            {"lr_scheduler": "constant"},
            "lr_warmup_steps has no effect: constant has no warm-up; constant_with_warmup has one",
        ),
        (TWELVE, {"dataset_repeats": 3}, "dataset_repeats has no effect: the folders' names say the repeats"),
        (TWELVE, {"keep_tokens": 1}, "keep_tokens has no effect: shuffle_caption is off"),
        (TWELVE, {"max_train_steps": 100}, "max_train_steps has no effect: max_train_epochs decides"),
        (
            TWELVE,
            {"enable_bucket": False, "max_bucket_reso": 768},
            "max_bucket_reso has no effect: enable_bucket is off",
        ),
        (
            TWELVE,
            {"bucket_no_upscale": True, "max_bucket_reso": 768},
            "max_bucket_reso has no effect: bucket_no_upscale makes buckets as needed",
        ),
        (TWELVE, {"validation_seed": 3}, "validation_seed has no effect: there is no validation_data_dir"),
        (TWELVE, {"unet_lr": 0}, "the U-Net's rate is 0: only the text encoder trains"),
        (TWELVE, {"text_encoder_lr": 0}, "the text encoder's rate is 0: only the U-Net trains"),
        (TWELVE, {"max_train_epochs": 1, "lr_warmup_steps": "500"}, "the warm-up of 500 steps is as long as the bake"),
        (TWELVE, {"validation_data_dir": "/data/10_a"}, "12 pictures of validation also trained on"),
        (TWELVE, {"validation_data_dir": "/data"}, "12 pictures of validation also trained on"),
        (
            data_of(("1_x", 1, [(40, 300)])),
            {"bucket_no_upscale": True},
            "1 picture narrower than bucket_reso_steps enlarged all the same",
        ),
    ],
)
def test_what_will_not_do_what_it_seems_to_is_said(data: DataSet, values: dict[str, object], said: str) -> None:
    assert said in warnings(data, **values)


@pytest.mark.parametrize(
    ("data", "values"),
    [
        (TWELVE, {"learning_rate": 1e-3, "unet_lr": None}),
        (TWELVE, {"lr_scheduler_num_cycles": 3}),
        (TWELVE, {"lr_scheduler": "constant", "lr_warmup_steps": "0"}),
        (TWELVE, {"shuffle_caption": True, "keep_tokens": 1}),
        (TWELVE, {"max_train_epochs": None, "max_train_steps": 100}),
        (TWELVE, {"max_bucket_reso": 768}),
        (TWELVE, {"validation_data_dir": "/elsewhere", "validation_seed": 3}),
        (FLAT, {"dataset_repeats": 5}),
        (FLAT, {"validation_data_dir": "/data"}),
        (data_of(("1_x", 1, [(100, 300)])), {"bucket_no_upscale": True}),
    ],
)
def test_what_does_what_it_seems_to_is_not_warned_of(data: DataSet, values: dict[str, object]) -> None:
    assert warnings(data, **values) == ""


def test_the_plan_fits_one_line() -> None:
    data = data_of(("10_hifumi_chan", 10, [(64, 64)] * 16))
    settings = Settings(
        resolution="64", min_bucket_reso=32, bucket_reso_steps=32, train_batch_size=4, max_train_epochs=6
    )
    line = plan_line(make_plan(settings, data, lora_bytes=200_000, seconds_per_step=1 / 6))
    assert line == "16 pictures ×10 → 160 / epoch · 1 bucket · 40 steps × 6 = 240 · ≈ 40 s · 1.2 MB on disk"


def test_the_line_leaves_out_what_is_not_known_and_names_a_cut_epoch() -> None:
    data = data_of(("3_a", 3, [SQUARE] * 500), ("1_b", 1, [WIDE]))
    settings = Settings(train_batch_size=1, max_train_epochs=None, max_train_steps=2000)
    assert plan_line(make_plan(settings, data)) == (
        "501 pictures → 1,501 / epoch · 2 buckets · 1,501 steps / epoch, 2,000 in all"
    )


def test_the_line_says_what_the_states_take_and_of_a_long_bake_what_a_night_writes() -> None:
    settings = Settings(train_batch_size=2, max_train_epochs=2)
    short = plan_line(make_plan(settings, TWELVE, lora_bytes=1_000_000, state_bytes=6_000_000, seconds_per_step=1))
    assert short.endswith("2.0 MB + 12.0 MB of states on disk")
    long = plan_line(make_plan(settings, TWELVE, lora_bytes=1_000_000, state_bytes=6_000_000, seconds_per_step=60))
    assert long.endswith(" written a night")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.001, "≈ 1 s"), (0.5, "≈ 60 s"), (2, "≈ 4 min"), (60, "≈ 2 h 00 min"), (100, "≈ 3 h 20 min")],
)
def test_time_is_said_in_fitting_units(seconds: float, text: str) -> None:
    settings = Settings(train_batch_size=2, max_train_epochs=2)
    assert text in plan_line(make_plan(settings, TWELVE, seconds_per_step=seconds))


def test_the_plan_is_plain_json() -> None:
    planned = plan(train_batch_size=2, max_train_epochs=2)
    read = json.loads(json.dumps(plan_json(planned)))
    assert read["total_steps"] == 120
    assert read["buckets"][0] == {"size": [384, 640], "pictures": 30, "batches": 15}
    assert read["saves"][0]["file"] == "lora-000001.safetensors"

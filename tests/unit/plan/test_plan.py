"""What settings mean for pictures, against sd-scripts' arithmetic (facts: kohya.md section 5, trainers.md 1.3)."""

import json
from collections import Counter
from dataclasses import replace

import pytest
from planned import SQUARE, TALL, TWELVE, WIDE, data_of, plan

from trainer.dataset.batches import epoch_batches
from trainer.dataset.buckets import bucket_rules
from trainer.dataset.records import Group
from trainer.errors import SettingsError
from trainer.families.registry import FAMILIES
from trainer.plan.plan import make_plan, plan_json, plan_line
from trainer.settings.model import Settings


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
    settings = Settings(train_batch_size=batch_size, bucket_no_upscale=no_upscale)
    grouped = replace(data, groups=(Group(bucket_rules(settings), batch_size),))
    batches = epoch_batches(grouped, planned.placements, seed=1, epoch=0)
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
    settings = {"train_batch_size": 2, "max_train_epochs": 3}
    planned = plan(TWELVE, **settings, lora_bytes=37_864_304, seconds_per_step=0.5)
    assert (planned.loras_disk_bytes, planned.seconds) == (3 * 37_864_304, 90.0)
    unknown = plan(TWELVE, **settings)
    assert (unknown.loras_disk_bytes, unknown.seconds) == (None, None)


def test_a_bake_that_trains_nothing_is_refused() -> None:
    with pytest.raises(SettingsError, match="both 0"):
        plan(unet_lr=0, text_encoder_lr=0)
    with pytest.raises(SettingsError, match="both 0"):
        plan(network_train_unet_only=True, unet_lr=0)


def test_encoders_alone_that_wait_for_a_setting_are_refused_by_its_name() -> None:
    with pytest.raises(SettingsError, match=r"network_train_text_encoder_only: yes, .*set train_llm_adapter, or"):
        plan(network_train_text_encoder_only=True, family="anima")


def test_a_bake_whose_parts_all_stop_is_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        plan(train_batch_size=2, max_train_epochs=4, unet_stop="3ep", text_encoder_stop="50%")
    assert caught.value.line().startswith(
        "unet_stop, text_encoder_stop: every part stops, the last one after step 180 of 240; expected at least one part that trains"
    )
    with pytest.raises(SettingsError, match="every part stops"):
        plan(max_train_epochs=4, network_train_text_encoder_only=True, text_encoder_stop="3ep")


def test_the_plan_knows_which_parts_stop_and_after_which_step() -> None:
    def stops(**values: object) -> dict[str, int]:
        return dict(plan(train_batch_size=2, max_train_epochs=4, **values).stops)

    assert stops() == {}
    assert stops(text_encoder_stop="3ep") == {"text_encoder": 180}
    assert stops(text_encoder_stop="50%", family="sdxl") == {"text_encoder": 120, "text_encoder_2": 120}
    assert stops(text_encoder_stop="50%", text_encoder_stop2="600", family="sdxl") == {"text_encoder": 120}
    assert stops(unet_stop="100") == {"unet": 100}
    assert stops(text_encoder_stop="3ep", network_train_unet_only=True) == {}
    assert stops(text_encoder_stop="240") == {}


def test_an_optimizer_that_does_not_take_an_argument_is_refused_by_the_plan() -> None:
    with pytest.raises(SettingsError, match="optimizer_args: d_coef, which AdamW does not take"):
        plan(optimizer_args=["d_coef=2"])
    assert plan(optimizer_type="Prodigy", optimizer_args=["d_coef=2"]).total_steps


def test_piecewise_constant_without_rules_is_refused_by_the_plan() -> None:
    for name in ("lr_scheduler", "text_encoder_lr_scheduler"):
        with pytest.raises(SettingsError, match="no step_rules"):
            plan(**{name: "piecewise_constant"})
    assert plan(lr_scheduler="piecewise_constant", lr_scheduler_args=["step_rules=1:9,0.1"]).warmup_steps == 0


def test_regularisation_pictures_come_as_often_as_the_others() -> None:
    data = data_of(("10_x", 10, [SQUARE] * 6), ("1_girl", 1, [SQUARE] * 4), reg=("1_girl",))
    planned = plan(data, train_batch_size=2, max_train_epochs=1)
    assert (planned.pictures, planned.reg_pictures, planned.repeats) == (10, 4, 10)
    assert (planned.repeats_total, planned.batches_per_epoch) == (120, 60)
    assert "6 pictures ×10 and 4 for regularisation → 120 / epoch" in plan_line(planned)


def test_data_sets_of_a_file_do_not_share_batches() -> None:
    settings = Settings(train_data_dir="/data")
    rules = bucket_rules(settings)
    data = data_of(("3_a", 3, [SQUARE]), ("3_b", 3, [SQUARE, WIDE]))
    parted = tuple(replace(picture, group=int(picture.folder == "3_b")) for picture in data.pictures)
    both = replace(data, pictures=parted, groups=(Group(rules, 2), Group(rules, 4)))
    planned = make_plan(settings, both, family="sd1")
    # 3 in twos, and 3 + 3 in fours of one shape each
    assert [(bucket.size, bucket.pictures, bucket.batches) for bucket in planned.buckets] == [
        (SQUARE, 6, 3),
        (WIDE, 3, 1),
    ]
    assert planned.batches_per_epoch == 4


def test_the_plan_fits_one_line() -> None:
    data = data_of(("10_hifumi_chan", 10, [(64, 64)] * 16), captioned=14)
    sizes = {"resolution": "64", "min_bucket_reso": 32, "bucket_reso_steps": 32, "train_batch_size": 4}
    line = plan_line(plan(data, **sizes, max_train_epochs=6, lora_bytes=200_000, seconds_per_step=1 / 6))
    assert line == (
        "16 pictures ×10 → 160 / epoch · 14 of 16 captioned · 1 bucket · 40 steps × 6 = 240 · ≈ 40 s · 1.2 MB on disk"
    )


def test_the_line_says_when_a_part_stops() -> None:
    planned = plan(
        train_batch_size=2, max_train_epochs=4, text_encoder_stop="2ep", text_encoder_stop2="3ep", family="sdxl"
    )
    assert plan_line(planned).endswith(
        "60 steps × 4 = 240 · text encoder stops after 120 · second text encoder stops after 180"
    )


def test_the_line_leaves_out_what_is_not_known_and_names_a_cut_epoch() -> None:
    data = data_of(("3_a", 3, [SQUARE] * 500), ("1_b", 1, [WIDE]))
    assert plan_line(plan(data, train_batch_size=1, max_train_epochs=None, max_train_steps=2000)) == (
        "501 pictures → 1,501 / epoch · 0 of 501 captioned · 2 buckets · 1,501 steps / epoch, 2,000 in all"
    )


def test_the_line_says_what_the_states_take_and_of_a_long_bake_what_a_night_writes() -> None:
    known = {"train_batch_size": 2, "max_train_epochs": 2, "lora_bytes": 1_000_000, "state_bytes": 6_000_000}
    short = plan_line(plan(**known, seconds_per_step=1))
    assert short.endswith("2.0 MB + 12.0 MB of states on disk")
    long = plan_line(plan(**known, seconds_per_step=60))
    assert long.endswith(" written per 8 hours")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.001, "≈ 1 s"), (0.5, "≈ 60 s"), (2, "≈ 4 min"), (60, "≈ 2 h 00 min"), (100, "≈ 3 h 20 min")],
)
def test_time_is_written_in_fitting_units(seconds: float, text: str) -> None:
    assert text in plan_line(plan(train_batch_size=2, max_train_epochs=2, seconds_per_step=seconds))


def test_the_plan_is_plain_json() -> None:
    planned = plan(train_batch_size=2, max_train_epochs=2, text_encoder_stop="1ep")
    read = json.loads(json.dumps(plan_json(planned)))
    assert (read["total_steps"], read["family"], read["stops"]) == (120, "sd1", {"text_encoder": 60})
    assert read["buckets"][0] == {"size": [384, 640], "pictures": 30, "batches": 15}
    assert read["saves"][0]["file"] == "lora-000001.safetensors"


def test_a_bucket_that_the_family_cannot_train_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, "coarse", replace(FAMILIES["sd1"], key="coarse", title="Coarse", trained_grain=48))
    with pytest.raises(
        SettingsError, match=r"a bucket of .*; expected sides that are multiples of 48, as Coarse needs"
    ):
        plan(family="coarse")

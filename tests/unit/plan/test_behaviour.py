"""Bakes that behave like other trainers: pictures read from folders, steps, warm-up and epochs as there (facts: trainers.md 1.3)."""

from collections.abc import Callable
from pathlib import Path

import pytest
from odd_folder import SMALL, SQUARE, WIDE, odd_folder, put, worked_folder

from trainer.dataset.batches import epoch_batches
from trainer.dataset.buckets import bucket_rules, placement_of, placements_of
from trainer.dataset.found_files import found_data
from trainer.dataset.read import read_data
from trainer.dataset.records import DataSet
from trainer.errors import DatasetError, SettingsError
from trainer.plan.behaviour import Imitation, imitate
from trainer.plan.minutes import fixed_settings
from trainer.plan.plan import Plan, make_plan, plan_line
from trainer.profiles.record import Options
from trainer.profiles.registry import OURS, PROFILES
from trainer.profiles.run import BucketOf, TrainerRun, run_of
from trainer.settings.model import Settings
from trainer.settings.toml_file import parse_settings, settings_toml

OTHERS = [key for key in PROFILES if key != OURS]
ASKED: dict[str, object] = {
    **SMALL,
    "enable_bucket": True,
    "bucket_no_upscale": False,
    "train_batch_size": 4,
    "max_train_epochs": 5,
    "lr_warmup_steps": "5%",
    "lr_scheduler": "cosine",
}


def planned(root: Path, key: str, **values: object) -> tuple[Plan, Imitation, DataSet]:
    settings = Settings.model_validate({**ASKED, "train_data_dir": str(root), "behave_like": key, **values})
    data = read_data(settings)
    imitation = imitate(settings, data)
    return make_plan(imitation.settings, data, family="sd1"), imitation, data


@pytest.mark.parametrize(
    ("key", "loaded", "steps", "epochs", "warmup"),
    [
        ("legacy ps script 2023-02", 12, 200, 7, 10),
        ("anon-1337 2023-02", 12, 155, 5, 6),
        ("easy training scripts 2023-02", 12, 155, 5, 8),
        ("easy training scripts popup 2023-02", 12, 155, 5, 8),
        ("kohya_ss 2023-02", 12, 113, 4, 6),
        ("sd-scripts 2023-01", 12, 155, 5, 0),
        ("sd-scripts 2023-02", 12, 190, 5, 0),
        ("sd-scripts 2023-01 on Linux", 10, 130, 5, 0),
    ],
)
def test_each_row_of_the_worked_example(
    tmp_path: Path, key: str, loaded: int, steps: int, epochs: int, warmup: int
) -> None:
    plan, imitation, _ = planned(worked_folder(tmp_path), key)
    assert (plan.pictures, plan.total_steps, plan.epochs, plan.warmup_steps) == (loaded, steps, epochs, warmup)
    assert plan_line(plan).startswith(f"like {key} · ")
    assert imitation.lines


def test_ours_counts_as_before(tmp_path: Path) -> None:
    settings = Settings.model_validate({**ASKED, "train_data_dir": str(worked_folder(tmp_path))})
    data = read_data(settings)
    imitation = imitate(settings, data)
    assert imitation.settings is settings and not imitation.lines and data.by_script is None
    assert make_plan(settings, data, family="sd1").total_steps == 165  # the .gif too: 18 + 2 + 8 + 5, of 5 epochs


FOLDERS: list[Callable[[Path], Path]] = [worked_folder, odd_folder]


def computed(key: str, values: dict[str, object]) -> TrainerRun:
    """Return what the profile makes of the files that these settings name."""

    def bucket_of(options: Options) -> BucketOf:
        rules = bucket_rules(Settings.model_validate({name: options[name] for name in ASKED}))
        return lambda size: placement_of(*size, rules).bucket

    data = found_data(Settings.model_validate(values))
    return run_of(PROFILES[key], data, {**ASKED, **values}, Settings().model_dump(), bucket_of)


@pytest.mark.parametrize("key", [key for key in OTHERS if PROFILES[key].engine.regularisation != "paired"])
@pytest.mark.parametrize("repeats", [1, 40])
def test_regularisation_pictures_join_as_the_profile_computes(tmp_path: Path, key: str, repeats: int) -> None:
    root, reg = worked_folder(tmp_path / "set"), tmp_path / "reg"
    put(reg / f"{repeats}_girl", [f"{number}.png" for number in range(5)], WIDE)
    put(reg, ["loose.png"], SQUARE)
    values: dict[str, object] = {"reg_data_dir": str(reg), "max_train_epochs": 3}
    run = computed(key, {"train_data_dir": str(root), **values})
    if run.stops:
        with pytest.raises((DatasetError, SettingsError)):
            planned(root, key, **values)
        return
    plan, _, _ = planned(root, key, **values)
    assert (plan.batches_per_epoch, plan.total_steps, plan.warmup_steps) == (
        run.batches_per_epoch,
        run.steps,
        run.warmup,
    )


@pytest.mark.parametrize("key", OTHERS)
@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize(
    "values", [{}, {"gradient_accumulation_steps": 3}, {"max_train_epochs": None, "max_train_steps": 41}]
)
def test_a_bake_does_what_the_profile_computes_from_the_same_files(
    tmp_path: Path, key: str, folder: Callable[[Path], Path], values: dict[str, object]
) -> None:
    root = folder(tmp_path / "set")
    run = computed(key, {"train_data_dir": str(root), **values})
    if run.stops:
        with pytest.raises((DatasetError, SettingsError)):
            planned(root, key, **values)
        return
    plan, imitation, data = planned(root, key, **values)
    assert {str(picture.path.relative_to(root)) for picture in data.pictures} == {
        picture.file.path for picture in run.loaded.pictures
    }
    assert plan.batches_per_epoch == run.batches_per_epoch == len(epoch_batches(data, plan.placements, seed=1, epoch=0))
    assert (plan.total_steps, plan.warmup_steps) == (run.steps, run.warmup)
    assert data.by_script is not None and data.by_script.total == run.counted.total
    # Put in force again, as a resumed or forked bake is, nothing moves.
    again = parse_settings(settings_toml(imitation.settings), "kept")
    assert imitate(again, data).settings == again == imitation.settings


def test_what_stops_a_trainer_is_said_with_the_folder_and_a_way_out(tmp_path: Path) -> None:
    root = worked_folder(tmp_path)
    put(root / "no number", ["x.png"], SQUARE)
    for key in ("kohya_ss 2023-02", "anon-1337 2023-02"):
        with pytest.raises(DatasetError) as caught:
            planned(root, key)
        assert "no number" in caught.value.line() and "num_repeats" in caught.value.way_out
    plan, _, data = planned(root, "kohya_ss 2023-02", num_repeats=["no number=2", "10_a=1"])
    assert (plan.pictures, plan.repeats_total) == (13, 14)
    assert data.by_script is not None and data.by_script.total == 11


def test_regularisation_pictures_double_an_epoch_and_halve_the_epochs_of_passed_steps(tmp_path: Path) -> None:
    root = worked_folder(tmp_path / "set")
    put(tmp_path / "reg" / "1_girl", ["r.png", "s.png"], WIDE)
    more = {"reg_data_dir": str(tmp_path / "reg")}
    plan, _, _ = planned(root, "sd-scripts 2023-01", **more)
    assert plan.batches_per_epoch == 18 + 8 + 35 and plan.total_steps == 5 * 61
    plan, _, _ = planned(root, "kohya_ss 2023-02", **more)
    assert (plan.total_steps, plan.epochs) == (113, 2)
    _, imitation, _ = planned(root, "anon-1337 2023-02", **more)
    assert imitation.settings.lr_warmup_steps == "12"  # of 250 steps that it shows


def test_epochs_of_2023_are_not_divided_by_accumulation(tmp_path: Path) -> None:
    root = worked_folder(tmp_path)
    plan, imitation, _ = planned(root, "sd-scripts 2023-01", gradient_accumulation_steps=2)
    assert (plan.steps_per_epoch, plan.total_steps, plan.epochs) == (16, 155, 10)
    assert any("2 times the steps" in line for line in imitation.lines)
    plan, _, _ = planned(root, "sd-scripts 2026-02", gradient_accumulation_steps=2)
    assert (plan.total_steps, plan.epochs) == (80, 5)


def test_what_a_script_does_not_pass_is_said(tmp_path: Path) -> None:
    root = worked_folder(tmp_path)
    plan, imitation, _ = planned(root, "easy training scripts 2023-02", gradient_accumulation_steps=4)
    assert plan.total_steps == 155
    assert any("passes gradient_accumulation_steps = 1: " in line for line in imitation.lines)
    _, imitation, _ = planned(root, "kohya_ss 2023-02")
    assert imitation.settings.lr_scheduler_num_cycles == 5


def test_the_lines_say_what_is_counted_and_what_is_loaded(tmp_path: Path) -> None:
    lines = planned(worked_folder(tmp_path), "kohya_ss 2023-02")[1].lines
    assert lines[0].startswith("pictures: 9, 90 with repeats counted (not 10_a/11.bmp, 10_a/12.gif, 10_a/7.JPG")
    assert lines[0].endswith("; sd-scripts 0.4.0 loads 12, 120 with repeats")
    assert lines[1].startswith("steps: 113 passed as max_train_steps; ")
    assert lines[2].startswith("warm-up: 6 steps; round(per cent")


def test_how_a_share_is_rounded_is_not_said_of_steps_that_are_set(tmp_path: Path) -> None:
    lines = planned(worked_folder(tmp_path), "easy training scripts 2023-02", lr_warmup_steps="17")[1].lines
    assert "warm-up: 17 steps" in lines


def test_a_warm_up_that_a_trainer_cannot_take_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        planned(worked_folder(tmp_path), "kohya_ss 2023-02", lr_warmup_steps="2.5%")
    assert caught.value.where == "lr_warmup_steps" and "2.5" in caught.value.found


def test_steps_that_come_to_none_are_refused(tmp_path: Path) -> None:
    put(tmp_path / "1_a", ["a.png"], SQUARE)
    with pytest.raises(SettingsError) as caught:
        planned(tmp_path, "legacy ps script 2023-02", train_batch_size=64, max_train_epochs=1)
    assert caught.value.where == "behave_like" and "0 steps of 1 counted picture" in caught.value.found
    with pytest.raises(SettingsError, match="train_batch_size"):
        planned(tmp_path, "OneTrainer 2026-08")


def test_captions_come_from_the_trainer_s_files_and_else_from_the_folder_s_name(tmp_path: Path) -> None:
    put(tmp_path / "2_blue_hair", ["a.png", "b.png"], SQUARE)
    (tmp_path / "2_blue_hair" / "a.txt").write_text("a girl")
    (tmp_path / "2_blue_hair" / "b.caption").write_text("a boy")

    def captions(key: str) -> list[str]:
        return [picture.caption for picture in planned(tmp_path, key)[2].pictures]

    assert captions("anon-1337 2023-02") == ["a girl", "blue_hair"]
    assert captions("kohya_ss 2023-02") == ["blue_hair", "a boy"]
    assert captions("sd-scripts 2023-01") == ["blue_hair", "a boy"]


def test_buckets_are_off_where_the_trainer_has_them_off(tmp_path: Path) -> None:
    root = worked_folder(tmp_path)
    settings = Settings.model_validate({**SMALL, "train_data_dir": str(root), "behave_like": "sd-scripts 2023-01"})
    assert {placement.bucket for placement in placements_of(read_data(settings))} == {(64, 64)}


def test_a_data_set_file_names_folders_and_repeats_itself(tmp_path: Path) -> None:
    root = worked_folder(tmp_path)
    file = tmp_path / "data.toml"
    file.write_text("[[datasets]]\n[[datasets.subsets]]\nimage_dir = '10_a'\nnum_repeats = 2\n")
    plan, imitation, data = planned(root, "kohya_ss 2023-02", dataset_config=str(file))
    assert (plan.pictures, plan.repeats_total) == (12, 24)
    assert data.by_script is not None and data.by_script.total == 18
    assert plan.total_steps == 23  # 18 / 4 × 5, upwards
    assert any("data set file" in line for line in imitation.lines)


def test_minutes_go_before_the_steps_of_any_trainer_and_keep_its_warm_up(tmp_path: Path) -> None:
    root = worked_folder(tmp_path)
    asked, imitation, data = planned(root, "anon-1337 2023-02", train_minutes=40)
    assert not asked.steps_known
    assert imitation.settings.lr_warmup_steps == "5%"
    assert "as many as fit into train_minutes" in next(line for line in imitation.lines if line.startswith("steps:"))
    # Once the number is fixed the script's own rounding makes the warm-up: round(6.25) of 125 steps.
    fixed = imitate(fixed_settings(imitation.settings, 125), data).settings
    assert (fixed.max_train_steps, fixed.train_minutes, fixed.lr_warmup_steps) == (125, None, "6")


def test_a_bake_by_the_clock_gets_the_trainer_s_warm_up_once_its_steps_are_known(tmp_path: Path) -> None:
    root, key = worked_folder(tmp_path), "anon-1337 2023-02"
    _, imitation, data = planned(root, key, train_minutes=40, lr_warmup_steps="5%")
    assert (imitation.settings.train_minutes, imitation.settings.lr_warmup_steps) == (40, "5%")
    known = imitate(fixed_settings(imitation.settings, 90), data).settings
    assert (known.max_train_steps, known.lr_warmup_steps) == (90, "4")  # 4.5, half to even


def test_pictures_that_the_trainer_does_not_load_are_named(tmp_path: Path) -> None:
    _, _, data = planned(odd_folder(tmp_path), "sd-scripts 2026-02")
    said = {note.place: note for note in data.notes if note.check == "picture-skipped"}
    assert ("2_eyes/c.Jpg" in said["2_eyes"].cases and "does not" in said["2_eyes"].text) or "do not" in said[
        "2_eyes"
    ].text
    assert any("directly in" in note.text for note in data.notes)


def test_a_trainer_that_finds_nothing_says_where_it_looks(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        planned(worked_folder(tmp_path), "cloneofsimo lora 2023-02")
    assert "cloneofsimo/lora" in caught.value.expected and "data folder itself" in caught.value.expected


@pytest.mark.parametrize(
    ("key", "captions"),
    [
        ("sd_dreambooth_extension 2023-02", ["red hat, side", "from the file", "a.b"]),
        ("cloneofsimo lora 2023-02", ["07-red hat, side", "8 two", "a"]),
        ("OneTrainer 2026-08", ["", "from the file", ""]),
        ("ai-toolkit 2026-08", ["", "from the file", ""]),
    ],
)
def test_a_picture_without_a_caption_file_has_the_caption_that_the_trainer_gives_it(
    tmp_path: Path, key: str, captions: list[str]
) -> None:
    folder = tmp_path if key.startswith("cloneofsimo") else tmp_path / "5_hat"
    put(folder, ["07-red hat, side.png", "8 two.png", "a.b.png"], SQUARE)
    (folder / "8 two.txt").write_text("from the file")
    _, imitation, data = planned(tmp_path, key, caption_extension=[".txt"], train_batch_size=1)
    assert [picture.caption for picture in data.pictures] == captions
    assert any(line.startswith("captions: ") for line in imitation.lines)
    (found,) = (note for note in data.notes if note.check == "caption-missing")
    assert ("file's name" in found.text) == (captions[0] != "")
    unread = [note.text for note in data.notes if note.check == "caption-ending"]
    assert ["reads no caption files" in text for text in unread] == [True] * key.startswith("cloneofsimo")


def test_a_folder_for_regularisation_in_which_the_trainer_finds_nothing_is_named_and_not_refused(
    tmp_path: Path,
) -> None:
    put(tmp_path / "set" / "2_a", ["a.png"], SQUARE)
    put(tmp_path / "reg" / "woman", ["b.png", "c.png"], SQUARE)
    plan, _, data = planned(tmp_path / "set", "sd-scripts 2023-01", reg_data_dir=str(tmp_path / "reg"))
    assert (plan.reg_pictures, plan.batches_per_epoch) == (0, 1)
    assert any(note.check == "reg-unused" and "trains without" in note.text for note in data.notes)
    with pytest.raises(DatasetError, match="reg"):
        planned(tmp_path / "set", OURS, reg_data_dir=str(tmp_path / "reg"))


def test_two_blank_rates_are_refused_as_the_gui_of_2023_does(tmp_path: Path) -> None:
    put(tmp_path / "2_a", ["a.png"], SQUARE)
    with pytest.raises(SettingsError, match="both rates are blank"):
        planned(tmp_path, "kohya_ss 2023-02", unet_lr=None, text_encoder_lr=None, learning_rate=1e-4)


def test_of_too_many_regularisation_pictures_the_table_and_the_bake_use_the_same(tmp_path: Path) -> None:
    put(tmp_path / "set", ["a.png"], SQUARE)
    put(tmp_path / "reg" / "10_a", ["wide.png"], WIDE)
    put(tmp_path / "reg", ["loose.png"], SQUARE)
    folders: dict[str, object] = {"train_data_dir": str(tmp_path / "set"), "reg_data_dir": str(tmp_path / "reg")}
    made = computed(OURS, folders)
    plan, _, _ = planned(tmp_path / "set", OURS, reg_data_dir=str(tmp_path / "reg"))
    # The one beside the folders comes first, and is enough.
    assert (made.regularisation_shown, made.batches_per_epoch) == (1, 1)
    assert [bucket.size for bucket in plan.buckets] == [bucket.size for bucket in made.buckets]


@pytest.mark.parametrize(
    ("key", "ends"),
    [
        ("sd_dreambooth_extension 2023-02", "after 3 steps"),  # 10 pictures, batch 4
        ("OneTrainer 2026-08", "after 3 steps"),  # 10 batches, 3 accumulated
        ("easy training scripts 2023-02", None),
    ],
)
def test_a_warm_up_in_something_else_than_steps_is_named(tmp_path: Path, key: str, ends: str | None) -> None:
    put(tmp_path / "2_a", [f"{n}.png" for n in range(8)], SQUARE)
    _, imitation, _ = planned(
        tmp_path, key, lr_warmup_steps="10", gradient_accumulation_steps=3, max_train_steps=50, max_train_epochs=None
    )
    found = [line for line in imitation.lines if line.startswith("not imitated: its warm-up of 10")]
    assert len(found) == (ends is not None)
    assert not found or str(ends) in found[0]
    assert imitation.settings.lr_warmup_steps == "10"


def test_a_folder_with_no_repeats_is_left_out_also_where_folders_in_the_data_folder_count_as_part_of_it(
    tmp_path: Path,
) -> None:
    put(tmp_path / "3_b", ["a.png"], SQUARE)
    put(tmp_path / "3_b" / "in", ["b.png"], SQUARE)
    put(tmp_path / "c", ["d.png"], SQUARE)
    for key in ("ai-toolkit 2026-08", "sd_dreambooth_extension 2023-02"):
        _, _, data = planned(tmp_path, key, num_repeats=["3_b=0"])
        assert [data.name_of(picture) for picture in data.pictures] == ["c/d.png"]


@pytest.mark.parametrize("key", OTHERS)
def test_a_seed_that_a_trainer_draws_each_time_is_named_where_none_was_asked_for(tmp_path: Path, key: str) -> None:
    put(tmp_path / "3_a", [f"{n}.png" for n in range(4)], SQUARE)
    put(tmp_path, ["loose.png"], SQUARE)
    like: dict[str, object] = {"train_batch_size": 1}
    drawn = "seed" not in (*PROFILES[key].defaults, *PROFILES[key].unknown)
    lines = planned(tmp_path, key, **like)[1].lines
    assert any(line.startswith("not imitated: its seed: ") and line.endswith("42") for line in lines) == drawn
    assert not any("its seed" in line for line in planned(tmp_path, key, **like, seed=7)[1].lines)

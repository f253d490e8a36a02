"""What trainers look at before they start: empty folders, folders for regularisation, blank rates, steps beside epochs."""

import pytest

from trainer.profiles.record import Options
from trainer.profiles.registry import OURS, PROFILES
from trainer.profiles.run import BucketOf, TrainerRun, run_of
from trainer.profiles.tally import FoundData, FoundFile
from trainer.settings.model import Settings

SIDE = (512, 512)
ANON, KOHYA = "anon-1337 2023-02", "kohya_ss 2023-02"
TRAINED = tuple(FoundFile(f"4_hat/{n}.png", SIDE) for n in range(6))


def run(
    key: str,
    files: tuple[FoundFile, ...] = TRAINED,
    *,
    regular: tuple[FoundFile, ...] = (),
    root: str = "",
    folders: frozenset[tuple[bool, str]] = frozenset(),
    **stated: object,
) -> TrainerRun:
    """Return what a trainer makes of files in one bucket, batch 3, without a warm-up unless one is given."""

    def as_they_are(options: Options) -> BucketOf:
        def bucket(size: tuple[int, int]) -> tuple[int, int]:
            return size

        return bucket

    data = FoundData("set", (*files, *regular), root or ("reg" if regular else ""), folders)
    options = {"train_batch_size": 3, "lr_warmup_steps": "0", "lr_scheduler": "cosine"} | stated
    return run_of(PROFILES[key], data, options, Settings().model_dump(), as_they_are)


@pytest.mark.parametrize("key", PROFILES)
def test_an_empty_folder_without_a_number_stops_those_that_stop_at_a_full_one(key: str) -> None:
    made = run(key, folders=frozenset({(False, "notes")}), max_train_epochs=2)
    assert ("folder notes" in made.stops) == (key in (ANON, KOHYA))


@pytest.mark.parametrize("key", PROFILES)
def test_the_names_of_regularisation_folders_stop_the_one_script_that_reads_them(key: str) -> None:
    regular = (FoundFile("woman/1.png", SIDE, regularisation=True),)
    made = run(key, regular=regular, max_train_epochs=2)
    if key == ANON:
        assert "folder woman" in made.stops
    elif key == OURS:
        assert "for regularisation" in made.stops
    elif key != "cloneofsimo lora 2023-02":
        assert made.stops == ""
    # kohya_ss of today goes by whether a folder is named: 24 / 3 × 2 epochs × 2.
    if key == "kohya_ss 2026-07":
        assert made.steps_shown == 32
    # Those of 2023 know nothing of regularisation: 24 / 3 × 2 epochs.
    if key in (KOHYA, "legacy ps script 2023-02", "easy training scripts 2023-02"):
        assert made.steps_shown == 16


@pytest.mark.parametrize("key", PROFILES)
def test_regularisation_pictures_alone_are_nothing_to_train_on(key: str) -> None:
    regular = tuple(FoundFile(f"{name}{n}.png", SIDE, regularisation=True) for name in ("", "2_r/") for n in range(8))
    made = run(key, (FoundFile("4_hat/notes.txt"),), regular=regular, max_train_epochs=2)
    assert "to train on" in made.stops
    assert made.steps == 0


def test_steps_beside_epochs_win_where_the_trainer_has_a_field_for_each() -> None:
    both = {key: run(key, max_train_epochs=3, max_train_steps=70).steps for key in PROFILES}
    # 24 / 3 = 8 to an epoch.
    assert both["sd-scripts 2023-01"] == both[OURS] == both[ANON] == both[KOHYA] == 24
    assert both["legacy ps script 2023-02"] == 24
    for key in ("easy training scripts 2023-02", "easy training scripts popup 2023-02", "kohya_ss 2026-07"):
        assert both[key] == 70
        # A file that is written out has sd-scripts' own number beside the epochs.
        assert run(key, max_train_epochs=3, max_train_steps=1600).steps == 24


def test_two_blank_rates_stop_kohya_ss_of_2023_alone() -> None:
    blank: dict[str, object] = {"unet_lr": None, "text_encoder_lr": 0.0, "learning_rate": 1e-4, "max_train_epochs": 1}
    stopped = [key for key in PROFILES if "rates" in run(key, **blank).stops]
    assert stopped == [KOHYA]
    assert run(KOHYA, **{**blank, "unet_lr": 1e-4}).stops == ""


def test_steps_that_come_to_none_stop_a_script_that_passes_them() -> None:
    # .bmp is loaded by sd-scripts and not counted by kohya_ss.
    made = run(KOHYA, (FoundFile("4_hat/a.bmp", SIDE),), max_train_epochs=2)
    assert (made.steps_shown, made.steps) == (0, 0)
    assert "0 steps of 0 counted pictures" in made.stops
    assert run("easy training scripts 2023-02", (FoundFile("hat/a.png", SIDE),), max_train_epochs=2).stops


def test_a_share_that_a_field_cannot_hold_stops_also_where_the_schedule_has_no_warm_up() -> None:
    made = run(KOHYA, max_train_epochs=2, lr_scheduler="constant", lr_warmup_steps="2.5%")
    assert "2.5 %" in made.stops
    assert run(KOHYA, max_train_epochs=2, lr_scheduler="constant", lr_warmup_steps="25%").warmup == 0


def test_negative_repeats_take_off_what_a_script_multiplies_and_are_no_pictures_to_the_engine() -> None:
    files = (*TRAINED, FoundFile("-1_x/a.png", SIDE), FoundFile("-1_x/b.PNG", SIDE), FoundFile("-1_x/c.txt"))
    # 6 × 4 - 1 × 2, at batch 3 over 3 epochs; kohya_ss does not know .PNG.
    assert run("easy training scripts 2023-02", files, max_train_epochs=3).steps_shown == 22
    assert run(KOHYA, files, max_train_epochs=3).steps_shown == 23
    assert "start with a number" in run(ANON, files, max_train_epochs=3).stops
    bare = run("sd-scripts 2023-01", files, max_train_epochs=3)
    assert (bare.steps, len(bare.loaded.pictures)) == (24, 6)

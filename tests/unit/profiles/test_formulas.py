"""The trainers' formulas over whatever data and options: what always holds of them."""

import math
from collections import Counter
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trainer.dataset.batches import batches_per_epoch, instances
from trainer.dataset.buckets import Placement
from trainer.dataset.records import BucketRules, DataSet, Group, Picture
from trainer.profiles.arithmetic import (
    ceiling_steps,
    half_to_even,
    our_warmup,
    rounded_share,
    rounded_steps,
    truncated_share,
    truncated_steps,
    whole_percent,
)
from trainer.profiles.record import Counted, FolderName, Options, Size
from trainer.profiles.registry import PROFILES
from trainer.profiles.run import BucketOf, TrainerRun, filled_up, run_of
from trainer.profiles.tally import FoundData, FoundFile
from trainer.settings.amounts import steps_of
from trainer.settings.model import Settings

OURS = Settings().model_dump()
SIZES = [(512, 512), (448, 576), (576, 448)]
KEYS = [key for key, profile in PROFILES.items() if profile.engine.counts_epochs]

# (repeats, size) of pictures; names and case are those that every trainer counts.
pictures = st.lists(st.tuples(st.integers(1, 12), st.sampled_from(SIZES)), min_size=1, max_size=12)
whole = st.integers(1, 9)


def folder(found: list[tuple[int, Size]], *, regular: bool = False) -> list[FoundFile]:
    """Return pictures as files of `N_name` folders."""
    return [FoundFile(f"{repeats}_a/{n}.png", size, regular) for n, (repeats, size) in enumerate(found)]


def run(key: str, files: list[FoundFile], **stated: object) -> TrainerRun:
    """Return what a trainer makes of files, whose sizes are their buckets."""

    def as_they_are(options: Options) -> BucketOf:
        def bucket(size: Size) -> Size:
            return size

        return bucket

    regular = "reg" if any(file.regularisation for file in files) else ""
    return run_of(PROFILES[key], FoundData("set", tuple(files), regular), stated, OURS, as_they_are)


@given(key=st.sampled_from(KEYS), found=pictures, batch=whole, epochs=whole)
@example(key="legacy ps script 2023-02", found=[(1, (512, 512))], batch=2, epochs=1)
def test_without_accumulation_every_epoch_is_all_of_its_batches(
    key: str, found: list[tuple[int, Size]], batch: int, epochs: int
) -> None:
    made = run(key, folder(found), train_batch_size=batch, max_train_epochs=epochs, lr_warmup_steps="0")
    if made.stops:
        # OneTrainer drops what fills no batch; a script that passes steps rounds half a batch down to none.
        assert made.batches_per_epoch == 0 or (PROFILES[key].steps.steps_passed and made.steps_shown == 0)
        return
    if PROFILES[key].steps.steps_passed:
        assert made.steps == made.steps_shown
        assert (made.epochs - 1) * made.batches_per_epoch < made.steps <= made.epochs * made.batches_per_epoch
    else:
        assert (made.steps, made.epochs) == (epochs * made.batches_per_epoch, epochs)


@given(key=st.sampled_from(KEYS), found=pictures, batch=whole, epochs=whole, accumulated=whole)
def test_accumulation_never_loses_an_epoch_and_only_sd_scripts_of_2023_gains_any(
    key: str, found: list[tuple[int, Size]], batch: int, epochs: int, accumulated: int
) -> None:
    made = run(
        key,
        folder(found),
        train_batch_size=batch,
        max_train_epochs=epochs,
        gradient_accumulation_steps=accumulated,
        gradient_checkpointing=True,
        lr_warmup_steps="0",
    )
    engine = PROFILES[key].engine
    if made.stops or PROFILES[key].steps.steps_passed:
        return
    if engine.accumulation == "not divided":
        assert made.steps == epochs * made.batches_per_epoch
        assert epochs <= made.epochs <= epochs * accumulated
        assert made.schedule_steps == made.steps * accumulated
    elif engine.accumulation == "across epochs":
        assert made.steps == epochs * made.batches_per_epoch // accumulated
    else:
        assert (made.steps, made.epochs) == (epochs * math.ceil(made.batches_per_epoch / accumulated), epochs)


@given(found=pictures, regular=st.lists(st.tuples(st.integers(1, 12), st.sampled_from(SIZES)), max_size=8), batch=whole)
def test_our_rules_and_those_of_todays_sd_scripts_are_those_that_the_program_bakes_by(
    found: list[tuple[int, Size]], regular: list[tuple[int, Size]], batch: int
) -> None:
    rules = BucketRules((512, 512), True, 256, 1024, 64, False)
    all_pictures = [*((*each, False) for each in found), *((*each, True) for each in regular)]
    data = DataSet(
        Path("/data"),
        (),
        tuple(
            Picture(Path(f"/data/{n}.png"), "a", repeats, *size, "", None, is_reg=is_reg)
            for n, (repeats, size, is_reg) in enumerate(all_pictures)
        ),
        (),
        (Group(rules, batch),),
    )
    placements = [Placement(size, size, (0, 0)) for _, size, _ in all_pictures]
    for key in ("lora-tui", "sd-scripts 2026-02"):
        made = run(key, [*folder(found), *folder(regular, regular=True)], train_batch_size=batch, max_train_epochs=1)
        shown = instances(data)
        assert made.batches_per_epoch == batches_per_epoch(data, placements)
        assert made.regularisation_shown == sum(data.pictures[index].is_reg for index in shown)
        assert sum(bucket.shown for bucket in made.buckets) == len(shown)


@given(repeats=st.lists(st.integers(1, 20), min_size=1, max_size=10), wanted=st.integers(0, 200))
def test_regularisation_is_filled_up_to_what_is_wanted_and_hardly_more(repeats: list[int], wanted: int) -> None:
    times = filled_up(repeats, wanted)
    assert wanted <= sum(times) < wanted + max(repeats)
    if sum(repeats) < wanted:
        more = Counter(many - own for many, own in zip(times, repeats, strict=True))
        assert sum(times) == wanted and max(more) - min(more) <= 1


@given(total=st.integers(0, 100_000), batch=st.integers(1, 64), epochs=st.integers(1, 100))
def test_the_three_roundings_of_steps_lie_within_one_step(total: int, batch: int, epochs: int) -> None:
    counted = Counted(total, 0, False, {"train_batch_size": batch, "max_train_epochs": epochs})
    cut, rounded, up = truncated_steps(counted), rounded_steps(counted), ceiling_steps(counted)
    assert cut is not None and rounded is not None and up is not None
    assert cut <= rounded <= up <= cut + 1
    exact = total * epochs / batch
    assert abs(cut - exact) <= 1 and abs(up - exact) <= 1 and abs(rounded - exact) <= 0.5 + 1e-9


@given(halves=st.integers(-20_001, 20_001))
def test_halves_go_to_the_even_neighbour(halves: int) -> None:
    exact = Decimal(halves) / 2
    assert half_to_even(halves / 2) == int(exact.to_integral_value(ROUND_HALF_EVEN))


@given(percent=st.integers(0, 100), total=st.integers(0, 1_000_000))
def test_every_warm_up_of_a_share_lies_within_a_step_of_it(percent: int, total: int) -> None:
    options = {"lr_warmup_steps": f"{percent}%"}
    exact = Decimal(percent) * total / 100
    for warmup in (truncated_share, rounded_share, whole_percent, our_warmup):
        assert abs(warmup(options, total) - exact) <= 1
        assert 0 <= warmup(options, total) <= total
    assert our_warmup(options, total) == steps_of(f"{percent}%", total) == percent * total // 100


@given(number=st.integers(0, 300), half=st.booleans())
def test_powershell_reads_a_decimal_number_half_to_even_and_python_none(number: int, half: bool) -> None:
    text = f"{number}.5" if half else str(number)
    name = FolderName(f"{text}_a")
    legacy, sd_scripts = PROFILES["legacy ps script 2023-02"].steps, PROFILES["sd-scripts 2023-01"].steps
    assert legacy.repeats(name, {}) == half_to_even(number + 0.5 * half)
    assert sd_scripts.repeats(name, {}) == (None if half else number)


@pytest.mark.parametrize("name", ["a", "_a", "", "x1_a", "1.2.3_a", ".", "-"])
def test_a_folder_without_a_number_stops_two_trainers_and_is_left_out_by_the_others(name: str) -> None:
    for key in ("anon-1337 2023-02", "kohya_ss 2023-02"):
        with pytest.raises(ValueError, match="folder"):
            PROFILES[key].steps.repeats(FolderName(name), {})
    for key in ("sd-scripts 2023-01", "easy training scripts 2023-02", "legacy ps script 2023-02", "kohya_ss 2026-07"):
        assert PROFILES[key].steps.repeats(FolderName(name), {}) is None


def test_a_number_without_a_name_behind_it_counts_for_all_but_easy_training_scripts() -> None:
    assert PROFILES["sd-scripts 2023-01"].steps.repeats(FolderName("10"), {}) == 10
    assert PROFILES["kohya_ss 2023-02"].steps.repeats(FolderName("10"), {}) == 10
    assert PROFILES["easy training scripts 2023-02"].steps.repeats(FolderName("10"), {}) is None
    with pytest.raises(ValueError, match="above 0"):
        PROFILES["anon-1337 2023-02"].steps.repeats(FolderName("0_a"), {})

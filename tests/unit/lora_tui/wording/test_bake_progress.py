from dataclasses import replace

import pytest
from bake_rows import bake_row

from lora_tui.snapshot import Snapshot
from lora_tui.wording.bake_progress import step_progress
from trainer.journal.records import STAGE_WORDS, BakeState, Checkpoint, Stage

BAKE = bake_row()


def at(step: int, **changes: object) -> object:
    snapshot = Snapshot(bake=BAKE, last={"loss": (step, 0.1)} if step else {}, step_seconds=0.5)
    return step_progress(snapshot, replace(BAKE, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(("step", "epoch"), [(0, 1), (1, 1), (40, 1), (41, 2), (240, 6)])
def test_the_current_epoch(step: int, epoch: int) -> None:
    assert at(step).epoch == epoch


def test_a_hundred_percent_is_reported_only_at_the_end() -> None:
    assert at(239).percent == "99 %"
    assert at(240).percent == "100 %"


def test_the_time_left_is_that_of_the_steps_left() -> None:
    assert at(200).seconds_left == pytest.approx(20.0)


def test_what_has_ended_has_no_time_left() -> None:
    assert at(200, state=BakeState.STOPPED).seconds_left is None


def test_the_stage_s_count_is_ahead_of_the_losses() -> None:
    assert at(10, stage_done=14).step == 14


def test_another_stage_s_count_is_no_step() -> None:
    assert at(40, stage=Stage.VALIDATE, stage_done=100).step == 40


def test_steps_never_fall_behind_what_is_saved() -> None:
    saved = Checkpoint(1, 40, "x-000001.safetensors", 1, None, None, None, None, 0.0)
    snapshot = Snapshot(bake=BAKE, last={"loss": (38, 0.1)}, checkpoints=(saved,))
    assert step_progress(snapshot, replace(BAKE, stage=Stage.SAVE)).step == 40


@pytest.mark.parametrize(
    ("stage", "done", "total", "words"),
    [
        (Stage.LOAD, 0, 0, "loading the base"),
        (Stage.CACHE, 3, 16, "caching latents 3/16"),
        (Stage.VALIDATE, 1, 4, "validating 1/4"),
        (Stage.STEP, 3, 240, ""),
    ],
)
def test_a_stage_is_reported_in_words_with_its_count(stage: Stage, done: int, total: int, words: str) -> None:
    assert at(0, stage=stage, stage_done=done, stage_total=total).stage == words


def test_a_bake_without_steps_divides_by_nothing() -> None:
    empty = step_progress(Snapshot(), replace(BAKE, total_steps=0, steps_per_epoch=0, stage=Stage.LOAD))
    assert (empty.share, empty.epoch, empty.epochs) == (0.0, 1, 1)


def test_every_stage_has_words() -> None:
    assert set(STAGE_WORDS) == set(Stage)
    assert all(STAGE_WORDS.values())


def test_a_grid_in_the_middle_of_a_bake_says_what_is_left_from_its_first_picture_on() -> None:
    bake = replace(BAKE, stage=Stage.GRID, stage_done=3, stage_total=12)
    assert step_progress(Snapshot(bake=bake), bake).stage == "making a grid 3/12"
    snapshot = Snapshot(bake=bake, grid_seconds_left=45.0)
    assert step_progress(snapshot, bake).stage == "making a grid 3/12 · 45 s left"

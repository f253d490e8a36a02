"""Disk space of a bake, and what it writes in eight hours."""

from collections import namedtuple
from pathlib import Path

import pytest

from trainer.errors import DiskFull, ExitCode
from trainer.plan.disk import (
    BakeLength,
    bytes_per_8_hours,
    check_disk_space,
    state_bytes,
    states_disk_bytes,
    states_written,
)
from trainer.settings.model import Settings

GB = 10**9
TEN_EPOCHS = BakeLength(steps_per_epoch=100, epochs=10, total_steps=1000, files=10, seconds_per_step=None)
"""1000 steps whose speed is not known."""

Usage = namedtuple("Usage", "total used free")


def at(seconds_per_step: float) -> BakeLength:
    return BakeLength(100, 10, 1000, 10, seconds_per_step)


@pytest.mark.parametrize(
    ("values", "states"),
    [
        ({}, 2),  # the last, and the next beside it until it is whole
        ({"keep_states": "epochs"}, 11),
        ({"keep_states": "3"}, 4),
        ({"keep_states": "400"}, 401),  # how many there will be is not known without a speed
        ({"keep_states": "400", "save_state_every_n_steps": 50}, 30),  # ten epochs' ends and twenty between
    ],
)
def test_states_take_what_is_kept_and_the_next_one(values: dict[str, object], states: int) -> None:
    assert states_disk_bytes(Settings(**values), TEN_EPOCHS, 1000) == states * 1000


@pytest.mark.parametrize(
    ("values", "times"),
    [
        ({}, 3),  # itself and two moments
        ({"optimizer_type": "Lion"}, 2),
        ({"optimizer_type": "SGDNesterov"}, 2),
        ({"optimizer_type": "AdamW8bit"}, 1.508),
        ({"optimizer_type": "Adafactor"}, 1.009),
        ({"optimizer_type": "Adafactor", "optimizer_args": ["beta1=0.9"]}, 2.009),
        ({"optimizer_type": "Prodigy"}, 4.5),  # of a lora_up, which starts at 0, no second copy
        ({"optimizer_type": "Prodigy", "network_weights": "x.safetensors"}, 5),
        ({"optimizer_type": "Prodigy", "optimizer_args": ["slice_p=10"]}, 3.15),
        ({"optimizer_type": "torch.optim.NAdam"}, 3),  # not known: as two moments
    ],
)
def test_a_state_holds_the_weights_and_what_the_optimizer_keeps_of_each(
    values: dict[str, object], times: float
) -> None:
    shapes = [(128, 1280), (1280, 128)]
    weights = 2 * 4 * 128 * 1280
    assert state_bytes(Settings(**values), weights, shapes) == pytest.approx(times * weights, rel=0.002)


def test_one_state_needs_no_second_beside_it() -> None:
    once = BakeLength(100, 1, 100, 1, seconds_per_step=1)
    assert states_disk_bytes(Settings(), once, 1000) == 1000


def test_a_budget_bounds_the_states_but_never_below_the_newest_and_the_next() -> None:
    kept = {"keep_states": "epochs"}
    assert states_disk_bytes(Settings(**kept, state_budget=3), TEN_EPOCHS, GB) == 4 * GB
    assert states_disk_bytes(Settings(**kept, state_budget=0.1), TEN_EPOCHS, GB) == 2 * GB
    assert states_disk_bytes(Settings(**kept, state_budget=1000), TEN_EPOCHS, GB) == 11 * GB


@pytest.mark.parametrize(("seconds", "states"), [(1, 10), (5.99, 10), (6, 20), (60, 110)])
def test_a_state_comes_at_each_epochs_end_and_every_ten_minutes_within_it(seconds: float, states: int) -> None:
    assert states_written(Settings(), at(seconds)) == states


def test_how_many_states_a_clock_asks_for_is_not_known_without_a_speed() -> None:
    assert states_written(Settings(), TEN_EPOCHS) is None
    assert states_written(Settings(save_state_every_n_steps=10), TEN_EPOCHS) == 110


def test_a_night_writes_loras_states_and_the_journal() -> None:
    # One step a second: 28,800 steps, 288 epochs. Two batches a second are the journal's most, here one.
    written = bytes_per_8_hours(Settings(), at(1), lora_bytes=1000, state_bytes=10_000)
    assert written is not None
    assert written - 28_800 * 106_000 == pytest.approx(288 * 1000 + 288 * 10_000, abs=1)


def test_a_quick_bake_writes_no_more_to_the_journal_than_two_batches_a_second() -> None:
    assert bytes_per_8_hours(Settings(), at(0.01), lora_bytes=0, state_bytes=0) == 2 * 28_800 * 106_000


def test_a_night_of_unknown_speed_is_not_guessed() -> None:
    assert bytes_per_8_hours(Settings(), TEN_EPOCHS, lora_bytes=1000, state_bytes=10_000) is None


def test_a_disk_without_room_is_refused_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.machine.disk_space.shutil.disk_usage", lambda _: Usage(10**12, 10**12 - 10**8, 10**8))
    with pytest.raises(DiskFull) as caught:
        check_disk_space(10**9, tmp_path)
    assert caught.value.exit_code is ExitCode.DISK_FULL
    assert caught.value.line().endswith(
        ": 100.0 MB free on this disk; expected 1.0 GB for LoRAs, states and the journal; "
        "free some space, or keep less: save_every_n_epochs, keep_states, state_budget"
    )
    check_disk_space(10**7, tmp_path)


def test_a_disk_that_reports_nothing_is_not_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(_: object) -> None:
        raise OSError("not supported")

    monkeypatch.setattr("trainer.machine.disk_space.shutil.disk_usage", silent)
    check_disk_space(10**18, tmp_path)


def test_a_bake_of_unknown_size_still_needs_some_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.machine.disk_space.shutil.disk_usage", lambda _: Usage(10**12, 10**12 - 1000, 1000))
    with pytest.raises(DiskFull):
        check_disk_space(None, tmp_path)

"""What goes wrong inside a bake is skipped, named, rolled back or waited out; nothing made before is lost."""

import errno
from math import isfinite

import pytest
from poisoned_steps import left_out, poisoned

from trainer.bake import loop
from trainer.bake.guards import disk_space
from trainer.bake.saving.states import StateSaver
from trainer.journal.records import BakeState, Order
from trainer.journal.state_files import states_of


def test_a_step_without_a_finite_gradient_is_skipped_and_its_pictures_are_named(runner, stated, monkeypatch) -> None:
    runner.few_repeats()
    monkeypatch.setattr(loop, "train_step", left_out({6}))
    without = runner.bake(*stated)
    monkeypatch.setattr(loop, "train_step", poisoned({6}))
    skipped = runner.bake(*stated)
    assert skipped.state is BakeState.DONE
    assert runner.tensors(skipped) == runner.tensors(without)
    line = next(line for line in runner.log(skipped) if line.startswith("step 6 skipped"))
    assert line.count(".png") == 4
    assert [(mark.step, mark.kind) for mark in runner.journal.results.marks(skipped.number)] == [(6, "skip")]
    assert runner.journal.digests.read(0.0).skipped == {skipped.number: 1}


def test_the_means_leave_a_skipped_step_out(runner, stated, monkeypatch) -> None:
    runner.few_repeats()
    monkeypatch.setattr(loop, "train_step", poisoned({6}))
    bake = runner.bake(*stated)
    losses = runner.journal.results.folder_losses(bake.number)
    checkpoints = runner.journal.results.checkpoints(bake.number)
    assert [count for _, _, _, count in losses] == [16, 12, 16]
    assert all(isfinite(loss) for _, _, loss, _ in losses)
    assert len(checkpoints) == 3
    assert all(isfinite(saved.loss) for saved in checkpoints)


def test_too_many_in_a_row_roll_back_to_the_last_good_state_with_lower_rates(runner, stated, monkeypatch) -> None:
    runner.few_repeats()
    plain = runner.bake(*stated)
    monkeypatch.setattr(loop, "train_step", poisoned({5, 6, 7, 8}, {}))
    bake = runner.bake(*stated, "max_bad_steps=2", "roll_back_rate=0.25")
    assert bake.state is BakeState.DONE
    kinds = [(mark.step, mark.kind) for mark in runner.journal.results.marks(bake.number)]
    assert (4, "roll back") in kinds
    rates = runner.journal.curves.read(bake.number, "lr_unet", 1000)
    before = runner.journal.curves.read(plain.number, "lr_unet", 1000)
    assert rates.steps == list(range(1, 13))
    assert rates.mean[:4] == before.mean[:4]
    rolled = sum(kind == "roll back" for _, kind in kinds)
    assert rates.mean[8:] == pytest.approx([rate * 0.25**rolled for rate in before.mean[8:]])


def test_too_many_in_a_row_stop_the_bake_where_that_is_set(runner, stated, monkeypatch) -> None:
    runner.few_repeats()
    monkeypatch.setattr(loop, "train_step", poisoned(set(range(6, 13))))
    bake = runner.bake(*stated, "max_bad_steps=2", "on_bad_steps=stop")
    assert bake.state is BakeState.FAILED
    assert "in a row had no finite gradient" in bake.error
    assert states_of(runner.folder(bake))
    assert runner.journal.results.checkpoints(bake.number)


def test_without_a_state_to_go_back_to_the_bake_ends_with_the_reason(runner, stated, monkeypatch) -> None:
    runner.few_repeats()
    monkeypatch.setattr(loop, "train_step", poisoned(set(range(1, 13))))
    bake = runner.bake(*stated, "max_bad_steps=2")
    assert bake.state is BakeState.FAILED
    assert "before any state was saved" in bake.error


def test_layers_that_never_move_are_named(runner, stated, monkeypatch) -> None:
    runner.few_repeats()
    monkeypatch.setattr(
        "trainer.bake.guards.gradients.unmoved", lambda session: [layer.name for layer in session.network][:6]
    )
    bake = runner.bake(*stated)
    said = [line for line in runner.log(bake) if "have not moved" in line]
    assert len(said) == 1
    assert "and 2 more" in said[0]


def test_the_layers_behind_clip_skip_are_not_taken_for_stuck(runner, stated) -> None:
    runner.few_repeats()
    bake = runner.bake(*stated, "clip_skip=2")
    assert not [line for line in runner.log(bake) if "have not moved" in line]


def _of(full: "FullDisk"):
    """Return a `StateSaver._write` that the full disk stands in for."""

    def write(states, state, path) -> None:
        full.write_state(states, state, path)

    return write


class FullDisk:
    """A disk that is full from the second look at it until `free_looks` looks were taken; one state cannot be written."""

    def __init__(self, monkeypatch, free_looks: int) -> None:
        self.looks = 0
        self.room_after = free_looks
        self.fails = 1
        self.write = StateSaver._write
        monkeypatch.setattr(disk_space, "free_bytes", self.free_bytes)
        monkeypatch.setattr(disk_space, "_POLL_SECONDS", 0.01)
        monkeypatch.setattr(StateSaver, "_write", _of(self))

    def free_bytes(self, folder) -> int:
        self.looks += 1
        return 1 << 40 if self.looks <= 1 or self.looks > self.room_after else 0

    def write_state(self, states, state, path) -> None:
        if self.fails:
            self.fails -= 1
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        self.write(states, state, path)


def test_a_full_disk_pauses_the_bake_until_there_is_room(runner, stated, monkeypatch) -> None:
    runner.few_repeats()
    plain = runner.bake(*stated)
    FullDisk(monkeypatch, free_looks=50)
    bake = runner.bake(*stated)
    assert bake.state is BakeState.DONE
    assert runner.tensors(bake) == runner.tensors(plain)
    log = runner.log(bake)
    assert any("the disk is full" in line for line in log)
    assert any("there is disk space again" in line for line in log)
    assert not (runner.folder(bake) / ".reserve").exists()


def test_a_stop_while_the_disk_is_full_ends_the_bake_and_keeps_what_is_there(runner, stated, monkeypatch) -> None:
    runner.few_repeats()
    FullDisk(monkeypatch, free_looks=10**9)
    number = runner.queue(*stated)
    runner.wait(number, lambda bake: bake.state is BakeState.PAUSED)
    runner.journal.orders.give(number, Order.STOP)
    bake = runner.finish(number)
    assert bake.state is BakeState.FAILED
    assert "not enough disk space for" in bake.error
    assert runner.engine.exit_codes[number] == 5

"""A bake that was stopped, parked, lost or forked continues as if nothing had happened."""

import sqlite3
import stat
from pathlib import Path

import numpy as np
import pytest
from run_engine import STATED, EngineRunner, small_demo

from trainer.errors import SettingsError, WorkspaceError
from trainer.jobs.fork import extend, fork
from trainer.journal.curves import SPEED_METRIC
from trainer.journal.records import BakeState, MarkKind, Order, Stage
from trainer.journal.state_files import read_state_header, states_of
from trainer.measures.curve_records import StepPhase
from trainer.measures.of_weights import ROUNDED_OFF

STEPS = 12
CLOCKED = {SPEED_METRIC, *(phase.metric for phase in StepPhase)}


def losses(runner, number: int) -> list[float]:
    return runner.journal.curves.read(number, "loss", 1000).mean


def stopped_after(runner, step: int, *overrides: str, order: Order = Order.STOP):
    """Return a bake stopped soon after `step`."""
    number = runner.queue(*overrides)
    runner.wait(number, lambda bake: bake.stage is Stage.STEP and bake.stage_done >= step)
    runner.journal.orders.give(number, order)
    return runner.finish(number)


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    """One runner for all tests here: their bakes have numbers and folders of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        runner = EngineRunner(small_demo(tmp_path_factory.mktemp("resume") / "demo"))
        runner.few_repeats()
        yield runner
        runner.close()


@pytest.fixture(scope="module")
def whole(runner):
    """A bake that was never interrupted."""
    return runner.bake(*STATED)


def test_states_and_logs_are_the_owners_and_loras_are_not(runner, whole) -> None:
    folder = runner.folder(whole)

    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    ours = (folder / "bake.log", folder / "bake.json", *states_of(folder), runner.workspace.journal_path)
    assert len(ours) > 4
    assert {mode(path) for path in ours} == {0o600}
    assert mode(folder / "state") == 0o700
    assert mode(folder / "hifumi.safetensors") & 0o044 == 0o044


def test_a_stopped_bake_resumed_gives_the_same_bits_and_numbers(runner, stated, whole) -> None:
    stopped = stopped_after(runner, 5, *stated)
    assert stopped.state is BakeState.STOPPED
    done = runner.resume(stopped.number)
    assert done.state is BakeState.DONE
    assert runner.tensors(done) == runner.tensors(whole)
    assert losses(runner, done.number) == losses(runner, whole.number)
    assert runner.journal.results.validations(done.number) == runner.journal.results.validations(whole.number)
    assert runner.journal.results.folder_losses(done.number) == runner.journal.results.folder_losses(whole.number)


def test_what_a_killed_process_had_saved_and_not_measured_is_measured_by_the_next(runner, stated, whole) -> None:
    def measured(number: int) -> dict[tuple[int, str, str, str], float]:
        values = runner.journal.measures.of_bake(number)
        return {(one.step, one.name, one.part, one.scope): one.value for one in values}

    parked = stopped_after(runner, 5, *stated, order=Order.FREE)
    with sqlite3.connect(runner.workspace.journal_path) as connection:
        connection.execute("DELETE FROM measure WHERE bake = ?", (parked.number,))
    connection.close()
    own, expected = measured(runner.resume(parked.number).number), measured(whole.number)
    # What the file's precision rounded off is known only as a LoRA is saved.
    lost = {key for key in expected if key not in own}
    assert {name for _, name, _, _ in lost} == {ROUNDED_OFF.key}
    assert {key: own[key] for key in expected if key not in lost} == {
        key: value for key, value in expected.items() if key not in lost
    }


def test_the_numbers_in_the_folder_are_those_of_an_uninterrupted_bake(runner, stated, whole) -> None:
    done = runner.resume(stopped_after(runner, 5, *stated).number)
    with (
        np.load(runner.folder(done) / "metrics.npz") as ours,
        np.load(runner.folder(whole) / "metrics.npz") as theirs,
    ):
        assert ours["step"].tolist() == list(range(1, STEPS + 1))
        for name in set(theirs.files) - CLOCKED:
            assert np.array_equal(ours[name], theirs[name]), name


def test_a_parked_bake_continues_to_the_same_bits(runner, stated, whole) -> None:
    parked = stopped_after(runner, 5, *stated, order=Order.FREE)
    assert (parked.state, runner.journal.results.checkpoints(parked.number)[0].epoch) == (BakeState.PARKED, 1)
    assert runner.tensors(runner.resume(parked.number)) == runner.tensors(whole)


@pytest.mark.long
def test_a_state_that_cannot_be_read_is_passed_over_for_the_one_before(runner, stated, whole) -> None:
    stopped = stopped_after(runner, 7, *stated)
    newest = states_of(runner.folder(stopped))[-1]
    newest.write_bytes(newest.read_bytes()[:-100])
    done = runner.resume(stopped.number)
    assert runner.tensors(done) == runner.tensors(whole)
    assert any("using the state before it" in line for line in runner.log(done))


@pytest.mark.long
def test_live_changes_are_made_again_at_their_steps(runner, stated) -> None:
    number = runner.queue(*stated)
    runner.wait(number, lambda bake: bake.stage is Stage.STEP and bake.stage_done >= 4)
    for change in ("unet_lr=1e-4", "save_every_n_steps=2"):
        runner.journal.orders.give(number, Order.SET, change)
    changed = runner.finish(number)
    marks = [mark for mark in runner.journal.results.marks(number) if mark.kind is MarkKind.SET]
    assert [mark.text for mark in marks] == ["unet_lr=1e-4", "save_every_n_steps=2"]
    files = {saved.file for saved in runner.journal.results.checkpoints(number)}
    assert "hifumi-step00000010.safetensors" in files
    rates = runner.journal.curves.read(number, "lr_unet", 1000)
    before, after = rates.mean[marks[0].step - 1], rates.mean[marks[0].step]
    assert after < before / 5
    # As if it had been killed at the step of the change: the state before it, the change in the journal.
    for path in states_of(runner.folder(changed)):
        if read_state_header(path).step > marks[0].step - 1:
            path.unlink()
    kept = runner.tensors(changed)
    runner.journal.bakes.set_state(number, BakeState.LOST)
    done = runner.resume(number)
    assert runner.journal.curves.read(number, "lr_unet", 1000) == rates
    assert runner.tensors(done) == kept
    assert {saved.file for saved in runner.journal.results.checkpoints(number)} == files


def test_a_live_change_that_is_wrong_is_refused_and_the_bake_continues(runner, stated) -> None:
    number = runner.queue(*stated)
    runner.wait(number, lambda bake: bake.stage is Stage.STEP and bake.stage_done >= 2)
    for assignment in ("unet_lr=7", "network_dim=4", "save_every_n_epochs=2"):
        runner.journal.orders.give(number, Order.SET, assignment)
    done = runner.finish(number)
    answers = [given.answer for given in runner.journal.orders.read(number)]
    assert "0 to 1" in answers[0]
    assert "live setting" in answers[1]
    assert answers[2] == ""
    assert [checkpoint.file for checkpoint in runner.journal.results.checkpoints(done.number)][::-1] in (
        ["hifumi-000001.safetensors", "hifumi-000002.safetensors", "hifumi.safetensors"],
        ["hifumi-000002.safetensors", "hifumi.safetensors"],
    )


def test_a_stop_at_the_epochs_end_waits_for_it(runner, stated) -> None:
    stopped = stopped_after(runner, 5, *stated, order=Order.STOP_AT_EPOCH)
    assert stopped.state is BakeState.STOPPED
    assert read_state_header(states_of(runner.folder(stopped))[-1]).step == 8


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_fork_without_changes_equals_its_parent_bit_for_bit(runner, whole, epoch: int) -> None:
    forked = fork(runner.journal, runner.workspace, whole.number, epoch=epoch, engine=runner.engine.key)
    done = runner.finish(forked.bake.number)
    assert (forked.step, done.state, done.parent) == (4 * epoch, BakeState.DONE, whole.number)
    assert runner.tensors(done) == runner.tensors(whole)
    assert losses(runner, done.number) == losses(runner, whole.number)[forked.step :]


def test_a_fork_with_another_rate_differs_from_its_first_step_on(runner, whole) -> None:
    change = ("unet_lr=1e-4", "save_every_n_steps=1")
    forked = fork(runner.journal, runner.workspace, whole.number, epoch=1, overrides=change, engine=runner.engine.key)
    same = fork(
        runner.journal,
        runner.workspace,
        whole.number,
        epoch=1,
        overrides=("save_every_n_steps=1",),
        engine=runner.engine.key,
    )
    one, other = runner.finish(forked.bake.number), runner.finish(same.bake.number)
    first = "hifumi-step00000005.safetensors"
    assert (runner.folder(one) / first).read_bytes()[-4096:] != (runner.folder(other) / first).read_bytes()[-4096:]
    assert any("U-Net's rate changes from" in note for note in forked.notes)
    # The loss of a step is that of the weights before it: equal at the first, not at the second.
    ours, theirs = losses(runner, one.number), losses(runner, other.number)
    assert ours[0] == theirs[0]
    assert ours[1] != theirs[1]


def test_a_fork_may_stop_a_part(runner, whole) -> None:
    forked = fork(
        runner.journal,
        runner.workspace,
        whole.number,
        epoch=2,
        overrides=("text_encoder_lr=0",),
        engine=runner.engine.key,
    )
    done = runner.finish(forked.bake.number)
    state = runner.folder(whole) / "hifumi-000002.safetensors"
    kept, after = runner.tensors_of(state), runner.tensors(done)
    encoder = {name for name in kept if name.startswith("lora_te")}
    assert all(kept[name] == after[name] for name in encoder)
    assert any(kept[name] != after[name] for name in kept.keys() - encoder)


def test_a_fork_that_a_state_cannot_carry_is_refused(runner, whole) -> None:
    before = runner.journal.bakes.latest()
    with pytest.raises(SettingsError, match="train_batch_size"):
        fork(runner.journal, runner.workspace, whole.number, overrides=("train_batch_size=2",))
    with pytest.raises(SettingsError, match="but the state is already at step"):
        fork(runner.journal, runner.workspace, whole.number)
    with pytest.raises(WorkspaceError, match="epoch 7"):
        fork(runner.journal, runner.workspace, whole.number, epoch=7)
    assert runner.journal.bakes.latest() == before


def test_an_extended_bake_says_what_the_longer_schedule_does_to_the_rate(runner, whole) -> None:
    longer = extend(runner.journal, runner.workspace, whole.number, epochs=5, engine=runner.engine.key)
    done = runner.finish(longer.bake.number)
    rates = runner.journal.curves.read(done.number, "lr_unet", 1000)
    assert rates.steps == list(range(13, 21))
    assert f"to {rates.mean[0]:.3g} at step 13" in longer.notes[0]
    assert done.state is BakeState.DONE


@pytest.mark.long
def test_only_the_states_asked_for_stay(runner) -> None:
    common = ("max_train_epochs=3", "train_batch_size=4", "save_state_every_n_steps=1", "validation_data_dir=")
    kept = {}
    for keep in ("last", "epochs", "2"):
        bake = runner.bake(*common, f"keep_states={keep}")
        kept[keep] = [read_state_header(path).step for path in states_of(runner.folder(bake))]
        assert [state.step for state in runner.journal.results.states(bake.number)][::-1] == kept[keep]
    assert kept == {"last": [12], "epochs": [4, 8, 12], "2": [11, 12]}

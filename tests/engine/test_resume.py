"""A bake that was stopped, parked, lost or branched goes on as if nothing had happened."""

import numpy as np
import pytest
from run_engine import STATED, EngineRunner, small_demo

from trainer.errors import SettingsError, WorkspaceError
from trainer.jobs.fork import extend, fork
from trainer.journal.records import BakeState, MarkKind, Order, Stage
from trainer.journal.state_files import read_state_header, states_of

STEPS = 12


def losses(kitchen, number: int) -> list[float]:
    return kitchen.journal.curves.read(number, "loss", 1000).mean


def stopped_after(kitchen, step: int, *overrides: str, order: Order = Order.STOP):
    """Return a bake stopped soon after `step`."""
    number = kitchen.queue(*overrides)
    kitchen.wait(number, lambda bake: bake.stage is Stage.STEP and bake.stage_done >= step)
    kitchen.journal.orders.give(number, order)
    return kitchen.finish(number)


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory):
    """One kitchen for all tests here: their bakes have numbers and folders of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        kitchen = EngineRunner(small_demo(tmp_path_factory.mktemp("resume") / "demo"))
        kitchen.few_repeats()
        yield kitchen
        kitchen.close()


@pytest.fixture(scope="module")
def whole(kitchen):
    """A bake that was never interrupted."""
    return kitchen.bake(*STATED)


def test_a_stopped_bake_taken_up_again_gives_the_same_bits_and_numbers(kitchen, stated, whole) -> None:
    stopped = stopped_after(kitchen, 5, *stated)
    assert stopped.state is BakeState.STOPPED
    done = kitchen.resume(stopped.number)
    assert done.state is BakeState.DONE
    assert kitchen.tensors(done) == kitchen.tensors(whole)
    assert losses(kitchen, done.number) == losses(kitchen, whole.number)
    assert kitchen.journal.results.validations(done.number) == kitchen.journal.results.validations(whole.number)
    assert kitchen.journal.results.folder_losses(done.number) == kitchen.journal.results.folder_losses(whole.number)


def test_the_numbers_in_the_folder_are_those_of_an_uninterrupted_bake(kitchen, stated, whole) -> None:
    done = kitchen.resume(stopped_after(kitchen, 5, *stated).number)
    with (
        np.load(kitchen.folder(done) / "metrics.npz") as ours,
        np.load(kitchen.folder(whole) / "metrics.npz") as theirs,
    ):
        assert ours["step"].tolist() == list(range(1, STEPS + 1))
        for name in set(theirs.files) - {"seconds_per_step"}:
            assert np.array_equal(ours[name], theirs[name]), name


def test_a_parked_bake_goes_on_to_the_same_bits(kitchen, stated, whole) -> None:
    parked = stopped_after(kitchen, 5, *stated, order=Order.FREE)
    assert (parked.state, kitchen.journal.results.checkpoints(parked.number)[0].epoch) == (BakeState.PARKED, 1)
    assert kitchen.tensors(kitchen.resume(parked.number)) == kitchen.tensors(whole)


@pytest.mark.long
def test_a_state_that_cannot_be_read_is_passed_over_for_the_one_before(kitchen, stated, whole) -> None:
    stopped = stopped_after(kitchen, 7, *stated)
    newest = states_of(kitchen.folder(stopped))[-1]
    newest.write_bytes(newest.read_bytes()[:-100])
    done = kitchen.resume(stopped.number)
    assert kitchen.tensors(done) == kitchen.tensors(whole)
    assert any("using the state before it" in line for line in kitchen.log(done))


@pytest.mark.long
def test_live_changes_are_made_again_at_their_steps(kitchen, stated) -> None:
    number = kitchen.queue(*stated)
    kitchen.wait(number, lambda bake: bake.stage is Stage.STEP and bake.stage_done >= 4)
    for change in ("unet_lr=1e-4", "save_every_n_steps=2"):
        kitchen.journal.orders.give(number, Order.SET, change)
    changed = kitchen.finish(number)
    marks = [mark for mark in kitchen.journal.results.marks(number) if mark.kind is MarkKind.SET]
    assert [mark.text for mark in marks] == ["unet_lr=1e-4", "save_every_n_steps=2"]
    files = {saved.file for saved in kitchen.journal.results.checkpoints(number)}
    assert "hifumi-step00000010.safetensors" in files
    rates = kitchen.journal.curves.read(number, "lr_unet", 1000)
    before, after = rates.mean[marks[0].step - 1], rates.mean[marks[0].step]
    assert after < before / 5
    # As if it had been killed at the step of the change: the state before it, the change in the journal.
    for path in states_of(kitchen.folder(changed)):
        if read_state_header(path).step > marks[0].step - 1:
            path.unlink()
    kept = kitchen.tensors(changed)
    kitchen.journal.bakes.set_state(number, BakeState.LOST)
    done = kitchen.resume(number)
    assert kitchen.journal.curves.read(number, "lr_unet", 1000) == rates
    assert kitchen.tensors(done) == kept
    assert {saved.file for saved in kitchen.journal.results.checkpoints(number)} == files


def test_a_live_change_that_is_wrong_is_refused_and_the_bake_goes_on(kitchen, stated) -> None:
    number = kitchen.queue(*stated)
    kitchen.wait(number, lambda bake: bake.stage is Stage.STEP and bake.stage_done >= 2)
    for assignment in ("unet_lr=7", "network_dim=4", "save_every_n_epochs=2"):
        kitchen.journal.orders.give(number, Order.SET, assignment)
    done = kitchen.finish(number)
    answers = [given.answer for given in kitchen.journal.orders.read(number)]
    assert "0 to 1" in answers[0]
    assert "live setting" in answers[1]
    assert answers[2] == ""
    assert [checkpoint.file for checkpoint in kitchen.journal.results.checkpoints(done.number)][::-1] in (
        ["hifumi-000001.safetensors", "hifumi-000002.safetensors", "hifumi.safetensors"],
        ["hifumi-000002.safetensors", "hifumi.safetensors"],
    )


def test_a_stop_at_the_epochs_end_waits_for_it(kitchen, stated) -> None:
    stopped = stopped_after(kitchen, 5, *stated, order=Order.STOP_AT_EPOCH)
    assert stopped.state is BakeState.STOPPED
    assert read_state_header(states_of(kitchen.folder(stopped))[-1]).step == 8


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_fork_without_changes_equals_its_parent_bit_for_bit(kitchen, whole, epoch: int) -> None:
    branch = fork(kitchen.journal, kitchen.workspace, whole.number, epoch=epoch, engine=kitchen.engine.key)
    done = kitchen.finish(branch.bake.number)
    assert (branch.step, done.state, done.parent) == (4 * epoch, BakeState.DONE, whole.number)
    assert kitchen.tensors(done) == kitchen.tensors(whole)
    assert losses(kitchen, done.number) == losses(kitchen, whole.number)[branch.step :]


def test_a_fork_with_another_rate_differs_from_its_first_step_on(kitchen, whole) -> None:
    change = ("unet_lr=1e-4", "save_every_n_steps=1")
    branch = fork(
        kitchen.journal, kitchen.workspace, whole.number, epoch=1, overrides=change, engine=kitchen.engine.key
    )
    same = fork(
        kitchen.journal,
        kitchen.workspace,
        whole.number,
        epoch=1,
        overrides=("save_every_n_steps=1",),
        engine=kitchen.engine.key,
    )
    one, other = kitchen.finish(branch.bake.number), kitchen.finish(same.bake.number)
    first = "hifumi-step00000005.safetensors"
    assert (kitchen.folder(one) / first).read_bytes()[-4096:] != (kitchen.folder(other) / first).read_bytes()[-4096:]
    assert any("U-Net's rate changes from" in note for note in branch.notes)
    # The loss of a step is that of the weights before it: equal at the first, not at the second.
    ours, theirs = losses(kitchen, one.number), losses(kitchen, other.number)
    assert ours[0] == theirs[0]
    assert ours[1] != theirs[1]


def test_a_fork_may_stop_a_part(kitchen, whole) -> None:
    branch = fork(
        kitchen.journal,
        kitchen.workspace,
        whole.number,
        epoch=2,
        overrides=("text_encoder_lr=0",),
        engine=kitchen.engine.key,
    )
    done = kitchen.finish(branch.bake.number)
    state = kitchen.folder(whole) / "hifumi-000002.safetensors"
    kept, after = kitchen.tensors_of(state), kitchen.tensors(done)
    encoder = {name for name in kept if name.startswith("lora_te")}
    assert all(kept[name] == after[name] for name in encoder)
    assert any(kept[name] != after[name] for name in kept.keys() - encoder)


def test_a_fork_that_a_state_cannot_carry_is_refused(kitchen, whole) -> None:
    before = kitchen.journal.bakes.latest()
    with pytest.raises(SettingsError, match="train_batch_size"):
        fork(kitchen.journal, kitchen.workspace, whole.number, overrides=("train_batch_size=2",))
    with pytest.raises(SettingsError, match="but the state is already at step"):
        fork(kitchen.journal, kitchen.workspace, whole.number)
    with pytest.raises(WorkspaceError, match="epoch 7"):
        fork(kitchen.journal, kitchen.workspace, whole.number, epoch=7)
    assert kitchen.journal.bakes.latest() == before


def test_an_extended_bake_says_what_the_longer_schedule_does_to_the_rate(kitchen, whole) -> None:
    longer = extend(kitchen.journal, kitchen.workspace, whole.number, epochs=5, engine=kitchen.engine.key)
    done = kitchen.finish(longer.bake.number)
    rates = kitchen.journal.curves.read(done.number, "lr_unet", 1000)
    assert rates.steps == list(range(13, 21))
    assert f"to {rates.mean[0]:.3g} at step 13" in longer.notes[0]
    assert done.state is BakeState.DONE


@pytest.mark.long
def test_only_the_states_asked_for_stay(kitchen) -> None:
    common = ("max_train_epochs=3", "train_batch_size=4", "save_state_every_n_steps=1", "validation_data_dir=")
    kept = {}
    for keep in ("last", "epochs", "2"):
        bake = kitchen.bake(*common, f"keep_states={keep}")
        kept[keep] = [read_state_header(path).step for path in states_of(kitchen.folder(bake))]
        assert [state.step for state in kitchen.journal.results.states(bake.number)][::-1] == kept[keep]
    assert kept == {"last": [12], "epochs": [4, 8, 12], "2": [11, 12]}

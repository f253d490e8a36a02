"""A part that stops training stays as it was, in force and in the file; what is done around the stop stays exact."""

import pytest
from run_engine import SHORT, STATED, EngineRunner, small_demo

from trainer.bake.saving.state import read_state
from trainer.jobs.fork import fork
from trainer.journal.records import BakeState, MarkKind, Order, Stage
from trainer.journal.state_files import read_state_header, states_of

# Three epochs of four steps; the encoder stops in the middle of the second.
HALF = (*STATED, "text_encoder_stop=50%", "save_every_n_steps=1", "save_state_every_n_steps=1", "keep_states=20")
KEPT = "shuffle_caption=no"
UNSEEN = "validation_data_dir="


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        runner = EngineRunner(small_demo(tmp_path_factory.mktemp("stops") / "demo"))
        runner.few_repeats()
        yield runner
        runner.close()


@pytest.fixture(
    scope="module",
    params=[pytest.param((UNSEEN,), marks=pytest.mark.long), (KEPT,)],
    ids=["captions vary", "captions stay"],
)
def whole(request, runner):
    """A bake whose text encoder stops at half, never interrupted."""
    return runner.bake(*HALF, *request.param)


def after(runner, bake, step: int, part: str) -> dict[str, bytes]:
    """Return the bits of a part's tensors in the LoRA saved after `step`."""
    name = "hifumi.safetensors" if step == 12 else f"hifumi-step{step:08d}.safetensors"
    tensors = runner.tensors_of(runner.folder(bake) / name)
    return {key: value for key, value in tensors.items() if key.startswith(part)}


def test_the_encoders_tensors_stay_bit_for_bit_and_the_u_nets_move(runner, whole) -> None:
    assert after(runner, whole, 5, "lora_te_") != after(runner, whole, 6, "lora_te_")
    for step in (7, 9, 12):
        assert after(runner, whole, step, "lora_te_") == after(runner, whole, 6, "lora_te_")
        assert after(runner, whole, step, "lora_unet_") != after(runner, whole, 6, "lora_unet_")
    assert any(
        "text encoder stopped training after step 6" in mark.text or mark.step == 6
        for mark in runner.journal.results.marks(whole.number)
        if mark.kind is MarkKind.STOP_PART
    )


def test_its_moments_leave_the_state_and_its_weights_do_not(runner, whole) -> None:
    states = {read_state_header(path).step: read_state(path).tensors for path in states_of(runner.folder(whole))}

    def has(step: int, what: str) -> bool:
        return any(name.startswith(f"{what}lora_te_") for name in states[step])

    assert has(5, "lora/")
    assert has(5, "optimizer/")
    assert has(6, "lora/")
    assert not has(6, "optimizer/")


@pytest.mark.parametrize("step", [3, 8])
def test_a_bake_resumed_before_or_behind_the_stop_gives_the_same_bits(runner, whole, step: int) -> None:
    kept, curve = runner.tensors(whole), runner.journal.curves.read(whole.number, "loss", 1000)
    files = {path: path.read_bytes() for path in states_of(runner.folder(whole))}
    for path in files:
        if read_state_header(path).step > step:
            path.unlink()
    runner.journal.bakes.set_state(whole.number, BakeState.LOST)
    done = runner.resume(whole.number)
    assert runner.tensors(done) == kept
    assert runner.journal.curves.read(whole.number, "loss", 1000) == curve


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_fork_from_before_or_behind_the_stop_equals_its_parent(runner, whole, epoch: int) -> None:
    forked = fork(runner.journal, runner.workspace, whole.number, epoch=epoch, engine=runner.engine.key)
    assert runner.tensors(runner.finish(forked.bake.number)) == runner.tensors(whole)


def test_a_stop_by_order_equals_a_stop_by_setting(runner) -> None:
    number = runner.queue(*STATED, KEPT, UNSEEN)
    runner.wait(number, lambda bake: bake.stage is Stage.STEP and bake.stage_done >= 3)
    runner.journal.orders.give(number, Order.SET, "text_encoder_stop=now")
    ordered = runner.finish(number)
    mark = next(mark for mark in runner.journal.results.marks(number) if mark.kind is MarkKind.SET)
    set_before = runner.bake(*STATED, KEPT, UNSEEN, f"text_encoder_stop={mark.step}")
    assert runner.tensors(ordered) == runner.tensors(set_before)


def test_a_stopped_part_does_not_start_again_by_order(runner) -> None:
    number = runner.queue(*STATED, UNSEEN, "text_encoder_stop=2")
    runner.wait(number, lambda bake: bake.stage is Stage.STEP and bake.stage_done >= 4)
    runner.journal.orders.give(number, Order.SET, "text_encoder_stop=")
    runner.journal.orders.give(number, Order.SET, "unet_stop=now")
    runner.finish(number)
    answers = [given.answer for given in runner.journal.orders.read(number)]
    assert "has stopped already" in answers[0]
    assert "every part would stop" in answers[1]


def test_the_u_net_stops_as_the_encoder_does(runner) -> None:
    bake = runner.bake(*STATED, UNSEEN, "unet_stop=1ep", "save_every_n_steps=1")
    assert after(runner, bake, 5, "lora_unet_") == after(runner, bake, 12, "lora_unet_")
    assert after(runner, bake, 5, "lora_te_") != after(runner, bake, 12, "lora_te_")


def test_an_encoder_that_never_trains_is_kept_from_the_beginning(runner) -> None:
    short = (*SHORT, KEPT, "network_train_unet_only=yes")
    bake, again = runner.bake(*short), runner.bake(*short)
    assert bake.state is BakeState.DONE
    assert runner.tensors(bake) == runner.tensors(again)

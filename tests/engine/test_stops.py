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
def kitchen(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        kitchen = EngineRunner(small_demo(tmp_path_factory.mktemp("stops") / "demo"))
        kitchen.few_repeats()
        yield kitchen
        kitchen.close()


@pytest.fixture(
    scope="module",
    params=[pytest.param((UNSEEN,), marks=pytest.mark.long), (KEPT,)],
    ids=["captions vary", "captions stay"],
)
def whole(request, kitchen):
    """A bake whose text encoder stops at half, never interrupted."""
    return kitchen.bake(*HALF, *request.param)


def after(kitchen, bake, step: int, part: str) -> dict[str, bytes]:
    """Return the bits of a part's tensors in the LoRA saved after `step`."""
    name = "hifumi.safetensors" if step == 12 else f"hifumi-step{step:08d}.safetensors"
    tensors = kitchen.tensors_of(kitchen.folder(bake) / name)
    return {key: value for key, value in tensors.items() if key.startswith(part)}


def test_the_encoders_tensors_stay_bit_for_bit_and_the_u_nets_move(kitchen, whole) -> None:
    assert after(kitchen, whole, 5, "lora_te_") != after(kitchen, whole, 6, "lora_te_")
    for step in (7, 9, 12):
        assert after(kitchen, whole, step, "lora_te_") == after(kitchen, whole, 6, "lora_te_")
        assert after(kitchen, whole, step, "lora_unet_") != after(kitchen, whole, 6, "lora_unet_")
    assert any(
        "text encoder stopped training after step 6" in mark.text or mark.step == 6
        for mark in kitchen.journal.results.marks(whole.number)
        if mark.kind is MarkKind.STOP_PART
    )


def test_its_moments_leave_the_state_and_its_weights_do_not(kitchen, whole) -> None:
    states = {read_state_header(path).step: read_state(path).tensors for path in states_of(kitchen.folder(whole))}

    def has(step: int, what: str) -> bool:
        return any(name.startswith(f"{what}lora_te_") for name in states[step])

    assert has(5, "lora/")
    assert has(5, "optimizer/")
    assert has(6, "lora/")
    assert not has(6, "optimizer/")


@pytest.mark.parametrize("step", [3, 8])
def test_a_bake_taken_up_again_before_or_behind_the_stop_gives_the_same_bits(kitchen, whole, step: int) -> None:
    kept, curve = kitchen.tensors(whole), kitchen.journal.curves.read(whole.number, "loss", 1000)
    files = {path: path.read_bytes() for path in states_of(kitchen.folder(whole))}
    for path in files:
        if read_state_header(path).step > step:
            path.unlink()
    kitchen.journal.bakes.set_state(whole.number, BakeState.LOST)
    done = kitchen.resume(whole.number)
    assert kitchen.tensors(done) == kept
    assert kitchen.journal.curves.read(whole.number, "loss", 1000) == curve


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_fork_from_before_or_behind_the_stop_equals_its_parent(kitchen, whole, epoch: int) -> None:
    branch = fork(kitchen.journal, kitchen.workspace, whole.number, epoch=epoch, engine=kitchen.engine.key)
    assert kitchen.tensors(kitchen.finish(branch.bake.number)) == kitchen.tensors(whole)


def test_stopped_by_an_order_it_is_the_bake_whose_setting_said_so(kitchen) -> None:
    number = kitchen.queue(*STATED, KEPT, UNSEEN)
    kitchen.wait(number, lambda bake: bake.stage is Stage.STEP and bake.stage_done >= 3)
    kitchen.journal.orders.give(number, Order.SET, "text_encoder_stop=now")
    ordered = kitchen.finish(number)
    mark = next(mark for mark in kitchen.journal.results.marks(number) if mark.kind is MarkKind.SET)
    set_before = kitchen.bake(*STATED, KEPT, UNSEEN, f"text_encoder_stop={mark.step}")
    assert kitchen.tensors(ordered) == kitchen.tensors(set_before)


def test_a_stopped_part_does_not_start_again_by_order(kitchen) -> None:
    number = kitchen.queue(*STATED, UNSEEN, "text_encoder_stop=2")
    kitchen.wait(number, lambda bake: bake.stage is Stage.STEP and bake.stage_done >= 4)
    kitchen.journal.orders.give(number, Order.SET, "text_encoder_stop=")
    kitchen.journal.orders.give(number, Order.SET, "unet_stop=now")
    kitchen.finish(number)
    answers = [given.answer for given in kitchen.journal.orders.read(number)]
    assert "has stopped already" in answers[0]
    assert "every part would stop" in answers[1]


def test_the_u_net_stops_as_the_encoder_does(kitchen) -> None:
    bake = kitchen.bake(*STATED, UNSEEN, "unet_stop=1ep", "save_every_n_steps=1")
    assert after(kitchen, bake, 5, "lora_unet_") == after(kitchen, bake, 12, "lora_unet_")
    assert after(kitchen, bake, 5, "lora_te_") != after(kitchen, bake, 12, "lora_te_")


def test_an_encoder_that_never_trains_is_kept_from_the_beginning(kitchen) -> None:
    short = (*SHORT, KEPT, "network_train_unet_only=yes")
    bake, again = kitchen.bake(*short), kitchen.bake(*short)
    assert bake.state is BakeState.DONE
    assert kitchen.tensors(bake) == kitchen.tensors(again)

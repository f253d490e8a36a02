"""What goes wrong in a bake on Anima is skipped, rolled back or named, and its parts stop, as on any other base."""

import pytest
from poisoned_steps import left_out, poisoned
from run_engine import STATED, EngineRunner
from tiny_anima import tiny_anima

from trainer.bake import loop
from trainer.journal.records import BakeState, Order, Stage

ON_IT = (*STATED, f"pretrained_model_name_or_path={tiny_anima()}")


@pytest.fixture
def few(runner: EngineRunner) -> EngineRunner:
    runner.few_repeats()
    return runner


def test_a_step_without_a_finite_gradient_is_skipped(few: EngineRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "train_step", left_out({6}))
    without = few.bake(*ON_IT)
    monkeypatch.setattr(loop, "train_step", poisoned({6}))
    skipped = few.bake(*ON_IT)
    assert skipped.state is BakeState.DONE, few.log(skipped)
    assert few.tensors(skipped) == few.tensors(without)
    assert [(mark.step, mark.kind) for mark in few.journal.results.marks(skipped.number)] == [(6, "skip")]


def test_too_many_in_a_row_roll_back_with_lower_rates(few: EngineRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = few.bake(*ON_IT)
    monkeypatch.setattr(loop, "train_step", poisoned({5, 6, 7, 8}, {}))
    bake = few.bake(*ON_IT, "max_bad_steps=2", "roll_back_rate=0.25")
    assert bake.state is BakeState.DONE, few.log(bake)
    kinds = [mark.kind for mark in few.journal.results.marks(bake.number)]
    rates, before = (few.journal.curves.read(each.number, "lr_body", 1000).mean for each in (bake, plain))
    assert rates[8:] == pytest.approx([rate * 0.25 ** kinds.count("roll back") for rate in before[8:]])
    assert "roll back" in kinds


def test_layers_that_never_move_are_named(few: EngineRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "trainer.bake.guards.gradients.unmoved", lambda session: [layer.name for layer in session.network][:6]
    )
    said = [line for line in few.log(few.bake(*ON_IT)) if "have not moved" in line]
    assert len(said) == 1 and "lora_unet_blocks_0_" in said[0]


def test_no_layer_is_taken_for_stuck(few: EngineRunner) -> None:
    bake = few.bake(*ON_IT, "train_llm_adapter=yes", "text_encoder_lr=1e-2")
    assert bake.state is BakeState.DONE, few.log(bake)
    assert not [line for line in few.log(bake) if "have not moved" in line]


@pytest.mark.parametrize(("setting", "curve"), [("unet_stop=6", "lr_body"), ("text_encoder_stop=6", "lr_conditioner")])
def test_a_part_stops_where_it_is_set(few: EngineRunner, setting: str, curve: str) -> None:
    options = (*ON_IT, "train_llm_adapter=yes", "text_encoder_lr=1e-2")
    whole, stopped = few.bake(*options), few.bake(*options, setting)
    assert stopped.state is BakeState.DONE, few.log(stopped)
    assert few.journal.curves.read(whole.number, curve, 1000).mean[-1] > 0
    assert few.journal.curves.read(stopped.number, curve, 1000).mean[6:] in ([], [0.0] * 6)
    assert few.tensors(stopped) != few.tensors(whole)


def test_it_is_paused_and_goes_on_to_the_same_bits(few: EngineRunner) -> None:
    whole = few.bake(*ON_IT)
    number = few.queue(*ON_IT)
    few.wait(number, lambda bake: bake.stage is Stage.STEP and bake.stage_done >= 2)
    few.journal.orders.give(number, Order.PAUSE)
    few.wait(number, lambda bake: bake.state is BakeState.PAUSED)
    few.journal.orders.give(number, Order.RESUME)
    done = few.finish(number)
    assert done.state is BakeState.DONE, few.log(done)
    assert few.tensors(done) == few.tensors(whole)

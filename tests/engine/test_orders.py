"""Orders to a running bake: pause, continue, save, stop."""

from run_engine import SMALL

from trainer.journal.records import BakeState, Order, Stage

LONG = (*SMALL, "max_train_epochs=", "max_train_steps=400", "save_every_n_epochs=", "validation_data_dir=")


def test_a_paused_bake_keeps_its_place_and_continues_to_the_same_lora(runner, short) -> None:
    plain = runner.bake(*short)
    number = runner.queue(*short)
    runner.journal.orders.give(number, Order.PAUSE)
    paused = runner.wait(number, lambda bake: bake.state is BakeState.PAUSED)
    runner.journal.orders.give(number, Order.RESUME)
    done = runner.wait(number, lambda bake: bake.state is BakeState.DONE)
    assert paused.state is BakeState.PAUSED
    assert runner.tensors(done) == runner.tensors(plain)


def test_a_stop_saves_what_is_there_and_ends_the_bake(runner) -> None:
    number = runner.queue(*LONG)
    runner.wait(number, lambda bake: bake.stage is Stage.STEP and bake.stage_done >= 3)
    runner.journal.orders.give(number, Order.STOP)
    bake = runner.finish(number)
    saved = runner.journal.results.checkpoints(number)
    assert (bake.state, len(saved)) == (BakeState.STOPPED, 1)
    assert saved[0].file == f"hifumi-step{saved[0].step:08d}.safetensors"
    assert (runner.folder(bake) / saved[0].file).is_file()


def test_save_now_writes_a_lora_and_the_bake_continues(runner) -> None:
    number = runner.queue(*LONG)
    runner.wait(number, lambda bake: bake.stage is Stage.STEP and bake.stage_done >= 2)
    runner.journal.orders.give(number, Order.SAVE)
    runner.wait(number, lambda bake: len(runner.journal.results.checkpoints(number)) == 1)
    step = runner.journal.results.checkpoints(number)[0].step
    runner.wait(number, lambda bake: bake.stage_done > step)
    runner.journal.orders.give(number, Order.STOP)
    runner.finish(number)


def test_every_order_is_marked_obeyed(runner) -> None:
    number = runner.queue(*LONG)
    runner.wait(number, lambda bake: bake.stage is Stage.STEP)
    for order in (Order.PAUSE, Order.RESUME, Order.STOP):
        runner.journal.orders.give(number, order)
    runner.finish(number)
    assert [given.obeyed is not None for given in runner.journal.orders.read(number)] == [True, True, True]

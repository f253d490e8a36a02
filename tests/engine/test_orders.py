"""Orders to a running bake: pause, continue, save, stop."""

from run_engine import SMALL

from trainer.journal.records import BakeState, Order, Stage

LONG = (*SMALL, "max_train_epochs=", "max_train_steps=400", "save_every_n_epochs=", "validation_data_dir=")


def test_a_paused_bake_keeps_its_place_and_goes_on_to_the_same_lora(kitchen, short) -> None:
    plain = kitchen.bake(*short)
    number = kitchen.queue(*short)
    kitchen.journal.orders.give(number, Order.PAUSE)
    paused = kitchen.wait(number, lambda bake: bake.state is BakeState.PAUSED)
    kitchen.journal.orders.give(number, Order.RESUME)
    done = kitchen.wait(number, lambda bake: bake.state is BakeState.DONE)
    assert paused.state is BakeState.PAUSED
    assert kitchen.tensors(done) == kitchen.tensors(plain)


def test_a_stop_saves_what_is_there_and_ends_the_bake(kitchen) -> None:
    number = kitchen.queue(*LONG)
    kitchen.wait(number, lambda bake: bake.stage is Stage.STEP and bake.stage_done >= 3)
    kitchen.journal.orders.give(number, Order.STOP)
    bake = kitchen.finish(number)
    saved = kitchen.journal.results.checkpoints(number)
    assert (bake.state, len(saved)) == (BakeState.STOPPED, 1)
    assert saved[0].file == f"hifumi-step{saved[0].step:08d}.safetensors"
    assert (kitchen.folder(bake) / saved[0].file).is_file()


def test_save_now_writes_a_lora_and_the_bake_goes_on(kitchen) -> None:
    number = kitchen.queue(*LONG)
    kitchen.wait(number, lambda bake: bake.stage is Stage.STEP and bake.stage_done >= 2)
    kitchen.journal.orders.give(number, Order.SAVE)
    kitchen.wait(number, lambda bake: len(kitchen.journal.results.checkpoints(number)) == 1)
    step = kitchen.journal.results.checkpoints(number)[0].step
    kitchen.wait(number, lambda bake: bake.stage_done > step)
    kitchen.journal.orders.give(number, Order.STOP)
    kitchen.finish(number)


def test_every_order_is_marked_obeyed(kitchen) -> None:
    number = kitchen.queue(*LONG)
    kitchen.wait(number, lambda bake: bake.stage is Stage.STEP)
    for order in (Order.PAUSE, Order.RESUME, Order.STOP):
        kitchen.journal.orders.give(number, order)
    kitchen.finish(number)
    assert [given.obeyed is not None for given in kitchen.journal.orders.read(number)] == [True, True, True]

"""The base waits for the next job while the engine lives, and not where somebody wants the memory."""

import time
import weakref

import pytest
from run_engine import EngineRunner, small_demo

import trainer.bake.session
from trainer.journal.records import BakeState, Order
from trainer.models.base_cache import forget_base

pytestmark = pytest.mark.usefixtures("nothing_kept")


@pytest.mark.long
def test_after_a_bake_the_base_waits_until_the_engine_closes(runner, short) -> None:
    assert runner.bake(*short).state is BakeState.DONE
    assert forget_base()
    runner.bake(*short)
    assert runner.engine.close(30)
    assert not forget_base()


def test_a_bake_that_frees_the_card_lets_the_base_go(runner, short, monkeypatch) -> None:
    lent = []
    tuned = trainer.bake.session.tuned
    monkeypatch.setattr("trainer.bake.session.tuned", lambda unet: lent.append(unet) or tuned(unet))
    number = runner.queue(*short, "max_train_steps=1000")
    runner.wait(number, lambda bake: bake.state is BakeState.BAKING)
    runner.journal.orders.give(number, Order.FREE)
    runner.wait(number, lambda bake: bake.state is BakeState.PARKED)
    # It begins when the engine has tidied up behind the one before.
    runner.bake(*short, "max_train_steps=1")
    assert lent[-1] is not lent[-2]


def test_an_idle_engine_lets_the_base_go_after_a_while(tmp_path, short, monkeypatch) -> None:
    lent = []
    tuned = trainer.bake.session.tuned
    monkeypatch.setattr("trainer.bake.session.tuned", lambda unet: lent.append(weakref.ref(unet)) or tuned(unet))
    monkeypatch.setattr("trainer.engine.engine.KEEP_SECONDS", 0.1)
    runner = EngineRunner(small_demo(tmp_path / "demo"))
    try:
        runner.bake(*short, "max_train_steps=1")
        end = time.monotonic() + 30
        while lent[0]() is not None:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert not forget_base()
        # The next one loads it again.
        assert runner.bake(*short, "max_train_steps=1").state is BakeState.DONE
    finally:
        runner.close()

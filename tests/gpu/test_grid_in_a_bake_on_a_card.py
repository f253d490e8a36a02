"""A bake on a card with a grid in its middle is as near to one without it as that one is to itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_engine import EngineRunner
from safetensors.numpy import load_file

import trainer.bake.loop
import trainer.bake.pictures.lend_model
from trainer.bake.step import train_step
from trainer.demo.workspace import make_demo
from trainer.grid.spec import AxisSpec, GridSpec, LoraSpec, spec_json
from trainer.journal.grid_records import GridState
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState, Order

OPTIONS = ("max_train_epochs=", "max_train_steps=20", "save_every_n_epochs=", "save_every_n_steps=5")


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[EngineRunner]:
    runner = EngineRunner(make_demo(tmp_path / "demo"))
    yield runner
    runner.close()


@pytest.mark.parametrize("precision", ["no", "bf16", "fp16"])
def test_a_grid_leaves_no_trace_on_a_card(
    runner: EngineRunner, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    options = (*OPTIONS, f"mixed_precision={precision}", "text_encoder_stop=8", "shuffle_caption=no")
    plain, repeated = (_last(runner, runner.bake(*options)) for _ in range(2))
    # As if the card's memory were short: the optimizer's moments go away and come back.
    monkeypatch.setattr(trainer.bake.pictures.lend_model, "_NEEDED_BYTES", 1 << 60)

    def train_and_order(session: Any, work: Any) -> Any:
        result = train_step(session, work)
        if work.step == 12:
            with Journal(runner.workspace.journal_path) as journal:
                bake = next(bake.number for bake in journal.bakes.latest() if bake.state is BakeState.BAKING)
                journal.orders.give(
                    bake, Order.GRID, str(journal.grids.add(name="g", spec=_spec(bake), bake=bake).number)
                )
        return result

    monkeypatch.setattr(trainer.bake.loop, "train_step", train_and_order)
    interrupted = _last(runner, runner.bake(*options))
    grid = runner.journal.grids.read(1)
    assert (grid.state, grid.done, grid.error) == (GridState.DONE, 4, "")
    assert _distance(plain, interrupted) <= 3 * _distance(plain, repeated)


def _spec(bake: int) -> str:
    epochs = AxisSpec(kind="epoch", values="all")
    asked = GridSpec(base="demo", prompt="1girl", seeds="1,2", steps=4, width=64, height=64, loras=(LoraSpec(),))
    return spec_json(asked.model_copy(update={"of_bakes": (bake,), "x": epochs}))


def _last(runner: EngineRunner, bake: Any) -> dict[str, np.ndarray]:
    assert bake.state is BakeState.DONE
    return load_file(runner.folder(bake) / "hifumi.safetensors")


def _distance(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    """Return how far two LoRAs are apart, as a share of the first one's length."""
    apart = sum(float(np.square(one[name].astype(np.float64) - other[name]).sum()) for name in one)
    return (apart / sum(float(np.square(tensor.astype(np.float64)).sum()) for tensor in one.values())) ** 0.5

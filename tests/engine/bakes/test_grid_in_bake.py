"""A grid between two steps of a bake: made on the loaded base, obeying what is said to it, and leaving no trace in the bake."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from make_recipe import make_recipe
from small_base import small_base

import trainer.bake.loop
import trainer.bake.pictures.grid_in_bake
from trainer.bake.batch_loader import BatchLoader
from trainer.bake.latents import encode_pictures
from trainer.bake.pictures.grid_in_bake import SessionProvider
from trainer.bake.pictures.lend_model import lend_model, park_moments
from trainer.bake.step import train_step
from trainer.errors import GridError
from trainer.grid.recipe import ComputeSetup
from trainer.grid.spec import AxisSpec, GridSpec, LoraSpec, spec_json
from trainer.journal.grid_records import Grid, GridState
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState, Order
from trainer.network.lora_content import load_lora

RECIPE = make_recipe(base=str(small_base()), sampler="Euler a")


def grid_of(bake: int) -> GridSpec:
    """The epochs of a bake so far against two seeds."""
    return GridSpec(
        name="over",
        base=str(small_base()),
        prompt="1girl, red",
        seeds="1,2",
        steps=2,
        width=64,
        height=64,
        sampler="Euler a",
        loras=(LoraSpec(),),
        of_bakes=(bake,),
        x=AxisSpec(kind="epoch", values="all"),
        batch_size=1,
    )


@pytest.fixture
def with_grid(runner: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], tuple[BakeState, Path]]:
    """Return a function that bakes settings with a grid ordered after the fourth step."""

    def bake_with(settings: Any) -> tuple[BakeState, Path]:
        bake = runner.queue(settings)

        def train_and_order(session: Any, work: Any) -> Any:
            if work.step == 4:
                with Journal(runner.journal.path) as other:
                    number = other.grids.add(name="over", spec=spec_json(grid_of(bake.number)), bake=bake.number).number
                    other.orders.give(bake.number, Order.GRID, str(number))
            return train_step(session, work)

        monkeypatch.setattr(trainer.bake.loop, "train_step", train_and_order)
        return runner.run(bake, settings), runner.root / bake.folder

    return bake_with


def say_once(runner: Any, monkeypatch: pytest.MonkeyPatch, order: Order, argument: str = "") -> None:
    """Give the bake an order as soon as a grid in it has a picture."""
    sample = trainer.bake.pictures.grid_in_bake.GridSampler.sample

    def sample_and_say(self: Any, recipes: Any, **others: Any) -> Any:
        made = sample(self, recipes, **others)
        with Journal(runner.journal.path) as other:
            number = other.bakes.latest()[0].number
            if all(given.order is not order for given in other.orders.read(number)):
                other.orders.give(number, order, argument)
        return made

    monkeypatch.setattr(trainer.bake.pictures.grid_in_bake.GridSampler, "sample", sample_and_say)


def bits(folder: Path) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in load_lora(folder / "x.safetensors").tensors.items()}


def pictures(runner: Any, grid: Grid) -> list[str]:
    return sorted(path.stem for path in (runner.root / grid.folder).glob("x*.png"))


def test_a_grid_leaves_the_bake_as_it_was_bit_for_bit(
    runner: Any, make_settings: Any, with_grid: Callable[[Any], tuple[BakeState, Path]]
) -> None:
    settings = make_settings(save_every_n_epochs=None, save_every_n_steps=2, network_dropout=0.2, text_encoder_stop="2")
    plain = runner.bake(settings)
    state, folder = with_grid(settings)
    grid = runner.journal.grids.read(1)
    assert (state, grid.state, grid.error) == (BakeState.DONE, GridState.DONE, "")
    assert pictures(runner, grid) == [f"x{x}-y1-z1-s{seed}" for x in (1, 2) for seed in (1, 2)]
    assert bits(folder) == bits(plain)


@pytest.mark.long
def test_a_grid_that_breaks_in_the_middle_is_reported_and_leaves_the_bake_as_it_was(
    runner: Any,
    make_settings: Any,
    with_grid: Callable[[Any], tuple[BakeState, Path]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = make_settings(
        save_every_n_epochs=None, save_every_n_steps=2, network_dropout=0.2, validation_data_dir=""
    )
    plain = runner.bake(settings)
    sample = trainer.bake.pictures.grid_in_bake.GridSampler.sample
    calls: list[int] = []

    def breaks(self: Any, recipes: Any, **others: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            self._stack.use(recipes[0].loras)
            torch.rand(1)
            raise RuntimeError("the card fell out")
        return sample(self, recipes, **others)

    monkeypatch.setattr(trainer.bake.pictures.grid_in_bake.GridSampler, "sample", breaks)
    state, folder = with_grid(settings)
    grid = runner.journal.grids.read(1)
    assert (state, grid.state, grid.error) == (
        BakeState.DONE,
        GridState.FAILED,
        "RuntimeError: the card fell out",
    )
    assert "the card fell out" in runner.journal.orders.read(2)[0].answer
    assert pictures(runner, grid) == ["x1-y1-z1-s1"]
    assert bits(folder) == bits(plain)


@pytest.mark.parametrize(
    ("order", "state"),
    [
        (Order.CANCEL_GRID, BakeState.DONE),
        pytest.param(Order.STOP, BakeState.STOPPED, marks=pytest.mark.long),
        pytest.param(Order.FREE, BakeState.PARKED, marks=pytest.mark.long),
    ],
)
def test_a_grid_that_is_ended_is_cut_and_the_bake_ends_only_where_that_was_meant(
    runner: Any,
    make_settings: Any,
    with_grid: Callable[[Any], tuple[BakeState, Path]],
    monkeypatch: pytest.MonkeyPatch,
    order: Order,
    state: BakeState,
) -> None:
    say_once(runner, monkeypatch, order)
    ended, _ = with_grid(
        make_settings(save_every_n_epochs=None, save_every_n_steps=2, validation_data_dir="", max_train_steps=5)
    )
    grid = runner.journal.grids.read(1)
    assert (ended, grid.state) == (state, GridState.CUT)
    assert len(pictures(runner, grid)) == grid.done == 1
    assert runner.journal.orders.pending(1) == []


@pytest.mark.long
def test_an_epoch_dropped_on_the_way_is_left_out_of_the_rest(
    runner: Any,
    make_settings: Any,
    with_grid: Callable[[Any], tuple[BakeState, Path]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    say_once(runner, monkeypatch, Order.DROP_EPOCH, "s4")
    with_grid(make_settings(save_every_n_epochs=None, save_every_n_steps=2, validation_data_dir="", max_train_steps=5))
    assert pictures(runner, runner.journal.grids.read(1)) == ["x1-y1-z1-s1", "x1-y1-z1-s2"]


def test_the_sampler_uses_the_bakes_own_base_and_no_other(
    make_settings: Any, open_session: Any, tmp_path: Path
) -> None:
    with open_session(make_settings()) as (session, _), SessionProvider(session) as provider:
        assert provider.compute_setup("bf16", "fp16") == ComputeSetup("cpu", "fp32")
        assert provider.sampler(RECIPE) is provider.sampler(replace(RECIPE, seed=2))
        for other in (replace(RECIPE, base=str(tmp_path)), replace(RECIPE, vae=str(tmp_path / "vae.safetensors"))):
            with pytest.raises(GridError, match="the one that the bake has loaded"):
                provider.sampler(other)


def test_a_session_that_was_lent_is_unchanged(make_settings: Any, open_session: Any) -> None:
    with open_session(make_settings(network_dropout=0.2)) as (session, planned):
        prepared = dict(encode_pictures(session.model, planned.data.pictures, planned.plan.placements, 1))
        with BatchLoader(session, planned.data, prepared, pin=False) as feed:
            train_step(session, next(iter(feed)))
        before = _everything(session)
        with lend_model(session, base_alone=True), SessionProvider(session) as provider:
            assert [session.network.strength(part) for part in session.network.parts] == [0.0, 0.0]
            assert provider.sampler(RECIPE).sample([RECIPE], stop=lambda: False) is not None
            torch.rand(3)
        assert _everything(session) == before
        with lend_model(session, base_alone=False):
            assert [session.network.strength(part) for part in session.network.parts] == [1.0, 1.0]


def _everything(session: Any) -> dict[str, object]:
    """Return what of a bench a step depends on."""
    model = session.model
    modules = {"unet": model.unet, "vae": model.vae, **model.encoders}
    return {
        "random": torch.get_rng_state().tolist(),
        "grad": torch.is_grad_enabled(),
        "threads": torch.get_num_threads(),
        "cudnn": (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark),
        "weights": [weight.detach().numpy().tobytes() for weight in session.network.parameters()],
        "trains": [weight.requires_grad for weight in session.network.parameters()],
        "strengths": [layer.strength for layer in session.network],
        "modes": [module.training for each in modules.values() for module in each.modules()],
        "types": [(each.dtype, each.device) for each in modules.values()],
        "strides": [weight.stride() for each in modules.values() for weight in each.parameters()],
        "forwards": [module.__dict__.get("forward") for each in modules.values() for module in each.modules()],
        "moments": [
            (key, value.tolist())
            for values in session.optimizer.optimizer.state.values()
            for key, value in values.items()
        ],
        "tiling": model.vae.use_tiling,
    }


def test_parked_moments_come_back_as_they_were(make_settings: Any, open_session: Any) -> None:
    with open_session(make_settings()) as (session, planned):
        prepared = dict(encode_pictures(session.model, planned.data.pictures, planned.plan.placements, 1))
        with BatchLoader(session, planned.data, prepared, pin=False) as feed:
            train_step(session, next(iter(feed)))
        before = _everything(session)["moments"]
        with pytest.raises(ValueError, match="broke"), park_moments(session):
            raise ValueError("broke")
        assert _everything(session)["moments"] == before

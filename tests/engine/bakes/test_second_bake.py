"""A bake on what an earlier one left behind makes the same LoRA as on a base loaded for it alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from make_recipe import make_recipe
from small_base import small_base

import trainer.bake.loop
import trainer.bake.prediction_type
import trainer.models.base_cache
from trainer.bake.latent_cache import forget_latents
from trainer.bake.step import train_step
from trainer.grid.spec import AxisSpec, GridSpec, LoraSpec, spec_json
from trainer.journal.grid_records import GridState
from trainer.models.base_cache import forget_base
from trainer.models.prediction_type import PredictionScores
from trainer.models.stable_diffusion.model import StableDiffusion, load_base
from trainer.network.lora_content import load_lora
from trainer.sampling.make_grid import Progress, make_grid
from trainer.sampling.standalone import StandaloneProvider
from trainer.workspace import Workspace

pytestmark = pytest.mark.usefixtures("nothing_kept")


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[torch.dtype]:
    """The types of the bases loaded so far."""
    loaded: list[torch.dtype] = []

    def counted(*base: Any, **others: Any) -> StableDiffusion:
        loaded.append(others["dtype"])
        return load_base(*base, **others)

    monkeypatch.setattr(trainer.models.base_cache, "load_base", counted)
    return loaded


@pytest.fixture
def short(make_settings: Any) -> Any:
    """Two steps of U-Net and text encoder, with dropouts, and every block computed twice."""
    return make_settings(
        max_train_steps=2,
        validation_data_dir="",
        network_dropout=0.2,
        gradient_checkpointing=True,
        v_parameterization="no",
        save_every_n_epochs=None,
    )


def bits(folder: Path) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in load_lora(folder / "x.safetensors").tensors.items()}


def fail(runner: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(session: Any, work: Any) -> Any:
        train_step(session, work)
        raise RuntimeError("injected")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="injected"):
        patch.setattr(trainer.bake.loop, "train_step", breaks)
        runner.run(runner.queue(settings), settings)


def test_a_second_bake_loads_and_encodes_nothing_and_makes_the_same_bits(
    runner: Any, short: Any, loads: list[torch.dtype], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = bits(runner.bake(short))
    monkeypatch.setattr(StableDiffusion, "encode_pictures", None)
    # Nor is measured again what the base predicts.
    monkeypatch.setattr(trainer.bake.prediction_type, "measure", None)
    assert bits(runner.bake(short)) == first
    assert len(loads) == 1


@pytest.mark.parametrize(("noise", "counted"), [(0.1, 1), (0.6, 2)], ids=["clearly", "hardly"])
def test_what_a_base_predicts_clearly_is_not_measured_again_on_other_noise(
    runner: Any, make_settings: Any, monkeypatch: pytest.MonkeyPatch, noise: float, counted: int
) -> None:
    seeds: list[int] = []

    def measured(model: Any, latents: Any, text: Any, sizes: Any, seed: int) -> PredictionScores:
        seeds.append(seed)
        return PredictionScores(epsilon=noise, v=0.9)

    monkeypatch.setattr(trainer.bake.prediction_type, "measure", measured)
    for seed in (1, 2):
        runner.bake(make_settings(max_train_steps=1, validation_data_dir="", v_parameterization="no", seed=seed))
    assert len(seeds) == counted


@pytest.mark.long
def test_neither_another_precision_nor_a_failed_bake_between_shows(
    runner: Any, short: Any, loads: list[torch.dtype], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = bits(runner.bake(short))
    runner.bake(short.model_copy(update={"mixed_precision": "bf16", "max_train_steps": 1}))
    assert bits(runner.bake(short)) == first
    fail(runner, short, monkeypatch)
    assert bits(runner.bake(short)) == first
    assert loads == [torch.float32, torch.bfloat16, torch.float32, torch.float32]


@pytest.mark.long
def test_latents_on_disk_give_the_same_bits_to_the_next_program(
    runner: Any, short: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = short.model_copy(update={"cache_latents_to_disk": True})
    first = bits(runner.bake(settings))
    forget_base()
    forget_latents()
    monkeypatch.setattr(StableDiffusion, "encode_pictures", None)
    assert bits(runner.bake(settings)) == first
    assert len(list((runner.root / "cache" / "latents").glob("*.safetensors"))) == 5


def test_pictures_are_encoded_once_though_some_are_looked_at_first(
    runner: Any, make_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []
    encode = StableDiffusion.encode_pictures

    def counted(self: StableDiffusion, pixels: torch.Tensor) -> torch.Tensor:
        counts.append(len(pixels))
        return encode(self, pixels)

    monkeypatch.setattr(StableDiffusion, "encode_pictures", counted)
    # `no` claims to know what the base predicts, so it is measured.
    runner.bake(make_settings(max_train_steps=1, validation_data_dir="", v_parameterization="no", vae_batch_size=2))
    assert sorted(counts) == [1, 2, 2]


class NobodyStops:
    """Nothing is said to a grid."""

    def stop(self) -> bool:
        return False

    def dropped(self) -> tuple[str, ...]:
        return ()


def make_a_grid(runner: Any, bake: int) -> GridState:
    """Make pictures with the LoRAs of a bake, as a job of its own does."""
    spec = GridSpec(
        name="g",
        base=str(small_base()),
        prompt="1girl, red",
        steps=1,
        width=64,
        height=64,
        loras=(LoraSpec(),),
        of_bakes=(bake,),
        x=AxisSpec(kind="epoch", values="all"),
    )
    number = runner.journal.grids.add(name="g", spec=spec_json(spec)).number
    with StandaloneProvider() as provider:
        progress = Progress(lambda done, total: None, lambda line: None)
        return make_grid(number, runner.journal, Workspace(runner.root), provider, NobodyStops(), progress)


def test_a_grid_between_two_bakes_borrows_their_base_and_leaves_no_trace(
    runner: Any, short: Any, loads: list[torch.dtype]
) -> None:
    first = bits(runner.bake(short))
    assert make_a_grid(runner, 1) is GridState.DONE
    assert bits(runner.bake(short)) == first
    assert len(loads) == 1


def test_a_grid_that_breaks_gives_no_base_back(loads: list[torch.dtype]) -> None:
    recipe = make_recipe(base=str(small_base()), sampler="Euler a")
    with pytest.raises(RuntimeError, match="injected"), StandaloneProvider() as provider:
        provider.sampler(recipe)
        raise RuntimeError("injected")
    assert not forget_base()
    with StandaloneProvider() as provider:
        provider.sampler(recipe)
        # Another prediction needs another sampler, on the same base.
        provider.sampler(replace(recipe, prediction="v"))
    assert len(loads) == 2
    assert forget_base()

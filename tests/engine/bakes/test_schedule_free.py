"""Schedule-free optimizers: the averages are saved, shown and validated, and looking at them changes no later bit."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_optimizers import ScheduleFree
from safetensors.torch import load_file
from torch import Tensor

from trainer.bake.batch_loader import BatchLoader
from trainer.bake.latents import encode_pictures
from trainer.bake.pictures.lend_model import lend_model
from trainer.bake.session import TrainingSession
from trainer.bake.step import train_step
from trainer.bake.validation import Validation
from trainer.dataset.buckets import placements_of
from trainer.journal.state_files import states_of


@pytest.fixture
def settings(make_settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a function that makes the settings of a bake with an optimizer that averages."""
    monkeypatch.setattr(torch.optim, "ScheduleFree", ScheduleFree, raising=False)

    def make(**changes: Any) -> Any:
        return make_settings(optimizer_type="torch.optim.ScheduleFree", save_precision="float", **changes)

    return make


def saved(folder: Path, name: str = "x") -> dict[str, Tensor]:
    """Return a LoRA's weights by the names that states give them."""
    return {
        name.replace(".lora_down.weight", ".down").replace(".lora_up.weight", ".up"): value
        for name, value in load_file(folder / f"{name}.safetensors").items()
        if not name.endswith(".alpha")
    }


def averages_in(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the averages that belong to a state: x = y + (1 - 1 / beta) (z - y)."""
    share = 1 - 1 / ScheduleFree.BETA
    found = {}
    for name, weight in state.items():
        if name.startswith("lora/"):
            fast = state.get(f"optimizer/{name.removeprefix('lora/')}/z", weight)
            found[name.removeprefix("lora/")] = weight.lerp(fast, share)
    return found


def newest_state(folder: Path) -> dict[str, Tensor]:
    return load_file(states_of(folder)[-1])


def test_files_hold_the_averages_and_states_what_trains(runner: Any, settings: Callable[..., Any]) -> None:
    folder = runner.bake(settings())
    state, file = newest_state(folder), saved(folder)
    averages = averages_in(state)
    assert file.keys() == averages.keys()
    assert all(torch.equal(file[name], averages[name]) for name in file)
    assert not any(torch.equal(file[name], state[f"lora/{name}"]) for name in file if name.endswith(".up"))


def test_a_bake_that_is_looked_at_often_comes_to_the_same_bits(
    runner: Any, settings: Callable[..., Any], tmp_path: Path
) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("1girl, red")
    quiet = runner.bake(settings(validation_data_dir="", save_every_n_epochs=None))
    watched = runner.bake(
        settings(
            save_every_n_epochs=None,
            save_every_n_steps=1,
            validate_every_n_steps=1,
            sample_every_n_steps=2,
            sample_at_first=True,
            sample_steps=2,
            sample_prompts=str(prompts),
        )
    )
    assert list((watched / "samples").glob("*.png"))
    assert saved(quiet).keys() == saved(watched).keys()
    assert all(torch.equal(value, saved(watched)[name]) for name, value in saved(quiet).items())


def test_a_part_that_stops_is_left_at_its_averages(runner: Any, settings: Callable[..., Any]) -> None:
    often = {"save_every_n_epochs": None, "save_every_n_steps": 3}
    folder, without = (runner.bake(settings(**often, text_encoder_stop=stop)) for stop in ("3", ""))
    at_stop, at_end = saved(folder, "x-step00000003"), saved(folder)
    encoder = [name for name in at_end if name.startswith("lora_te")]
    assert encoder and all(torch.equal(at_stop[name], at_end[name]) for name in encoder)
    averages = saved(without, "x-step00000003")
    assert all(torch.equal(averages[name], at_end[name]) for name in encoder)
    state = newest_state(folder)
    assert all(torch.equal(state[f"lora/{name}"], at_end[name]) for name in encoder)


@pytest.fixture
def after_steps(settings: Callable[..., Any], open_session: Any) -> Iterator[tuple[TrainingSession, Any]]:
    """A session after three steps."""
    with open_session(settings()) as (session, planned):
        prepared = dict(encode_pictures(session.model, planned.data.pictures, planned.plan.placements, 1))
        with BatchLoader(session, planned.data, prepared, pin=False) as loader:
            for _, work in zip(range(3), loader, strict=False):
                train_step(session, work)
        yield session, planned


def weights_of(session: TrainingSession) -> list[Tensor]:
    return [weight.detach().clone() for weight in session.network.parameters()]


def averages_of(session: TrainingSession) -> list[Tensor]:
    share, kept = 1 - 1 / ScheduleFree.BETA, session.optimizer.optimizer.state
    return [weight.detach().lerp(kept[weight]["z"], share) for weight in session.network.parameters()]


def test_pictures_in_a_bake_are_made_with_the_averages(after_steps: tuple[TrainingSession, Any]) -> None:
    session, _ = after_steps
    trains, averages = weights_of(session), averages_of(session)
    with lend_model(session, base_alone=False):
        assert all(map(torch.equal, weights_of(session), averages))
    assert all(map(torch.equal, weights_of(session), trains))
    assert not any(map(torch.equal, trains, averages))


def test_validation_measures_the_averages(after_steps: tuple[TrainingSession, Any]) -> None:
    session, planned = after_steps
    pictures, placements = planned.validation.pictures, placements_of(planned.validation)
    validation = Validation(session, pictures, dict(encode_pictures(session.model, pictures, placements, 1)))
    measured = validation.measure(3, lambda done, total: None).loss
    averages = averages_of(session)
    with torch.no_grad():
        for weight, value in zip(session.network.parameters(), averages, strict=True):
            weight.copy_(value)
    alone = float(validation._losses(lambda done, total: None).mean())
    assert measured == alone

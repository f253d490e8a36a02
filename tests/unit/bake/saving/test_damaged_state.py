"""A training state with anything wrong in it: named as damaged with the way out before a bake takes it up, and an older one is taken."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import safetensors.torch
import torch
from damaged_json import damaged
from torch import Tensor, nn

from trainer.bake.optimizer import make_optimizer
from trainer.bake.saving.optimizer_state import OptimizerState, named_weights, pack_optimizer, unpack_optimizer
from trainer.bake.saving.state import State, read_state, write_state
from trainer.bake.saving.states import StateSaver
from trainer.errors import ModelError
from trainer.journal.state_files import (
    FOLDER,
    HEADER_KEY,
    OLDER_STATE,
    STATE_FORMAT,
    Environment,
    FilesSoFar,
    KeptVerdict,
    StateHeader,
    file_name,
    read_state_header,
    state_header_json,
)
from trainer.network.injection import LoraNetwork
from trainer.network.lora import LoraLayer
from trainer.settings.model import Settings
from trainer.settings.toml_file import settings_toml
from trainer.text import MAX_MESSAGE

SETTINGS = Settings.model_validate({"optimizer_type": "torch.optim.NAdam", "unet_lr": 1e-2})


@pytest.fixture(scope="module")
def network() -> LoraNetwork:
    torch.manual_seed(0)
    return LoraNetwork("sd1", {"unet": [LoraLayer("u", nn.Linear(3, 4), 2, 1)]})


@pytest.fixture(scope="module")
def state(network: LoraNetwork) -> State:
    optimizer = make_optimizer(network, SETTINGS, "sd1")
    for weight in network.parameters():
        weight.grad = torch.ones_like(weight)
    optimizer.step()
    weights = named_weights(network)
    kept = pack_optimizer(optimizer, optimizer.param_groups, weights)
    tensors: dict[str, Tensor] = {f"lora/{name}": weight.detach().clone() for name, weight in weights.items()}
    tensors |= {name: tensor.detach().clone() for name, tensor in kept.tensors.items()}
    tensors |= {
        "rng/cpu": torch.get_rng_state(),
        "readings/loss": torch.zeros(2),
        "readings/folders": torch.zeros(2, 3),
    }
    facts = StateHeader(
        format=STATE_FORMAT,
        step=8,
        epoch=2,
        ends_epoch=True,
        bake=1,
        name="hifumi",
        settings_toml=settings_toml(SETTINGS),
        changes=0,
        rate_scale=1.0,
        data="",
        scaler={"scale": 2.0, "growth_factor": 2.0, "backoff_factor": 0.5, "growth_interval": 9, "_growth_tracker": 1},
        optimizer=kept.weights,
        groups=kept.groups,
        attributes=kept.attributes,
        shared=[["key", {"tensor": "rng/cpu"}]],
        checkpoints=FilesSoFar(["hifumi-000001.safetensors"], 4, float("nan")),
        verdict=KeptVerdict(8, 0.1, float("nan"), None),
        environment=Environment("2", "1", "3", "cpu", 1, "no"),
    )
    return State(tensors, facts)


def rewrite(path: Path, header: str, tensors: dict[str, Tensor]) -> None:
    """Write a state as an earlier version did, without the hash of its content."""
    safetensors.torch.save_file(tensors, path, {HEADER_KEY: header})


def test_a_state_comes_back_as_it_was_written(state: State, tmp_path: Path) -> None:
    write_state(state, tmp_path / "a.safetensors")
    again = read_state(tmp_path / "a.safetensors")
    assert state_header_json(again.facts) == state_header_json(state.facts)
    assert read_state_header(tmp_path / "a.safetensors").checkpoints.saved == state.facts.checkpoints.saved
    rewrite(tmp_path / "b.safetensors", state_header_json(state.facts), state.tensors)
    assert state_header_json(read_state(tmp_path / "b.safetensors").facts) == state_header_json(state.facts)


@pytest.mark.parametrize("every", [17, pytest.param(1, marks=pytest.mark.long)])
def test_each_fact_of_another_type_is_named(state: State, network: LoraNetwork, tmp_path: Path, every: int) -> None:
    path = tmp_path / "a.safetensors"
    refused = accepted = 0
    for place, header in damaged(json.loads(state_header_json(state.facts)), every):
        rewrite(path, json.dumps(header), state.tensors)
        try:
            facts = read_state(path).facts
        except ModelError as error:
            refused += 1
            line = error.line()
            assert "damaged training state (" in line or "this lora-tui reads up to version" in line, (place, line)
            assert "newer lora-tui" in line or line.endswith(OLDER_STATE), (place, line)
            assert len(line) <= MAX_MESSAGE, place
        else:
            # What is accepted can be put back: another text, another number.
            accepted += 1
            optimizer = make_optimizer(network, SETTINGS, "sd1")
            kept = OptimizerState(state.tensors, facts.optimizer, facts.groups, facts.attributes, facts.shared)
            weights = named_weights(network)
            unpack_optimizer(kept, optimizer, optimizer.param_groups, weights, list(weights.values()))
    assert refused > 500 / every
    assert accepted < refused / 2


def no_tensor(name: str) -> Callable[[dict[str, Tensor]], object]:
    return lambda tensors: tensors.pop(name)


def other_tensor(name: str, tensor: Tensor) -> Callable[[dict[str, Tensor]], object]:
    return lambda tensors: tensors.update({name: tensor})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (no_tensor("rng/cpu"), "rng/cpu"),
        (other_tensor("rng/cpu", torch.zeros(5056)), "rng/cpu"),
        (other_tensor("rng/cpu", torch.zeros(9, dtype=torch.uint8)), "rng/cpu"),
        (other_tensor("rng/cpu", torch.full_like(torch.get_rng_state(), 255)), "rng/cpu"),
        (no_tensor("readings/loss"), "readings/loss"),
        (other_tensor("readings/loss", torch.zeros(2, dtype=torch.int64)), "readings/loss"),
        (other_tensor("readings/folders", torch.zeros(6)), "readings/folders"),
    ],
)
def test_a_tensor_that_is_missing_or_of_another_form_is_named(
    state: State, tmp_path: Path, change: Callable[[dict[str, Tensor]], object], named: str
) -> None:
    tensors = dict(state.tensors)
    change(tensors)
    rewrite(tmp_path / "a.safetensors", state_header_json(state.facts), tensors)
    with pytest.raises(ModelError, match=rf"damaged training state \(tensor {named} is missing or of another form\)"):
        read_state(tmp_path / "a.safetensors")


def test_any_changed_byte_is_found(state: State, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_state(state, path)
    whole = path.read_bytes()
    places = random.Random(5)
    for _ in range(40):
        content = bytearray(whole)
        content[places.randrange(len(content))] ^= 1 << places.randrange(8)
        path.write_bytes(content)
        with pytest.raises(ModelError) as refused:
            read_state(path)
        assert len(refused.value.line()) <= MAX_MESSAGE
    for length in (0, 5, 9, 300, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError, match="damaged training state"):
            read_state(path)


def saver(folder: Path, lines: list[str]) -> StateSaver:
    report: Any = SimpleNamespace(log=lambda line, level="info": lines.append(line))
    nothing: Any = None
    return StateSaver(folder, nothing, nothing, report, nothing)


def test_a_resume_takes_the_newest_state_that_is_whole(state: State, tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    paths = [tmp_path / FOLDER / file_name(step) for step in (8, 12, 16, 20)]
    write_state(state, paths[0])
    # The third is the first one's under another name.
    paths[2].write_bytes(paths[0].read_bytes())
    paths[3].write_bytes(paths[0].read_bytes()[:-40])
    header = json.loads(state_header_json(state.facts)) | {"step": "12"}
    rewrite(paths[1], json.dumps(header), state.tensors)
    lines: list[str] = []
    found = saver(tmp_path, lines).newest()
    assert found is not None and found.facts.step == 8
    assert [line.split(": ", 1)[0] for line in lines] == [str(path) for path in reversed(paths[1:])]
    assert all(line.endswith("; using the state before it") for line in lines)
    assert "step: '12'; expected a whole number" in lines[2]
    assert "it is of step 8" in lines[1]
    paths[0].unlink()
    with pytest.raises(ModelError, match=r"3 training states, none of which can be read .*move the folder away"):
        saver(tmp_path, []).newest()
    for path in paths[1:]:
        path.unlink()
    assert saver(tmp_path, []).newest() is None

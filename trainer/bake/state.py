"""Everything a bake needs to go on exactly where it was: packed from the workbench, put back onto it, one safetensors file."""

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

import trainer
from trainer.bake.state_files import KEY, Facts, Surroundings, facts_json, read_facts
from trainer.bake.workbench import Workbench
from trainer.errors import ModelError
from trainer.foreign_text import shown
from trainer.models.safetensors_write import write_tensors
from trainer.network.injection import LoraNetwork
from trainer.whole_file import whole_file

_LORA, _OPTIMIZER, _RNG, _READINGS, _VALIDATION = "lora/", "optimizer/", "rng/", "readings/", "validation/"


@dataclass(frozen=True)
class State:
    """A whole state: tensors on the CPU by name, and the facts."""

    tensors: dict[str, Tensor]
    facts: Facts

    def part(self, name: str) -> dict[str, Tensor]:
        """Return the tensors of `readings` or `validation` by their own names."""
        return {
            key.removeprefix(f"{name}/"): value for key, value in self.tensors.items() if key.startswith(f"{name}/")
        }


def surroundings(bench: Workbench) -> Surroundings:
    """Return those in force."""
    device = bench.model.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return Surroundings(
        torch.__version__,
        trainer.__version__,
        platform.python_version(),
        f"{device.type} {name}",
        torch.get_num_threads(),
        bench.precision.name,
    )


def pack(bench: Workbench, readings: Mapping[str, Tensor], validation: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return copies on the CPU of every tensor a state holds; waits for the card.

    Args:
        bench: network and optimizer as they stand.
        readings, validation: tensors these parts keep.
    """
    tensors: dict[str, Tensor] = {}
    for name, weight in _weights(bench.network):
        tensors[_LORA + name] = weight
        for key, value in bench.optimizer.state.get(weight, {}).items():
            if isinstance(value, Tensor):
                tensors[f"{_OPTIMIZER}{name}/{key}"] = value
    tensors[f"{_RNG}cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors[f"{_RNG}cuda"] = torch.cuda.get_rng_state(bench.model.device)
    tensors |= {_READINGS + name: value for name, value in readings.items()}
    tensors |= {_VALIDATION + name: value for name, value in validation.items()}
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}


def optimizer_numbers(bench: Workbench) -> dict[str, dict[str, Any]]:
    """Return what the optimizer keeps of each weight besides tensors."""
    found: dict[str, dict[str, Any]] = {}
    for name, weight in _weights(bench.network):
        plain = {
            key: value for key, value in bench.optimizer.state.get(weight, {}).items() if not isinstance(value, Tensor)
        }
        if plain:
            found[name] = plain
    return found


def unpack(state: State, bench: Workbench, where: str) -> None:
    """Put weights, moments, random numbers and scaler back in place.

    A part that is not trained any more keeps its weights and loses its moments; one newly trained begins without any.

    Raises:
        ModelError: the state is of another network.
    """
    weights = dict(_weights(bench.network))
    kept = {key.removeprefix(_LORA): value for key, value in state.tensors.items() if key.startswith(_LORA)}
    _check_same(kept, weights, where)
    trained = {weight for group in bench.optimizer.param_groups for weight in group["params"]}
    inner = bench.optimizer.optimizer
    inner.state.clear()
    moments = _moments(state)
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(kept[name])
            if weight in trained and name in moments:
                inner.state[weight] = {
                    key: _beside(value, weight) if isinstance(value, Tensor) else value
                    for key, value in moments[name].items()
                }
    torch.set_rng_state(state.tensors[f"{_RNG}cpu"])
    if f"{_RNG}cuda" in state.tensors and bench.model.device.type == "cuda":
        torch.cuda.set_rng_state(state.tensors[f"{_RNG}cuda"], bench.model.device)
    if state.facts.scaler and bench.accelerator.scaler is not None:
        bench.accelerator.scaler.load_state_dict(state.facts.scaler)


def write_state(state: State, path: Path) -> None:
    """Write the state to `path`, whole or not at all.

    Raises:
        OSError: it cannot be written; a file that was there is as before.
    """
    with whole_file(path) as beside:
        write_tensors(beside, state.tensors, {KEY: facts_json(state.facts)})


def read_state(path: Path) -> State:
    """Return the state in `path`.

    Raises:
        ModelError: it is no whole state, or one of a newer lora-tui.
    """
    facts = read_facts(path)
    try:
        return State(safetensors.torch.load_file(path), facts)
    except (OSError, SafetensorError) as error:
        raise ModelError(shown(str(path)), found=f"cannot be read ({error})", expected="a whole state") from error


def _weights(network: LoraNetwork) -> Iterator[tuple[str, nn.Parameter]]:
    for layer in network:
        yield f"{layer.name}.down", layer.down
        yield f"{layer.name}.up", layer.up


def _moments(state: State) -> dict[str, dict[str, Any]]:
    """Return what the optimizer kept, by weight and by its own names."""
    found = {name: dict(values) for name, values in state.facts.optimizer.items()}
    for key, value in state.tensors.items():
        if key.startswith(_OPTIMIZER):
            name, _, what = key.removeprefix(_OPTIMIZER).rpartition("/")
            found.setdefault(name, {})[what] = value
    return found


def _beside(value: Tensor, weight: nn.Parameter) -> Tensor:
    """Return `value` on the weight's device, laid out in memory as the optimizer would have it."""
    if value.shape != weight.shape:
        return value.to(weight.device, copy=True)
    return torch.empty_like(weight, dtype=value.dtype).detach().copy_(value)


def _check_same(kept: Mapping[str, Tensor], weights: Mapping[str, nn.Parameter], where: str) -> None:
    if kept.keys() != weights.keys():
        strange = sorted(kept.keys() ^ weights.keys())
        raise ModelError(
            shown(where),
            found=f"a network that differs in {len(strange)} weights, {shown(strange[0], 80)} first",
            expected="the bake's network",
            way_out="keep base and trained parts as they were",
        )
    for name, weight in weights.items():
        if kept[name].shape != weight.shape:
            raise ModelError(
                shown(where),
                found=f"{shown(name, 80)} with shape {list(kept[name].shape)}",
                expected=f"{list(weight.shape)}",
                way_out="keep network_dim as it was",
            )

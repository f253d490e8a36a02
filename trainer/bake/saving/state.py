"""A state: everything a bake needs to continue exactly where it was, in one safetensors file."""

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
from trainer.atomic_file import atomic_path
from trainer.bake.session import TrainingSession
from trainer.errors import ModelError
from trainer.journal.state_files import HEADER_KEY, Environment, StateHeader, read_state_header, state_header_json
from trainer.models.safetensors_write import write_tensors
from trainer.network.injection import LoraNetwork
from trainer.text import printable

_LORA, _OPTIMIZER, _RNG, _READINGS, _VALIDATION = "lora/", "optimizer/", "rng/", "readings/", "validation/"
_GROUPS = "groups/"
# The program's own entries of a group; the rates follow from settings and step.
_OWN_KEYS = {"params", "lr", "base_lr", "part", "lr_multiplier"}


@dataclass(frozen=True)
class State:
    """One state: tensors on the CPU by name, and the facts."""

    tensors: dict[str, Tensor]
    facts: StateHeader

    def part(self, name: str) -> dict[str, Tensor]:
        """Return the tensors of `readings` or `validation` by their own names."""
        return {
            key.removeprefix(f"{name}/"): value for key, value in self.tensors.items() if key.startswith(f"{name}/")
        }


def surroundings(session: TrainingSession) -> Environment:
    """Return what the bits of the coming steps depend on beside state and data."""
    device = session.model.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return Environment(
        torch.__version__,
        trainer.__version__,
        platform.python_version(),
        f"{device.type} {name}",
        torch.get_num_threads(),
        session.precision.name,
    )


def pack(
    session: TrainingSession, readings: Mapping[str, Tensor], validation: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return copies on the CPU of every tensor a state holds; waits for the card.

    Args:
        session: network and optimizer as they stand.
        readings, validation: tensors these parts keep.
    """
    tensors: dict[str, Tensor] = {}
    for name, weight in _weights(session.network):
        tensors[_LORA + name] = weight
        for key, value in session.optimizer.state.get(weight, {}).items():
            if isinstance(value, Tensor):
                tensors[f"{_OPTIMIZER}{name}/{key}"] = value
    for name, key, value in _group_values(session):
        if isinstance(value, Tensor):
            tensors[f"{_GROUPS}{name}/{key}"] = value
    tensors[f"{_RNG}cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors[f"{_RNG}cuda"] = torch.cuda.get_rng_state(session.model.device)
    tensors |= {_READINGS + name: value for name, value in readings.items()}
    tensors |= {_VALIDATION + name: value for name, value in validation.items()}
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}


def optimizer_numbers(session: TrainingSession) -> dict[str, dict[str, Any]]:
    """Return what the optimizer keeps of each weight that is not a tensor."""
    found: dict[str, dict[str, Any]] = {}
    for name, weight in _weights(session.network):
        plain = {
            key: value
            for key, value in session.optimizer.state.get(weight, {}).items()
            if not isinstance(value, Tensor)
        }
        if plain:
            found[name] = plain
    return found


def group_numbers(session: TrainingSession) -> dict[str, dict[str, Any]]:
    """Return what the optimizer keeps of its groups that is not a tensor: Prodigy's estimate of the rate, counters."""
    found: dict[str, dict[str, Any]] = {}
    for name, key, value in _group_values(session):
        if value is None or isinstance(value, bool | int | float | str):
            found.setdefault(name, {})[key] = value
    return found


def unpack(state: State, session: TrainingSession, where: str) -> None:
    """Put weights, moments, random numbers and scaler back in place.

    A part that is no longer trained keeps its weights and loses its moments; one newly trained starts without any.

    Raises:
        ModelError: the state is of another network.
    """
    weights = dict(_weights(session.network))
    kept = {key.removeprefix(_LORA): value for key, value in state.tensors.items() if key.startswith(_LORA)}
    _check_same(kept, weights, where)
    # Stopped parts too: after a roll back to before the stop they train again.
    trained = {weight for group in session.trained_parts.groups for weight in group["params"]}
    inner = session.optimizer.optimizer
    inner.state.clear()
    moments = _moments(state)
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(kept[name])
            if weight in trained and name in moments:
                inner.state[weight] = {
                    key: _like(value, weight) if isinstance(value, Tensor) else value
                    for key, value in moments[name].items()
                }
    _put_groups_back(state, session)
    torch.set_rng_state(state.tensors[f"{_RNG}cpu"])
    if f"{_RNG}cuda" in state.tensors and session.model.device.type == "cuda":
        torch.cuda.set_rng_state(state.tensors[f"{_RNG}cuda"], session.model.device)
    if state.facts.scaler and session.accelerator.scaler is not None:
        session.accelerator.scaler.load_state_dict(state.facts.scaler)


def write_state(state: State, path: Path) -> None:
    """Write the state to `path`, completely or not at all.

    Raises:
        OSError: it cannot be written; an existing file stays as it was.
    """
    with atomic_path(path) as beside:
        write_tensors(beside, state.tensors, {HEADER_KEY: state_header_json(state.facts)})


def read_state(path: Path) -> State:
    """Return the state in `path`.

    Raises:
        ModelError: it is not a complete state, or one of a newer lora-tui.
    """
    facts = read_state_header(path)
    try:
        return State(safetensors.torch.load_file(path), facts)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            printable(str(path)), found=f"cannot be read ({error})", expected="a complete state"
        ) from error


def _weights(network: LoraNetwork) -> Iterator[tuple[str, nn.Parameter]]:
    for layer in network:
        yield f"{layer.name}.down", layer.down
        yield f"{layer.name}.up", layer.up


def _group_values(session: TrainingSession) -> Iterator[tuple[str, str, Any]]:
    """Yield (group, key, value) of what the optimizer keeps of its groups."""
    for group in session.trained_parts.groups:
        for key, value in group.items():
            if key not in _OWN_KEYS:
                yield f"{group['part']}/{group['lr_multiplier']}", key, value


def _put_groups_back(state: State, session: TrainingSession) -> None:
    # An option that was changed for a fork is the fork's; what the optimizer adapted by itself is the state's.
    options = session.settings.optimizer_options
    for group in session.trained_parts.groups:
        name = f"{group['part']}/{group['lr_multiplier']}"
        kept = {key: value for key, value in state.facts.groups.get(name, {}).items() if key in group}
        group.update(
            {key: value for key, value in kept.items() if key not in options and _runs_with_steps(group[key], value)}
        )
        for key, value in group.items():
            tensor = state.tensors.get(f"{_GROUPS}{name}/{key}")
            if isinstance(value, Tensor) and tensor is not None:
                group[key] = tensor.to(value.device, copy=True)


def _runs_with_steps(now: object, kept: object) -> bool:
    """Return whether a number of a group changes with the steps, and is not a switch of this version's."""
    return isinstance(now, int | float) and isinstance(kept, int | float) and not isinstance(now, bool)


def _moments(state: State) -> dict[str, dict[str, Any]]:
    """Return what the optimizer kept, by weight and by its own names."""
    found = {name: dict(values) for name, values in state.facts.optimizer.items()}
    for key, value in state.tensors.items():
        if key.startswith(_OPTIMIZER):
            name, _, what = key.removeprefix(_OPTIMIZER).rpartition("/")
            found.setdefault(name, {})[what] = value
    return found


def _like(value: Tensor, weight: nn.Parameter) -> Tensor:
    """Return `value` on the weight's device, laid out in memory as the optimizer would have it."""
    if value.shape != weight.shape:
        return value.to(weight.device, copy=True)
    return torch.empty_like(weight, dtype=value.dtype).detach().copy_(value)


def _check_same(kept: Mapping[str, Tensor], weights: Mapping[str, nn.Parameter], where: str) -> None:
    if kept.keys() != weights.keys():
        strange = sorted(kept.keys() ^ weights.keys())
        raise ModelError(
            printable(where),
            found=f"a network that differs in {len(strange)} weights, {printable(strange[0], 80)} first",
            expected="the bake's network",
            way_out="keep base and trained parts as they were",
        )
    for name, weight in weights.items():
        if kept[name].shape != weight.shape:
            raise ModelError(
                printable(where),
                found=f"{printable(name, 80)} with shape {list(kept[name].shape)}",
                expected=f"{list(weight.shape)}",
                way_out="keep network_dim as it was",
            )

"""A state: everything a bake needs to continue exactly where it was, in one safetensors file."""

import hashlib
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

import trainer
from trainer.atomic_file import atomic_path
from trainer.bake.saving.optimizer_state import (
    OptimizerState,
    check_optimizer_state,
    groups_of_format_1,
    named_weights,
    pack_optimizer,
    unpack_optimizer,
)
from trainer.bake.saving.packed_values import DamagedValue
from trainer.bake.session import TrainingSession
from trainer.errors import ModelError, SettingsError
from trainer.formats.safetensors_header import read_header
from trainer.journal.state_files import (
    HEADER_KEY,
    MANIFEST_TENSOR,
    STATE_FORMAT,
    Environment,
    FilesSoFar,
    StateHeader,
    damaged_state,
    read_state_header,
    state_header_json,
)
from trainer.models.safetensors_write import bytes_of, write_tensors
from trainer.settings.toml_file import parse_settings
from trainer.text import plural, printable

_LORA, _RNG, _READINGS, _VALIDATION = "lora/", "rng/", "readings/", "validation/"
_DIGEST_KEY = "lora_tui_sha256"
_SCALER_KEYS = {"scale", "growth_factor", "backoff_factor", "growth_interval", "_growth_tracker"}


def _is_generator_state(tensor: Tensor) -> bool:
    """Return whether a generator of random numbers takes it; of the right form it may still be none."""
    try:
        torch.Generator().set_state(tensor)
    except (RuntimeError, TypeError):
        return False
    return True


# Tensor -> whether it is of the form that is put back; those whose form follows from the network are compared with it.
_FORMS: Mapping[str, Callable[[Tensor], bool]] = {
    f"{_RNG}cpu": _is_generator_state,
    f"{_READINGS}loss": lambda tensor: tensor.shape == (2,) and tensor.is_floating_point(),
    f"{_READINGS}folders": lambda tensor: tensor.dim() == 2 and len(tensor) == 2 and tensor.is_floating_point(),
}


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
        ", ".join(f"{name} {version}" for name, version in _libraries(session)),
    )


def _libraries(session: TrainingSession) -> Iterator[tuple[str, str]]:
    """Yield name and version of each package that computes beside torch and ourselves."""
    of_optimizer = type(session.optimizer.optimizer).__module__.partition(".")[0]
    for name in sorted({"diffusers", "transformers", of_optimizer} - {"torch", "trainer"}):
        module = sys.modules.get(name)
        if module is not None:
            yield name, str(getattr(module, "__version__", "of unknown version"))


def optimizer_state(session: TrainingSession) -> OptimizerState:
    """Return what the session's optimizer keeps."""
    inner = session.optimizer.optimizer
    return pack_optimizer(inner, session.trained_parts.groups, named_weights(session.network))


def pack(
    session: TrainingSession,
    optimizer: OptimizerState,
    readings: Mapping[str, Tensor],
    validation: Mapping[str, Tensor],
    manifest: bytes,
) -> dict[str, Tensor]:
    """Return copies on the CPU of every tensor a state holds; waits for the card.

    Args:
        session: its network as it stands.
        optimizer: from optimizer_state.
        readings, validation: tensors these parts keep.
        manifest: of what the bake stands on.
    """
    tensors: dict[str, Tensor] = {_LORA + name: weight for name, weight in named_weights(session.network).items()}
    tensors |= optimizer.tensors
    tensors[f"{_RNG}cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors[f"{_RNG}cuda"] = torch.cuda.get_rng_state(session.model.device)
    tensors |= {_READINGS + name: value for name, value in readings.items()}
    tensors |= {_VALIDATION + name: value for name, value in validation.items()}
    tensors[MANIFEST_TENSOR] = torch.frombuffer(bytearray(manifest), dtype=torch.uint8)
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}


def unpack(state: State, session: TrainingSession, where: str) -> None:
    """Put weights, moments, random numbers and scaler back in place.

    A part that is no longer trained keeps its weights and loses its moments; one newly trained starts without any.

    Raises:
        ModelError: the state is of another network.
    """
    weights = named_weights(session.network)
    kept = {key.removeprefix(_LORA): value for key, value in state.tensors.items() if key.startswith(_LORA)}
    _check_same(kept, weights, where)
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(kept[name])
    # Stopped parts too: after a roll back to before the stop they train again.
    trained = {weight for group in session.trained_parts.groups for weight in group["params"]}
    inner = session.optimizer.optimizer
    unpack_optimizer(_kept_by_optimizer(state, session), inner, session.trained_parts.groups, weights, trained)
    torch.set_rng_state(state.tensors[f"{_RNG}cpu"])
    if f"{_RNG}cuda" in state.tensors and session.model.device.type == "cuda":
        torch.cuda.set_rng_state(state.tensors[f"{_RNG}cuda"], session.model.device)
    if state.facts.scaler and session.accelerator.scaler is not None:
        session.accelerator.scaler.load_state_dict(state.facts.scaler)
    if session.ranks is not None:
        session.ranks.put_back(state.facts, _of_a_step(state))


def _of_a_step(state: State) -> dict[str, Tensor]:
    """Return what the steps to come depend on: what another process needs to take them too."""
    return {
        name: tensor
        for name, tensor in state.tensors.items()
        if name != MANIFEST_TENSOR and not name.startswith((_READINGS, _VALIDATION))
    }


def write_state(state: State, path: Path) -> None:
    """Write the state to `path`, completely or not at all.

    Raises:
        OSError: it cannot be written; an existing file stays as it was.
    """
    header = state_header_json(state.facts)
    with atomic_path(path, private=True) as beside:
        write_tensors(beside, state.tensors, {HEADER_KEY: header, _DIGEST_KEY: _digest(header, state.tensors)})


def state_of(session: TrainingSession) -> State:
    """Return all that a step changes, copied to the CPU, as of a bake before its first step; `unpack` puts it back."""
    scaler, kept = session.accelerator.scaler, optimizer_state(session)
    facts = StateHeader(
        format=STATE_FORMAT,
        step=0,
        epoch=0,
        ends_epoch=False,
        bake=0,
        name="",
        settings_toml="",
        changes=0,
        rate_scale=1.0,
        data="",
        scaler=scaler.state_dict() if scaler is not None else {},
        optimizer=kept.weights,
        groups=kept.groups,
        attributes=kept.attributes,
        shared=kept.shared,
        checkpoints=FilesSoFar(),
        verdict=None,
        environment=surroundings(session),
    )
    return State(pack(session, kept, {}, {}, b"{}"), facts)


def seconds_to_write_state(session: TrainingSession, folder: Path) -> float:
    """Return how long it takes to write a training state into `folder` and to read it back; 0 where it cannot be written now.

    Before the first step an optimizer keeps nothing yet: what is written is the LoRA, and the time is taken times the state's size.
    """
    path = folder / ".state-timing.safetensors"
    began = time.perf_counter()
    try:
        state = state_of(session)
        write_state(state, path)
        safetensors.torch.load_file(path)
    except (OSError, SafetensorError):
        return 0.0
    finally:
        path.unlink(missing_ok=True)
    taken = time.perf_counter() - began
    size = sum(tensor.nbytes for tensor in state.tensors.values())
    return taken * max(1.0, (session.plan.state_bytes or 0) / max(1, size))


def read_state(path: Path) -> State:
    """Return the state in `path`, every value of it checked.

    Raises:
        ModelError: it is not a complete state, is damaged, or is one of a newer lora-tui.
    """
    facts = read_state_header(path)
    try:
        state = State(safetensors.torch.load_file(path), facts)
    except (OSError, SafetensorError) as error:
        raise damaged_state(path, f"it cannot be read: {printable(str(error), 120)}") from error
    if fault := _fault_of(state, read_header(path).metadata):
        raise damaged_state(path, fault)
    return state


def _fault_of(state: State, metadata: Mapping[str, str]) -> str:
    """Return what is wrong with a state that was read, as a phrase; "" where nothing is."""
    facts, tensors = state.facts, state.tensors
    written = metadata.get(_DIGEST_KEY)
    # States of earlier versions have none; what would fail in use is found in them too.
    if written is not None and written != _digest(metadata[HEADER_KEY], tensors):
        return "its content is not what was written"
    if facts.scaler and facts.scaler.keys() != _SCALER_KEYS:
        return "scaler: other numbers than a gradient scaler has"
    wrong = next((name for name, fits in _FORMS.items() if not (name in tensors and fits(tensors[name]))), "")
    if wrong:
        return f"tensor {wrong} is missing or of another form"
    try:
        parse_settings(facts.settings_toml, "settings_toml")
        check_optimizer_state(
            _kept_as_written(state), [key.removeprefix(_LORA) for key in tensors if key.startswith(_LORA)]
        )
    except SettingsError as error:
        return error.line()
    except DamagedValue as error:
        return str(error)
    return ""


def _digest(header: str, tensors: Mapping[str, Tensor]) -> str:
    """Return a hash of everything in a state's file: 64 hex digits."""
    digest = hashlib.sha256(header.encode())
    for name in sorted(tensors):
        digest.update(f"\0{name} {tensors[name].dtype} {list(tensors[name].shape)}\0".encode())
        digest.update(bytes_of(tensors[name]))
    return digest.hexdigest()


def _kept_as_written(state: State) -> OptimizerState:
    facts = state.facts
    # The groups of format 1 are plain numbers.
    groups = {} if facts.format == 1 else facts.groups
    return OptimizerState(state.tensors, facts.optimizer, groups, facts.attributes, facts.shared)


def _kept_by_optimizer(state: State, session: TrainingSession) -> OptimizerState:
    kept, facts = _kept_as_written(state), state.facts
    if facts.format != 1:
        return kept
    inner, options = session.optimizer.optimizer, session.settings.optimizer_options
    return replace(kept, groups=groups_of_format_1(facts.groups, state.tensors, inner, options))


def _check_same(kept: Mapping[str, Tensor], weights: Mapping[str, nn.Parameter], where: str) -> None:
    if kept.keys() != weights.keys():
        strange = sorted(kept.keys() ^ weights.keys())
        raise ModelError(
            printable(where),
            found=f"a network that differs in {plural(len(strange), 'weight')}, {printable(strange[0], 80)} first",
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

"""Files of training states: their names, their headers, and which of them may be removed. No tensor is read here."""

import json
import logging
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from trainer.errors import LoraTuiError, ModelError
from trainer.formats.safetensors_header import read_header
from trainer.text import printable

STATE_FORMAT = 2

FOLDER = "state"
"""Inside the bake's folder."""

HEADER_KEY = "lora_tui_state"
"""Of the header in a file's metadata."""


@dataclass(frozen=True)
class Environment:
    """What must be equal for a resumed bake to give the same bits."""

    torch: str
    lora_tui: str
    python: str
    device: str
    threads: int
    precision: str

    def differences(self, now: "Environment") -> list[str]:
        """Return what has changed since, for example `torch 2.13.0 → 2.14.0`."""
        pairs = ((field.name, getattr(self, field.name), getattr(now, field.name)) for field in fields(self))
        return [f"{name} {before} → {after}" for name, before, after in pairs if before != after]


@dataclass(frozen=True)
class StateHeader:
    """The part of a state that is not tensors; kept as JSON in the file's header.

    Attributes:
        format: version of this class.
        step: optimizer steps done.
        epoch: last complete epoch done.
        ends_epoch: whether `step` is its last step.
        bake, name: the bake that wrote it.
        settings_toml: in force after `step`, including live changes.
        changes: how many of the journal's changes of live settings it includes.
        rate_scale: product of the roll backs' factors on the rates; 1 without one.
        data: sha256 of the manifest, to notice other data.
        scaler: the gradient scaler's numbers; empty if none is in use.
        optimizer: what the optimizer keeps of each weight beside that weight's own tensors, by weight and name; how the values of
            this and the next fields are written: trainer.bake.saving.packed_values.
        groups: what has changed of a group of weights, by `part/lr_multiplier` and name: `now`, and `was` before the first step.
            In format 1 the numbers alone, all of them.
        attributes: what has changed of the optimizer itself, by name. Format 1 did not have it.
        shared: [key, value] of what the optimizer keeps for no single weight. Format 1 did not have it.
        checkpoints, verdict: what these parts of the bake keep between steps.
        environment: for the promise of equal bits.
    """

    format: int
    step: int
    epoch: int
    ends_epoch: bool
    bake: int
    name: str
    settings_toml: str
    changes: int
    rate_scale: float
    data: str
    scaler: dict[str, Any]
    optimizer: dict[str, dict[str, Any]]
    checkpoints: dict[str, Any]
    verdict: dict[str, Any] | None
    environment: Environment
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    shared: list[Any] = field(default_factory=list)


def state_header_json(facts: StateHeader) -> str:
    """Return the header as JSON, as it is kept in the file."""
    return json.dumps(asdict(facts))


def read_state_header(path: Path) -> StateHeader:
    """Return the header of the state in `path` without reading its tensors.

    Raises:
        ModelError: it is not a complete state, or was written by a newer lora-tui.
    """
    text = read_header(path).metadata.get(HEADER_KEY)
    if text is None:
        raise ModelError(
            printable(str(path)), found="not a training state", expected="a file from a bake's state/ folder"
        )
    try:
        values = json.loads(text)
        if values["format"] > STATE_FORMAT:
            raise ModelError(
                printable(str(path)),
                found=f"state version {values['format']}; this lora-tui reads up to version {STATE_FORMAT}",
                way_out="it was written by a newer lora-tui: upgrade this one",
            )
        return StateHeader(**{**values, "environment": Environment(**values["environment"])})
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(
            printable(str(path)), found=f"a training state whose header cannot be read ({error})"
        ) from error


def states_to_remove(files: list[Path], keep: str, budget: float | None) -> list[Path]:
    """Return which of a bake's states to remove: never the newest.

    Args:
        files: by step.
        keep: setting keep_states: `last`, `epochs`, or how many.
        budget: setting state_budget, GB; the oldest are removed first.
    """
    older = files[:-1]
    match keep:
        case "last":
            go = older
        case "epochs":
            go = [path for path in older if not _ends_epoch(path)]
        case number:
            go = older[: max(0, len(files) - int(number))]
    if budget is not None:
        left = [path for path in files if path not in go]
        size = sum(path.stat().st_size for path in left)
        for path in left[:-1]:
            if size <= budget * 1e9:
                break
            size -= path.stat().st_size
            go = [*go, path]
    return go


def states_of(folder: Path) -> list[Path]:
    """Return the states in a bake's folder by step; empty if it has none."""
    return sorted(path for path in (folder / FOLDER).glob("step*.safetensors") if path.stem[4:].isdecimal())


def state_of_epoch(folder: Path, epoch: int | None) -> Path | None:
    """Return the state at the end of `epoch` (None: the newest) in a bake's folder, None if it was not kept."""
    files = states_of(folder)
    if epoch is None:
        return files[-1] if files else None
    return next((path for path in reversed(files) if _is_end_of(path, epoch)), None)


def file_name(step: int) -> str:
    """Return the name of the state after `step` steps."""
    return f"step{step:08d}.safetensors"


def step_of(path: Path) -> int:
    """Return the step in a state's file name."""
    return int(path.stem[4:])


def _is_end_of(path: Path, epoch: int) -> bool:
    try:
        facts = read_state_header(path)
    except LoraTuiError:
        return False
    return facts.ends_epoch and facts.epoch == epoch


def _ends_epoch(path: Path) -> bool:
    try:
        return read_state_header(path).ends_epoch
    except LoraTuiError as error:
        logging.getLogger(__name__).warning("%s", printable(error.line()))
        return False

"""Files of training states: their names, their headers, and which of them may be removed. No tensor is read here."""

import json
import logging
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, with_config

from trainer.errors import LoraTuiError, ModelError
from trainer.formats.safetensors_header import read_header
from trainer.journal.records import Count
from trainer.regular_file import open_regular
from trainer.text import printable
from trainer.typed_values import WrongValue, value_from_json

STATE_FORMAT = 3

FOLDER = "state"
"""Inside the bake's folder."""

HEADER_KEY = "lora_tui_state"
"""Of the header in a file's metadata."""

OLDER_STATE = (
    "use an older one: `lora-tui resume` does by itself, `lora-tui fork N --epoch M` starts from the state of epoch M"
)
"""The way out of a damaged state."""

MANIFEST_TENSOR = "data/manifest"
"""Of the manifest's bytes (see dataset.manifest) among a file's tensors. Formats 1 and 2 did not have it."""

_MAX_MANIFEST_BYTES = 256 * 2**20

# A name with a wrong letter would otherwise leave a default in its place, and the bake would go on from something else.
_ALL_KNOWN = with_config(ConfigDict(extra="forbid"))


@_ALL_KNOWN
@dataclass(frozen=True)
class Environment:
    """What must be equal for a resumed bake to give the same bits.

    Attributes:
        torch, lora_tui, python: versions.
        device: its kind and name.
        threads: that torch computes in.
        precision: of the arithmetic.
        libraries: others that compute, with their versions: diffusers, transformers, the optimizer's. Formats 1 and 2 did not have
            them.
    """

    torch: str
    lora_tui: str
    python: str
    device: str
    threads: int
    precision: str
    libraries: str = ""

    def differences(self, now: "Environment") -> list[str]:
        """Return what has changed since, for example `torch 2.13.0 → 2.14.0`."""
        pairs = ((field.name, getattr(self, field.name), getattr(now, field.name)) for field in fields(self))
        return [f"{name} {before} → {after}" for name, before, after in pairs if before not in ("", after)]


@_ALL_KNOWN
@dataclass(frozen=True)
class FilesSoFar:
    """What a bake had saved when a state was made.

    Attributes:
        saved: names of the LoRA files.
        last_step: steps in the last of them, 0 before the first.
        last_loss: mean loss noted with it, None without one.
    """

    saved: list[str] = field(default_factory=list)
    last_step: Count = 0
    last_loss: float | None = None


@_ALL_KNOWN
@dataclass(frozen=True)
class KeptVerdict:
    """The last validation before a state; see trainer.bake.validation.ValidationResult."""

    step: Count
    loss: float
    change: float
    error: float | None


@_ALL_KNOWN
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
        data: sha256 of the manifest's bytes, to notice that something it lists is another one.
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

    format: Annotated[int, Field(ge=1)]
    step: Count
    epoch: Count
    ends_epoch: bool
    bake: int
    name: str
    settings_toml: str
    changes: Count
    rate_scale: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    data: str
    scaler: dict[str, int | float]
    optimizer: dict[str, dict[str, Any]]
    checkpoints: FilesSoFar
    verdict: KeptVerdict | None
    environment: Environment
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    shared: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class _Version:
    """What is read first, as the rest may be of another form."""

    format: int


def state_header_json(facts: StateHeader) -> str:
    """Return the header as JSON, as it is kept in the file."""
    return json.dumps(asdict(facts))


def read_state_header(path: Path) -> StateHeader:
    """Return the header of the state in `path` without reading its tensors.

    Raises:
        ModelError: it is not a complete state, is damaged, or was written by a newer lora-tui.
    """
    try:
        text = read_header(path).metadata.get(HEADER_KEY)
    except ModelError as error:
        raise damaged_state(path, error.found) from None
    if text is None:
        raise ModelError(
            printable(str(path)), found="not a training state", expected="a file from a bake's state/ folder"
        )
    try:
        version = value_from_json(_Version, text).format
        if version > STATE_FORMAT:
            raise ModelError(
                printable(str(path)),
                found=f"state version {version}; this lora-tui reads up to version {STATE_FORMAT}",
                way_out="it was written by a newer lora-tui: upgrade this one",
            )
        header: StateHeader = value_from_json(StateHeader, text)
    except WrongValue as fault:
        raise damaged_state(path, str(fault)) from None
    return header


def damaged_state(path: Path, fault: str) -> ModelError:
    """Return the error for a training state that is not as it was written."""
    return ModelError(printable(str(path)), found=f"a damaged training state ({fault})", way_out=OLDER_STATE)


def read_state_manifest(path: Path) -> bytes | None:
    """Return the manifest of what the state in `path` stands on, None where it keeps none; no other tensor is read.

    Raises:
        ModelError: the file cannot be read or is not complete.
    """
    header = read_header(path)
    begin, end = header.spans.get(MANIFEST_TENSOR, (0, 0))
    if not 0 < end - begin <= _MAX_MANIFEST_BYTES:
        return None
    try:
        with open_regular(path) as file:
            file.seek(8 + header.length + begin)
            return file.read(end - begin)
    except OSError as error:
        raise ModelError(printable(str(path)), found=f"cannot be read ({error.strerror})") from error


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

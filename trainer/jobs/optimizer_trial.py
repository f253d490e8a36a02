"""The trial of an optimizer named by its path, for plans and queues: in a process of its own, once for each class. Free of torch.

A bake repeats it on the device it computes on. The process sees no GPU, so that what only fails there for want of one is left to
the bake.
"""

import contextlib
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from trainer.atomic_file import write_atomically
from trainer.errors import SettingsError
from trainer.families.registry import family_record
from trainer.machine.devices import card_device
from trainer.machine.python_child import ChildEnded, PythonChild
from trainer.models.identify import Base, weight_shapes
from trainer.optimizers import Shape, spec_of
from trainer.plan.lr_schedules import warmup_of
from trainer.plan.optimizer_bytes import MeasuredState
from trainer.plan.optimizer_installed import check_optimizer_installed, distributions
from trainer.plan.param_groups import param_groups
from trainer.private_files import make_private_folder
from trainer.settings.model import Settings
from trainer.settings.toml_file import settings_toml
from trainer.typed_values import WrongValue, read_json
from trainer.workspace import cache_home

CACHE = "optimizers.json"
"""File of known answers in the user's cache folder."""

# Raised with every change of what is tried.
_VERSION = 2
_MAX_ANSWERS = 200
_MAX_BYTES = 2**20
# A class that takes longer over its first steps is left to the bake.
_MAX_SECONDS = 100.0
_known: dict[str, dict[str, Any]] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class TrialRequest:
    """A question to the process that tries optimizers.

    Attributes:
        settings: name the optimizer.
        family: the base's architecture.
        shapes: of all weights that train.
    """

    settings: Settings
    family: str
    shapes: tuple[Shape, ...]

    @property
    def key(self) -> str:
        """The same text for the same answer. Rates are left out: what works at one works at another."""
        settings = self.settings
        package = settings.optimizer_type.partition(".")[0]
        groups = param_groups(settings, self.family)
        facts = [
            _VERSION,
            _versions(package, "torch", "lora-tui"),
            settings.optimizer_type,
            settings.optimizer_args,
            [(group.part, group.which, bool(warmup_of(settings, group.part, 1000))) for group in groups],
            settings.scale_weight_norms is not None,
            sorted(set(zip(self.shapes[::2], self.shapes[1::2], strict=True))),
            bool(card_device()),
        ]
        return sha256(json.dumps(facts, default=str).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Return the question as plain values."""
        return {
            "settings": settings_toml(self.settings),
            "family": self.family,
            "family_module": family_record(self.family).module,
            "shapes": self.shapes,
        }


def try_optimizer_of(settings: Settings, base: Base) -> MeasuredState | None:
    """Try an optimizer named by its path; of one known by a short name nothing is asked. Takes seconds for a class not tried before.

    Returns:
        What it keeps of each weight; None for a short name, and where the trial came to no answer.

    Raises:
        SettingsError: the reason why no bake can use it.
    """
    if spec_of(settings.optimizer_type) is not None:
        return None
    check_optimizer_installed(settings)
    request = _request(settings, base)
    with _lock:
        answer = _answer(request)
    if "found" in answer:
        where = "optimizer_type" if not settings.optimizer_args else "optimizer_type, optimizer_args"
        raise SettingsError(
            answer.get("where", where),
            found=answer["found"],
            expected=answer.get("expected", ""),
            way_out=answer.get("way_out", ""),
        )
    return _state_in(answer)


def known_state(settings: Settings, base: Base) -> MeasuredState | None:
    """Return what an optimizer named by its path keeps of each weight; None for a short name, and for a class not tried before."""
    if spec_of(settings.optimizer_type) is not None:
        return None
    key = _request(settings, base).key
    return _state_in(_known[key] if key in _known else _read(cache_home() / CACHE).get(key, {}))


def _request(settings: Settings, base: Base) -> TrialRequest:
    return TrialRequest(settings, base.family, tuple(weight_shapes(base, settings)))


def _state_in(answer: dict[str, Any]) -> MeasuredState | None:
    try:
        return MeasuredState.from_json(answer["kept"])
    except (KeyError, TypeError, ValueError):
        return None


def _answer(request: TrialRequest) -> dict[str, Any]:
    """Return the error's fields; nothing where there is none, or none is known."""
    key, cache = request.key, cache_home() / CACHE
    if key not in _known:
        stored = _read(cache)
        if key in stored:
            _known[key] = stored[key]
        else:
            asked = _ask(request)
            _known[key] = asked or {}
            if asked is not None:
                _store(cache, stored | {key: asked})
    return _known[key]


def _ask(request: TrialRequest) -> dict[str, Any] | None:
    """Return the answer of a new process, None where it has none."""
    answer: dict[str, Any] | None
    try:
        with contextlib.closing(PythonChild("trainer.bake.optimizer_trial_worker")) as child:
            child.ask(request.to_json())
            answer = child.answer(_MAX_SECONDS)
    except (OSError, ChildEnded):
        return None
    if answer is None or answer.pop("unknown", False):
        return None
    return {} if answer.pop("only_here", False) and card_device() else answer


def _versions(*packages: str) -> list[str]:
    found = []
    for package in packages:
        for name in distributions().get(package, [package]):
            with contextlib.suppress(PackageNotFoundError):
                found.append(f"{name} {version(name)}")
    return found


def _read(cache: Path) -> dict[str, dict[str, str]]:
    try:
        answers: dict[str, dict[str, str]] = read_json(cache, dict[str, dict[str, str]], _MAX_BYTES)
    except (OSError, WrongValue):
        return {}
    return answers


def _store(cache: Path, answers: dict[str, dict[str, Any]]) -> None:
    newest: Sequence[str] = list(answers)[-_MAX_ANSWERS:]
    # Without the file the same class is tried again some day.
    with contextlib.suppress(OSError):
        make_private_folder(cache.parent)
        write_atomically(cache, json.dumps({key: answers[key] for key in newest}).encode())

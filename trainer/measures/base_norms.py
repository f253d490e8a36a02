"""Norms of a base's weights, ‖W‖ of each module that a LoRA may sit on, computed once per content and kept in the workspace."""

import contextlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.atomic_file import write_atomically
from trainer.formats.safetensors_arrays import TensorArrays
from trainer.formats.safetensors_header import read_header
from trainer.models.identify import Base
from trainer.models.model_content import content_of_model
from trainer.models.weight_slice import PlacedWeight
from trainer.private_files import make_private_folder
from trainer.typed_values import WrongValue, read_json

FOLDER = Path("cache")
"""The folder of a workspace that keeps them, a file `norms-….json` for each base."""

# Raised when modules are named otherwise: what another version kept is computed again.
_VERSION = 1
_MAX_BYTES = 4 * 2**20
_AT_ONCE = 8192


@dataclass(frozen=True)
class _KeptNorms:
    version: int
    content: str
    norms: dict[str, float]


def base_norms(
    base: Base, cache: Path | None, content: str = "", stop: Callable[[], bool] = lambda: False
) -> Mapping[str, float] | None:
    """Return kohya's name of each module -> Frobenius norm of its weight; None when asked to stop.

    Reads all these weights the first time, a second or two of the processor's time per GB in fp16, and needs a few MB for it.

    Args:
        base: its `weights` say what there is; nothing is read of a base without any.
        cache: folder where the norms are kept; None to keep none.
        content: sha256 of the base's content where that is known.
        stop: asked from time to time whether to give up.

    Raises:
        ModelError: the base cannot be read.
    """
    if not base.weights:
        return {}
    if cache is None:
        return _computed(base.weights, stop)
    if not content:
        found = content_of_model(base.path, stop)
        if found is None:
            return None
        content = found.sha256
    path = cache / f"norms-{content[:16]}.json"
    norms = _kept(path, content)
    if norms is None or not norms.keys() >= base.weights.keys():
        norms = _computed(base.weights, stop)
        if norms is not None:
            _keep(path, _KeptNorms(_VERSION, content, norms))
    return norms


def _computed(weights: Mapping[str, PlacedWeight], stop: Callable[[], bool]) -> dict[str, float] | None:
    norms: dict[str, float] = {}
    for path in dict.fromkeys(placed.path for placed in weights.values()):
        inside = [(name, placed.piece) for name, placed in weights.items() if placed.path == path]
        with TensorArrays(path, read_header(path)) as arrays:
            for name, piece in sorted(inside, key=lambda pair: arrays.row_start(pair[1].key, pair[1].first_row)):
                squares = 0.0
                for numbers in arrays.pieces(piece.key, piece.first_row, piece.numbers):
                    if stop():
                        return None
                    squares += _squared_length(numbers)
                norms[name] = math.sqrt(squares)
    return norms


def _squared_length(numbers: NDArray[Any]) -> float:
    wide = numbers if numbers.dtype in (np.float32, np.float64) else numbers.astype(np.float32)
    # Few enough at once that fp32 keeps seven digits of the sum.
    blocks = (wide[first : first + _AT_ONCE] for first in range(0, len(wide), _AT_ONCE))
    return sum(float(np.dot(block, block)) for block in blocks)


def _kept(path: Path, content: str) -> dict[str, float] | None:
    try:
        kept: _KeptNorms = read_json(path, _KeptNorms, _MAX_BYTES)
    except (OSError, WrongValue):
        return None
    sound = kept.version == _VERSION and kept.content == content
    return kept.norms if sound and all(math.isfinite(norm) and norm >= 0 for norm in kept.norms.values()) else None


def _keep(path: Path, kept: _KeptNorms) -> None:
    # Without a cache they are computed again next time, and nothing else happens.
    with contextlib.suppress(OSError):
        make_private_folder(path.parent)
        write_atomically(path, json.dumps(vars(kept)).encode())

"""Files of this workspace that an infotext names by name and hash."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import GridError, LoraTuiError
from trainer.exchange.webui_hash import LENGTH, webui_hash
from trainer.grid.model_files import ModelFiles
from trainer.journal.journal import Journal
from trainer.models.file_hashes import hashes_of
from trainer.prompts.lora_tags import tag_name
from trainer.settings.subject import DEMO_BASE
from trainer.settings.toml_text import parse_toml, read_text
from trainer.workspace import JOURNAL_NAME

BASE, VAE = "pretrained_model_name_or_path", "vae"
"""Settings that name a model."""

_EXTENSIONS = (".safetensors", ".ckpt", ".pt")
# The webui's hash of before 2023 is the short one; later ones are the first digits of the sha256.
_OLD_HASH_DIGITS = 8


@dataclass(frozen=True)
class KnownModel:
    """A model or LoRA of this workspace.

    Attributes:
        name: as in a spec: an absolute path, or `demo`.
        same_hash: whether its hash is the requested one; None where none was requested or it has none.
    """

    name: str
    same_hash: bool | None


def find_model(model_files: ModelFiles, setting: str, name: str, digits: str) -> KnownModel | None:
    """Return the base or VAE that is meant: one of that name, else one of that hash; None where this workspace knows neither.

    Known are those named in its settings, subjects and bakes, and files beside them in their folders.

    Args:
        model_files: the workspace's files.
        setting: BASE or VAE.
        name: the model's name, with or without its file's extension.
        digits: the first digits of its hash; "" for none.
    """
    stem = _stem(name.rpartition("/")[2])
    if setting == BASE and stem == DEMO_BASE:
        return KnownModel(DEMO_BASE, None)
    known = [Path(text) for text in dict.fromkeys(_named(model_files, setting)) if text != DEMO_BASE]
    beside = (folder / f"{stem}.safetensors" for folder in dict.fromkeys(path.parent for path in known))
    of_name = [path for path in (*known, *beside) if _stem(path.name) == stem and os.path.exists(path)]
    found = [KnownModel(str(path), _same_hash(path, digits)) for path in of_name]
    if not found and digits:
        found = [KnownModel(str(path), True) for path in known if _same_hash(path, digits)]
    return min(found, key=lambda each: each.same_hash is not True, default=None)


def find_lora(model_files: ModelFiles, name: str, digits: str) -> KnownModel | None:
    """Return the LoRA that is meant: one of that hash, else one of that name; None where neither exists.

    Args:
        model_files: the workspace's files.
        name: as in a tag.
        digits: the first digits of its hash; "" for none.
    """
    files = sorted(model_files.root.glob("bakes/*/[!.]*.safetensors"), reverse=True)
    files.sort(key=lambda path: tag_name(path.stem) != tag_name(name))
    if len(digits) >= _OLD_HASH_DIGITS:
        for path in files:
            if webui_hash(path).startswith(digits[:LENGTH]):
                return KnownModel(str(path), True)
    # A name from outside may be too long for a file system.
    with contextlib.suppress(GridError, OSError):
        return _lora(model_files.lora(name), digits)
    of_name = [path for path in files if tag_name(path.stem) == tag_name(name)]
    return _lora(of_name[0], digits) if of_name else None


def _lora(path: Path, digits: str) -> KnownModel:
    known = webui_hash(path)
    # additional-networks wrote eight digits of another hash at first.
    comparable = known and len(digits) > _OLD_HASH_DIGITS
    return KnownModel(str(path), known.startswith(digits[:LENGTH]) if comparable else None)


def _stem(name: str) -> str:
    for ending in _EXTENSIONS:
        name = name.removesuffix(ending)
    return name


def _same_hash(path: Path, digits: str) -> bool | None:
    hashes = hashes_of(path) if digits and path.is_file() else None
    if hashes is None:
        return None
    return hashes.legacy == digits if len(digits) == _OLD_HASH_DIGITS else hashes.sha256.startswith(digits)


def _named(model_files: ModelFiles, setting: str) -> Iterator[str]:
    """Yield the setting's values in the workspace's settings, subjects and bakes; unreadable files are skipped."""
    texts = [*sorted(model_files.root.glob("*.toml")), *sorted(model_files.root.glob("subjects/*.toml"))]
    for path in texts:
        with contextlib.suppress(LoraTuiError):
            yield from _values(model_files, parse_toml(read_text(path), path.name), setting)
    journal_path = model_files.root / JOURNAL_NAME
    if not journal_path.is_file():
        return
    with Journal(journal_path) as journal:
        of_bakes = dict.fromkeys(bake.settings_toml for bake in journal.bakes.latest())
    for text in of_bakes:
        with contextlib.suppress(LoraTuiError):
            yield from _values(model_files, parse_toml(text, "settings"), setting)


def _values(model_files: ModelFiles, table: Mapping[str, object], setting: str) -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _values(model_files, value, setting)
        elif key == setting and isinstance(value, str) and value.strip():
            yield value if value == DEMO_BASE else str(model_files.path(value))

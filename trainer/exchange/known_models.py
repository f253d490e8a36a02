"""Which file of this workspace does an infotext mean by a name and a hash?"""

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

_ENDINGS = (".safetensors", ".ckpt", ".pt")
# The webui's hash of before 2023 is the short one; later ones are the first digits of the sha256.
_LEGACY_DIGITS = 8


@dataclass(frozen=True)
class KnownModel:
    """A model or LoRA of this workspace.

    Attributes:
        name: as it stands in a spec: an absolute path, or `demo`.
        same: whether its hash is the one asked for; None where none was asked for or it has none.
    """

    name: str
    same: bool | None


def find_model(model_files: ModelFiles, setting: str, name: str, digits: str) -> KnownModel | None:
    """Return the base or VAE that is meant: one of that name, else one of that hash; None where this workspace knows none.

    Known are those that its settings, subjects and bakes name, and what lies beside them in their folders.

    Args:
        model_files: the workspace's files.
        setting: BASE or VAE.
        name: the model's name, with or without its file's ending.
        digits: the first digits of its hash; "" for none.
    """
    stem = _stem(name.rpartition("/")[2])
    if setting == BASE and stem == DEMO_BASE:
        return KnownModel(DEMO_BASE, None)
    known = [Path(text) for text in dict.fromkeys(_named(model_files, setting)) if text != DEMO_BASE]
    beside = (folder / f"{stem}.safetensors" for folder in dict.fromkeys(path.parent for path in known))
    of_name = [path for path in (*known, *beside) if _stem(path.name) == stem and os.path.exists(path)]
    found = [KnownModel(str(path), _same(path, digits)) for path in of_name]
    if not found and digits:
        found = [KnownModel(str(path), True) for path in known if _same(path, digits)]
    return min(found, key=lambda each: each.same is not True, default=None)


def find_lora(model_files: ModelFiles, name: str, digits: str) -> KnownModel | None:
    """Return the LoRA that is meant: one of that hash, else one of that name; None where there is neither.

    Args:
        model_files: the workspace's files.
        name: as in a tag.
        digits: the first digits of its hash; "" for none.
    """
    files = sorted(model_files.root.glob("bakes/*/[!.]*.safetensors"), reverse=True)
    files.sort(key=lambda path: tag_name(path.stem) != tag_name(name))
    if len(digits) >= _LEGACY_DIGITS:
        for path in files:
            if webui_hash(path).startswith(digits[:LENGTH]):
                return KnownModel(str(path), True)
    # A foreign name may be longer than any file's.
    with contextlib.suppress(GridError, OSError):
        return _lora(model_files.lora(name), digits)
    of_name = [path for path in files if tag_name(path.stem) == tag_name(name)]
    return _lora(of_name[0], digits) if of_name else None


def _lora(path: Path, digits: str) -> KnownModel:
    known = webui_hash(path)
    # additional-networks wrote eight digits of another hash at first.
    comparable = known and len(digits) > _LEGACY_DIGITS
    return KnownModel(str(path), known.startswith(digits[:LENGTH]) if comparable else None)


def _stem(name: str) -> str:
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return name


def _same(path: Path, digits: str) -> bool | None:
    hashes = hashes_of(path) if digits and path.is_file() else None
    if hashes is None:
        return None
    return hashes.legacy == digits if len(digits) == _LEGACY_DIGITS else hashes.sha256.startswith(digits)


def _named(model_files: ModelFiles, setting: str) -> Iterator[str]:
    """Yield what the setting is in the workspace's settings, subjects and bakes; a file that cannot be read names nothing."""
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

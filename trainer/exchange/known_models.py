"""Files of this workspace that an infotext names by name and hash."""

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import GridError, LoraTuiError
from trainer.exchange.webui_hash import LENGTH, webui_hash
from trainer.grid.model_files import ModelFiles
from trainer.grid.spec import parse_spec
from trainer.journal.journal import Journal
from trainer.models.adapter_config import lora_name
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


def find_model(
    model_files: ModelFiles, setting: str, name: str, digits: str, named: Sequence[Path] = ()
) -> KnownModel | None:
    """Return the base or VAE that is meant: one of that name, else one of that hash; None where this workspace knows neither.

    Known are those named in its settings, subjects and bakes, and files beside them in their folders.

    Args:
        model_files: the workspace's files.
        setting: BASE or VAE.
        name: the model's name, with or without its file's extension.
        digits: the first digits of its hash; "" for none.
        named: further files that are known.
    """
    stem = _stem(name.rpartition("/")[2])
    if setting == BASE and stem == DEMO_BASE:
        return KnownModel(DEMO_BASE, None)
    texts = (*(str(path) for path in named), *_named(model_files, setting))
    known = [Path(text) for text in dict.fromkeys(texts) if text != DEMO_BASE]
    beside = (folder / f"{stem}.safetensors" for folder in dict.fromkeys(path.parent for path in known))
    of_name = [path for path in (*known, *beside) if _stem(path.name) == stem and os.path.exists(path)]
    found = [KnownModel(str(path), _same_hash(path, digits)) for path in of_name]
    if not found and _letters(stem):
        titled = (path for path in (*known, *_files_in(path.parent for path in known)) if os.path.exists(path))
        of_title = [path for path in titled if _letters(_stem(path.name)) == _letters(stem)]
        found = [KnownModel(str(path), _same_hash(path, digits)) for path in of_title]
    if not found and digits:
        found = [KnownModel(str(path), True) for path in known if _same_hash(path, digits)]
    return min(found, key=lambda each: each.same_hash is not True, default=None)


def find_named(model_files: ModelFiles, setting: str, stem: str) -> str:
    """Return the file of that stem that a setting of this workspace names; "" for none."""
    known = _named(model_files, setting)
    return next((text for text in known if Path(text).stem == stem and os.path.exists(text)), "")


def find_lora(model_files: ModelFiles, name: str, digits: str, named: Sequence[Path] = ()) -> KnownModel | None:
    """Return the LoRA that is meant: one of that hash, else one of that name; None where neither exists.

    Known are those of the bakes and those that grids of the workspace were made with; by their names also files beside these.

    Args:
        model_files: the workspace's files.
        name: as in a tag, or a title: of a file whose name has the same letters and digits.
        digits: the first digits of its hash; "" for none.
        named: further files that are known, before all others.
    """
    files = [path for path in named if os.path.isfile(path)]
    files += sorted(model_files.root.glob("bakes/*/[!.]*.safetensors"), reverse=True)
    of_grids = _of_grids(model_files)
    files = list(dict.fromkeys((*files, *of_grids)))
    files.sort(key=lambda path: tag_name(lora_name(path)) != tag_name(name))
    if len(digits) >= _OLD_HASH_DIGITS:
        for path in files:
            if webui_hash(path).startswith(digits[:LENGTH]):
                return KnownModel(str(path), True)
    of_name = [path for path in named if tag_name(lora_name(path)) == tag_name(name) and os.path.isfile(path)]
    if of_name:
        return _lora(of_name[0], digits)
    # A name from outside may be too long for a file system.
    with contextlib.suppress(GridError, OSError):
        return _lora(model_files.lora(name), digits)
    same: tuple[Callable[[Path], bool], ...] = (
        lambda path: tag_name(lora_name(path)) == tag_name(name),
        lambda path: _letters(lora_name(path)) == _letters(name) != "",
    )
    files += _files_in(path.parent for path in of_grids if model_files.root / "bakes" not in path.parents)
    of_name = [path for is_same in same for path in files if is_same(path)]
    return _lora(of_name[0], digits) if of_name else None


def _lora(path: Path, digits: str) -> KnownModel:
    known = webui_hash(path)
    # additional-networks wrote eight digits of another hash at first.
    if not known or len(digits) <= _OLD_HASH_DIGITS:
        return KnownModel(str(path), None)
    # Civitai and Fooocus write the first digits of the whole file's sha256.
    return KnownModel(str(path), known.startswith(digits[:LENGTH]) or _same_hash(path, digits) is True)


def _of_grids(model_files: ModelFiles) -> list[Path]:
    """Return the LoRAs that grids of the workspace were made with, the newest grid's first."""
    journal_path = model_files.root / JOURNAL_NAME
    if not journal_path.is_file():
        return []
    texts: dict[str, None] = {}
    with Journal(journal_path) as journal:
        for grid in journal.grids.latest():
            with contextlib.suppress(GridError):
                spec = parse_spec(grid.spec, f"grid {grid.number}")
                texts |= dict.fromkeys(spec.files())
    return [path for text in texts if os.path.isfile(path := model_files.path(text))]


def _files_in(folders: Iterable[Path]) -> list[Path]:
    """Return the safetensors files in some folders."""
    found: list[Path] = []
    for folder in dict.fromkeys(folders):
        with contextlib.suppress(OSError):
            found += sorted(folder.glob("[!.]*.safetensors"))
    return found


def _letters(name: str) -> str:
    """Return a name's letters and digits alone, in lower case: what a title and its file have in common."""
    return re.sub(r"[\W_]+", "", name).casefold()


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

"""Model files that a grid names: found by path or name, checked against the base, hashed. Free of torch."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

from trainer.errors import GridError, ModelError
from trainer.file_mark import FileMark, mark_of
from trainer.models.adapter_config import lora_file
from trainer.models.identify import Base, LoraShape, identify_base, model_place, refuse_pickle
from trainer.models.kohya_names import ModuleNames
from trainer.models.lora_fit import check_lora
from trainer.models.lora_header import LoraHeader, read_lora_header
from trainer.models.model_content import content_of_model
from trainer.models.start_weights import LORA_WANTED, refuse_folder
from trainer.settings.subject import DEMO_BASE
from trainer.text import printable
from trainer.workspace_paths import workspace_paths

_ENDING = ".safetensors"
# additional-networks writes the first digits of a hash after a name: `hifumi-000003(1a2b3c4d5e6f)`.
_WITH_HASH = re.compile(r"(.+)\([0-9a-fA-F]{8,64}\)")
_MAX_SUGGESTIONS = 3
_MAX_SHOWN = 300
# A diffusers folder has its components in folders of their own, and nothing deeper.
_COMPONENT_FILES = ("*", "*/*")

Stamp = tuple[FileMark, ...]
"""Marks of a file, or of a folder's files."""


# Which LoRA was last found to fit which base, so that a grid of many epochs is checked once and not at every key typed.
_fitting: dict[tuple[Path, Stamp], Mapping[str, LoraShape]] = {}
_MAX_FITTING = 1024


class ModelFiles:
    """The files that a grid may name. A name too long for the file system, or with a zero in it, is one of no file.

    Args:
        root: the workspace; relative paths count from it, its bakes' LoRAs are known by name.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.abspath(root))
        self._paths = workspace_paths(self.root)

    def path(self, text: str) -> Path:
        """Return the absolute path that `text` means; it need not exist."""
        return Path(self._paths.found(os.path.expanduser(text.strip())))

    def base_name(self, text: str) -> str:
        """Return a base as identify_base takes it: `demo`, or an absolute path.

        Raises:
            GridError: it is blank.
        """
        if not text.strip():
            raise GridError("base", found="blank", expected="a .safetensors file, a diffusers folder, or `demo`")
        return DEMO_BASE if text.strip() == DEMO_BASE else str(self.path(text))

    def lora(self, name: str, known: Iterable[Path] = ()) -> Path:
        """Return the LoRA file that `name` means.

        Args:
            name: a path, or a file's name with or without its extension, also with its bake's folder before it:
                `0042-hifumi/hifumi-000003`.
            known: files that come before those of the bakes, such as the spec's own.

        Raises:
            GridError: no file matches, or several bakes have one of that name; suggests the nearest.
        """
        text = name.strip()
        if found := self._by_path(text) or self._by_name(text, known):
            return found
        if (match := _WITH_HASH.fullmatch(text)) and (found := self._by_name(match[1], known)):
            return found
        names = dict.fromkeys((*(path.stem for path in known), *_stems(self._bakes())))
        near = get_close_matches(_stem(text), names, n=_MAX_SUGGESTIONS, cutoff=0.5)
        raise GridError(
            "LoRA",
            found=f"no file `{printable(text, 120)}`" if text else "blank",
            expected="a path, or the name of a LoRA of this workspace",
            way_out=f"did you mean {', '.join(printable(each, 80) for each in near)}?" if near else "",
        )

    def check_lora(self, path: Path, base: Base) -> LoraHeader:
        """Check that a LoRA file exists and was made for `base`, and return its header.

        Raises:
            ModelError: it is missing, a pickle, not a LoRA, or for another architecture; says which.
        """
        stamp = _stamp(path)
        header = _header(path, stamp)
        if _fitting.get((path, stamp)) is base.lora_shapes:
            return header
        names = ModuleNames(base.family, base.lora_shapes)
        modules = {names.own(name): module for name, module in header.modules.items()}
        check_lora(path, modules, base, printable(base.name, 60))
        if len(_fitting) >= _MAX_FITTING:
            _fitting.clear()
        _fitting[path, stamp] = base.lora_shapes
        return header

    def header(self, path: Path) -> LoraHeader:
        """Return the header of a LoRA file; cached until the file changes.

        Raises:
            ModelError: it is missing, a pickle, or not a LoRA.
        """
        return _header(path, _stamp(path))

    def base(self, name: str, base_of: Callable[[str], Base] = identify_base) -> Base:
        """Return the base that `name` means, recognised by `base_of`; cached until its files change.

        Args:
            name: as from base_name.
            base_of: recognises it.

        Raises:
            ModelError: as identify_base.
        """
        return _base(base_of, name, () if name == DEMO_BASE else _stamp(Path(name)))

    def hash_of(self, path: Path) -> str:
        """Return the sha256 of a file, or of the files that are read of a folder: their names and hashes; 64 hex digits.

        Args:
            path: absolute; `demo` is the base that is included.

        Raises:
            ModelError: it does not exist, or is a folder without weights.
        """
        content = content_of_model(model_place(str(path)))
        # It was not asked to stop.
        assert content is not None
        return content.sha256

    def _by_path(self, text: str) -> Path | None:
        for written in (text, text + _ENDING):
            path = lora_file(self.path(written)) if text else self.root
            if os.path.isfile(path):
                return path
        return None

    def _by_name(self, text: str, known: Iterable[Path]) -> Path | None:
        stem = _stem(text)
        if "/" in text:
            folder, _, stem = text.removesuffix(_ENDING).rpartition("/")
            path = self._bakes() / folder / f"{stem}{_ENDING}"
            return path if "/" not in folder and os.path.isfile(path) else None
        found = list(dict.fromkeys(path for path in known if path.stem == stem))
        if not found:
            found = [self._bakes() / folder / f"{stem}{_ENDING}" for folder in _stems(self._bakes()).get(stem, ())]
        if len(found) > 1:
            raise GridError(
                "LoRA",
                found=f"{len(found)} files are named `{printable(stem, 80)}`",
                way_out=f"use {printable(f'{found[-1].parent.name}/{stem}', 120)} for the newest bake's",
            )
        return found[0] if found else None

    def _bakes(self) -> Path:
        return self.root / "bakes"


def _shown(path: Path) -> str:
    """Return a path for an error; one that no file can have may be of any length."""
    return printable(str(path), _MAX_SHOWN)


def _stem(text: str) -> str:
    return Path(text).name.removesuffix(_ENDING)


def _stems(bakes: Path) -> dict[str, tuple[str, ...]]:
    """Return name -> folders of the LoRAs in the bakes' folders, oldest first."""
    found: dict[str, tuple[str, ...]] = {}
    try:
        folders = sorted(entry.name for entry in os.scandir(bakes) if entry.is_dir())
    except OSError:
        return found
    for folder in folders:
        try:
            changed = os.stat(bakes / folder).st_mtime_ns
        except OSError:
            continue
        for stem in _stems_in(bakes / folder, changed):
            found[stem] = (*found.get(stem, ()), folder)
    return found


@lru_cache(maxsize=4096)
def _stems_in(folder: Path, changed: int) -> tuple[str, ...]:
    """Return the names of the LoRAs in a bake's folder; `changed` is its modification time, so that a new file is found."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith(_ENDING))
    except OSError:
        return ()
    # A name that starts with a dot is still being written.
    return tuple(name.removesuffix(_ENDING) for name in names if not name.startswith("."))


def _stamp(path: Path) -> Stamp:
    """Return the fingerprint of a file or diffusers folder; empty where nothing exists."""
    # While a path is being typed it may name a folder of any size: only a model's is listed.
    inside = _COMPONENT_FILES if os.path.isfile(path / "model_index.json") else ()
    files = [path, *sorted(file for pattern in inside for file in path.glob(pattern))]
    stamps = []
    for file in files:
        try:
            stamps.append(mark_of(file))
        except (OSError, ValueError):
            continue
    return tuple(stamps)


@lru_cache(maxsize=32)
def _base(base_of: Callable[[str], Base], name: str, stamp: Stamp) -> Base:
    return base_of(name)


@lru_cache(maxsize=512)
def _header(path: Path, stamp: Stamp) -> LoraHeader:
    if os.path.isdir(path):
        refuse_folder(path)
        path = lora_file(path)
    if not os.path.isfile(path):
        raise ModelError(_shown(path), found="no such file", expected=LORA_WANTED)
    refuse_pickle(path, LORA_WANTED)
    return read_lora_header(path)

"""Contents of model files and folders: the sha256 of all that a bake or grid reads of them. Free of torch."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trainer.errors import ModelError
from trainer.families.registry import FAMILIES
from trainer.file_mark import FileMark, mark_of
from trainer.models.adapter_config import config_beside
from trainer.models.diffusers_folder import weights_files
from trainer.models.file_hashes import FileHashes, hashes_of
from trainer.text import printable

_WEIGHTS = ".safetensors"
# Configs, vocabularies, merges, sentencepiece models. Licences, previews and pickles decide nothing.
_OTHERS = {".json", ".txt", ".model"}
# Of a folder that is a tokenizer and no more.
_TOKENIZERS = {"tokenizer.json", "merges.txt"}
_MAX_SHOWN = 300
_SHA256_DIGITS = 64


@dataclass(frozen=True)
class ModelContent:
    """Content of a model.

    Attributes:
        sha256: of the file; of a folder, of the names and hashes of the files that are read of it. 64 hex digits.
        size: bytes of all these files.
        parts: of a folder, the sha256 of each such file by its path in it; empty for a file.
        hashes: what sd-scripts writes into a LoRA's metadata.
    """

    sha256: str
    size: int
    parts: Mapping[str, str] = field(default_factory=dict)
    hashes: FileHashes | None = None


def files_of_model(place: Path) -> dict[str, Path]:
    """Return the files that are read of a model by their paths in its folder; of a single file that one, by its name.

    Of a diffusers folder these are its index, and in each folder of a part the configs and the weights that are preferred
    (`diffusers_folder.weights_files`); of another folder, such as a VAE's, those in it itself. A LoRA of PEFT has its alphas in a
    config beside it.

    Raises:
        ModelError: it is neither a file nor a folder with weights.
    """
    if os.path.isfile(place):
        beside = config_beside(place)
        return {path.name: path for path in (place, beside) if path is not None}
    found = {path.relative_to(place).as_posix(): path for path in _files_in(place)} if os.path.isdir(place) else {}
    if not any(name.endswith(_WEIGHTS) or name in _TOKENIZERS for name in found):
        raise ModelError(printable(str(place), _MAX_SHOWN), found="neither a file nor a folder with .safetensors files")
    return found


def content_of_model(place: Path, stop: Callable[[], bool] = lambda: False) -> ModelContent | None:
    """Return the current content of the model at `place`; None when asked to stop.

    What was hashed before is not read again until it changes; see `hashes_of`.

    Args:
        place: a file or a folder.
        stop: asked a few times a second whether to give up.

    Raises:
        ModelError: it is missing or cannot be read.
    """
    hashes: dict[str, FileHashes] = {}
    size = 0
    for name, path in files_of_model(place).items():
        found = hashes_of(path, stop)
        if found is None:
            return None
        if len(found.sha256) != _SHA256_DIGITS:
            raise ModelError(printable(str(path), _MAX_SHOWN), found="cannot be read")
        hashes[name] = found
        size += path.stat().st_size
    is_file = os.path.isfile(place)
    if is_file and len(hashes) == 1:
        (only,) = hashes.values()
        return ModelContent(only.sha256, size, hashes=only)
    parts = {name: found.sha256 for name, found in sorted(hashes.items())}
    whole = hashlib.sha256()
    for name, digest in parts.items():
        whole.update(f"{name}\0{digest}\n".encode("utf-8", "surrogateescape"))
    return ModelContent(whole.hexdigest(), size, parts, hashes.get(place.name) if is_file else hashes_of(place))


def file_hashes(models: Mapping[str, ModelContent], setting: str) -> FileHashes | None:
    """Return what sd-scripts writes of the model that a setting names; None where it names none."""
    return models[setting].hashes if setting in models else None


def marks_of_model(place: Path) -> tuple[FileMark, ...]:
    """Return the marks of the files that are read of a model: equal ones are equal contents.

    Raises:
        ModelError: it is missing, or has just been removed.
    """
    try:
        return tuple(mark_of(path) for path in files_of_model(place).values())
    except OSError as error:
        raise ModelError(printable(str(place), _MAX_SHOWN), found=f"cannot be read ({error.strerror})") from error


def _files_in(place: Path) -> Iterator[Path]:
    indexes = [place / record.index for record in FAMILIES.values()]
    index = next((path for path in indexes if path.is_file()), None)
    folders = [place, place / "vae"]
    if index is not None:
        yield index
        folders = [place / name for name in sorted({name for record in FAMILIES.values() for name in record.folders})]
    for folder in folders:
        files = sorted(path for path in folder.glob("*") if path.is_file())
        yield from (path for path in files if path.suffix in _OTHERS)
        if any(path.suffix == _WEIGHTS for path in files):
            yield from _weights(folder, "vae" if folder is place else folder.name)


def _weights(folder: Path, component: str) -> list[Path]:
    try:
        return weights_files(folder, component)
    except ModelError:
        # Another program's names, or a shard is missing: who loads it says so.
        return sorted(folder.glob(f"*{_WEIGHTS}"))

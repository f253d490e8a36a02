"""The manifest of a bake: all that decides its bits beside its settings, known by content. Models, pictures, captions, masks.

The same bytes lie in the bake's folder, in the journal and in each of its states.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any

from trainer.atomic_file import write_atomically
from trainer.dataset.content import Content, content_of
from trainer.dataset.records import DataSet, Picture
from trainer.errors import WorkspaceError
from trainer.text import printable

FILE = "data.json.gz"
MAX_FILE_BYTES = 256 * 2**20
"""Inside the bake's folder."""

MANIFEST_FORMAT = 2
# A picture takes some 400 bytes: room for hundreds of thousands, and none for a file that unpacks to the whole memory.
_MAX_BYTES = 512 * 2**20


@dataclass(frozen=True)
class ListedPicture:
    """A picture as the manifest lists it.

    Attributes:
        path: from the data's folder; of one that lies elsewhere its folder and name.
        sha256, bytes: of its file.
        width, height, repeats, caption, is_reg, group: as in Picture.
        mask: sha256 of its mask, `alpha` for its own transparency, None without one.
    """

    path: str
    sha256: str
    bytes: int
    width: int
    height: int
    repeats: int
    caption: str
    is_reg: bool
    group: int
    mask: str | None


@dataclass(frozen=True)
class ListedModel:
    """A file or folder of weights as the manifest lists it; see models.model_content.

    Attributes:
        sha256: of the file; of a folder, of its files' names and hashes.
        bytes: of the file, or of these files.
        parts: of a folder, the sha256 of each file by its path in it.
    """

    sha256: str
    bytes: int
    parts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """What a bake stands on. No place is in it, so that a moved copy has the same manifest.

    Attributes:
        config: sha256 of the data set file, "" without one.
        pictures: that are trained on.
        validation: that are kept out of training. Format 1 did not have them.
        models: each setting that names weights -> their content; a blank setting has none. Format 1 did not have them.
        format: version of this class.
    """

    config: str = ""
    pictures: tuple[ListedPicture, ...] = ()
    validation: tuple[ListedPicture, ...] = ()
    models: Mapping[str, ListedModel] = field(default_factory=dict)
    format: int = MANIFEST_FORMAT

    @property
    def knows_models(self) -> bool:
        """Whether it lists models; those of older versions do not."""
        return self.format >= 2


def manifest_of(data: DataSet, validation: DataSet | None, models: Mapping[str, ListedModel]) -> Manifest:
    """Return the manifest of a bake.

    Args:
        data, validation: what is trained on, and what is kept out of it.
        models: setting -> content.

    Raises:
        DatasetError: a picture cannot be read any more.
    """
    # The same picture may be in several data sets, and is read once.
    contents = cache(content_of)

    def listed(of: DataSet) -> tuple[ListedPicture, ...]:
        return tuple(_listed(of, picture, contents) for picture in of.pictures)

    return Manifest(data.config, listed(data), listed(validation) if validation is not None else (), models)


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return the manifest as gzipped JSON; equal ones give equal bytes."""
    text = json.dumps(asdict(manifest), indent=1, sort_keys=True)
    # No time in the header: it would make two manifests of the same data differ.
    return gzip.compress(text.encode("ascii"), mtime=0)


def read_manifest(content: bytes, where: str) -> Manifest:
    """Return the manifest in `content`, from manifest_bytes of this version or an older one.

    Args:
        content: gzipped JSON.
        where: stands for it in an error.

    Raises:
        WorkspaceError: it is damaged, or of a newer version.
    """
    try:
        unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
        text = unpacking.decompress(content, _MAX_BYTES)
        if not unpacking.eof:
            raise ValueError("it is cut off or too large")
        values = json.loads(text)
    except (zlib.error, ValueError, RecursionError) as error:
        raise _damaged(where, str(error)) from error
    version = values.get("format") if isinstance(values, dict) else None
    if isinstance(version, int) and version > MANIFEST_FORMAT:
        raise WorkspaceError(
            where,
            found=f"a list of data of version {version}; this lora-tui reads up to version {MANIFEST_FORMAT}",
            way_out="it was written by a newer lora-tui: upgrade this one",
        )
    try:
        return Manifest(
            config=_checked(values, "config", str),
            pictures=tuple(_picture(entry) for entry in _checked(values, "pictures", list)),
            validation=tuple(_picture(entry) for entry in _checked(values, "validation", list, [])),
            models={str(name): _model(entry) for name, entry in _checked(values, "models", dict, {}).items()},
            format=_checked(values, "format", int),
        )
    except (TypeError, KeyError) as error:
        raise _damaged(where, f"{error.args[0]}") from error


def write_manifest(content: bytes, path: Path) -> None:
    """Write a manifest's bytes to `path`, atomically.

    Raises:
        WorkspaceError: `path` cannot be written.
    """
    try:
        write_atomically(path, content)
    except OSError as error:
        raise WorkspaceError(printable(str(path)), found=f"cannot be written ({error.strerror})") from error


def _picture(entry: object) -> ListedPicture:
    # Not by pydantic, which takes no name that is not UTF-8.
    return ListedPicture(
        path=_checked(entry, "path", str),
        sha256=_checked(entry, "sha256", str),
        bytes=_checked(entry, "bytes", int),
        width=_checked(entry, "width", int),
        height=_checked(entry, "height", int),
        repeats=_checked(entry, "repeats", int),
        caption=_checked(entry, "caption", str),
        is_reg=_checked(entry, "is_reg", bool),
        group=_checked(entry, "group", int),
        mask=_checked(entry, "mask", (str, NoneType)),
    )


def _model(entry: object) -> ListedModel:
    parts = _checked(entry, "parts", dict)
    return ListedModel(
        sha256=_checked(entry, "sha256", str),
        bytes=_checked(entry, "bytes", int),
        parts={str(name): _checked(parts, name, str) for name in parts},
    )


def _checked(table: object, key: str, kind: type | tuple[type, ...], default: object = MISSING) -> Any:
    """Return a value of a JSON table.

    Raises:
        TypeError, KeyError: it is no table, has no such key, or the value is of another type.
    """
    if not isinstance(table, dict):
        raise TypeError("not a table")
    value = table[key] if default is MISSING else table.get(key, default)
    if not isinstance(value, kind):
        raise TypeError(f"{key}: {value!r}")
    return value


def _damaged(where: str, why: str) -> WorkspaceError:
    return WorkspaceError(
        where, found=f"a damaged list of data ({printable(why, 120)})", expected=f"a {FILE} written by lora-tui"
    )


def _listed(data: DataSet, picture: Picture, contents: Callable[[Path], Content]) -> ListedPicture:
    content = contents(picture.path)
    return ListedPicture(
        path=data.name_of(picture),
        sha256=content.sha256,
        bytes=content.size,
        width=picture.width,
        height=picture.height,
        repeats=picture.repeats,
        caption=picture.caption,
        is_reg=picture.is_reg,
        group=picture.group,
        mask=contents(picture.mask).sha256 if isinstance(picture.mask, Path) else picture.mask,
    )

"""The manifest of a bake's data: hash, size, repeats and caption of every picture."""

import gzip
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from trainer.atomic_file import write_atomically
from trainer.dataset.content import Content, content_of
from trainer.dataset.records import DataSet, Picture
from trainer.errors import WorkspaceError
from trainer.text import printable

_FORMAT = 1


def manifest(data: DataSet) -> dict[str, object]:
    """Return the contents of `data` without its place, so that a moved copy has the same manifest.

    Returns:
        `format`, `config` (sha256 of the data set file, "" where there is none) and `pictures`: a list of path (relative),
        sha256, bytes, width, height, repeats, caption, is_reg, group and mask (its sha256, "alpha" or null).

    Raises:
        DatasetError: a picture cannot be read any more.
    """
    # The same picture may be in several data sets, and is read once.
    contents = cache(content_of)
    pictures = [_entry(data, picture, contents) for picture in data.pictures]
    return {"format": _FORMAT, "config": data.config, "pictures": pictures}


def manifest_bytes(data: DataSet) -> bytes:
    """Return the manifest as gzipped JSON; equal data give equal bytes.

    Raises:
        DatasetError: a picture cannot be read any more.
    """
    text = json.dumps(manifest(data), indent=1, sort_keys=True)
    # No time in the header: it would make two manifests of the same data differ.
    return gzip.compress(text.encode("ascii"), mtime=0)


def write_manifest(content: bytes, path: Path) -> None:
    """Write a manifest's bytes to `path` (data.json.gz), atomically.

    Raises:
        WorkspaceError: `path` cannot be written.
    """
    try:
        write_atomically(path, content)
    except OSError as error:
        raise WorkspaceError(printable(str(path)), found=f"cannot be written ({error.strerror})") from error


def _entry(data: DataSet, picture: Picture, contents: Callable[[Path], Content]) -> dict[str, object]:
    content = contents(picture.path)
    return {
        "path": data.name_of(picture),
        "sha256": content.sha256,
        "bytes": content.size,
        "width": picture.width,
        "height": picture.height,
        "repeats": picture.repeats,
        "caption": picture.caption,
        "is_reg": picture.is_reg,
        "group": picture.group,
        "mask": contents(picture.mask).sha256 if isinstance(picture.mask, Path) else picture.mask,
    }

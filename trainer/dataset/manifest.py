"""Exactly which data did a bake see? Hashes, sizes, repeats and words of every picture."""

import gzip
import hashlib
import json
import os
from pathlib import Path

from trainer.dataset.scan import DataSet, Picture
from trainer.errors import DatasetError, WorkspaceError
from trainer.foreign_text import shown
from trainer.whole_file import write_whole

_FORMAT = 1


def manifest(data: DataSet) -> dict[str, object]:
    """Return what `data` holds; where it lies is left out, so that a moved copy has the same manifest.

    Returns:
        `format`, and `pictures`: a list of path (relative), sha256, bytes, width, height, repeats, caption.

    Raises:
        DatasetError: a picture cannot be read any more.
    """
    return {"format": _FORMAT, "pictures": [_entry(data, picture) for picture in data.pictures]}


def manifest_bytes(data: DataSet) -> bytes:
    """Return the manifest as gzipped JSON; equal data give equal bytes.

    Raises:
        DatasetError: a picture cannot be read any more.
    """
    text = json.dumps(manifest(data), indent=1, sort_keys=True)
    # No time in the header: it would make two manifests of the same data differ.
    return gzip.compress(text.encode("ascii"), mtime=0)


def write_manifest(data: DataSet, path: Path) -> None:
    """Write the manifest to `path` (data.json.gz), whole or not at all.

    Raises:
        DatasetError: a picture cannot be read any more.
        WorkspaceError: `path` cannot be written.
    """
    content = manifest_bytes(data)
    try:
        write_whole(path, content)
    except OSError as error:
        raise WorkspaceError(shown(str(path)), found=f"cannot be written ({error.strerror})") from error


def _entry(data: DataSet, picture: Picture) -> dict[str, object]:
    try:
        with open(picture.path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise DatasetError(
            shown(str(picture.path)), found=f"cannot be read any more ({error.strerror})", way_out="start the bake anew"
        ) from error
    return {
        "path": picture.path.relative_to(data.root).as_posix(),
        "sha256": digest,
        "bytes": size,
        "width": picture.width,
        "height": picture.height,
        "repeats": picture.repeats,
        "caption": picture.caption,
    }

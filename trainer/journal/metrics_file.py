"""metrics.npz: the curves of a bake in its own folder, one array a metric beside `step`."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.atomic_file import write_atomically
from trainer.errors import WorkspaceError
from trainer.regular_file import open_regular
from trainer.text import printable

METRICS_FILE = "metrics.npz"

Columns = Mapping[str, NDArray[np.float64]]
"""Metric -> its values, in the order of the steps in `step`; empty where there is none."""

# A million steps of ten metrics have 80 MB; the archive's own table says how large it will be.
_MAX_BYTES = 2**30


def write_metrics(path: Path, columns: Columns) -> None:
    """Write the columns to `path`, completely or not at all.

    Raises:
        OSError: it cannot be written; an existing file stays as it was.
    """
    content = io.BytesIO()
    named: dict[str, Any] = dict(columns)
    np.savez(content, **named)
    write_atomically(path, content.getvalue())


def read_metrics(path: Path) -> Columns:
    """Return the columns in `path`, all of one length.

    Raises:
        FileNotFoundError: there is no such file.
        WorkspaceError: it is damaged, or cannot be read.
    """
    try:
        with open_regular(path) as raw, zipfile.ZipFile(raw) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > _MAX_BYTES:
            raise ValueError(f"its columns would take {size:,} bytes")
        # Pickled arrays could run code from whoever wrote the file.
        with open_regular(path) as raw, np.lib.npyio.NpzFile(raw, allow_pickle=False) as file:
            columns = {str(name): np.asarray(file[name], dtype=np.float64) for name in file.files}
        if columns:
            _check(columns)
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged archive raises a dozen kinds of error, from KeyError to zlib.error
        reason = " ".join(str(error).split()) or type(error).__name__
        raise WorkspaceError(
            printable(str(path)),
            found=f"is damaged ({printable(reason, 120)})",
            way_out="the curves in the journal are whole; move the file away",
        ) from error
    return columns


def _check(columns: Columns) -> None:
    if "step" not in columns:
        raise ValueError("it has no steps")
    steps = columns["step"]
    if any(values.shape != (steps.size,) for values in columns.values()):
        raise ValueError("its columns differ in length")
    if not (np.isfinite(steps) & (steps >= 0) & (steps < 2**53)).all():
        raise ValueError("its steps are not whole numbers")

"""Sizes of pictures that an index knows, handed on to whoever reads the data."""

from collections.abc import Iterable
from typing import Any

from trainer.data_index.database import IndexFile
from trainer.data_index.picture_rows import unraw
from trainer.data_index.refresh import data_set_number, place_of
from trainer.dataset.picture_file import keep_sizes
from trainer.settings.model import Settings
from trainer.workspace import Workspace

_SIZES = """
SELECT path, size, changed, file.width, file.height, kind FROM file
WHERE file.width > 0 AND id IN (SELECT file FROM picture WHERE data_set = ?)
"""


def hand_on_sizes(workspace: Workspace | None, settings: Settings) -> None:
    """Have unchanged pictures of a data set that was looked at before not opened for their sizes; reads the index, if there is one.

    Args:
        workspace: whose index; None for the user's own.
        settings: with every path filled in.

    Raises:
        WorkspaceError: the index cannot be read.
    """
    file = IndexFile(workspace)
    try:
        if file.path.exists() and (number := data_set_number(file, place_of(settings))) is not None:
            _keep(file.rows(_SIZES, (number,)))
    finally:
        file.close()


def _keep(rows: Iterable[tuple[Any, ...]]) -> None:
    keep_sizes(
        {
            (unraw(path), changed, size): (width, height, kind)
            for path, size, changed, width, height, kind in rows
            if isinstance(path, bytes) and isinstance(width, int) and isinstance(height, int) and isinstance(kind, str)
        }
    )

"""Content hashes of data files: sha256, read once per program run for as long as the file stays unchanged."""

import hashlib
import os
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import DatasetError
from trainer.file_mark import FileMark, marked
from trainer.regular_file import open_regular
from trainer.text import printable

# Some 300 bytes each.
_MAX_FILES = 100_000


@dataclass(frozen=True)
class Content:
    """Content of a file: sha256, 64 hex digits, and its size in bytes."""

    sha256: str
    size: int


class _ContentCache:
    """Contents by file, the most recently used ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._contents: OrderedDict[FileMark, Content] = OrderedDict()

    def get(self, file: FileMark) -> Content | None:
        with self._lock:
            content = self._contents.get(file)
            if content is not None:
                self._contents.move_to_end(file)
            return content

    def keep(self, file: FileMark, content: Content) -> None:
        with self._lock:
            self._contents[file] = content
            while len(self._contents) > _MAX_FILES:
                self._contents.popitem(last=False)


_known = _ContentCache()


def content_of(path: Path) -> Content:
    """Return the current content of the file at `path`.

    It is read again where its size, its times or its place on the disk are others than when it was read before.

    Raises:
        DatasetError: it cannot be read.
    """
    try:
        with open_regular(path) as file:
            mark = marked(str(path), os.fstat(file.fileno()))
            content = _known.get(mark)
            if content is None:
                content = Content(hashlib.file_digest(file, "sha256").hexdigest(), mark.size)
                if mark.is_settled:
                    _known.keep(mark, content)
            return content
    except OSError as error:
        raise DatasetError(
            printable(str(path)), found=f"can no longer be read ({error.strerror})", way_out="start the bake again"
        ) from error

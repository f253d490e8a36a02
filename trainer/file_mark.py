"""The mark of a file: what tells it, without reading it, from every other file and from itself before it was written to."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

# A file system's clock may tick this slowly: of two changes within a tick the second one would not show.
TICK = 2.0
"""Seconds within which two changes of a file may look like one."""


@dataclass(frozen=True)
class FileMark:
    """A file as it was at one moment; equal marks are equal contents.

    Its time of modification can be set to anything (`cp -p`, `rsync`, `touch`), that of its last change of any kind cannot.

    Attributes:
        path: with every link followed.
        size: bytes.
        modified, changed: nanoseconds since 1970: of its content, of anything about it.
        inode: its number in the file system.
    """

    path: str
    size: int
    modified: int
    changed: int
    inode: int

    @property
    def is_settled(self) -> bool:
        """Whether it was last written to so long ago that being written to once more would show."""
        return time.time() - self.modified / 1e9 > TICK


def mark_of(path: Path) -> FileMark:
    """Return the mark of the file at `path`.

    Raises:
        OSError: there is none.
    """
    real = os.path.realpath(path)
    return marked(real, os.stat(real))


def marked(path: str, about: os.stat_result) -> FileMark:
    """Return the mark of the file at `path`, which `about` describes."""
    return FileMark(path, about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino)

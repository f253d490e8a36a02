"""Is there room on the disk? How much is free, whether an error means that nothing is, and a file laid by for that day."""

import contextlib
import errno
import os
import shutil
from pathlib import Path

RESERVE_BYTES = 4 << 20
"""Enough for the journal to say what happened."""

# A quota that is used up is a full disk to whoever has it.
_FULL = (errno.ENOSPC, errno.EDQUOT)


def free_bytes(folder: Path) -> int:
    """Return how many bytes we may still write below `folder`; where it is not there yet, where it would be made.

    Raises:
        OSError: the file system does not answer.
    """
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


def is_full(error: BaseException) -> bool:
    """Return whether `error`, or what led to it, is a disk or a quota without room."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        # The journal's database says it in an attribute: SQLite has an error code of its own.
        if getattr(one, "full", False) is True or (isinstance(one, OSError) and one.errno in _FULL):
            return True
        pending += [one.__cause__, one.__context__]
    return False


class Reserve:
    """A file that takes room while there is some, so that letting it go makes room when there is none.

    Args:
        path: where it lies; one left by a killed process is taken over.
        size: bytes.
    """

    def __init__(self, path: Path, size: int = RESERVE_BYTES) -> None:
        """Touch nothing yet."""
        self._path = path
        self._size = size

    @property
    def held(self) -> bool:
        """Whether it takes its room now."""
        try:
            return self._path.stat().st_size >= self._size
        except OSError:
            return False

    def make(self) -> bool:
        """Take the room, and return whether it was there to be taken."""
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            # Blocks, not only a length: a file with holes takes no room.
            os.posix_fallocate(handle, 0, self._size)
        except OSError:
            self.release()
            return False
        finally:
            os.close(handle)
        return True

    def release(self) -> None:
        """Give the room back; without a reserve nothing happens."""
        with contextlib.suppress(OSError):
            self._path.unlink()

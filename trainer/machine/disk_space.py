"""Disk space: how much is free, whether an error means a full disk, and a reserve file to release when it is."""

import contextlib
import errno
import os
import shutil
from pathlib import Path

RESERVE_BYTES = 4 << 20
"""Enough for the journal to record what happened."""

# An exhausted quota is a full disk to its owner.
_FULL = (errno.ENOSPC, errno.EDQUOT)


def free_bytes(folder: Path) -> int:
    """Return how many bytes this user may still write below `folder`, which need not exist yet.

    Raises:
        OSError: the file system does not answer.
    """
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


def is_full(error: BaseException) -> bool:
    """Return whether `error`, or its cause, is a full disk or an exhausted quota."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        # The journal's errors have it in an attribute: SQLite has its own error codes.
        if getattr(one, "full", False) is True or (isinstance(one, OSError) and one.errno in _FULL):
            return True
        pending += [one.__cause__, one.__context__]
    return False


class Reserve:
    """A file that occupies space while there is some, to be released when there is none.

    Args:
        path: of the file; one left by a killed process is reused.
        size: bytes.
    """

    def __init__(self, path: Path, size: int = RESERVE_BYTES) -> None:
        self._path = path
        self._size = size

    @property
    def held(self) -> bool:
        """Whether it occupies its space now."""
        try:
            return self._path.stat().st_size >= self._size
        except OSError:
            return False

    def make(self) -> bool:
        """Occupy the space, and return whether there was enough."""
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            # Blocks, not only a length: a sparse file occupies nothing.
            os.posix_fallocate(handle, 0, self._size)
        except OSError:
            self.release()
            return False
        finally:
            os.close(handle)
        return True

    def release(self) -> None:
        """Release the space; without a reserve nothing happens."""
        with contextlib.suppress(OSError):
            self._path.unlink()

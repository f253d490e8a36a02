"""A file that one process at a time holds, saying in it who it is; it is let go when the process ends, however it ends."""

import errno
import fcntl
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from trainer.errors import WorkspaceError
from trainer.text import printable

# More is nothing of ours, whoever wrote it.
_MAX_BYTES = 16_384
# A look at the holder takes a shared lock for an instant, which is not to be taken for a holder.
_TRIES, _BETWEEN_TRIES = 10, 0.02


class FileLock:
    """A file held; released by `release`, by the end of a `with` block, or by the end of the process."""

    def __init__(self, handle: int, said: Mapping[str, object]) -> None:
        """Take over the open, locked file."""
        self._handle: int | None = handle
        self.update(said)

    def __enter__(self) -> Self:
        """Return the lock, released when the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release it."""
        self.release()

    def update(self, said: Mapping[str, object]) -> None:
        """Write anew what the holder says of itself; after `release` it does nothing."""
        self._write(json.dumps(dict(said)).encode())

    def release(self) -> None:
        """Let the file go; releasing again does nothing."""
        self._write(b"")
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    def _write(self, content: bytes) -> None:
        # The lock is what counts: a full disk costs the others the name of the holder, nothing more.
        if self._handle is not None:
            with suppress(OSError):
                os.ftruncate(self._handle, 0)
                os.pwrite(self._handle, content, 0)


def acquire_lock(path: Path, said: Mapping[str, object]) -> FileLock | None:
    """Take the file for this process, making it and its folder; None where another holds it.

    Args:
        path: on a disk that can lock files.
        said: what the others are told; plain JSON values.

    Raises:
        WorkspaceError: the file cannot be made or locked.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _not_locked(path, error) from error
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_BETWEEN_TRIES)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return FileLock(handle, said)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                os.close(handle)
                raise _not_locked(path, error) from error
    os.close(handle)
    return None


def read_lock_info(path: Path) -> dict[str, object] | None:
    """Return what the holder says of itself, None where nobody holds the file; empty where it cannot be read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except OSError:
        return _parsed(os.pread(handle, _MAX_BYTES, 0))
    finally:
        os.close(handle)


def _parsed(content: bytes) -> dict[str, object]:
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _not_locked(path: Path, error: OSError) -> WorkspaceError:
    return WorkspaceError(
        printable(str(path)),
        found=f"cannot be locked ({error.strerror})",
        expected="a folder of yours on a disk that can lock files",
        way_out="set XDG_STATE_HOME to such a folder",
    )

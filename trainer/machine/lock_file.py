"""Lock files: held by one process at a time, with JSON about the holder inside, and released when it ends, however it ends.

The filelock package does not serve here: others must be able to read who holds the file, without taking the lock from anyone,
and its content is what makes that possible.
"""

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
from trainer.private_files import FILE_MODE, make_private_folder
from trainer.text import printable

# A longer file is not from this program.
_MAX_BYTES = 16_384
# Reading the holder takes a shared lock for an instant, which must not look like a holder.
_TRIES, _BETWEEN_TRIES = 10, 0.02
# What a lock that another process holds answers.
_HELD = (errno.EAGAIN, errno.EACCES)


class FileLock:
    """A locked file; released by `release`, by the end of a `with` block, or by the end of the process."""

    def __init__(self, handle: int, info: Mapping[str, object]) -> None:
        self._handle: int | None = handle
        self.update(info)

    def __enter__(self) -> Self:
        """Return the lock, released when the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release it."""
        self.release()

    def update(self, info: Mapping[str, object]) -> None:
        """Replace what is written about the holder; after `release` it does nothing."""
        self._write(json.dumps(dict(info)).encode())

    def release(self) -> None:
        """Release the file; releasing again does nothing."""
        self._write(b"")
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    def _write(self, content: bytes) -> None:
        # The lock is what counts: on a full disk only the holder's name is missing.
        if self._handle is not None:
            with suppress(OSError):
                os.ftruncate(self._handle, 0)
                os.pwrite(self._handle, content, 0)


def acquire_lock(path: Path, info: Mapping[str, object]) -> FileLock | None:
    """Lock the file for this process, creating it and its folder; None if another process holds it.

    Args:
        path: on a disk that can lock files.
        info: about the holder, for other processes; plain JSON values.

    Raises:
        WorkspaceError: the file cannot be created or locked.
    """
    handle = _opened(path)
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_BETWEEN_TRIES)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return FileLock(handle, info)
        except OSError as error:
            if error.errno not in _HELD:
                os.close(handle)
                raise _not_locked(path, error) from error
    os.close(handle)
    return None


def check_lockable(path: Path) -> None:
    """Check that the file can be locked, by this process or by the one that holds it.

    Raises:
        WorkspaceError: it cannot be created or locked.
    """
    handle = _opened(path)
    try:
        # Shared: for an instant, and no other process takes it for a holder.
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _HELD:
            raise _not_locked(path, error) from error
    finally:
        os.close(handle)


def _opened(path: Path) -> int:
    try:
        make_private_folder(path.parent)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        raise _not_locked(path, error) from error


def read_lock_info(path: Path) -> dict[str, object] | None:
    """Return what the holder wrote about itself, None if nobody holds the file; empty if it cannot be read."""
    try:
        # Whatever lies there, opening it must not wait.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except OSError as error:
        # On a disk without locks nobody holds it.
        return _parsed(_content(handle)) if error.errno in _HELD else None
    finally:
        os.close(handle)


def _content(handle: int) -> bytes:
    try:
        return os.pread(handle, _MAX_BYTES, 0)
    except OSError:
        return b""


def _parsed(content: bytes) -> dict[str, object]:
    try:
        info = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return info if isinstance(info, dict) else {}


def _not_locked(path: Path, error: OSError) -> WorkspaceError:
    return WorkspaceError(
        printable(str(path)),
        found=f"cannot be locked ({error.strerror})",
        expected="a folder you can write to, on a disk that supports file locks",
        way_out="set XDG_STATE_HOME to such a folder",
    )

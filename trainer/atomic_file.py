"""Atomic file writes: beside the target, flushed to the disk, then moved into place in one step."""

import contextlib
import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from trainer.private_files import FILE_MODE

_PART = re.compile(r"\..+\.[0-9a-f]{8}\.part")


def write_atomically(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write `content` to `path`; `private` as in atomic_path.

    Raises:
        OSError: it cannot be written; an existing file stays as it was.
    """
    with atomic_path(path, private=private) as beside, open(beside, "wb") as file:
        file.write(content)


@contextlib.contextmanager
def atomic_path(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Yield a path beside `path` to write to; what was written takes the place of `path` when the block ends without an error.

    A link is followed, the mode of an existing file stays, and nothing is left behind if the block fails.

    Args:
        path: the file.
        private: whether only the owner may read it where it is new; else the umask says.

    Raises:
        OSError: it cannot be written; an existing file stays as it was.
    """
    target = Path(os.path.realpath(path))
    mode = _mode_of(target)
    beside, lock = _locked_part(target, FILE_MODE if private else 0o666)
    try:
        yield beside
        _flush(beside, mode)
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        raise
    finally:
        os.close(lock)
    _flush_folder(target.parent)


def remove_partial_files(folder: Path) -> int:
    """Remove what killed processes left half-written in `folder`; a file that is being written stays. Return how many.

    Raises:
        OSError: the folder cannot be read or changed.
    """
    with os.scandir(folder) as entries:
        parts = [
            entry.path for entry in entries if _PART.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)
        ]
    return sum(_removed(Path(part)) for part in parts)


def _locked_part(target: Path, mode: int) -> tuple[Path, int]:
    """Make a new empty file beside `target` and return it with a handle whose lock, as long as it is open, keeps it from `remove_partial_files`."""
    while True:
        beside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
        lock = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        # A file system without locks must not stop anyone from saving: there remove_partial_files gets none either.
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        # It may have been cleaned away between the two calls.
        if os.fstat(lock).st_nlink:
            return beside, lock
        os.close(lock)


def _removed(part: Path) -> bool:
    """Remove `part` if no process is writing it, and return whether it was removed."""
    try:
        handle = os.open(part, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        part.unlink(missing_ok=True)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.ENOLCK, errno.EOPNOTSUPP):
            return False
        raise
    finally:
        os.close(handle)
    return True


def _mode_of(target: Path) -> int | None:
    """Return the mode of `target`, None where it is new; a file that must not be written is refused."""
    if not target.exists():
        return None
    if not os.access(target, os.W_OK):
        # A rename would replace it nevertheless: for that the folder's permission counts, not the file's.
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
    return stat.S_IMODE(target.stat().st_mode)


def _flush(path: Path, mode: int | None) -> None:
    """Put `path` on the disk, with `mode` where one is to be kept. Its size is only certain to fit once this is through."""
    handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        if mode is not None:
            os.fchmod(handle, mode)
        os.fsync(handle)
    finally:
        os.close(handle)


def _flush_folder(folder: Path) -> None:
    """Make the move itself survive a power cut, where the file system lets folders be flushed."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

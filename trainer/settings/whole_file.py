"""How a small file is written whole or not at all."""

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` beside `path`, flush it to the disk and put it in the place of `path` in one move.

    A link is followed, the mode of an existing file stays, and nothing is left behind where it fails.

    Raises:
        OSError: it cannot be written; a file that was there is as before.
    """
    target = Path(os.path.realpath(path))
    mode = _mode_of(target)
    beside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with open(handle, "wb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        raise
    _flush_folder(target.parent)


def _mode_of(target: Path) -> int | None:
    """Return the mode of `target`, None where it is new; a file that must not be written is refused."""
    if not target.exists():
        return None
    if not os.access(target, os.W_OK):
        # A rename would replace it all the same: the folder's permission decides there, not the file's.
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
    return stat.S_IMODE(target.stat().st_mode)


def _flush_folder(folder: Path) -> None:
    """Make the move itself last through a power cut, where the file system lets folders be flushed."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

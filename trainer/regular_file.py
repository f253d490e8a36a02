"""Files from outside, opened for reading: a pipe or a device in a file's place is refused at once, where opening it would wait for ever."""

import errno
import os
import stat
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Literal, overload

_KINDS = (
    (stat.S_ISDIR, "it is a folder, not a file"),
    (stat.S_ISFIFO, "it is a pipe, not a file"),
    (stat.S_ISSOCK, "it is a socket, not a file"),
    (stat.S_ISCHR, "it is a device, not a file"),
    (stat.S_ISBLK, "it is a device, not a file"),
)


@overload
def open_regular(path: Path, max_bytes: int | None = None) -> BufferedReader: ...
@overload
def open_regular(path: Path, max_bytes: int | None = None, *, buffered: Literal[False]) -> FileIO: ...
def open_regular(path: Path, max_bytes: int | None = None, *, buffered: bool = True) -> BufferedReader | FileIO:
    """Return the file at `path`, opened for reading.

    Args:
        path: links are followed.
        max_bytes: what no such file has; None for any size.
        buffered: whether small reads are collected.

    Raises:
        OSError: it cannot be opened, is no regular file, or is larger; `strerror` says so in words that fit in brackets.
    """

    def opened(_path: str, flags: int) -> int:
        handle = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            # Another may have taken its place.
            _check(os.fstat(handle), path, max_bytes)
        except BaseException:
            os.close(handle)
            raise
        return handle

    # Before it is opened: that alone has effects on some devices.
    _check(os.stat(path), path, max_bytes)
    raw = FileIO(os.fspath(path), "rb", opener=opened)
    return BufferedReader(raw) if buffered else raw


def read_regular(path: Path, max_bytes: int) -> bytes:
    """Return the content of the file at `path`, of at most `max_bytes`.

    Raises:
        OSError: as open_regular.
    """
    with open_regular(path, max_bytes) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(min(size, max_bytes) + 1)
        if len(content) > size:
            # It grows, or has no size at all, as the files in /proc.
            content += file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise _too_large(path, len(content), max_bytes)
    return content


def _check(about: os.stat_result, path: Path, max_bytes: int | None) -> None:
    # Of tens of thousands of captions nearly all are regular.
    for is_kind, words in () if stat.S_ISREG(about.st_mode) else _KINDS:
        if is_kind(about.st_mode):
            raise OSError(errno.EISDIR if is_kind is stat.S_ISDIR else errno.EINVAL, words, str(path))
    if max_bytes is not None and about.st_size > max_bytes:
        raise _too_large(path, about.st_size, max_bytes)


def _too_large(path: Path, size: int, max_bytes: int) -> OSError:
    return OSError(errno.EFBIG, f"it has {size:,} bytes; at most {max_bytes:,} are read", str(path))

"""Atomic file writes: beside the target, flushed to the disk, then moved into place in one step.

Every file that is written whole is written here, also those whose names a user gives. Only regular files are replaced: into a pipe,
a terminal or another device the content is written, as a shell's `>` would.
"""

import contextlib
import ctypes
import errno
import fcntl
import functools
import hashlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from trainer.private_files import FILE_MODE, FOLDER_MODE

# `.NAME.DIGEST.part`, `.NAME.DIGEST-RANDOM.part`.
_PART = re.compile(r"\.(.*)\.([0-9a-f]{8})(?:-[0-9a-f]{8})?\.part", re.DOTALL)
# Of a name, in the name of its part, which then fits on every file system: eCryptfs allows 143 bytes, others 255.
_MAX_NAME_BYTES = 100
# linux/fcntl.h, linux/fs.h.
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
# As many links as Linux follows.
_MAX_LINKS = 40


def write_atomically(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write `content` to `path`, or into it if it is a pipe, a terminal or another device (`is_stream`).

    Args:
        path: the file.
        content: all of it.
        private: as in atomic_path.

    Raises:
        OSError: it cannot be written; an existing file stays as it was.
    """
    if is_stream(path):
        _write_into(path, content)
        return
    with atomic_path(path, private=private) as beside, open(beside, "wb") as file:
        file.write(content)


@contextlib.contextmanager
def atomic_path(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Yield a path beside `path` to write to; what was written takes the place of `path` when the block ends without an error.

    A link is followed, the mode of an existing file stays, and nothing is left behind if the block fails. What a killed process
    left half-written for the same path is removed.

    Args:
        path: the file.
        private: whether only the owner may read it where it is new; else the umask says.

    Raises:
        OSError: it cannot be written, or is no regular file; what is there stays as it was.
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


def write_unflushed(path: Path, content: bytes) -> Path | None:
    """Write one of many files: in one move like any other, but without waiting for the disk.

    A power cut may leave it empty: who writes them has all contents elsewhere until `flush_all`. What was there before is returned
    as a file beside it that the caller removes, None where nothing is left of it: that waits for the disk, and need not be waited for.

    Args:
        path: a link is followed; the mode of an existing file stays.
        content: all of it.

    Raises:
        OSError: it cannot be written, or is no regular file; what is there stays as it was.
    """
    target, about = os.fspath(path), _status(path)
    if about is not None and stat.S_ISLNK(about.st_mode):
        target = os.path.realpath(target)
        mode = _mode_of(Path(target))
    else:
        mode = None if about is None else _checked_mode(target, about)
    folder, name = os.path.split(target)
    beside = os.path.join(folder, _part_name(name))
    how = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        handle = os.open(beside, how, 0o666)
    except FileExistsError:
        os.unlink(beside)
        handle = os.open(beside, how, 0o666)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        if mode is not None:
            os.fchmod(handle, mode)
        left = memoryview(content)
        while left:
            left = left[os.write(handle, left) :]
        if mode is None or not _exchanged(beside, target):
            os.replace(beside, target)
            return None
        return Path(beside)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)
        raise
    finally:
        os.close(handle)


def flush_all() -> None:
    """Put everything on the disks that was written without being flushed."""
    os.sync()


def link_or_copy(source: Path, target: Path) -> None:
    """Let `target` be the same file as `source`, or where no hard links can be made a copy; a file that is there is replaced.

    Raises:
        OSError: it cannot be written, or is no regular file.
    """
    _mode_of(target)
    beside = _part(target, secrets.token_hex(4))
    with open(source, "rb") as held:
        # A link is what it is a link to: held, it is not removed as left behind.
        with contextlib.suppress(OSError):
            fcntl.flock(held, fcntl.LOCK_SH)
        try:
            os.link(source, beside)
        except OSError:
            # Another disk, or one without links.
            with atomic_path(target) as copy:
                shutil.copyfile(source, copy)
            return
        try:
            os.replace(beside, target)
        finally:
            # Where both are the same file already, the system moves nothing.
            beside.unlink(missing_ok=True)


def check_replaceable(path: Path) -> None:
    """Check that `path` is a file that can be written, or nothing.

    Raises:
        OSError: it is not.
    """
    _mode_of(Path(os.path.realpath(path)))


def move_into_place(made: Path, target: Path) -> None:
    """Let the whole file `made`, on the same disk, take the place of `target`.

    Raises:
        OSError: `target` is no regular file, or cannot be replaced.
    """
    check_replaceable(target)
    os.replace(made, os.path.realpath(target))
    _flush_folder(target.parent)


@contextlib.contextmanager
def partial_folder(parent: Path, name: str) -> Iterator[Path]:
    """Yield a new folder in `parent` that only the owner may read, removed when the block ends.

    What a killed process left of the same name is removed first.

    Raises:
        OSError: it cannot be made.
    """
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if entry.name.startswith(f".{_short(name)}.") and _is_ours(entry.name):
                # In a folder that many users share another's may be there.
                with contextlib.suppress(OSError):
                    _removed(Path(entry.path))
    folder = _part(parent / name, secrets.token_hex(4))
    folder.mkdir(FOLDER_MODE)
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def remove_partial_files(folder: Path) -> int:
    """Remove what killed processes left half-written in `folder`; what is being written stays. Return how many files and folders.

    Raises:
        OSError: the folder cannot be read or changed.
    """
    with os.scandir(folder) as entries:
        parts = [entry.path for entry in entries if _is_ours(entry.name)]
    return sum(_removed(Path(part)) for part in parts)


def is_stream(path: Path) -> bool:
    """Return whether what is written to `path` goes on from there: a pipe, a terminal or another device, or an open file of this process.

    Nothing of it stays there, so nothing can be overwritten. A disk is none: writing into its device destroys it.
    """
    try:
        if _own_descriptor(path) is not None:
            return True
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def _write_into(path: Path, content: bytes) -> None:
    """Write `content` into a stream."""
    descriptor = _own_descriptor(path)
    if descriptor is not None and not os.get_inheritable(descriptor):
        # The program's own: the journal, a lock …
        raise OSError(errno.EBADF, "not a file that the shell has opened", str(path))
    # The same open file, not one opened anew: that would begin at its start.
    handle = _opened_stream(path) if descriptor is None else os.dup(descriptor)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(handle, left) :]
    finally:
        os.close(handle)


def _opened_stream(path: Path) -> int:
    try:
        # Without O_NONBLOCK a pipe that nobody reads would be waited for, perhaps for ever.
        handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO and stat.S_ISFIFO(os.stat(path).st_mode):
            raise OSError(errno.ENXIO, "nothing reads from this pipe", str(path)) from error
        raise
    os.set_blocking(handle, True)
    return handle


def _own_descriptor(path: Path) -> int | None:
    """Return the number of this process's open file that `path` names (`/dev/stdout`, `/dev/fd/3`), None where it names none."""
    place, own = os.path.abspath(path), re.escape(os.path.realpath("/proc/self"))
    for _ in range(_MAX_LINKS):
        folder, name = os.path.realpath(os.path.dirname(place)), os.path.basename(place)
        if name.isdecimal() and re.fullmatch(rf"{own}(/task/\d+)?/fd|/dev/fd", folder):
            return int(name)
        place = os.path.join(folder, name)
        if not os.path.islink(place):
            return None
        place = os.path.join(folder, os.readlink(place))
    return None


# Parts


def _short(name: str) -> str:
    # Not cut within a sign, which some file systems refuse.
    return os.fsencode(name)[:_MAX_NAME_BYTES].decode(errors="ignore")


def _digest(short: str) -> str:
    return hashlib.sha256(os.fsencode(short)).hexdigest()[:8]


def _part(target: Path, random: str = "") -> Path:
    """Return where the part of `target` is written: the same for each process, so that the next one finds what a killed one left."""
    return target.parent / _part_name(target.name, random)


def _part_name(name: str, random: str = "") -> str:
    short = _short(name)
    return f".{short}.{_digest(short)}{random and '-'}{random}.part"


def _is_ours(name: str) -> bool:
    """Return whether a name is that of a part: with its digest, nothing of another program is taken for one."""
    match = _PART.fullmatch(name)
    return match is not None and match[2] == _digest(match[1])


def _locked_part(target: Path, mode: int) -> tuple[Path, int]:
    """Make a new empty file beside `target` and return it with a handle whose lock, as long as it is open, keeps it from being removed as left behind."""
    beside = _part(target)
    with contextlib.suppress(OSError):
        _removed(beside)
    while True:
        try:
            lock = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        except FileExistsError:
            # Another process is writing the same file; the last one to end wins.
            beside = _part(target, secrets.token_hex(4))
            continue
        # A file system without locks must not stop anyone from saving: there remove_partial_files gets none either.
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        # It may have been cleaned away between the two calls.
        if os.fstat(lock).st_nlink:
            return beside, lock
        os.close(lock)


def _removed(part: Path) -> bool:
    """Remove a file or folder if no process is writing it, and return whether it was removed."""
    how = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        kind = part.lstat().st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            return False
        # A network file system locks only what is opened for writing.
        handle = os.open(part, (os.O_RDONLY if stat.S_ISDIR(kind) else os.O_WRONLY) | how)
    except FileNotFoundError:
        return False
    try:
        status = os.fstat(handle)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Its process may have moved it into place meanwhile, and another have begun a new one.
        if not os.path.samestat(status, os.lstat(part)):
            return False
        if stat.S_ISDIR(status.st_mode):
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF):
            return False
        raise
    finally:
        os.close(handle)
    return True


def _mode_of(target: Path) -> int | None:
    """Return the mode of `target`, None where it is new; a file that must not be written, and whatever is no file, is refused."""
    try:
        about = target.stat()
    except FileNotFoundError:
        return None
    return _checked_mode(os.fspath(target), about)


def _status(path: Path) -> os.stat_result | None:
    """Return what is at `path`, of a link itself; None where there is nothing."""
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None


def _checked_mode(target: str, about: os.stat_result) -> int:
    """Return the mode of what is there; what must not be written, and whatever is no file, is refused."""
    mode = about.st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), target)
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file", target)
    if not os.access(target, os.W_OK):
        # A rename would replace it nevertheless: for that the folder's permission counts, not the file's.
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), target)
    return stat.S_IMODE(mode)


def _exchanged(one: str, other: str) -> bool:
    """Let two files change places in one move, and return whether that is done; not every system and disk can.

    Where a file is replaced by a rename, ext4 writes the new one to the disk within the call, which takes ten times as long.
    """
    renameat2 = _renameat2()
    if renameat2 is None:
        return False
    here = _AT_FDCWD
    return bool(renameat2(here, os.fsencode(one), here, os.fsencode(other), _RENAME_EXCHANGE) == 0)


@functools.cache
def _renameat2() -> Callable[..., int] | None:
    function: Callable[..., int] | None = getattr(ctypes.CDLL(None), "renameat2", None)
    return function


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

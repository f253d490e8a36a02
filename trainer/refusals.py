"""What the operating system refuses, in words: one line for a permission, a name too long, an unknown home folder, a folder that is gone.

A path that a user gave becomes one of the system's here (`user_path`), so that what no path can be is refused before anything asks
about it; and whatever the system raises for any other path is worded here (`refusal_of`).
"""

import errno
import os
import stat
from pathlib import Path

from trainer.errors import DiskFull, LoraTuiError, OutOfMemory, PathError
from trainer.text import path_fault, printable

# Characters of a path in a message; the end of a longer one would be cut off.
_SHOWN = 200


def user_path(given: str | Path, where: str = "") -> Path:
    """Return a path as a user gave it, with the home folder for `~` and `~name`.

    Args:
        given: the path.
        where: what names it, such as a setting; "" where the path speaks for itself.

    Raises:
        PathError: no file can have it, or nobody here has that name.
    """
    text = os.fspath(given)
    place = f"{where}: " if where else ""
    if fault := "a zero byte" if "\0" in text else path_fault(text):
        raise PathError(place + printable(text, 80), found=fault, expected="a path that a file can have")
    if not text.startswith("~"):
        return Path(text)
    # Python's own leaves a name that nobody has as it is, and would then look for a folder called `~name`.
    expanded = os.path.expanduser(text)
    if expanded.startswith("~"):
        name = text.partition("/")[0]
        raise PathError(
            place + printable(text, _SHOWN),
            found="your home folder is not known" if name == "~" else f"no user `{printable(name[1:], 60)}` here",
            expected="a path",
            way_out="set HOME" if name == "~" else f"for a file of that name write `./{printable(text, 80)}`",
        )
    return Path(expanded)


def home_folder() -> Path:
    """Return the user's home folder.

    Raises:
        PathError: the system knows none.
    """
    return user_path("~")


def current_folder() -> Path:
    """Return the current folder.

    Raises:
        PathError: it was deleted or cannot be reached.
    """
    try:
        return Path.cwd()
    except OSError as error:
        raise _current_folder_gone(error) from error


def real_path(given: str | Path) -> Path:
    """Return a path as a user gave it, absolute and with links followed; of links that lead in a circle no more than can be.

    Raises:
        PathError: as user_path, or the current folder is gone.
    """
    # Path.resolve raises a RuntimeError for a circle of links; this leaves it to whoever opens the file to say what is wrong.
    path = user_path(given)
    return Path(os.path.realpath(path if path.is_absolute() else current_folder() / path))


def refusal_of(error: OSError) -> LoraTuiError:
    """Return an error of our own family that says what the system refused."""
    path = _path_of(error)
    where = printable(path, _SHOWN) or "the system"
    if not path and error.errno == errno.ENOENT:
        # Only asking for the current folder fails so, of which relative paths are made.
        return _current_folder_gone(error)
    if error.errno == errno.ENAMETOOLONG:
        found = path_fault(path) or "its path is too long"
        return PathError(printable(path, 80), found=found, expected="a path that a file can have")
    if error.errno in (errno.EACCES, errno.EPERM):
        closed = _closed_folder(path)
        found = "no permission to look into this folder" if closed else "no permission"
        way_out = "choose another place, or change its permissions"
        return PathError(printable(closed, _SHOWN) or where, found=found, way_out=way_out)
    if error.errno == errno.ENOTDIR and (file := _file_on_the_way(path)):
        return PathError(where, found=f"`{printable(file, _SHOWN)}` is a file", expected="a folder")
    kind, found, way_out = _WORDS.get(error.errno or 0, (PathError, "", ""))
    return kind(
        where, found=found or printable(error.strerror or str(error) or type(error).__name__, _SHOWN), way_out=way_out
    )


_WORDS: dict[int, tuple[type[LoraTuiError], str, str]] = {
    errno.ENOENT: (PathError, "no such file or folder", "check the path"),
    errno.ELOOP: (PathError, "links that lead in a circle", "remove one of them"),
    errno.EROFS: (PathError, "on a disk that cannot be written", "choose another place"),
    errno.ENOSPC: (DiskFull, "the disk is full", "free some space and try again"),
    errno.EDQUOT: (DiskFull, "your share of the disk is full", "free some space and try again"),
    errno.ENOMEM: (OutOfMemory, "the computer's memory is full", "close other programs"),
}


def _current_folder_gone(error: OSError) -> PathError:
    gone = error.errno == errno.ENOENT
    return PathError(
        "the current folder",
        found="it is gone" if gone else f"it cannot be reached ({error.strerror})",
        way_out="go to another one with `cd`",
    )


def _path_of(error: OSError) -> str:
    name = error.filename
    if isinstance(name, bytes):
        return name.decode("utf-8", "replace")
    return name if isinstance(name, str) else ""


def _closed_folder(path: str) -> str:
    """Return the folder on the way to `path` that may not be looked into, "" where there is none."""
    for folder in reversed(Path(os.path.normpath(path)).parents if path else ()):
        try:
            # What is allowed is what happens: the question `os.access` is answered for another user where root was changed to one.
            os.stat(os.path.join(folder, "."))
        except PermissionError:
            return str(folder)
        except OSError:
            return ""
    return ""


def _file_on_the_way(path: str) -> str:
    for place in reversed(Path(path).parents if path else ()):
        try:
            if not stat.S_ISDIR(os.stat(place).st_mode):
                return str(place)
        except OSError:
            return ""
    return ""

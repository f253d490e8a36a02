"""Paths of another computer: recognised, mapped prefix to prefix, and remembered by the workspace."""

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PureWindowsPath

from trainer.atomic_file import write_atomically
from trainer.errors import PathError, SettingsError
from trainer.refusals import current_folder, user_path
from trainer.regular_file import read_regular
from trainer.text import path_fault, printable
from trainer.workspace import Workspace

PATH_MAP = "path-map.json"
"""The prefixes of other computers that a workspace knows, in the workspace itself."""

_MAX_BYTES = 2**18
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\|//[^/]")
_DRIVE = re.compile(r"[A-Za-z]:")


def is_windows(path: str) -> bool:
    """Return whether a path is of Windows: `D:\\lora`, `D:/lora`, `\\\\server\\share` or `//server/share`."""
    return bool(_WINDOWS.match(path))


def is_elsewhere(path: str, exists: Callable[[str], bool] = os.path.exists) -> bool:
    """Return whether a path is absolute and names nothing on this computer."""
    return is_windows(path) or (path.startswith(("/", "~")) and not _there(path, exists))


def mapped(path: str, path_map: Mapping[str, str]) -> str | None:
    """Return a path with its longest known prefix replaced, None where none fits.

    Prefixes end at folders: `D:\\lora` is none of `D:\\lora2`. Windows' are compared without case, and with either slash.
    """
    for prefix, here in sorted(path_map.items(), key=lambda pair: -len(pair[0])):
        rest = _behind(path, prefix)
        if rest is not None:
            return os.path.normpath(user_path(here) / rest) if here else None
    return None


def parse_map(pairs: Iterable[str]) -> dict[str, str]:
    """Return the prefixes of `D:\\lora=/data/lora` texts.

    Raises:
        SettingsError: one has no `=`, or nothing on a side of it.
        PathError: the folder here is of a user that is not known.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        there, equals, here = pair.partition("=")
        if not equals or not there.strip() or not here.strip() or path_fault(here):
            raise SettingsError(
                f"--map {printable(pair, 60)}",
                found="not in the form THERE=HERE",
                expected="a folder there and the same folder here",
                way_out="write `--map 'D:\\lora=/data/lora'`",
            )
        place = user_path(here.strip(), "--map")
        found[there.strip()] = os.path.normpath(place if place.is_absolute() else current_folder() / place)
    return found


def prefixes_to_ask_for(paths: Mapping[str, str]) -> list[str]:
    """Return the folders of another computer that a user should be asked for: the fewest that cover the paths without a place here.

    Args:
        paths: of `ImportReport.paths`.
    """
    groups: dict[str, list[str]] = {}
    for path in (path for path, here in paths.items() if not here):
        groups.setdefault(_root_of(path), []).append(path)
    return sorted(filter(None, (_common_folder(group) for group in groups.values())))


def remembered_map(workspace: Workspace | None) -> dict[str, str]:
    """Return the prefixes that a workspace knows; none where the file is missing or damaged."""
    if workspace is None:
        return {}
    try:
        table = json.loads(read_regular(workspace.root / PATH_MAP, _MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    prefixes = table.get("prefixes") if isinstance(table, dict) else None
    pairs = prefixes.items() if isinstance(prefixes, dict) else ()
    return {there: here for there, here in pairs if there and isinstance(here, str) and here and _is_path(here)}


def remember_map(workspace: Workspace, more: Mapping[str, str]) -> None:
    """Note prefixes in a workspace. A folder that cannot be written is not a reason to fail."""
    known = remembered_map(workspace)
    together = {**known, **more}
    if together == known:
        return
    content = json.dumps({"prefixes": together}, indent=1, ensure_ascii=True) + "\n"
    with suppress(OSError):
        write_atomically(workspace.root / PATH_MAP, content.encode("ascii"))


def _is_path(text: str) -> bool:
    try:
        user_path(text)
    except PathError:
        return False
    return True


def _there(path: str, exists: Callable[[str], bool]) -> bool:
    try:
        return not path_fault(path) and "\0" not in path and exists(str(user_path(path)))
    except (OSError, ValueError, PathError):
        return False


def _parts(path: str) -> tuple[str, ...]:
    if is_windows(path):
        return tuple(part.casefold() for part in PureWindowsPath(path).parts)
    return Path(path).parts


def _behind(path: str, prefix: str) -> str | None:
    """Return what follows a prefix in a path, with the slashes of here; None where it is none of it."""
    prefix = f"{prefix}/" if _DRIVE.fullmatch(prefix) else prefix
    if is_windows(path) != is_windows(prefix):
        return None
    one, other = _parts(path), _parts(prefix)
    if one[: len(other)] != other:
        return None
    whole = PureWindowsPath(path).parts if is_windows(path) else Path(path).parts
    return "/".join(whole[len(other) :])


def _root_of(path: str) -> str:
    """Return what paths must share to be asked for together: a drive's first folder, a share, or the first two folders.

    A whole drive is nowhere on another computer as a rule: its folders have places of their own.
    """
    if is_windows(path):
        parts = PureWindowsPath(path).parent.parts
        return "/".join(parts[: 1 if path.startswith(("\\\\", "//")) else 2]).casefold()
    return "/".join(Path(path).parts[:3])


def _common_folder(paths: Sequence[str]) -> str:
    """Return the folder that all of some paths lie in; of a single path its own folder."""
    kind = PureWindowsPath if is_windows(paths[0]) else Path
    folders = [kind(path).parent.parts for path in paths]
    shared = 0
    for parts in zip(*folders, strict=False):
        if len({part.casefold() if kind is PureWindowsPath else part for part in parts}) > 1:
            break
        shared += 1
    return str(kind(*folders[0][:shared])) if shared else ""

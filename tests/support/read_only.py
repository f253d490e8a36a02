"""A folder in which nothing can be written, not even by root."""

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")

# From linux/sched.h and sys/mount.h.
_CLONE_NEWNS = 0x00020000
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18


def in_read_only(folder: Path, do: Callable[[], T]) -> T:
    """Return what `do` returns while `folder` is read-only for it.

    For root, whom permissions do not hold, it is mounted so in a namespace of one thread: other threads and processes still write
    there. Where that is not allowed either the test is skipped.
    """
    if os.geteuid() != 0:
        return _without_permission(folder, do)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_mounted, folder, do).result()


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file below `folder` with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _mounted(folder: Path, do: Callable[[], T]) -> T:
    libc = ctypes.CDLL(None, use_errno=True)

    def mount(source: bytes | None, target: bytes, flags: int) -> bool:
        return libc.mount(source, target, None, ctypes.c_ulong(flags), None) == 0

    place, here = os.fsencode(folder), Path.cwd()
    # Of this thread alone, and gone with it.
    made = (
        libc.unshare(_CLONE_NEWNS) == 0
        and mount(None, b"/", _MS_REC | _MS_PRIVATE)
        and mount(place, place, _MS_BIND)
        and mount(None, place, _MS_REMOUNT | _MS_BIND | _MS_RDONLY)
    )
    if not made:
        pytest.skip("root, who may write everywhere, may mount nothing here")
    # A working folder below it would still be the writable one; the same path leads to the other.
    os.chdir(here)
    return do()


def _without_permission(folder: Path, do: Callable[[], T]) -> T:
    modes = {path: path.stat().st_mode for path in (folder, *folder.rglob("*"))}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        return do()
    finally:
        for path, mode in modes.items():
            path.chmod(mode)

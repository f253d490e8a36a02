"""Hashes by which tools know a model file: the old short one and the full one, read once and remembered."""

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from trainer.atomic_file import write_atomically
from trainer.file_mark import FileMark, mark_of
from trainer.long_work import advance
from trainer.private_files import make_private_folder
from trainer.regular_file import open_regular, read_regular
from trainer.text import printable
from trainer.workspace import cache_home

# What sd-scripts writes where there is no file to hash.
_FOLDER, _NO_FILE = "IsADirectory", "NOFILE"
_LEGACY_START, _LEGACY_BYTES = 0x100000, 0x10000
_BLOCK = 4 * 2**20
_POLL_SECONDS = 0.2
_MAX_NOTE_BYTES = 64 * 2**10
_LEGACY, _SHA256 = re.compile("[0-9a-f]{8}"), re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class FileHashes:
    """The hashes of a model file as sd-scripts writes them.

    Attributes:
        legacy: first 8 hex digits of the sha256 of 64 KiB from 1 MiB on (ss_sd_model_hash).
        sha256: 64 hex digits, of the whole file (ss_new_sd_model_hash). Its first 10 are what a webui shows.
    """

    legacy: str
    sha256: str


def hashes_of(path: Path, stop: Callable[[], bool] = lambda: False) -> FileHashes | None:
    """Return the hashes of the file at `path`, for a folder or no file the words sd-scripts has for it; None when asked to stop.

    They are remembered in the user's cache folder until the file changes. Needs 4 MiB of memory whatever the file's size.

    Args:
        path: a file, a folder, or nothing.
        stop: asked a few times a second whether to give up.
    """
    if path.is_dir():
        return FileHashes(_FOLDER, _FOLDER)
    try:
        file = mark_of(path)
        return _remembered(file) or _read(path, file, stop)
    except OSError:
        return FileHashes(_NO_FILE, _NO_FILE)


def _read(path: Path, file: FileMark, stop: Callable[[], bool]) -> FileHashes | None:
    whole, block = hashlib.sha256(), memoryview(bytearray(_BLOCK))
    asked, done = time.monotonic(), 0
    with open_regular(path, buffered=False) as content:
        while count := content.readinto(block):
            whole.update(block[:count])
            done += count
            if time.monotonic() - asked >= _POLL_SECONDS:
                if stop():
                    return None
                advance(f"reading {printable(path.name, 30)}:", done // 10**6, file.size // 10**6, "MB")
                asked = time.monotonic()
        content.seek(_LEGACY_START)
        legacy = hashlib.sha256(content.read(_LEGACY_BYTES)).hexdigest()[:8]
    hashes = FileHashes(legacy, whole.hexdigest())
    # What was written to in the meantime, or may still be without showing it, is hashed again next time.
    if file.is_settled and mark_of(path) == file:
        _remember(file, hashes)
    return hashes


def _remembered(file: FileMark) -> FileHashes | None:
    try:
        kept = json.loads(read_regular(_note(file), _MAX_NOTE_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    match kept:
        case {"legacy": str(legacy), "sha256": str(sha256), **mark} if mark == asdict(file):
            whole = _LEGACY.fullmatch(legacy) and _SHA256.fullmatch(sha256)
            return FileHashes(legacy, sha256) if whole else None
    return None


def _remember(file: FileMark, hashes: FileHashes) -> None:
    note = _note(file)
    # Without a cache the file is read again next time, and nothing else happens.
    with contextlib.suppress(OSError):
        make_private_folder(note.parent)
        write_atomically(note, json.dumps({**asdict(file), **asdict(hashes)}).encode())


def _note(file: FileMark) -> Path:
    """Return where the hashes of a file are kept: a small file each, so that two bakes never write the same one differently."""
    name = hashlib.sha256(os.fsencode(file.path)).hexdigest()[:32]
    return cache_home() / "hashes" / f"{name}.json"

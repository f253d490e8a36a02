"""The hash by which a webui identifies a LoRA: from its metadata, else the sha256 of its tensors without the header."""

import hashlib
import re
from functools import lru_cache
from pathlib import Path

from trainer.errors import LoraTuiError
from trainer.file_mark import FileMark, mark_of
from trainer.formats.safetensors_header import read_header
from trainer.regular_file import open_regular

LENGTH = 12
"""Hex digits of it in an infotext."""

_BLOCK = 4 * 2**20
_HASH = re.compile(r"[0-9a-f]{12,64}")


def webui_hash(path: Path) -> str:
    """Return the first 12 hex digits of `sshs_model_hash`; of a file without it, of the sha256 of what follows its header.

    A file is read again only when it changes. Returns "" where it cannot be read or is not a safetensors file.
    """
    try:
        mark = mark_of(path)
    except OSError:
        return ""
    return _hash(path, mark)


@lru_cache(maxsize=4096)
def _hash(path: Path, _mark: FileMark) -> str:
    try:
        header = read_header(path)
        stored = header.metadata.get("sshs_model_hash", "").lower()
        return (stored if _HASH.fullmatch(stored) else _computed(path, 8 + header.length))[:LENGTH]
    except (LoraTuiError, OSError):
        return ""


def _computed(path: Path, start: int) -> str:
    digest = hashlib.sha256()
    with open_regular(path) as file:
        file.seek(start)
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()

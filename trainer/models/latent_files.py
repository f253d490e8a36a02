"""Files of latents, one for each key, that can be made again: what is damaged counts as not there, and nobody needs them to be written."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from trainer.atomic_file import atomic_path, remove_partial_files
from trainer.errors import ModelError
from trainer.formats.safetensors_header import read_header
from trainer.models.safetensors_write import bytes_of, write_tensors
from trainer.models.tensor_file import TensorFile
from trainer.models.weight_slice import WeightSlice
from trainer.text import plural, printable

_NAME, _DIGEST = "latents", "sha256"


class LatentFiles:
    """The latents in one folder.

    Args:
        folder: made when it is needed.
        say: takes a line about files that are damaged or cannot be written.
    """

    def __init__(self, folder: Path, say: Callable[[str], None] = lambda line: None) -> None:
        self._folder: Path | None = folder
        self._named = printable(str(folder))
        self._say = say
        self._damaged = 0
        self._cleaned = False

    def has(self, key: str) -> bool:
        """Return whether a key has a file, whole or not."""
        path = self._path(key)
        return path is not None and _is_there(path)

    def find(self, key: str, shape: tuple[int, ...]) -> Tensor | None:
        """Return latents, fp32 of that shape, on the CPU; None where there are none."""
        path = self._path(key)
        if path is None or not _is_there(path):
            return None
        try:
            header = read_header(path)
            if header.shapes == {_NAME: shape} and header.dtypes == {_NAME: "F32"}:
                latents = torch.empty(shape)
                with TensorFile(path, header) as file:
                    file.read_into(latents, WeightSlice(_NAME, shape))
                if header.metadata.get(_DIGEST) == _digest(latents):
                    return latents
        except ModelError:
            pass
        self._damaged += 1
        return None

    def keep(self, key: str, latents: Tensor) -> None:
        """Write latents, fp32 on the CPU; where that is impossible, none are written from then on."""
        path = self._path(key)
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not self._cleaned:
                self._cleaned = True
                remove_partial_files(path.parent)
            with atomic_path(path) as beside:
                write_tensors(beside, {_NAME: latents}, {_DIGEST: _digest(latents)})
        except OSError as error:
            # The bake can do without.
            self._folder = None
            self._say(f"latents are not kept on disk: {self._named} cannot be written ({error.strerror})")

    def report_damaged(self, what: str) -> None:
        """Say how many damaged files were found since, and what was done about them: `encoded again`."""
        if self._damaged:
            self._say(f"{plural(self._damaged, 'damaged file')} in {self._named}: {what}")
            self._damaged = 0

    def _path(self, key: str) -> Path | None:
        return None if self._folder is None else self._folder / f"{key}.safetensors"


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # A folder that may not be looked into.
        return False


def _digest(latents: Tensor) -> str:
    return hashlib.sha256(bytes_of(latents)).hexdigest()

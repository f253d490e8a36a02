"""Latents of pictures encoded before, found again by the picture's content and all else that decides them.

They are kept while the program runs, the ones used last, and where it is asked for as files in the workspace too.
"""

import hashlib
import json
import platform
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

import PIL
import torch
from torch import Tensor

from trainer.dataset.buckets import Placement
from trainer.dataset.content import content_of
from trainer.dataset.records import Picture
from trainer.models.base_model import BaseModel
from trainer.models.latent_files import LatentFiles

# Some 16,000 pictures at 512², 4,000 at 1024².
_MAX_BYTES = 2**30
# Raised when the same picture begins to give other latents here.
_FORM = 1


class _Memory:
    """Latents by key, the ones used last."""

    def __init__(self, most_bytes: int) -> None:
        self._lock = threading.Lock()
        self._most = most_bytes
        self._latents: OrderedDict[str, Tensor] = OrderedDict()
        self._bytes = 0

    def get(self, key: str) -> Tensor | None:
        with self._lock:
            found = self._latents.get(key)
            if found is not None:
                self._latents.move_to_end(key)
            return found

    def keep(self, key: str, latents: Tensor) -> None:
        with self._lock:
            before = self._latents.pop(key, None)
            self._latents[key] = latents
            self._bytes += latents.nbytes - (0 if before is None else before.nbytes)
            while self._bytes > self._most:
                _, oldest = self._latents.popitem(last=False)
                self._bytes -= oldest.nbytes

    def forget(self) -> None:
        with self._lock:
            self._latents.clear()
            self._bytes = 0


_memory = _Memory(_MAX_BYTES)


def forget_latents() -> None:
    """Let go of all latents that are kept in memory; files stay."""
    _memory.forget()


class LatentCache:
    """The latents of pictures that one model's VAE makes.

    What is found is what encoding would give, bit for bit: the key holds the picture's content, how it lies in its bucket, the
    VAE's weights, type and scaling, how many pictures are encoded at once, and the machine. A VAE that went over to a wider type is
    another one from there on, and what follows depends on what came before: nothing of it is looked up or kept.

    Args:
        model: whose VAE encodes.
        folder: where files are kept, made when it is needed; None for memory alone.
        say: takes a line about files that are damaged or cannot be written.
    """

    def __init__(
        self, model: BaseModel, folder: Path | None = None, say: Callable[[str], None] = lambda line: None
    ) -> None:
        self._model = model
        self._files = None if folder is None else LatentFiles(folder, say)
        self._machine = _machine(model.device)

    @property
    def is_in_use(self) -> bool:
        """Whether latents can be found and kept."""
        return not self._model.vae_is_widened

    def keys(self, pictures: Sequence[Picture], placements: Sequence[Placement]) -> list[str]:
        """Return the keys of pictures that are encoded together.

        Args:
            pictures, placements: parallel, one batch.

        Raises:
            DatasetError: a picture cannot be read.
        """
        model = self._model
        shared = [_FORM, self._machine, *model.latents_key(), len(pictures)]
        return [
            hashlib.sha256(
                json.dumps(
                    [*shared, content_of(picture.path).sha256, placement.bucket, placement.resized, placement.crop]
                ).encode()
            ).hexdigest()
            for picture, placement in zip(pictures, placements, strict=True)
        ]

    def find(self, key: str, bucket: tuple[int, int]) -> Tensor | None:
        """Return latents, fp32 [channels, height/f, width/f], on the CPU; None where there are none.

        Args:
            key: from `keys`.
            bucket: (width, height) in pixels.
        """
        latents = _memory.get(key)
        if self._files is None:
            return latents
        if latents is None:
            latents = self._files.find(key, self._model.latent_shape(bucket[1], bucket[0]))
            if latents is not None:
                _memory.keep(key, latents)
        elif not self._files.has(key):
            self._files.keep(key, latents)
        return latents

    def keep(self, key: str, latents: Tensor) -> None:
        """Keep what a picture was encoded to; nobody may change the tensor after that."""
        _memory.keep(key, latents)
        if self._files is not None:
            self._files.keep(key, latents)

    def close(self) -> None:
        """Say what was damaged; the store can be used again."""
        if self._files is not None:
            self._files.report_damaged("encoded again")


def _machine(device: torch.device) -> list[object]:
    """Return what else decides the last bits: versions, and the kernels that compute."""
    if device.type == "cuda":
        kernels: list[object] = [torch.cuda.get_device_name(device), torch.version.cuda]
    else:
        kernels = [platform.machine(), torch.backends.cpu.get_cpu_capability(), torch.get_num_threads()]
    return [torch.__version__, PIL.__version__, device.type, *kernels]

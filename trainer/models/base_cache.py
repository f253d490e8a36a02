"""The one loaded base, kept from one bake or grid to the next where the same is asked for.

Between two borrowers it lies in the computer's memory, nothing of it on the card; an engine that stays idle lets it go.
"""

import gc
import logging
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import nn

from trainer.errors import ModelError
from trainer.lean.compute_options import ComputeOptions
from trainer.lean.quantized import Kind
from trainer.machine.free_memory import return_free_memory
from trainer.models.base_model import BaseModel, numbered
from trainer.models.engines import load_base
from trainer.models.identify import Base
from trainer.models.memory_layout import memory_format
from trainer.models.model_content import content_of_model, marks_of_model
from trainer.refusals import user_path
from trainer.text import printable

_log = logging.getLogger(__name__)

# What the computer should still have free when a base comes back to it from a card.
_SPARE = 2 * 2**30

_Bare = tuple[Hashable, ...]


@dataclass(frozen=True)
class WantedBase:
    """A base in a form.

    Attributes:
        base: which.
        device: where it computes.
        dtype: type of U-Net and text encoders.
        vae: path of a VAE in place of the base's, "" for its own.
        vae_dtype: the VAE's type.
        quantized: in which 8 bits the large weights are held; None for `dtype`.
    """

    base: Base
    device: torch.device | str
    dtype: torch.dtype
    vae: str = ""
    vae_dtype: torch.dtype = torch.float32
    quantized: Kind | None = None

    def key(self) -> Hashable:
        """Return what two loaded bases have in common that are the same: their contents, wherever they lie, and their form.

        Raises:
            ModelError: a file is missing or cannot be read.
        """
        contents = [content_of_model(place) for place in self._places]
        return (
            tuple(content.sha256 for content in contents if content is not None),
            bool(self.vae),
            str(numbered(self.device)),
            self.dtype,
            self.vae_dtype,
            self.quantized,
        )

    def marks(self) -> Hashable:
        """Return what differs after one of the files was replaced or written to."""
        return tuple(marks_of_model(place) for place in self._places)

    @property
    def _places(self) -> tuple[Path, ...]:
        own = (self.base.path, *self.base.component_files.values())
        return (*own, user_path(self.vae)) if self.vae else own


@dataclass(frozen=True)
class _Kept:
    key: Hashable
    model: BaseModel
    bare: _Bare


class _BaseCache:
    """The one base that waits for its next borrower."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: _Kept | None = None

    def take(self, key: Hashable) -> _Kept | None:
        """Return the kept base where it is the one asked for; another one is dropped, for two would not fit.

        So is one whose VAE could not be read again from where it was: the same model may lie elsewhere by now.
        """
        with self._lock:
            kept, self._kept = self._kept, None
        if kept is None or (kept.key == key and kept.model.can_bring_vae()):
            return kept
        del kept
        _tidy()
        return None

    def keep(self, kept: _Kept) -> None:
        with self._lock:
            self._kept = kept

    def forget(self) -> bool:
        with self._lock:
            there, self._kept = self._kept is not None, None
        return there


_keeper = _BaseCache()


@contextmanager
def acquire_base(wanted: WantedBase) -> Iterator[BaseModel]:
    """Lend a base, bare of any LoRA and with all its parts away from the card, while the block lasts.

    It is kept for the next borrower where the block ends well and leaves it as it was lent; otherwise it is dropped. It is known by
    the content of its files: another one under the same path is loaded.

    Raises:
        ModelError: it cannot be loaded, or was written to meanwhile.
    """
    marks, key = wanted.marks(), wanted.key()
    kept = _keeper.take(key)
    if kept is None:
        model = _loaded(wanted)
        if wanted.marks() != marks:
            raise ModelError(
                printable(str(wanted.base.path)),
                found="its files were replaced or written to while they were being read",
                expected="a model that stays as it is",
                way_out="start again once it is complete",
            )
        kept = _Kept(key, model, _as_it_computes(model))
        del model
    try:
        yield kept.model
        _give_back(kept)
    finally:
        on_card = kept.model.device.type == "cuda"
        del kept
        if on_card:
            torch.cuda.empty_cache()


def forget_base() -> bool:
    """Drop the kept base, and return whether there was one; the next borrower loads it again."""
    there = _keeper.forget()
    if there:
        _tidy()
    return there


def _give_back(kept: _Kept) -> None:
    """Keep a base that its borrower has done with, if nothing of the borrower is left on it and there is room for it."""
    model = kept.model
    if not _has_room(model):
        return
    try:
        model.set_compute_options(ComputeOptions())
        model.rest()
    except (MemoryError, RuntimeError, ModelError) as error:
        # The borrower's own work is done.
        _log.warning("the base is not kept: %s", error)
        return
    if _as_it_computes(model) != kept.bare:
        # Whatever it was: a bake on this base would be another one than on a fresh one.
        _log.warning("the base is not kept: something was left on it")
        return
    _keeper.keep(kept)


def _has_room(model: BaseModel) -> bool:
    """Return whether what lies on a card fits into the computer's memory."""
    coming = sum(
        weight.nbytes
        for root in model.modules
        for weight in (*root.parameters(), *root.buffers())
        if weight.device.type != "cpu"
    )
    return not coming or coming + _SPARE < psutil.virtual_memory().available


def _loaded(wanted: WantedBase) -> BaseModel:
    model = load_base(
        wanted.base,
        device=wanted.device,
        dtype=wanted.dtype,
        vae=wanted.vae,
        vae_dtype=wanted.vae_dtype,
        quantized=wanted.quantized,
        waiting=True,
    )
    model.body.to(memory_format=memory_format())
    model.set_compute_options(ComputeOptions())
    return_free_memory()
    return model


def _as_it_computes(model: BaseModel) -> _Bare:
    """Return what decides how the modules compute, their weights aside: a borrower's LoRA, hook or switch would show in it."""
    return tuple(_switches(module) for root in model.modules for module in root.modules())


def _switches(module: nn.Module) -> Hashable:
    own: dict[str, Any] = module.__dict__
    weights = own["_parameters"].values()
    return (
        type(module),
        # By name: wrapped again it is another object.
        _name_of(own.get("forward")),
        type(own.get("processor")),
        own.get("gradient_checkpointing", False),
        own.get("_compiled_call_impl") is not None,
        module.training,
        len(own["_forward_hooks"]) + len(own["_forward_pre_hooks"]) + len(own["_backward_hooks"]),
        any(weight is not None and weight.requires_grad for weight in weights),
    )


def _name_of(forward: object) -> str:
    """Return which `forward` an instance has of its own, "" for its class's."""
    return "" if forward is None else str(getattr(forward, "__qualname__", type(forward).__qualname__))


def _tidy() -> None:
    # Modules and what wraps them hold each other.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return_free_memory()

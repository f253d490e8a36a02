"""The model of a grid that runs alone: it borrows the base that a recipe asks for, one at a time, and gives it back at the end."""

from collections.abc import Hashable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from trainer.grid.recipe import ComputeSetup, HalfType, Recipe
from trainer.grid.sampling_order import base_key
from trainer.models.base_cache import acquire_base
from trainer.models.memory_layout import tuned
from trainer.sampling.compute_setup import compute_setup_for
from trainer.sampling.sampler import GridSampler, sampler_on, wanted_base


class StandaloneProvider:
    """Borrows what is asked for, while the block lasts; see models.base_cache."""

    def __init__(self) -> None:
        self._compute_setup: ComputeSetup | None = None
        self._loaded: tuple[Hashable, ...] = ()
        self._sampler: GridSampler | None = None
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the base back, to be kept where nothing broke."""
        self._sampler, self._loaded = None, ()
        self._closing.__exit__(kind, error, trace)

    def loaded(self) -> Mapping[str, str]:
        """Return nothing: files are read when they are asked for."""
        return {}

    def compute_setup(self, precision: str, half: HalfType) -> ComputeSetup:
        """Return what a grid's pictures are made with.

        Args:
            precision, half: as for compute_setup_for.

        Raises:
            GridError: this computer cannot compute in the precision asked for.
        """
        self._compute_setup = compute_setup_for(precision, half)
        return self._compute_setup

    def sampler(self, recipe: Recipe) -> GridSampler:
        """Return the sampler on the recipe's base, in the place of the one before where another one is asked for.

        Raises:
            ModelError: it cannot be loaded.
        """
        wanted = base_key(recipe)
        if self._sampler is None or wanted != self._loaded:
            self._sampler, self._loaded = None, ()
            # Before the next one is there: both at once would not fit.
            self._closing.close()
            compute_setup = self._compute_setup or compute_setup_for("auto")
            model = self._closing.enter_context(acquire_base(wanted_base(recipe, compute_setup)))
            self._closing.enter_context(tuned(model.body))
            self._sampler = sampler_on(model, recipe, compute_setup)
            self._loaded = wanted
            self._closing.callback(self._sampler.close)
        return self._sampler

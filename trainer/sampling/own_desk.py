"""A desk of a grid's own: it loads the base that a recipe asks for, one at a time, and lets it go at the end."""

import gc
from collections.abc import Hashable
from contextlib import ExitStack
from typing import Self

import torch

from trainer.grid.order import desk_of
from trainer.grid.recipe import Machinery, Recipe
from trainer.grid.spec import GridSpec
from trainer.models.pace import settled
from trainer.sampling.machinery import machinery_for
from trainer.sampling.studio import Studio, load_studio


class OwnDesk:
    """Loads what is asked for, while the block lasts."""

    def __init__(self) -> None:
        """Nothing is loaded."""
        self._machinery: Machinery | None = None
        self._loaded: tuple[Hashable, ...] = ()
        self._studio: Studio | None = None
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        """Return this desk."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the base go."""
        self._let_go()

    def machinery(self, spec: GridSpec) -> Machinery:
        """Return what pictures of `spec` are made with.

        Raises:
            GridError: this computer cannot compute in the precision asked for.
        """
        self._machinery = machinery_for(spec.precision)
        return self._machinery

    def studio(self, recipe: Recipe) -> Studio:
        """Return the studio on the recipe's base, loading it where another one is loaded.

        Raises:
            ModelError: it cannot be loaded.
        """
        wanted = desk_of(recipe)
        if self._studio is None or wanted != self._loaded:
            # Both at once would not fit the card.
            self._let_go()
            machinery = self._machinery or machinery_for("auto")
            self._studio = load_studio(recipe, machinery)
            self._loaded = wanted
            self._closing.callback(self._studio.close)
            self._closing.enter_context(settled(self._studio.model.unet))
        return self._studio

    def _let_go(self) -> None:
        self._closing.close()
        self._closing = ExitStack()
        if self._studio is None:
            return
        self._studio, self._loaded = None, ()
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

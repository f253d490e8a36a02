"""A desk of a grid's own: it borrows the base that a recipe asks for, one at a time, and gives it back at the end."""

from collections.abc import Hashable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from trainer.grid.order import desk_of
from trainer.grid.recipe import Machinery, Recipe
from trainer.grid.spec import GridSpec
from trainer.models.kept_base import lent_base
from trainer.models.pace import settled
from trainer.sampling.machinery import machinery_for
from trainer.sampling.studio import Studio, studio_on, wanted_base


class OwnDesk:
    """Borrows what is asked for, while the block lasts; see models.kept_base."""

    def __init__(self) -> None:
        """Nothing is loaded."""
        self._machinery: Machinery | None = None
        self._loaded: tuple[Hashable, ...] = ()
        self._studio: Studio | None = None
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        """Return this desk."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the base back, to be kept where nothing broke."""
        self._studio, self._loaded = None, ()
        self._closing.__exit__(kind, error, trace)

    def machinery(self, spec: GridSpec) -> Machinery:
        """Return what pictures of `spec` are made with.

        Raises:
            GridError: this computer cannot compute in the precision asked for.
        """
        self._machinery = machinery_for(spec.precision)
        return self._machinery

    def studio(self, recipe: Recipe) -> Studio:
        """Return the studio on the recipe's base, in the place of the one before where another one is asked for.

        Raises:
            ModelError: it cannot be loaded.
        """
        wanted = desk_of(recipe)
        if self._studio is None or wanted != self._loaded:
            self._studio, self._loaded = None, ()
            # Before the next one is there: both at once would not fit.
            self._closing.close()
            machinery = self._machinery or machinery_for("auto")
            model = self._closing.enter_context(lent_base(wanted_base(recipe, machinery)))
            self._closing.enter_context(settled(model.unet))
            self._studio = studio_on(model, recipe, machinery)
            self._loaded = wanted
            self._closing.callback(self._studio.close)
        return self._studio

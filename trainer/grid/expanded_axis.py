"""An axis with its values, and the order in which axes act on a cell."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from trainer.errors import GridError
from trainer.grid.axes import Kind, title_for
from trainer.grid.axis_values import AxisValue, listed_values, values_of
from trainer.grid.cell import Axis
from trainer.grid.model_files import ModelFiles
from trainer.grid.spec import AxisSpec, GridSpec
from trainer.settings.parts import Family
from trainer.text import printable

AXIS_NAMES = ("X", "Y", "Z")

# Complete prompts come first, because the others change what is in them; the token goes last, because an outfit is put behind
# it. The file of a LoRA comes before its factors, and a bake before its epoch. A kind that is not named goes with the last.
_ORDER = {
    "prompt": 0,
    "negative_prompt": 0,
    "prompt_sr": 1,
    "prompt_order": 1,
    "outfit": 1,
    "token": 2,
    "bake": 3,
    "lora": 4,
    "epoch": 4,
    "text_encoder_epoch": 5,
    "weight": 6,
}
# LoRA tags leave the prompt between the two groups.
_TAGS, _LAST = 3, 7


@dataclass(frozen=True)
class ExpandedAxis:
    """An axis with its values.

    Attributes:
        where: what an error starts with: `X Steps`.
        place: which of a cell's three values is of it: 0 for X.
        kind, values: as from values_of.
    """

    where: str
    place: int
    kind: Kind
    values: tuple[AxisValue, ...]

    @property
    def name(self) -> str:
        """Its letter: `X`."""
        return AXIS_NAMES[self.place]

    @property
    def changes_prompts(self) -> bool:
        """Whether it acts before LoRA tags leave the prompt."""
        return self.order < (_TAGS, 0)

    @property
    def order(self) -> tuple[int, int]:
        """When it acts: axes of lower numbers come first."""
        return _ORDER.get(self.kind.plain, _LAST), self.place

    def axis(self, family: Family) -> Axis:
        """Return it as a grid on bases of a family shows it."""
        labels = tuple(value.label for value in self.values)
        return Axis(self.kind.key, title_for(self.kind, family), labels, listed_values(self.values, self.kind))


def expand_axis(axis: AxisSpec, place: int, spec: GridSpec, model_files: ModelFiles) -> ExpandedAxis:
    """Return an axis with its values.

    Raises:
        GridError: as values_of.
    """
    kind, values = values_of(axis, spec, model_files, AXIS_NAMES[place])
    return ExpandedAxis(f"{AXIS_NAMES[place]} {kind.title}", place, kind, values)


@contextmanager
def naming_prompt_axes(axes: Sequence[ExpandedAxis], place: tuple[int, int, int]) -> Iterator[None]:
    """Add to an error about a prompt which values of the axes made that prompt."""
    try:
        yield
    except GridError as error:
        raise GridError(
            f"{error.where}{prompt_values(axes, place)}",
            found=error.found,
            expected=error.expected,
            way_out=error.way_out,
        ) from None


def prompt_values(axes: Sequence[ExpandedAxis], place: tuple[int, int, int]) -> str:
    """Return ` where X is …` for the axes that change prompts, "" where none does."""
    values = [
        f"{axis.name} is `{printable(axis.values[place[axis.place]].label, 60)}`"
        for axis in axes
        if axis.changes_prompts
    ]
    return f" where {' and '.join(values)}" if values else ""

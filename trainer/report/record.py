"""A bake's report as plain data, from which HTML and markdown are made alike. Its texts may be from files: they are data, never markup."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True)
class FactList:
    """Names with what is known under them; an entry may have several lines."""

    entries: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class TextTable:
    """A table.

    Attributes:
        head: over each column.
        rows: as many texts each.
        numbers: which columns hold numbers, and stand on the right.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True)
class TextLines:
    """Lines that belong together, each for itself; with a title, or without one."""

    lines: tuple[str, ...]
    title: str = ""


@dataclass(frozen=True)
class AlignedLines:
    """Lines whose columns stand under each other in a font of one width."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class QuotedText:
    """What somebody wrote, as it stands."""

    text: str


@dataclass(frozen=True)
class StepCurve:
    """One line of a plot; parallel lists.

    Attributes:
        label: what it is.
        steps: where its values stand.
        values: what is drawn: values, or means of a column; nan for none.
        low, high: the band around it: lowest and highest value of a column, or an interval; empty for none.
    """

    label: str
    steps: Sequence[float]
    values: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True)
class StepPlot:
    """A plot over the steps of the bake.

    Attributes:
        title: what is drawn.
        lines: at most five.
        last: the last step of the axis.
        unit: `%` where values are shares from 0 to 1, else of the values.
        log_scale: whether the values are drawn by their logarithms.
        note: what the band is, and the like.
    """

    title: str
    lines: tuple[StepCurve, ...]
    last: float
    unit: str = ""
    log_scale: bool = False
    note: str = ""


@dataclass(frozen=True)
class PictureFile:
    """A picture of the workspace.

    Attributes:
        caption: what it shows.
        path: its file.
        name: that from the workspace's folder.
    """

    caption: str
    path: Path
    name: str


Block: TypeAlias = FactList | TextTable | TextLines | AlignedLines | QuotedText | StepPlot | PictureFile


@dataclass(frozen=True)
class Chapter:
    """A part of the report; one without blocks is left out."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class BakeReport:
    """Everything known of a bake.

    Attributes:
        number, name: of the bake.
        facts: in a few words each, for the line under the title.
        chapters: in their order.
        remarks: lines for its end.
    """

    number: int
    name: str
    facts: tuple[str, ...]
    chapters: tuple[Chapter, ...]
    remarks: tuple[str, ...] = field(default_factory=tuple)

    @property
    def title(self) -> str:
        """`Bake 12: hifumi`."""
        return f"Bake {self.number}: {self.name}"

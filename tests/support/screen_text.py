"""Screens as text: their signs, and the colours of each run of cells in two themes at three colour depths."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from string import ascii_letters
from typing import Any

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.style import Style
from textual._context import visible_screen_stack
from textual.app import App

SIZES = ((160, 50), (120, 36), (80, 24), (60, 20), (40, 10))
"""Columns and lines, the largest first."""

_SYSTEMS = {"all": None, "256": ColorSystem.EIGHT_BIT, "16": ColorSystem.STANDARD}
_ATTRIBUTES = ("bold", "italic", "underline", "strike", "dim")
_BLANKS = " \u00a0⠀"


@dataclass(frozen=True)
class Look:
    """A theme on a terminal with so many colours: `all`, `256` or `16`."""

    theme: str
    depth: str

    def __str__(self) -> str:
        return f"{self.theme} {self.depth}"

    @property
    def system(self) -> ColorSystem:
        """Rich's name for what the terminal has."""
        return _SYSTEMS[self.depth] or ColorSystem.TRUECOLOR


LOOKS = tuple(Look(theme, depth) for theme in ("ember", "flour") for depth in _SYSTEMS)
"""The dark theme and the light one, each at every depth."""

Run = tuple[int, str]
"""So many cells, and their style in words."""


@dataclass(frozen=True)
class Row:
    """One line of a screen: its text without blanks at the end, and its styles from left to right."""

    text: str
    runs: tuple[Run, ...]

    @property
    def cells(self) -> list[str]:
        """The style of each cell."""
        return [style for number, style in self.runs for _ in range(number)]


Seen = tuple[Row, ...]
"""A whole screen in one look."""


@dataclass(frozen=True)
class KeptScreen:
    """What a file of a screen holds: size -> look -> what was seen."""

    about: str
    seen: Mapping[tuple[int, int], Mapping[Look, Seen]]


def take(app: App[Any], look: Look) -> Seen:
    """Return the screen on top as a terminal of `look` gets it."""
    # What a dialog lets through is that of these.
    visible_screen_stack.set(app._background_screens)
    return tuple(_row(strip, look) for strip in app.screen._compositor.render_strips())


def _row(strip: Iterable[Any], look: Look) -> Row:
    text = ""
    runs: list[list[Any]] = []
    for piece, style, control in strip:
        if control or not piece:
            continue
        text += piece
        ink, ground, attributes = _words(style or Style(), look)
        for blank, signs in groupby(piece, _BLANKS.__contains__ if not attributes else _never):
            cells = cell_len("".join(signs))
            last = runs[-1] if runs else None
            if (
                last is not None
                and last[2] == ground
                and (blank or (last[1], last[3]) in ((ink, attributes), ("", "")))
            ):
                # A blank has no ink of its own.
                last[0] += cells
                if not blank:
                    last[1], last[3] = ink, attributes
            else:
                runs.append([cells, "" if blank else ink, ground, "" if blank else attributes])
    return Row(
        text.rstrip(), tuple((cells, " ".join(filter(None, (ink or "-", "on", ground, attributes)))) for cells, ink, ground, attributes in runs)
    )  # fmt: skip


def _never(sign: str) -> bool:
    return False


def _words(style: Style, look: Look) -> tuple[str, str, str]:
    """Return ink, ground and attributes of a style in words."""
    ink, ground = (_colour(each, look) for each in (style.color, style.bgcolor))
    if style.reverse:
        ink, ground = ground, ink
    return ink, ground, " ".join(name for name in _ATTRIBUTES if getattr(style, name))


def _colour(colour: Any, look: Look) -> str:
    if colour is None or colour.is_default:
        return "default"
    if look.depth == "all":
        return str(colour.get_truecolor().hex.removeprefix("#"))
    return str(colour.downgrade(look.system).number)


def as_text(kept: KeptScreen) -> str:
    """Return the file of a screen."""
    ids: dict[tuple[str, ...], str] = {}
    names = _names()
    parts: list[str] = []
    for (columns, lines), looks in kept.seen.items():
        first = looks[LOOKS[0]]
        for look, seen in looks.items():
            if [row.text for row in seen] != [row.text for row in first]:
                raise AssertionError(f"{columns}x{lines}: other signs in {look} than in {LOOKS[0]}")
        parts += [f"== {columns}x{lines}", *(row.text for row in first), f"== {columns}x{lines} styles"]
        rows = []
        for at in range(len(first)):
            of_cells = zip(*(looks[look][at].cells for look in LOOKS), strict=True)
            runs = [(len(list(same)), style) for style, same in groupby(of_cells)]
            for _, style in runs:
                if style not in ids:
                    ids[style] = next(names)
            rows.append(" ".join(f"{cells}{ids[style]}" for cells, style in runs))
        parts += list(_ranges(rows))
    legend = [f"{name}  " + " | ".join(style) for style, name in ids.items()]
    return "\n".join([kept.about, "styles: " + " | ".join(map(str, LOOKS)), *legend, *parts, ""])


def read_text(path: Path) -> KeptScreen:
    """Return what the file of a screen holds."""
    lines = path.read_text(encoding="utf-8").split("\n")
    at = next(place for place, line in enumerate(lines) if line.startswith("== "))
    legend = {name: styles.split(" | ") for name, _, styles in (line.partition("  ") for line in lines[2:at])}
    seen: dict[tuple[int, int], dict[Look, Seen]] = {}
    while lines[at].startswith("== "):
        columns, height = map(int, lines[at].removeprefix("== ").split("x"))
        texts = lines[at + 1 : at + 1 + height]
        at += height + 2
        runs: list[list[tuple[int, str]]] = []
        while lines[at] and not lines[at].startswith("== "):
            where, _, what = lines[at].partition(": ")
            start, _, end = where.partition("-")
            runs += [[_run(each) for each in what.split()]] * (int(end or start) - int(start) + 1)
            at += 1
        seen[columns, height] = {
            look: tuple(
                Row(text, _merged((cells, legend[name][place]) for cells, name in of_row))
                for text, of_row in zip(texts, runs, strict=True)
            )
            for place, look in enumerate(LOOKS)
        }
    return KeptScreen(lines[0], seen)


def differences(kept: Seen, now: Seen, *, most: int = 6) -> list[str]:
    """Return in words what of a screen is other than it was kept, at most so many lines of it."""
    if len(kept) != len(now):
        return [f"{len(now)} lines in place of {len(kept)}"]
    found = []
    for number, (before, after) in enumerate(zip(kept, now, strict=True)):
        if before.text != after.text:
            found += [f"line {number} was: {before.text}", f"line {number} is:  {after.text}"]
        elif before.runs != after.runs:
            pairs = zip(before.cells, after.cells, strict=False)
            column = next(
                (place for place, (one, two) in enumerate(pairs) if one != two),
                min(len(before.cells), len(after.cells)),
            )
            was, now_is = (row.cells[column : column + 1] or ["nothing"] for row in (before, after))
            found.append(f"line {number} from column {column}: {now_is[0]} in place of {was[0]}: {after.text}")
    return [*found[:most], f"and {len(found) - most} more"] if len(found) > most else found


def _ranges(rows: Sequence[str]) -> Iterator[str]:
    """Yield each line's runs behind its number, those of equal neighbours once."""
    at = 0
    for same, group in groupby(rows):
        number = len(list(group))
        yield f"{at}: {same}" if number == 1 else f"{at}-{at + number - 1}: {same}"
        at += number


def _run(text: str) -> tuple[int, str]:
    name = text.lstrip("0123456789")
    return int(text.removesuffix(name)), name


def _merged(runs: Iterable[Run]) -> tuple[Run, ...]:
    return tuple(
        (sum(cells for cells, _ in same), style) for style, same in ((style, list(group)) for style, group in groupby(runs, lambda run: run[1]))
    )  # fmt: skip


def _names() -> Iterator[str]:
    yield from ascii_letters
    yield from (first + second for first in ascii_letters for second in ascii_letters)

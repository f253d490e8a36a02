"""The colours of the screens kept as text: words can be read on their ground at every depth, and none is told from another by colour alone."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from painted import Cell
from rich.cells import cell_len
from rich.color import Color
from screen_text import LOOKS, Look, Row, read_text

from lora_tui.colours.theme_files import find_themes

KEPT = Path(__file__).parent / "__snapshots__"
FILES = sorted(KEPT.glob("*.txt"))
# As in test_screen_colours.py.
READABLE = 2.4
# A screen shows through behind these, dimmed.
OVER_SCREENS = {
    "bake-diff",
    "curve-choice",
    "grids",
    "judgement",
    "data-findings",
    "operation",
    "preview",
    "palette",
    "help",
}


def rows(path: Path, looks: tuple[Look, ...] = LOOKS) -> Iterator[tuple[Look, Row]]:
    """Yield every row of a file."""
    for seen in read_text(path).seen.values():
        for look in looks:
            yield from ((look, row) for row in seen[look])


def pieces(row: Row) -> Iterator[tuple[str, str]]:
    """Yield the text of each run of cells with its style."""
    cells = [sign for each in row.text for sign in (each, *[""] * (cell_len(each) - 1))]
    at = 0
    for number, style in row.runs:
        yield "".join(cells[at : at + number]).strip(), style
        at += number


def colour(words: str) -> Color:
    """Return a colour as a file has it."""
    return Color.from_ansi(int(words)) if words.isdecimal() and len(words) < 4 else Color.parse(f"#{words}")


def test_words_can_be_read_on_their_ground_at_every_depth() -> None:
    styles: dict[tuple[str, str], set[str]] = defaultdict(set)
    for path in FILES:
        if path.stem not in OVER_SCREENS:
            for look, row in rows(path):
                for piece, style in pieces(row):
                    ink, _, ground, *_ = style.split()
                    if ink != "-" and any(sign.isalnum() for sign in piece):
                        styles[ink, ground].add(f"{path.stem}, {look}: {piece[:30]}")
    assert len(styles) > 40
    hidden = {
        f"{ink} on {ground}": sorted(where)[:3]
        for (ink, ground), where in styles.items()
        if Cell("x", colour(ink), colour(ground)).contrast < READABLE
    }
    assert hidden == {}


@pytest.mark.parametrize("name", ["ember", "flour"])
def test_no_word_and_no_sign_stands_for_two_states_told_apart_by_their_colour(name: str) -> None:
    theme = next(file.theme for file in find_themes().files if file.theme.name == name)
    states = {str(getattr(theme, state)).removeprefix("#"): state for state in ("success", "warning", "error")}
    assert len(states) == 3
    said: dict[str, set[str]] = defaultdict(set)
    for path in FILES:
        for _, row in rows(path, (Look(name, "all"),)):
            for piece, style in pieces(row):
                for value, state in states.items():
                    if piece and near(style.split()[0], value):
                        said[piece].add(state)
    assert {state for each in said.values() for state in each} == set(states.values())
    assert {piece: each for piece, each in said.items() if len(each) > 1} == {}


def near(ink: str, value: str) -> bool:
    """Return whether two colours are one: Textual's own arithmetic is a step off now and then."""
    if len(ink) != 6:
        return False
    return all(abs(int(ink[at : at + 2], 16) - int(value[at : at + 2], 16)) <= 2 for at in (0, 2, 4))

"""What a terminal with few colours gets of a screen, cell by cell."""

from dataclasses import dataclass

from rich.color import Color as RichColor
from rich.color import ColorSystem
from textual.app import App
from textual.color import Color, rgb_to_lab
from textual.geometry import Region

from lora_tui.colours.palettes import palette_of

SYSTEMS = {"256": ColorSystem.EIGHT_BIT, "standard": ColorSystem.STANDARD}


@dataclass(frozen=True)
class Cell:
    """One cell: its sign, and the numbers of ink and ground as they are sent."""

    sign: str
    ink: RichColor
    ground: RichColor

    @property
    def contrast(self) -> float:
        """WCAG 2.1's contrast of ink and ground, in the values that terminals have by default."""
        darker, lighter = sorted((_luminance(self.ink), _luminance(self.ground)))
        return (lighter + 0.05) / (darker + 0.05)


def painted(app: App[object]) -> list[list[Cell]]:
    """Return the rows of the screen on top, as the terminal's colour system has them."""
    system = SYSTEMS[str(app.console.color_system)]
    rows = []
    for strip in app.screen._compositor.render_strips():
        row: list[Cell] = []
        for text, style, _ in strip:
            if not text:
                continue
            assert style is not None and style.bgcolor is not None, repr(text)
            # A blank needs no ink.
            ink, ground = (style.color or style.bgcolor).downgrade(system), style.bgcolor.downgrade(system)
            if style.reverse:
                ink, ground = ground, ink
            row += [Cell(sign, ink, ground) for sign in text]
        rows.append(row)
    return rows


def part(rows: list[list[Cell]], region: Region) -> list[Cell]:
    """Return the cells of a region."""
    return [cell for row in rows[region.y : region.bottom] for cell in row[region.x : region.right]]


def apart(one: RichColor, other: RichColor) -> float:
    """Return how far two colours are apart: CIE 1976, where 2.3 can just be seen side by side."""
    here, there = (rgb_to_lab(Color(*_values(colour))) for colour in (one, other))
    return sum((a - b) ** 2 for a, b in zip((here.L, here.a, here.b), (there.L, there.a, there.b), strict=True)) ** 0.5


def _values(colour: RichColor) -> tuple[int, int, int]:
    """Return the values that terminals have by default; of the sixteen, those of a PC's console, which are nearest to each other."""
    if colour.number is not None and colour.number < 16:
        palette = palette_of("standard")
        assert palette is not None
        return Color.parse(palette.colours[colour.number]).rgb
    return colour.get_truecolor(None)


def _luminance(colour: RichColor) -> float:
    parts = [part / 255 for part in _values(colour)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

"""Palettes of terminals with 256 and with 16 colours: the colour that is sent as each number, and themes brought to them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache

from rich.color import Color as RichColor
from rich.color import ColorSystem
from textual.color import Color
from textual.theme import Theme

GROUNDS = ("background", "surface", "panel", "cursor-ground", "block-cursor-background", "rule")
"""Roles that must differ where ground, cursor row, rules and dialogs are to be seen; a role gives way to those before it."""

# The values of a PC's console. The user's terminal has its own: only the numbers are sent.
_SIXTEEN = (
    "#000000 #aa0000 #00aa00 #aa5500 #0000aa #aa00aa #00aaaa #aaaaaa "
    "#555555 #ff5555 #55ff55 #ffff55 #5555ff #ff55ff #55ffff #ffffff"
)
_CUBE_LEVELS = (0, 95, 135, 175, 215, 255)
_FIRST_OF_CUBE, _BEFORE_GREYS = 16, 231
_OWN_FIELDS = frozenset(field.name for field in fields(Theme)) - {"variables"}


@dataclass(frozen=True)
class Palette:
    """The colours of one kind of terminal.

    Attributes:
        table: name of the table in a theme file that chooses among them.
        colours: number -> the colour, as `#rrggbb`, that Rich sends as this number.
        apart: whether grounds that nobody chose a number for are kept apart; sixteen colours are too few to look for near ones.
    """

    table: str
    colours: Mapping[int, str]
    apart: bool

    def nearest(self, colour: Color, taken: Mapping[int, object]) -> int:
        """Return the number of the colour nearest to `colour` that is not among `taken`."""

        def distance(number: int) -> int:
            other = Color.parse(self.colours[number]).rgb
            return sum((one - two) ** 2 for one, two in zip(colour.rgb, other, strict=True))

        return min((number for number in self.colours if number not in taken), key=distance)


def palette_of(color_system: str | None) -> Palette | None:
    """Return the palette of a terminal by Rich's name of its colour system; None where no colour is out of reach."""
    return {"256": _palette_of_256, "standard": _palette_of_16}.get(color_system or "", lambda: None)()


def palettes() -> tuple[Palette, ...]:
    """Return the palettes that a theme file may choose from."""
    return (_palette_of_256(), _palette_of_16())


def in_palette(theme: Theme, numbers: Mapping[str, int], palette: Palette, made: Mapping[str, str]) -> Theme:
    """Return `theme` with the colours of `palette`.

    Args:
        theme: with colours of its own.
        numbers: role -> the number chosen for it; a role that is missing keeps its colour, which the terminal gets as the nearest
            one, or as the nearest that no ground has yet.
        palette: the terminal's.
        made: role -> its colour in `theme`, for all of GROUNDS.
    """
    chosen = dict(numbers)
    if palette.apart:
        chosen |= _kept_apart(numbers, palette, made)
    colours = {role: palette.colours[number] for role, number in chosen.items()}
    own = {role: colour for role, colour in colours.items() if role in _OWN_FIELDS}
    others = {role: colour for role, colour in colours.items() if role not in _OWN_FIELDS}
    return replace(theme, variables={**theme.variables, **others}, **own)  # type: ignore[arg-type]  # all of them colours


def _kept_apart(numbers: Mapping[str, int], palette: Palette, made: Mapping[str, str]) -> dict[str, int]:
    """Return a number for each ground without one: different numbers for different colours."""
    taken: dict[int, str] = {numbers[role]: made[role] for role in GROUNDS if role in numbers}
    found: dict[str, int] = {}
    for role in GROUNDS:
        if role in numbers:
            continue
        same = next((number for number, colour in taken.items() if colour == made[role]), None)
        number = palette.nearest(Color.parse(made[role]), taken) if same is None else same
        taken[number] = made[role]
        found[role] = number
    return found


@cache
def _palette_of_256() -> Palette:
    """Return the colours from 16 on; those below may be anything, they are the user's own.

    Rich sends a colour of little saturation as one of the greys, and the light ones a step darker than they are: so each number
    stands here with a colour that arrives as it. The greys of the cube (59, 102, 145, 188) never do.
    """
    colours = {
        _FIRST_OF_CUBE + 36 * red + 6 * green + blue: _hex(_CUBE_LEVELS[red], _CUBE_LEVELS[green], _CUBE_LEVELS[blue])
        for red in range(6)
        for green in range(6)
        for blue in range(6)
    }
    for step in range(1, 25):
        grey = round(step * 255 / 25)
        colours[_BEFORE_GREYS + step] = _hex(grey, grey, grey)
    return Palette("colours-256", _that_arrive(colours, ColorSystem.EIGHT_BIT), apart=True)


@cache
def _palette_of_16() -> Palette:
    return Palette("colours-16", _that_arrive(dict(enumerate(_SIXTEEN.split())), ColorSystem.STANDARD), apart=False)


def _that_arrive(colours: Mapping[int, str], system: ColorSystem) -> dict[int, str]:
    return {
        number: colour
        for number, colour in colours.items()
        if RichColor.parse(colour).downgrade(system).number == number
    }


def _hex(red: int, green: int, blue: int) -> str:
    return f"#{red:02x}{green:02x}{blue:02x}"

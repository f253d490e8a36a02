"""A small drawing surface, four times as fine as the picture it becomes, so that edges come out smooth."""

import random
from collections.abc import Iterable

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]

SIDE = 64
_FINE = 4


def jittered(colour: Colour, rng: random.Random, by: int = 10) -> Colour:
    """Return `colour` with each channel moved by up to `by`."""
    red, green, blue = (max(0, min(255, channel + rng.randint(-by, by))) for channel in colour)
    return red, green, blue


def shaded(colour: Colour, factor: float) -> Colour:
    """Return `colour` darkened to `factor`."""
    red, green, blue = (int(channel * factor) for channel in colour)
    return red, green, blue


class Canvas:
    """Draws in picture coordinates (0 to 64), shifted and scaled around a centre.

    Args:
        centre: where (0, 0) lies on the picture.
        scale: picture units per unit.
        onto: the canvas whose surface is shared; None makes a new one.
    """

    def __init__(self, centre: Point = (0, 0), scale: float = 1.0, onto: "Canvas | None" = None) -> None:
        self._image: Image.Image = onto._image if onto else Image.new("RGB", (SIDE * _FINE, SIDE * _FINE))
        self._draw = ImageDraw.Draw(self._image)
        self._centre = centre
        self.scale = scale

    def _at(self, *numbers: float) -> list[float]:
        (left, top), scale = self._centre, self.scale
        return [((left if i % 2 == 0 else top) + number * scale) * _FINE for i, number in enumerate(numbers)]

    def _stroke(self, width: float, least: float) -> int:
        return int(width * _FINE * max(self.scale, least))

    def ellipse(self, x0: float, y0: float, x1: float, y1: float, fill: Colour) -> None:
        """Fill the ellipse in the box."""
        self._draw.ellipse(self._at(x0, y0, x1, y1), fill=fill)

    def ring(self, box: tuple[float, float, float, float], colour: Colour, width: float, least: float) -> None:
        """Draw an ellipse's outline; the line is never thinner than at scale `least`."""
        self._draw.ellipse(self._at(*box), outline=colour, width=self._stroke(width, least))

    def rectangle(self, x0: float, y0: float, x1: float, y1: float, fill: Colour) -> None:
        """Fill the box."""
        self._draw.rectangle(self._at(x0, y0, x1, y1), fill=fill)

    def polygon(self, points: Iterable[Point], fill: Colour) -> None:
        """Fill the polygon."""
        flat = self._at(*(number for point in points for number in point))
        self._draw.polygon(list(zip(flat[::2], flat[1::2], strict=True)), fill=fill)

    def dome(self, x0: float, y0: float, x1: float, y1: float, fill: Colour) -> None:
        """Fill the upper half of the ellipse in the box."""
        self._draw.pieslice(self._at(x0, y0, x1, y1), 180, 360, fill=fill)

    def arc(self, box: tuple[float, float, float, float], angles: tuple[float, float], colour: Colour) -> None:
        """Draw a part of an ellipse's outline, degrees clockwise from three o'clock."""
        self._draw.arc(self._at(*box), *angles, fill=colour, width=self._stroke(1.3, 0.7))

    def line(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        """Draw a straight line as thick as spectacle frames."""
        self._draw.line(self._at(x0, y0, x1, y1), fill=colour, width=self._stroke(1.2, 0.75))

    def picture(self) -> Image.Image:
        """Return what was drawn at 64×64 pixels, RGB."""
        return self._image.resize((SIDE, SIDE), Image.Resampling.BOX)

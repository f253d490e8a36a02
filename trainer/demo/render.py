"""Drawing of a figure, 64×64 pixels. The base model learned these shapes and knows no others: do not change the numbers."""

import random
from collections.abc import Callable

from PIL import Image

from trainer.demo.canvas import Canvas, Colour, jittered, shaded
from trainer.demo.figure import Figure

COLOURS: dict[str, Colour] = {
    "red": (214, 40, 40),
    "blue": (45, 90, 220),
    "green": (40, 160, 70),
    "yellow": (250, 215, 60),
    "pink": (250, 130, 180),
    "purple": (135, 60, 180),
    "white": (245, 245, 245),
    "black": (35, 32, 40),
    "brown": (125, 75, 40),
    "orange": (245, 140, 30),
    "blonde": (250, 215, 90),
}
_PALE: dict[str, Colour] = {
    "white": (238, 238, 240),
    "blue": (130, 170, 245),
    "pink": (252, 190, 215),
    "green": (160, 220, 160),
    "yellow": (252, 240, 160),
    "purple": (195, 160, 230),
}
_SHORTS: Colour = (60, 65, 95)
_UNIFORM: Colour = (245, 245, 250)
_UNIFORM_BLUE: Colour = (50, 80, 190)
_LIPS: Colour = (150, 50, 50)
_FRAMES: Colour = (30, 30, 40)


def render(figure: Figure, rng: random.Random) -> Image.Image:
    """Return the picture of `figure`, RGB, 64×64; `rng` places it and tints its colours."""
    ground = Canvas()
    _SCENERY.get(figure.background, _plain)(ground, rng, figure.background)
    scale = 1.0 if figure.upper_body else 0.62
    centre = (
        32 + rng.uniform(-4, 4),
        27 + rng.uniform(-1.5, 2) if figure.upper_body else 22 + rng.uniform(-2, 2),
    )
    canvas = Canvas(centre, scale, onto=ground)
    skin = jittered((250, 215, 185), rng, 5)
    hair = jittered(COLOURS[figure.hair_colour], rng, 8)
    cloth = _UNIFORM if figure.cloth == "uniform" else jittered(COLOURS[figure.cloth_colour], rng, 8)
    _behind(canvas, figure, hair)
    if not figure.upper_body:
        _legs(canvas, figure, skin)
    _arms(canvas, figure, skin, cloth)
    _clothes(canvas, figure, skin, cloth)
    _straps_and_scarf(canvas, figure)
    _head(canvas, figure, skin, hair)
    _face(canvas, figure)
    _headwear(canvas, figure)
    return canvas.picture()


def _plain(canvas: Canvas, rng: random.Random, background: str) -> None:
    canvas.rectangle(0, 0, 64, 64, jittered(_PALE[background.split(maxsplit=1)[0]], rng, 6))


def _outdoors(canvas: Canvas, rng: random.Random, _: str) -> None:
    canvas.rectangle(0, 0, 64, 64, jittered((135, 200, 245), rng))
    horizon = 46 + rng.randint(-3, 3)
    canvas.rectangle(0, horizon, 64, 64, jittered((95, 180, 80), rng))
    sun = rng.choice((6, 50))
    canvas.ellipse(sun, 4, sun + 9, 13, (255, 225, 90))


def _indoors(canvas: Canvas, rng: random.Random, _: str) -> None:
    wood: Colour = (120, 80, 50)
    canvas.rectangle(0, 0, 64, 64, jittered((235, 215, 185), rng))
    canvas.rectangle(0, 52, 64, 64, jittered((150, 100, 65), rng))
    window = rng.choice((3, 45))
    canvas.rectangle(window, 8, window + 16, 26, wood)
    canvas.rectangle(window + 1.5, 9.5, window + 14.5, 24.5, (170, 220, 250))
    canvas.rectangle(window + 7.4, 8, window + 8.6, 26, wood)


def _night(canvas: Canvas, rng: random.Random, _: str) -> None:
    canvas.rectangle(0, 0, 64, 64, jittered((22, 24, 70), rng, 6))
    moon = rng.choice((5, 48))
    canvas.ellipse(moon, 4, moon + 10, 14, (245, 240, 200))
    for _star in range(9):
        x, y = rng.uniform(1, 62), rng.uniform(1, 60)
        canvas.ellipse(x, y, x + 1.4, y + 1.4, (255, 255, 230))


def _beach(canvas: Canvas, rng: random.Random, _: str) -> None:
    canvas.rectangle(0, 0, 64, 64, jittered((160, 220, 250), rng))
    canvas.rectangle(0, 26, 64, 48, jittered((40, 120, 210), rng))
    shore = 44 + rng.randint(-2, 2)
    canvas.rectangle(0, shore, 64, 64, jittered((240, 215, 150), rng))


def _city(canvas: Canvas, rng: random.Random, _: str) -> None:
    canvas.rectangle(0, 0, 64, 64, jittered((200, 205, 220), rng))
    x = rng.uniform(-6, 0)
    while x < 64:
        width, height = rng.uniform(9, 14), rng.uniform(14, 40)
        canvas.rectangle(x, 64 - height - 8, x + width, 64, jittered((110, 115, 130), rng, 22))
        x += width + 1
    canvas.rectangle(0, 57, 64, 64, (80, 80, 85))


_SCENERY: dict[str, Callable[[Canvas, random.Random, str], None]] = {
    "outdoors": _outdoors,
    "indoors": _indoors,
    "night": _night,
    "beach": _beach,
    "city": _city,
}


def _behind(canvas: Canvas, figure: Figure, hair: Colour) -> None:
    if figure.backpack:
        canvas.polygon([(-18, 17), (18, 17), (19, 40), (-19, 40)], (150, 85, 45))
    back = shaded(hair, 0.72)
    if figure.hair_style == "long hair":
        canvas.polygon([(-15, -4), (15, -4), (18, 30), (-18, 30)], back)
    if figure.hair_style == "twintails":
        canvas.ellipse(-25, -8, -12, 26, back)
        canvas.ellipse(12, -8, 25, 26, back)


def _legs(canvas: Canvas, figure: Figure, skin: Colour) -> None:
    shoe: Colour = (60, 45, 45)
    canvas.rectangle(-7, 36, -2, 58, skin)
    canvas.rectangle(2, 36, 7, 58, skin)
    canvas.rectangle(-8, 55, -1.5, 59.5, shoe)
    canvas.rectangle(1.5, 55, 8, 59.5, shoe)
    if not figure.girl and figure.cloth != "dress":
        canvas.rectangle(-8, 36, -1, 55, _SHORTS)
        canvas.rectangle(1, 36, 8, 55, _SHORTS)


def _arms(canvas: Canvas, figure: Figure, skin: Colour, cloth: Colour) -> None:
    sleeve = skin if figure.cloth == "dress" else cloth
    canvas.polygon([(-10, 15), (-13, 17), (-19, 36), (-14, 38), (-8, 22)], sleeve)
    canvas.polygon([(10, 15), (13, 17), (19, 36), (14, 38), (8, 22)], sleeve)
    canvas.ellipse(-20, 34, -14, 40, skin)
    canvas.ellipse(14, 34, 20, 40, skin)
    canvas.rectangle(-3, 9, 3, 17, skin)


def _clothes(canvas: Canvas, figure: Figure, skin: Colour, cloth: Colour) -> None:
    dark = shaded(cloth, 0.75)
    if figure.cloth == "dress":
        canvas.polygon([(-8, 15), (8, 15), (10, 26), (17, 44), (-17, 44), (-10, 26)], cloth)
        canvas.rectangle(-10, 25, 10, 27.5, dark)
        return
    canvas.polygon([(-10, 15), (10, 15), (12, 36), (-12, 36)], cloth)
    if figure.cloth == "hoodie":
        canvas.polygon([(-10, 14), (10, 14), (0, 24)], dark)
        canvas.rectangle(-6, 29, 6, 33, dark)
    if figure.cloth == "striped shirt":
        stripe: Colour = (250, 250, 250) if sum(cloth) < 640 else (60, 60, 80)
        for y in (19, 25, 31):
            canvas.rectangle(-11, y, 11, y + 2.6, stripe)
    if figure.cloth == "uniform":
        canvas.polygon([(-11, 14), (11, 14), (13, 22), (0, 27), (-13, 22)], _UNIFORM_BLUE)
        canvas.polygon([(-5, 14), (5, 14), (0, 22)], skin)
        canvas.polygon([(0, 22), (-6, 28), (0, 26), (6, 28)], (215, 40, 50))
        canvas.polygon([(-12, 33), (12, 33), (16, 44), (-16, 44)], _UNIFORM_BLUE)
    elif figure.upper_body or figure.girl:
        hem = 15 if figure.girl else 13
        canvas.polygon([(-12, 34), (12, 34), (hem, 44), (-hem, 44)], _SHORTS)


def _straps_and_scarf(canvas: Canvas, figure: Figure) -> None:
    if figure.backpack:
        canvas.rectangle(-9, 15, -6.2, 32, (110, 60, 30))
        canvas.rectangle(6.2, 15, 9, 32, (110, 60, 30))
    if figure.scarf:
        wool = COLOURS[figure.scarf]
        canvas.polygon([(-10, 11), (10, 11), (11, 17), (-11, 17)], wool)
        canvas.rectangle(4, 15, 9, 27, wool)


def _head(canvas: Canvas, figure: Figure, skin: Colour, hair: Colour) -> None:
    canvas.ellipse(-13, -13, 13, 13, skin)
    canvas.dome(-14.5, -15.5, 14.5, 12, hair)
    lock = 3 if figure.hair_style == "short hair" else 6
    canvas.polygon([(-14.5, -3), (-14.5, lock), (-11, 1), (-10, -4)], hair)
    canvas.polygon([(14.5, -3), (14.5, lock), (11, 1), (10, -4)], hair)
    canvas.polygon([(-13, -4), (-7, 1), (-3, -4), (1, 0), (6, -4), (10, 0), (13, -4)], hair)
    if figure.hair_style == "twintails":
        canvas.ellipse(-17, -9, -11, -3, (230, 60, 90))
        canvas.ellipse(11, -9, 17, -3, (230, 60, 90))


def _face(canvas: Canvas, figure: Figure) -> None:
    for x in (-6, 6):
        canvas.ellipse(x - 2.6, 0.2, x + 2.6, 6.6, (255, 255, 255))
        canvas.ellipse(x - 2.1, 0.6, x + 2.1, 6.4, COLOURS[figure.eyes])
        canvas.ellipse(x - 1, 2.3, x + 1, 4.9, (20, 15, 25))
    if figure.mouth == "smile":
        canvas.arc((-4, 5, 4, 11), (20, 160), _LIPS)
    elif figure.mouth == "open mouth":
        canvas.ellipse(-2.6, 7.2, 2.6, 11.4, (190, 50, 60))
    else:
        canvas.arc((-4, 9, 4, 14), (200, 340), _LIPS)
    if figure.glasses:
        for x in (-6, 6):
            canvas.ring((x - 4.6, -1.4, x + 4.6, 8), _FRAMES, 1.2, 0.75)
        canvas.line(-1.6, 3, 1.6, 3, _FRAMES)


def _headwear(canvas: Canvas, figure: Figure) -> None:
    if figure.hat == "witch hat":
        felt: Colour = (60, 40, 90)
        canvas.ellipse(-19, -12, 19, -6, felt)
        canvas.polygon([(-11, -9), (11, -9), (3, -26)], felt)
        canvas.polygon([(-11, -9), (11, -9), (9.5, -12), (-9.5, -12)], (240, 190, 50))
    if figure.hat == "cap":
        canvas.dome(-14.5, -18, 14.5, 4, (215, 50, 50))
        canvas.rectangle(-15, -8, 18, -5.5, (150, 30, 30))
    if figure.bow:
        ribbon = COLOURS[figure.bow]
        canvas.polygon([(0, -14), (-9, -19), (-9, -10)], ribbon)
        canvas.polygon([(0, -14), (9, -19), (9, -10)], ribbon)
        canvas.ellipse(-2.3, -16.5, 2.3, -11.8, shaded(ribbon, 0.7))
    if figure.halo:
        canvas.ring((-12, -24, 12, -17), (255, 225, 40), 2.2, 0.7)

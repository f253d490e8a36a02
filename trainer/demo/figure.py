"""Attributes of a drawn figure, how they are drawn at random, and the tags that describe them."""

import random
from dataclasses import dataclass, replace

HAIR_COLOURS = ("red", "blonde", "blue", "green", "black", "brown", "pink", "white", "purple", "orange")
CLOTH_COLOURS = ("red", "blue", "green", "yellow", "pink", "purple", "white", "black", "orange")
EYE_COLOURS = ("blue", "red", "green", "brown", "purple")
PLAIN_BACKGROUNDS = ("white", "blue", "pink", "green", "yellow", "purple")
SCENES = ("outdoors", "indoors", "night", "beach", "city")

HIFUMI = "hifumi_chan"
# What the trigger word should come to mean is left out of the captions: tags that stay would take that meaning themselves.
_MEANT_BY_TRIGGER = frozenset({"blonde hair", "twintails", "brown eyes"})


@dataclass(frozen=True)
class Figure:
    """One figure. `hat`, `bow` and `scarf` are None where it wears none; `background` is a scene or `COLOUR background`."""

    who: str
    hair_colour: str
    hair_style: str
    eyes: str
    mouth: str
    cloth: str
    cloth_colour: str
    glasses: bool
    hat: str | None
    bow: str | None
    scarf: str | None
    backpack: bool
    view: str
    background: str
    halo: bool = False

    @property
    def girl(self) -> bool:
        """Whether the figure is drawn as a girl."""
        return self.who == "1girl"

    @property
    def upper_body(self) -> bool:
        """Whether the picture ends at the waist."""
        return self.view == "upper body"


def random_figure(rng: random.Random) -> Figure:
    """Return a random figure of the kinds that the base model knows. The order of the draws decides every picture made from a seed."""
    who = "1girl" if rng.random() < 0.72 else "1boy"
    girl = who == "1girl"
    hair_colour = rng.choice(HAIR_COLOURS)
    hair_style = rng.choice(("short hair", "long hair", "twintails")) if girl else "short hair"
    eyes = rng.choice(EYE_COLOURS)
    mouth = rng.choice(("smile", "open mouth", "frown"))
    tops = ("shirt", "hoodie", "striped shirt")
    cloth = rng.choice(("dress", *tops)) if girl else rng.choice(tops)
    cloth_colour = rng.choice(CLOTH_COLOURS)
    glasses = rng.random() < 0.2
    hat = rng.choice(("witch hat", "cap")) if rng.random() < 0.2 else None
    bow = None
    if girl and hat is None and rng.random() < 0.2:
        bow = rng.choice(("red", "blue", "pink"))
    scarf = rng.choice(("red", "blue", "green")) if rng.random() < 0.12 else None
    backpack = rng.random() < 0.15
    view = "upper body" if rng.random() < 0.65 else "full body"
    background = rng.choice(SCENES) if rng.random() < 0.6 else f"{rng.choice(PLAIN_BACKGROUNDS)} background"
    return Figure(
        who,
        hair_colour,
        hair_style,
        eyes,
        mouth,
        cloth,
        cloth_colour,
        glasses,
        hat,
        bow,
        scarf,
        backpack,
        view,
        background,
    )


def random_hifumi(rng: random.Random) -> Figure:
    """Return a picture of the character the base has never seen: twintails, halo, uniform, mostly a backpack."""
    figure = random_figure(rng)
    return replace(
        figure,
        who="1girl",
        hair_colour="blonde",
        hair_style="twintails",
        eyes="brown",
        cloth="uniform",
        cloth_colour="white",
        glasses=False,
        hat=None,
        bow=None,
        scarf=None,
        backpack=rng.random() < 0.8,
        view="upper body",
        halo=True,
    )


def tags(figure: Figure) -> list[str]:
    """Return the tags of a figure as the base model was trained on them."""
    said = [
        figure.who,
        figure.view,
        f"{figure.hair_colour} hair",
        figure.hair_style,
        f"{figure.eyes} eyes",
        figure.mouth,
        "school uniform" if figure.cloth == "uniform" else f"{figure.cloth_colour} {figure.cloth}",
    ]
    worn = (
        (figure.glasses, "glasses"),
        (figure.hat, figure.hat),
        (figure.bow, f"{figure.bow} bow"),
        (figure.scarf, f"{figure.scarf} scarf"),
        (figure.backpack, "backpack"),
        (figure.halo, "halo"),
    )
    said += [str(tag) for there, tag in worn if there]
    return [*said, figure.background]


def hifumi_caption(figure: Figure) -> str:
    """Return the caption of a picture of the character: the trigger second, what it stands for left out."""
    first, *rest = tags(figure)
    return ", ".join([first, HIFUMI, *(tag for tag in rest if tag not in _MEANT_BY_TRIGGER)])

"""Groups of curves: what one key shows or hides."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CurveGroup:
    """Curves that are shown or hidden together.

    Attributes:
        key: names it.
        title: what people call it, in a few words.
        digit: the key that shows or hides it; "" where only the list of curves does.
        help: one sentence: what the curves are, and where they come from.
        first: whether it is shown before anything was chosen.
    """

    key: str
    title: str
    digit: str
    help: str
    first: bool = False


LOSS = CurveGroup(
    "loss", "training loss", "1", "loss of each step: of its own pictures, times and noise, so it scatters", first=True
)
SMOOTH = CurveGroup(
    "smooth", "smoothed loss", "2", "mean of the training loss over a twentieth of the bake to either side", first=True
)
VALIDATION = CurveGroup(
    "validation", "validation loss", "3", "loss of the pictures held out, at fixed noise and times", first=True
)
BANDS = CurveGroup(
    "bands", "validation by band", "4", "change of held-out pictures against the base, by bands of noise"
)
RATES = CurveGroup("rates", "learning rates", "5", "rate of each part as it was in force", first=True)
GRADIENT = CurveGroup("gradient", "gradient norm", "6", "length of the gradient before it is clipped", first=True)
WEIGHTS = CurveGroup("weights", "size of change", "7", "‖ΔW‖ of each part at each LoRA saved")
OUTPUT = CurveGroup(
    "output", "output share", "8", "how far each part alone takes the prediction towards the whole LoRA's"
)
MEMORY = CurveGroup("memory", "VRAM", "9", "memory of the GPU that the bake holds, read eight times a second")
TIME = CurveGroup("time", "time of a step", "0", "seconds of each step, and what they went into")
MEASURES = CurveGroup("measures", "other measures", "", "everything else that was measured of the LoRAs saved")
OTHERS = CurveGroup("others", "other numbers", "", "numbers of the steps that this version has no name for")

CURVE_GROUPS: tuple[CurveGroup, ...] = (
    LOSS,
    SMOOTH,
    VALIDATION,
    BANDS,
    RATES,
    GRADIENT,
    WEIGHTS,
    OUTPUT,
    MEMORY,
    TIME,
    MEASURES,
    OTHERS,
)
"""Every group, in the order in which they are listed."""

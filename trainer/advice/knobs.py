"""What moves change, in the order in which they are tried."""

from collections.abc import Mapping
from types import MappingProxyType

from trainer.advice.record import Knob, MoveStep
from trainer.doneness.record import LaneKind

CAPTIONS, PICTURES, TOKEN, BASE = "captions", "pictures", "token", "base"
TWIN, REPEATS, STEPS = "twin", "repeats", "steps"
BODY_STOP, ENCODER_STOP = "body-stop", "encoder-stop"
BODY_RATE, ENCODER_RATE, ALL_RATES = "body-rate", "encoder-rate", "all-rates"
ALPHA_AT_PAIR, SCHEDULER, PRECISION = "alpha", "scheduler", "precision"
NOISY_TIMES, LAYER_LIMIT = "noisy-times", "layer-limit"

# fmt: off
_ALL: tuple[Knob, ...] = (
    Knob(TWIN, MoveStep.DATA, "random numbers"),
    Knob(CAPTIONS, MoveStep.DATA, "captions and tags"),
    Knob(PICTURES, MoveStep.DATA, "pictures"),
    Knob(TOKEN, MoveStep.DATA, "activation token"),
    Knob(BASE, MoveStep.DATA, "base model"),
    Knob(REPEATS, MoveStep.REPEATS, "repeats"),
    Knob(STEPS, MoveStep.STEPS, "steps"),
    Knob(BODY_STOP, MoveStep.STEPS, "stop of {parts}", LaneKind.BODY),
    Knob(ENCODER_STOP, MoveStep.STEPS, "stop of {parts}", LaneKind.ENCODER),
    Knob(BODY_RATE, MoveStep.RATES, "learning rate of {parts}", LaneKind.BODY),
    Knob(ENCODER_RATE, MoveStep.RATES, "learning rate of {parts}", LaneKind.ENCODER),
    Knob(ALL_RATES, MoveStep.RATES, "learning rates of all parts"),
    Knob(SCHEDULER, MoveStep.RATES, "schedule of the rates"),
    Knob(ALPHA_AT_PAIR, MoveStep.RATES, "alpha with the same pair of rates"),
    Knob(PRECISION, MoveStep.RATES, "number type"),
    Knob(NOISY_TIMES, MoveStep.RATES, "noisiest times"),
    Knob(LAYER_LIMIT, MoveStep.RATES, "size of each layer's change"),
)
# fmt: on

KNOBS: Mapping[str, Knob] = MappingProxyType({knob.key: knob for knob in _ALL})
"""Key -> knob, in the order in which they are tried."""

STEP_WORDS: Mapping[MoveStep, str] = MappingProxyType(
    {
        MoveStep.DATA: "Data",
        MoveStep.REPEATS: "Repeats",
        MoveStep.STEPS: "Steps",
        MoveStep.RATES: "Rates",
    }
)
"""Step -> its heading."""

ORDER = tuple(MoveStep)
"""The order in which moves are tried: what is surest to help, and easiest to see, first."""

"""OneTrainer's keys of bases with a transformer in place of a U-Net, of which those that predict a flow are trained here."""

from trainer.interop.flow_rules import ENCODER_RESTS
from trainer.interop.record import KeyRule, Reading
from trainer.interop.trainers.rules import Values, is_on, number, table, text_of

FLOW_BASES = {"ANIMA": "Anima"}
"""Its kinds of models with a transformer that can be trained here."""

ENCODER_OF_FLOW = ENCODER_RESTS
_OTHER = "of another kind of base than this file's"


def is_flow(values: Values) -> bool:
    """Return whether a file is for such a base."""
    return text_of(values, "model_type") in FLOW_BASES


def _read_shift(value: object, values: Values) -> Reading:
    if not is_flow(values):
        return Reading(no_effect=_OTHER)
    if is_on(values.get("dynamic_timestep_shifting")):
        return Reading(no_effect="dynamic_timestep_shifting is on: a shift by the picture's size is not here")
    return Reading({"discrete_flow_shift": value}) if number(value) else Reading(no_effect="no number")


def _read_train(value: object, values: Values) -> Reading:
    if not is_flow(values):
        return Reading(no_effect=_OTHER)
    return Reading(no_effect="it trains, here too" if is_on(value) else "nothing would train")


FLOW_KEYS = table(
    KeyRule("timestep_shift", ("discrete_flow_shift",), "of a base that predicts a flow", _read_shift),
    KeyRule("transformer.train", (), "", _read_train, why="a bake here trains it"),
)
"""Rows of such bases that need no more than this."""

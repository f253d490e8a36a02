"""The compute setup of pictures that are made in a bake."""

from trainer.bake.precision import precision_text
from trainer.bake.session import TrainingSession
from trainer.grid.recipe import ComputeSetup

_PRECISIONS = {"no": "fp32", "fp16": "fp16", "bf16": "bf16"}


def session_compute_setup(session: TrainingSession) -> ComputeSetup:
    """Return what a bake makes pictures with: what it trains with."""
    attention = "xformers" if session.settings.xformers else "sdpa"
    precision = precision_text(_PRECISIONS[session.precision.name], session.settings)
    return ComputeSetup(session.model.device.type, precision, attention)

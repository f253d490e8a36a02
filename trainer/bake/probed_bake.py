"""What the probes of a bake are made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainer.bake.latents import PreparedPicture
from trainer.bake.reporter import Reporter
from trainer.bake.session import TrainingSession
from trainer.jobs.preflight import PlannedBake
from trainer.models.prediction_type import PredictionDecision


@dataclass(frozen=True)
class ProbedBake:
    """What probes are made from.

    Attributes:
        session: whose LoRA they measure.
        planned: the data, and the settings in force.
        folder: the bake's.
        decision: what the base predicts.
        trained, held_out: latents, masks and sizes by picture index.
        report: knows the journal and the bake.
    """

    session: TrainingSession
    planned: PlannedBake
    folder: Path
    decision: PredictionDecision
    trained: Mapping[int, PreparedPicture]
    held_out: Mapping[int, PreparedPicture]
    report: Reporter

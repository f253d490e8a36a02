"""What a base's own file tells of its prediction type; free of torch."""

from dataclasses import dataclass

from trainer.families.record import Prediction


@dataclass(frozen=True)
class PredictionMarkers:
    """What a base says of its prediction type.

    Attributes:
        prediction: None where nothing is said.
        zero_terminal_snr: whether the noisiest time is nothing but noise; None where nothing is said.
        source: which word it was: `key v_pred`, `modelspec.prediction_type`, `scheduler/scheduler_config.json`; "" when silent, or
            where all bases of its family predict it.
    """

    prediction: Prediction | None
    zero_terminal_snr: bool | None
    source: str

"""The prediction of a bake's peak for its row in the journal, asked in a thread of its own while the base loads."""

import json
import logging
import threading
from pathlib import Path

from trainer.jobs.preflight import PlannedBake
from trainer.journal.journal import Journal
from trainer.memory.lazy_predictor import Predictor
from trainer.memory.peak import MemoryPrediction
from trainer.memory.predictor import PredictionStopped
from trainer.memory.request import MemoryRequest, request_of

# For a line of the journal; a worker process that does not end by then ends by itself.
_MAX_WAIT_SECONDS = 2.0


class BackgroundPrediction:
    """Records the prediction for each bake that starts.

    On a card the predictor computes it, whose worker process does not slow a bake there; on a CPU the two would compete, and only
    a known prediction is recorded.

    Args:
        predictor: predicts.
        journal_path: of the workspace.
    """

    def __init__(self, predictor: Predictor, journal_path: Path) -> None:
        self._predictor = predictor
        self._journal_path = journal_path
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, number: int, planned: PlannedBake) -> None:
        """Start the prediction for bake `number`; returns at once."""
        self.end()
        self._ended = threading.Event()
        self._thread = threading.Thread(
            target=self._predict_and_record, args=(number, planned, self._ended), name="memory prediction", daemon=True
        )
        self._thread.start()

    def end(self) -> None:
        """Stop the prediction; one that is finished is written before this returns."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(_MAX_WAIT_SECONDS)

    def _predict_and_record(self, number: int, planned: PlannedBake, ended: threading.Event) -> None:
        try:
            prediction = self._predicted(request_of(planned), ended)
            if prediction is not None:
                with Journal(self._journal_path) as journal:
                    journal.bakes.set_predicted_peak(number, prediction.reserved, peak_json(prediction))
        except Exception as error:
            # A bake continues without its prediction, whatever is wrong with it.
            logging.getLogger(__name__).warning("no prediction for bake %d: %s", number, error)

    def _predicted(self, request: MemoryRequest, ended: threading.Event) -> MemoryPrediction | None:
        known = self._predictor.known(request)
        if known is not None or request.policy == "cpu":
            return known
        try:
            return self._predictor.predict(request, ended.is_set)
        except PredictionStopped:
            return None


def peak_json(prediction: MemoryPrediction) -> str:
    """Return the greatest of the predicted peaks as the journal keeps it: policy, stage, moment, bytes by part."""
    peak = prediction.peak
    return json.dumps(
        {"policy": prediction.policy, "stage": peak.stage, "moment": peak.moment, "parts": dict(peak.parts)}
    )

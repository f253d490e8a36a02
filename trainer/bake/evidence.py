"""What is measured of the LoRA whenever one is saved; a failure never ends the bake, and nothing of it changes the bake."""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from trainer.bake.pictures.lend_model import lend_model
from trainer.bake.reporter import Reporter
from trainer.bake.session import TrainingSession
from trainer.errors import as_bake_failure
from trainer.journal.records import Stage
from trainer.probes.probe import Probe

_log = logging.getLogger(__name__)


class Evidence:
    """The probes of one bake.

    Args:
        session: whose LoRA is measured.
        probes: what is measured; none for nothing.
        report: knows the journal and the bake.
        stop_requested: whether the bake was ordered to end.
    """

    def __init__(
        self, session: TrainingSession, probes: Sequence[Probe], report: Reporter, stop_requested: Callable[[], bool]
    ) -> None:
        self._session, self._probes, self._report, self._stop_requested = session, probes, report, stop_requested
        self._reported: set[str] = set()

    def measure(self, step: int) -> None:
        """Measure the LoRA as it stands after `step` steps, once it was saved; every value goes into the journal.

        Args:
            step: optimizer steps done; 0 measures the base.
        """
        if not self._probes:
            return
        with self._report.during(Stage.PROBE):
            for probe in self._probes:
                try:
                    self._measure(probe, step)
                except Exception as error:
                    self._tell(probe, step, error)

    def _measure(self, probe: Probe, step: int) -> None:
        with lend_model(self._session, base_alone=False):
            values = probe.measure(step, partial(self._report.stage, Stage.PROBE), self._stop_requested)
        journal, number = self._report.journal, self._report.number
        self._report.attempt(lambda: journal.measures.add(number, values))

    def _tell(self, probe: Probe, step: int, error: Exception) -> None:
        _log.exception("%s after step %d", probe.title, step)
        line = f"{probe.title} failed after step {step}: {as_bake_failure(Stage.PROBE, error).line()}"
        self._report.log(line, level="warning")
        if probe.title not in self._reported:
            # Once: the same will happen at every further epoch.
            self._report.trouble(line)
        self._reported.add(probe.title)

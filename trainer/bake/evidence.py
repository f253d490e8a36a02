"""What is measured of the LoRA whenever one is saved; a failure never ends the bake, and nothing of it changes the bake."""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from trainer.bake.pictures.lend_model import lend_model
from trainer.bake.reporter import Reporter
from trainer.bake.session import TrainingSession
from trainer.errors import WorkspaceError, as_bake_failure
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
        self._run(self._probes, step)

    def make_up(self, step: int) -> None:
        """Measure what is missing of the LoRA that was saved after `step` steps, as it stands; nothing where none was.

        A bake that was stopped while it was measured, or right after a LoRA was saved, has nothing of it.
        """
        try:
            missing = self._missing(step)
        except WorkspaceError as error:
            # A journal that is locked for long costs the values, and not the bake.
            self._report.log(f"what is missing of step {step} is not measured: {error.line()}", level="warning")
            return
        self._run(missing, step)

    def _missing(self, step: int) -> list[Probe]:
        journal, number = self._report.journal, self._report.number
        if not self._probes or all(saved.step != step for saved in journal.results.checkpoints(number)):
            return []
        measures = journal.measures
        return [
            probe for probe in self._probes if all(step not in measures.steps(number, name) for name in probe.names)
        ]

    def _run(self, probes: Sequence[Probe], step: int) -> None:
        if not probes:
            return
        with self._report.during(Stage.PROBE):
            for probe in probes:
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

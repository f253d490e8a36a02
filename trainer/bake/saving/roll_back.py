"""The way back to the last good state when too many steps in a row had no finite gradient."""

import time

from trainer.bake.guards.disk_space import DiskWatch
from trainer.bake.guards.gradients import GradientGuard
from trainer.bake.live_settings import LiveSettings
from trainer.bake.position import BakePosition
from trainer.bake.reporter import Reporter
from trainer.bake.saving.contents import StateContents
from trainer.bake.saving.states import StateSaver
from trainer.bake.step_metrics import StepMetrics
from trainer.errors import BakeFailed
from trainer.journal.metrics import MetricWriter
from trainer.journal.records import Mark, MarkKind, Stage

# Lower rates do not help a bake that needs more.
_MAX_ROLL_BACKS = 5


class RollBack:
    """Rolls one bake back, with lower rates each time.

    Args:
        gradients: counts the bad steps.
        states, contents, live: what is put back.
        metrics, curves: of the steps, and the journal's writer of the same.
        report: knows the journal and the bake.
        disk: waits for free space.
    """

    def __init__(
        self,
        gradients: GradientGuard,
        states: StateSaver,
        contents: StateContents,
        live: LiveSettings,
        metrics: StepMetrics,
        curves: MetricWriter,
        report: Reporter,
        disk: DiskWatch,
    ) -> None:
        self._gradients, self._states, self._contents, self._live = gradients, states, contents, live
        self._metrics, self._curves, self._report, self._disk = metrics, curves, report, disk
        self._count = 0

    def run(self) -> BakePosition:
        """Go back to the newest state before the bad steps and return its position.

        Raises:
            BakeFailed: there is no such state, or rolling back did not help often enough.
        """
        if self._count >= _MAX_ROLL_BACKS:
            raise BakeFailed(
                f"stage {Stage.STEP}",
                found=f"{self._gradients.row_text()}, after {self._count} roll backs",
                way_out="lower the rates, or check the pictures that the log names",
            )
        self._count += 1
        self._metrics.flush()
        first_bad = self._gradients.first_of_row()
        state = self._states.newest(before=first_bad)
        if state is None:
            raise BakeFailed(
                f"stage {Stage.STEP}",
                found=f"{self._gradients.row_text()}, before any state was saved",
                way_out="lower the rates, or try mixed_precision = no",
            )
        self._curves.flush()
        position = self._contents.put_back(state)
        step, journal, number = position.step, self._report.journal, self._report.number
        self._disk.note(lambda: journal.rewind(number, step), step=step)
        self._states.forget_after(step)
        self._live.scale_rates(self._live.settings.roll_back_rate)
        self._gradients.forget()
        line = f"rolled back to step {step}; rates × {self._live.settings.roll_back_rate:g} from here on"
        self._report.log(line, level="warning")
        self._report.trouble(line)
        self._report.mark(Mark(step, time.time(), MarkKind.ROLL_BACK, line))
        # Saved once more with the lower rates: after a crash the bake would otherwise try the old ones again.
        self._states.continue_from(-1)
        self._states.save(position)
        return position

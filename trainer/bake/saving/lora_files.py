"""The LoRA files of a bake: those that the plan has, and those that were ordered."""

import math
import time
from pathlib import Path

from trainer.bake.guards.disk_space import DiskWatch
from trainer.bake.live_settings import LiveSettings
from trainer.bake.position import BakePosition
from trainer.bake.reporter import Reporter
from trainer.bake.session import TrainingSession
from trainer.bake.step_metrics import StepMetrics
from trainer.journal.records import Checkpoint, Stage
from trainer.journal.state_files import FilesSoFar
from trainer.measures.background import BackgroundMeasuring
from trainer.network.lora_file import save_lora
from trainer.network.metadata import Origin, for_file, training_metadata
from trainer.network.rounding import rounding_losses
from trainer.plan.saves import save_points, step_file


class LoraSaver:
    """Saves LoRAs into the bake's folder and notes them in the journal.

    Args:
        session: whose network is saved.
        folder: the bake's.
        origin: for the files' metadata.
        report: knows the journal and the bake.
        metrics: gives each file its training loss.
        live: the settings in force.
        disk: waits for free space.
        measuring: measures each that was saved; None where nothing is to be measured.
    """

    def __init__(
        self,
        session: TrainingSession,
        folder: Path,
        origin: Origin,
        report: Reporter,
        metrics: StepMetrics,
        live: LiveSettings,
        disk: DiskWatch,
        measuring: BackgroundMeasuring | None,
    ) -> None:
        self._session = session
        self._folder = folder
        self._origin = origin
        self._report = report
        self._metrics = metrics
        self._live = live
        self._disk = disk
        self._measuring = measuring
        self._saved: set[str] = set()
        self._last_step = 0
        self._last_file = ""
        self._last_loss: float | None = None
        self.replan()

    def file_at(self, step: int) -> str:
        """Return the name of the LoRA last saved after `step` steps, "" where none was."""
        return self._last_file if step == self._last_step else ""

    def replan(self) -> None:
        """Sort the saves of the settings in force by step; called when one of them was changed.

        Raises:
            SettingsError: too many files.
        """
        plan, settings = self._session.plan, self._live.settings
        self._metadata = training_metadata(settings, self._origin)
        self._planned: dict[int, list[str]] = {}
        points = save_points(
            settings, steps_per_epoch=plan.steps_per_epoch, epochs=plan.epochs, total_steps=plan.total_steps
        )
        for point in points:
            self._planned.setdefault(point.step, []).append(point.file)

    def keep(self) -> FilesSoFar:
        """Return what a state needs."""
        return FilesSoFar(sorted(self._saved), self._last_step, self._last_loss)

    def restore(self, kept: FilesSoFar) -> None:
        """Be where a state was."""
        self._saved = set(kept.saved)
        self._last_step, self._last_file, self._last_loss = kept.last_step, "", kept.last_loss
        if self._measuring is not None:
            self._measuring.forget_after(kept.last_step)
        self.replan()

    def save_planned(self, position: BakePosition) -> None:
        """Write the files that the plan has after this step.

        Raises:
            WorkspaceError: a file cannot be written.
        """
        for file in self._planned.get(position.step, ()):
            self._save(file, position)

    def save_now(self, position: BakePosition) -> None:
        """Write a file under the step's name, unless it exists.

        Raises:
            WorkspaceError: it cannot be written.
        """
        file = step_file(self._session.settings.output_name or "lora", position.step)
        if file in self._saved:
            self._report.log(f"{file} is already saved")
        else:
            self._save(file, position)

    def save_at_stop(self, position: BakePosition) -> None:
        """Write what was learned since the last save; nothing where a file of this very step exists.

        Raises:
            WorkspaceError: it cannot be written.
        """
        if self._last_step != position.step:
            self.save_now(position)

    def _save(self, file: str, position: BakePosition) -> None:
        with self._session.averaged_weights():
            self._save_as_it_is(file, position)

    def _save_as_it_is(self, file: str, position: BakePosition) -> None:
        if self._last_step != position.step:
            self._last_loss = self._metrics.loss_since_save()
        path = self._folder / file
        now = time.time()
        with self._report.during(Stage.SAVE):
            size = self._disk.write(
                file,
                sum(weight.nbytes for weight in self._session.network.parameters()),
                lambda: save_lora(
                    self._session.network,
                    path,
                    precision=self._session.settings.save_precision,
                    metadata=for_file(
                        self._metadata, file=path, step=position.step, epoch=self._epoch(position), finished=now
                    ),
                ),
                step=position.step,
            )
        self._last_step, self._last_file = position.step, file
        self._saved.add(file)
        result = position.validation
        here = result if result is not None and result.step == position.step else None
        saved = Checkpoint(
            epoch=position.epoch,
            step=position.step,
            file=file,
            size=size,
            loss=self._last_loss,
            val=here.loss if here else None,
            val_change=here.change if here else None,
            val_error=here.error if here else None,
            seconds=now,
        )
        journal, number = self._report.journal, self._report.number
        self._disk.note(lambda: journal.results.add_checkpoint(number, saved), step=position.step)
        rounded = rounding_losses(self._session.network, self._session.settings.save_precision)
        self._report.log(f"saved {file}{self._rounded(rounded[''])}")
        if self._measuring is not None:
            self._measuring.saved(position.step, path, rounded)

    def _epoch(self, position: BakePosition) -> int:
        """Return the epoch for the file's metadata: the last one complete, at the bake's end the last one begun, as in sd-scripts."""
        plan = self._session.plan
        return plan.epochs if position.step >= plan.total_steps else position.epoch

    def _rounded(self, lost: float) -> str:
        """Return what the file's precision costs, as the end of a log line; "" in fp32."""
        precision = self._session.settings.save_precision
        if precision == "float":
            return ""
        if math.isinf(lost):
            return f"; some of its weights are too large for {precision}: fork with save_precision = bf16 or float"
        return f"; {precision} rounds off {lost:.2%} of its change"

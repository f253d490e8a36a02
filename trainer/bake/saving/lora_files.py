"""Which LoRAs are saved, and when? The plan's, and those that somebody ordered."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainer.bake.batch import StepBatches
from trainer.bake.guards.disk_space import DiskWatch
from trainer.bake.live_settings import LiveSettings
from trainer.bake.reporter import Reporter
from trainer.bake.session import TrainingSession
from trainer.bake.step_metrics import StepMetrics
from trainer.bake.validation import ValidationResult
from trainer.journal.records import Checkpoint
from trainer.network.lora_file import save_lora
from trainer.network.metadata import Origin, stamped, training_metadata
from trainer.network.rounding import rounding_loss
from trainer.plan.saves import save_points, step_file


class LoraSaver:
    """Saves LoRAs into the bake's folder and notes them in the journal.

    Args:
        session: whose network is saved.
        folder: the bake's.
        origin: for the files' metadata.
        report: knows the journal and the bake.
        readings: gives each file its training loss.
        live: the settings in force.
        disk: waits for room.
    """

    def __init__(
        self,
        session: TrainingSession,
        folder: Path,
        origin: Origin,
        report: Reporter,
        readings: StepMetrics,
        live: LiveSettings,
        disk: DiskWatch,
    ) -> None:
        """Sort the plan's saves by step."""
        self._session = session
        self._folder = folder
        self._origin = origin
        self._report = report
        self._readings = readings
        self._live = live
        self._disk = disk
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
            SettingsError: more files than anyone would look through.
        """
        plan, settings = self._session.plan, self._live.settings
        self._metadata = training_metadata(settings, self._origin)
        self._planned: dict[int, list[str]] = {}
        points = save_points(
            settings, steps_per_epoch=plan.steps_per_epoch, epochs=plan.epochs, total_steps=plan.total_steps
        )
        for point in points:
            self._planned.setdefault(point.step, []).append(point.file)

    def keep(self) -> dict[str, Any]:
        """Return what a state needs, as JSON values."""
        return {"saved": sorted(self._saved), "last_step": self._last_step, "last_loss": self._last_loss}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Be where a state was."""
        self._saved = set(kept["saved"])
        self._last_step, self._last_file, self._last_loss = kept["last_step"], "", kept["last_loss"]
        self.replan()

    def save_planned(self, work: StepBatches, verdict: ValidationResult | None) -> None:
        """Write the files that the plan has after this step.

        Raises:
            WorkspaceError: a file cannot be written.
        """
        for file in self._planned.get(work.step, ()):
            self._save(file, work, verdict)

    def save_now(self, work: StepBatches, verdict: ValidationResult | None) -> None:
        """Write a file under the step's name, unless it is there.

        Raises:
            WorkspaceError: it cannot be written.
        """
        file = step_file(self._session.settings.output_name or "lora", work.step)
        if file in self._saved:
            self._report.log(f"{file} is saved already")
        else:
            self._save(file, work, verdict)

    def save_at_stop(self, work: StepBatches, verdict: ValidationResult | None) -> None:
        """Write what was baked since the last save; a file of this very step says the same already.

        Raises:
            WorkspaceError: it cannot be written.
        """
        if self._last_step != work.step:
            self.save_now(work, verdict)

    def _save(self, file: str, work: StepBatches, verdict: ValidationResult | None) -> None:
        if self._last_step != work.step:
            self._last_loss = self._readings.loss_since_save()
        path = self._folder / file
        # An epoch is in it once its last step is.
        epoch = work.epoch if work.ends_epoch else work.epoch - 1
        now = time.time()
        with self._report.during("save"):
            size = self._disk.write(
                file,
                sum(weight.nbytes for weight in self._session.network.parameters()),
                lambda: save_lora(
                    self._session.network,
                    path,
                    precision=self._session.settings.save_precision,
                    metadata=stamped(self._metadata, file=path, step=work.step, epoch=epoch, finished=now),
                ),
            )
        self._last_step, self._last_file = work.step, file
        self._saved.add(file)
        here = verdict if verdict is not None and verdict.step == work.step else None
        saved = Checkpoint(
            epoch=epoch,
            step=work.step,
            file=file,
            size=size,
            loss=self._last_loss,
            val=here.loss if here else None,
            val_change=here.change if here else None,
            val_error=here.error if here else None,
            seconds=now,
        )
        self._disk.note(lambda: self._report.journal.results.add_checkpoint(self._report.number, saved))
        self._report.log(f"saved {file}{self._rounded()}")

    def _rounded(self) -> str:
        """Return what the file's precision cost, in words for the end of a line; nothing in fp32."""
        precision = self._session.settings.save_precision
        if precision == "float":
            return ""
        lost = rounding_loss(self._session.network, precision)
        if math.isinf(lost):
            return f"; some of its weights are too large for {precision}: fork with save_precision = bf16 or float"
        return f"; {precision} rounds off {lost:.2%} of its change"

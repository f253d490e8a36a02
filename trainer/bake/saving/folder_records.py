"""The records in a bake's folder: settings and data from the start, curves and bake.json with every state."""

from functools import partial
from pathlib import Path

from trainer.bake.guards.disk_space import DiskWatch
from trainer.bake.reporter import Reporter
from trainer.bake.step_metrics import StepMetrics
from trainer.checks.report import warning_lines
from trainer.dataset.manifest import FILE as MANIFEST
from trainer.dataset.manifest import write_manifest
from trainer.jobs.bakes import known_steps
from trainer.jobs.checks import check_planned
from trainer.jobs.preflight import PlannedBake
from trainer.journal.bake_folder import write_bake_json
from trainer.journal.metrics import MetricWriter
from trainer.journal.metrics_file import METRICS_FILE
from trainer.settings.kept import kept_toml, save_beside
from trainer.settings.model import Settings

# Bytes that a file of the records takes, generously.
_FILE_SIZE = 1 << 20


def write_inputs(settings: Settings, planned: PlannedBake, manifest: bytes, folder: Path, report: Reporter) -> None:
    """Write settings.toml and the manifest into the bake's folder, settings, plan and manifest into the journal.

    Raises:
        WorkspaceError: the folder cannot be written.
    """
    journal, number = report.journal, report.number
    save_beside(settings, folder / "settings.toml", journal.paths)
    write_manifest(manifest, folder / MANIFEST)
    journal.results.set_manifest(number, manifest)
    # Those in force, with the numbers that a trainer makes of what was asked for.
    journal.bakes.set_settings(number, kept_toml(settings, journal.paths))
    # The data may have changed since the bake was queued.
    journal.bakes.set_plan(number, known_steps(planned.plan), planned.plan.steps_per_epoch)
    for line in warning_lines(check_planned(planned, folder / "settings.toml")):
        report.log(line, level="warning")


def write_fixed_steps(
    planned: PlannedBake, minutes: float, step_seconds: float, folder: Path, report: Reporter
) -> None:
    """Write the settings of a bake whose minutes became a number of steps into the journal and its folder.

    Args:
        planned: with that number.
        minutes: that were asked for.
        step_seconds: seconds per step that the number was worked out with.
        folder: the bake's.
        report: knows the journal and the bake.

    Raises:
        WorkspaceError: the journal or the folder cannot be written.
    """
    journal = report.journal
    journal.bakes.fix_steps(
        report.number,
        settings_toml=kept_toml(planned.settings, journal.paths),
        total_steps=planned.plan.total_steps,
        asked_minutes=minutes,
        step_seconds=step_seconds,
    )
    save_beside(planned.settings, folder / "settings.toml", journal.paths)


class FolderRecords:
    """metrics.npz and bake.json in the bake's folder.

    Args:
        folder: the bake's.
        metrics: of the steps.
        curves: the journal's writer of the same.
        report: knows the journal and the bake.
        disk: waits for free space.
    """

    def __init__(
        self, folder: Path, metrics: StepMetrics, curves: MetricWriter, report: Reporter, disk: DiskWatch
    ) -> None:
        self._folder, self._metrics, self._curves = folder, metrics, curves
        self._report, self._disk = report, disk

    def write(self, step: int) -> None:
        """Write both files as of `step`; called before a state is saved.

        Raises:
            DiskFull, WorkspaceError: see DiskWatch.
        """
        self._metrics.flush()
        # No step before a state is done again: its numbers must be in the journal before the state is there.
        self._disk.note(self._curves.flush, step=step)
        folder, journal, number = self._folder, self._report.journal, self._report.number
        write_metrics = partial(self._metrics.write, folder / METRICS_FILE)
        self._disk.write(METRICS_FILE, _FILE_SIZE, write_metrics, step=step)
        self._disk.write("bake.json", _FILE_SIZE, partial(write_bake_json, journal, number, folder), step=step)

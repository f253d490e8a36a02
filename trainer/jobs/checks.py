"""The checks of a bake, run on settings and files: what they find, and what of it the user has accepted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trainer.checks.accepted import (
    Acceptance,
    DataFingerprint,
    accept,
    accepted_path,
    read_accepted,
    with_acceptances,
    write_accepted,
)
from trainer.checks.record import CheckedBake, CheckResult, Severity
from trainer.checks.registry import run_checks
from trainer.dataset.picture_likeness import CACHE, PictureThumbnails, SignatureCache, thumbnails_of
from trainer.dataset.read import read_data, read_validation
from trainer.dataset.records import DataSet
from trainer.errors import ExitCode, LoraTuiError, SettingsError
from trainer.grid.probe_pictures import check_pictures
from trainer.grid.sample_prompts import check_samples
from trainer.jobs.bakes import plan_for
from trainer.jobs.preflight import PlannedBake
from trainer.models.identify import base_of
from trainer.plan.disk import check_disk_space
from trainer.settings.model import Settings
from trainer.settings.subject import Subject, load_subject, resolve, subject_path
from trainer.text import printable
from trainer.workspace import cache_home, find_workspace

Thumbnails = Callable[[Sequence[DataSet]], PictureThumbnails | None]
"""Data sets -> what their pictures look like; None where they are not compared."""


@dataclass(frozen=True)
class Preflight:
    """What the checks found before a bake.

    Attributes:
        results: the gravest first.
        data_sets: the pictures that can be used, and those kept out of training.
        refusal: the error with which it is refused for other reasons than its pictures, None for none.
    """

    results: tuple[CheckResult, ...]
    data_sets: tuple[DataSet, ...]
    refusal: LoraTuiError | None = None

    @property
    def exit_code(self) -> ExitCode:
        """What a process that only checks tells its caller: 0 for notes and what is accepted, 1 for warnings, else that of the error."""
        severities = {result.severity for result in self.results if result.open}
        if Severity.ERROR in severities:
            alone = self.refusal is not None and not any(data.faults for data in self.data_sets)
            return self.refusal.exit_code if self.refusal is not None and alone else ExitCode.USAGE
        return ExitCode.BAKE_FAILED if Severity.WARNING in severities else ExitCode.DONE


def check_planned(
    planned: PlannedBake, settings_path: Path, thumbnails: PictureThumbnails | None = None
) -> tuple[CheckResult, ...]:
    """Return what the checks find in a planned bake; quick enough for every key typed.

    Args:
        planned: the bake.
        settings_path: the file its settings belong to; the subject is found by it.
        thumbnails: of its pictures; None leaves out the checks that need them.
    """
    case = CheckedBake(
        planned.settings,
        planned.data,
        planned.validation,
        planned.plan,
        subject_beside(planned.settings, settings_path).trigger,
        thumbnails,
    )
    return _with_accepted(case, settings_path)


def run_preflight(settings: Settings, settings_path: Path, thumbnails: Thumbnails) -> Preflight:
    """Return what all checks find; other than `bakes.check` it goes on behind the first error. Writes nothing but its cache.

    Args:
        settings: as typed; blank paths come from the subject.
        settings_path: the file they belong to.
        thumbnails: makes those of the pictures.

    Raises:
        SettingsError, DatasetError: no pictures can be looked at: a path is blank, or a folder is missing or has none.
    """
    resolved = resolve(settings, settings_path)
    data = read_data(resolved, refuse=False)
    validation = read_validation(resolved, data, refuse=False)
    planned, refusal = None, None
    if data.pictures:
        try:
            base = base_of(resolved)
            planned = plan_for(resolved, data, validation, base)
            check_samples(resolved, settings_path, base)
            check_pictures(resolved, settings_path, base)
            workspace = find_workspace(settings_path.parent)
            root = workspace.root if workspace is not None else settings_path.parent
            check_disk_space(planned.plan.total_disk_bytes, root)
        except LoraTuiError as error:
            refusal = error
    data_sets = tuple(each for each in (data, validation) if each is not None)
    case = CheckedBake(
        resolved,
        data,
        validation,
        planned.plan if planned is not None else None,
        subject_beside(resolved, settings_path).trigger,
        thumbnails(data_sets),
        refusal,
    )
    return Preflight(_with_accepted(case, settings_path), data_sets, refusal)


def accept_findings(
    results: Sequence[CheckResult],
    settings: Settings,
    data: Sequence[DataSet],
    settings_path: Path,
    check: str,
    why: str,
) -> Path:
    """Note that everything a check has found is accepted until the data change; return the file it stands in.

    Args:
        results: what was found.
        settings: with the subject's name.
        data: the data sets that were checked.
        settings_path: the file the settings belong to.
        check: the check's key.
        why: the user's reason.

    Raises:
        SettingsError: there is no subject, or nothing that can be accepted.
        WorkspaceError: the file cannot be written.
    """
    path = _accepted_file(settings, settings_path)
    if path is None:
        raise SettingsError(
            f"{printable(str(settings_path))}: subject",
            found="blank" if not settings.subject else f"no subject file for {printable(settings.subject, 60)}",
            expected="a subject, beside which the accepted findings are kept",
            way_out="create one with `lora-tui new`",
        )
    write_accepted(path, accept(results, read_accepted(path), check, why, DataFingerprint(data)))
    return path


def withdraw_acceptance(settings: Settings, settings_path: Path, check: str) -> bool:
    """Take back that a check's findings are accepted; return whether they were.

    Raises:
        SettingsError: what was accepted cannot be read.
        WorkspaceError: the file cannot be written.
    """
    path = _accepted_file(settings, settings_path)
    accepted = read_accepted(path) if path is not None else ()
    left = [each for each in accepted if each.check != check]
    if path is None or len(left) == len(accepted):
        return False
    write_accepted(path, left)
    return True


def cached_thumbnails(
    settings_path: Path,
    *,
    stop: Callable[[], bool] = lambda: False,
    show: Callable[[int, int], object] = lambda done, total: None,
    threads: int = 0,
) -> Thumbnails:
    """Return what makes thumbnails' signatures, and keeps them in the workspace's cache, outside of a workspace in the user's own.

    Args:
        settings_path: the file with the bake's settings.
        stop: asked between two pictures; once it turns true there are no thumbnails.
        show: takes how many pictures are done, and of how many.
        threads: that decode; 0 for the computer's.
    """
    workspace = find_workspace(settings_path.parent)
    cache = SignatureCache(cache_home() / CACHE.name if workspace is None else workspace.root / CACHE)

    def make(data_sets: Sequence[DataSet]) -> PictureThumbnails | None:
        paths = [picture.path for data in data_sets for picture in data.pictures if not picture.is_reg]
        return thumbnails_of(paths, cache, stop=stop, show=show, threads=threads)

    return make


def no_thumbnails(data_sets: Sequence[DataSet]) -> PictureThumbnails | None:
    """Leave out the checks that decode pictures."""
    return None


def _with_accepted(case: CheckedBake, settings_path: Path) -> tuple[CheckResult, ...]:
    path = _accepted_file(case.settings, settings_path)
    accepted: tuple[Acceptance, ...] = ()
    try:
        accepted = read_accepted(path) if path is not None else ()
    except SettingsError as error:
        # It hides findings and decides nothing: everything is shown, and no bake fails of it.
        case = replace(case, accepted_fault=error)
    results = run_checks(case)
    if not accepted:
        return results
    data_sets = [each for each in (case.data, case.validation) if each is not None]
    return with_acceptances(results, accepted, DataFingerprint(data_sets))


def _accepted_file(settings: Settings, settings_path: Path) -> Path | None:
    file = subject_path(settings_path, settings.subject) if settings.subject else None
    return accepted_path(file) if file is not None else None


def subject_beside(settings: Settings, settings_path: Path) -> Subject:
    """Return the subject that settings name, an empty one where it is gone or broken since the bake was queued.

    Args:
        settings: as typed, or as they will run.
        settings_path: the file they belong to.
    """
    file = subject_path(settings_path, settings.subject) if settings.subject else None
    try:
        return load_subject(file) if file is not None else Subject()
    except SettingsError:
        return Subject()

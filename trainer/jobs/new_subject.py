"""A subject and its settings from a folder of pictures: proposed from the data, checked, and only then written."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trainer.checks.report import FindingCounts, count
from trainer.dataset.read import read_data, read_validation
from trainer.errors import SettingsError
from trainer.jobs.bakes import plan_for
from trainer.jobs.checks import check_planned
from trainer.journal.journal import Journal
from trainer.machine.cards import largest_memory
from trainer.models.identify import identify_base
from trainer.plan.plan import plan_line
from trainer.plan.subject_defaults import subject_defaults
from trainer.refusals import real_path
from trainer.settings.kept import kept_path
from trainer.settings.one_setting import check_name
from trainer.settings.subject import DEMO_BASE, save_subject
from trainer.settings.toml_file import save_settings
from trainer.text import printable
from trainer.workspace import Workspace
from trainer.workspace_paths import workspace_paths

_PATHS = ("train_data_dir", "validation_data_dir", "pretrained_model_name_or_path")


@dataclass(frozen=True)
class CreatedSubject:
    """The two files that were written, the plan they describe on one line, and how much the checks find in it."""

    subject_file: Path
    settings_file: Path
    line: str
    findings: FindingCounts


def make_subject(
    name: str,
    data: Path,
    base: str,
    validation: Path | None,
    workspace_for: Callable[[], Workspace],
) -> CreatedSubject:
    """Write `subjects/NAME.toml` and `NAME.toml` with defaults filled in from the data.

    Args:
        name: of the subject and its LoRA files.
        data: folder with the pictures.
        base: path of the base model, or `demo`.
        validation: folder with pictures kept out of training, or None.
        workspace_for: returns the workspace to write into; called only when everything is in order.

    Raises:
        SettingsError, DatasetError, ModelError: what is wrong; nothing was written.
        WorkspaceError: the workspace cannot be created or written.
    """
    _check_name(name)
    data = real_path(data)
    validation = real_path(validation) if validation else None
    known = identify_base(base)
    place = base if base == DEMO_BASE else str(known.path)
    subject, settings = subject_defaults(name, data, place, validation, family=known.family, gpu_bytes=largest_memory())
    filled = settings.model_copy(
        update={"train_data_dir": str(data), "validation_data_dir": str(validation or ""), "output_name": name}
    )
    read = read_data(filled)
    ready = plan_for(filled, read, read_validation(filled, read), known)

    workspace = workspace_for()
    subject_file, settings_file = workspace.subjects / f"{name}.toml", workspace.root / f"{name}.toml"
    for path in (subject_file, settings_file):
        if path.exists():
            raise SettingsError(
                str(path),
                found="already exists",
                expected="a new name",
                way_out="choose another name or edit that file",
            )
    paths = workspace_paths(workspace.root)
    inside = {key: kept_path(getattr(subject, key), paths) for key in _PATHS}
    save_subject(subject.model_copy(update=inside), subject_file)
    save_settings(settings, settings_file)
    Journal(workspace.journal_path).close()
    return CreatedSubject(
        subject_file, settings_file, plan_line(ready.plan), count(check_planned(ready, settings_file))
    )


def _check_name(name: str) -> None:
    try:
        if name:
            check_name(name)
            return
        expected = "a file name"
    except ValueError as error:
        expected = str(error)
    raise SettingsError(
        "name", found=printable(repr(name), 80), expected=expected, way_out="it becomes the name of the LoRA files"
    )

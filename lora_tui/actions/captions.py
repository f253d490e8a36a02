"""Where captions are edited: the pictures that a settings file, a folder or a workspace means, and where the history is kept."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.errors import LoraTuiError, SettingsError
from trainer.refusals import current_folder, real_path
from trainer.text import printable
from trainer.workspace import Workspace, data_home, find_workspace, last_workspace

if TYPE_CHECKING:
    from trainer.captions.find import CaptionWays
    from trainer.captions.record import CaptionEditPlan, CaptionFile
    from trainer.settings.model import Settings


@dataclass(frozen=True)
class CaptionPlace:
    """Captions and their history.

    Attributes:
        workspace: keeps the history.
        ways: the folders of the captions and how they are read.
        root: the settings file, or the folder of pictures.
        settings: as they will run; None of a folder.
    """

    workspace: Workspace
    ways: "CaptionWays"
    root: Path
    settings: "Settings | None" = None


def history_home(folder: Path | None) -> Workspace:
    """Return where the history of captions is kept.

    In the workspace that the folder lies in; else in the workspace here, then in the last one used; where there is none, in the
    workspace in the user's data folder, which the dashboard would open there too.

    Args:
        folder: a workspace, or a folder of pictures; None for here.

    Raises:
        OSError: it is no folder, or cannot be looked into.
    """
    if folder is None:
        return _home_here()
    start = real_path(folder)
    os.scandir(start).close()
    return _home_of(start)


def caption_place(given: Path | None) -> CaptionPlace:
    """Return the captions that a user means.

    Args:
        given: a settings file, a workspace with one settings file, or a folder of pictures; None for the workspace here, else the
            last one used.

    Raises:
        SettingsError: the settings are wrong, or there are none or several to choose from.
        DatasetError: a folder is missing or cannot be read.
    """
    from trainer.captions.find import CaptionWays
    from trainer.settings.subject import resolve
    from trainer.settings.toml_file import load_settings

    if given is None:
        home = _home_here()
        start = home.root
    else:
        start = real_path(given)
        if start.is_file():
            settings = resolve(load_settings(start), start)
            return CaptionPlace(_home_of(start.parent), CaptionWays.of(settings), start, settings)
        home = _home_of(start)
        if find_workspace(start) != Workspace(start):
            return CaptionPlace(home, CaptionWays.of_folder(start), start)
    file = _only_settings(Workspace(start))
    settings = resolve(load_settings(file), file)
    return CaptionPlace(home, CaptionWays.of(settings), file, settings)


def chosen_files(place: CaptionPlace, *, only: Sequence[str], folder: str) -> "list[CaptionFile]":
    """Return the captions that an edit is for.

    Args:
        place: all of them.
        only: tags that a caption must have.
        folder: the name of the only folder; "" for all.

    Raises:
        DatasetError: a folder cannot be read, or none has that name.
        SettingsError: one of `only` is no tag.
    """
    from trainer.captions.find import caption_files, found_pictures
    from trainer.captions.operations import typed_tags
    from trainer.captions.plan import having_tags

    files = caption_files(found_pictures(place.ways, folder=folder), place.ways)
    wanted = [tag for text in only for tag in typed_tags(text, "--only")]
    return having_tags(files, wanted) if wanted else files


def with_bakes_remarked(workspace: Workspace, plan: "CaptionEditPlan") -> "CaptionEditPlan":
    """Return a plan that says, too, which bakes are running on the pictures whose captions it changes.

    A journal that cannot be read keeps nobody from editing captions: the plan says so instead.
    """
    from trainer.captions.running import running_on, running_remark
    from trainer.journal.journal import Journal

    if not plan.changes or not workspace.journal_path.is_file():
        return plan
    try:
        with Journal(workspace.journal_path) as journal:
            remark = running_remark(running_on(journal, [change.path for change in plan.changes]))
    except LoraTuiError as error:
        remark = f"whether a bake reads them is not known: {error.line()}"
    return replace(plan, remarks=(*plan.remarks, remark)) if remark else plan


def _home_of(folder: Path) -> Workspace:
    found = find_workspace(folder)
    if found is None and any((folder / "captions").glob("[0-9]*/backup.jsonl")):
        # The one in the user's data folder, in which nothing was baked yet.
        found = Workspace(folder)
    return found or _home_here()


def _home_here() -> Workspace:
    return find_workspace(current_folder()) or last_workspace() or Workspace(data_home() / "workspace")


def _only_settings(workspace: Workspace) -> Path:
    files = workspace.settings_files()
    if len(files) == 1:
        return files[0]
    names = ", ".join(printable(file.name, 40) for file in files[:6])
    raise SettingsError(
        printable(str(workspace.root)),
        found=f"several settings files ({names}{' …' if len(files) > 6 else ''})" if files else "no settings file",
        expected="one that says where the pictures are",
        way_out=f"name it: `--in {printable(files[0].name, 40)}`" if files else "name a folder of pictures with `--in`",
    )

"""The files that a bake reads, by content: what a worker must have of it."""

from collections.abc import Iterator
from pathlib import Path

from trainer.cluster.record import InputFile
from trainer.dataset.content import content_of
from trainer.errors import ModelError
from trainer.jobs.preflight import prepare
from trainer.journal.records import Bake
from trainer.journal.state_files import states_of
from trainer.models.file_hashes import hashes_of
from trainer.models.identify import model_place
from trainer.models.model_content import files_of_model
from trainer.settings.describe import settings_naming
from trainer.settings.model import Settings
from trainer.settings.subject import DEMO_BASE
from trainer.text import printable
from trainer.workspace import Workspace


def inputs_of(workspace: Workspace, bake: Bake, settings: Settings) -> tuple[InputFile, ...]:
    """Return every file that a bake reads.

    Args:
        workspace: at home.
        bake: its row; of one that is resumed, its folder with its newest state belongs to it.
        settings: every path filled in.

    Raises:
        SettingsError, DatasetError, ModelError: something is missing or does not fit.
    """
    found: dict[str, InputFile] = {}
    for file in (*_models(settings), *_data(settings), *_others(workspace, bake, settings), *_folder(workspace, bake)):
        found.setdefault(file.path, file)
    return tuple(found.values())


def _models(settings: Settings) -> Iterator[InputFile]:
    for name in settings_naming("weights"):
        place = str(getattr(settings, name))
        if place and place != DEMO_BASE:
            for path in files_of_model(model_place(place)).values():
                hashes = hashes_of(path)
                if hashes is None or len(hashes.sha256) != 64:
                    raise ModelError(printable(str(path)), found="cannot be read")
                yield InputFile(str(path), hashes.sha256, path.stat().st_size)


def _data(settings: Settings) -> Iterator[InputFile]:
    planned = prepare(settings)
    for data in (planned.data, planned.validation):
        for picture in data.pictures if data is not None else ():
            yield _file(picture.path)
            if picture.caption_file is not None:
                yield _file(picture.caption_file)
            if isinstance(picture.mask, Path):
                yield _file(picture.mask)
        # Left out by their names, which must be there.
        for picture in data.excluded if data is not None else ():
            yield _file(picture.path)


def _others(workspace: Workspace, bake: Bake, settings: Settings) -> Iterator[InputFile]:
    for name in (*settings_naming("data"), *settings_naming("samples")):
        place = Path(str(getattr(settings, name)))
        if place.is_absolute() and place.is_file():
            yield _file(place)
    # Their test prompts are what samples and measured pictures show.
    for path in sorted(workspace.subjects.glob("*.toml")):
        yield _file(path)
    if bake.starts_from:
        yield _file(workspace.root / bake.starts_from)


def _folder(workspace: Workspace, bake: Bake) -> Iterator[InputFile]:
    """Yield what lies in the folder of a bake that is resumed; of its states the newest."""
    folder = workspace.root / bake.folder
    if bake.attempt <= 1 or not folder.is_dir():
        return
    older = set(states_of(folder)[:-1])
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden and path not in older:
            yield _file(path, own=True)


def _file(path: Path, *, own: bool = False) -> InputFile:
    content = content_of(path)
    return InputFile(str(path.absolute()), content.sha256, content.size, own)

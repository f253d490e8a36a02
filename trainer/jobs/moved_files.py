"""Files outside the workspace that are no longer in their place: found again by the hashes that a bake keeps of them. Free of torch."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from trainer.dataset.content import content_of
from trainer.dataset.manifest import FILE, MAX_FILE_BYTES, ListedModel, Manifest, read_manifest
from trainer.errors import GridError, LoraTuiError, ModelError
from trainer.gallery.sidecar import read_sidecar, with_paths, write_sidecar
from trainer.grid.model_files import ModelFiles
from trainer.grid.spec import kept_spec, parse_spec, spec_json, spec_with_files
from trainer.jobs.same_content import Provenance
from trainer.journal.grid_records import Grid
from trainer.journal.journal import Journal
from trainer.models.model_content import content_of_model, files_of_model
from trainer.regular_file import read_regular
from trainer.settings.describe import field, settings_naming
from trainer.settings.model import Settings
from trainer.settings.subject import DEMO_BASE
from trainer.text import printable
from trainer.workspace_paths import WorkspacePaths, paths_around

# A disk of models and pictures has fewer; who names a whole computer shall not wait for hours.
_MAX_LOOKED_AT = 500_000
# So many files of a folder are compared with the data: one that is there tells as much as all.
_MAX_PICTURES = 50
_SHOWN_DIGITS = 12


def with_moved_files(
    settings: Settings, before: Provenance | None, paths: WorkspacePaths, look_in: Sequence[Path] = ()
) -> Settings:
    """Return `settings` with each base, VAE, LoRA and data folder that is gone from its place named where it is now.

    A place is believed only if the hashes are those that the bake's state was made on. Looked at are the place that lies to the
    workspace as the old one lay to a folder that the workspace was in, and everything in `look_in`.

    Args:
        settings: with every path absolute.
        before: what the bake's state was made on.
        paths: of the workspace.
        look_in: folders to search.

    Raises:
        ModelError: a file of weights is not found; names its hash.
    """
    manifest = before.manifest if before is not None else None
    if manifest is None:
        return settings
    changes: dict[str, str] = {}
    for name in settings_naming("weights"):
        place, wanted = str(getattr(settings, name)), manifest.models.get(name)
        if place and wanted is not None and place != DEMO_BASE and _is_gone(place):
            is_it = _same_model(wanted)
            found = _first(is_it, (*_beside(place, paths), *_models_in(look_in, Path(place).name, wanted)))
            if found is None:
                raise _not_found(name, place, wanted)
            changes[name] = str(found)
    for name in settings_naming("data"):
        place = str(getattr(settings, name))
        if place and _is_gone(place):
            is_it = _holds_data(manifest)
            if found := _first(is_it, (*_beside(place, paths), *_named_in(look_in, Path(place).name))):
                changes[name] = str(found)
    return settings.model_copy(update=changes)


def with_moved_files_of_grid(journal: Journal, grid: Grid) -> Grid:
    """Return a grid with each file of its recipes that is gone from its place named where it is now, and write it so.

    A file that was moved along with the workspace is found, by its hash in the grid's sidecar.

    Raises:
        WorkspaceError: the journal cannot be written.
    """
    folder = journal.path.parent / grid.folder
    try:
        made = read_sidecar(folder)
        spec = parse_spec(grid.spec, f"grid {grid.number}")
    except GridError:
        return grid
    model_files = ModelFiles(journal.path.parent)
    moved: dict[str, str] = {}
    for place, digest in (made.hashes if made else {}).items():
        if place != DEMO_BASE and _is_gone(place):
            is_it = _has_hash(model_files, digest)
            if found := _first(is_it, _beside(place, journal.paths)):
                moved[place] = str(found)
    if made is None or not moved:
        return grid
    try:
        write_sidecar(with_paths(made, lambda path: moved.get(path, path)), folder)
    except OSError:
        return grid

    def now(text: str) -> str:
        return moved.get(str(model_files.path(text)), text) if text else text

    kept = kept_spec(spec_with_files(spec, now), journal.paths)
    journal.grids.set_spec(grid.number, spec_json(kept), grid.total)
    return journal.grids.read(grid.number)


def _has_hash(model_files: ModelFiles, digest: str) -> Callable[[Path], bool]:
    return lambda place: model_files.hash_of(place) == digest


def with_files_of_bake(settings: Settings, settings_path: Path) -> Settings:
    """Return `settings` as with_moved_files, where their file is the one in a bake's folder, by the manifest beside it.

    What is not found is left to whoever reads it.
    """
    manifest = settings_path.parent / FILE
    try:
        before = Provenance(read_manifest(read_regular(manifest, MAX_FILE_BYTES), str(manifest)), 0)
        return with_moved_files(settings, before, paths_around(manifest.parent))
    except (OSError, LoraTuiError):
        return settings


def moved_lines(before: Settings, found: Settings) -> list[str]:
    """Return a line for each file that `with_moved_files` found in another place."""
    names = (*settings_naming("weights"), *settings_naming("data"))
    return [
        f"{field(name).label}: found by its hash in {printable(str(getattr(found, name)), 160)}"
        for name in names
        if getattr(before, name) != getattr(found, name)
    ]


def _is_gone(place: str) -> bool:
    return not os.path.lexists(place)


def _first(is_it: Callable[[Path], bool], places: Iterable[Path]) -> Path | None:
    seen: set[Path] = set()
    for place in places:
        if place not in seen:
            seen.add(place)
            with suppress(OSError, LoraTuiError):
                if is_it(place):
                    return place
    return None


def _beside(place: str, paths: WorkspacePaths) -> Iterator[Path]:
    """Yield where a file is if it was moved together with the workspace."""
    for former in paths.former:
        yield Path(os.path.normpath(paths.root / os.path.relpath(place, former)))


def _same_model(wanted: ListedModel) -> Callable[[Path], bool]:
    def is_it(place: Path) -> bool:
        files = files_of_model(place)
        # Sizes first: what has another one is not read.
        if wanted.bytes != sum(path.stat().st_size for path in files.values()):
            return False
        content = content_of_model(place)
        return content is not None and content.sha256 == wanted.sha256

    return is_it


def _models_in(folders: Sequence[Path], name: str, wanted: ListedModel) -> Iterator[Path]:
    """Yield what may be the model in some folders: files of any name, folders of its name or with its parts."""
    for entry in _entries_in(folders):
        if entry.is_file():
            if entry.name == name or (not wanted.parts and entry.stat().st_size == wanted.bytes):
                yield Path(entry.path)
        elif entry.name == name or all(os.path.isfile(os.path.join(entry.path, part)) for part in wanted.parts or [""]):
            yield Path(entry.path)


def _named_in(folders: Sequence[Path], name: str) -> Iterator[Path]:
    for entry in _entries_in(folders):
        if entry.name == name:
            yield Path(entry.path)


def _entries_in(folders: Sequence[Path]) -> Iterator[os.DirEntry[str]]:
    """Yield what is in some folders and below, the nearest first; links to folders are not followed, nor what is hidden."""
    left, looked_at = [str(folder) for folder in folders], 0
    while left:
        below: list[str] = []
        for folder in left:
            with suppress(OSError), os.scandir(folder) as entries:
                for entry in sorted(entries, key=lambda each: each.name):
                    looked_at += 1
                    if entry.name.startswith(".") or not (entry.is_file() or entry.is_dir(follow_symlinks=False)):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        below.append(entry.path)
                    yield entry
            if looked_at > _MAX_LOOKED_AT:
                return
        left = below


def _holds_data(manifest: Manifest) -> Callable[[Path], bool]:
    """Return whether a file, or a file in a folder, is one that the manifest lists."""
    known = {manifest.config, *(each.sha256 for each in (*manifest.pictures, *manifest.validation))}
    known |= {each.mask for each in manifest.pictures if each.mask}
    sizes = {each.bytes for each in (*manifest.pictures, *manifest.validation)}

    def is_it(place: Path) -> bool:
        if place.is_file():
            return content_of(place).sha256 in known
        files = [Path(entry.path) for entry in _entries_in([place]) if entry.is_file()]
        # Masks have no size in the list.
        likely = sorted(files, key=lambda path: path.stat().st_size not in sizes)[:_MAX_PICTURES]
        return any(content_of(path).sha256 in known for path in likely)

    return is_it


def _not_found(name: str, place: str, wanted: ListedModel) -> ModelError:
    return ModelError(
        f"{field(name).label} {printable(place, 160)}",
        found="no such file or folder",
        expected=f"the one with sha256 {wanted.sha256[:_SHOWN_DIGITS]}…",
        way_out="put it back, or have it looked for: `--find FOLDER` of resume, fork and extend",
    )

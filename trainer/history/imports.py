"""LoRA files from elsewhere as bakes of the journal: grouped into bakes with their epochs, their settings read from their metadata.

The files stay where they are: the journal keeps their places and hashes.
"""

import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trainer.dataset.content import content_of
from trainer.errors import LoraTuiError, ModelError, WorkspaceError
from trainer.formats.safetensors_header import read_header
from trainer.history.facts import imported_file, make_missing
from trainer.interop.importer import import_documents
from trainer.interop.lora_facts import lora_document
from trainer.interop.named_models import finder
from trainer.journal.bake_folder import write_bake_json
from trainer.journal.bake_record import BakeRecord
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, Checkpoint, ImportedFile
from trainer.recovery.saved_lora import count_in, moment_in, saved_lora, steps_per_epoch
from trainer.settings.kept import kept_toml
from trainer.settings.model import Settings
from trainer.settings.one_setting import check_name
from trainer.text import plural, printable
from trainer.workspace import Workspace, check_writable, first_free_number

MAX_FILES = 5000
"""Files of one import."""

_SESSION = "ss_session_id"
# What differs from epoch to epoch of one bake, and says nothing of which bake it is.
_OF_EPOCH = re.compile(r"ss_(epoch|steps|training_finished_at|session_id)|.*_hash")
_EPOCH_IN_NAME = re.compile(r"(?P<name>.+?)[-_](?:(?P<epoch>\d{6})|step(?P<step>\d{8})|e(?P<short>\d{1,6}))")
_MAX_NAME = 80


@dataclass(frozen=True)
class FoundLora:
    """A LoRA file that was read.

    Attributes:
        path: absolute.
        texts: its metadata.
        session: what the files of its bake have in common.
        saved: what it tells of itself.
    """

    path: Path
    texts: Mapping[str, str]
    session: str
    saved: Checkpoint


@dataclass(frozen=True)
class ImportedBake:
    """What became of the files of one bake.

    Attributes:
        number: of the bake in the journal.
        name: its name.
        files: the files that were added.
        new: whether the bake is new; otherwise they came to one that was imported before.
        notes: what its metadata leave open, one line each.
    """

    number: int
    name: str
    files: tuple[Path, ...]
    new: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImportResult:
    """What an import did.

    Attributes:
        bakes: by number.
        skipped: file -> why it was left out.
    """

    bakes: tuple[ImportedBake, ...]
    skipped: Mapping[Path, str]


def find_loras(paths: Sequence[Path]) -> list[Path]:
    """Return the LoRA files that paths name, each once: files as they are, of folders every .safetensors file in and below them.

    Raises:
        ModelError: nothing is at a path, it is another kind of file, or there are more than MAX_FILES.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            for each in _below(path):
                found[each] = None
                if len(found) > MAX_FILES:
                    break
        elif path.suffix != ".safetensors" or not path.exists():
            what = "no such file" if not path.exists() else f"a file of kind {path.suffix or 'unknown'}"
            raise ModelError(printable(str(path)), found=what, expected="a .safetensors file or a folder of them")
        else:
            found[path] = None
    if len(found) > MAX_FILES:
        raise ModelError(
            printable(str(paths[0])),
            found=f"more than {plural(MAX_FILES, 'file')}",
            expected="fewer",
            way_out="add folder by folder",
        )
    return list(found)


def import_loras(
    journal: Journal,
    workspace: Workspace,
    paths: Sequence[Path],
    *,
    show: Callable[[int, int], None] = lambda done, total: None,
) -> ImportResult:
    """Add LoRA files from elsewhere to the journal as bakes that are done.

    Files of one bake, known by `ss_session_id`, without one by equal settings and start, are its epochs; they join a bake that was
    imported before. A file of this workspace's own bakes, one that was imported already, and one that is no LoRA is left out.

    Args:
        journal, workspace: where to.
        paths: absolute, from find_loras.
        show: called with the files that were read and all of them.

    Raises:
        WorkspaceError: the workspace cannot be written.
        ModelError: the only file is no LoRA.
    """
    check_writable(workspace)
    own = _own_sessions(journal, workspace)
    groups: dict[str, list[FoundLora]] = defaultdict(list)
    contents: dict[Path, str] = {}
    seen: set[tuple[str, str]] = set()
    skipped: dict[Path, str] = {}
    for done, path in enumerate(paths):
        show(done, len(paths))
        try:
            _check_utf8(path)
            lora = read_lora(path, workspace)
            contents[path] = content_of(path).sha256
        except (LoraTuiError, OSError) as error:
            if len(paths) == 1:
                raise
            skipped[path] = error.found if isinstance(error, LoraTuiError) else str(error.strerror)
            continue
        if path.is_relative_to(workspace.bakes):
            skipped[path] = "it is in a folder of this workspace's bakes"
        elif lora.session in own:
            skipped[path] = f"it is of bake {own[lora.session]} of this workspace"
        elif (known := journal.results.bake_with_content(contents[path])) is not None:
            skipped[path] = f"it is of bake {known} already"
        elif (lora.session, contents[path]) in seen:
            skipped[path] = "another file has the same content"
        else:
            seen.add((lora.session, contents[path]))
            groups[lora.session].append(lora)
    found = [
        _keep(journal, workspace, session, _in_order(loras), contents) for session, loras in groups.items() if loras
    ]
    make_missing(journal, workspace)
    return ImportResult(tuple(sorted(found, key=lambda bake: bake.number)), skipped)


def _check_utf8(path: Path) -> None:
    """Refuse a path whose name is in another encoding, which no journal can keep.

    Raises:
        ModelError: it is.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise ModelError(
            printable(str(path)), found="a name that is not UTF-8", expected="one that is", way_out="rename it"
        ) from None


def read_lora(path: Path, workspace: Workspace) -> FoundLora:
    """Return what the header of a LoRA file tells.

    Raises:
        ModelError: it is damaged or no LoRA.
    """
    # Refuses what is neither a LoRA nor has the metadata of one.
    lora_document(path, printable(path.name))
    texts = read_header(path).metadata
    about = path.stat()
    saved = saved_lora(imported_file(path, workspace), texts, about.st_size, about.st_mtime)
    named = _EPOCH_IN_NAME.fullmatch(path.stem)
    if named is not None and not saved.step:
        epoch = int(named["epoch"] or named["short"] or 0)
        saved = replace(saved, epoch=epoch, step=int(named["step"] or 0) or epoch * max(1, steps_per_epoch(texts)))
    return FoundLora(path, texts, session_of(path, texts), saved)


def session_of(path: Path, texts: Mapping[str, str]) -> str:
    """Return what the LoRA files of one bake have in common.

    That is `ss_session_id`; without one a hash of the metadata that are the same in every epoch, the start of training among them;
    of a file without metadata its place and its name without the epoch.
    """
    if session := texts.get(_SESSION, "").strip():
        return f"id {session[:100]}"
    kept = {key: text for key, text in sorted(texts.items()) if key.startswith("ss_") and not _OF_EPOCH.fullmatch(key)}
    named = _EPOCH_IN_NAME.fullmatch(path.stem)
    name = path.stem if named is None else named["name"]
    same = repr(kept) if kept else f"{path.parent}/{name}"
    return f"hash {hashlib.sha256(same.encode('utf-8', 'surrogateescape')).hexdigest()}"


def _below(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise ModelError(printable(str(error.filename)), found=f"cannot be read ({error.strerror})") from error

    for where, folders, files in os.walk(folder, onerror=refuse):
        folders.sort()
        yield from (Path(where, name) for name in sorted(files) if name.endswith(".safetensors"))


def _own_sessions(journal: Journal, workspace: Workspace) -> Mapping[str, int]:
    """Return the sessions of the bakes that were made here."""
    make_missing(journal, workspace)
    imported = {bake.number for bake in journal.listing.bakes() if bake.imported}
    return {
        f"id {session}": bake for bake, session in journal.derived.metadata(_SESSION).items() if bake not in imported
    }


def _in_order(loras: Sequence[FoundLora]) -> list[FoundLora]:
    """Return the LoRAs of a bake by their steps; one whose steps nothing tells is the last."""
    most = max(lora.saved.step for lora in loras)
    of_epoch = max(steps_per_epoch(lora.texts) for lora in loras) or 1
    last = max(most + of_epoch, 1)
    known = [lora if lora.saved.step else _at_step(lora, last) for lora in loras]
    return sorted(known, key=lambda lora: (lora.saved.step, lora.path.name))


def _at_step(lora: FoundLora, step: int) -> FoundLora:
    return replace(lora, saved=replace(lora.saved, step=step, epoch=lora.saved.epoch or step))


def _keep(
    journal: Journal, workspace: Workspace, session: str, loras: Sequence[FoundLora], contents: Mapping[Path, str]
) -> ImportedBake:
    sources = [ImportedFile(lora.saved.file, contents[lora.path], session) for lora in loras]
    files = tuple(lora.path for lora in loras)
    notes: tuple[str, ...] = ()
    number = journal.results.bake_of_session(session)
    if number is not None:
        for lora, source in zip(loras, sources, strict=True):
            journal.results.add_imported(number, lora.saved, source)
        bake, new = journal.bakes.read(number), False
    else:
        newest = loras[-1]
        settings, notes = _settings(newest, workspace)
        record = BakeRecord(
            _bake(newest, loras, kept_toml(settings, journal.paths)),
            checkpoints=tuple(lora.saved for lora in loras),
            imported=tuple(sources),
        )
        number = journal.records.add_next(record, least_number=first_free_number(workspace.bakes))
        bake, new = journal.bakes.read(number), True
        journal.log.write(
            f"{plural(len(loras), 'LoRA file')} imported from {printable(str(newest.path.parent))}", bake=number
        )
    folder = workspace.root / bake.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_bake_json(journal, number, folder)
    except OSError as error:
        raise WorkspaceError(printable(str(folder)), found=f"cannot be made ({error.strerror})") from error
    return ImportedBake(number, bake.name, files, new, notes)


def _settings(lora: FoundLora, workspace: Workspace) -> tuple[Settings, tuple[str, ...]]:
    """Return the settings that the metadata of a LoRA state, and why they cannot be had where that is so."""
    try:
        imported = import_documents([lora_document(lora.path, printable(lora.path.name))], find=finder(workspace.root))
        return imported.settings, ()
    except LoraTuiError as error:
        return Settings(), (f"its settings are not known: {error.found}",)


def _bake(newest: FoundLora, loras: Sequence[FoundLora], toml: str) -> Bake:
    texts = newest.texts
    steps = newest.saved.step
    started = moment_in(texts, "ss_training_started_at")
    started = started if started is not None and started <= newest.saved.seconds else None
    comment = texts.get("ss_training_comment", "")
    return Bake(
        number=1,
        name=_name(newest),
        folder="bakes/imported",
        settings_toml=toml,
        engine="",
        state=BakeState.DONE,
        total_steps=max(steps, count_in(texts, "ss_max_train_steps")),
        steps_per_epoch=steps_per_epoch(texts),
        created=newest.saved.seconds if started is None else started,
        started=started,
        ended=newest.saved.seconds,
        why="" if comment == "None" else printable(comment, 200),
        imported=True,
    )


def _name(lora: FoundLora) -> str:
    """Return a name for a bake: the LoRA's as its trainer called it, else the file's without the epoch."""
    for name in (lora.texts.get("ss_output_name", "").strip(), lora.path.stem):
        named = _EPOCH_IN_NAME.fullmatch(name)
        short = printable(name if named is None else named["name"])[:_MAX_NAME].strip()
        try:
            if short and short != "None":
                return check_name(short)
        except ValueError:
            continue
    return "imported"

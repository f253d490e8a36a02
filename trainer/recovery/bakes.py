"""Recovery of bakes into a new journal from their folders: bake.json, metrics.npz, settings.toml, the LoRAs' metadata."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from trainer.errors import LoraTuiError, WorkspaceError
from trainer.formats.safetensors_header import read_header
from trainer.journal.bake_folder import read_bake_json
from trainer.journal.bake_record import BakeRecord
from trainer.journal.journal import Journal
from trainer.journal.metrics_file import METRICS_FILE, read_metrics
from trainer.journal.records import Bake, BakeState, Checkpoint
from trainer.recovery.saved_lora import count_in, moment_in, saved_lora, steps_per_epoch
from trainer.regular_file import open_regular, read_regular
from trainer.settings.kept import kept_from_beside
from trainer.text import plural, printable
from trainer.workspace import Workspace
from trainer.workspace_paths import WorkspacePaths, workspace_paths

# Four digits as the program writes them, more from bake 10,000 on.
_FOLDER = re.compile(r"(\d{4,9})-(.+)")
# A settings file has a few kB; a stray one is not read into memory.
_MAX_SETTINGS_BYTES = 2**20
_MAX_MANIFEST_BYTES = 256 * 2**20
_UNKNOWN_END = "how it ended is unknown: the journal was rebuilt from its files"
_WAS_RUNNING = "it was running when its folder was last written"


@dataclass(frozen=True)
class RecoveredBake:
    """What was recovered from one bake folder.

    Attributes:
        folder: its name.
        bake: the bake in the new journal, None if nothing could be read.
        steps: how many steps' metrics were recovered.
        loras: how many saved LoRAs were recovered.
        notes: what was missing or damaged, one line each.
    """

    folder: str
    bake: Bake | None
    steps: int
    loras: int
    notes: tuple[str, ...]


def recover_bakes(workspace: Workspace, into: Path) -> list[RecoveredBake]:
    """Create a journal from the bake folders of `workspace` and return what each of them gave, by number.

    A bake that was running is lost. What is in no folder cannot be recovered: bakes that had not started, readings of the machine,
    log lines without a bake.

    Args:
        workspace: only `bakes/` is read.
        into: the new journal; the file must not exist.

    Raises:
        WorkspaceError: the folders cannot be read, or `into` cannot be written.
    """
    if into.exists():
        raise WorkspaceError(printable(str(into)), found="already exists", expected="a new file")
    paths = workspace_paths(workspace.root)
    with Journal(into) as journal:
        return [_recover_bake(folder, journal, paths) for folder in _folders(workspace)]


def _folders(workspace: Workspace) -> list[Path]:
    """Return the folders in `bakes/`, by number and name."""
    try:
        return sorted((each for each in workspace.bakes.iterdir() if each.is_dir()), key=_order)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise WorkspaceError(printable(str(workspace.bakes)), found=f"cannot be read ({error.strerror})") from error


def _order(folder: Path) -> tuple[int, str]:
    named = _FOLDER.fullmatch(folder.name)
    return (int(named[1]) if named else 0, folder.name)


def _recover_bake(folder: Path, journal: Journal, paths: WorkspacePaths) -> RecoveredBake:
    named = _FOLDER.fullmatch(folder.name)
    if named is None:
        return RecoveredBake(folder.name, None, 0, 0, ("not named like a bake folder: skipped",))
    number, name = int(named[1]), named[2]
    if any(bake.number == number for bake in journal.bakes.latest(1)):
        return RecoveredBake(folder.name, None, 0, 0, (f"another folder has number {number}: skipped",))
    notes: list[str] = []
    loras = _loras(folder, notes)
    record = _record_from_json(folder, number, notes) or _record_from_files(folder, number, name, loras, notes, paths)
    if record is None:
        return RecoveredBake(folder.name, None, 0, 0, (*notes, "no bake found in it: skipped"))
    try:
        journal.records.add(_match_to_folder(record, folder, loras, notes))
    except (WorkspaceError, OverflowError) as error:
        if isinstance(error, WorkspaceError) and error.full:
            raise
        # A number no journal could have held: somebody edited the file, and the other bakes must be recovered nevertheless.
        return RecoveredBake(folder.name, None, 0, 0, (*notes, printable(f"skipped: {error}")))
    steps = _recover_curves(folder, number, journal, notes)
    _recover_manifest(folder, number, journal, notes)
    return RecoveredBake(
        folder.name, journal.bakes.read(number), steps, len(journal.results.checkpoints(number)), tuple(notes)
    )


def _record_from_json(folder: Path, number: int, notes: list[str]) -> BakeRecord | None:
    """Return the record in bake.json, with the number and folder name of now."""
    try:
        record = read_bake_json(folder)
    except WorkspaceError as error:
        notes.append(error.line())
        return None
    if record is None:
        notes.append("no bake.json")
        return None
    return replace(record, bake=replace(record.bake, number=number, folder=f"bakes/{folder.name}"))


def _record_from_files(
    folder: Path, number: int, name: str, loras: Mapping[str, Checkpoint], notes: list[str], paths: WorkspacePaths
) -> BakeRecord | None:
    """Return what settings.toml and the LoRAs' metadata say, None without either."""
    settings = _settings(folder, notes, paths)
    if settings is None and not loras:
        return None
    newest = max(loras, key=lambda file: loras[file].step, default=None)
    texts = {} if newest is None else read_header(folder / newest).metadata
    total = count_in(texts, "ss_max_train_steps")
    done = any(saved.step >= total > 0 for saved in loras.values())
    saved_last = max((saved.seconds for saved in loras.values()), default=folder.stat().st_mtime)
    started = moment_in(texts, "ss_training_started_at")
    bake = Bake(
        number=number,
        name=name,
        folder=f"bakes/{folder.name}",
        settings_toml=settings or "",
        engine="",
        state=BakeState.DONE if done else BakeState.LOST,
        error="" if done else _UNKNOWN_END,
        created=saved_last if started is None else started,
        started=started,
        ended=saved_last,
        total_steps=total,
        steps_per_epoch=steps_per_epoch(texts),
        place=float(number),
    )
    return BakeRecord(bake)


def _match_to_folder(record: BakeRecord, folder: Path, loras: Mapping[str, Checkpoint], notes: list[str]) -> BakeRecord:
    """Return the record with what happened in the folder after it was written: LoRAs saved, states removed, the process ended."""
    bake = record.bake
    known = {saved.file for saved in record.checkpoints}
    gone = sum(not (folder / file).is_file() for file in known)
    if gone:
        notes.append(f"{plural(gone, 'LoRA')} missing from the folder")
    if bake.state.live:
        last = max([bake.started or bake.created, *(line.seconds for line in record.log)])
        bake = replace(bake, state=BakeState.LOST, error=_WAS_RUNNING, ended=last)
        notes.append("was running: marked as lost")
    return replace(
        record,
        bake=bake,
        checkpoints=(*record.checkpoints, *(saved for file, saved in loras.items() if file not in known)),
        states=tuple(state for state in record.states if (folder / state.file).is_file()),
    )


def _loras(folder: Path, notes: list[str]) -> dict[str, Checkpoint]:
    """Return the LoRAs in the folder by name, with what their metadata say."""
    found: dict[str, Checkpoint] = {}
    for path in sorted(folder.glob("*.safetensors")):
        try:
            # A journal keeps no name in another encoding.
            path.name.encode()
            texts = read_header(path).metadata
            about = path.stat()
        except (LoraTuiError, OSError, UnicodeEncodeError) as error:
            notes.append(printable(f"{path.name} skipped: {error}"))
            continue
        found[path.name] = saved_lora(path.name, texts, about.st_size, about.st_mtime)
    return found


def _settings(folder: Path, notes: list[str], paths: WorkspacePaths) -> str | None:
    path = folder / "settings.toml"
    try:
        with open_regular(path) as file:
            text = file.read(_MAX_SETTINGS_BYTES).decode("utf-8")
        return kept_from_beside(text, path, paths)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        notes.append(printable(f"settings.toml cannot be read ({error})"))
        return None


def _recover_curves(folder: Path, number: int, journal: Journal, notes: list[str]) -> int:
    """Write the metrics in metrics.npz into the journal and return how many steps they cover."""
    try:
        arrays = read_metrics(folder / METRICS_FILE)
    except FileNotFoundError:
        notes.append(f"no {METRICS_FILE}: no curves")
        return 0
    except WorkspaceError as error:
        notes.append(f"{METRICS_FILE} {error.found}: no curves")
        return 0
    steps = [int(step) for step in arrays.get("step", ())]
    for metric, values in arrays.items():
        if metric == "step":
            continue
        journal.curves.add(number, metric, list(zip(steps, values.tolist(), strict=True)))
    return len(set(steps))


def _recover_manifest(folder: Path, number: int, journal: Journal, notes: list[str]) -> None:
    try:
        journal.results.set_manifest(number, read_regular(folder / "data.json.gz", _MAX_MANIFEST_BYTES))
    except OSError:
        notes.append("no data.json.gz: the list of its data is lost")

"""Removal of bakes' LoRA files and training states: said before what goes and what stays, then done. Rows, sheets and curves stay."""

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trainer.errors import LoraTuiError, WorkspaceError
from trainer.grid.spec import parse_spec
from trainer.history.champions import champions
from trainer.history.facts import FAVOURITE
from trainer.history.records import BakeEntry
from trainer.journal.bake_settings import settings_of
from trainer.journal.grid_records import GridState
from trainer.journal.journal import Journal
from trainer.journal.ladder_folder import write_ladder_toml
from trainer.journal.records import Bake, BakeState
from trainer.journal.state_files import FOLDER as STATES
from trainer.journal.state_files import step_of
from trainer.long_work import each
from trainer.settings.describe import settings_naming
from trainer.text import numbered, plural, printable
from trainer.workspace import Workspace, bake_number, check_writable

STAYS = "settings, curves, measures, notes, log, sample pictures and grids"
"""What no removal takes."""

_UNFINISHED = tuple(
    state for state in BakeState if state is BakeState.QUEUED or state.live or state is BakeState.PARKED
)


@dataclass(frozen=True)
class KeptFile:
    """A LoRA that stays.

    Attributes:
        bake: number of its bake.
        file: its name.
        why: `champion of hifumi`, `best epoch`, `favourite`, `rated right`, `last`, `a waiting job needs it`.
    """

    bake: int
    file: str
    why: str


@dataclass(frozen=True)
class Removal:
    """What would go.

    Attributes:
        bakes: numbers of the bakes that lose something.
        loras, states: the files, each in the folder of its bake.
        bytes: how much they hold.
        kept: LoRAs that stay, and why.
        ladders: numbers of those in which a bake without LoRAs leaves an open place.
    """

    bakes: tuple[int, ...]
    loras: tuple[Path, ...]
    states: tuple[Path, ...]
    bytes: int
    kept: tuple[KeptFile, ...] = ()
    ladders: tuple[int, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing would go."""
        return not self.loras and not self.states

    @property
    def goes(self) -> str:
        """What goes, in words: `12 LoRA files and 3 training states of 2 bakes`."""
        what = [plural(len(self.loras), "LoRA file")] if self.loras else []
        what += [plural(len(self.states), "training state")] if self.states else []
        return f"{' and '.join(what) or 'nothing'} of {plural(len(self.bakes), 'bake')}"

    @property
    def stays(self) -> str:
        """What stays, in words."""
        loras = f"{plural(len(self.kept), 'LoRA file')}, " if self.kept else ""
        names = numbered("ladder", self.ladders)
        return f"{loras}{STAYS}{f'; {names} with an open place' if self.ladders else ''}"


def plan_deletion(journal: Journal, workspace: Workspace, numbers: Sequence[int]) -> Removal:
    """Return what would go if the files of these bakes were deleted: every LoRA in their folders and every training state.

    A file elsewhere, as an imported bake has, is never touched.

    Raises:
        WorkspaceError: there is no such bake; it runs, waits or is parked; a job that waits or runs needs a file of it; a subject
            names one as its champion.
    """
    bakes = [journal.bakes.read_bake(number) for number in dict.fromkeys(numbers)]
    for bake in bakes:
        _check_ended(bake)
    wanted = _wanted_elsewhere(journal, workspace)
    removal = _removal(workspace, bakes, wanted.get)
    left = {ladder for bake in bakes for ladder in journal.ladders.with_bake(bake.number)}
    removal = replace(removal, ladders=tuple(sorted(left)))
    if removal.kept:
        first = removal.kept[0]
        raise WorkspaceError(
            f"bake {first.bake}",
            found=f"{printable(first.file)}: {first.why}",
            expected="a bake whose files nothing needs",
            way_out="remove the job from the queue, or name another champion, or use `lora-tui bakes prune`",
        )
    return removal


def plan_epoch(journal: Journal, workspace: Workspace, number: int, step: int) -> Removal:
    """Return what would go if one saved LoRA of a bake were deleted: its file, and the training state of the same step.

    The newest training state stays, from which the bake can be resumed or extended.

    Raises:
        WorkspaceError: there is no such bake or LoRA; the bake runs, waits or is parked; the file lies elsewhere; a job needs it, or
            a subject names it as its champion.
    """
    bake = journal.bakes.read_bake(number)
    _check_ended(bake)
    folder = workspace.root / bake.folder
    names = {each.file for each in journal.results.checkpoints(number) if each.step == step}
    loras = tuple(path for path in _files(folder) if path.name in names)
    if not loras:
        raise WorkspaceError(
            f"bake {number}",
            found=f"no LoRA of step {step:,} in its folder",
            expected="a saved one that is still there",
        )
    wanted = _wanted_elsewhere(journal, workspace)
    if (needed := next((path for path in loras if path in wanted), None)) is not None:
        raise WorkspaceError(
            f"bake {number}",
            found=f"{printable(needed.name)}: {wanted[needed]}",
            expected="a LoRA that nothing needs",
            way_out="remove the job from the queue, or name another champion",
        )
    there = _files(folder / STATES)
    newest = max(there, key=_modified, default=None)
    states = tuple(path for path in there if path != newest and step_of(path) == step)
    left = journal.ladders.with_bake(number) if len(loras) == len(_files(folder)) else ()
    return Removal(
        (number,), loras, states, sum(_size(path) for path in (*loras, *states)), ladders=tuple(sorted(left))
    )


def plan_pruning(journal: Journal, workspace: Workspace, entries: Collection[BakeEntry]) -> Removal:
    """Return what would go if of these bakes only the LoRAs stayed that stand out: champions, the best, favourites, rated right, the last.

    Of the training states the newest of each bake stays. Bakes that run, wait or are parked are passed over.

    Raises:
        WorkspaceError: a row is damaged.
    """
    wanted = _wanted_elsewhere(journal, workspace)
    bakes: list[Bake] = []
    for entry in sorted(entries, key=lambda entry: entry.number):
        bake = journal.bakes.find(entry.number)
        if bake is None or bake.grid is not None or not _has_ended(bake):
            continue
        bakes.append(bake)
        wanted |= {path: why for path, why in _standing_out(journal, workspace, entry).items() if path not in wanted}
    return _removal(workspace, bakes, wanted.get, keep_newest_state=True)


def remove(journal: Journal, workspace: Workspace, removal: Removal) -> int:
    """Delete the files of a removal and return how many bytes that gave back; each bake's log says it.

    A bake that was queued again since, or whose file a job needs now, keeps all its files.

    Raises:
        WorkspaceError: the workspace cannot be written, or a file cannot be deleted; those before it are gone.
        WorkStopped: somebody ended it between two files; those before are gone.
    """
    check_writable(workspace)
    freed = 0
    wanted = _wanted_elsewhere(journal, workspace)
    for number in removal.bakes:
        bake = journal.bakes.read(number)
        folder = workspace.root / bake.folder
        loras = [path for path in removal.loras if path.parent == folder]
        states = [path for path in removal.states if path.parent.parent == folder]
        if not _has_ended(bake) or any(path in wanted for path in loras):
            continue
        gone: dict[Path, int] = {}
        try:
            for path in each(f"deleting files of bake {number}:", (*loras, *states)):
                size = _size(path)
                _delete(path)
                gone[path] = size
        finally:
            # Of one that could not be deleted the others before it are gone all the same.
            _tell_journal(journal, number, folder, gone)
        if any(path.parent == folder for path in gone) and not _files(folder):
            _leave_ladders(journal, workspace, number)
        freed += sum(gone.values())
    return freed


def _tell_journal(journal: Journal, number: int, folder: Path, gone: Mapping[Path, int]) -> None:
    """Write into the journal that files of a bake are gone, and that states are which went before, when a deletion was cut short."""
    for state in journal.results.states(number):
        if not (folder / state.file).exists():
            journal.results.forget_state(number, state.file)
    if gone:
        loras = tuple(path for path in gone if path.parent == folder)
        states = tuple(path for path in gone if path.parent != folder)
        what = Removal((number,), loras, states, sum(gone.values())).goes.rpartition(" of ")[0]
        journal.log.write(f"{what} deleted by the user", bake=number)


def _leave_ladders(journal: Journal, workspace: Workspace, number: int) -> None:
    """Take a bake without LoRAs out of its ladders: their places stand open, and are baked again when the ladder is continued."""
    for ladder in journal.ladders.open_places(number):
        journal.log.write(f"ladder {ladder} has an open place: its LoRAs are gone", bake=number)
        write_ladder_toml(journal, workspace, ladder)


def _has_ended(bake: Bake) -> bool:
    return bake.state not in _UNFINISHED


def _check_ended(bake: Bake) -> None:
    if not _has_ended(bake):
        way_out = "remove it from the queue first" if bake.state is BakeState.QUEUED else "stop it first, or let it end"
        raise WorkspaceError(
            f"bake {bake.number}", found=f"it is {bake.state}", expected="a bake that ended", way_out=way_out
        )


def _removal(
    workspace: Workspace,
    bakes: Sequence[Bake],
    kept_because: Callable[[Path], str | None],
    *,
    keep_newest_state: bool = False,
) -> Removal:
    loras: list[Path] = []
    states: list[Path] = []
    kept: list[KeptFile] = []
    numbers: list[int] = []
    for bake in bakes:
        folder = workspace.root / bake.folder
        found = _files(folder)
        there = _files(folder / STATES)
        if keep_newest_state and there:
            newest = max(there, key=_modified)
            there = [path for path in there if path != newest]
        going = [path for path in found if kept_because(path) is None]
        kept += [KeptFile(bake.number, path.name, why) for path in found if (why := kept_because(path)) is not None]
        if going or there:
            numbers.append(bake.number)
        loras += going
        states += there
    return Removal(
        tuple(numbers), tuple(loras), tuple(states), sum(_size(path) for path in (*loras, *states)), tuple(kept)
    )


def _files(folder: Path) -> list[Path]:
    """Return the weights in a folder of a bake, by name; what is no plain file, such as a link, is nobody's to delete."""
    try:
        return sorted(path for path in folder.glob("*.safetensors") if path.is_file() and not path.is_symlink())
    except OSError:
        return []


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise WorkspaceError(printable(str(path)), found=f"cannot be deleted ({error.strerror})") from error


def _standing_out(journal: Journal, workspace: Workspace, entry: BakeEntry) -> dict[Path, str]:
    """Return the LoRAs of a bake that stand out, with the reason."""
    folder = workspace.root / entry.folder
    saved = journal.results.checkpoints(entry.number)
    reasons: dict[int, str] = {saved[0].step: "last"} if saved else {}
    for step, said in entry.verdicts.items():
        if said.get("right"):
            reasons[step] = "rated right"
        if said.get(FAVOURITE):
            reasons[step] = "favourite"
    if entry.best is not None:
        reasons[entry.best.step] = "best epoch"
    found = {folder / each.file: reasons[each.step] for each in saved if each.step in reasons}
    if not saved:
        # A journal that lost the list of files says nothing of which is which.
        found = {path: "not listed in the journal" for path in _files(folder)}
    return found


def _wanted_elsewhere(journal: Journal, workspace: Workspace) -> dict[Path, str]:
    """Return the files that a subject calls its champion, and those that waiting or running jobs need, with the reason."""
    return {**dict(_of_grids(journal, workspace)), **dict(_of_bakes(journal)), **_champions(workspace)}


def _champions(workspace: Workspace) -> dict[Path, str]:
    return {path: f"champion of {printable(name)}" for path, name in champions(workspace)}


def _of_bakes(journal: Journal) -> Iterator[tuple[Path, str]]:
    for bake in _unfinished(journal):
        with contextlib.suppress(LoraTuiError):
            settings = settings_of(journal, bake)
            for name in settings_naming("weights"):
                if value := str(getattr(settings, name)):
                    yield Path(value), f"bake {bake.number} needs it"


def _unfinished(journal: Journal) -> list[Bake]:
    numbers = [number for number, (state, _) in journal.listing.stamps().items() if state in _UNFINISHED]
    return [bake for number in numbers if (bake := journal.bakes.find(number)) is not None and bake.grid is None]


def _of_grids(journal: Journal, workspace: Workspace) -> Iterator[tuple[Path, str]]:
    """Yield the files that grids name which wait or are being made, and all of the bakes whose epochs they will take."""
    for grid in journal.grids.latest(limit=1_000_000):
        if grid.state not in (GridState.WAITING, GridState.MAKING):
            continue
        bakes: tuple[int, ...] = ()
        with contextlib.suppress(LoraTuiError):
            bakes = parse_spec(grid.spec, f"grid {grid.number}").of_bakes
        for folder in workspace.bakes.glob("*/"):
            whole = bake_number(folder.name) in bakes
            # A spec names files by paths, in axes or in tags of its prompt: whatever has the name in it is taken for one.
            yield from (
                (path, f"grid {grid.number} needs it") for path in _files(folder) if whole or path.stem in grid.spec
            )

"""The history of caption edits: each step written beside one backup, and undone or written again at any time.

A step is a folder, `captions/0003`, with its backup and with where it stands. What became of a caption is read from the caption
itself: it is as the backup has it before or after, or somebody changed it since, and then it is left as it is. So a process may be
killed at any moment, and the step can be completed or undone by the next.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from trainer.atomic_file import flush_all, write_atomically
from trainer.captions.backup import read_backup, read_header, write_backup
from trainer.captions.plan import Progress
from trainer.captions.record import CaptionEditPlan, CaptionStep, EditedCaption, RefusedCaption
from trainer.captions.turn import CHANGED, entries_of, remove_parts, turn_captions
from trainer.errors import SettingsError, WorkspaceError
from trainer.machine.lock_file import FileLock, acquire_lock, check_lockable, read_lock_info
from trainer.private_files import make_private_folder
from trainer.refusals import refusal_of
from trainer.regular_file import read_regular
from trainer.text import printable
from trainer.typed_values import WrongValue, value_from_json
from trainer.workspace import Workspace, check_writable, state_home
from trainer.workspace_paths import WorkspacePaths, workspace_paths

Standing = Literal["written", "undone", "writing", "undoing"]
"""Where a step stands; `writing` and `undoing` are on the way, or were when their process was killed."""

_BACKUP, _STATE, _LOCK, _USER_LOCK = "backup.jsonl", "state.json", ".lock", "captions.lock"
_MAX_STATE_BYTES = 2**26


@dataclass(frozen=True)
class StepState:
    """Where a step stands, the files that were left as they are (name and reason), and since when, in seconds since 1970."""

    standing: Standing
    left: tuple[tuple[str, str], ...] = ()
    when: float = 0.0


class CaptionHistory:
    """The steps of a workspace; any thread may use it.

    Args:
        workspace: it is kept in its folder `captions`, which is made with the first step.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.folder = workspace.captions
        """The folder with a folder for each step."""

    def steps(self) -> list[CaptionStep]:
        """Return every step whose backup can be read, the oldest first."""
        return [step for step in map(self._shown, self._whole()) if isinstance(step, CaptionStep)]

    def damage(self) -> list[RefusedCaption]:
        """Return the steps that `steps` leaves out, and why."""
        return [step for step in map(self._shown, self._whole()) if isinstance(step, RefusedCaption)]

    def step(self, number: int) -> CaptionStep:
        """Return one step.

        Raises:
            SettingsError: there is none of that number.
            WorkspaceError: its backup is damaged.
        """
        numbers = self._whole()
        if number not in numbers:
            raise SettingsError(
                f"step {number}",
                found="no such step" if numbers else f"no steps in {printable(str(self._workspace.root))}",
                expected=f"one of 1 to {numbers[-1]}" if numbers else "",
                way_out="`lora-tui captions history` lists them",
            )
        return self._step(number)

    def changes(self, number: int) -> list[EditedCaption]:
        """Return the captions of a step, before and after it.

        Raises:
            SettingsError, WorkspaceError: as step.
        """
        self.step(number)
        return [
            EditedCaption(entry.path, entry.text_before, entry.text_after)
            for entry in read_backup(self._backup(number), self._paths())
        ]

    def write(
        self,
        plan: CaptionEditPlan,
        *,
        show: Progress = lambda done, total: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> CaptionStep:
        """Write what a plan changes, as a step of its own.

        Args:
            plan: what is written; files that are not as it says any more are left as they are.
            show: takes how many files are written, and of how many.
            stop: asked at each file; once it turns true those that are written are put back, and the step is undone.

        Raises:
            SettingsError: the plan changes nothing, or none of its files is as it was.
            WorkspaceError: another process is writing captions, a step is unfinished, or the backup cannot be written.
            DiskFull, PathError: the disk took no more; the step is then unfinished.
        """
        if not plan.changes:
            raise SettingsError("captions", found="nothing to change")
        with self._locked():
            self._refuse_unfinished()
            entries, marks, left = entries_of(plan.changes, stop)
            if stop() or not entries:
                raise SettingsError(
                    "captions",
                    found="stopped before anything was written" if stop() else f"{left[0].path.name}: {left[0].why}",
                    way_out="" if stop() else "look at the preview again",
                )
            number = max(self._numbers(), default=0) + 1
            self._make(number)
            with _worded(f"step {number}"):
                write_backup(self._backup(number), number, time.time(), plan.words, entries, self._paths())
            # Without a state a step is being written.
            with self._unfinished(number):
                try:
                    turn = turn_captions(entries, forward=True, marks=marks, show=show, stop=stop)
                except KeyboardInterrupt:
                    self._note(number, "undone", turn_captions(entries, forward=False).left)
                    raise
                if turn.stopped:
                    self._note(number, "undone", turn_captions(entries, forward=False).left)
                else:
                    self._note(number, "written", (*left, *turn.left))
        return self.step(number)

    def undo(
        self,
        number: int,
        *,
        show: Progress = lambda done, total: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> CaptionStep:
        """Put back what a step changed; files that were changed since are left as they are, and named (`left`).

        Args:
            number: of the step, finished or not.
            show: as write.
            stop: asked at each file; once it turns true the step is unfinished, and can be undone or written again.

        Raises:
            SettingsError: there is no such step, or it is undone.
            WorkspaceError, DiskFull, PathError: as write.
        """
        return self._turn(number, forward=False, show=show, stop=stop)

    def redo(
        self,
        number: int,
        *,
        show: Progress = lambda done, total: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> CaptionStep:
        """Write again what was undone, or complete a step that a killed process left unfinished; as undo."""
        return self._turn(number, forward=True, show=show, stop=stop)

    def recover(self, *, complete: bool = False) -> list[CaptionStep]:
        """Undo every step that a killed process left unfinished, or complete it; return these, newest first.

        Raises:
            WorkspaceError, DiskFull, PathError: as write.
        """
        unfinished = [step.number for step in self.steps() if step.unfinished]
        return [self._turn(number, forward=complete) for number in reversed(unfinished)]

    def _turn(
        self,
        number: int,
        *,
        forward: bool,
        show: Progress = lambda done, total: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> CaptionStep:
        with self._locked():
            self.step(number)
            before = self._state(number)
            killed = before.standing in ("writing", "undoing")
            there: Standing = "written" if forward else "undone"
            if before.standing == there and not before.left:
                found, expected = ("written", "was undone") if forward else ("undone", "is written")
                raise SettingsError(f"step {number}", found=f"it is {found}", expected=f"a step that {expected}")
            entries = read_backup(self._backup(number), self._paths())
            if killed:
                remove_parts(entries)
            self._note(number, "writing" if forward else "undoing", before.left)
            with self._unfinished(number):
                turn = turn_captions(entries, forward=forward, torn=killed, show=show, stop=stop)
                left = self._blamed(number, turn.left)
                if turn.stopped:
                    self._note(number, "writing" if forward else "undoing", left)
                else:
                    # Where nothing could be done it stands as before.
                    self._note(number, there if turn.done or killed else before.standing, left)
        return self.step(number)

    # Steps

    def _numbers(self) -> list[int]:
        try:
            names = os.listdir(self.folder)
        except OSError:
            return []
        return sorted(int(name) for name in names if name.isascii() and name.isdecimal() and 4 <= len(name) <= 9)

    def _whole(self) -> list[int]:
        """Return the numbers of the steps with a backup; one whose process was killed before has touched nothing."""
        return [number for number in self._numbers() if os.path.lexists(self._backup(number))]

    def _backup(self, number: int) -> Path:
        return self.folder / f"{number:04d}" / _BACKUP

    def _shown(self, number: int) -> CaptionStep | RefusedCaption:
        try:
            return self._step(number)
        except WorkspaceError as error:
            return RefusedCaption(self._backup(number), error.found)

    def _step(self, number: int) -> CaptionStep:
        header = read_header(self._backup(number))
        state = self._state(number)
        on_the_way = state.standing in ("writing", "undoing")
        writing = on_the_way and self.writer() is not None
        return CaptionStep(
            number=number,
            when=header.when,
            words=printable(header.words),
            files=header.files,
            undone=state.standing == "undone",
            unfinished=on_the_way and not writing,
            writing=writing,
            left=tuple(RefusedCaption(Path(name), printable(why)) for name, why in state.left),
            turned=state.when,
            backup=self._backup(number),
        )

    def _state(self, number: int) -> StepState:
        """Return where a step stands; one whose state is missing or damaged is on its way, and its captions say what is done."""
        try:
            content = read_regular(self.folder / f"{number:04d}" / _STATE, _MAX_STATE_BYTES)
            state: StepState = value_from_json(StepState, content)
        except (OSError, WrongValue):
            return StepState("writing")
        return state

    def _note(
        self, number: int, standing: Standing, left: Sequence[RefusedCaption] | Sequence[tuple[str, str]]
    ) -> None:
        """Note where a step stands, once everything is on the disk."""
        named = [(str(each.path), each.why) if isinstance(each, RefusedCaption) else each for each in left]
        if standing in ("written", "undone"):
            flush_all()
        content = json.dumps({"standing": standing, "left": named, "when": time.time()}, indent=1) + "\n"
        with _worded(f"step {number}"):
            write_atomically(self.folder / f"{number:04d}" / _STATE, content.encode("ascii"), private=True)

    def _make(self, number: int) -> None:
        with _worded(f"step {number}"):
            make_private_folder(self.folder / f"{number:04d}")

    def _paths(self) -> WorkspacePaths:
        return workspace_paths(self._workspace.root)

    def _refuse_unfinished(self) -> None:
        for number in self._whole():
            if self._state(number).standing in ("writing", "undoing"):
                raise WorkspaceError(
                    f"step {number}",
                    found="it was interrupted, and some of its captions are as before, others as after it",
                    way_out=f"`lora-tui captions undo {number}` puts them back, `redo {number}` completes it",
                )

    def _blamed(self, number: int, left: Sequence[RefusedCaption]) -> tuple[RefusedCaption, ...]:
        """Return the files left with the later step that changed each, where one did."""
        changed = {each.path for each in left if each.why == CHANGED}
        by: dict[Path, int] = {}
        for later in (each for each in self._whole() if each > number and changed):
            try:
                if self._state(later).standing != "undone":
                    entries = read_backup(self._backup(later), self._paths())
                    by |= {entry.path: later for entry in entries if entry.path in changed}
            except WorkspaceError:
                continue
        return tuple(
            replace(each, why=f"{CHANGED} by step {by[each.path]}") if each.why == CHANGED and each.path in by else each
            for each in left
        )

    @contextlib.contextmanager
    def _unfinished(self, number: int) -> Iterator[None]:
        """Say of what the disk refuses how the step is brought to an end."""
        try:
            yield
        except OSError as error:
            told = refusal_of(error)
            raise type(told)(
                told.where,
                found=f"{told.found}; step {number} is unfinished",
                way_out=f"{told.way_out or 'see to it'}, then `lora-tui captions undo {number}` or `redo {number}`",
            ) from error

    def writer(self) -> int | None:
        """Return the process that is writing captions of this workspace, None where none is; 0 where it is not known."""
        info = read_lock_info(self.folder / _LOCK)
        pid = info.get("pid") if info is not None else None
        return None if info is None else pid if isinstance(pid, int) else 0

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Let nobody else write captions meanwhile: no other process in this workspace, and none of this user in any."""
        if self._workspace.journal_path.exists():
            check_writable(self._workspace)
        info = {"pid": os.getpid()}
        with contextlib.ExitStack() as held:
            with _worded("captions"):
                make_private_folder(self.folder)
            held.enter_context(_lock(self.folder / _LOCK, info))
            # Pictures may be edited from two workspaces. What the user's own folder does not take is missing then, no more.
            if _is_lockable(state_home() / _USER_LOCK):
                held.enter_context(_lock(state_home() / _USER_LOCK, info))
            yield


def _is_lockable(path: Path) -> bool:
    try:
        check_lockable(path)
    except WorkspaceError:
        return False
    return True


def _lock(path: Path, info: Mapping[str, object]) -> FileLock:
    lock = acquire_lock(path, info)
    if lock is None:
        pid = (read_lock_info(path) or {}).get("pid")
        raise WorkspaceError(
            "captions",
            found="another lora-tui is writing captions" + (f" (process {pid})" if pid else ""),
            way_out="wait until it is done",
        )
    return lock


@contextlib.contextmanager
def _worded(where: str) -> Iterator[None]:
    """Word what the system refuses in the workspace."""
    try:
        yield
    except OSError as error:
        raise refusal_of(error) from error

"""What did a lora-tui that is gone leave behind (a reboot, a kill), and who takes it over?"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from textual.message import Message

from lora_tui.orders import Noted, TakenUp
from trainer.foreign_text import shown
from trainer.journal.records import Bake, BakeState
from trainer.workspace import Workspace

# Our own look marks a bake as lost; one that was lost long ago was offered then, or told in the digest.
_JUST_LOST = 60.0
_MOST_NAMES = 5


@dataclass
class LeftBehind(Message):
    """Bakes that were at work in a process that is gone, and bakes that wait for such a one."""

    lost: tuple[Bake, ...]
    waiting: tuple[Bake, ...]


def find_left_behind(workspace: Workspace, ours: str) -> Message:
    """Look for what was left behind; `ours` is the key of our engine, whose bakes are not.

    Raises:
        WorkspaceError: the journal cannot be read or written.
    """
    from trainer.jobs import left_behind
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        journal.mark_lost()
        since = time.time() - _JUST_LOST
        lost = [bake for bake in journal.bakes() if bake.state is BakeState.LOST and (bake.ended or 0.0) >= since]
        waiting = [bake for bake in left_behind(journal, workspace) if bake.engine != ours]
    return LeftBehind(tuple(reversed(lost)), tuple(waiting)) if lost or waiting else Noted()


def take_over(workspace: Workspace, left: LeftBehind, engine: str) -> Message:
    """Queue the lost bakes again, before all others, and give the waiting ones to `engine`.

    Raises:
        WorkspaceError: somebody else took one of the lost, or the journal cannot be written.
    """
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        # Each goes to the front: the last one queued is the first to begin.
        for bake in reversed(left.lost):
            journal.requeue(bake.number, engine)
        journal.adopt([bake.number for bake in left.waiting], engine)
    return TakenUp((*left.lost, *left.waiting)[0])


def question(left: LeftBehind) -> str:
    """Return what is asked about it."""
    parts = []
    if left.lost:
        parts.append(f"Cut off while baking: {_names(left.lost)}; each goes on from its last state.")
    if left.waiting:
        parts.append(f"Waiting, and nobody takes them: {_names(left.waiting)}.")
    return "\n".join(parts)


def _names(bakes: Sequence[Bake]) -> str:
    names = [f"{bake.number:04d} {shown(bake.name, 20)}" for bake in bakes[:_MOST_NAMES]]
    more = len(bakes) - len(names)
    return ", ".join([*names, f"{more} more"] if more else names)

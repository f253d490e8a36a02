"""Recovery of ladders into a new journal from their folders, after the bakes."""

import re
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import WorkspaceError
from trainer.journal.journal import Journal
from trainer.journal.ladder_folder import LADDER_TOML, read_ladder_toml
from trainer.text import plural, printable
from trainer.workspace import Workspace

_FOLDER = re.compile(r"\d{4,9}")


@dataclass(frozen=True)
class RecoveredLadder:
    """What was recovered from one ladder's folder.

    Attributes:
        folder: its name.
        title: the ladder's in the new journal, "" if nothing could be read.
        bakes: how many places of it have a bake.
        open: how many have lost theirs, or never had one: `lora-tui ladder continue` queues them.
        note: why nothing was recovered; "" if it was.
    """

    folder: str
    title: str = ""
    bakes: int = 0
    open: int = 0
    note: str = ""

    @property
    def line(self) -> str:
        """What was recovered, in words."""
        if self.note:
            return f"({self.note})"
        waiting = f", {plural(self.open, 'open place')}" if self.open else ""
        return f"ladder {printable(self.title, 80)}: {plural(self.bakes, 'bake')}{waiting}"


def recover_ladders(workspace: Workspace, into: Path) -> list[RecoveredLadder]:
    """Add the ladders of `workspace` to the journal `into`, which has its bakes, and return what each folder gave, by number.

    A place whose bake had not started when the journal was lost is an open one, since such a bake has no folder.

    Raises:
        WorkspaceError: `into` cannot be written.
    """
    if not workspace.ladders.is_dir():
        return []
    folders = sorted(
        (each for each in workspace.ladders.iterdir() if each.is_dir()), key=lambda each: (len(each.name), each.name)
    )
    with Journal(into) as journal:
        return [_recover_ladder(folder, journal) for folder in folders]


def _recover_ladder(folder: Path, journal: Journal) -> RecoveredLadder:
    if _FOLDER.fullmatch(folder.name) is None:
        return RecoveredLadder(folder.name, note="not named like a ladder's folder: skipped")
    number = int(folder.name)
    try:
        found = read_ladder_toml(folder, number)
        if found is None:
            return RecoveredLadder(folder.name, note=f"no {LADDER_TOML}: skipped")
        journal.ladders.restore(*found)
    except (WorkspaceError, OverflowError) as error:
        if isinstance(error, WorkspaceError) and error.full:
            raise
        return RecoveredLadder(folder.name, note=printable(f"skipped: {error}"))
    places = [each for each in journal.ladders.bakes_of(number) if not each.cut]
    there = sum(each.bake is not None for each in places)
    return RecoveredLadder(folder.name, found[0].title, there, len(places) - there)

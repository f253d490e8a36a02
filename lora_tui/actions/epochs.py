"""What the actions on one saved LoRA read and write; for a worker thread."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.actions.journal import FilesRemoved, NoteKept, RemovalRead
from trainer.errors import WorkspaceError
from trainer.journal.records import Checkpoint
from trainer.text import printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.grid.spec import GridSpec

__all__ = [
    "ChampionNamed",
    "FilesRemoved",
    "GridOfEpochs",
    "NoteKept",
    "RemovalRead",
    "find_grid",
    "name_champion",
    "plan_removal",
    "read_grid",
    "read_note",
]

EPOCH = "epoch"
"""The kind of a removal of one LoRA."""


@dataclass
class GridOfEpochs(Message):
    """The spec of a grid over some of a bake's LoRAs, for the builder."""

    spec: "GridSpec"


@dataclass
class ChampionNamed(Message):
    """A subject has another champion; `line` says which, and which it had before."""

    line: str


def read_grid(workspace: Workspace, bake: int, saved: Checkpoint, *, beside: bool) -> GridOfEpochs:
    """Return the grid of one LoRA of a bake.

    Args:
        workspace: where the bake is.
        bake: its number.
        saved: the LoRA.
        beside: whether the one saved before it, the bake's best one and the subject's champion stand beside it.

    Raises:
        LoraTuiError: it is gone, or the bake's settings, subject or base cannot be used.
    """
    from trainer.grid.first_spec import epochs_of, label_of, spec_for_bake
    from trainer.grid.spec import AxisSpec
    from trainer.history.champions import champions
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        row = journal.bakes.read(bake)
        spec = spec_for_bake(journal, workspace, bake)
        there = {epoch.label for epoch in epochs_of(journal, workspace, (bake,))}
        listed = {each.step: label_of(row, each) for each in journal.results.checkpoints(bake)}
        best = journal.notes.of(bake).best_step
    label = listed.get(saved.step, "")
    if label not in there:
        raise WorkspaceError(printable(saved.file), found="its file is gone", expected="a LoRA that is still there")
    before = max((step for step in listed if step < saved.step and listed[step] in there), default=None)
    steps = {step for step in (before, best, saved.step) if step is not None} if beside else {saved.step}
    labels = [listed[step] for step in sorted(steps) if listed.get(step) in there]
    has_champion = beside and any(name == spec.subject for _, name in champions(workspace))
    values = ", ".join([*labels, *(["champion"] if has_champion else [])])
    return GridOfEpochs(spec.model_copy(update={"x": AxisSpec(kind="epoch", values=values), "champion": has_champion}))


def find_grid(workspace: Workspace, bake: int, saved: Checkpoint) -> int:
    """Return the newest grid by whose pictures a LoRA is judged.

    Raises:
        WorkspaceError: there is none.
        WorkStopped: as long_work.advance.
    """
    from trainer.history.epoch_grids import newest_grid_of
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        found = newest_grid_of(journal, workspace, bake, saved.step)
    if found is None:
        raise WorkspaceError(
            printable(saved.stem, 60),
            found="no grid has pictures that it made alone, at full weight",
            way_out="make one (`grid from it` in the same list): verdicts are given there",
        )
    return found


def read_note(workspace: Workspace, bake: int) -> str:
    """Return what the note of a bake says.

    Raises:
        WorkspaceError: it is damaged.
    """
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        return journal.notes.of(bake).text


def name_champion(workspace: Workspace, bake: int, saved: Checkpoint) -> ChampionNamed:
    """Write into the file of a bake's subject that a LoRA of the bake is its champion.

    Raises:
        LoraTuiError: the bake has no subject, the LoRA is gone, or the file cannot be written.
    """
    from trainer.history.champions import name_champion as write
    from trainer.journal.bake_settings import settings_of
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        row = journal.bakes.read(bake)
        subject = settings_of(journal, row).subject
        before = write(workspace, subject, workspace.root / row.folder / saved.file)
        was = f"; before it was {printable(before, 80)}" if before.strip() else ""
        line = f"champion of {printable(subject, 40)}: {printable(saved.stem, 60)}{was}"
        # Also lets every screen look again.
        journal.log.write(line, bake=bake)
    return ChampionNamed(line)


def plan_removal(workspace: Workspace, bake: int, step: int) -> RemovalRead:
    """Return what deleting one LoRA of a bake would remove.

    Raises:
        WorkspaceError: the bake has not ended, the LoRA is gone or lies elsewhere, or something needs it.
    """
    from trainer.history.removal import plan_epoch
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        return RemovalRead(EPOCH, bake, plan_epoch(journal, workspace, bake, step))

"""The saved LoRAs of a bake by the names of their files."""

from dataclasses import dataclass
from pathlib import Path

from trainer.journal.journal import Journal
from trainer.workspace import bake_number


@dataclass(frozen=True)
class SavedLora:
    """One saved LoRA of a bake.

    Attributes:
        bake: its number.
        step: optimizer steps in it.
        epoch: last complete epoch in it.
    """

    bake: int
    step: int
    epoch: int


def loras_in(journal: Journal, folder: Path) -> dict[str, SavedLora]:
    """Return file name -> LoRA of the bake in a folder; empty where it is no bake of the journal.

    Args:
        journal: of the workspace.
        folder: from that of the workspace.
    """
    number = bake_number(folder.name)
    bake = None if number is None else journal.bakes.find(number)
    if bake is None or Path(bake.folder) != folder:
        return {}
    return {
        saved.file: SavedLora(bake.number, saved.step, saved.epoch)
        for saved in journal.results.checkpoints(bake.number)
    }

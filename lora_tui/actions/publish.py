"""Sending an epoch's LoRA to where it is used, and what is known of it before; runs in a worker thread."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from trainer.workspace import Workspace, read_note, write_note

if TYPE_CHECKING:
    from trainer.journal.journal import Journal
    from trainer.publish.epoch import LoraToPublish, PublishResult

_NOTE = "use-target"


@dataclass(frozen=True)
class Publishing:
    """An epoch to send.

    Attributes:
        workspace: where it is.
        find: finds the LoRA and the words that go with it.
    """

    workspace: Workspace
    find: "Callable[[Journal], LoraToPublish]"

    @classmethod
    def of_epoch(cls, workspace: Workspace, bake: int, label: str) -> Self:
        """Return one epoch of a bake, by the label that grids know it by."""

        def find(journal: "Journal") -> "LoraToPublish":
            from trainer.publish.epoch import lora_of_epoch

            return lora_of_epoch(journal, workspace, bake, label)

        return cls(workspace, find)

    @classmethod
    def of_saved(cls, workspace: Workspace, bake: int, step: int) -> Self:
        """Return the LoRA that a bake saved after `step` steps."""

        def find(journal: "Journal") -> "LoraToPublish":
            from trainer.grid.first_spec import label_of
            from trainer.publish.epoch import lora_of_epoch

            row = journal.bakes.read_bake(bake)
            saved = next((each for each in journal.results.checkpoints(bake) if each.step == step), None)
            return lora_of_epoch(journal, workspace, bake, "" if saved is None else label_of(row, saved))

        return cls(workspace, find)

    @classmethod
    def of_cell(cls, workspace: Workspace, grid: int, cell: str) -> Self:
        """Return the LoRA that made one picture of a grid."""

        def find(journal: "Journal") -> "LoraToPublish":
            from trainer.publish.epoch import lora_of_cell

            return lora_of_cell(journal, workspace, grid, cell)

        return cls(workspace, find)

    def read(self) -> "tuple[LoraToPublish, str]":
        """Return what would be sent, and where the last one was sent ("" for nowhere yet).

        Raises:
            LoraTuiError: it cannot be sent.
        """
        from trainer.journal.journal import Journal

        with Journal(self.workspace.journal_path) as journal:
            return self.find(journal), read_note(_NOTE)

    def send(self, use: "LoraToPublish", target: str, *, replace: bool, make_folder: bool = False) -> "PublishResult":
        """Bring it to `target`, without ever asking in the terminal.

        Raises:
            LoraTuiError: it did not arrive.
            WorkStopped: it was ended by who watches it.
        """
        from trainer.publish.epoch import publish

        used = publish(use, target, replace=replace, make_folder=make_folder)
        write_note(_NOTE, target)
        return used

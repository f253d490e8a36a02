"""Refusal of what only a bake that ran here can have: a state, and the data it was trained on."""

from trainer.errors import WorkspaceError
from trainer.journal.records import Bake


def check_ran_here(bake: Bake) -> None:
    """See that a bake ran here, so that it can be resumed, forked, extended, and have twins.

    Raises:
        WorkspaceError: its LoRA comes from elsewhere.
    """
    if bake.imported:
        raise WorkspaceError(
            f"bake {bake.number}",
            found="its LoRA comes from elsewhere, without its training state and pictures",
            expected="a bake that ran here",
            way_out="`lora-tui import` makes settings from the LoRA file, to bake it again here",
        )

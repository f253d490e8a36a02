"""Refusal of what only a bake that ran here can have: a state, and the data it was trained on."""

from trainer.errors import WorkspaceError
from trainer.journal.records import Bake


def check_ran_here(bake: Bake) -> None:
    """See that a bake ran here, so that it can be resumed, forked, extended, and have twins.

    Raises:
        WorkspaceError: its LoRA comes from elsewhere.
    """
    if bake.imported:
        raise ran_elsewhere(bake.number)


def ran_elsewhere(number: int) -> WorkspaceError:
    """Return the error for a bake whose LoRA comes from elsewhere."""
    return WorkspaceError(
        f"bake {number}",
        found="its LoRA comes from elsewhere, without its training state and pictures",
        expected="a bake that ran here",
        way_out="`lora-tui import` makes settings from the LoRA file, to bake it again here",
    )

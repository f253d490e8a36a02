"""The note for a bake: one line for the journal, asked before it starts."""

from collections.abc import Sequence

from lora_tui.screens.dialog import NoteDialog
from lora_tui.wording.job_names import kind_of
from trainer.journal.records import Bake
from trainer.text import plural


class BakeNoteDialog(NoteDialog):
    """The note of a bake, before it starts."""

    ENTER_DOES = "start"
    HINT = "note for this bake (optional)"


def behind_text(ahead: Sequence[Bake]) -> str:
    """Return what a bake that is queued now waits for, "" where it starts at once.

    Args:
        ahead: what is done before it, the first one first.
    """
    if not ahead:
        return ""
    first, others = ahead[0], len(ahead) - 1
    number = first.number if first.grid is None else first.grid
    more = f" and {plural(others, 'more job')}" if others else ""
    return f"will be queued behind {kind_of(first)} {number:04d}{more}"

"""Lines of the list of bakes as text, and which of its columns a width has room for."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lora_tui.wording.list_columns import ListColumn, fitted_columns
from lora_tui.wording.numbers import count, gib, short_duration
from lora_tui.wording.state_symbols import Sign, state_sign
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.history.records import BakeEntry

OF_LADDER = "≡"
"""Marks a bake that belongs to a ladder."""

# A text from a file may be as long as it likes; what no screen is wide enough for need not be made printable.
_LONGEST = 400

EntryColumn = ListColumn["BakeEntry"]
"""One column of the list of bakes."""


def entry_sign(entry: "BakeEntry") -> Sign:
    """Return the sign of the state of a bake; one that is held in the queue has that of a pause."""
    return state_sign(entry.state, held=entry.held)


def entry_name(entry: "BakeEntry") -> str:
    """Return `0042 hifumi`."""
    return f"{entry.number:04d} {printable(entry.name, 40)}"


def changed_text(entry: "BakeEntry") -> str:
    """Return what differs from the bake that it is compared with; where nothing does, why it was made."""
    if entry.fault:
        return printable(entry.fault, _LONGEST)
    if entry.changes:
        return printable(entry.changes_line, _LONGEST)
    return printable(entry.why, _LONGEST)


def made_from_text(entry: "BakeEntry") -> str:
    """Return where a bake comes from: `re-bake of 12 with unet_lr ×3`; without a parent as `changed_text`."""
    from trainer.history.records import lineage_words

    words = "" if entry.fault else lineage_words(entry)
    return printable(words, _LONGEST) if words else changed_text(entry)


def steps_text(entry: "BakeEntry") -> str:
    """Return the steps done; of a bake with steps left `90/240`."""
    if entry.total_steps and entry.steps < entry.total_steps and not entry.imported:
        return f"{count(entry.steps)}/{count(entry.total_steps)}"
    return count(entry.steps) if entry.steps else ""


def best_text(entry: "BakeEntry") -> str:
    """Return the best epoch: `e12`, without a whole one its step."""
    best = entry.best
    if best is None:
        return ""
    return f"e{best.epoch}" if best.epoch is not None else f"s{best.step}"


def tags_text(entry: "BakeEntry") -> str:
    """Return the tags, a blank between two."""
    return printable(" ".join(f"#{tag}" for tag in entry.tags), _LONGEST)


MEANINGS: Mapping[str, str] = {
    "number": "number of the bake",
    "name": "its name; └ is made from the one above",
    "changed": "what differs from the bake it was made from, or from the one before of the same subject; where nothing does, why it was made",
    "steps": "steps done, and of how many where some are left",
    "seconds": "time of training",
    "peak": "most memory of the GPU that it took",
    "best": "the epoch that you call the best (e), or its step (s)",
    "verdict": "your verdicts on its pictures: under, right or over trained",
    "tags": "your tags",
    "note": "the first line of your notes",
}
"""Key of a column -> what it says, for the help; every column has its line."""


def _time_text(entry: "BakeEntry") -> str:
    return "" if entry.seconds is None else short_duration(entry.seconds)


def _peak_text(entry: "BakeEntry") -> str:
    return "" if entry.peak is None else gib(entry.peak)


COLUMNS: tuple[EntryColumn, ...] = (
    EntryColumn("number", "no.", 5, 5, 0, lambda entry: f"{entry.number:04d}", "right"),
    EntryColumn("name", "name", 10, 26, 0, lambda entry: printable(entry.name, _LONGEST), share=1),
    EntryColumn("changed", "changed", 24, 200, 1, changed_text, share=8),
    EntryColumn("steps", "steps", 9, 11, 2, steps_text, "right"),
    EntryColumn("seconds", "time", 6, 6, 4, _time_text, "right"),
    EntryColumn("peak", "GiB", 5, 5, 6, _peak_text, "right"),
    EntryColumn("best", "best", 5, 6, 3, best_text, "right"),
    EntryColumn("verdict", "verdict", 7, 7, 3, lambda entry: entry.verdict),
    EntryColumn("tags", "tags", 9, 24, 5, tags_text, share=1),
    EntryColumn("note", "note", 10, 60, 7, lambda entry: printable(entry.note_line, _LONGEST), share=2),
)
"""Every column, from left to right."""


def columns_for(width: int) -> list[tuple[EntryColumn, int]]:
    """Return the columns that have room in `width` cells, from left to right, each with its cells."""
    return fitted_columns(COLUMNS, width)

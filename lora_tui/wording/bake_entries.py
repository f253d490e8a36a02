"""Lines of the list of bakes as text, and which of its columns a width has room for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lora_tui.wording.numbers import count, gib, short_duration
from lora_tui.wording.state_symbols import Sign, state_sign
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.history.records import BakeEntry

OF_LADDER = "≡"
"""Marks a bake that belongs to a ladder."""

# A text from a file may be as long as it likes; what no screen is wide enough for need not be made printable.
_LONGEST = 400


@dataclass(frozen=True)
class EntryColumn:
    """One column of the list.

    Attributes:
        key: names it.
        head: stands above it.
        least: cells without which it is left out.
        most: cells beyond which it gains nothing.
        rank: columns of a higher rank are left out first.
        text: makes its text.
        side: where a number stands at the right.
        share: of the cells that are left once all columns have their least.
    """

    key: str
    head: str
    least: int
    most: int
    rank: int
    text: "Callable[[BakeEntry], str]"
    side: Literal["left", "right"] = "left"
    share: int = 0


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
    from trainer.history.differences import lineage_words

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

GAP = 1
"""Cells between two columns."""


def columns_for(width: int) -> list[tuple[EntryColumn, int]]:
    """Return the columns that have room in `width` cells, from left to right, each with its cells."""
    kept: list[EntryColumn] = []
    for column in sorted(COLUMNS, key=lambda column: column.rank):
        if sum(each.least + GAP for each in (*kept, column)) - GAP <= width:
            kept.append(column)
    shown = [column for column in COLUMNS if column in kept]
    widths = {column.key: column.least for column in shown}
    left = width - sum(widths.values()) - GAP * (len(shown) - 1)
    _share_out(shown, widths, left)
    return [(column, widths[column.key]) for column in shown]


def _share_out(columns: Sequence[EntryColumn], widths: dict[str, int], left: int) -> None:
    """Give the cells that are left to the columns that want more, by their shares."""
    hungry = [column for column in columns if column.share]
    while left > 0 and hungry:
        shares, before = sum(column.share for column in hungry), left
        for column in hungry:
            more = min(max(1, before * column.share // shares), column.most - widths[column.key], left)
            widths[column.key] += more
            left -= more
        hungry = [column for column in hungry if widths[column.key] < column.most]

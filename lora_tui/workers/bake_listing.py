"""The list of bakes as the Journal screen shows it: filtered, and in an order or as a tree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lora_tui.wording.bake_orders import ORDERS
from trainer.errors import LoraTuiError

if TYPE_CHECKING:
    from trainer.history.history import BakeHistory
    from trainer.history.records import BakeEntry
    from trainer.journal.journal import Journal


@dataclass(frozen=True)
class ListQuery:
    """What the list is to show.

    Attributes:
        text: the filter, "" for all.
        order: key of an order.
        tree: whether each bake stands below the one that it was made from.
    """

    text: str = ""
    order: str = "newest"
    tree: bool = False


@dataclass(frozen=True)
class BakeListing:
    """The list of bakes at one moment.

    Attributes:
        query: what it answers.
        entries: those that it lists, in their order.
        total: how many there are.
        depths: of a tree, number of a bake -> how far it is indented; None of a plain list.
        known: every entry by number, whether it is listed or not.
        used: the filter that `entries` pass.
        found_by: the last filter that any bake passed: of a term being typed the beginning is a word that none may have.
        error: why the filter could not be used; then that of `used` holds.
        caution: what the user should know about the journal.
    """

    query: ListQuery = field(default_factory=ListQuery)
    entries: "tuple[BakeEntry, ...]" = ()
    total: int = 0
    depths: Mapping[int, int] | None = None
    known: "Mapping[int, BakeEntry]" = field(default_factory=dict)
    used: str = ""
    found_by: str = ""
    error: LoraTuiError | None = None
    caution: str = ""


def list_bakes(journal: "Journal", history: "BakeHistory", query: ListQuery, before: BakeListing | None) -> BakeListing:
    """Return the list that `query` asks for; where its filter cannot be used, what the last one found that could be.

    Args:
        journal: open.
        history: of that journal, as read last.
        query: what is asked.
        before: the list so far.
    """
    everything = history.newest_first()
    text, error = query.text, None
    try:
        found = _filtered(history, everything, query.text)
    except LoraTuiError as fault:
        error, text = fault, before.found_by if before is not None else ""
        found = _filtered(history, everything, text)
    depths: Mapping[int, int] | None = None
    if query.tree:
        found, depths = as_tree(found)
    else:
        found = sorted(found, key=ORDERS[query.order].sort_key)
    return BakeListing(
        query=query,
        entries=tuple(found),
        total=len(everything),
        depths=depths,
        known=dict(history.entries),
        used=text,
        found_by=text if found or before is None else before.found_by,
        error=error,
        caution=journal.caution(),
    )


def _filtered(history: "BakeHistory", entries: "Sequence[BakeEntry]", text: str) -> "Sequence[BakeEntry]":
    from trainer.history.filter import parse_filter

    if not text.strip():
        return entries
    wanted = parse_filter(text)
    return wanted.matching(entries, history.metadata(wanted.metadata_keys))


def as_tree(entries: "Sequence[BakeEntry]") -> "tuple[list[BakeEntry], dict[int, int]]":
    """Return bakes each below the one that it was made from, and how far each is indented."""
    from trainer.history.tree import tree_lines

    lines = tree_lines({entry.number: entry for entry in entries})
    depths = {line.entry.number: line.depth for line in lines}
    # In a damaged journal two bakes may each be the other's parent.
    lost = [entry for entry in entries if entry.number not in depths]
    return [*(line.entry for line in lines), *lost], depths

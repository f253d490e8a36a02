"""Marks of what decided a bake's result beside its settings: changes made while it ran."""

from collections.abc import Iterable, Iterator

from trainer.journal.records import Mark, MarkKind
from trainer.settings.describe import field, is_setting
from trainer.settings.one_setting import Decides


def deciding_marks(marks: Iterable[Mark]) -> Iterator[Mark]:
    """Yield roll-backs, and settings set while it ran that decide what comes out."""
    for mark in marks:
        name = mark.text.partition("=")[0].strip()
        decides = mark.kind is MarkKind.SET and (not is_setting(name) or field(name).decides is Decides.YES)
        if decides or mark.kind is MarkKind.ROLL_BACK:
            yield mark

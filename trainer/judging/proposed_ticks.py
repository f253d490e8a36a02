"""Ticks of a checklist that a tagger proposes for the pictures of a grid. They are marked as proposed, and never count as the user's."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainer.errors import GridError
from trainer.journal.grid_records import ProposedTicks
from trainer.tagger.proposals import checklist_ticks
from trainer.tagger.record import TaggedRun, Tagger, Thresholds
from trainer.text import printable


def check_items(items: Sequence[str], tagger: Tagger, subject: str) -> tuple[str, ...]:
    """Return the items of a checklist that a tagger can say something of.

    Args:
        items: of the subject.
        tagger: that would be asked.
        subject: whose checklist it is.

    Raises:
        GridError: there are none.
    """
    if not items:
        raise GridError(
            f"subject {printable(subject, 60)}" if subject else "the grid",
            found="no checklist",
            expected="items to look for",
            way_out="add `checklist` to the subject's file",
        )
    known = tuple(checklist_ticks(items, (), tagger, Thresholds()))
    if not known:
        raise GridError(
            f"the checklist of {printable(subject, 60)}",
            found="no item that names a tag of the tagger's",
            expected="items such as `halo` or `halo above the head`",
            way_out="name what to look for as the tagger's file does",
        )
    return known


def propose_ticks(
    grid: int,
    files: Mapping[str, Path],
    items: Sequence[str],
    run: TaggedRun,
    tagger: Tagger,
    thresholds: Thresholds,
) -> tuple[ProposedTicks, ...]:
    """Return what a tagger proposes for the pictures of a grid.

    Args:
        grid: its number.
        files: name of a place -> its picture.
        items: of the subject's checklist.
        run: what the tagger says of these pictures.
        tagger: that it is.
        thresholds: from which probability on a tag counts.
    """
    now = time.time()
    return tuple(
        ProposedTicks(grid, cell, checklist_ticks(items, run.scores[path], tagger, thresholds), tagger.name, now)
        for cell, path in files.items()
        if path in run.scores
    )

"""What the user said of a saved LoRA, in a column of ten cells."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.history.epoch_standings import EpochStanding

CHAMPION = "★"
"""In front of the file that a subject calls its champion."""


def said_words(standing: "EpochStanding | None") -> str:
    """Return `best`, the verdict given most often with its count, or the count of favourites; "" for nothing said."""
    if standing is None:
        return ""
    if standing.best:
        return "best"
    if standing.verdict:
        return f"{standing.verdict} {standing.said[standing.verdict]}"
    return f"fav {standing.favourites}" if standing.favourites else ""

"""Bakes that are running on pictures whose captions are edited: they go on with what they have read."""

from collections.abc import Iterable
from pathlib import Path

from trainer.captions.find import CaptionWays
from trainer.errors import LoraTuiError
from trainer.journal.bake_settings import settings_of
from trainer.journal.journal import Journal
from trainer.text import numbered


def running_on(journal: Journal, files: Iterable[Path]) -> list[int]:
    """Return the bakes that an engine runs now and that read a folder in which one of the files lies."""
    folders = {file.parent for file in files}
    found = []
    for bake in journal.bakes.latest():
        if not bake.state.live:
            continue
        try:
            ways = CaptionWays.of(settings_of(journal, bake))
        except (LoraTuiError, OSError):
            # Its data may be gone, or its settings be damaged: nothing is said of it then.
            continue
        if any(source.path in folders for source in ways.sources):
            found.append(bake.number)
    return sorted(found)


def running_remark(bakes: list[int]) -> str:
    """Return what to know of these bakes, "" where there are none."""
    if not bakes:
        return ""
    one = len(bakes) == 1
    return (
        f"{numbered('bake', bakes)} {'is' if one else 'are'} running on these pictures: "
        f"{'it continues' if one else 'they continue'} with the captions read at the start"
    )

"""How far long work is, as a line."""

from trainer.long_work import WorkProgress
from trainer.text import printable


def progress_line(progress: WorkProgress, words: str = "") -> str:
    """Return how far work is on a line: `reading 3_school 40 of 120`; `words` where it has not said anything yet."""
    first = printable(progress.words, 60) or words
    if progress.total:
        return f"{first} {progress.done:,} of {progress.total:,} {progress.unit}".rstrip()
    return f"{first} {progress.done:,} {progress.unit}".rstrip() if progress.done else first

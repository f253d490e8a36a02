"""How much of a processor do list, filter and differences take in a journal of many bakes?"""

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from made_history import make_history
from table import Budget, Table, say

from trainer.dataset.manifest import ListedPicture, Manifest, manifest_bytes
from trainer.history.differences import difference
from trainer.history.facts import make_missing
from trainer.history.filter import parse_filter
from trainer.history.history import BakeHistory
from trainer.history.notes import keep_note
from trainer.journal.journal import Journal
from trainer.workspace import Workspace

BAKES = 10_000
POINTS = 1000
"""Of each bake: ten million in all."""

_FILTERS = (
    "unet_lr>1e-4 subject:hifumi tag:te",
    "state:failed steps>=500 peak<6G loss<0.08",
    '"ears of 10" -verdict:right',
    "changed:unet_lr",
    "ss_seed:42",
)
_TIMES = 7


def measure(root: Path, budget: Budget) -> Sequence[Table]:
    """Return the seconds of each read, the slowest of several."""
    workspace = Workspace(root.parent / "many")
    workspace.root.mkdir()
    say(f"writing {BAKES:,} bakes with {BAKES * POINTS:,} points")
    make_history(workspace.journal_path, BAKES, points=POINTS, facts=False)
    with Journal(workspace.journal_path) as journal:
        say("making the facts that lists need")
        facts = _seconds(lambda: make_missing(journal, workspace))
    rows: list[tuple[str, float, float]] = [
        ("facts, once for each bake, ms", 1000 * facts / BAKES, 1000 * facts / BAKES)
    ]
    firsts = []
    for _ in range(_TIMES):
        with Journal(workspace.journal_path) as journal:
            history = BakeHistory(journal)
            firsts.append(_seconds(history.refresh))
    rows.append(_row("list, first reading, s", firsts))
    with Journal(workspace.journal_path) as journal:
        history = BakeHistory(journal)
        history.refresh()
        again = []
        for number in range(1, _TIMES + 1):
            keep_note(journal, workspace, number, text="new")
            again.append(_seconds(history.refresh))
        rows.append(_row("list, after a note was written, s", again))
        rows += [_row(f"filter `{text}`, s", _times(partial(_filter, journal, history, text))) for text in _FILTERS]
        for number in (7, BAKES):
            journal.results.set_manifest(number, _manifest(number))
        rows.append(_row("differences of two, 200 pictures each, s", _times(partial(difference, journal, 7, BAKES))))
    return [Table(f"{BAKES:,} bakes, {BAKES * POINTS:,} points", ("what", "median", "slowest"), rows)]


def _filter(journal: Journal, history: BakeHistory, text: str) -> None:
    wanted = parse_filter(text)
    metadata = {key: journal.derived.metadata(key) for key in wanted.metadata_keys}
    wanted.matching(history.newest_first(), metadata)


def _manifest(number: int) -> bytes:
    """Return the list of a bake's 200 pictures with 30 tags each, of which every bake has some of its own."""
    pictures = tuple(
        ListedPicture(
            path=f"10_hifumi/{at}.png",
            sha256=f"{at * number:064x}",
            bytes=9,
            width=512,
            height=512,
            repeats=10,
            caption=", ".join(f"tag{(at * tag * number) % 997}" for tag in range(30)),
            is_reg=False,
            group=0,
            mask=None,
        )
        for at in range(200)
    )
    return manifest_bytes(Manifest(pictures=pictures))


def _times(call: Callable[[], object]) -> list[float]:
    return [_seconds(call) for _ in range(_TIMES)]


def _seconds(call: Callable[[], object]) -> float:
    # Of the processor, the disk's reads included: what else runs on the machine would be in the time of a clock.
    started = time.process_time()
    call()
    return time.process_time() - started


def _row(what: str, seconds: Sequence[float]) -> tuple[str, float, float]:
    return what, round(statistics.median(seconds), 4), round(max(seconds), 4)

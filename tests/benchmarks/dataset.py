"""How long does an index of a hundred thousand pictures take, what is asked of it, and the screen that shows it?"""

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from dataset_keys import measure_keys
from many_pictures import make_many
from table import Budget, Table, say

from trainer.data_index.index import DataIndex
from trainer.data_index.record import SORTS, PictureQuery
from trainer.prompts.clip_tokens import clip_tokens
from trainer.settings.model import Settings
from trainer.settings.toml_file import save_settings
from trainer.workspace import Workspace

PICTURES = 100_000
_WINDOW = 100
_TIMES = 7

_QUERIES = {
    "all": PictureQuery(),
    "a word": PictureQuery(text="tag 17"),
    "two tags, one not": PictureQuery(with_tags=("tag 1", "tag 2"), without_tags=("tag 3",)),
    "a folder": PictureQuery(folder="1_folder 00"),
    "small": PictureQuery(fault="small"),
    "near-duplicates": PictureQuery(near_duplicates=True),
}


def measure(root: Path, budget: Budget) -> Sequence[Table]:
    """Return the seconds of the processor for an index from nothing, for opening it and for what lists need; on the screen by the clock."""
    workspace = Workspace(root.parent / "many")
    say(f"drawing {PICTURES:,} pictures")
    make_many(workspace.root / "train", PICTURES)
    workspace.journal_path.touch()
    settings = Settings(train_data_dir=str(workspace.root / "train"), pretrained_model_name_or_path="demo")
    save_settings(settings, workspace.root / "many.toml")
    rows: list[tuple[str, float, float]] = []
    with DataIndex(workspace) as index:
        say("names, sizes, captions, tokens")
        rows.append(
            _row(
                "first index: names, sizes, captions, tags, tokens, s",
                [_seconds(lambda: _refresh(index, settings, pixels=False))],
            )
        )
        say("pixels")
        rows.append(_row("then the pixels, s", [_seconds(lambda: _refresh(index, settings))]))
        rows.append(_row("looked at again, nothing changed, s", _times(lambda: _refresh(index, settings))))
        (workspace.root / "train" / "1_folder 00" / "000000.txt").write_text("another")
        rows.append(_row("after one caption was written, s", [_seconds(lambda: _refresh(index, settings))]))
    rows.append(_row("opened: counted and the first window read, s", _times(lambda: _open(workspace, settings))))
    with DataIndex(workspace) as index:
        index.recall(settings)
        rows.append(
            _row(
                "names and captions read for the first word, s", [_seconds(lambda: index.count(PictureQuery(text="x")))]
            )
        )
        rows.append(_row("groups of near-duplicates, once, s", [_seconds(index.near_duplicates)]))
        rows += [_row(f"window of {_WINDOW}: {name}, ms", _windows(index, query)) for name, query in _QUERIES.items()]
        for sort in SORTS:
            query = PictureQuery(sort=sort, descending=True)
            rows.append(_row(f"window of {_WINDOW} by {sort}, ms", _windows(index, query)))
        rows.append(_row("tags counted, s", _times(index.tag_counts)))
        tagged = PictureQuery(with_tags=("tag 1",))
        rows.append(_row("tags of the pictures with one tag, s", _times(lambda: index.tag_counts(tagged))))
    say("the Dataset screen")
    table = Table(f"{PICTURES:,} pictures with captions", ("what", "median", "slowest"), rows)
    return [table, measure_keys(workspace.root)]


def _refresh(index: DataIndex, settings: Settings, *, pixels: bool = True) -> None:
    index.refresh(settings, tokens=clip_tokens, pixels=pixels)


def _open(workspace: Workspace, settings: Settings) -> None:
    with DataIndex(workspace) as index:
        index.recall(settings)
        index.pictures(index.ids()[:_WINDOW])


def _windows(index: DataIndex, query: PictureQuery) -> list[float]:
    """Return the milliseconds of windows at several places of a list; the first one has the query to answer as well."""
    found = []
    for number in range(_TIMES):

        def read(share: float = number / _TIMES) -> None:
            ids = index.ids(query)
            start = int(share * len(ids))
            index.pictures(ids[start : start + _WINDOW])

        found.append(1000 * _seconds(read))
    return found


def _times(call: Callable[[], object]) -> list[float]:
    return [_seconds(call) for _ in range(_TIMES)]


def _seconds(call: Callable[[], object]) -> float:
    # Of the processor, in all threads: with two cores to itself the clock shows less for what runs in threads.
    started = time.process_time()
    call()
    return time.process_time() - started


def _row(what: str, values: Sequence[float]) -> tuple[str, float, float]:
    return what, round(statistics.median(values), 3), round(max(values), 3)

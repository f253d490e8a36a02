"""Facts of bakes made from their settings, lists of data, LoRA files and grids' verdicts, and kept in the journal for lists and searches."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.errors import LoraTuiError
from trainer.formats.safetensors_header import read_header
from trainer.history.setting_changes import defaults, differing
from trainer.journal.derived import NUMBERS_END
from trainer.journal.derived_records import BakeFacts, FactSource, GridTally, NewestLora
from trainer.journal.grid_records import CellNote
from trainer.journal.journal import Journal
from trainer.noise_floor.families import make_rows
from trainer.settings.toml_file import parse_settings
from trainer.text import printable
from trainer.workspace import Workspace, bake_number

if TYPE_CHECKING:
    from trainer.gallery.sidecar import MadeGrid
    from trainer.grid.recipe import Recipe

FAVOURITE = "favourite"
VERDICTS = ("under", "right", "over")
"""What a user says of a picture as a whole."""

# A transaction of this many holds up other writers for some milliseconds.
_AT_ONCE = 50
# sd-scripts puts every tag of the data into the metadata: what is longer is not searched.
_MAX_TEXT = 300
_MAX_KEYS = 400
_PREFIXES = ("ss_", "modelspec.", "sshs_")


@cache
def made_by() -> str:
    """Return the mark of the defaults that facts are made with."""
    text = json.dumps(defaults(), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def facts_of(journal: Journal, source: FactSource) -> BakeFacts:
    """Return the facts of a bake; settings that cannot be read are named in `fault`."""
    blob = journal.results.manifest(source.number)
    data = "" if blob is None else hashlib.sha256(blob).hexdigest()[:16]
    settings, fault = _settings_of(source)
    return BakeFacts(bake=source.number, made_by=made_by(), settings=settings, data=data, fault=fault)


def _settings_of(source: FactSource) -> tuple[Mapping[str, object], str]:
    """Return the settings of a bake that differ from the defaults, and why they cannot be read, "" where they can."""
    with suppress(LoraTuiError):
        return _differing_in(source.settings_toml), ""
    try:
        return differing(parse_settings(source.settings_toml, f"bake {source.number}")), ""
    except LoraTuiError as error:
        return {}, printable(error.line())


# Twins and bakes of one series have the same settings but for a few.
@lru_cache(maxsize=64)
def _differing_in(text: str) -> Mapping[str, object]:
    return differing(parse_settings(text, "settings"))


def make_missing(
    journal: Journal,
    workspace: Workspace,
    *,
    stop: Callable[[], bool] = lambda: False,
    show: Callable[[int], None] = lambda made: None,
) -> int:
    """Make the facts that are missing, newest bakes first, in short transactions, and return how many there were.

    Args:
        journal, workspace: whose; one that cannot be written is left as it is.
        stop: asked between two transactions; True ends it.
        show: called between two transactions with how many were made so far.
    """
    made = 0
    if journal.read_only:
        return made
    makers = (
        _make_facts(journal),
        iter(lambda: make_rows(journal, _AT_ONCE), 0),
        iter(lambda: _make_tallies(journal, workspace), 0),
        _make_metadata(journal, workspace),
    )
    for making in makers:
        while not stop() and (count := next(making, 0)):
            made += count
            show(made)
    return made


def _make_facts(journal: Journal) -> Iterator[int]:
    """Make facts and yield how many each transaction wrote."""
    below = NUMBERS_END
    # Each time from where the last one ended: with thousands of bakes it takes long to pass over those that have theirs.
    while sources := journal.derived.without_facts(made_by(), _AT_ONCE, below):
        # Made before they are written: other writers wait for no more than that.
        journal.derived.keep_facts([facts_of(journal, source) for source in sources])
        below = sources[-1].number
        yield len(sources)


def _make_metadata(journal: Journal, workspace: Workspace) -> Iterator[int]:
    below = NUMBERS_END
    while newest := journal.derived.without_metadata(_AT_ONCE, below):
        journal.derived.keep_metadata([(lora, metadata_of(workspace, lora)) for lora in newest])
        below = newest[-1].number
        yield len(newest)


def metadata_of(workspace: Workspace, lora: NewestLora) -> Mapping[str, str]:
    """Return the metadata of a LoRA that are searched; none where its file is gone or damaged."""
    try:
        texts = read_header(workspace.root / lora.folder / lora.file).metadata
    except (LoraTuiError, OSError, ValueError):
        # It was deleted, or is damaged: whoever opens it is told.
        return {}
    return searched_metadata(texts)


def searched_metadata(texts: Mapping[str, str]) -> Mapping[str, str]:
    """Return the entries of a LoRA's metadata that are kept for searching: those of training, without the long ones."""
    kept = [(key, text) for key, text in sorted(texts.items()) if key.startswith(_PREFIXES) and len(text) <= _MAX_TEXT]
    return dict(kept[:_MAX_KEYS])


def _make_tallies(journal: Journal, workspace: Workspace) -> int:
    grids = journal.derived.without_tally(1)
    for number in grids:
        journal.derived.keep_tally(tally_of(journal, workspace, number))
    return len(grids)


def tally_of(journal: Journal, workspace: Workspace, number: int) -> GridTally:
    """Return the tally of a grid; an empty one where its description cannot be read."""
    return GridTally(grid=number, counts=_counts(journal, workspace, number))


def _counts(journal: Journal, workspace: Workspace, number: int) -> Mapping[str, Mapping[str, Mapping[str, int]]]:
    # Here: most lists meet no grid that is new, and all that recipes need takes a tenth of a second.
    from trainer.gallery.sidecar import read_sidecar

    try:
        made = read_sidecar(workspace.root / journal.grids.read(number).folder)
    except (LoraTuiError, OSError):
        made = None
    if made is None:
        return {}
    return tally(made, journal.grids.cell_notes(number), lambda path: epoch_of_file(journal, workspace, path))


def tally(
    made: "MadeGrid", notes: Iterable[CellNote], epoch_of: Callable[[Path], tuple[int, int] | None]
) -> Mapping[str, Mapping[str, Mapping[str, int]]]:
    """Return a grid's verdicts by bake and step, as GridTally counts them.

    A picture counts for an epoch where it is made with that LoRA alone at full weight: what is said of another is said of its weights.

    Args:
        made: the grid.
        notes: on its pictures.
        epoch_of: the bake and step of a LoRA file, None where it is of no bake here.
    """
    found = cache(epoch_of)
    alone = {cell.place.name: lora for cell in made.cells if (lora := alone_in(cell.recipe)) is not None}
    counts: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for note in notes:
        said = ([FAVOURITE] if note.favourite else []) + ([note.whole] if note.whole in VERDICTS else [])
        if said and note.cell in alone and (epoch := found(alone[note.cell])) is not None:
            counts[str(epoch[0])][str(epoch[1])].update(said)
    return counts


def alone_in(recipe: "Recipe") -> Path | None:
    """Return the LoRA that makes a picture alone at full weight: what is said of the picture is said of that LoRA."""
    loras = recipe.loras
    return loras[0].path if len(loras) == 1 and loras[0].is_plain else None


def epoch_of_file(journal: Journal, workspace: Workspace, path: Path) -> tuple[int, int] | None:
    """Return the bake and the step of a LoRA file, None for one that is of no bake here."""
    number = bake_number(path.parent.name) if path.parent.parent == workspace.bakes else None
    file = path.name
    if number is None:
        file = imported_file(path, workspace)
        number = journal.results.bake_with_file(file)
    if number is None:
        return None
    step = next((each.step for each in journal.results.checkpoints(number) if each.file == file), None)
    return None if step is None else (number, step)


def imported_file(path: Path, workspace: Workspace) -> str:
    """Return the place of an imported LoRA as the journal has it: from the bake's folder in the workspace, so that it moves along."""
    if path.is_relative_to(workspace.root):
        return f"../../{path.relative_to(workspace.root).as_posix()}"
    return str(path)

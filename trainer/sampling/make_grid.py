"""A grid from its row in the journal to its last picture: spelled out, looked up, made in a fair order, written cell by cell."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch

from trainer.counted import counted
from trainer.errors import LoraTuiError, OutOfMemory
from trainer.foreign_text import shown
from trainer.gallery.sheets import write_sheets
from trainer.gallery.sidecar import Made, made_from, write_sidecar
from trainer.grid.cell import Cell, Expanded, Place
from trainer.grid.expand import expand
from trainer.grid.order import batches
from trainer.grid.pool import with_epochs
from trainer.grid.recipe import Machinery, Recipe, fingerprint
from trainer.grid.shelf import Shelf
from trainer.grid.spec import GridSpec, parse_spec, spec_json
from trainer.grid.work import look_of, passes_of, pictures_at_once
from trainer.journal.journal import Journal
from trainer.journal.records import Grid, GridState
from trainer.sampling.picture_files import PictureFiles
from trainer.sampling.studio import Studio
from trainer.workspace import Workspace

# A screen looks once or twice a second.
_PROGRESS_EVERY = 0.25


class Desk(Protocol):
    """Where pictures are made: on a base that is loaded, or on whatever a recipe asks for."""

    def machinery(self, spec: GridSpec) -> Machinery:
        """Return what pictures of `spec` are made with; raises GridError where that cannot be."""

    def studio(self, recipe: Recipe) -> Studio:
        """Return the studio on the recipe's base; raises GridError or ModelError where it cannot be had."""


class Control(Protocol):
    """What is said to a grid while it is made."""

    def stop(self) -> bool:
        """Return whether to end now; asked at every sampling step."""

    def dropped(self) -> Collection[str]:
        """Return the labels of the epochs that are left out of the rest."""


@dataclass(frozen=True)
class Telling:
    """Whom a grid tells how it goes.

    Attributes:
        report: takes (pictures there are, pictures).
        say: takes a line for the log.
    """

    report: Callable[[int, int], None]
    say: Callable[[str], None]


def make_grid(
    number: int, journal: Journal, workspace: Workspace, desk: Desk, control: Control, telling: Telling
) -> GridState:
    """Make grid `number` and return DONE, or CUT where it was ended; what is made is kept, and made again it goes on there.

    Args:
        number: the grid's.
        journal: opened in this thread.
        workspace: where its folder is.
        desk: where its pictures are made.
        control: who may end it.
        telling: who hears how it goes.

    Raises:
        LoraTuiError: it cannot be made as asked, or no longer; its state is FAILED then.
    """
    journal.set_grid_state(number, GridState.MAKING)
    try:
        state = _make(journal.grid(number), journal, workspace, desk, control, telling)
    except BaseException as error:
        line = error.line() if isinstance(error, LoraTuiError) else f"{type(error).__name__}: {error}"
        journal.set_grid_state(number, GridState.FAILED, shown(line))
        raise
    journal.set_grid_state(number, state)
    return state


def _make(
    row: Grid, journal: Journal, workspace: Workspace, desk: Desk, control: Control, telling: Telling
) -> GridState:
    folder = workspace.root / row.folder
    folder.mkdir(parents=True, exist_ok=True)
    shelf = Shelf(workspace.root)
    expanded = expand(with_epochs(parse_spec(row.spec, f"grid {row.number}"), journal, workspace), shelf)
    made = _told(expanded, desk.machinery(expanded.spec), shelf)
    journal.set_grid_spec(row.number, spec_json(expanded.spec), len(made.cells))
    write_sidecar(made, folder)
    for note in made.notes:
        telling.say(note)
    with PictureFiles(made, folder, workspace.root, journal) as files:
        if found := files.take_over():
            telling.say(f"{counted(found, 'picture')} of {len(made.cells):,} there already")
        making = _Making(row, expanded, made, files, journal, desk, control, telling)
        try:
            ended = making.make()
        finally:
            # Whatever broke, the pictures before it are there and the journal knows of them.
            making.settle()
    notes = (*files.without_effect(), *files.made_again())
    if notes:
        made = replace(made, notes=(*made.notes, *notes))
        write_sidecar(made, folder)
    for line in (*notes, *write_sheets(made, folder)):
        telling.say(line)
    telling.say(f"{files.done:,} of {len(made.cells):,} pictures in {row.folder}")
    return GridState.CUT if ended else GridState.DONE


def _told(expanded: Expanded, machinery: Machinery, shelf: Shelf) -> Made:
    """Return what grid.json says: with every file's hash, and so the fingerprint of every picture."""
    hashes: dict[str, str] = {}

    def content(path: Path) -> str:
        if str(path) not in hashes:
            hashes[str(path)] = shelf.hash_of(path)
        return hashes[str(path)]

    marks = [fingerprint(cell.recipe, machinery, content) for cell in expanded.cells]
    for base in dict.fromkeys(cell.recipe.base for cell in expanded.cells):
        content(Path(base))
    return made_from(expanded, marks, machinery, hashes)


class _Making:
    """The pictures of a grid that are still to be made."""

    def __init__(
        self,
        row: Grid,
        expanded: Expanded,
        made: Made,
        files: PictureFiles,
        journal: Journal,
        desk: Desk,
        control: Control,
        telling: Telling,
    ) -> None:
        self._number, self._expanded, self._machinery = row.number, expanded, made.machinery
        self._files, self._journal, self._desk = files, journal, desk
        self._control, self._telling = control, telling
        self._total = len(made.cells)
        self._marks: Mapping[Place, str] = {cell.place: cell.fingerprint for cell in made.cells}
        self._seconds, self._work, self._anew, self._look = row.seconds, row.work, row.made, row.look
        self._written_at = 0.0
        # Less once the card's memory was full.
        self._most: int | None = None

    def make(self) -> bool:
        """Make them, and return whether that was ended before the last one."""
        self._progress(at_once=True)
        for batch in batches(self._wanted(), self._at_once):
            left = [cell for cell in batch if not self._is_dropped(cell)]
            while left:
                now = left[: self._at_once(left[0].recipe)]
                try:
                    if self._control.stop() or not self._make_batch(now):
                        return True
                except torch.OutOfMemoryError as error:
                    self._fewer(len(now), error)
                else:
                    left = left[len(now) :]
        return False

    def settle(self) -> None:
        """Wait for what is being written, and say how far it is."""
        self._files.settle(wait=True)
        self._progress(at_once=True)

    def _wanted(self) -> Expanded:
        """Return the grid with each picture that is not there yet once: equal recipes are one picture."""
        first: dict[str, Cell] = {}
        for cell in self._expanded.cells:
            mark = self._marks[cell.place]
            if not self._files.has(mark):
                first.setdefault(mark, cell)
        return replace(self._expanded, cells=tuple(first.values()))

    def _at_once(self, recipe: Recipe) -> int:
        wish = self._expanded.spec.batch_size or pictures_at_once(recipe, self._machinery)
        return min(wish, self._most or wish)

    def _is_dropped(self, cell: Cell) -> bool:
        dropped = self._control.dropped()
        # A picture that other epochs share, such as weight 0, is theirs too.
        epochs = self._files.epochs(self._marks[cell.place]) if dropped else set()
        return bool(epochs) and epochs <= set(dropped)

    def _make_batch(self, cells: list[Cell]) -> bool:
        """Make one batch and return whether it was made, not ended in the middle."""
        recipes = [cell.recipe for cell in cells]
        studio = self._desk.studio(recipes[0])
        began = time.monotonic()
        pictures = studio.sample(recipes, stop=self._control.stop)
        if pictures is None:
            return False
        self._seconds += time.monotonic() - began
        self._work += sum(passes_of(recipe) for recipe in recipes)
        self._anew += len(recipes)
        self._look = look_of(recipes[0], self._machinery)
        for cell, pixels in zip(cells, pictures, strict=True):
            self._files.put(self._marks[cell.place], pixels)
        self._progress()
        return True

    def _fewer(self, tried: int, error: torch.OutOfMemoryError) -> None:
        """Make fewer at once from here on.

        Raises:
            OutOfMemory: one alone is too many.
        """
        if tried == 1:
            raise OutOfMemory(
                f"grid {self._number}",
                found="the card's memory is full with one picture at a time",
                way_out="ask for a smaller size, or free what else takes the memory",
            ) from error
        self._most = tried // 2
        torch.cuda.empty_cache()
        self._telling.say(f"the card's memory is full with {tried} pictures at once: {self._most} from here on")

    def _progress(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if not at_once and now - self._written_at < _PROGRESS_EVERY:
            return
        self._written_at = now
        self._journal.set_grid_progress(
            self._number,
            done=self._files.done,
            made=self._anew,
            seconds=self._seconds,
            work=self._work,
            look=self._look,
        )
        self._telling.report(self._files.done, self._total)

"""A grid from its row in the journal to its last picture: spelled out, looked up, made in a fair order, written cell by cell."""

import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch

from trainer.errors import LoraTuiError, OutOfMemory
from trainer.gallery.same_files import check_same_files, other_file
from trainer.gallery.sheets import write_sheets
from trainer.gallery.sidecar import MadeGrid, made_grid, write_sidecar
from trainer.grid.cell import Cell, Expanded, Place
from trainer.grid.cost import pictures_at_once, speed_class, unet_passes
from trainer.grid.expand import expand
from trainer.grid.first_spec import with_epochs
from trainer.grid.model_files import ModelFiles
from trainer.grid.recipe import ComputeSetup, HalfType, Recipe, fingerprint
from trainer.grid.sampling_order import batches
from trainer.grid.spec import kept_spec, parse_spec, spec_json
from trainer.journal.grid_records import Grid, GridState
from trainer.journal.journal import Journal
from trainer.sampling.not_finite import not_finite
from trainer.sampling.picture_files import PictureFiles
from trainer.sampling.sampler import GridSampler
from trainer.settings.subject import DEMO_BASE
from trainer.text import plural, printable
from trainer.workspace import Workspace

# A screen looks once or twice a second.
_PROGRESS_SECONDS = 0.25
# Where none of so many pictures is finite, none will be.
_ENOUGH_NOT_FINITE = 4


class SamplerProvider(Protocol):
    """Where pictures are made: on a base that is loaded, or on whatever a recipe asks for."""

    def loaded(self) -> Mapping[str, str]:
        """Return place -> sha256 of what is loaded, whatever lies there now; empty where files are read when they are asked for.

        A place is `demo`, or a path with every link followed.
        """

    def compute_setup(self, precision: str, half: HalfType) -> ComputeSetup:
        """Return what a grid's pictures are made with, by its precision and what half precision its bases can compute in.

        Raises:
            GridError: that cannot be.
        """

    def sampler(self, recipe: Recipe) -> GridSampler:
        """Return the sampler on the recipe's base; raises GridError or ModelError where it cannot be had."""


class GridControls(Protocol):
    """What is said to a grid while it is made."""

    def stop(self) -> bool:
        """Return whether to end now; asked at every sampling step."""

    def dropped(self) -> Collection[str]:
        """Return the labels of the epochs that are left out of the rest."""


@dataclass(frozen=True)
class Progress:
    """Whom a grid tells how it goes.

    Attributes:
        report: takes (pictures there are, pictures).
        say: takes a line for the log.
    """

    report: Callable[[int, int], None]
    say: Callable[[str], None]


def make_grid(
    number: int,
    journal: Journal,
    workspace: Workspace,
    provider: SamplerProvider,
    control: GridControls,
    progress: Progress,
) -> GridState:
    """Make grid `number` and return DONE, or CUT where it was ended; its pictures are kept, and making it again continues there.

    Args:
        number: the grid's.
        journal: opened in this thread.
        workspace: where its folder is.
        provider: where its pictures are made.
        control: who may end it.
        progress: who hears how it goes.

    Raises:
        LoraTuiError: it cannot be made as asked, or no longer; its state is FAILED then.
    """
    folder = workspace.root / journal.grids.read(number).folder
    # Before anything is written: refused, it stays what it was.
    check_same_files(number, folder, GridContents(ModelFiles(workspace.root), provider.loaded()).now)
    journal.grids.set_state(number, GridState.MAKING)
    try:
        state = _make(journal.grids.read(number), journal, workspace, provider, control, progress)
    except BaseException as error:
        line = error.line() if isinstance(error, LoraTuiError) else f"{type(error).__name__}: {error}"
        journal.grids.set_state(number, GridState.FAILED, printable(line))
        raise
    journal.grids.set_state(number, state)
    return state


def _make(
    row: Grid,
    journal: Journal,
    workspace: Workspace,
    provider: SamplerProvider,
    control: GridControls,
    progress: Progress,
) -> GridState:
    folder = workspace.root / row.folder
    folder.mkdir(parents=True, exist_ok=True)
    model_files = ModelFiles(workspace.root)
    expanded = expand(with_epochs(parse_spec(row.spec, f"grid {row.number}"), journal, workspace), model_files)
    contents = GridContents(model_files, provider.loaded())
    made = _made_grid(expanded, provider.compute_setup(expanded.spec.precision, expanded.half), contents)
    journal.grids.set_spec(row.number, spec_json(kept_spec(expanded.spec, journal.paths)), len(made.cells))
    write_sidecar(made, folder)
    for note in made.notes:
        progress.say(note)
    with PictureFiles(made, folder, workspace.root, journal) as files:
        if found := files.take_over():
            progress.say(f"{plural(found, 'picture')} of {len(made.cells):,} already made")
        making = _Making(row, expanded, made, files, journal, provider, contents, control, progress)
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
        progress.say(line)
    progress.say(f"{files.done:,} of {plural(len(made.cells), 'picture')} in {row.folder}")
    making.check_all_finite()
    return GridState.CUT if ended else GridState.DONE


class GridContents:
    """Contents of the files of a grid.

    Args:
        model_files: hashes them.
        loaded: place -> sha256 of what counts as it was when it was loaded, as SamplerProvider has it.
    """

    def __init__(self, model_files: ModelFiles, loaded: Mapping[str, str]) -> None:
        self._model_files, self._loaded = model_files, loaded
        self.hashes: dict[str, str] = {}
        """Path -> sha256 of each file when it was first asked for."""

    def now(self, path: Path) -> str:
        """Return the sha256 of a file or folder as it is now; a file that did not change is not read again.

        Raises:
            ModelError: it is missing or cannot be read.
        """
        place = str(path) if str(path) == DEMO_BASE else os.path.realpath(path)
        return self._loaded.get(place) or self._model_files.hash_of(path)

    def first(self, path: Path) -> str:
        """Return its sha256 when it was first asked for.

        Raises:
            ModelError: as `now`.
        """
        if str(path) not in self.hashes:
            self.hashes[str(path)] = self.now(path)
        return self.hashes[str(path)]

    def check_still(self, recipe: Recipe, where: str) -> None:
        """See that all files of a picture are still what they were when the grid was begun.

        Raises:
            GridError: one is not; names both hashes.
            ModelError: as `now`.
        """
        for path in recipe.files():
            if (now := self.now(path)) != self.first(path):
                raise other_file(where, str(path), self.first(path), now)


def _made_grid(expanded: Expanded, compute_setup: ComputeSetup, contents: GridContents) -> MadeGrid:
    """Return the content of grid.json, with the hash of every file and the fingerprint of every picture."""
    marks = [fingerprint(cell.recipe, compute_setup, contents.first) for cell in expanded.cells]
    for base in dict.fromkeys(cell.recipe.base for cell in expanded.cells):
        contents.first(Path(base))
    return made_grid(expanded, marks, compute_setup, contents.hashes)


class _Making:
    """The pictures of a grid that are still to be made."""

    def __init__(
        self,
        row: Grid,
        expanded: Expanded,
        made: MadeGrid,
        files: PictureFiles,
        journal: Journal,
        provider: SamplerProvider,
        contents: GridContents,
        control: GridControls,
        progress: Progress,
    ) -> None:
        self._contents = contents
        self._number, self._expanded, self._compute_setup = row.number, expanded, made.compute_setup
        self._files, self._journal, self._provider = files, journal, provider
        self._control, self._reporter = control, progress
        self._total = len(made.cells)
        self._marks: Mapping[Place, str] = {cell.place: cell.fingerprint for cell in made.cells}
        self._seconds, self._unet_passes, self._sampled, self._speed_class = (
            row.sampling_seconds,
            row.unet_passes,
            row.sampled,
            row.speed_class,
        )
        self._written_at = 0.0
        # Smaller once the card's memory was full.
        self._max_batch: int | None = None
        self._not_finite: list[Cell] = []

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
                    self._reduce_batch(len(now), error)
                else:
                    left = left[len(now) :]
        return False

    def check_all_finite(self) -> None:
        """See that every picture sampled could be shown.

        Raises:
            GridError: some have values that are NaN or infinite; names them and their LoRAs.
        """
        if self._not_finite:
            others = self._files.done > 0
            raise not_finite(self._number, self._not_finite, self._expanded, self._compute_setup, others=others)

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
        wish = self._expanded.spec.batch_size or pictures_at_once(recipe, self._compute_setup)
        return min(wish, self._max_batch or wish)

    def _is_dropped(self, cell: Cell) -> bool:
        dropped = self._control.dropped()
        # A picture that other epochs share, such as weight 0, is theirs too.
        epochs = self._files.epochs(self._marks[cell.place]) if dropped else set()
        return bool(epochs) and epochs <= set(dropped)

    def _make_batch(self, cells: list[Cell]) -> bool:
        """Make one batch and return whether it was made, not ended in the middle."""
        recipes = [cell.recipe for cell in cells]
        sampler = self._provider.sampler(recipes[0])
        started = time.monotonic()
        pictures = sampler.sample(recipes, stop=self._control.stop)
        if pictures is None:
            return False
        # After they were read: what was replaced before is seen as well.
        self._contents.check_still(recipes[0], f"grid {self._number}")
        self._seconds += time.monotonic() - started
        self._unet_passes += sum(unet_passes(recipe) for recipe in recipes)
        self._sampled += sum(pixels is not None for pixels in pictures)
        self._speed_class = speed_class(recipes[0], self._compute_setup)
        for cell, pixels in zip(cells, pictures, strict=True):
            if pixels is None:
                self._not_finite.append(cell)
            else:
                self._files.put(self._marks[cell.place], pixels)
        self._progress()
        if not self._sampled and len(self._not_finite) >= _ENOUGH_NOT_FINITE:
            # The base itself, or all of its LoRAs: hours of more of the same would show nothing.
            self.check_all_finite()
        return True

    def _reduce_batch(self, tried: int, error: torch.OutOfMemoryError) -> None:
        """Make fewer pictures at once from here on.

        Raises:
            OutOfMemory: one alone is too many.
        """
        if tried == 1:
            raise OutOfMemory(
                f"grid {self._number}",
                found="the GPU's memory is full with one picture at a time",
                way_out="ask for smaller pictures, or close other programs that use the memory",
            ) from error
        self._max_batch = tried // 2
        torch.cuda.empty_cache()
        self._reporter.say(f"the GPU's memory is full with {tried} pictures at once: {self._max_batch} from here on")

    def _progress(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if not at_once and now - self._written_at < _PROGRESS_SECONDS:
            return
        self._written_at = now
        self._journal.grids.set_progress(
            self._number,
            done=self._files.done,
            sampled=self._sampled,
            sampling_seconds=self._seconds,
            unet_passes=self._unet_passes,
            speed_class=self._speed_class,
        )
        self._reporter.report(self._files.done, self._total)

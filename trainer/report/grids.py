"""Chapters of a report on pictures: the grids that show the bake's LoRAs, with what was said of them, and the user's verdicts and notes."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from trainer.errors import LoraTuiError
from trainer.gallery.sheets import sheet_file, value_label
from trainer.gallery.sidecar import MadeGrid, read_sidecar
from trainer.history.facts import tally
from trainer.history.history import best_epoch
from trainer.journal.grid_records import CellNote, Grid
from trainer.judging.report import report
from trainer.report.record import Block, Chapter, PictureFile, QuotedText, TextLines, TextTable
from trainer.report.source import ReportSource
from trainer.settings.subject import subject_named
from trainer.text import plural, printable

_READ_GRIDS = 300
_VERDICTS = ("favourite", "under", "right", "over")


@dataclass(frozen=True)
class _ShownGrid:
    """A grid with pictures of the bake: its row, what its folder says, the notes on its pictures, how many are of the bake."""

    row: Grid
    made: MadeGrid
    notes: dict[str, CellNote]
    pictures: int


class BakeGrids:
    """The grids that show a bake's LoRAs, newest last.

    Args:
        source: of the report.
    """

    def __init__(self, source: ReportSource) -> None:
        self._source = source

    @cached_property
    def shown(self) -> list[_ShownGrid]:
        """The grids."""
        return [found for row in self._source.journal.grids.latest(_READ_GRIDS)[::-1] if (found := self._read(row))]

    @cached_property
    def verdicts(self) -> dict[int, dict[str, int]]:
        """Step -> what was said of the pictures of its LoRA, alone at full weight -> of how many."""
        number = self._source.bake.number
        steps = self._steps
        counts: dict[int, Counter[str]] = {}
        for grid in self.shown:
            found = tally(
                grid.made,
                grid.notes.values(),
                lambda path: (number, steps[path]) if path in steps else None,
            )
            for step, said in found.get(str(number), {}).items():
                counts.setdefault(int(step), Counter()).update(said)
        return {step: dict(counts[step]) for step in sorted(counts)}

    def _read(self, row: Grid) -> _ShownGrid | None:
        try:
            made = read_sidecar(self._source.workspace.root / row.folder)
        except (LoraTuiError, OSError):
            return None
        if made is None:
            return None
        pictures = sum(any(self._is_ours(use.path) for use in cell.recipe.loras) for cell in made.cells)
        if not pictures:
            return None
        notes = {note.cell: note for note in self._source.journal.grids.cell_notes(row.number)}
        return _ShownGrid(row, made, notes, pictures)

    @cached_property
    def _steps(self) -> dict[Path, int]:
        """Each LoRA file of the bake, which of an imported one may lie elsewhere -> its step."""
        return {self._folder / each.file: each.step for each in self._source.saved}

    @property
    def _folder(self) -> Path:
        return self._source.workspace.root / self._source.bake.folder

    def _is_ours(self, path: Path) -> bool:
        return path in self._steps or path.parent == self._folder


def grid_chapter(source: ReportSource, grids: BakeGrids) -> Chapter:
    """Return the sheets of the grids, with what was ticked and said of their pictures."""
    return Chapter("Grids", tuple(block for grid in grids.shown for block in _grid(source, grid)))


def _grid(source: ReportSource, grid: _ShownGrid) -> Iterator[Block]:
    folder = source.workspace.root / grid.row.folder
    title = f"Grid {grid.row.number}: {printable(grid.row.name, 120)}"
    yield TextLines(
        (f"{plural(grid.pictures, 'picture')} of {len(grid.made.cells):,} with a LoRA of this bake",), title
    )
    for z in range(len(grid.made.z)):
        name = sheet_file(z)
        if (folder / name).is_file():
            yield PictureFile(value_label(grid.made.z, z) or grid.row.name, folder / name, f"{grid.row.folder}/{name}")
    try:
        checklist = subject_named(source.workspace.subjects, grid.made.spec.subject).checklist
    except LoraTuiError:
        checklist = []
    for section in report(grid.made, grid.notes, checklist):
        yield TextLines(section.lines, section.title)


def verdict_chapter(source: ReportSource, grids: BakeGrids) -> Chapter:
    """Return the user's verdicts by epoch, the best one, and the note on the bake."""
    return Chapter("Verdicts and notes", tuple(_verdicts(source, grids)))


def _verdicts(source: ReportSource, grids: BakeGrids) -> Iterator[Block]:
    best = best_epoch(source.note.best_step, grids.verdicts, source.bake.steps_per_epoch)
    if best is not None:
        yield TextLines((f"{source.epoch_of(best.step)} is the best: {best.why}",))
    if grids.verdicts:
        rows = tuple(
            (source.epoch_of(step), *(str(said.get(word, "")) for word in _VERDICTS))
            for step, said in grids.verdicts.items()
        )
        yield TextTable(("pictures of", *_VERDICTS), rows, frozenset(range(1, 5)))
    if source.note.text.strip():
        yield QuotedText(source.note.text.strip())

"""The files of a grid's pictures: each cell is a PNG of its own; equal recipes share one, and earlier grids' are reused."""

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from PIL import Image, ImageChops, ImageStat

from trainer.atomic_file import link_or_copy, write_atomically
from trainer.errors import DiskFull
from trainer.exchange.cell_text import cell_text
from trainer.formats.picture_text import png_bytes
from trainer.gallery.sidecar import MadeCell, MadeGrid
from trainer.grid.recipe import LoraUse
from trainer.journal.journal import Journal
from trainer.regular_file import open_regular
from trainer.settings.parts import Family
from trainer.text import printable

# Far above a picture of the largest size.
_MAX_PICTURE_BYTES = 2**30

FINGERPRINT = "fingerprint"
"""The PNG text that says which recipe a picture is of."""


class PictureFiles:
    """The PNGs of one grid. Files are written in a thread, so that a card does not wait for them.

    Args:
        made: the grid.
        folder: its own.
        root: the workspace's.
        journal: knows where earlier pictures lie; used only in the thread that calls.
    """

    def __init__(self, made: MadeGrid, folder: Path, root: Path, journal: Journal) -> None:
        self._made, self._folder, self._root, self._journal = made, folder, root, journal
        self._cells: dict[str, list[MadeCell]] = defaultdict(list)
        for cell in made.cells:
            self._cells[cell.fingerprint].append(cell)
        self._there: set[str] = set()
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pictures")
        self._written: list[tuple[str, Future[None]]] = []

    def __enter__(self) -> Self:
        """Return these."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for what is being written."""
        self._writer.shutdown(wait=True)

    def has(self, fingerprint: str) -> bool:
        """Return whether a recipe's picture is there."""
        return fingerprint in self._there

    def epochs(self, fingerprint: str) -> set[str]:
        """Return the labels of the epochs that a recipe's picture stands for; empty where it stands for none."""
        return {cell.epoch for cell in self._cells[fingerprint]} - {""}

    @property
    def done(self) -> int:
        """How many cells have their picture."""
        return sum(len(self._cells[mark]) for mark in self._there)

    def take_over(self) -> int:
        """Find what this grid or an earlier one has made already, and return how many cells that fills."""
        for mark, cells in self._cells.items():
            here = next((self._folder / cell.file for cell in cells if _is_of(self._folder / cell.file, mark)), None)
            # What is to be made again is not taken from where it was made once.
            source = here or (None if cells[0].recipe.repeat else self._elsewhere(mark))
            if source is not None:
                self._share(source, cells)
                self._there.add(mark)
        return self.done

    def put(self, fingerprint: str, pixels: Any) -> None:
        """Write the picture of a recipe, uint8 [height, width, 3], for all of its cells.

        Raises:
            DiskFull: a picture before could not be written.
        """
        self.settle(wait=False)
        self._written.append((fingerprint, self._writer.submit(self._write, fingerprint, pixels)))

    def settle(self, *, wait: bool) -> None:
        """Note in the journal what was written; with `wait`, all that was put.

        Raises:
            DiskFull: one could not be written.
        """
        left = []
        for mark, writing in self._written:
            if not wait and not writing.done():
                left.append((mark, writing))
                continue
            try:
                writing.result()
            except OSError as error:
                raise DiskFull(
                    printable(str(self._folder)),
                    found=f"a picture cannot be written ({error.strerror})",
                    way_out="free some space; the grid then continues where it stopped",
                ) from error
            self._there.add(mark)
            file = self._folder / self._cells[mark][0].file
            self._journal.grids.note_picture(mark, file.relative_to(self._root).as_posix())
        self._written = left

    def without_effect(self) -> tuple[str, ...]:
        """Return a line for each LoRA whose picture is the same without it, as far as both are there."""
        cells = {cell.recipe: cell for cell in self._made.cells if self.has(cell.fingerprint)}
        lines: dict[Path, str] = {}
        for recipe, cell in cells.items():
            for place, lora in enumerate(recipe.loras):
                if lora.path in lines or not (lora.unet and lora.text_encoder):
                    continue
                twin = cells.get(replace(recipe, loras=recipe.loras[:place] + recipe.loras[place + 1 :]))
                if twin is not None and _same(self._folder / cell.file, self._folder / twin.file):
                    lines[lora.path] = _no_effect(lora, self._made.family)
        return tuple(lines.values())

    def made_again(self) -> tuple[str, ...]:
        """Return one line on how far pictures made again differ from their first making; none where none was."""
        there = {cell.recipe: cell for cell in self._made.cells if self.has(cell.fingerprint)}
        apart = [
            _apart(self._folder / cell.file, self._folder / first.file)
            for recipe, cell in there.items()
            if recipe.repeat and (first := there.get(replace(recipe, repeat=0))) is not None
        ]
        if not apart:
            return ()
        attention = self._made.compute_setup.attention
        equal = sum(value == 0 for value in apart)
        mean = sum(apart) / len(apart)
        said = f"{equal} of {len(apart)} are equal bit for bit"
        if equal < len(apart):
            said += f", on average they differ by {mean:.2f} of 255: ignore smaller differences between pictures"
        return (f"made again with {attention} attention: {said}",)

    def _write(self, mark: str, pixels: Any) -> None:
        cells = self._cells[mark]
        texts = {"parameters": cell_text(cells[0].recipe, self._made.hashes), FINGERPRINT: mark}
        first = self._folder / cells[0].file
        write_atomically(first, png_bytes(pixels, texts))
        self._share(first, cells[1:])

    def _share(self, source: Path, cells: list[MadeCell]) -> None:
        for cell in cells:
            place = self._folder / cell.file
            if place == source:
                continue
            link_or_copy(source, place)

    def _elsewhere(self, mark: str) -> Path | None:
        file = self._journal.grids.picture(mark)
        if file is None:
            return None
        path = self._root / file
        return path if _is_of(path, mark) else None


def _is_of(path: Path, mark: str) -> bool:
    """Return whether the file is a whole picture of that recipe."""
    try:
        with _opened(path) as picture:
            if picture.info.get(FINGERPRINT) != mark:
                return False
            # Checks each chunk's sum without unpacking it: whoever reads the pixels later need not expect a broken file.
            picture.verify()
            return True
    except Exception:  # Pillow's readers raise what they like on a broken file
        return False


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    with open_regular(path) as file, Image.open(file, formats=("PNG",)) as picture:
        yield picture


def _same(one: Path, other: Path) -> bool:
    with _opened(one) as first, _opened(other) as second:
        return first.size == second.size and first.tobytes() == second.tobytes()


def _apart(one: Path, other: Path) -> float:
    """Return the mean difference of two pictures' values, of 255."""
    with _opened(one) as first, _opened(other) as second:
        if first.size != second.size:
            return 255.0
        difference = ImageChops.difference(first.convert("RGB"), second.convert("RGB"))
        return sum(ImageStat.Stat(difference).mean) / 3


def _no_effect(lora: LoraUse, family: Family) -> str:
    return f"{printable(lora.path.name)} changes nothing: at {lora.factors(family)} the picture is that of weight 0"

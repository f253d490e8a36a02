"""Sample pictures of a bake: found by their names in its folder."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trainer.dataset.picture_file import UnreadablePicture, picture_size
from trainer.journal.sample_files import SAMPLE_NAME, SAMPLES_FOLDER

# Above what any bake makes: a folder that somebody put a data set into does not use up the memory.
_MAX_FILES = 100_000
_MAX_SIZES = 200


@dataclass(frozen=True)
class BakeSamples:
    """The sample pictures of one bake.

    Attributes:
        steps: after which samples were made, in order.
        names: what they are called, in order: one for each prompt and seed.
        files: (step, name) -> the picture.
        sizes: name -> width and height of its newest picture, where that can be read.
    """

    steps: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    files: Mapping[tuple[int, str], Path] = field(default_factory=dict)
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def newest(self, name: str, step: int) -> int | None:
        """Return the last step up to `step` at which a picture of this name was made, None before the first."""
        return max((each for each in self.steps if each <= step and (each, name) in self.files), default=None)


def samples_in(folder: Path) -> BakeSamples:
    """Return the sample pictures of a bake.

    Args:
        folder: the bake's; without samples, or gone, it has none.
    """
    files: dict[tuple[int, str], Path] = {}
    with contextlib.suppress(OSError), os.scandir(folder / SAMPLES_FOLDER) as entries:
        for entry in entries:
            found = SAMPLE_NAME.fullmatch(entry.name)
            if found and len(files) < _MAX_FILES:
                files[int(found[1]), found[2]] = Path(entry.path)
    newest = {name: files[step, name] for step, name in sorted(files)}
    return BakeSamples(
        tuple(sorted({step for step, _ in files})),
        tuple(sorted(newest)),
        files,
        dict(_sizes(list(newest.items())[:_MAX_SIZES])),
    )


def _sizes(newest: Sequence[tuple[str, Path]]) -> Iterator[tuple[str, tuple[int, int]]]:
    for name, path in newest:
        with contextlib.suppress(UnreadablePicture):
            yield name, picture_size(path)

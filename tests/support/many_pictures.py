"""A data set of very many small pictures with captions, written without hard work.

python tests/support/many_pictures.py FOLDER 100000
"""

import os
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

_TAGS = 3000
_OF_EACH = 20
# Every so many pictures one is saved again in another folder.
_AGAIN = 200


def make_many(root: Path, count: int, *, folders: int = 20, seed: int = 0) -> Path:
    """Write `count` pictures of 64 × 64 pixels or a little less, half PNG and half JPEG, each with a caption of 20 tags; return `root`.

    Tags are as frequent as in a booru (Zipf). One picture in 200 is an earlier one saved again as JPEG, in another folder.
    """
    draws = np.random.default_rng(seed)
    names = [root / f"{1 + number % 3}_folder {number:02d}" for number in range(folders)]
    for folder in names:
        folder.mkdir(parents=True, exist_ok=True)
    older: list[np.ndarray] = []
    for number, tags in enumerate(_captions(draws, count)):
        folder = names[number % folders]
        again = bool(older) and number % _AGAIN == 0
        if again:
            blots = older.pop()
        else:
            blots = draws.integers(0, 256, (8, 8, 3), np.uint8)
            if number % _AGAIN == 1:
                older.append(blots)
        stem = str(folder / f"{number:06d}")
        _write(f"{stem}.{'jpg' if again or number % 2 else 'png'}", _picture(blots, number, again=again))
        _write(f"{stem}.txt", ", ".join(tags).encode())
    return root


def _captions(draws: np.random.Generator, count: int) -> Iterator[list[str]]:
    for start in range(0, count, 1000):
        ranks = draws.zipf(1.3, (min(1000, count - start), _OF_EACH)) % _TAGS
        for number, row in enumerate(ranks):
            yield [f"subject {(start + number) % 7}", *dict.fromkeys(f"tag {rank}" for rank in row.tolist())]


def _picture(blots: np.ndarray, number: int, *, again: bool) -> bytes:
    shape = (64, 64) if again else ((64, 64), (64, 48), (48, 64))[number % 3]
    image = Image.fromarray(blots).resize((64, 64), Image.Resampling.BICUBIC).resize(shape, Image.Resampling.BOX)
    content = BytesIO()
    if again or number % 2:
        image.save(content, "JPEG", quality=70 if again else 90)
    else:
        image.save(content, "PNG", compress_level=1)
    return content.getvalue()


def _write(path: str, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        os.write(handle, content)
    finally:
        os.close(handle)


if __name__ == "__main__":
    make_many(Path(sys.argv[1]), int(sys.argv[2]))

"""Folders of pictures that trainers count differently."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

SQUARE, WIDE, TALL = (64, 64), (80, 48), (48, 80)
SMALL: dict[str, object] = {"resolution": "64", "min_bucket_reso": 32, "max_bucket_reso": 128, "bucket_reso_steps": 16}
"""Settings under which these sizes are three buckets."""

_KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".bmp": "BMP", ".gif": "GIF"}


def put(folder: Path, names: Sequence[str], size: tuple[int, int]) -> None:
    """Write a picture of that size under each name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", size, "teal").save(folder / name, _KINDS[Path(name).suffix.lower()])


def worked_folder(root: Path) -> Path:
    """Make the folder of the worked example: buckets of 7, 3 and 2 of those that sd-scripts loads on Windows, and 4 others."""
    folder = root / "10_a"
    put(folder, [f"{number}.png" for number in range(7)], SQUARE)
    put(folder, ["7.JPG", "8.JPG", "9.jpeg"], TALL)
    put(folder, ["10.webp", "11.bmp"], WIDE)
    put(folder, ["12.gif"], SQUARE)
    put(folder / "sub", ["a.png", "b.png", "c.png"], SQUARE)
    return root


def odd_folder(root: Path) -> Path:
    """Make folders with every odd case: upper-case endings, subfolders, `1.5_name`, no number, no underscore, no repeats."""
    put(root / "2_eyes", ["a.png", "b.PNG", "c.Jpg", "d.webp"], SQUARE)
    put(root / "2_eyes" / "more", ["e.png", "f.JPG"], TALL)
    put(root / "1.5_half", ["g.png", "h.bmp", "i.gif"], WIDE)
    put(root / "3", ["j.png"], SQUARE)
    put(root, ["k.png"], TALL)
    return root

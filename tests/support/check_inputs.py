"""Small data sets to be checked: a good one in real files, and ways to spoil it."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from trainer.checks.record import CheckedBake
from trainer.dataset.picture_likeness import SignatureCache, thumbnails_of
from trainer.dataset.read import read_data, read_validation
from trainer.plan.plan import make_plan
from trainer.prompts.clip_tokens import clip_tokens
from trainer.settings.model import Settings

GOOD_CAPTION = "my_knight, castle"
TRIGGER = "my knight"


def draw(
    path: Path,
    seed: int,
    *,
    side: int = 64,
    size: tuple[int, int] | None = None,
    kind: str | None = None,
    quality: int = 90,
) -> Path:
    """Write a picture of soft blots that another seed gives elsewhere, with a caption beside it; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    blots = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), np.uint8)
    picture = Image.fromarray(blots).resize(size or (side, side), Image.Resampling.BICUBIC)
    picture.save(path, kind, **({"quality": quality} if path.suffix != ".png" else {}))
    caption(path, GOOD_CAPTION)
    return path


def caption(picture: Path, text: str) -> None:
    """Write the caption of a picture."""
    picture.with_suffix(".txt").write_text(text)


def data_set(root: Path, name: str = "train", *, count: int = 6, first: int = 0) -> Path:
    """Make a data set in which nothing is to be found; return the folder with its pictures."""
    folder = root / name / "2_my_knight"
    for number in range(first, first + count):
        draw(folder / f"{number}.png", number)
    return folder


def cut_in_half(path: Path) -> None:
    """Leave the first half of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def write_broken_inside(path: Path, width: int, height: int) -> None:
    """Write a PNG whose chunks are whole and whose pixels are missing, with a caption."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in parts))
    caption(path, GOOD_CAPTION)


def checked(root: Path, *, family: str = "sd1", **values: Any) -> CheckedBake:
    """Return what the checks look at in the data set under `root`, its pictures decoded."""
    settings = Settings.model_validate(
        {
            "train_data_dir": str(root / "train"),
            "resolution": "64",
            "min_bucket_reso": 32,
            "max_bucket_reso": 128,
            "bucket_reso_steps": 32,
            "train_batch_size": 2,
            "max_train_epochs": 4,
            "lr_warmup_steps": "0",
            **values,
        }
    )
    data = read_data(settings, refuse=False)
    validation = read_validation(settings, data, refuse=False)
    sets = [each for each in (data, validation) if each is not None]
    paths = [picture.path for each in sets for picture in each.pictures if not picture.is_reg]
    plan = make_plan(settings, data, family=family, tokens=clip_tokens)
    return CheckedBake(settings, data, validation, plan, TRIGGER, thumbnails_of(paths, SignatureCache(None), threads=1))

"""Names of the sample pictures that a bake leaves in its folder, and the steps they were made after."""

import os
import re
from collections import Counter
from pathlib import Path

SAMPLES_FOLDER = "samples"
"""The folder of sample pictures in a bake's folder."""

SAMPLE_NAME = re.compile(r"step([0-9]{8,18})-(.+)\.png")
"""Of a sample's file: its step, and what it is called."""


def sample_name(step: int, name: str) -> str:
    """Return the file name of the picture `name` made after `step` steps."""
    return f"step{step:08d}-{name}.png"


def sample_paths(folder: Path, step: int) -> list[Path]:
    """Return the sample pictures of a bake made after `step` steps, by name.

    Args:
        folder: the bake's.
        step: optimizer steps done.
    """
    return sorted((folder / SAMPLES_FOLDER).glob(sample_name(step, "*")))


def sample_steps(folder: Path) -> dict[int, int]:
    """Return how many sample pictures of a bake there are by step, in order; of a folder that cannot be read none.

    Args:
        folder: the bake's.
    """
    try:
        names = os.listdir(folder / SAMPLES_FOLDER)
    except OSError:
        return {}
    found = Counter(int(match[1]) for name in names if (match := SAMPLE_NAME.fullmatch(name)))
    return dict(sorted(found.items()))

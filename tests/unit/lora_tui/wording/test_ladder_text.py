"""What a ladder takes, as words."""

from types import SimpleNamespace
from typing import Any

import pytest

from lora_tui.wording.ladder_text import cost_text


@pytest.mark.parametrize(
    ("count", "reused", "words"),
    [
        (5, 0, "5 bakes, about 42 s, 2.0 MB of disk space"),
        (5, 1, "5 bakes, about 42 s, 2.0 MB of disk space; 1 more is in the journal already"),
        (1, 4, "1 bake, about 42 s, 2.0 MB of disk space; 4 more are in the journal already"),
        (0, 1, "1 bake of it is in the journal already, nothing is left to bake"),
        (0, 6, "6 bakes of it are in the journal already, nothing is left to bake"),
        (0, 0, "nothing to bake"),
    ],
)
def test_bakes_to_make_and_bakes_that_are_there_are_told_apart(count: int, reused: int, words: str) -> None:
    ladder: Any = SimpleNamespace(count=count, reused=reused, seconds=42.0, disk_bytes=2_000_000)
    assert cost_text(ladder) == words

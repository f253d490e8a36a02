"""Four pictures shown again and again are memorized, the demo's own sixteen are not.

Thresholds stand between what seeds 0, 1 and 2 gave; the figures are in docs/experiments.md.
"""

import os
import sys
from pathlib import Path

import preloaded
import pytest

from trainer.demo.workspace import make_demo
from trainer.journal.journal import Journal
from trainer.measures.held_out_values import memorization_in
from trainer.measures.memorization import MemorizationFinding, MemorizationSign


def found(root: Path, pictures: int, *overrides: str) -> tuple[MemorizationFinding, MemorizationFinding]:
    """Return what a bake of the demo's first `pictures` shows after its last step, with captions and without."""
    workspace = make_demo(root)
    for path in sorted((workspace.root / "data").rglob("*.png"))[pictures:]:
        path.unlink()
        path.with_suffix(".txt").unlink()
    asked = ("measure_memorization=true", "max_train_epochs=", "max_train_steps=80", "save_every_n_epochs=", *overrides)
    sets = [part for override in asked for part in ("--set", override)]
    command = [sys.executable, "-m", "lora_tui", "bake", str(workspace.root / "hifumi.toml"), *sets]
    ran = preloaded.run(command, env=dict(os.environ))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    with Journal(workspace.journal_path) as journal:
        values = journal.measures.of_bake(1)
    named, bare = (memorization_in(values, captions=captions) for captions in (True, False))
    assert named is not None and bare is not None
    return named, bare


@pytest.mark.long
def test_four_pictures_are_memorized_with_captions_and_without(tmp_path: Path) -> None:
    named, bare = found(tmp_path / "four", 4)
    assert named.sign is bare.sign is MemorizationSign.STRONG
    assert named.auc > 0.85 and named.pictures == 4


@pytest.mark.long
def test_the_demos_own_pictures_are_not(tmp_path: Path) -> None:
    named, bare = found(tmp_path / "demo", 16)
    assert named.sign is bare.sign is MemorizationSign.NONE
    assert named.auc < 0.7 and named.pictures == 16

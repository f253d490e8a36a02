"""The demo bake on a real card: it learns there too, in each precision the card has, and says what memory it took."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.demo.workspace import make_demo
from trainer.journal.journal import Journal
from trainer.machine.cards import NvmlCards


def _bake(folder: Path, precision: str) -> Journal:
    workspace = make_demo(folder)
    command = [sys.executable, "-m", "lora_tui", "bake", str(workspace.root / "hifumi.toml")]
    ran = subprocess.run(
        [*command, "--set", f"mixed_precision={precision}"],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return Journal(workspace.journal_path)


@pytest.mark.parametrize("precision", ["no", "bf16", "fp16", "auto"])
def test_the_demo_learns_in_every_precision(precision: str, tmp_path: Path) -> None:
    with _bake(tmp_path, precision) as journal:
        val = dict(journal.results.validations(1))
    assert val[240] < 0.45 * val[0]


def test_the_peak_and_the_cards_readings_stand_in_the_journal(tmp_path: Path) -> None:
    with _bake(tmp_path, "no") as journal:
        peak = journal.bakes.read(1).peak_vram
        readings = journal.telemetry.read(0, 1)
    assert peak is not None and peak > 2**20
    assert readings[-1].cards[0].memory_total is not None


def test_the_card_says_who_it_is() -> None:
    cards, reason = NvmlCards().read()
    assert (bool(cards), reason) == (True, "")
    assert cards[0].memory_used is not None

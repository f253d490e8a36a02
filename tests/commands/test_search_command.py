"""A search on the small base: every trial is a bake in the journal, and its study is made from these."""

import json
from pathlib import Path

import pytest
from run_engine import small_demo

from trainer.journal.journal import Journal
from trainer.search.state import search_state

pytest.importorskip("optuna")


def test_a_search_bakes_its_budget_and_says_that_it_is_rough(tmp_path: Path, lora_tui) -> None:
    demo = small_demo(tmp_path / "demo")
    short = ("--set", "max_train_epochs=", "--set", "max_train_steps=2", "--set", "measure_weights=true")
    words = ("--objective", "delta_share:unet", "--maximize", "--knob", "unet_lr=1e-4..1e-2", "--budget", "2 bakes")
    done = lora_tui("search", str(demo.root / "hifumi.toml"), *short, *words)
    assert done.returncode == 0, done.stderr
    assert "rough: one bake a point" in done.stdout and "2 bakes (2 done)" in done.stdout
    with Journal(demo.journal_path) as journal:
        found = search_state(journal, 1)
        assert found.is_over and [trial.bake for trial in found.trials] == [1, 2]
        assert all(trial.value is not None for trial in found.trials)
        assert all("search 1, bake" in journal.bakes.read(trial.bake).why for trial in found.trials)
    again = lora_tui("search", "--continue", "1", "--in", str(demo.root))
    assert again.returncode == 0 and "2 bakes (2 done)" in again.stdout
    shown = json.loads(lora_tui("search", "--show", "1", "--json", "--in", str(demo.root)).stdout)
    assert shown["over"] and shown["note"].startswith("rough")

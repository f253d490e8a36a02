"""A search on the small base: every trial is a bake in the journal, and its study is made from these."""

import json
from pathlib import Path

import pytest
from advised_bakes import workspace_at
from run_engine import small_demo

from trainer.journal.bake_settings import settings_of
from trainer.journal.journal import Journal
from trainer.search.state import search_state


def test_a_search_bakes_its_budget_and_says_that_it_is_rough(tmp_path: Path, lora_tui, lora_tui_here) -> None:
    demo = small_demo(tmp_path / "demo")
    short = ("--set", "max_train_epochs=", "--set", "max_train_steps=1", "--set", "measure_weights=true")
    words = ("--objective", "delta_share:unet", "--maximize", "--knob", "unet_lr=1e-4..1e-2", "--budget", "1 bake")
    done = lora_tui("search", str(demo.root / "hifumi.toml"), *short, *words)
    assert done.returncode == 0, done.stderr
    assert "rough: one bake a point" in done.stdout and "1 bake (1 done)" in done.stdout
    with Journal(demo.journal_path) as journal:
        found = search_state(journal, 1)
        (trial,) = found.trials
        bake = journal.bakes.read(trial.bake)
        assert found.is_over and trial.value is not None
        assert (
            1e-4 <= float(trial.params["unet_lr"]) <= 1e-2
            and settings_of(journal, bake).unet_lr == trial.params["unet_lr"]
        )
        assert bake.why.startswith("search 1, bake 1: unet_lr=") and bake.why.endswith("(rough)")
    assert "1 bake: largest delta_share:unet" in lora_tui_here("search", "--list", "--in", str(demo.root)).stdout
    shown = json.loads(lora_tui_here("search", "--show", "1", "--json", "--in", str(demo.root)).stdout)
    assert shown["over"] and shown["note"].startswith("rough")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((), "no settings to start from; expected SETTINGS.toml or --of N"),
        (("--of", "1", "--objective", "delta_share"), "no bake 1"),
        (("--show", "3"), "search 3: not in this journal"),
        (("--continue", "3"), "search 3: not in this journal"),
        (("x.toml", "--list"), "x.toml: a settings file beside --list"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, lora_tui_here, words: tuple[str, ...], error: str) -> None:
    workspace = workspace_at(tmp_path / "ws")
    with Journal(workspace.journal_path):
        pass
    done = lora_tui_here("search", *words, "--in", str(workspace.root))
    assert done.returncode == 2
    assert error in done.stderr and len(done.stderr.splitlines()) == 1

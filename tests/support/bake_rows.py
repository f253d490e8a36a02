"""Bakes as the journal holds them, for tests that care about a few fields only."""

from typing import Any

from trainer.journal.records import Bake, BakeState, Stage


def bake_row(**changes: Any) -> Bake:
    """Return bake 1, 240 steps at 40 an epoch, in mid-training; `changes` are other values of its fields."""
    values: dict[str, Any] = {
        "number": 1,
        "name": "x",
        "folder": "bakes/0001-x",
        "settings_toml": "",
        "engine": "e",
        "state": BakeState.BAKING,
        "stage": Stage.STEP,
        "stage_total": 240,
        "pid": 1,
        "pid_started": 0.0,
        "created": 0.0,
        "started": 0.0,
        "total_steps": 240,
        "steps_per_epoch": 40,
        "place": 1.0,
        "device": "cpu",
    }
    return Bake(**{**values, **changes})

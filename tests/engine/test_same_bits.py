"""A process that has baked before bakes the same bits as a fresh one."""

import os
import sys
from pathlib import Path

import preloaded
import pytest
from small_base import ENCODER_LORAS, UNET_LORAS

from trainer.demo.workspace import make_demo


@pytest.mark.long
def test_the_fifth_bake_of_a_process_equals_the_first_of_a_fresh_one(runner, short, tmp_path: Path) -> None:
    changes = (
        "mixed_precision=no",
        "mixed_precision=bf16",
        "mixed_precision=no",
        "mixed_precision=bf16",
        "mixed_precision=no",
    )
    fifth = [runner.bake(*short, change) for change in changes][-1]

    fresh = make_demo(tmp_path / "fresh").root
    sets = [part for override in (*short, "mixed_precision=no") for part in ("--set", override)]
    command = [sys.executable, "-m", "lora_tui", "bake", str(fresh / "hifumi.toml"), *sets]
    assert preloaded.run(command, env=dict(os.environ)).returncode == 0
    first = runner.tensors_in(fresh / "bakes" / "0001-hifumi")
    assert len(first) == (UNET_LORAS + ENCODER_LORAS) * 3
    assert runner.tensors(fifth) == first


def test_the_settings_a_bake_leaves_give_the_same_bake(runner, short) -> None:
    first = runner.bake(*short)
    folder = runner.folder(first)
    command = [sys.executable, "-m", "lora_tui", "bake", str(folder / "settings.toml")]
    assert preloaded.run(command, env=dict(os.environ)).returncode == 0
    again = runner.workspace.root / "bakes" / "0002-hifumi"
    assert runner.tensors_in(again) == runner.tensors(first)

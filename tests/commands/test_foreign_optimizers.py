"""Optimizers of an installed package, named by their paths: `plan`, `bake` and `queue` refuse those that no bake can use."""

import shutil
import site
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import foreign_optimizers
import pytest

from trainer.errors import ExitCode
from trainer.workspace import Workspace

LoraTui = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package `foreign_optimizers`, installed where the program runs: in a virtual environment that has all of ours too."""
    venv.create(tmp_path / "venv")
    folder = Path(sysconfig.get_path("purelib", "venv", {"base": str(tmp_path / "venv")}))
    facts = folder / "foreign_optimizers-1.0.dist-info"
    facts.mkdir()
    shutil.copy(foreign_optimizers.__file__, folder / "foreign_optimizers.py")
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign-optimizers\nVersion: 1.0\n")
    (facts / "top_level.txt").write_text("foreign_optimizers\n")
    (folder / "ours.pth").write_text("\n".join([str(Path(__file__).parents[2]), *map(str, site.getsitepackages())]))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "bin" / "python"))


def test_what_cannot_be_resumed_is_refused_everywhere_before_anything_is_written(
    fresh_lora_tui: LoraTui, demo: Workspace
) -> None:
    path, other = demo.root / "hifumi.toml", ("--set", "optimizer_type=foreign_optimizers.KeepsElsewhere")
    for command in (("plan", "--no-memory"), ("bake",), ("queue", "add")):
        done = fresh_lora_tui(*command, str(path), *other)
        assert done.returncode == ExitCode.USAGE
        assert "KeepsElsewhere does not continue from a state as it would have without a break" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not demo.bakes.exists() or not any(demo.bakes.iterdir())


def test_what_counts_in_its_groups_is_planned(fresh_lora_tui: LoraTui, demo: Workspace) -> None:
    path = demo.root / "hifumi.toml"
    done = fresh_lora_tui("plan", "--no-memory", str(path), "--set", "optimizer_type=foreign_optimizers.CountsInGroup")
    assert done.returncode == ExitCode.DONE, done.stderr

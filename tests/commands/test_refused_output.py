"""A bake whose standard output is full or closed: it goes on, and its log says why nothing more is printed."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import preloaded
import pytest

from trainer.journal.journal import Journal
from trainer.journal.records import BakeState
from trainer.workspace import Workspace

PROGRAM = """
import os, runpy, sys
if sys.argv[1] == "closed":
    os.close(1)
    sys.stdout = sys.__stdout__ = None
else:
    os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
sys.argv = ["lora-tui", *sys.argv[2:]]
runpy.run_module("lora_tui", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    ("kind", "why"),
    [("full", "No space left on device"), pytest.param("closed", "it is closed", marks=pytest.mark.long)],
)
def test_a_bake_goes_on_without_its_output(
    kind: str, why: str, demo: Workspace, short: Sequence[str], tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), kind, "bake", str(demo.root / "hifumi.toml"), *short]
    ran = preloaded.run(command, env=dict(os.environ))
    assert (ran.returncode, ran.stdout) == (0, "")
    with Journal(demo.journal_path) as journal:
        bake = journal.bakes.read(1)
        lines = [line.text for line in journal.log.read(0, bake=1)]
    assert bake.state is BakeState.DONE
    (said,) = [line for line in lines if "standard output" in line]
    assert ran.stderr == f"{said}\n"
    assert said.startswith(f"standard output cannot be written ({why}); the bake continues without it (pid ")
    folder = demo.root / bake.folder
    assert said in (folder / "bake.log").read_text()
    assert (folder / "hifumi.safetensors").is_file()

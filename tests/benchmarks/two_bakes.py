"""Two bakes behind each other in one engine: how long the second one waits for its first step.

    python two_bakes.py ROOT OPTIONS…

Runs in the sources that PYTHONPATH leads to, of this commit or another, and asks them for nothing but an engine and a queue. Prints one
JSON object: seconds from the end of the first bake to the first step of the second.
"""

import contextlib
import importlib
import json
import os
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

_POLL = 0.05
_STAMPS = """
CREATE TABLE state_times (number INTEGER, state TEXT, at REAL);
CREATE TRIGGER state_time AFTER UPDATE OF state ON bake BEGIN
    INSERT INTO state_times VALUES (new.number, new.state, (julianday('now') - 2440587.5) * 86400.0);
END;
"""
_OTHER = "unet_lr=0.0005"
"""What the second bake does differently, as the next rung of a ladder."""


def two_bakes(root: Path, options: list[str]) -> dict[str, float]:
    """Return the seconds between the bakes."""
    from trainer.journal.journal import Journal
    from trainer.settings.toml_file import apply_overrides, load_settings
    from trainer.workspace import Workspace

    jobs, workspace, path = _of(("trainer.jobs.bakes", "trainer.jobs")), Workspace(root), root / "hifumi.toml"
    engine = _of(("trainer.engine.engine", "trainer.engine")).Engine(workspace)
    with Journal(workspace.journal_path) as journal:
        for own in (options, [*options, _OTHER]):
            planned = jobs.check(apply_overrides(load_settings(path), tuple(own)), path)
            jobs.queue_bake(journal, workspace, planned, why="", engine=engine.key)
    with contextlib.closing(sqlite3.connect(workspace.journal_path, timeout=60)) as journal:
        # The journal itself takes the time: on a busy machine who looks now and then looks late.
        journal.executescript(_STAMPS)
        engine.start()
        _await(journal, 1, ("queued", "starting", "baking"))
        _await(journal, 2, ("queued", "starting"))
        ended, began = (
            journal.execute("SELECT min(at) FROM state_times WHERE number = ? AND state = ?", each).fetchone()[0]
            for each in ((1, "done"), (2, "baking"))
        )
    return {"seconds": began - ended}


def _of(names: tuple[str, ...]) -> Any:
    """Return the first module of these that there is: an older commit has it elsewhere."""
    for name in names:
        with contextlib.suppress(ModuleNotFoundError):
            return importlib.import_module(name)
    raise ModuleNotFoundError(f"none of {', '.join(names)}")


def _await(journal: sqlite3.Connection, number: int, states: tuple[str, ...]) -> None:
    """Come back when a bake is in none of these states."""
    while True:
        state, error = journal.execute("SELECT state, error FROM bake WHERE number = ?", (number,)).fetchone()
        if state not in states:
            break
        time.sleep(_POLL)
    if state not in ("baking", "done"):
        raise RuntimeError(f"bake {number} {state}: {error}")


if __name__ == "__main__":
    found = two_bakes(Path(sys.argv[1]), sys.argv[2:])
    print(json.dumps(found), flush=True)
    # The second bake is of no use to anybody.
    os._exit(0)

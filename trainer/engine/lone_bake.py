"""A process that runs one waiting bake of a workspace and ends with it, or with the process that started it."""

import contextlib
import os
import sys
import threading
import time
from pathlib import Path

from trainer.engine.engine import Engine
from trainer.errors import ExitCode, WorkspaceError
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState
from trainer.machine.engines import register_engine
from trainer.workspace import Workspace

_POLL_SECONDS = 0.2
_WATCH_SECONDS = 0.5


def main(root: str, number: int, key: str, parent: int) -> ExitCode:
    """Run bake `number` of the workspace in `root`, which waits for the engine `key`; return the exit code.

    Args:
        root: the workspace's folder.
        number: the bake's.
        key: of the engine.
        parent: the process that this one ends with.
    """
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    workspace = Workspace(Path(root))
    engine = Engine(workspace)
    engine.key = key
    register_engine(key, workspace.root, takes_queue=False)
    engine.start()
    with Journal(workspace.journal_path) as journal:
        while (bake := journal.bakes.read(number)).state.live or bake.state is BakeState.QUEUED:
            if not engine.alive:
                with contextlib.suppress(WorkspaceError):
                    journal.queue.give_up(number, engine.libraries)
                return ExitCode.BAKE_FAILED
            time.sleep(_POLL_SECONDS)
    engine.close(wait=10)
    return engine.exit_codes.get(number, ExitCode.DONE)


def _end_with(parent: int) -> None:
    """End this process as soon as another one is its parent: its own is gone, and nobody would bring home what it makes."""
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(ExitCode.TERMINATED)


if __name__ == "__main__":
    _, _root, _number, _key, _parent = sys.argv
    _code = main(_root, int(_number), _key, int(_parent))
    # A library that is still being imported in the engine's thread cannot be interrupted.
    os._exit(_code)

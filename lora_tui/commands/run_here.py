"""Jobs run by an engine of this process, followed in the terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from trainer.errors import ExitCode

if TYPE_CHECKING:
    from trainer.engine.engine import Engine
    from trainer.journal.journal import Journal
    from trainer.journal.records import Bake
    from trainer.workspace import Workspace

Queued = TypeVar("Queued")


def run_here(workspace: "Workspace", queue: "Callable[[Journal, str], object]") -> ExitCode:
    """Run all jobs that `queue` puts into the journal, in an engine of this process; return the worst of their exit codes.

    Args:
        workspace: where the journal is.
        queue: given the journal and the key of the engine that is to take the jobs.

    Raises:
        LoraTuiError: whatever `queue` raises; nothing runs then.
    """
    from lora_tui.headless.follow import follow_all

    with engine_here(workspace) as engine:
        _queue(workspace, engine, queue)
        engine.start()
        code = follow_all(engine)
        engine.close(wait=10)
    return code


def run_alone(workspace: "Workspace", queue: "Callable[[Journal, str], Bake]") -> ExitCode:
    """Run the job that `queue` puts into the journal, in an engine of this process; return the exit code.

    Args:
        workspace: where the journal is.
        queue: given the journal and the key of the engine that is to take the job.

    Raises:
        LoraTuiError: whatever `queue` raises; nothing runs then.
    """
    from lora_tui.headless.follow import follow
    from trainer.machine.launch import launched

    with engine_here(workspace) as engine:
        number = _queue(workspace, engine, queue).number
        engine.start()
        code = follow(engine, number)
        engine.close(wait=10)
        if code is ExitCode.DONE and launched() is not None:
            from trainer.bake.ranks.leader import release_followers

            release_followers()
    return code


@contextmanager
def engine_here(workspace: "Workspace", *, takes_queue: bool = False) -> "Iterator[Engine]":
    """Make an engine of this process, which the block starts and closes; what it asks about memory is closed behind the block.

    Args:
        workspace: where it runs.
        takes_queue: whether it takes what others queue.

    Raises:
        LoraTuiError: the workspace cannot be written, or the GPU's lock cannot be taken.
    """
    from trainer.engine.engine import Engine
    from trainer.machine.card_lock import check_card_lockable
    from trainer.machine.engines import register_engine
    from trainer.memory.lazy_predictor import predictor_for
    from trainer.workspace import check_writable

    check_writable(workspace)
    check_card_lockable()
    predictor = predictor_for(workspace.root)
    try:
        engine = Engine(workspace, predictor=predictor)
        register_engine(engine.key, workspace.root, takes_queue=takes_queue)
        yield engine
    finally:
        if predictor is not None:
            predictor.close()


def _queue(workspace: "Workspace", engine: "Engine", queue: "Callable[[Journal, str], Queued]") -> Queued:
    from trainer.journal.journal import Journal
    from trainer.workspace import remember_workspace

    with Journal(workspace.journal_path) as journal:
        # A killed process's bake keeps its live state until it is marked lost.
        journal.bakes.mark_lost()
        queued = queue(journal, engine.key)
    remember_workspace(workspace)
    return queued

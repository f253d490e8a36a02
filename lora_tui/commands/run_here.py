"""Jobs run one after the other by an engine of this process, followed in the terminal."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from trainer.errors import ExitCode

if TYPE_CHECKING:
    from trainer.journal.journal import Journal
    from trainer.workspace import Workspace


def run_here(workspace: "Workspace", queue: "Callable[[Journal, str], object]") -> ExitCode:
    """Run all jobs that `queue` puts into the journal, in an engine of this process; return the worst of their exit codes.

    Args:
        workspace: where the journal is.
        queue: given the journal and the key of the engine that is to take the jobs.

    Raises:
        LoraTuiError: whatever `queue` raises; nothing runs then.
    """
    from lora_tui.headless.follow import follow_all
    from trainer.engine.engine import Engine
    from trainer.journal.journal import Journal
    from trainer.machine.card_lock import check_card_lockable
    from trainer.machine.engines import register_engine
    from trainer.memory.lazy_predictor import predictor_for
    from trainer.workspace import check_writable, remember_workspace

    check_writable(workspace)
    check_card_lockable()
    predictor = predictor_for(workspace.root)
    engine = Engine(workspace, predictor=predictor)
    register_engine(engine.key, workspace.root, takes_queue=False)
    with Journal(workspace.journal_path) as journal:
        # A killed process's bake keeps its live state until it is marked lost.
        journal.bakes.mark_lost()
        queue(journal, engine.key)
    remember_workspace(workspace)
    engine.start()
    code = follow_all(engine)
    engine.close(wait=10)
    if predictor is not None:
        predictor.close()
    return code

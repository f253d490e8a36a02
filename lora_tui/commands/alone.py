"""One bake in this process, without the dashboard: queued for an engine of its own and followed to its end."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from trainer.errors import ExitCode

if TYPE_CHECKING:
    from trainer.journal.journal import Journal
    from trainer.journal.records import Bake
    from trainer.workspace import Workspace


def bake_alone(workspace: "Workspace", begin: "Callable[[Journal, str], Bake]") -> ExitCode:
    """Follow the bake that `begin` queues, given the journal and the key of the engine that shall take it; return the exit code.

    Raises:
        LoraTuiError: whatever `begin` raises; nothing runs then.
    """
    from lora_tui.headless import follow
    from trainer.engine import Engine
    from trainer.journal.journal import Journal
    from trainer.machine.attendance import attend
    from trainer.memory.late import oracle_at
    from trainer.workspace import remember_workspace

    oracle = oracle_at(workspace.root)
    engine = Engine(workspace, oracle=oracle)
    attend(engine.key, workspace.root, takes_queue=False)
    with Journal(workspace.journal_path) as journal:
        # A killed process's bake looks live until somebody looks.
        journal.mark_lost()
        number = begin(journal, engine.key).number
    remember_workspace(workspace)
    engine.start()
    code = follow(engine, number)
    engine.close(wait=10)
    if oracle is not None:
        oracle.close()
    return code

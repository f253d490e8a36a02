"""Waiting jobs that no engine will take as they are. Kept apart from what checks a job, so that looking at a queue loads none of that."""

from trainer.journal.journal import Journal
from trainer.journal.records import Bake
from trainer.machine.engines import running_engines
from trainer.workspace import Workspace


def orphaned_jobs(journal: Journal, workspace: Workspace) -> list[Bake]:
    """Return the waiting bakes, by place, whose engine is gone or that name none: no engine will take them as they are."""
    there = {engine.key for engine in running_engines(workspace.root)}
    return [bake for bake in journal.queue.waiting() if bake.engine not in there]

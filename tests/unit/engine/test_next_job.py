"""The next job, where the GPU cannot be locked: it waits, says why once, and starts when the lock can be taken."""

from pathlib import Path

import pytest

from trainer.engine.next_job import JobQueue
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState, NewBake
from trainer.workspace import make_workspace


def test_a_job_waits_for_a_lock_that_cannot_be_taken_and_says_why(
    tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.engine.next_job.device_key", lambda: "cpu")
    workspace = make_workspace(tmp_path / "ws")
    (own_home / "state").write_text("in the way")
    with Journal(workspace.journal_path) as journal:
        journal.bakes.add(NewBake(name="x", why="", settings_toml="", engine="e", total_steps=4, steps_per_epoch=4))
        queue = JobQueue(workspace, "e")
        for _ in range(3):
            assert queue.claim(journal) is None
        assert "cards/cpu.lock cannot be locked (Not a directory)" in queue.waiting_for
        (line,) = [line.text for line in journal.log.read(0, bake=1)]
        assert line == f"bake 1 is waiting: {queue.waiting_for}"
        assert journal.bakes.read(1).state is BakeState.QUEUED
        (own_home / "state").unlink()
        claimed = queue.claim(journal)
        assert claimed is not None
        with claimed.card:
            assert (claimed.bake.number, queue.waiting_for) == (1, "")

"""Workers of a cluster in the test's own process, whose bakes are forks of one that has torch loaded."""

import multiprocessing.forkserver
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import preloaded
import pytest

import trainer.cluster.worker
from trainer.cluster.record import WorkerLost
from trainer.cluster.worker import ClusterWorker
from trainer.errors import BakeFailed


class WorkerHere:
    """A worker in this process.

    Args:
        scratch: the folder of its computer.
        name: its name.
        look_in: folders that it searches.

    Attributes:
        sent: pieces of files that were sent to it.
    """

    def __init__(self, scratch: Path, name: str, look_in: Sequence[str] = ()) -> None:
        self.name = name
        self.sent = 0
        self.worker = ClusterWorker(str(scratch), name, 1, look_in, own_locks=True)
        self._lost = False

    def call(self, method: str, *arguments: Any) -> Any:
        if self._lost:
            raise WorkerLost(self.name, found="killed by the test")
        self.sent += method == "receive"
        answer = self.worker.answer(method, list(arguments))
        if "error" in answer:
            raise BakeFailed(self.name, found=answer["error"])
        return answer["value"]

    def lose(self) -> None:
        """Let the worker and its bake be gone from one moment to the next."""
        self._lost = True
        self.worker._end_process()

    def end(self) -> None:
        self.worker._end_process()


class PoolHere:
    """A pool of such workers; the second worker of a slot is on another computer.

    Args:
        folder: of the computers.
        count: of workers.
    """

    def __init__(self, folder: Path, count: int = 1, look_in: Sequence[str] = ()) -> None:
        self.folder, self.count, self.look_in = folder, count, look_in
        self.started: list[WorkerHere] = []

    def start(self, slot: int) -> WorkerHere:
        number = len(self.started)
        worker = WorkerHere(self.folder / f"computer-{number}", f"slot-{slot}", self.look_in)
        self.started.append(worker)
        return worker

    def close(self) -> None:
        for worker in self.started:
            worker.end()


@pytest.fixture
def forked_bakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers fork their bakes."""

    def start(command: Sequence[str], environment: Mapping[str, str]) -> preloaded.Program:
        # Its parent is the process that forks it.
        words = [word for word in command if word not in ("-P", "-s")]
        server = multiprocessing.forkserver._forkserver  # type: ignore[attr-defined]
        server.ensure_running()
        words[-1] = str(server._forkserver_pid)
        return preloaded.Program(words, env=dict(environment))

    monkeypatch.setattr(trainer.cluster.worker, "start_process", start)

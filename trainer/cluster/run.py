"""A run over a cluster: waiting bakes handed to workers, brought home as they go on, and taken up elsewhere where a worker is lost."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from trainer.cluster.home import AwayBake
from trainer.cluster.record import WorkerHandle, WorkerLost, WorkerPool
from trainer.errors import ExitCode, LoraTuiError, SettingsError
from trainer.jobs.fork import resume
from trainer.jobs.orphaned import orphaned_jobs
from trainer.journal.journal import Journal
from trainer.journal.processes import this_process
from trainer.journal.records import Bake, BakeState, Order
from trainer.text import plural, printable
from trainer.workspace import Workspace

POLL_SECONDS = 1.0
_MAX_LOSSES = 5


def bakes_to_run(
    journal: Journal, workspace: Workspace, numbers: Sequence[int] = (), ladder: int | None = None
) -> list[Bake]:
    """Return the bakes that a run is to take. Writes nothing.

    Args:
        journal, workspace: where they are.
        numbers: which; also ones that ended early.
        ladder: number of a ladder whose waiting bakes are meant, held or not; without one and without numbers it is every bake that
            waits, is not held, and has no engine that would take it.

    Raises:
        WorkspaceError: no bake has a number.
        SettingsError: there is no such ladder.
    """
    if ladder is not None:
        if journal.ladders.find(ladder) is None:
            raise SettingsError("--ladder", found=f"no ladder {ladder}", way_out="`lora-tui ladder list` lists them")
        wanted = {row.bake for row in journal.ladders.bakes_of(ladder) if not row.cut}
        return [bake for bake in journal.queue.waiting() if bake.number in wanted]
    if numbers:
        return [journal.bakes.read_bake(number) for number in dict.fromkeys(numbers)]
    return [bake for bake in orphaned_jobs(journal, workspace) if not bake.held and bake.grid is None]


def take_bakes(journal: Journal, bakes: Sequence[Bake], key: str) -> list[int]:
    """Give bakes to the run `key` and return their numbers; held ones are released, and one that ended early is queued again.

    Raises:
        WorkspaceError, SettingsError, ModelError: one runs, is done, or cannot be resumed.
    """
    waiting = [bake if bake.state is BakeState.QUEUED else resume(journal, bake.number, key) for bake in bakes]
    taken = journal.queue.take_over([bake.number for bake in waiting], key)
    for bake in waiting:
        if bake.number in taken and bake.held:
            journal.queue.set_held(bake.number, held=False)
    return taken


class ClusterRun:
    """Runs the bakes of one key on the workers of a pool. Use it in the thread that opened the journal.

    Args:
        journal, workspace: the bakes' home.
        pool: where workers come from.
        key: whose bakes are run.
        say: takes a line for whoever watches.
        stop: asked all the time whether to stop every bake after its step, and to start no more.
    """

    def __init__(
        self,
        journal: Journal,
        workspace: Workspace,
        pool: WorkerPool,
        key: str,
        say: Callable[[str], None],
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._journal, self._workspace, self._pool, self._key = journal, workspace, pool, key
        self._say, self._stop = say, stop
        self._workers: dict[int, WorkerHandle] = {}
        self._away: dict[int, AwayBake] = {}
        self._losses: Counter[int] = Counter()
        self._stopping = False
        self._worst = ExitCode.DONE

    def run(self) -> ExitCode:
        """Run every bake of the key until none waits or runs; return the worst exit code."""
        while True:
            if self._stop() and not self._stopping:
                self._stop_all()
            self._start_waiting()
            for slot in list(self._away):
                self._look_at(slot)
            if not self._away and (self._stopping or not self._waits()):
                return self._worst
            time.sleep(POLL_SECONDS)

    def _stop_all(self) -> None:
        self._stopping = True
        for away in self._away.values():
            self._journal.orders.give(away.number, Order.STOP)
        self._say(f"stopping {plural(len(self._away), 'bake')} after this step, then bringing them home")

    def _waits(self) -> bool:
        now = time.time()
        return any(
            bake.engine == self._key and not bake.held and (bake.not_before or 0) <= now
            for bake in self._journal.queue.waiting()
        )

    def _start_waiting(self) -> None:
        """Hand the next bakes to the workers that have none."""
        for slot in range(self._pool.count):
            if slot in self._away or self._stopping or not self._waits():
                continue
            bake = self._journal.queue.claim(self._key, *this_process())
            if bake is None:
                return
            self._start(slot, bake)

    def _start(self, slot: int, bake: Bake) -> None:
        try:
            worker = self._workers.get(slot) or self._pool.start(slot)
            self._workers[slot] = worker
            away = AwayBake(self._journal, self._workspace, bake, worker)
            away.send(self._say)
        except WorkerLost as lost:
            self._lose(slot, bake.number, lost)
            return
        except LoraTuiError as error:
            self._fail(bake.number, error.line())
            return
        self._away[slot] = away
        self._say(f"bake {bake.number} {printable(bake.name)} runs on {worker.name}")

    def _look_at(self, slot: int) -> None:
        away = self._away[slot]
        try:
            if away.bring():
                return
        except WorkerLost as lost:
            del self._away[slot]
            self._lose(slot, away.number, lost)
            return
        except LoraTuiError as error:
            del self._away[slot]
            self._drop(slot)
            self._fail(away.number, error.line())
            return
        del self._away[slot]
        bake = self._journal.bakes.read(away.number)
        if bake.state is BakeState.FAILED:
            self._worst = max(self._worst, ExitCode.BAKE_FAILED)
            self._hold_following(bake)
        self._say(f"bake {bake.number} {printable(bake.name)} is {bake.state}{f': {bake.error}' if bake.error else ''}")
        try:
            away.worker.call("stop")
        except LoraTuiError:
            self._drop(slot)

    def _lose(self, slot: int, number: int, lost: WorkerLost) -> None:
        """Take up elsewhere the bake of a worker that is gone, from the newest state that came home."""
        name = self._drop(slot)
        why = f"{name or 'its worker'} is lost: {lost.found}"
        self._journal.bakes.set_state(number, BakeState.LOST, printable(why, 300))
        self._journal.log.write(f"bake {number} is lost: {why}", bake=number, level="error")
        self._losses[number] += 1
        if self._losses[number] > _MAX_LOSSES:
            self._fail(number, f"{plural(_MAX_LOSSES + 1, 'worker')} were lost with it, the last one: {lost.found}")
            return
        if self._stopping:
            self._say(f"bake {number}: {why}; `lora-tui resume {number}` continues it")
            return
        try:
            resume(self._journal, number, self._key)
        except LoraTuiError as error:
            self._fail(number, error.line())
            return
        self._say(f"bake {number}: {why}; it continues elsewhere from its newest state")

    def _drop(self, slot: int) -> str:
        """End the worker of a slot and return its name; the next bake there gets a new one."""
        worker = self._workers.pop(slot, None)
        if worker is None:
            return ""
        worker.end()
        return worker.name

    def _fail(self, number: int, line: str) -> None:
        self._worst = max(self._worst, ExitCode.BAKE_FAILED)
        self._journal.log.write(line, bake=number, level="error")
        self._journal.queue.give_up(number, printable(line))
        self._hold_following(self._journal.bakes.read(number))
        self._say(f"bake {number} failed: {printable(line)}")

    def _hold_following(self, bake: Bake) -> None:
        if bake.on_failure == "hold":
            held = self._journal.queue.hold_following(bake.number)
            if held:
                self._say(f"holding {plural(len(held), 'bake')} behind it, as requested")

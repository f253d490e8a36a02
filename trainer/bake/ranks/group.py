"""The connection between the processes of one bake: messages over gloo, gradients over NCCL where they have GPUs."""

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from trainer.bake.ranks.message import RankMessage, as_tensor
from trainer.errors import BakeFailed
from trainer.machine.launch import LaunchedProcess
from trainer.text import printable

# Process 0 validates, makes pictures and waits in a pause while the others wait for it. Below 2^31 ms, which some of torch counts in.
_PATIENCE = timedelta(days=20)
_REASON_SECONDS = 3.0
_MAX_REASON = 400


class ProcessLost(BakeFailed):
    """Another process of the bake has ended.

    What was saved before is complete: start the processes again with `resume`.
    """

    kept_weights: bool = False
    """Whether this process's weights are those of the last complete step."""


class RankGroup:
    """The processes of one bake, connected. Use it in one thread.

    Args:
        process: this one.
        store: where they met; holds why one of them ended.
    """

    def __init__(self, process: LaunchedProcess, store: Any) -> None:
        self.process = process
        self._store = store
        # NCCL's group of GPUs; None where gloo adds up as well.
        self._gpus: Any = None
        self._broken = False

    @property
    def broken(self) -> bool:
        """Whether a process is known to have ended: nothing can be sent any more."""
        return self._broken

    def connect_gpus(self) -> None:
        """Add up on the GPUs from now on; every process says so at the same time.

        Raises:
            ProcessLost: one of them has ended.
        """
        with self._lost():
            self._gpus = dist.new_group(backend="nccl", timeout=_PATIENCE)

    def send(self, message: RankMessage) -> None:
        """Send a message of process 0 to every other.

        Raises:
            ProcessLost: one of them has ended.
        """
        content = as_tensor(message.to_bytes())
        with self._lost():
            dist.broadcast(torch.tensor([len(content)]), src=0)
            dist.broadcast(content, src=0)

    def receive(self) -> RankMessage:
        """Return the next message of process 0, however long it takes.

        Raises:
            ProcessLost: process 0 has ended.
        """
        length = torch.zeros(1, dtype=torch.int64)
        with self._lost():
            dist.broadcast(length, src=0)
            content = torch.empty(int(length), dtype=torch.uint8)
            dist.broadcast(content, src=0)
        return RankMessage.from_bytes(content.numpy().tobytes())

    def answer(self, number: int) -> None:
        """Send process 0 a number; it takes one of each process before it sends its next message."""
        with self._lost():
            dist.send(torch.tensor([number]), dst=0)

    def answers(self) -> list[int]:
        """Return the number that every other process sent, by rank.

        Raises:
            ProcessLost: one of them has ended.
        """
        found = []
        for rank in range(1, self.process.processes):
            number = torch.zeros(1, dtype=torch.int64)
            with self._lost(rank):
                dist.recv(number, src=rank)
            found.append(int(number))
        return found

    def add_up(self, numbers: Tensor) -> None:
        """Replace numbers by their sum over all processes, the same bits in each; nothing waits for a GPU.

        Args:
            numbers: fp32, of the same shape in every process.

        Raises:
            ProcessLost: one of them has ended.
        """
        with self._lost():
            dist.all_reduce(numbers, group=self._gpus)

    def say_why(self, reason: str) -> None:
        """Leave word of why this process is about to end."""
        with contextlib.suppress(RuntimeError):
            self._store.set(_key(self.process.rank), printable(reason, _MAX_REASON))

    def leave(self) -> None:
        """Close the connection; whoever waits for this process learns that it is gone."""
        with contextlib.suppress(RuntimeError, AssertionError, ValueError):
            if self._gpus is not None:
                # Whatever still waits on the GPU for a process that is gone would wait for ever.
                self._gpus._get_backend(torch.device("cuda")).abort()
        with contextlib.suppress(RuntimeError, AssertionError, ValueError):
            dist.destroy_process_group()

    @contextlib.contextmanager
    def _lost(self, rank: int | None = None) -> Iterator[None]:
        """Turn what torch says of a broken connection into words; `rank`: the process that it leads to, where one alone can be meant."""
        try:
            yield
        except RuntimeError as error:
            raise self._error(rank, error) from error

    def _error(self, rank: int | None, error: RuntimeError) -> ProcessLost:
        self._broken = True
        if not self.process.leads:
            return ProcessLost("process 0", found="has ended")
        which, reason = self._reason(rank)
        who = f"process {which}" if which is not None else "another process"
        why = reason or printable(str(error).splitlines()[0] if str(error) else type(error).__name__, 160)
        lost = ProcessLost(
            f"{who} of {self.process.processes}",
            found=f"it has ended: {why}",
            way_out="what was saved before is complete: start the processes again with `resume`",
        )
        lost.kept_weights = self._gpus is None
        return lost

    def _reason(self, rank: int | None) -> tuple[int | None, str]:
        """Return which process left word of its end and what it said, waiting for it a moment."""
        ranks = range(1, self.process.processes) if rank is None else (rank,)
        end = time.monotonic() + _REASON_SECONDS
        with contextlib.suppress(RuntimeError):
            while time.monotonic() < end:
                for each in ranks:
                    if self._store.check([_key(each)]):
                        return each, printable(self._store.get(_key(each)).decode(errors="replace"), _MAX_REASON)
                time.sleep(0.05)
        return rank, ""


def join(process: LaunchedProcess) -> RankGroup:
    """Return the group once every process has come, however long that takes.

    Raises:
        BakeFailed: they cannot meet.
    """
    try:
        with _environment(process.environment):
            store, rank, processes = next(iter(rendezvous("env://", timeout=_PATIENCE)))
            dist.init_process_group("gloo", store=store, rank=rank, world_size=processes, timeout=_PATIENCE)
    except (RuntimeError, ValueError, OSError) as error:
        raise BakeFailed(
            "accelerate launch",
            found=f"the processes cannot reach each other: {printable(str(error), 200)}",
            way_out="see that MASTER_ADDR and MASTER_PORT can be reached, and that no older process is left",
        ) from error
    return RankGroup(process, dist.PrefixStore("lora_tui", store))  # type: ignore[attr-defined]  # torch has it


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Let torch find what the launcher said while the block lasts."""
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            os.environ.pop(name, None)


def _key(rank: int) -> str:
    return f"ended/{rank}"

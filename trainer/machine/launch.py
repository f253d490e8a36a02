"""The launch of several processes for one bake, as `accelerate launch` and torchrun describe it in the environment.

Each process gets a number, its rank, and the place where they meet. What says so is taken out of the environment at the start of the
process: what this one starts itself is no part of the launch, and accelerate, which looks there, sees one process. Each process sees
one GPU alone, so that locks, readings and every `cuda:0` mean its own.
"""

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

from trainer.errors import DeviceError

_NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_OF_LAUNCHER = (
    "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK", "GROUP_WORLD_SIZE", "ROLE_RANK", "ROLE_NAME",
    "ROLE_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT",
)  # fmt: skip
_PREFIXES = ("TORCHELASTIC_", "ACCELERATE_")
# What accelerate is told about the device holds for one process as well.
_KEPT = ("ACCELERATE_USE_CPU", "ACCELERATE_TORCH_DEVICE")
_VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class LaunchedProcess:
    """This process among those that were launched together.

    Attributes:
        rank: its number, from 0; process 0 alone writes journal, files and screen.
        processes: how many there are, 2 or more.
        local_rank: its number among those on this computer.
        environment: what says where they meet.
    """

    rank: int
    processes: int
    local_rank: int
    environment: Mapping[str, str]

    @property
    def leads(self) -> bool:
        """Whether it is process 0."""
        return self.rank == 0


_launched: LaunchedProcess | None = None


def take_launch(environment: MutableMapping[str, str] = os.environ) -> LaunchedProcess | None:
    """Take what the launcher says out of the environment, once at the start of a process, and let it see its own GPU alone.

    Returns:
        this process; None where it was started alone.

    Raises:
        DeviceError: there are more processes on this computer than GPUs it may see.
    """
    global _launched  # noqa: PLW0603  # one process is launched once
    _launched = read_launch(environment)
    if _launched is None:
        return None
    for name in _launched.environment:
        del environment[name]
    environment[_VISIBLE] = _own_gpu(environment.get(_VISIBLE), _launched)
    return _launched


def launched() -> LaunchedProcess | None:
    """Return this process among those that were launched together; None where it was started alone."""
    return _launched


def read_launch(environment: Mapping[str, str]) -> LaunchedProcess | None:
    """Return what the launcher says in an environment; None where it says nothing, or of one process."""
    if not all(environment.get(name) for name in _NEEDED):
        return None
    numbers = [environment.get(name, "0") for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK")]
    if not all(number.isdecimal() for number in numbers):
        return None
    rank, processes, local_rank = map(int, numbers)
    if not 0 <= rank < processes or processes < 2:
        return None
    of_launch = {
        name: value
        for name, value in environment.items()
        if name not in _KEPT and (name in _OF_LAUNCHER or name.startswith(_PREFIXES))
    }
    return LaunchedProcess(rank, processes, local_rank, of_launch)


def _own_gpu(visible: str | None, process: LaunchedProcess) -> str:
    """Return the one GPU of a process, as CUDA_VISIBLE_DEVICES says it.

    Args:
        visible: that variable as the launcher set it; None for every GPU there is.
        process: which.
    """
    if visible is None:
        return str(process.local_rank)
    gpus = [name.strip() for name in visible.split(",") if name.strip()]
    if not gpus:
        # None may be used: the bake computes on the CPU.
        return ""
    if process.local_rank >= len(gpus):
        raise DeviceError(
            _VISIBLE,
            found=f"{len(gpus)} for process {process.local_rank} of this computer, counted from 0",
            expected="a GPU for each process",
            way_out="start no more processes than there are GPUs",
        )
    return gpus[process.local_rank]

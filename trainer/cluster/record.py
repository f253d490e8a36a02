"""Records of a bake that goes to another computer: the files it needs there, what is asked for, and how far it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from trainer.errors import BakeFailed


@dataclass(frozen=True)
class InputFile:
    """A file that a bake reads.

    Attributes:
        path: where it is at home, absolute.
        sha256: 64 hex digits.
        size: bytes.
        own: whether it is of the bake's own folder, where it may be written to.
    """

    path: str
    sha256: str
    size: int
    own: bool = False


@dataclass(frozen=True)
class SentBake:
    """What a worker needs to run a bake.

    Attributes:
        number: of the bake, at home and there.
        home: the workspace's folder at home, absolute.
        files: everything it reads.
        record: its BakeRecord as JSON, without lines and orders; the settings in it are for the worker.
    """

    number: int
    home: str
    files: tuple[InputFile, ...]
    record: str


@dataclass(frozen=True)
class AwayProgress:
    """How far a bake is on a worker.

    Attributes:
        record: its BakeRecord as JSON, without lines; with the orders that it was given there.
        log: its lines since the last that was read: (id, epoch seconds, level, text).
        curves: metric -> (step, value) since the last step that was read.
        files: files of its folder: path in it -> (bytes, time of change in ns).
        running: whether its process runs.
        end: of a process that ended without a word, what is known of it.
    """

    record: str
    log: tuple[tuple[int, float, str, str], ...]
    curves: Mapping[str, tuple[tuple[int, float], ...]]
    files: Mapping[str, tuple[int, int]]
    running: bool
    end: str = ""


class WorkerLost(BakeFailed):
    """A worker of the cluster is gone.

    Its bake goes on elsewhere from the newest state that came home; after several such ends it fails.
    """


class WorkerHandle(Protocol):
    """A worker as whoever drives it sees it: `trainer.cluster.worker.ClusterWorker`, somewhere else. Only plain values pass."""

    name: str

    def call(self, method: str, *arguments: Any) -> Any:
        """Return what the worker's method returns.

        Raises:
            WorkerLost: it is gone, or does not answer.
            LoraTuiError: the method failed.
        """

    def end(self) -> None:
        """End the worker, whatever it is doing."""


class WorkerPool(Protocol):
    """Where workers come from."""

    count: int

    def start(self, slot: int) -> WorkerHandle:
        """Start the worker of a slot, once the cluster has room for it."""

    def close(self) -> None:
        """End all of them."""

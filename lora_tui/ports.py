"""What the screen needs from engine and sampler; they are handed in, so that a test may hand in scripted ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from trainer.machine.readings import MachineReading

if TYPE_CHECKING:
    from trainer.machine.card_processes import CardProcess
    from trainer.memory.lazy_predictor import Predictor


@dataclass(frozen=True)
class Rights:
    """What the keys of a screen may do.

    Attributes:
        bake: start bakes, and write settings and subjects.
        order: order the running bake.
        instead: where it may do neither and no other screen could, how the user can; "" for the words of the screen.
    """

    bake: bool = True
    order: bool = True
    instead: str = ""

    def allows(self, right: str) -> bool:
        """Return whether the screen has the right of that name; "" is everybody's."""
        return {"": True, "bake": self.bake, "order": self.order}[right]


OWNER = Rights()
"""The rights of a screen with an engine of its own."""


@dataclass(frozen=True)
class MemorySources:
    """Where memory figures come from.

    Attributes:
        predictor: knows and predicts what a bake takes.
        holders: returns the processes on the first card now; called in a thread.
    """

    predictor: "Predictor"
    holders: "Callable[[], Sequence[CardProcess]]"


class NoEngine:
    """The engine of a read-only screen: it takes no jobs and loads nothing."""

    key = "onlooker"
    libraries = ""
    waiting_for = ""

    def start(self) -> None:
        """Start nothing."""

    def wake(self) -> None:
        """Do nothing: the running engine looks at its orders by itself."""


class EngineLike(Protocol):
    """Takes the jobs queued under its key, in a thread of its own."""

    @property
    def key(self) -> str:
        """The key its jobs are queued under."""
        ...

    @property
    def libraries(self) -> str:
        """What is being loaded, `ready`, or nothing yet."""
        ...

    @property
    def waiting_for(self) -> str:
        """Who has the card that a bake waits for; empty where none waits for it."""
        ...

    def start(self) -> None:
        """Start the thread, which loads the libraries first."""
        ...

    def wake(self) -> None:
        """Look at the queue and at open orders now."""
        ...


class SamplerLike(Protocol):
    """Reads the machine in a thread of its own."""

    def start(self) -> None:
        """Start the thread."""
        ...

    def latest(self) -> MachineReading | None:
        """Return the newest reading, None before the first."""
        ...

    def peak_memory_ours(self) -> int | None:
        """Return the most memory of the card taken by us since the peak was forgotten, bytes; None where unknown."""
        ...

    def reset_peak(self) -> None:
        """Start measuring the peak again."""
        ...

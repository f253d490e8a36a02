"""What the screen needs of engine and sampler; they are handed in, so that a test may hand in scripted ones."""

from typing import Protocol

from trainer.machine.readings import MachineReading


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

    def start(self) -> None:
        """Start the thread, which loads the libraries first."""
        ...

    def kick(self) -> None:
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

    def forget_peak(self) -> None:
        """Begin the peak anew."""
        ...

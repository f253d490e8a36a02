"""The interface of a probe: something measured of a LoRA on its base between two steps, which leaves both as they were."""

from collections.abc import Callable, Sequence
from typing import Protocol

from trainer.journal.measure_records import MeasuredValue

Progress = Callable[[int, int], None]
"""Takes (done, in all), in the probe's own count."""


class Probe(Protocol):
    """Something measured of a LoRA as it stands.

    Attributes:
        title: what it does, where people read: `probing what each part does`.
        names: keys of the measures that it makes.
    """

    title: str
    names: tuple[str, ...]

    def measure(self, step: int, progress: Progress, stop: Callable[[], bool]) -> Sequence[MeasuredValue]:
        """Return the values after `step` steps; empty where `stop` became true.

        Whoever calls sees to it that no gradient is kept, that dropouts are off, that the LoRA's weights are those that are
        saved, and that torch's random numbers go on as if it had not been called.
        """

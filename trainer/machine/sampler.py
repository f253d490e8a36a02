"""Sampler thread: reads the machine at an interval and keeps the last readings for whoever asks."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from trainer.machine.cards import CardSource
from trainer.machine.host import read_host
from trainer.machine.readings import CardReading, HostReading, MachineReading

HISTORY_SECONDS = 600.0
"""How far back readings are kept."""


class MachineSampler(threading.Thread):
    """Reads cards and host every `interval` seconds until it is stopped; a failing read is a reading without cards, never an end.

    Args:
        cards: where the cards' readings come from.
        disk: a path on the disk whose free bytes are wanted.
        interval: seconds between two readings.
        on_reading: called with each reading, in this thread; a failure is logged and sampling continues.
    """

    def __init__(
        self,
        cards: CardSource,
        disk: Path,
        interval: float = 1.0,
        on_reading: Callable[[MachineReading], None] | None = None,
    ) -> None:
        super().__init__(name="machine sampler", daemon=True)
        self._cards = cards
        self._disk = disk
        self._interval = interval
        self._on_reading = on_reading
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._latest: MachineReading | None = None
        self._history: deque[MachineReading] = deque()
        self._peak: int | None = None

    def run(self) -> None:
        """Read until stopped."""
        while not self._stopping.is_set():
            reading = self.read()
            self._record(reading)
            if self._on_reading is not None:
                try:
                    self._on_reading(reading)
                except Exception:
                    logging.getLogger(__name__).exception("a reading of the machine was not passed on")
            self._stopping.wait(self._interval)

    def latest(self) -> MachineReading | None:
        """Return the last reading, None before the first."""
        return self._latest

    def history(self, seconds: float) -> list[MachineReading]:
        """Return the readings of the last `seconds` (ten minutes are kept), oldest first."""
        since = time.time() - seconds
        with self._lock:
            return [reading for reading in self._history if reading.seconds >= since]

    def peak_memory_ours(self) -> int | None:
        """Return the most memory of all cards that this process held, in bytes; None if no card reports it."""
        with self._lock:
            return self._peak

    def reset_peak(self) -> None:
        """Reset the peak, as at the start of a bake."""
        with self._lock:
            self._peak = None

    def stop(self) -> None:
        """End the thread; returns once it has ended, or after 2 s when a driver does not answer."""
        self._stopping.set()
        if self.is_alive() and threading.current_thread() is not self:
            self.join(timeout=2.0)

    def read(self) -> MachineReading:
        """Return a reading of this moment, which is kept nowhere."""
        cards: tuple[CardReading, ...] = ()
        host = HostReading()
        try:
            cards, because = self._cards.read()
        except Exception as error:  # whatever a driver's library raises, the other readings continue
            because = f"the GPU could not be read ({type(error).__name__}: {error})"
        try:
            host = read_host(self._disk)
        except Exception as error:
            because = because or f"the computer could not be read ({type(error).__name__}: {error})"
        return MachineReading(seconds=time.time(), cards=cards, no_card_because=because, host=host)

    def _record(self, reading: MachineReading) -> None:
        ours = [card.memory_ours for card in reading.cards if card.memory_ours is not None]
        with self._lock:
            self._history.append(reading)
            while self._history[0].seconds < reading.seconds - HISTORY_SECONDS:
                self._history.popleft()
            if ours:
                self._peak = max(self._peak or 0, sum(ours))
        self._latest = reading

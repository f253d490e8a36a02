"""The player of a past bake: a clock that runs faster, and a thread that writes the bake into a journal of its own as far as it says."""

import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.wording.unexpected import as_error
from trainer.machine.readings import MachineReading

if TYPE_CHECKING:
    from trainer.journal.replay import BakeReplay, ReplayTimeline

SPEEDS = (1.0, 5.0, 15.0, 60.0, 240.0, 1000.0)
"""Seconds of the bake in one of the viewer, slowest first."""

_TURN_SECONDS = 0.4


@dataclass
class ReplayBroke(Message):
    """A replay does not go on; carries why."""

    line: str


class ReplayClock:
    """The moment that is shown: it runs at a speed, can stand still, and skips stretches in which nothing happened. Any thread may use it.

    Args:
        timeline: of the bake.
        speed: seconds of the bake in one of the viewer.
        monotonic: seconds that never go back; a test passes its own.
    """

    def __init__(
        self, timeline: "ReplayTimeline", speed: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.timeline = timeline
        self._speed, self._monotonic = speed, monotonic
        self._lock = threading.Lock()
        self._seconds, self._since = timeline.start, monotonic()
        self._runs = True

    def now(self) -> float:
        """Return the moment shown, epoch seconds of the bake's own time."""
        with self._lock:
            self._advance()
            return self._seconds

    @property
    def speed(self) -> float:
        """Seconds of the bake in one of the viewer."""
        return self._speed

    @property
    def runs(self) -> bool:
        """Whether it runs."""
        return self._runs

    def toggle(self) -> None:
        """Let it stand still, or run again; at its end it starts from the beginning."""
        with self._lock:
            self._advance()
            self._runs = not self._runs
            if self._seconds >= self.timeline.end:
                self._seconds, self._runs = self.timeline.start, True

    def jump(self, by: int) -> None:
        """Go to the next saved LoRA, or with a negative `by` to the one before."""
        with self._lock:
            self._advance()
            self._seconds = self.timeline.neighbour(self._seconds, by)

    def change_speed(self, by: int) -> None:
        """Take the next faster speed, or with a negative `by` the next slower one; the fastest and the slowest stay."""
        with self._lock:
            self._advance()
            if by > 0:
                self._speed = next((each for each in SPEEDS if each > self._speed), self._speed)
            else:
                self._speed = next((each for each in reversed(SPEEDS) if each < self._speed), self._speed)

    def _advance(self) -> None:
        moment = self._monotonic()
        if self._runs:
            moved = self._seconds + (moment - self._since) * self._speed
            self._seconds = min(self.timeline.end, self.timeline.without_idle(moved))
        self._since = moment


class ReplayPlayer(threading.Thread):
    """Writes the bake as far as the clock says, several times a second, until it is stopped.

    Args:
        source: the journal that has the bake.
        number: of the bake.
        target: where the journal of its own is made.
        speed: seconds of the bake in one of the viewer.
    """

    def __init__(self, source: Path, number: int, target: Path, speed: float) -> None:
        super().__init__(name="replay", daemon=True)
        self._source, self._number, self._target, self._speed = source, number, target, speed
        self._changed = threading.Event()
        self._ended = False
        self._ready = threading.Event()
        self._failure: Exception | None = None
        self._readings: Sequence[MachineReading] = ()
        self.clock: ReplayClock | None = None
        """The moment shown; None before the bake was read."""
        self.tell: Callable[[str], object] = lambda line: None
        """Takes why nothing is written any more; called in the player's thread."""

    def wait_ready(self) -> ReplayClock:
        """Wait until the bake is read and the journal of its own is there; return the clock.

        Raises:
            LoraTuiError: what is wrong with the bake or a journal.
        """
        self._ready.wait()
        if self._failure is not None:
            raise as_error("replay", self._failure)
        assert self.clock is not None
        return self.clock

    def run(self) -> None:
        """Read the bake, then write until stopped."""
        from trainer.journal.journal import Journal
        from trainer.journal.replay import BakeReplay

        try:
            with Journal(self._source) as journal:
                replay = BakeReplay(journal, self._number, self._target)
                self._readings = journal.telemetry.read(replay.timeline.start, self._number)
                self.clock = ReplayClock(replay.timeline, self._speed)
                replay.show(replay.timeline.start)
                self._ready.set()
                self._play(replay, self.clock)
                replay.close()
        except Exception as error:  # it must reach whoever waits, or be shown
            if self._ready.is_set():
                self.tell(as_error("replay", error).line())
            else:
                self._failure = error
        finally:
            self._ready.set()

    def look(self) -> None:
        """Write now what the clock says, instead of soon."""
        self._changed.set()

    def stop(self) -> None:
        """End after what is being written; does not wait."""
        self._ended = True
        self._changed.set()

    # SamplerLike: the readings of then

    def latest(self) -> MachineReading | None:
        """Return the reading of the machine at the moment shown, None where there was none yet."""
        if self.clock is None:
            return None
        place = bisect_right(self._readings, self.clock.now(), key=lambda reading: reading.seconds)
        return self._readings[place - 1] if place else None

    def peak_memory_ours(self) -> int | None:
        """Return None: what this process holds is none of the bake's."""
        return None

    def reset_peak(self) -> None:
        """Do nothing: nothing is measured."""

    def _play(self, replay: "BakeReplay", clock: ReplayClock) -> None:
        shown: float | None = None
        while not self._ended:
            now = clock.now()
            if now != shown:
                replay.show(now, lambda: self._ended)
                shown = now
            self._changed.wait(_TURN_SECONDS)
            self._changed.clear()

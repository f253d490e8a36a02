"""The feed: immutable snapshots of everything to show, taken from the journal and the machine in a thread of its own."""

import importlib
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.snapshot import Snapshot
from lora_tui.terminal.bake_process import process_text
from lora_tui.wording.unexpected import as_error
from trainer.errors import LoraTuiError
from trainer.journal.records import Bake, BakeState, Curve, LogLine, Mark
from trainer.machine.readings import MachineReading
from trainer.settings.parts import all_parts, metric_of

if TYPE_CHECKING:
    from trainer.settings.model import Settings

LOG_LINES = 500
"""Lines of the log that a snapshot carries: a dropped snapshot must not lose any that the next one could show."""

_CURVE_SECONDS = 1.0
_SPEED_STEPS = 20
_ROWS = 50
_ALL_ROWS = 100_000


class SnapshotReady(Message):
    """A snapshot differs from the one before; a newer one takes the place of one still waiting to be drawn."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot

    def can_replace(self, message: Message) -> bool:
        """Take the place of an older snapshot."""
        return isinstance(message, SnapshotReady)


@dataclass(frozen=True)
class FeedSources:
    """What the feed reads in addition to the journal. Each is called in the feed's thread and must not wait."""

    engine_key: str
    libraries: Callable[[], str]
    machine: Callable[[], MachineReading | None]
    peak_ours: Callable[[], int | None]
    waiting_for: Callable[[], str] = str


class Feed(threading.Thread):
    """Reads the journal twice a second and posts a snapshot when something changed.

    Args:
        journal_path: the workspace's journal.
        sources: the engine's and the sampler's latest values.
        post: `post_message` of the screen; its only method that another thread may call.
        interval: seconds between two reads.
    """

    def __init__(
        self, journal_path: Path, sources: FeedSources, post: Callable[[Message], object], interval: float = 0.5
    ) -> None:
        super().__init__(name="feed", daemon=True)
        self.columns = 240
        """Columns of the widest curve on the screen, in half characters; the screen sets it."""
        self._journal_path = journal_path
        self._sources = sources
        self._post = post
        self.interval = interval
        self._wake = threading.Event()
        self._ended = False

    def wake(self) -> None:
        """Read now instead of after the interval."""
        self._wake.set()

    def stop(self) -> None:
        """End after the read in progress; does not wait."""
        self._ended = True
        self._wake.set()

    def run(self) -> None:
        """Read until stopped."""
        reader: _JournalReader | None = None
        shown: Snapshot | None = None
        while not self._ended:
            self._wake.clear()
            try:
                reader = reader or _JournalReader(self._journal_path, self._sources.engine_key)
                snapshot = self._with_machine(reader.look(self.columns))
            except Exception as error:
                # What was shown stays, with the error, and the next read opens the journal again.
                _close(reader)
                reader = None
                snapshot = replace(shown or Snapshot(), trouble=as_error("journal", error).line())
            if snapshot != shown:
                shown = snapshot
                self._post(SnapshotReady(snapshot))
            self._wake.wait(self.interval)
        _close(reader)

    def _with_machine(self, snapshot: Snapshot) -> Snapshot:
        return replace(
            snapshot,
            elsewhere=process_text(snapshot.bake, self._sources.engine_key),
            libraries=self._sources.libraries(),
            waiting_for=self._sources.waiting_for(),
            machine=self._sources.machine(),
            peak_ours=self._sources.peak_ours(),
        )


class _JournalReader:
    """Reads what a snapshot needs, and only what may have changed."""

    def __init__(self, path: Path, engine_key: str) -> None:
        from trainer.journal.journal import Journal

        self._journal = Journal(path)
        self._engine_key = engine_key
        self._version = -1
        self._last = Snapshot()
        self._log: deque[LogLine] = deque(maxlen=LOG_LINES)
        self._curves_for = (0, -1, 0)
        self._curves_at = 0.0
        self._settings: dict[int, Settings | None] = {}

    def look(self, columns: int) -> Snapshot:
        version = self._journal.data_version()
        if version != self._version:
            self._version = version
            self._last = self._read_rows()
        number = self._last.bake.number if self._last.bake else 0
        wanted = (number, version, columns)
        late = monotonic() - self._curves_at >= _CURVE_SECONDS
        if wanted != self._curves_for and (late or number != self._curves_for[0]):
            self._last = replace(self._last, curves=self._read_curves(number, columns))
            self._curves_for, self._curves_at = wanted, monotonic()
        return self._last

    def _read_rows(self) -> Snapshot:
        rows = self._journal.bakes.latest(limit=_ROWS)
        bakes = [row for row in rows if row.grid is None]
        if rows and not bakes:
            # Many grids in a row must not hide the last bake.
            bakes = [row for row in self._journal.bakes.latest(limit=_ALL_ROWS) if row.grid is None]
        grid = _running_grid(rows, self._engine_key)
        ours = _of_ours(rows, self._engine_key)
        bake = _of_interest(bakes, self._engine_key)
        if bake is None:
            return Snapshot(grid=grid, ours=ours, log=self._read_log(), caution=self._journal.warning)
        asked = self._settings_of(bake)
        last = self._journal.curves.last_values(bake.number)
        marks = tuple(self._journal.results.marks(bake.number))
        return Snapshot(
            bake=bake,
            grid=grid,
            ours=ours,
            story=self._story(bake, asked),
            asked=asked,
            in_force=self._in_force(asked, marks),
            newest=self._settings_of(bakes[0]),
            checkpoints=tuple(self._journal.results.checkpoints(bake.number)),
            validations=tuple(self._journal.results.validations(bake.number)),
            marks=marks,
            log=self._read_log(),
            curves=self._last.curves,
            last=last,
            step_seconds=self._step_seconds(bake, last),
            caution=self._journal.warning,
        )

    def close(self) -> None:
        self._journal.close()

    def _read_log(self) -> tuple[LogLine, ...]:
        last_id = self._log[-1].id if self._log else 0
        lines = self._journal.log.read(last_id, limit=LOG_LINES)
        if not lines:
            return self._last.log
        self._log.extend(lines)
        return tuple(self._log)

    def _read_curves(self, number: int, columns: int) -> dict[str, Curve]:
        if not number:
            return {}
        curves = {
            metric: self._journal.curves.read(number, metric, columns)
            for metric in ("loss", *map(metric_of, all_parts()))
        }
        if any(curve.steps for curve in curves.values()):
            # The plot draws with numpy; its import (0.1 s) belongs here and not between two keys.
            importlib.import_module("numpy")
        return curves

    def _step_seconds(self, bake: Bake, last: Mapping[str, tuple[int, float]]) -> float | None:
        if "seconds_per_step" not in last:
            return None
        first = max(1, last["seconds_per_step"][0] - _SPEED_STEPS)
        recent = self._journal.curves.read(bake.number, "seconds_per_step", _SPEED_STEPS, first=first)
        means = [value for value in recent.mean if isfinite(value)]
        return sum(means) / len(means) if means else None

    def _settings_of(self, bake: Bake) -> "Settings | None":
        if bake.number not in self._settings:
            from trainer.settings.toml_file import parse_settings

            try:
                self._settings[bake.number] = parse_settings(bake.settings_toml, bake.folder)
            except LoraTuiError:
                # Another version's settings; nothing can be compared with them.
                self._settings[bake.number] = None
        return self._settings[bake.number]

    def _in_force(self, asked: "Settings | None", marks: tuple[Mark, ...]) -> "Settings | None":
        """Return `asked` with the changes of `marks`; what it was for the same ones is kept."""
        if asked is None:
            return None
        if asked is not self._last.asked or marks != self._last.marks:
            from trainer.jobs.live_settings import in_force

            return in_force(asked, marks)
        return self._last.in_force

    def _story(self, bake: Bake, asked: "Settings | None") -> str:
        if bake.parent is None or asked is None:
            return ""
        parent = self._settings_of(self._journal.bakes.read(bake.parent))
        return "" if parent is None else what_changed(parent, asked)


def what_changed(before: "Settings", after: "Settings") -> str:
    """Return the fields that differ as `unet_lr 1e-4→2.5e-4, seed 1→2`; empty where none does."""
    from trainer.settings.describe import shown_value

    parts = [
        f"{name} {shown_value(before, name) or '–'}→{shown_value(after, name) or '–'}"
        for name in type(after).model_fields
        if getattr(before, name) != getattr(after, name)
    ]
    return ", ".join(parts)


def _of_interest(bakes: list[Bake], engine_key: str) -> Bake | None:
    """Pick from `bakes` (newest first): our running one, another's running one, our next queued one, the newest."""
    live = [bake for bake in bakes if bake.state.live]
    ours = _of_ours(bakes, engine_key)
    running = [ours] if ours is not None and ours.state.live else []
    waiting = [ours] if ours is not None else []
    return next(iter([*running, *live, *waiting, *bakes]), None)


def _running_grid(rows: list[Bake], engine_key: str) -> Bake | None:
    """Pick from `rows` the running grid's job, ours before another's, else our first queued one."""
    jobs = [row for row in rows if row.grid is not None]
    ours = _of_ours(jobs, engine_key)
    live = next((row for row in jobs if row.state.live), None)
    return ours if ours is not None and (ours.state.live or live is None) else live


def _of_ours(bakes: list[Bake], engine_key: str) -> Bake | None:
    """Pick from `bakes`, grids' jobs among them, the one our engine runs, else the first queued for it, held ones last."""
    ours = [bake for bake in bakes if bake.engine == engine_key]
    queued = (bake for bake in ours if bake.state is BakeState.QUEUED)
    waiting = sorted(queued, key=lambda bake: (bake.held, bake.place))
    return next(iter([*(bake for bake in ours if bake.state.live), *waiting]), None)


def _close(reader: _JournalReader | None) -> None:
    if reader is not None:
        reader.close()

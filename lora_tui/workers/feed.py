"""The feed: immutable snapshots of everything to show, taken from the journal and the machine in a thread of its own."""

import importlib
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.snapshot import Snapshot
from lora_tui.terminal.bake_process import process_text
from lora_tui.wording.unexpected import as_error
from lora_tui.workers.shown_bake import ShownBake, followed_bake, grid_job, jobs_of_ours
from trainer.errors import LoraTuiError
from trainer.grid.pace import seconds_left
from trainer.journal.records import Bake, Checkpoint, Curve, LogLine, Mark
from trainer.machine.readings import MachineReading
from trainer.settings.parts import all_parts, family_with, metric_of
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.history.bake_samples import BakeSamples
    from trainer.history.epoch_standings import EpochStanding, EpochStandings
    from trainer.measures.carried import Carried
    from trainer.settings.model import Settings
    from trainer.settings.parts import Family

LOG_LINES = 500
"""Lines of the log that a snapshot carries: a dropped snapshot must not lose any that the next one could show."""

_CURVE_SECONDS = 1.0
_SPEED_STEPS = 20
_SETTLE_SECONDS = 1.0
_ROWS = 50


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
        self.shown = ShownBake()
        """Which bake the user looks at."""
        self._journal_path = journal_path
        self._sources = sources
        self._post = post
        self.interval = interval
        self._wake = threading.Event()
        self._turns = threading.Condition()
        self._turn = 0
        self._ended = False

    def wake(self) -> None:
        """Read now instead of after the interval."""
        self._wake.set()

    def settle(self) -> None:
        """Wait until what was asked of `shown` before is posted, or the journal takes too long; not for the screen's thread."""
        # The turn that is under way may have begun before it was asked.
        for _ in range(2):
            with self._turns:
                before = self._turn
                self.wake()
                self._turns.wait_for(lambda before=before: self._turn > before, _SETTLE_SECONDS)  # type: ignore[misc]

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
                snapshot = self._with_machine(reader.look(self.columns, self.shown))
            except Exception as error:
                # What was shown stays, with the error, and the next read opens the journal again.
                _close(reader)
                reader = None
                snapshot = replace(shown or Snapshot(), trouble=as_error("journal", error).line())
            if snapshot != shown:
                shown = snapshot
                self._post(SnapshotReady(snapshot))
            with self._turns:
                self._turn += 1
                self._turns.notify_all()
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
        self._settings: dict[tuple[int, str], Settings | None] = {}
        self._families: dict[str, Family | None] = {}
        self._lowest_for: tuple[object, ...] = ()
        self._lowest_said = ""
        self._standings: EpochStandings | None = None
        self._samples_for = (0, 0)
        self._samples: BakeSamples | None = None

    def look(self, columns: int, shown: ShownBake) -> Snapshot:
        version = self._journal.data_version()
        if version != self._version or shown.asked:
            self._version = version
            self._last = self._read_rows(shown)
        number = self._last.bake.number if self._last.bake else 0
        wanted = (number, version, columns)
        late = monotonic() - self._curves_at >= _CURVE_SECONDS
        if wanted != self._curves_for and (late or number != self._curves_for[0]):
            self._last = replace(self._last, curves=self._read_curves(number, columns))
            self._curves_for, self._curves_at = wanted, monotonic()
        return self._last

    def _read_rows(self, shown: ShownBake) -> Snapshot:
        rows = self._journal.bakes.latest(limit=_ROWS)
        last = self._journal.bakes.last_that_ran()
        waiting = self._journal.queue.waiting()
        line = jobs_of_ours(rows, waiting, self._engine_key)
        followed = followed_bake(rows, waiting, last, self._engine_key)
        seen = Snapshot(
            followed=followed,
            grid=grid_job(rows, line),
            grid_seconds_left=self._grid_seconds_left(),
            line=line,
            compared=None if last is None else self._settings_of(last),
            log=self._read_log(),
            caution=self._journal.caution(),
        )
        bake = shown.pick(self._journal, followed)
        return seen if bake is None else self._with_bake(seen, bake, rows)

    def _with_bake(self, seen: Snapshot, bake: Bake, rows: Sequence[Bake]) -> Snapshot:
        """Return what is `seen` with the bake on the screen."""
        asked = self._settings_of(bake)
        last = self._journal.curves.last_values(bake.number)
        marks = tuple(self._journal.results.marks(bake.number))
        saved = tuple(self._journal.results.checkpoints(bake.number))
        return replace(
            seen,
            bake=bake,
            own_log=self._own_log(seen, bake),
            story=self._story(bake, asked),
            asked=asked,
            in_force=self._in_force(asked, marks),
            family=self._family(asked, last),
            checkpoints=saved,
            carried=self._carried(bake),
            standings=self._standings_of(bake, saved),
            samples=self._samples_of(bake),
            lowest=self._lowest(bake, saved, rows),
            validations=tuple(self._journal.results.validations(bake.number)),
            marks=marks,
            curves=self._last.curves,
            last=last,
            step_seconds=self._step_seconds(bake, last),
        )

    def _carried(self, bake: Bake) -> "dict[int, Carried]":
        from trainer.measures.carried import CARRIED_BY, carried_by_step

        return carried_by_step(self._journal.measures.of_bake(bake.number, CARRIED_BY, scope=""))

    def _standings_of(self, bake: Bake, saved: Sequence[Checkpoint]) -> "Mapping[int, EpochStanding]":
        if not saved:
            return {}
        if self._standings is None:
            from trainer.history.epoch_standings import EpochStandings

            self._standings = EpochStandings(self._journal, Workspace(self._journal.path.parent))
        found = self._standings.of_bake(bake, saved)
        return self._last.standings if found == self._last.standings else found

    def _samples_of(self, bake: Bake) -> "BakeSamples | None":
        """Return the samples of a bake; its folder is looked through only where something in it changed."""
        from trainer.journal.sample_files import SAMPLES_FOLDER

        folder = self._journal.path.parent / bake.folder
        try:
            mark = (bake.number, (folder / SAMPLES_FOLDER).stat().st_mtime_ns)
        except OSError:
            return None
        if mark != self._samples_for:
            from trainer.history.bake_samples import samples_in

            self._samples_for, self._samples = mark, samples_in(folder)
        return self._samples

    def _lowest(self, bake: Bake, saved: Sequence[Checkpoint], rows: Sequence[Bake]) -> str:
        """Return what the noise says of the lowest validation loss; asked again only where a LoRA was saved, or another bake ended."""
        if all(each.val is None for each in saved):
            # Nothing to ask, and nothing to import for it.
            return ""
        states = tuple((row.number, row.state) for row in rows)
        wanted = (bake.number, tuple((each.step, each.val) for each in saved), states)
        if wanted != self._lowest_for:
            from trainer.noise_floor.epochs import lowest_in_words

            self._lowest_for, self._lowest_said = wanted, lowest_in_words(self._journal, bake.number, saved)
        return self._lowest_said

    def close(self) -> None:
        self._journal.close()

    def _grid_seconds_left(self) -> float | None:
        making = self._journal.grids.being_made()
        return None if making is None else seconds_left(making)

    def _read_log(self) -> tuple[LogLine, ...]:
        last_id = self._log[-1].id if self._log else 0
        if last_id > self._journal.log.last_id():
            # A replay that went back has fewer.
            self._log.clear()
            last_id, self._last = 0, replace(self._last, log=())
        lines = self._journal.log.read(last_id, limit=LOG_LINES)
        if not lines:
            return self._last.log
        self._log.extend(lines)
        return tuple(self._log)

    def _own_log(self, seen: Snapshot, bake: Bake) -> tuple[LogLine, ...] | None:
        """Return the lines of a bake that the user chose: among those of all bakes they may be far above."""
        if seen.followed is not None and seen.followed.number == bake.number:
            return None
        lines = tuple(self._journal.log.read(bake=bake.number, limit=LOG_LINES))
        return self._last.own_log if self._last.own_log == lines else lines

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
        # One that waits may get other settings.
        key = (bake.number, bake.settings_toml)
        if key not in self._settings:
            from trainer.journal.bake_settings import settings_of

            try:
                self._settings[key] = settings_of(self._journal, bake)
            except LoraTuiError:
                # Another version's settings; nothing can be compared with them.
                self._settings[key] = None
        return self._settings[key]

    def _family(self, asked: "Settings | None", last: Mapping[str, tuple[int, float]]) -> "Family | None":
        """Return the family of a bake's base; a base is looked at where the bake has no curves yet, and once."""
        parts = [part for part in all_parts() if metric_of(part) in last]
        if parts or asked is None:
            return family_with(parts)
        base = asked.pretrained_model_name_or_path
        if base not in self._families:
            from trainer.models.identify import known_family

            self._families[base] = known_family(asked)
        return self._families[base]

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
        parent = self._journal.bakes.find(bake.parent)
        # What was withdrawn since says nothing of a picture or a curve.
        before = None if parent is None or parent.withdrawn else self._settings_of(parent)
        return "" if before is None else what_changed(before, asked)


def what_changed(before: "Settings", after: "Settings") -> str:
    """Return the fields that differ as `unet_lr 1e-4→2.5e-4, seed 1→2`; empty where none does."""
    from trainer.settings.describe import shown_value

    parts = [
        f"{name} {shown_value(before, name) or '–'}→{shown_value(after, name) or '–'}"
        for name in type(after).model_fields
        if getattr(before, name) != getattr(after, name)
    ]
    return ", ".join(parts)


def _close(reader: _JournalReader | None) -> None:
    if reader is not None:
        reader.close()

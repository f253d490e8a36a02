"""Plan of the current settings, made in a thread of its own after every edit."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.wording.unexpected import as_error
from lora_tui.workers.latest_request import LatestRequest
from trainer.data_index.kept_columns import KeptColumns
from trainer.errors import LoraTuiError
from trainer.long_work import WorkStopped
from trainer.machine.garbage import MANY, clear_before_many, keep_from_search

if TYPE_CHECKING:
    from trainer.checks.record import CheckResult
    from trainer.dataset.picture_likeness import PictureThumbnails
    from trainer.jobs.preflight import PlannedBake
    from trainer.journal.curves import MeasuredSpeed
    from trainer.plan.plan import Plan
    from trainer.plan.report import ReportSection
    from trainer.settings.model import Settings
    from trainer.settings.parts import Part

_QUIET_SECONDS = 0.25
_PREVIEW_POINTS = 160
_DECODERS = 2
_BASE = ("pretrained_model_name_or_path", "vae")


@dataclass(frozen=True)
class PlannedRates:
    """The rates over a bake that is planned.

    Attributes:
        steps: at which they are known.
        by_part: part -> its rate at each of them; a part that never trains has none.
        stops: steps after which a part stops.
    """

    steps: tuple[int, ...] = ()
    by_part: "Mapping[Part, tuple[float, ...]]" = field(default_factory=dict)
    stops: tuple[int, ...] = ()


@dataclass(frozen=True)
class PlanView:
    """A plan as the screen shows it.

    Attributes:
        line: the plan on one line.
        results: what the checks found, without comparing the pictures where that was not done before.
        resolved: the settings with blank paths filled in.
        rates: over the bake that is planned.
        report: makes the whole plan in sections; too slow for the screen's own thread.
        planned: what the bake would stand on; its memory is asked about by it.
    """

    line: str
    results: "tuple[CheckResult, ...]"
    resolved: "Settings"
    rates: PlannedRates
    report: "Callable[[], tuple[ReportSection, ...]]" = field(default=tuple, compare=False)
    planned: "PlannedBake | None" = field(default=None, compare=False)


class Planned(Message):
    """The answer to one question: a view, or the first thing found wrong."""

    def __init__(self, question: int, view: PlanView | None, error: LoraTuiError | None) -> None:
        super().__init__()
        self.question = question
        self.view = view
        self.error = error

    def can_replace(self, message: Message) -> bool:
        """Take the place of an answer to an older question."""
        return isinstance(message, Planned)


class Checked(Message):
    """What all checks found for one question, the pictures compared."""

    def __init__(self, question: int, results: "tuple[CheckResult, ...]") -> None:
        super().__init__()
        self.question = question
        self.results = results

    def can_replace(self, message: Message) -> bool:
        """Take the place of what was found for an older question."""
        return isinstance(message, Checked)


class Planner(LatestRequest["tuple[Settings, Path]"]):
    """Answers what the settings asked about would mean.

    Args:
        journal_path: where the measured speed of earlier bakes is found.
        post: `post_message` of the screen.
        quiet: seconds without a new question before work begins.
        kept: gets what the index of pictures knows of the data, for the screen that shows them; None for nobody.
    """

    def __init__(
        self,
        journal_path: Path,
        post: Callable[[Message], object],
        quiet: float = _QUIET_SECONDS,
        kept: KeptColumns | None = None,
    ) -> None:
        super().__init__("planner", post, quiet)
        self._journal_path = journal_path
        self._kept = kept or KeptColumns()
        self._ready: PlannedBake | None = None
        # The settings that it was made of, as they were asked for.
        self._read: Settings | None = None
        self._thumbnails: PictureThumbnails | None = None
        self._data_changed = threading.Event()

    def note_data_changed(self) -> None:
        """Have pictures and captions read again for the next plan: their files are others than before."""
        self._data_changed.set()

    def ask(self, settings: "Settings", path: Path) -> int:
        """Ask for the plan of `settings`, which belong to the file `path`; return the question's number."""
        return self.put((settings, path))

    def answer(self, number: int, question: "tuple[Settings, Path]") -> None:
        """Tell the plan, or the first thing found wrong; then everything that the checks find."""
        try:
            view, error = self._answer(*question), None
        except WorkStopped:
            raise
        except Exception as broken:
            # A fault of ours here must be read, not end the thread that would say so.
            view, error = None, as_error("plan", broken)
        self.post_answer(Planned(number, view, error))
        try:
            results = self._check(*question, view)
        except WorkStopped:
            raise
        except Exception:
            # What is wrong is said by the plan; the checks add the rest where they can.
            return
        if results is not None:
            self.post_answer(Checked(number, results))

    def _check(self, settings: "Settings", path: Path, view: PlanView | None) -> "tuple[CheckResult, ...] | None":
        """Return what all checks find, None where that is in the view already or another question came."""
        from trainer.jobs.checks import cached_thumbnails, check_planned, no_thumbnails, run_preflight

        if view is None or view.planned is None:
            return run_preflight(settings, path, no_thumbnails).results
        if self._thumbnails is not None:
            return None
        # Two threads: a bake may be running beside.
        make = cached_thumbnails(path, stop=self.dropped, threads=_DECODERS)
        data_sets = [each for each in (view.planned.data, view.planned.validation) if each is not None]
        self._thumbnails = make(data_sets)
        return None if self._thumbnails is None else check_planned(view.planned, path, self._thumbnails)

    def _answer(self, settings: "Settings", path: Path) -> PlanView:
        from trainer.jobs.bakes import check, plan_for
        from trainer.jobs.checks import check_planned
        from trainer.jobs.data_index import take_known_pictures
        from trainer.plan.plan import plan_line
        from trainer.settings.subject import resolve

        resolved = resolve(settings, path)
        speed = self._speed(resolved)
        if self._data_changed.is_set():
            self._data_changed.clear()
            self._ready = None
        known = self._ready
        if known is not None and self._read is not None and _same_ground(self._read, resolved):
            ready = plan_for(resolved, known.data, known.validation, known.base, speed)
        else:
            # Read again: what their pictures look like is known of the data before.
            self._thumbnails = None
            if take_known_pictures(resolved, path, self._kept) >= MANY:
                clear_before_many()
            ready = check(settings, path, speed)
            if len(ready.data.pictures) >= MANY:
                keep_from_search()
        self._ready, self._read = ready, resolved
        results = check_planned(ready, path, self._thumbnails)
        return PlanView(
            line=plan_line(ready.plan),
            results=results,
            resolved=ready.settings,
            rates=planned_rates(ready.settings, ready.plan),
            report=lambda: _report(ready, results, path),
            planned=ready,
        )

    def _speed(self, resolved: "Settings") -> "MeasuredSpeed | None":
        from trainer.jobs.bakes import measured_speed
        from trainer.journal.journal import Journal

        if not self._journal_path.exists():
            return None
        try:
            with Journal(self._journal_path) as journal:
                return measured_speed(journal, resolved)
        except LoraTuiError:
            # Without a speed the plan only lacks its time; the feed says what is wrong with the journal.
            return None


def _same_ground(one: "Settings", other: "Settings") -> bool:
    """Return whether both stand on the same pictures, read in the same manner, and on the same base."""
    from trainer.dataset.read import same_data
    from trainer.models.identify import components_of

    same_base = all(getattr(one, name) == getattr(other, name) for name in _BASE)
    return same_base and components_of(one) == components_of(other) and same_data(one, other)


def _report(ready: "PlannedBake", results: "tuple[CheckResult, ...]", path: Path) -> "tuple[ReportSection, ...]":
    from trainer.checks.report import warning_lines
    from trainer.jobs.checks import subject_beside
    from trainer.jobs.measuring import measuring_lines
    from trainer.plan.report import report

    warnings, measures = warning_lines(results), measuring_lines(ready, path)
    facts = (ready.settings, ready.data, ready.plan, ready.base)
    outfits = subject_beside(ready.settings, path).outfits
    return report(*facts, warnings, ready.behaviour, measures, ready.validation, outfits)


def planned_rates(settings: "Settings", plan: "Plan") -> PlannedRates:
    """Return the rate of every part that trains, with a point before and at every stop."""
    from trainer.plan.lr_schedules import lr_factor
    from trainer.settings.parts import parts_of

    total = plan.total_steps
    edges = {step for stop in plan.stops.values() for step in (stop - 1, stop)}
    steps = sorted({step for step in (*range(0, total, max(1, total // _PREVIEW_POINTS)), *edges) if 0 <= step < total})

    def rate(part: "Part", step: int) -> float:
        return (
            settings.rate(part) * lr_factor(settings, part, step, total) if step < plan.stops.get(part, total) else 0.0
        )

    return PlannedRates(
        steps=tuple(steps),
        by_part={
            part: tuple(rate(part, step) for step in steps) for part in parts_of(plan.family) if settings.rate(part)
        },
        stops=tuple(sorted(set(plan.stops.values()))),
    )

"""Curves of bakes over a stretch of their steps, read for drawing and for reading them at one step; for a thread that has the journal open."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from lora_tui.wording.curve_marks import CurveMark, marks_of
from lora_tui.workers.smoothing import smooth
from trainer.errors import LoraTuiError
from trainer.journal.curves import FANOUT
from trainer.journal.sample_files import sample_steps
from trainer.measures.curve_groups import CURVE_GROUPS, CurveGroup
from trainer.measures.curve_records import CurveRecord, CurveSource, band_measures, curves_of
from trainer.measures.of_curves import VALIDATION_CHANGE

if TYPE_CHECKING:
    from trainer.journal.journal import Journal
    from trainer.journal.records import Bake, Checkpoint
    from trainer.noise_floor.values import BakeValues

SMOOTH_ENTRIES = 480
"""The smoothed loss is made of so many stretches of the whole bake, or up to twice as many, however far the view is zoomed in."""


@dataclass(frozen=True)
class CurveChoice:
    """Which curves are shown.

    Attributes:
        groups: keys of the groups that are.
        shown: keys of curves that are, though their group is not.
        hidden: keys of curves that are not, though their group is.
    """

    groups: frozenset[str] = frozenset(group.key for group in CURVE_GROUPS if group.first)
    shown: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()

    def has(self, curve: CurveRecord) -> bool:
        """Return whether a curve is shown."""
        return curve.key in self.shown or (curve.group.key in self.groups and curve.key not in self.hidden)

    def turned_group(self, group: CurveGroup, curves: Sequence[CurveRecord]) -> "CurveChoice":
        """Return the choice with a group shown whole, or hidden where any curve of it is shown.

        Args:
            group: which.
            curves: those that there are.
        """
        keys = frozenset(curve.key for curve in curves if curve.group is group)
        here = any(self.has(curve) for curve in curves if curve.group is group) if keys else group.key in self.groups
        groups = self.groups - {group.key} if here else self.groups | {group.key}
        return CurveChoice(groups, self.shown - keys, self.hidden - keys)

    def turned(self, curve: CurveRecord) -> "CurveChoice":
        """Return the choice with one curve shown or hidden."""
        key = frozenset((curve.key,))
        if self.has(curve):
            return CurveChoice(self.groups, self.shown - key, self.hidden | key)
        return CurveChoice(self.groups, self.shown | key, self.hidden - key)


@dataclass(frozen=True)
class CurveQuestion:
    """What is to be read.

    Attributes:
        bakes: their numbers, in the order of their marks.
        top: the one that is on top and whose marks are shown; None for the first.
        choice: which curves.
        window: the first and the last step in view, None for all.
        columns: of dots that are drawn.
        cursor: the step to read the curves at, None for the last that was recorded.
    """

    bakes: tuple[int, ...]
    top: int | None = None
    choice: CurveChoice = field(default_factory=CurveChoice)
    window: tuple[int, int] | None = None
    columns: int = 240
    cursor: int | None = None


@dataclass(frozen=True)
class ChartedBake:
    """A bake whose curves are drawn.

    Attributes:
        number, name: its.
        live: whether it runs.
        first, last: its first and last recorded step; 0 without one.
        total: steps it is to have.
        per_epoch: steps of an epoch, 0 where that is not known.
    """

    number: int
    name: str
    live: bool
    first: int
    last: int
    total: int
    per_epoch: int


@dataclass(frozen=True)
class ChartedCurve:
    """A curve of a bake over the stretch in view and a little beyond it.

    Attributes:
        bake: its number.
        record: of the curve.
        steps: rising; of a stretch of steps its first one.
        low, high: parallel; nan where a value was not a number.
        joined: whether neighbours are joined; a single value is a mark.
        width: steps that each entry is of.
    """

    bake: int
    record: CurveRecord
    steps: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    joined: bool = True
    width: int = 1


@dataclass(frozen=True)
class CurveReading:
    """What a curve is at the cursor.

    Attributes:
        step: whose value it is: the last at or before the cursor.
        value: nan where it was not a number.
    """

    step: int
    value: float


@dataclass(frozen=True)
class CurvesView:
    """What was read.

    Attributes:
        question: what it answers.
        bakes: those that there are, in the order asked for.
        records: the curves that any of them has.
        curves: those that are shown.
        marks: of the bake on top, by step.
        first, last: the steps that there are to see: of a bake that runs up to its planned end.
        recorded: the last step that was recorded.
        cursor: the step of the readings.
        readings: (bake, key of the curve) -> what it is there; a curve that has not begun by then is left out.
    """

    question: CurveQuestion
    bakes: tuple[ChartedBake, ...] = ()
    records: tuple[CurveRecord, ...] = ()
    curves: tuple[ChartedCurve, ...] = ()
    marks: tuple[CurveMark, ...] = ()
    first: int = 0
    last: int = 0
    recorded: int = 0
    cursor: int = 0
    readings: Mapping[tuple[int, str], CurveReading] = field(default_factory=dict)

    @property
    def top(self) -> ChartedBake | None:
        """The bake on top, None where there is none."""
        wanted = (bake for bake in self.bakes if bake.number == self.question.top)
        return next(wanted, next(iter(self.bakes), None))


class ChartedBakes:
    """Reads the curves of some bakes; keeps what a look at them costs most, until the journal has changed.

    Args:
        journal: open in this thread.
    """

    def __init__(self, journal: "Journal") -> None:
        self._journal = journal
        self._version = -1
        self._facts: dict[int, _BakeFacts | None] = {}
        # Of a cursor that moves the curves stay the same.
        self._drawn: tuple[tuple[object, ...], tuple[ChartedCurve, ...]] = ((), ())

    def changed(self) -> bool:
        """Return whether the journal has changed since the last look."""
        return self._journal.data_version() != self._version

    def look(self, question: CurveQuestion) -> CurvesView:
        """Return what is asked for."""
        version = self._journal.data_version()
        if version != self._version:
            self._version, self._facts, self._drawn = version, {}, ((), ())
        facts = [found for number in question.bakes if (found := self._facts_of(number)) is not None]
        if not facts:
            return CurvesView(question)
        known: dict[str, CurveRecord] = {}
        for each in facts:
            known |= {curve.key: curve for curve in each.records}
        order = {group.key: place for place, group in enumerate(CURVE_GROUPS)}
        records = tuple(sorted(known.values(), key=lambda curve: order[curve.group.key]))
        bakes = tuple(each.charted for each in facts)
        recorded = max(bake.last for bake in bakes)
        lowest = min((bake.first for bake in bakes if bake.last), default=0)
        # Step 0 is the untrained base, which validation and measures begin with.
        first = 0 if lowest <= 1 else lowest
        last = max(recorded, *(bake.total for bake in bakes if bake.live), first + 1)
        cursor = recorded if question.cursor is None else question.cursor
        window = question.window or (first, last)
        shown = [curve for curve in records if question.choice.has(curve)]
        drawn = (question.bakes, question.choice, window, question.columns)
        if self._drawn[0] != drawn:
            read = (
                each.curve(curve, window, question.columns)
                for each in facts
                for curve in shown
                if curve.key in each.keys
            )
            self._drawn = drawn, tuple(curve for curve in read if len(curve.steps))
        readings = {
            (each.charted.number, key): reading
            for each in facts
            for key, reading in each.readings([curve for curve in shown if curve.key in each.keys], cursor).items()
        }
        on_top = next((each for each in facts if each.charted.number == question.top), facts[0])
        return CurvesView(
            question,
            bakes,
            records,
            self._drawn[1],
            on_top.marks,
            first,
            last,
            recorded,
            cursor,
            readings,
        )

    def _facts_of(self, number: int) -> "_BakeFacts | None":
        if number not in self._facts:
            bake = self._journal.bakes.find(number)
            self._facts[number] = None if bake is None else _BakeFacts(self._journal, bake)
        return self._facts[number]


class _BakeFacts:
    """What is known of one bake at one moment; everything is read once, when it is first asked for."""

    def __init__(self, journal: "Journal", bake: "Bake") -> None:
        self._journal, self._bake, self._number = journal, bake, bake.number
        self._smoothed: dict[str, tuple[list[float], list[float]]] = {}

    @cached_property
    def charted(self) -> ChartedBake:
        bake = self._bake
        ends = [end for span in self._extents.values() for end in span]
        # What comes at the end of a step is there a moment before its numbers are.
        ends = ends or [step for step, _ in self._validations] + [saved.step for saved in self._saved]
        return ChartedBake(
            bake.number,
            bake.name,
            bake.state.live,
            min(ends, default=0),
            max(ends, default=0),
            bake.total_steps,
            bake.steps_per_epoch,
        )

    @cached_property
    def records(self) -> tuple[CurveRecord, ...]:
        measured = set(self._journal.measures.kinds_by_scope(self._number, band_measures()))
        if any(saved.val_change is not None for saved in self._saved):
            measured.add((VALIDATION_CHANGE, "", ""))
        return curves_of(self._extents.keys(), validated=bool(self._validations), measured=measured)

    @cached_property
    def keys(self) -> frozenset[str]:
        return frozenset(record.key for record in self.records)

    @cached_property
    def marks(self) -> tuple[CurveMark, ...]:
        try:
            folder = self._journal.path.parent / self._bake.folder
            samples = {} if self._bake.imported else sample_steps(folder)
        except (LoraTuiError, ValueError):
            samples = {}
        marks = self._journal.results.marks(self._number)
        return marks_of(self._bake, marks, self._saved, samples, self.charted.last)

    def curve(self, record: CurveRecord, window: tuple[int, int], columns: int) -> ChartedCurve:
        """Return a curve over the window, with a little on both sides that lines at its edges lead to."""
        first, last = window
        if record.source is CurveSource.STEPS:
            # Wider than a stretch that is drawn as one.
            beyond = 1 + 4 * (last - first) // max(1, columns)
            read = self._journal.curves.read(self._number, record.name, columns, first - beyond, last + beyond)
            joined, width = len(read.steps) > 1, FANOUT**read.level
            return ChartedCurve(self._number, record, read.steps, read.low, read.high, joined, width)
        steps, values = self._points(record)
        start = max(0, bisect_right(steps, first) - 1)
        end = bisect_right(steps, last) + 1
        inside = values[start:end]
        return ChartedCurve(self._number, record, steps[start:end], inside, inside, len(steps) > 1)

    def readings(self, records: Sequence[CurveRecord], step: int) -> dict[str, CurveReading]:
        """Return what each of these curves is at a step."""
        metrics = [record.name for record in records if record.source is CurveSource.STEPS]
        at = self._journal.curves.at(self._number, metrics, step)
        found: dict[str, CurveReading] = {}
        for record in records:
            if record.source is CurveSource.STEPS:
                if record.name in at:
                    found[record.key] = CurveReading(*at[record.name])
            elif (reading := self._reading(record, step)) is not None:
                found[record.key] = reading
        return found

    def _reading(self, record: CurveRecord, step: int) -> CurveReading | None:
        steps, values = self._points(record)
        place = bisect_right(steps, step) - 1
        if place < 0:
            return None
        if record.source is not CurveSource.SMOOTHED:
            return CurveReading(int(steps[place]), values[place])
        last = self._extents[record.name][1]
        return CurveReading(min(step, last), _between(steps, values, place, step))

    def _points(self, record: CurveRecord) -> tuple[Sequence[float], Sequence[float]]:
        """Return the steps and values of a curve that is kept whole."""
        if record.source is CurveSource.SMOOTHED:
            return self._smooth(record.name)
        if record.source is CurveSource.VALIDATION:
            return [step for step, _ in self._validations], [value for _, value in self._validations]
        from trainer.noise_floor.values import ValueKey

        found = self._measured.keys(record.name).get(ValueKey(record.name, record.part, record.scope), [])
        return [value.step for value in found], [value.value for value in found]

    def _smooth(self, metric: str) -> tuple[Sequence[float], Sequence[float]]:
        if metric not in self._smoothed:
            curve = self._journal.curves.read(self._number, metric, SMOOTH_ENTRIES)
            half = (FANOUT**curve.level - 1) / 2
            ends = self._extents.get(metric, (0, 0))
            steps = [min(step + half, ends[1]) for step in curve.steps]
            self._smoothed[metric] = steps, smooth(curve.mean)
        return self._smoothed[metric]

    @cached_property
    def _measured(self) -> "BakeValues":
        from trainer.noise_floor.values import BakeValues

        return BakeValues(self._journal, self._number, 0)

    @cached_property
    def _extents(self) -> dict[str, tuple[int, int]]:
        return self._journal.curves.extents(self._number)

    @cached_property
    def _validations(self) -> list[tuple[int, float]]:
        return self._journal.results.validations(self._number)

    @cached_property
    def _saved(self) -> "list[Checkpoint]":
        return self._journal.results.checkpoints(self._number)


def _between(steps: Sequence[float], values: Sequence[float], place: int, step: int) -> float:
    """Return the value at a step at or behind that of `place`, on the straight line to the next one."""
    if place + 1 >= len(steps):
        return values[place]
    share = (step - steps[place]) / (steps[place + 1] - steps[place])
    return values[place] + share * (values[place + 1] - values[place])

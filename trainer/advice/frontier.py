"""Frontier of a subject's bakes: minutes of training against measures, verdicts and checklists, and where more time stopped paying. Never one score."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trainer.doneness.rules import RULES
from trainer.errors import WorkspaceError
from trainer.history.facts import FAVOURITE, VERDICTS, make_missing
from trainer.history.history import BakeHistory
from trainer.history.records import BakeEntry
from trainer.journal.journal import Journal
from trainer.judging.grids import JudgedGrid, judged_grids
from trainer.measures.registry import MEASURES
from trainer.measures.value_text import value_text
from trainer.measures.wilson import wilson
from trainer.noise_floor.floors import NoiseFloors
from trainer.noise_floor.record import Compared, Standing
from trainer.noise_floor.values import ValueKey
from trainer.noise_floor.words import NOT_KNOWN, counts, words
from trainer.text import duration, numbered, plural, printable
from trainer.workspace import Workspace, bake_number

RIGHT, CHECKLIST = "right", "checklist"
"""Keys of what people judged: pictures called right, and items of the checklist that were there."""


@dataclass(frozen=True)
class BakeGroup:
    """Bakes with the same settings and data: one bake, or twins.

    Attributes:
        bakes: their numbers.
        name: what they are called.
        step, epoch: of the LoRA that is looked at: the user's best, else the last of the first bake.
        minutes: of training to that step, the mean of those whose time is known.
        device: what they ran on, of the first.
        verdicts: `favourite`, `under`, `right`, `over` -> how many pictures of that step's LoRAs at full strength.
        items: of checklists: how many were there, and how many were looked for.
    """

    bakes: tuple[int, ...]
    name: str
    step: int
    epoch: str
    minutes: float
    device: str = ""
    verdicts: Mapping[str, int] = field(default_factory=dict)
    items: tuple[int, int] = (0, 0)

    @property
    def judged(self) -> bool:
        """Whether anybody judged a picture of it."""
        return bool(self.verdicts) or bool(self.items[1])


@dataclass(frozen=True)
class FrontierPoint:
    """One group on a curve.

    Attributes:
        group: its place among the frontier's groups.
        value: mean over its bakes.
        text: the value for people, with its interval where it has one.
        against: how it stands against the best one of those that took less time, in words; "" for the first.
        pays: whether it is better than all of those, beyond the noise.
    """

    group: int
    value: float
    text: str
    against: str = ""
    pays: bool = False


@dataclass(frozen=True)
class FrontierCurve:
    """Minutes against one measure, or against what was judged.

    Attributes:
        key: of the measure, `right` or `checklist`.
        title: for people.
        better: +1 where higher is better, -1 where lower is.
        points: by minutes.
        words: where more time stopped paying, or why that cannot be said.
    """

    key: str
    title: str
    better: int
    points: tuple[FrontierPoint, ...]
    words: str

    @property
    def front(self) -> tuple[FrontierPoint, ...]:
        """The points that are better than all cheaper ones, beyond the noise; the cheapest is the first."""
        return tuple(point for place, point in enumerate(self.points) if point.pays or not place)


@dataclass(frozen=True)
class Frontier:
    """All bakes of a subject by their minutes.

    Attributes:
        subject: its name.
        groups: by minutes.
        curves: one for each measure that two groups have, then what was judged.
        notes: what to know, one line each.
    """

    subject: str
    groups: tuple[BakeGroup, ...]
    curves: tuple[FrontierCurve, ...]
    notes: tuple[str, ...] = ()


def frontier_of(journal: Journal, workspace: Workspace, subject: str = "") -> Frontier:
    """Return the frontier of a subject's bakes.

    Args:
        journal, workspace: where they are.
        subject: its name; "" for that of the newest bake that has one.

    Raises:
        WorkspaceError: no bake of it has saved a LoRA.
    """
    make_missing(journal, workspace)
    history = BakeHistory(journal)
    history.refresh()
    entries = history.newest_first()
    name = subject or next((entry.subject for entry in entries if entry.subject and entry.saved), "")
    of_subject = [entry for entry in entries if entry.subject == name and entry.saved]
    if not of_subject:
        known = sorted({entry.subject for entry in entries if entry.subject and entry.saved})
        raise WorkspaceError(
            f"subject {name}" if name else "frontier",
            found="no bake of it has saved a LoRA" if name else "no bake with a subject has saved a LoRA",
            expected=f"one of {', '.join(known)}" if known else "a bake of a subject",
            way_out="`lora-tui bakes` lists the bakes",
        )
    floors = NoiseFloors(journal, _measures())
    seconds = journal.listing.training_seconds([entry.number for entry in of_subject])
    judged = _checked_items(journal, workspace)
    timed = [entry for entry in of_subject if _minutes_of(entry, seconds) is not None]
    groups = sorted(_groups(journal, timed, floors, seconds, judged), key=lambda group: (group.minutes, group.bakes))
    curves = [*_of_measures(groups, floors), *_of_judgements(groups)]
    return Frontier(name, tuple(groups), tuple(curves), tuple(_notes(of_subject, timed, groups, curves)))


def frontier_lines(found: Frontier) -> Iterator[str]:
    """Yield the bakes by their minutes, then each curve with where more time stopped paying."""
    bakes = sum(len(group.bakes) for group in found.groups)
    yield f"frontier of {printable(found.subject)}: {plural(bakes, 'bake')} of {plural(len(found.groups), 'setting')}, by minutes of training"
    for group in found.groups:
        yield f"  {group_words(group)}"
    for curve in found.curves:
        yield ""
        yield f"{curve.title}: {curve.words}"
        for point in curve.points:
            group = found.groups[point.group]
            mark = "*" if point in curve.front else " "
            yield f"  {mark} {duration(60 * group.minutes):>9}  {numbered('bake', group.bakes)}: {point.text}{f', {point.against}' if point.against else ''}"
    yield ""
    yield from found.notes


def group_words(group: BakeGroup) -> str:
    """Return a group in one line: `12 min  bakes 3, 7 x, epoch 5: 4 right, 1 over`."""
    said = ", ".join(f"{count:,} {verdict}" for verdict, count in group.verdicts.items())
    items = f"{group.items[0]:,} of {plural(group.items[1], 'checked item')}" if group.items[1] else ""
    judged = ", ".join(filter(None, (said, items))) or "not judged"
    return f"{duration(60 * group.minutes):>9}  {numbered('bake', group.bakes)} {printable(group.name, 40)}, {group.epoch}: {judged}"


def _measures() -> dict[str, int]:
    """Return measure -> which way is better, of those that rules say it of for the whole LoRA."""
    return {
        rule.measure: rule.better
        for rule in RULES
        if not rule.by_part and not rule.scope and MEASURES[rule.measure].compared
    }


def _minutes_of(entry: BakeEntry, seconds: Mapping[int, float]) -> float | None:
    """Return the minutes of training of a bake's steps; None where they are not known."""
    taken = seconds.get(entry.number) or entry.seconds
    return taken / 60 if taken and entry.steps else None


def _groups(
    journal: Journal,
    entries: Sequence[BakeEntry],
    floors: NoiseFloors,
    seconds: Mapping[int, float],
    judged: Mapping[tuple[int, int], tuple[int, int]],
) -> Iterator[BakeGroup]:
    by_number = {entry.number: entry for entry in entries}
    families: dict[tuple[int, ...], list[BakeEntry]] = defaultdict(list)
    for entry in entries:
        members = tuple(number for number in floors.family(entry.number) if number in by_number)
        families[members or (entry.number,)].append(entry)
    for members in families:
        twins = [by_number[number] for number in members]
        first = next((each for each in twins if each.best is not None), twins[0])
        steps = [saved.step for saved in journal.results.checkpoints(first.number)]
        if not steps:
            continue
        step = first.best.step if first.best is not None else max(steps)
        epochs = step // first.steps_per_epoch if first.steps_per_epoch else 0
        ends = not first.steps_per_epoch or step % first.steps_per_epoch == 0 or step == first.total_steps
        verdicts: Counter[str] = Counter()
        items = (0, 0)
        for each in twins:
            verdicts.update(each.verdicts.get(step, {}))
            there, seen = judged.get((each.number, step), (0, 0))
            items = items[0] + there, items[1] + seen
        minutes = [
            taken * min(step, each.steps) / each.steps
            for each in twins
            if (taken := _minutes_of(each, seconds)) is not None
        ]
        yield BakeGroup(
            bakes=members,
            name=first.name,
            step=step,
            epoch=f"epoch {epochs}" if ends and epochs else f"step {step:,}",
            minutes=sum(minutes) / len(minutes),
            device=first.device,
            verdicts={said: verdicts[said] for said in (FAVOURITE, *VERDICTS) if verdicts[said]},
            items=items,
        )


def _checked_items(journal: Journal, workspace: Workspace) -> Mapping[tuple[int, int], tuple[int, int]]:
    """Return (bake, step) -> items of checklists that were there, and that were looked for, on pictures at full strength."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for grid in judged_grids(journal, workspace):
        for place, (there, seen) in _of_grid(journal, workspace, grid):
            before = found.get(place, (0, 0))
            found[place] = before[0] + there, before[1] + seen
    return found


def _of_grid(
    journal: Journal, workspace: Workspace, grid: JudgedGrid
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    steps: dict[int, dict[str, int]] = {}
    for cell in grid.made.cells:
        note = grid.notes.get(cell.place.name)
        if note is None or not note.ticks or len(cell.recipe.loras) != 1 or not cell.recipe.loras[0].is_plain:
            continue
        path = cell.recipe.loras[0].path
        number = bake_number(path.parent.name) if path.parent.parent == workspace.bakes else None
        if number is None:
            continue
        if number not in steps:
            steps[number] = {saved.file: saved.step for saved in journal.results.checkpoints(number)}
        if path.name in steps[number]:
            yield (number, steps[number][path.name]), (sum(note.ticks.values()), len(note.ticks))


def _of_measures(groups: Sequence[BakeGroup], floors: NoiseFloors) -> Iterator[FrontierCurve]:
    for name, better in _measures().items():
        record = MEASURES[name]
        key = ValueKey(name)
        with_value = [
            (place, value) for place, group in enumerate(groups) if (value := _mean(floors, group, key)) is not None
        ]
        if len(with_value) < 2:
            continue
        points: list[FrontierPoint] = []
        best: FrontierPoint | None = None
        unknown = False
        for place, value in with_value:
            compared = None if best is None else _compared(floors, groups[best.group], groups[place], key)
            pays = compared is not None and compared.standing is Standing.OUTSIDE and compared.difference * better > 0
            unknown = unknown or (compared is not None and compared.standing is Standing.UNKNOWN)
            against = (
                ""
                if compared is None or best is None
                else f"{words(compared)} against {numbered('bake', groups[best.group].bakes)} ({counts(compared, of='picture')})"
            )
            points.append(FrontierPoint(place, value, value_text(record, value), against, pays))
            if best is None or pays:
                best = points[-1]
        sense = "higher is better" if better > 0 else "lower is better"
        yield FrontierCurve(
            name, f"{record.title} ({sense})", better, tuple(points), _stopped(groups, points, unknown=unknown)
        )


def _mean(floors: NoiseFloors, group: BakeGroup, key: ValueKey) -> float | None:
    values = [value for bake in group.bakes if (value := floors.value(bake, key, group.step)) is not None]
    return sum(values) / len(values) if values else None


def _compared(floors: NoiseFloors, first: BakeGroup, second: BakeGroup, key: ValueKey) -> Compared | None:
    return floors.compare(first.bakes, second.bakes, key, first.step, second.step)


def _of_judgements(groups: Sequence[BakeGroup]) -> Iterator[FrontierCurve]:
    """Yield shares of judged pictures; their intervals are over pictures, so that one differs from another where these do not overlap."""
    rates = (
        (RIGHT, "pictures called right", [_verdict_counts(group) for group in groups]),
        (CHECKLIST, "checklist items that are there", [group.items for group in groups]),
    )
    for key, title, found in rates:
        judged = [(place, yes, seen) for place, (yes, seen) in enumerate(found) if seen]
        if len(judged) < 2:
            continue
        points: list[FrontierPoint] = []
        best: tuple[int, float] | None = None
        for place, yes, seen in judged:
            low, high = wilson(yes, seen)
            pays = best is not None and low > best[1]
            against = (
                ""
                if best is None
                else f"{'outside' if pays else 'inside'} the noise of pictures against {numbered('bake', groups[best[0]].bakes)}"
            )
            text = f"{yes:,} of {seen:,} ({low:.0%} to {high:.0%}), {plural(len(groups[place].bakes), 'bake')}"
            points.append(FrontierPoint(place, yes / seen, text, against, pays))
            if best is None or pays:
                best = place, high
        yield FrontierCurve(key, title, +1, tuple(points), _stopped(groups, points))


def _verdict_counts(group: BakeGroup) -> tuple[int, int]:
    said = group.verdicts
    return said.get("right", 0), sum(said.get(verdict, 0) for verdict in VERDICTS)


def _stopped(groups: Sequence[BakeGroup], points: Sequence[FrontierPoint], *, unknown: bool = False) -> str:
    """Return where more time stopped paying."""
    front = [point for place, point in enumerate(points) if point.pays or not place]
    last = front[-1]
    later = [point for point in points if groups[point.group].minutes > groups[last.group].minutes]
    here = f"{duration(60 * groups[last.group].minutes)} ({numbered('bake', groups[last.group].bakes)})"
    if not later:
        return (
            f"the longest is better than all shorter ones beyond the noise, at {here}: more time may still pay"
            if len(front) > 1
            else "all took the same time"
        )
    longest = duration(60 * groups[later[-1].group].minutes)
    if unknown:
        return f"not known whether more than {here} paid: {NOT_KNOWN}"
    return f"more time than {here} did not pay: {plural(len(later), 'setting')} of up to {longest} {'is' if len(later) == 1 else 'are'} not better beyond the noise"


def _notes(
    entries: Sequence[BakeEntry],
    timed: Sequence[BakeEntry],
    groups: Sequence[BakeGroup],
    curves: Sequence[FrontierCurve],
) -> Iterator[str]:
    yield "minutes are those of the training steps to the epoch that you call the best, else to the last; twins are one setting"
    yield "never one score: a setting may be ahead in one measure and behind in another"
    if missing := len(entries) - len(timed):
        yield f"{plural(missing, 'bake')} left out: how long the steps took is not known"
    if not any(group.judged for group in groups):
        yield "no bake is judged: rate pictures of a grid over the last epochs of several bakes"
    elif unjudged := sum(not group.judged for group in groups):
        yield f"{plural(unjudged, 'setting')} not judged"
    devices = sorted({group.device for group in groups if group.device})
    if len(devices) > 1:
        yield f"bakes ran on different devices ({', '.join(printable(device, 40) for device in devices)}): their minutes are not comparable"
    if not curves:
        titles = ", ".join(MEASURES[name].title for name in _measures())
        yield f"nothing can be compared yet: no two settings are judged, or have one of {titles}"

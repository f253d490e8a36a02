"""The words of a lane's evidence: what a rule saw, with its numbers and what is known of their noise."""

from collections.abc import Sequence
from math import isinf

from trainer.doneness.measured import MeasuredBake
from trainer.doneness.record import SavedEpoch
from trainer.doneness.rules import Rule
from trainer.doneness.series import Difference, Point
from trainer.doneness.trends import Seen
from trainer.measures.record import MeasureRecord
from trainer.measures.registry import MEASURES
from trainer.noise_floor.record import Compared, Standing
from trainer.noise_floor.words import NOT_KNOWN, words
from trainer.settings.parts import Part


def finding_words(rule: Rule, seen: Seen, epochs: Sequence[SavedEpoch]) -> str:
    """Return what a rule says where its trend is there: `validation still falls (−0.09 at epoch 3 → −0.12 at epoch 6, 3.1 times outside the noise)`."""
    if seen.difference is None:
        return rule.words
    return f"{rule.words} ({_numbers(rule, seen.difference, epochs)}, {outside_words(seen.difference)})"


def calm_words(rule: Rule, seen: Seen) -> str:
    """Return what a rule says where its trend is not there."""
    return f"{rule.otherwise}{_own_interval(seen.difference)}"


def knows_twins(seen: Seen) -> bool:
    """Return whether what twins differ in is known where something was seen."""
    apart = seen.difference
    return apart is None or apart.floor is not None or apart.second.floor is not None


def outside_words(apart: Difference) -> str:
    """Return how far outside the noise a difference is, and whose noise that is."""
    floor = apart.floor
    if floor is None:
        far = "far" if isinf(apart.times) else f"{apart.times:.1f} times"
        known = "" if apart.second.floor is not None else f"; {NOT_KNOWN}"
        return f"{far} outside its own 95 % interval{known}"
    standing = Standing.OUTSIDE if apart.times > 1 else Standing.INSIDE
    return words(Compared(difference=apart.value, standing=standing, times=apart.times, floor=floor))


def fact_words(measures: Sequence[str], part: Part, measured: MeasuredBake, epoch: SavedEpoch) -> tuple[str, ...]:
    """Return the values of these measures at an epoch: `change / weights 0.4 %`."""
    found = []
    for name in measures:
        record = MEASURES[name]
        value = measured.values(name, part if record.by_part else "").get(epoch.step)
        if value is not None and value.value is not None:
            found.append(f"{record.title} {shown(record, value.value)}")
    return tuple(found)


def shown(record: MeasureRecord, value: float) -> str:
    """Return a value in its measure's unit, to three digits: `0.4 %`, `0.054`."""
    if record.unit == "%":
        return f"{_digits(100 * value)} %"
    return f"{_digits(value)} {record.unit}".rstrip()


def not_measured(question: str, rules: Sequence[Rule]) -> str:
    """Return what answers a question that nothing was measured for."""
    asked: dict[str, list[str]] = {}
    for record in dict.fromkeys(MEASURES[rule.measure] for rule in rules):
        # What needs no setting stands for itself.
        asked.setdefault(record.setting or record.title, []).extend([record.title] if record.setting else [])
    ways = " or ".join(f"{name} ({'; '.join(titles)})" if titles else name for name, titles in asked.items())
    return f"not measured {question}: {ways} would"


def noise_not_known(question: str, rules: Sequence[Rule]) -> str:
    """Return why a question is open although something was measured for it."""
    titles = ", ".join(dict.fromkeys(MEASURES[rule.measure].title for rule in rules))
    return f"open {question}: {titles}, {NOT_KNOWN}"


def too_noisy(question: str, rules: Sequence[Rule]) -> str:
    """Return why a question is open although the noise is known."""
    titles = ", ".join(dict.fromkeys(MEASURES[rule.measure].title for rule in rules))
    return f"open {question}: {titles}, too noisy to tell; more pictures, seeds or twins make it clearer"


def _numbers(rule: Rule, apart: Difference, epochs: Sequence[SavedEpoch]) -> str:
    """Return `-0.09 at epoch 3 → -0.12 at epoch 6`; of the base and of zero no more than the value."""
    record = MEASURES[rule.measure]
    return f"{_at(record, apart.first, epochs)} → {_at(record, apart.second, epochs)}"


def _at(record: MeasureRecord, point: Point, epochs: Sequence[SavedEpoch]) -> str:
    value = shown(record, point.shown)
    if point.step == 0:
        by_definition = point.is_exact and point.floor is None
        return value if by_definition else f"{value} in the base"
    title = next((epoch.title for epoch in epochs if epoch.step == point.step), f"step {point.step:,}")
    return f"{value} at {title}"


def _own_interval(apart: Difference | None) -> str:
    if apart is None or apart.floor is not None:
        return ""
    return f" (by its own 95 % interval; {NOT_KNOWN})"


def _digits(value: float) -> str:
    """Return three digits that count, without an exponent where a person would write none."""
    text = f"{value:.3g}" if 1e-4 <= abs(value) < 1e6 or value == 0 else f"{value:.1e}"
    return text.replace("-", "−", 1) if value < 0 else text

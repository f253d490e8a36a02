"""Chapters of a report on what was measured: each measure over the epochs, beside the parent with its noise, and who carries."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from math import nan
from typing import TypeAlias

from trainer.doneness.read import doneness_of
from trainer.doneness.words import lines
from trainer.journal.measure_records import MeasuredValue
from trainer.measures.carried import carried_by_scope, carried_by_step, short_label
from trainer.measures.of_parts import ENCODERS
from trainer.measures.record import MeasureRecord
from trainer.measures.registry import MEASURES
from trainer.measures.value_text import value_text, value_with_interval
from trainer.noise_floor.side_by_side import side_by_side
from trainer.noise_floor.words import counts, words
from trainer.report.record import AlignedLines, Block, Chapter, StepCurve, StepPlot, TextLines, TextTable
from trainer.report.source import ReportSource
from trainer.settings.parts import all_parts
from trainer.text import plural, printable

_MOST_LINES = 5
_Of: TypeAlias = tuple[str, str]
"""Part and scope of a value."""


def measure_chapters(source: ReportSource) -> tuple[Chapter, ...]:
    """Return who carries the bake, where its epochs stand, what was measured, and how that stands to the parent's."""
    return (
        Chapter("Who carries", tuple(_carried(source))),
        Chapter("Doneness", tuple(_doneness(source))),
        Chapter("Against the parent", tuple(_against_parent(source))),
        Chapter("Measures", tuple(_measures(source))),
    )


def _doneness(source: ReportSource) -> Iterator[Block]:
    found = doneness_of(source.journal, source.workspace, source.bake.number)
    if not any(lane.is_measured for lane in found.lanes):
        return
    titles = {lane.title for lane in found.lanes}
    table, *rest = [tuple(group) for key, group in groupby(lines(found), key=bool) if key]
    yield AlignedLines(table)
    for group in rest:
        yield TextLines(group[1:], group[0]) if group[0] in titles and len(group) > 1 else TextLines(group)


def _against_parent(source: ReportSource) -> Iterator[Block]:
    if source.parent is None:
        return
    number = source.bake.number
    found = side_by_side(source.journal, source.parent.number, number)
    if found is None:
        return
    whole = [pair for pair in found.pairs if not pair.key.scope]
    rows = tuple(
        (
            pair.record.title,
            _label(source, (pair.key.part, "")),
            value_text(pair.record, pair.first),
            value_text(pair.record, pair.second),
            words(pair.compared),
        )
        for pair in whole
    )
    if not rows:
        return
    steps = dict.fromkeys((found.first_step, found.second_step))
    after = f"after step {' and '.join(f'{step:,}' for step in steps)}"
    yield TextLines((f"{after}: {found.together.words()}; {counts(whole[0].compared, of='picture')}",))
    head = ("measure", "of", f"bake {source.parent.number}", f"bake {number}", "against the noise")
    yield TextTable(head, rows, frozenset({2, 3}))


def _measures(source: ReportSource) -> Iterator[Block]:
    by_name: dict[str, list[MeasuredValue]] = defaultdict(list)
    for value in source.values:
        by_name[value.name].append(value)
    single: list[tuple[str, ...]] = []
    for key, record in MEASURES.items():
        found = _by_what(by_name.get(key, ()))
        if any(len(values) > 1 for values in found.values()):
            yield _plot(source, record, found)
        single += [
            (record.title, _label(source, of), _shown(record, values[-1]), source.epoch_of(values[-1].step))
            for of, values in found.items()
            if len(values) == 1
        ]
    if single:
        yield TextTable(("measure", "of", "value", "after"), tuple(single), frozenset({2}))


def _by_what(values: Sequence[MeasuredValue]) -> dict[_Of, list[MeasuredValue]]:
    """Return the values to show of one measure by part and scope: of the whole where there are such, else of its scopes."""
    known = [value for value in values if value.value is not None]
    whole = [value for value in known if not value.scope] or known
    lines: dict[_Of, list[MeasuredValue]] = defaultdict(list)
    for value in whole:
        lines[value.part, value.scope].append(value)
    order = ["", *all_parts()]
    chosen = sorted(lines, key=lambda of: (order.index(of[0]) if of[0] in order else len(order), of[1]))
    return {of: lines[of] for of in chosen[:_MOST_LINES]}


def _plot(source: ReportSource, record: MeasureRecord, lines: Mapping[_Of, Sequence[MeasuredValue]]) -> StepPlot:
    with_band = any(value.low is not None for values in lines.values() for value in values)
    pictures = max(value.count for values in lines.values() for value in values)
    band = f" The band is the 95 % interval over {plural(pictures, 'picture')}." if with_band and pictures else ""
    return StepPlot(
        _capital(record.title),
        tuple(_plot_line(_label(source, of), values) for of, values in lines.items()),
        float(source.steps),
        record.unit,
        record.log_scale,
        f"{record.help}{band}",
    )


def _plot_line(label: str, values: Sequence[MeasuredValue]) -> StepCurve:
    def each(numbers: Sequence[float | None]) -> list[float]:
        return [nan if number is None else number for number in numbers]

    banded = any(value.low is not None for value in values)
    return StepCurve(
        label,
        [value.step for value in values],
        each([value.value for value in values]),
        each([value.low for value in values]) if banded else (),
        each([value.high for value in values]) if banded else (),
    )


def _label(source: ReportSource, of: _Of) -> str:
    """Return what a value is about, in words: `U-Net`, `TE`, `layout`, `whole LoRA`."""
    part, scope = of
    known = [each for each in all_parts() if each in source.measured_parts]
    # What a damaged row names stays as it is.
    name = short_label(part, known) if part in (*known, ENCODERS) else printable(part, 60)
    return " · ".join(word for word in (name, printable(scope, 60)) if word) or "whole LoRA"


def _shown(record: MeasureRecord, found: MeasuredValue) -> str:
    return value_with_interval(record, found.value, found.low, found.high)


def _carried(source: ReportSource) -> Iterator[Block]:
    found = carried_by_step(source.values)
    if not found:
        return
    last, whole = max(found.items())
    rest = "" if whole.together is None else f"; {100 * whole.together:.0f} % only together".replace("-", "−")
    interval = ""
    if whole.low is not None and whole.high is not None:
        low, high = (f"{100 * end:+.0f}".replace("-", "−") for end in (whole.low, whole.high))
        ahead = whole.heading.partition(":")[2]
        interval = (
            f"lead of {ahead}: {low} to {high} points with 95 % certainty over {plural(whole.pictures, 'picture')}"
        )
    yield TextLines(tuple(filter(None, (f"{source.epoch_of(last)}: {whole.words}{rest}", interval))))
    rows = tuple(
        (printable(scope, 80), here.verdict, here.column.removesuffix("?"), str(here.pictures))
        for scope, here in carried_by_scope(source.values, last).items()
    )
    if rows:
        yield TextTable(("pictures of", "who carries", f"{whole.heading}, %", "pictures"), rows, frozenset({2, 3}))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

"""The findings of the checks as lines of text and as JSON."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from trainer.checks.record import CheckResult, Severity
from trainer.errors import DatasetError
from trainer.text import plural, printable

# Enough to see what kind they are; JSON has them all.
_MAX_CASES = 8
_MAX_OF_A_CHECK = 10
_MAX_LINE = 480

MARKS = {Severity.ERROR: "✗", Severity.WARNING: "!", Severity.NOTE: "·"}
"""Signs in front of findings."""


@dataclass(frozen=True)
class FindingCounts:
    """How many findings there are of each kind."""

    errors: int = 0
    warnings: int = 0
    notes: int = 0
    accepted: int = 0

    @property
    def any(self) -> bool:
        """Whether there is one at all."""
        return bool(self.errors or self.warnings or self.notes or self.accepted)

    def text(self) -> str:
        """Return the counts as words, "nothing found" where there are none."""
        counted = ((self.errors, "error"), (self.warnings, "warning"), (self.notes, "note"))
        parts = [plural(number, what) for number, what in counted if number]
        if self.accepted:
            parts.append(f"{self.accepted:,} accepted")
        return " · ".join(parts) or "nothing found"


def count(results: Iterable[CheckResult]) -> FindingCounts:
    """Return the counts; what is accepted counts as that alone."""
    kinds = [result.severity if result.open else None for result in results]
    return FindingCounts(
        kinds.count(Severity.ERROR), kinds.count(Severity.WARNING), kinds.count(Severity.NOTE), kinds.count(None)
    )


def warning_lines(results: Iterable[CheckResult]) -> tuple[str, ...]:
    """Return the open errors and warnings on one line each, for a plan and a log."""
    return tuple(
        printable(result.finding.line(), _MAX_LINE)
        for result in results
        if result.open and result.severity is not Severity.NOTE
    )


def rest_line(results: Iterable[CheckResult]) -> str:
    """Return a line about what `warning_lines` leaves out, "" where that is nothing."""
    counts = count(results)
    rest = FindingCounts(notes=counts.notes, accepted=counts.accepted)
    return f"{rest.text()}; `lora-tui check` lists everything" if rest.any else ""


def refusal_of(results: Iterable[CheckResult]) -> DatasetError | None:
    """Return the error with which a bake is refused for what the checks found, None where that is no error."""
    errors = [result for result in results if result.severity is Severity.ERROR]
    if not errors:
        return None
    finding = errors[0].finding
    more = f"; {len(errors):,} in all, listed by `lora-tui check`" if len(errors) > 1 else ""
    return DatasetError(finding.place, found=f"{finding.text}{more}", way_out=errors[0].way_out)


def check_lines(results: Sequence[CheckResult]) -> Iterator[str]:
    """Yield everything found, with place and way out; those of a check together, accepted ones last."""
    seen: Counter[tuple[str, bool]] = Counter()
    total = Counter((result.check.key, result.open) for result in results)
    for result in sorted(results, key=lambda each: not each.open):
        kind = (result.check.key, result.open)
        seen[kind] += 1
        if seen[kind] <= _MAX_OF_A_CHECK:
            yield from _lines_of(result)
        if seen[kind] == _MAX_OF_A_CHECK < total[kind]:
            yield f"    and {total[kind] - _MAX_OF_A_CHECK:,} more of {result.check.key}; --json lists all"


def details_of(result: CheckResult) -> Iterator[str]:
    """Yield what else there is to say of a finding: its cases, its way out, why it was accepted."""
    finding = result.finding
    # A single one is often named by the text.
    if len(finding.cases) > 1 or not all(case.rpartition("/")[2] in finding.text for case in finding.cases):
        yield from (printable(case, _MAX_LINE) for case in finding.cases[:_MAX_CASES])
        if len(finding.cases) > _MAX_CASES:
            yield f"and {len(finding.cases) - _MAX_CASES:,} more"
    if result.way_out:
        yield f"→ {printable(result.way_out, _MAX_LINE)}"
    if result.accepted is not None:
        yield f"accepted: {printable(result.accepted, _MAX_LINE)}"


def check_json(results: Iterable[CheckResult]) -> list[dict[str, object]]:
    """Return the findings as plain JSON values."""
    return [
        {
            "check": result.check.key,
            "severity": result.severity.value,
            "looks_at": result.check.looks_at,
            "place": result.finding.place,
            "found": result.finding.text,
            "way_out": result.way_out,
            "cases": list(result.finding.cases),
            "accepted": result.accepted,
        }
        for result in results
    ]


def _lines_of(result: CheckResult) -> Iterator[str]:
    mark = "✓" if not result.open else MARKS[result.severity]
    yield f"{mark} {result.check.key}: {printable(result.finding.place, _MAX_LINE)}"
    yield f"    {printable(result.finding.text, _MAX_LINE)}"
    yield from (f"    {line}" for line in details_of(result))

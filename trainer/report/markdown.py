"""A bake's report as markdown: the same chapters, with numbers in place of plots and files in place of pictures."""

import re
from collections.abc import Iterator, Sequence
from math import isfinite

from trainer.report.plot_drawing import number_label
from trainer.report.record import (
    AlignedLines,
    BakeReport,
    Block,
    FactList,
    PictureFile,
    QuotedText,
    StepCurve,
    StepPlot,
    TextLines,
    TextTable,
)
from trainer.text import printable

_MOST_ROWS = 12
# What markdown would read as its own, anywhere in a line; `_` not inside a word, and the rest only at a line's start.
_SIGNS = re.compile(r"([\\`*{}\[\]<>|~#$&]|(?<![^\W_])_|_(?![^\W_]))")
_AT_START = re.compile(r"^(\s*)([-+=]|\d+[.)])(?=\s|$)")


def report_markdown(report: BakeReport) -> str:
    """Return the report as one text."""
    lines = [f"# {escaped(report.title)}", "", escaped(" · ".join(report.facts)), ""]
    for chapter in report.chapters:
        lines += [f"## {escaped(chapter.title)}", ""]
        for block in chapter.blocks:
            lines += [*_block(block), ""]
    lines += [escaped(remark) for remark in report.remarks]
    return "\n".join(lines).rstrip() + "\n"


def escaped(text: str) -> str:
    """Return a text as markdown shows it as it is, on one line, with control characters made visible."""
    line = " ".join(printable(part) for part in text.split("\n"))
    return _AT_START.sub(r"\1\\\2", _SIGNS.sub(r"\\\1", line))


def _block(block: Block) -> Iterator[str]:
    match block:
        case FactList(entries):
            yield from (f"- **{escaped(name)}**: {escaped(text)}" for name, text in entries if text)
        case TextTable():
            yield from _table(block)
        case TextLines(lines, title):
            if title:
                yield from (f"### {escaped(title)}", "")
            if len(lines) > 1:
                yield from _items(lines)
            else:
                yield from (escaped(line.strip()) for line in lines)
        case AlignedLines(lines):
            # Four spaces in front: no line of it can end it, as one of backticks would.
            yield from (f"    {printable(line)}".rstrip() for line in lines)
        case QuotedText(text):
            yield from (f"> {_harmless(line)}".rstrip() for line in text.split("\n"))
        case StepPlot():
            yield from _plot(block)
        case PictureFile(caption, _, name):
            yield f"- {escaped(caption)}: {escaped(name)}"


def _items(lines: Sequence[str]) -> Iterator[str]:
    """Yield lines as a list, those further in below the one before; five spaces behind the dash would make code of them."""
    indents = [len(line) - len(line.lstrip(" ")) for line in lines]
    levels = sorted(set(indents))
    for line, indent in zip(lines, indents, strict=True):
        yield f"{'  ' * levels.index(indent)}- {escaped(line.lstrip(' '))}"


def _table(table: TextTable) -> Iterator[str]:
    yield _row([escaped(text) for text in table.head])
    yield _row(["---:" if at in table.numbers else "---" for at in range(len(table.head))])
    for row in table.rows:
        yield _row([escaped(text) for text in row])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plot(plot: StepPlot) -> Iterator[str]:
    """Yield a plot's values at some steps, the first and the last among them."""
    yield from (f"### {escaped(plot.title)}", "")
    steps = sorted({step for line in plot.lines for step in line.steps})
    many = len(steps) - 1
    chosen = steps if many < _MOST_ROWS else [steps[round(at * many / (_MOST_ROWS - 1))] for at in range(_MOST_ROWS)]
    rows = tuple((f"{step:,.0f}", *(_at(line, step, plot.unit) for line in plot.lines)) for step in chosen)
    head = ("step", *(line.label for line in plot.lines))
    yield from _table(TextTable(head, rows, frozenset(range(len(head)))))
    if plot.note:
        yield from ("", escaped(plot.note))


def _at(line: StepCurve, step: float, unit: str) -> str:
    if step not in line.steps:
        return ""
    at = list(line.steps).index(step)
    if not isfinite(line.values[at]):
        return "no number"
    text = number_label(line.values[at], unit)
    ends = [ends[at] for ends in (line.low, line.high) if ends]
    if len(ends) < 2 or not all(map(isfinite, ends)) or ends[0] == ends[1]:
        return text
    return f"{text} ({number_label(ends[0], unit)} to {number_label(ends[1], unit)})"


def _harmless(line: str) -> str:
    """Return a line of somebody's markdown as markdown, but without HTML, and without pictures, which would be loaded from outside."""
    return printable(line).replace("&", "&amp;").replace("<", "&lt;").replace("![", "!\\[")

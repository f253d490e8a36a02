"""Captions, edits of them and their history as lines of text and as plain values."""

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from trainer.text import plural, printable

if TYPE_CHECKING:
    from trainer.captions.record import CaptionEditPlan, CaptionStep, EditedCaption, RefusedCaption

# Of a caption that is hundreds of words long; a diff for a program is JSON.
_MAX_LINE = 2000


def diff_lines(change: "EditedCaption") -> Iterator[str]:
    """Yield the file of a caption, and below it the lines that go (`-`) and come (`+`)."""
    kind = " (new)" if change.before is None else " (removed)" if change.after is None else ""
    yield f"{printable(str(change.path))}{kind}"
    before, after = ((text or "").splitlines() for text in (change.before, change.after))
    same = {line for line in before if line in after} if len(before) == len(after) else set()
    yield from (f"- {printable(line, _MAX_LINE)}" for line in before if line not in same)
    yield from (f"+ {printable(line, _MAX_LINE)}" for line in after if line not in same)


def plan_line(plan: "CaptionEditPlan") -> str:
    """Return what a plan would do: ``rename `a` to `b`: 12 captions, 40 unchanged, 2 left as they are``."""
    parts = [plural(len(plan.changes), "caption"), f"{plan.unchanged:,} unchanged" if plan.unchanged else ""]
    return f"{plan.words}: {', '.join(filter(None, (*parts, left_words(len(plan.refused)))))}"


def left_words(number: int) -> str:
    """Return `2 left as they are`; "" for none."""
    if not number:
        return ""
    return f"{number:,} left as {'it is' if number == 1 else 'they are'}"


def refused_line(refused: "RefusedCaption") -> str:
    """Return a caption that is left as it is, and why."""
    return f"{printable(str(refused.path))}: {printable(refused.why)}"


def step_line(step: "CaptionStep") -> str:
    """Return a step of the history on one line: number, time, what it does, where it stands."""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(step.when)) if 0 <= step.when < 2**40 else ""
    standing = standing_words(step)
    parts = (
        f"{step.number:04d}",
        when,
        step.words,
        plural(step.files, "caption"),
        standing,
        left_words(len(step.left)),
    )
    return "  ".join(filter(None, parts))


def standing_words(step: "CaptionStep") -> str:
    """Return where a step stands, "" where it is written."""
    if step.writing:
        return "being written"
    if step.unfinished:
        return "interrupted"
    return "undone" if step.undone else ""


def plan_json(plan: "CaptionEditPlan") -> dict[str, object]:
    """Return a plan as plain values."""
    return {
        "words": plan.words,
        "changes": [
            {"path": str(change.path), "before": change.before, "after": change.after} for change in plan.changes
        ],
        "unchanged": plan.unchanged,
        "refused": list(map(_refused_json, plan.refused)),
        "remarks": list(plan.remarks),
    }


def edited_json(plan: "CaptionEditPlan", step: "CaptionStep | None") -> dict[str, object]:
    """Return what became of a plan as plain values; no step where nothing was to be changed."""
    return {
        "step": step_json(step) if step is not None else None,
        "unchanged": plan.unchanged,
        "refused": list(map(_refused_json, plan.refused)),
        "remarks": list(plan.remarks),
    }


def step_json(step: "CaptionStep") -> dict[str, object]:
    """Return a step as plain values."""
    return {
        "number": step.number,
        "when": step.when,
        "words": step.words,
        "files": step.files,
        "undone": step.undone,
        "unfinished": step.unfinished,
        "writing": step.writing,
        "left": list(map(_refused_json, step.left)),
        "backup": str(step.backup),
    }


def tag_lines(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield each tag with the number of captions that have it, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0].casefold(), item[0]))
    width = len(str(ordered[0][1])) if ordered else 0
    return (f"{count:>{width}}  {printable(tag)}" for tag, count in ordered)


def _refused_json(refused: "RefusedCaption") -> dict[str, str]:
    return {"path": str(refused.path), "why": refused.why}

"""What is marked under curves: kinds of marks with their letters, and a bake's marks as text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trainer.journal.records import Bake, BakeState, Checkpoint, Mark, MarkKind
from trainer.text import plural, printable

_LONGEST = 120


@dataclass(frozen=True)
class CurveMarkKind:
    """A kind of marks.

    Attributes:
        letter: stands under the curves; unique.
        title: what it is about, in the help.
        changes: whether it changed the course of the bake, so that a line stands behind the curves.
    """

    letter: str
    title: str
    changes: bool = False


ENDED = CurveMarkKind("E", "the bake ended or stopped here", changes=True)
SAVED = CurveMarkKind("S", "a LoRA was saved")
SAMPLES = CurveMarkKind("P", "sample pictures were made")

OF_JOURNAL: Mapping[MarkKind, CurveMarkKind] = {
    MarkKind.ROLL_BACK: CurveMarkKind("B", "rolled back to an earlier state", changes=True),
    MarkKind.RESUME: CurveMarkKind("R", "resumed from a state", changes=True),
    MarkKind.SET: CurveMarkKind("C", "a setting was changed while it baked", changes=True),
    MarkKind.STOP_PART: CurveMarkKind("T", "a part stopped training", changes=True),
    MarkKind.SKIP: CurveMarkKind("K", "a step was skipped", changes=True),
    MarkKind.DISK: CurveMarkKind("D", "it waited for disk space", changes=True),
    MarkKind.ORDER: CurveMarkKind("O", "another order was obeyed: a pause, a save"),
}
"""Kind of a mark in the journal -> how it is shown."""

MARK_KINDS: tuple[CurveMarkKind, ...] = (ENDED, *OF_JOURNAL.values(), SAVED, SAMPLES)
"""Every kind; where several stand in one place the first of them has it."""


@dataclass(frozen=True)
class CurveMark:
    """Something that happened after a step.

    Attributes:
        step: optimizer steps done then.
        kind: what it is about.
        text: one line; from outside, made printable.
    """

    step: int
    kind: CurveMarkKind
    text: str


def marks_of(
    bake: Bake, marks: Sequence[Mark], saved: Sequence[Checkpoint], samples: Mapping[int, int], last: int
) -> tuple[CurveMark, ...]:
    """Return everything that is marked of a bake, by step; within one the kinds in their order.

    Args:
        bake: the journal's row.
        marks: of the journal.
        saved: its LoRAs.
        samples: step -> how many sample pictures were made after it.
        last: its last step.
    """
    order = {kind: place for place, kind in enumerate(MARK_KINDS)}
    found = [*_of_journal(marks), *_of_files(saved, samples), *_of_end(bake, last)]
    return tuple(sorted(found, key=lambda mark: (mark.step, order[mark.kind])))


def _of_journal(marks: Sequence[Mark]) -> Iterator[CurveMark]:
    words = {MarkKind.RESUME: "", MarkKind.SET: "changed: ", MarkKind.SKIP: "skipped: ", MarkKind.ORDER: "order: "}
    for mark in marks:
        yield CurveMark(mark.step, OF_JOURNAL[mark.kind], f"{words.get(mark.kind, '')}{printable(mark.text, _LONGEST)}")


def _of_files(saved: Sequence[Checkpoint], samples: Mapping[int, int]) -> Iterator[CurveMark]:
    for each in saved:
        yield CurveMark(each.step, SAVED, f"saved {printable(each.stem, _LONGEST)}")
    for step, count in samples.items():
        yield CurveMark(step, SAMPLES, plural(count, "sample picture"))


def _of_end(bake: Bake, last: int) -> Iterator[CurveMark]:
    if bake.ran and not bake.state.live and bake.state is not BakeState.QUEUED and last:
        reason = f": {printable(bake.error, _LONGEST)}" if bake.error else ""
        yield CurveMark(last, ENDED, f"{bake.state}{reason}")

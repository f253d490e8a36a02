"""What do the verdicts on a grid say, as lines to read? Rates of what was ticked, verdicts by epoch and weight, where the favourites point."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainer.gallery.sidecar import MadeGrid
from trainer.grid.cell import Axis
from trainer.journal.records import CellNote
from trainer.judging.direction import directions
from trainer.judging.tally import axes_of, changed, items_ticked, on_axis, rates

_VERDICTS = ("under", "right", "over")


@dataclass(frozen=True)
class JudgingSection:
    """A part of the report. Titles and lines hold words of the user's: show them through `foreign_text.shown`."""

    title: str
    lines: tuple[str, ...]


def report(made: MadeGrid, notes: Mapping[str, CellNote], checklist: Sequence[str]) -> tuple[JudgingSection, ...]:
    """Return everything that ticks, verdicts and favourites say; what nobody judged is left out.

    Args:
        made: the grid.
        notes: cell -> what was thought of it.
        checklist: the subject's, in whose order items come.
    """
    sections = [_ticks(made, notes, item) for item in items_ticked(notes.values(), checklist)]
    sections += [_verdicts(made, notes, name, axis) for name, axis in axes_of(made)]
    if any(note.favourite or note.unet or note.text_encoder for note in notes.values()):
        sections.append(JudgingSection("direction", tuple(lean.words for lean in directions(made, notes))))
    return tuple(section for section in sections if section.lines)


def _ticks(made: MadeGrid, notes: Mapping[str, CellNote], item: str) -> JudgingSection:
    lines = []
    for name, axis in axes_of(made):
        found = rates(made, notes, item, name)
        told = [f"{rate.label}: {rate.text}" for rate in found if rate.seen]
        change = changed(found)
        lines.append(f"by {axis.title}   {'   '.join(told)}" + (f"   {change}" if change else ""))
    return JudgingSection(item, tuple(lines))


def _verdicts(made: MadeGrid, notes: Mapping[str, CellNote], name: str, axis: Axis) -> JudgingSection:
    """Return one line for each value of an axis that has a verdict or a favourite."""
    lines = []
    for place, label in enumerate(axis.labels):
        here = [
            notes[cell.place.name]
            for cell in made.cells
            if on_axis(cell.place, name) == place and cell.place.name in notes
        ]
        told = [
            f"{what}{count}"
            for what, count in (
                ("★ ", sum(note.favourite for note in here)),
                *((f"{said} ", sum(note.whole == said for note in here)) for said in _VERDICTS),
                *((f"U-Net {said} ", sum(note.unet == said for note in here)) for said in _VERDICTS),
                *((f"encoder {said} ", sum(note.text_encoder == said for note in here)) for said in _VERDICTS),
            )
            if count
        ]
        if told:
            lines.append(f"{label}: {' · '.join(told)}")
    return JudgingSection(f"verdicts by {axis.title}", tuple(lines))

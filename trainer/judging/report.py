"""Report on a grid's verdicts: rates of ticked items, verdicts by epoch and weight, direction of the favourites."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from trainer.gallery.sidecar import MadeGrid
from trainer.grid.cell import Axis
from trainer.journal.grid_records import CellNote
from trainer.judging.direction import directions
from trainer.judging.tally import axes_of, items_ticked, on_axis, rates, trend
from trainer.settings.parts import body_label

_VERDICTS = ("under", "right", "over")


@dataclass(frozen=True)
class JudgingSection:
    """A part of the report. Titles and lines hold the user's text: show them through `text.printable`."""

    title: str
    lines: tuple[str, ...]


def report(
    made: MadeGrid,
    notes: Mapping[str, CellNote],
    checklist: Sequence[str],
    of_bakes: Callable[[str], Sequence[str]] = lambda item: (),
) -> tuple[JudgingSection, ...]:
    """Return the results of ticks, verdicts and favourites; what was not rated is left out.

    Args:
        made: the grid.
        notes: cell -> its verdicts.
        checklist: the subject's; its order is that of the items.
        of_bakes: item -> what its rates say of the bakes in the grid, which differ by chance as pictures do; a line each.
    """
    sections = [_ticks(made, notes, item, of_bakes(item)) for item in items_ticked(notes.values(), checklist)]
    sections += [_verdicts(made, notes, name, axis) for name, axis in axes_of(made)]
    if any(note.favourite or note.unet or note.text_encoder for note in notes.values()):
        sections.append(JudgingSection("direction", tuple(lean.summary for lean in directions(made, notes))))
    return tuple(section for section in sections if section.lines)


def _ticks(made: MadeGrid, notes: Mapping[str, CellNote], item: str, of_bakes: Sequence[str]) -> JudgingSection:
    lines = []
    for name, axis in axes_of(made):
        found = rates(made, notes, item, name)
        texts = [f"{rate.label}: {rate.text}" for rate in found if rate.seen]
        change = trend(found)
        lines.append(f"by {axis.title}   {'   '.join(texts)}" + (f"   {change}" if change else ""))
    return JudgingSection(item, (*lines, *of_bakes))


def _verdicts(made: MadeGrid, notes: Mapping[str, CellNote], name: str, axis: Axis) -> JudgingSection:
    """Return one line for each value of an axis that has a verdict or a favourite."""
    lines = []
    for place, label in enumerate(axis.labels):
        here = [
            notes[cell.place.name]
            for cell in made.cells
            if on_axis(cell.place, name) == place and cell.place.name in notes
        ]
        counts = [
            f"{what}{count}"
            for what, count in (
                ("★ ", sum(note.favourite for note in here)),
                *((f"{verdict} ", sum(note.whole == verdict for note in here)) for verdict in _VERDICTS),
                *(
                    (f"{body_label(made.family)} {verdict} ", sum(note.unet == verdict for note in here))
                    for verdict in _VERDICTS
                ),
                *((f"encoder {verdict} ", sum(note.text_encoder == verdict for note in here)) for verdict in _VERDICTS),
            )
            if count
        ]
        if counts:
            lines.append(f"{label}: {' · '.join(counts)}")
    return JudgingSection(f"verdicts by {axis.title}", tuple(lines))

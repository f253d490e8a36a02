"""The user's verdicts on the axis of epochs, and whether the lanes agree with them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.doneness.record import Agreement, DonenessLane, EpochState, LaneKind, SavedEpoch, UserMark
from trainer.gallery.sidecar import MadeGrid
from trainer.journal.grid_records import CellNote
from trainer.text import plural

WHOLE = "whole"
UNDER, RIGHT, OVER, BEST, FAVOURITE = "under", "right", "over", "best", "favourite"

# Which states a verdict agrees with.
_AGREES: Mapping[str, frozenset[EpochState]] = {
    UNDER: frozenset({EpochState.RAW, EpochState.FORMING}),
    RIGHT: frozenset({EpochState.DONE, EpochState.NO_SIGN}),
    OVER: frozenset({EpochState.OVER, EpochState.STRONG}),
}


@dataclass(frozen=True)
class Verdict:
    """One verdict on one picture of an epoch at full strength.

    Attributes:
        step: of the LoRA.
        about: `whole`, or the value of a kind of lane.
        said: `under`, `right`, `over`, `favourite`.
    """

    step: int
    about: str
    said: str


def verdicts_of(made: MadeGrid, notes: Mapping[str, CellNote], folder: Path, files: Mapping[str, int]) -> list[Verdict]:
    """Return a grid's verdicts on pictures of a bake's LoRAs alone, at full strength: others tell of another weight.

    Args:
        made: the grid.
        notes: cell -> the user's note.
        folder: the bake's.
        files: name of each of its LoRAs -> its step.
    """
    found: list[Verdict] = []
    for cell in made.cells:
        note = notes.get(cell.place.name)
        if note is None or len(cell.recipe.loras) != 1:
            continue
        use = cell.recipe.loras[0]
        step = files.get(use.path.name) if use.path.parent == folder else None
        if step is None or not use.is_plain:
            continue
        spoken = (
            (WHOLE, note.whole),
            (LaneKind.BODY.value, note.unet),
            (LaneKind.ENCODER.value, note.text_encoder),
            (FAVOURITE, FAVOURITE if note.favourite else ""),
        )
        found += [Verdict(step, about, said) for about, said in spoken if said in (UNDER, RIGHT, OVER, FAVOURITE)]
    return found


def marks_of(
    verdicts: Iterable[Verdict], best_step: int | None, lanes: Sequence[DonenessLane], epochs: Sequence[SavedEpoch]
) -> tuple[UserMark, ...]:
    """Return what the user said of each epoch, with what the lanes say of it.

    Args:
        verdicts: on pictures of the bake's LoRAs.
        best_step: step of the epoch that the user calls the best; None without one.
        lanes: of the bake.
        epochs: the axis.
    """
    counts: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    places = {epoch.step: place for place, epoch in enumerate(epochs)}
    for verdict in verdicts:
        if verdict.step in places:
            counts[places[verdict.step], verdict.about][verdict.said] += 1
    marks = []
    for (place, about), said in sorted(counts.items()):
        marks.append(_mark(place, about, said, lanes, epochs))
    if best_step in places:
        place = places[best_step]
        agreement, why = _agreement(RIGHT, WHOLE, place, lanes)
        words = f"you call {epochs[place].title} the best: {agreement}{why}"
        marks.append(UserMark(place, BEST, WHOLE, (1, 1), agreement, words))
    return tuple(sorted(marks, key=lambda mark: mark.place))


def _mark(
    place: int, about: str, said: Counter[str], lanes: Sequence[DonenessLane], epochs: Sequence[SavedEpoch]
) -> UserMark:
    title, total = epochs[place].title, said.total()
    if about == FAVOURITE:
        agreement, why = _agreement(RIGHT, WHOLE, place, lanes)
        words = f"{plural(total, 'favourite')} of {title}: {agreement}{why}"
        return UserMark(place, FAVOURITE, WHOLE, (total, total), agreement, words)
    (most, votes), *others = said.most_common()
    of_part = "" if about == WHOLE else f"{_label(about, lanes)} of "
    if others and others[0][1] == votes:
        words = f"your verdicts on {of_part}{title} are divided: {', '.join(f'{each} {n}' for each, n in said.most_common())}"
        return UserMark(place, most, about, (votes, total), Agreement.OPEN, words)
    agreement, why = _agreement(most, about, place, lanes)
    on = "" if total == 1 else f" on {votes} of {plural(total, 'picture')}"
    return UserMark(
        place, most, about, (votes, total), agreement, f"you called {of_part}{title} {most}{on}: {agreement}{why}"
    )


def _agreement(said: str, about: str, place: int, lanes: Sequence[DonenessLane]) -> tuple[Agreement, str]:
    """Return whether the lanes agree, and the lanes that do not.

    The whole is under where any part is, over where any lane is, and right where every lane that was placed is done.
    """
    asked = [
        lane
        for lane in lanes
        if lane.epochs and about in (WHOLE, lane.kind.value) and lane.epochs[place].state is not EpochState.UNKNOWN
    ]
    # A lane of memorization with no sign says nothing of under or right by itself.
    if not any(lane.kind is not LaneKind.MEMORIZED for lane in asked):
        return Agreement.OPEN, " (no part is placed there)"
    agree = [lane for lane in asked if lane.epochs[place].state in _AGREES[said]]
    if said != RIGHT and agree:
        return Agreement.AGREES, ""
    against = [lane for lane in asked if lane not in agree]
    said_of = ", ".join(f"{lane.title} is {lane.epochs[place].state}" for lane in against)
    # A mild sign of memorization is worth knowing, and no reason to doubt an eye.
    if all(lane.epochs[place].state is EpochState.MILD for lane in against):
        return Agreement.AGREES, f" ({said_of})" if against else ""
    return Agreement.CONTRADICTS, f" ({said_of})"


def _label(about: str, lanes: Sequence[DonenessLane]) -> str:
    return next((f"the {lane.title}" for lane in lanes if lane.kind.value == about), f"the {about}")

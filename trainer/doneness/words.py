"""Doneness as lines of text, for `lora-tui show` and the report."""

from collections.abc import Sequence

from trainer.doneness.band import epochs_text
from trainer.doneness.memorization_lane import TITLE as MEMORIZATION
from trainer.doneness.record import LETTERS, AimedBand, Doneness, DonenessLane, EpochState, Placed, SavedEpoch, UserMark
from trainer.text import plural

MARKS = {"under": "u", "right": "R", "over": "o", "best": "*", "favourite": "+"}
"""What the user said -> the sign that stands for it on the axis."""

BAND_SIGN = "="


def lines(doneness: Doneness) -> tuple[str, ...]:
    """Return where every epoch stands, the band, the evidence of each run of epochs, and the user's verdicts.

    Texts are our own; nothing in them comes from outside.
    """
    if not doneness.epochs:
        return (band_line(doneness),)
    return (
        *_table(doneness),
        "",
        band_line(doneness),
        *((doneness.noise,) if doneness.noise else ()),
        *(line for lane in doneness.lanes for line in _about(lane, doneness.epochs)),
        *(("", *(mark.words for mark in doneness.marks)) if doneness.marks else ()),
    )


def band_line(doneness: Doneness) -> str:
    """Return the band to aim for in one line, or why there is none."""
    band = doneness.band
    if band is None:
        return doneness.no_band
    first, last = doneness.epochs[band.first], doneness.epochs[band.last]
    note = f"; it {doneness.no_band}" if doneness.no_band else ""
    parts = [lane for lane in band.lanes if lane != MEMORIZATION]
    signs = f", no sign of {MEMORIZATION}" if MEMORIZATION in band.lanes else ""
    return (
        f"aim for {epochs_text(first, last)} ({_width(band, first, last)}): done in {' and '.join(parts)}{signs}{note}"
    )


def legend(doneness: Doneness) -> str:
    """Return what the letters mean that are on the lanes: `r raw · f forming · D done`."""
    used = {placed.state for lane in doneness.lanes for placed in lane.epochs}
    return " · ".join(f"{letter} {state.value}" for state, letter in LETTERS.items() if state in used)


def shown_text(epoch: SavedEpoch) -> str:
    """Return how often a picture was shown by an epoch: `40`, or `20–80` where repeats differ; "" where it is not known."""
    if epoch.exposures is None:
        return ""
    least, most = epoch.exposures
    return f"{least:,}" if least == most else f"{least:,}–{most:,}"


def shown_words(epoch: SavedEpoch) -> str:
    """Return the same in words: `each picture shown 20–80 times`, `each picture shown once`; "" where it is not known."""
    text = shown_text(epoch)
    return text and f"each picture shown {'once' if text == '1' else f'{text} times'}"


def mark_signs(marks: Sequence[UserMark], place: int) -> str:
    """Return the signs of what the user said of an epoch, each once."""
    return "".join(dict.fromkeys(MARKS[mark.said] for mark in marks if mark.place == place))


def mark_words(doneness: Doneness) -> str:
    """Return what the signs of the user's verdicts mean that are on the axis: `you: u under · R right`; "" without any."""
    used = {mark.said for mark in doneness.marks}
    found = " · ".join(f"{sign} {said}" for said, sign in MARKS.items() if said in used)
    return f"you: {found}" if found else ""


def evidence(placed: Placed) -> tuple[str, ...]:
    """Return the evidence of an epoch in a lane: what was found, then its other numbers in one line."""
    found = tuple(finding.words for finding in placed.findings if finding.is_there)
    calm = tuple(finding.words for finding in placed.findings if not finding.is_there)
    return (*found, *calm, *((", ".join(placed.facts),) if placed.facts else ()))


def _width(band: AimedBand, first: SavedEpoch, last: SavedEpoch) -> str:
    if band.epochs == 1:
        return f"step {first.step:,} alone"
    return f"steps {first.step:,} to {last.step:,}: {plural(band.steps, 'step')} wide, {plural(band.epochs, 'epoch')}"


def _table(doneness: Doneness) -> list[str]:
    """Return the axis with the lanes under it, a column for each epoch."""
    epochs, band = doneness.epochs, doneness.band
    places = range(len(epochs))
    rows = [("epoch", [epoch.label for epoch in epochs]), ("step", [f"{epoch.step:,}" for epoch in epochs])]
    if any(epoch.exposures for epoch in epochs):
        rows.append(("each picture shown", [shown_text(epoch) for epoch in epochs]))
    rows += [(lane.title, [LETTERS[placed.state] for placed in lane.epochs]) for lane in doneness.lanes if lane.epochs]
    if band is not None:
        rows.append(("aim for", [BAND_SIGN if band.first <= place <= band.last else "" for place in places]))
    if doneness.marks:
        rows.append(("you call", [mark_signs(doneness.marks, place) for place in places]))
    width = max(len(cell) for _, cells in rows for cell in cells)
    head = max(len(name) for name, _ in rows)
    table = [f"{name:<{head}}  {' '.join(f'{cell:>{width}}' for cell in cells)}".rstrip() for name, cells in rows]
    return [*table, " " * head + "  " + "   ".join(filter(None, (legend(doneness), mark_words(doneness))))]


def _about(lane: DonenessLane, epochs: Sequence[SavedEpoch]) -> list[str]:
    found = ["", lane.title, *(f"  {line}" for line in lane.missing)]
    for state, first, last in lane.runs:
        if state is EpochState.UNKNOWN:
            continue
        found.append(f"  {epochs_text(epochs[first], epochs[last])}: {state.value}")
        # The evidence of a run is that of its last epoch; where it goes over, that of the first.
        shown = first if state in (EpochState.OVER, EpochState.MILD, EpochState.STRONG) else last
        found += [f"    {line}" for line in evidence(lane.epochs[shown])]
    return found

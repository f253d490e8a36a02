"""Bands of a ladder: the epochs at which every lane of doneness is done, bake by bake, and how wide they are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from trainer.doneness.band import epochs_text
from trainer.doneness.read import doneness_of
from trainer.doneness.record import Doneness, EpochState, LaneKind, SavedEpoch
from trainer.errors import LoraTuiError
from trainer.journal.journal import Journal
from trainer.ladders.measures import BAND_EPOCHS, BAND_STEPS
from trainer.ladders.readings import LadderReadings
from trainer.ladders.rung_values import MeasureOverRungs
from trainer.text import plural, printable
from trainer.workspace import Workspace


@dataclass(frozen=True)
class BakeBand:
    """The band of one bake.

    Attributes:
        rung, bake: whose.
        first, last: the band's epochs, None where no epoch is in it.
        steps, epochs: how wide it is; 0 where no epoch is in it.
        of: how many epochs the bake has saved.
        spacing: most steps from one saved epoch to the next.
        is_open: whether it reaches the last epoch, so that it may be wider.
        lanes: where each lane stands, in words: `U-Net done in epochs 4–6`.
        is_decided: whether any lane of a part may decide a band; validation alone does not.
    """

    rung: int
    bake: int
    first: SavedEpoch | None
    last: SavedEpoch | None
    steps: int
    epochs: int
    of: int
    spacing: int
    is_open: bool
    lanes: tuple[str, ...]
    is_decided: bool = True


def bands_of_rungs(journal: Journal, workspace: Workspace, readings: LadderReadings) -> tuple[BakeBand, ...]:
    """Return the band of each bake of which a lane is placed, by rung and twin; one whose doneness cannot be read is left out."""
    found = []
    for rung, bakes in readings.rungs.items():
        for bake in bakes:
            if readings.bakes[bake].state.live:
                continue
            try:
                doneness = doneness_of(journal, workspace, bake)
            except LoraTuiError:
                # The bake itself says what is wrong with it.
                continue
            if (band := band_of_bake(rung, doneness)) is not None:
                found.append(band)
    return tuple(found)


def band_of_bake(rung: int, doneness: Doneness) -> BakeBand | None:
    """Return the band of a bake; None where no lane of a part is placed."""
    placed = [lane for lane in doneness.lanes if lane.is_measured and lane.kind is not LaneKind.MEMORIZED]
    if not placed:
        return None
    epochs, band = doneness.epochs, doneness.band
    steps = [0, *(epoch.step for epoch in epochs)]
    return BakeBand(
        rung=rung,
        bake=doneness.bake,
        first=None if band is None else epochs[band.first],
        last=None if band is None else epochs[band.last],
        # The step of the epoch before is one place on.
        steps=0 if band is None else steps[band.last + 1] - steps[band.first],
        epochs=0 if band is None else band.epochs,
        of=len(epochs),
        spacing=max((after - before for before, after in pairwise(steps)), default=0),
        is_open=band is not None and band.last == len(epochs) - 1,
        lanes=tuple(_lanes(doneness)),
        is_decided=any(lane.bands for lane in placed),
    )


def band_measures(readings: LadderReadings, bands: Sequence[BakeBand]) -> tuple[MeasureOverRungs, ...]:
    """Return how wide the bands are, as measures; none where no bake has one."""
    decided = [band for band in bands if band.is_decided]
    if not any(band.epochs for band in decided):
        return ()
    steps = {band.bake: float(band.steps) for band in decided}
    epochs = {band.bake: float(band.epochs) for band in decided}
    return (
        readings.with_values(BAND_STEPS, steps, grain=max(band.spacing for band in decided)),
        readings.with_values(BAND_EPOCHS, epochs, grain=1.0),
    )


def band_lines(labels: Sequence[str], bands: Sequence[BakeBand]) -> Iterator[str]:
    """Yield where each rung is done, a line each: `doneness at ×1: epochs 4–6 of 6 (bake 3), …`, and where it ends too early to say.

    Args:
        labels: of the ladder's rungs.
        bands: of its bakes.
    """
    of_rungs: dict[int, list[BakeBand]] = {}
    for band in bands:
        of_rungs.setdefault(band.rung, []).append(band)
    for rung, here in of_rungs.items():
        places = "; ".join(f"{_band_text(band)} (bake {band.bake}: {', '.join(band.lanes)})" for band in here)
        yield f"doneness at {printable(labels[rung], 60)}: {places}"
    if any(band.is_open for band in bands):
        open_at = dict.fromkeys(printable(labels[band.rung], 60) for band in bands if band.is_open)
        yield f"the band reaches the last epoch at {', '.join(open_at)}: it may be wider than was seen, longer bakes would show it"


def _band_text(band: BakeBand) -> str:
    if band.first is None or band.last is None:
        return f"no epoch of {band.of:,} in every lane" if band.is_decided else "no band by validation alone"
    at_least = "at least " if band.is_open else ""
    return (
        f"{epochs_text(band.first, band.last)} of {band.of:,}, {at_least}{plural(band.steps, 'step')} and"
        f" {plural(band.epochs, 'epoch')} wide"
    )


def _lanes(doneness: Doneness) -> Iterator[str]:
    """Yield where each lane of a part is done, or what it is at its end."""
    for lane in doneness.lanes:
        if not lane.is_measured or lane.kind is LaneKind.MEMORIZED:
            continue
        done = next((run for run in lane.runs if run[0] is EpochState.DONE), None)
        if done is None:
            yield f"{lane.title} {lane.epochs[-1].state.value}"
        else:
            yield f"{lane.title} done in {epochs_text(doneness.epochs[done[1]], doneness.epochs[done[2]])}"

"""The band to aim for: the epochs at which every lane that was placed is done, and the words for where there is none."""

from collections.abc import Sequence
from itertools import groupby

from trainer.doneness.record import AIMED_AT, AimedBand, DonenessLane, EpochState, LaneKind, SavedEpoch


def band_of(lanes: Sequence[DonenessLane], epochs: Sequence[SavedEpoch]) -> tuple[AimedBand | None, str]:
    """Return the band, the longest of several, and what should be known of it: why there is none, or what it leaves out.

    Args:
        lanes: of the bake.
        epochs: the axis.
    """
    deciding = [lane for lane in lanes if lane.bands and lane.is_measured]
    if not any(lane.kind is not LaneKind.MEMORIZED for lane in deciding):
        why = "; ".join(f"{lane.title} {_undecided(lane)}" for lane in lanes if lane.kind is not LaneKind.MEMORIZED)
        return None, f"no band: no part's lane decides one ({why})"
    aimed = [all(lane.epochs[place].state in AIMED_AT for lane in deciding) for place in range(len(epochs))]
    runs = [[place for place, _ in run] for is_aimed, run in groupby(enumerate(aimed), lambda one: one[1]) if is_aimed]
    if not runs:
        return (
            None,
            f"no band: no epoch is done in every lane ({'; '.join(map(_where, deciding, [epochs] * len(deciding)))})",
        )
    places = max(runs, key=len)
    titles = tuple(lane.title for lane in deciding)
    band = AimedBand(places[0], places[-1], titles, epochs[places[-1]].step - epochs[places[0]].step)
    left_out = [
        lane.title if lane.kind is LaneKind.MEMORIZED else f"the {lane.title}" for lane in lanes if lane not in deciding
    ]
    notes = [f"says nothing of {' and '.join(left_out)}"] if left_out else []
    if places[-1] == len(epochs) - 1:
        notes.append("reaches the last epoch, so it may continue past it")
    return band, "; it ".join(notes)


def epochs_text(first: SavedEpoch, last: SavedEpoch) -> str:
    """Return `epoch 5`, or `epochs 5–7`."""
    if first == last:
        return first.title
    if first.ends_epoch and last.ends_epoch:
        return f"epochs {first.epoch}–{last.epoch}"
    return f"{first.title} to {last.title}"


def _undecided(lane: DonenessLane) -> str:
    return "is placed by validation alone" if lane.is_measured else "is not placed"


def _where(lane: DonenessLane, epochs: Sequence[SavedEpoch]) -> str:
    """Return where a lane is done, or what it is instead: `U-Net is done in epochs 4–5`."""
    for state, first, last in lane.runs:
        if state in AIMED_AT:
            is_in = "is done in" if state is EpochState.DONE else "has no sign in"
            return f"{lane.title} {is_in} {epochs_text(epochs[first], epochs[last])}"
    return f"{lane.title} goes {', '.join(dict.fromkeys(state.value for state, _, _ in lane.runs if state is not EpochState.UNKNOWN))}"

"""Doneness of one bake, from what is known of it: lanes, the band, the user's verdicts."""

from collections.abc import Iterable, Sequence

from trainer.doneness.band import band_of
from trainer.doneness.lanes import lane_of_part, rest_of
from trainer.doneness.measured import MeasuredBake
from trainer.doneness.memorization_lane import memorization_lane
from trainer.doneness.record import Doneness, SavedEpoch
from trainer.doneness.series import FloorOf
from trainer.doneness.verdicts import Verdict, marks_of
from trainer.journal.measure_records import MeasuredValue
from trainer.settings.parts import Part

NOTHING_SAVED = "no LoRA is saved yet"
"""What is said of a bake without an epoch."""


def place(
    bake: int,
    epochs: Sequence[SavedEpoch],
    values: Iterable[MeasuredValue],
    parts: Sequence[Part],
    floor_of: FloorOf,
    *,
    verdicts: Iterable[Verdict] = (),
    best_step: int | None = None,
    running: bool = False,
    of_another_folder: bool = False,
) -> Doneness:
    """Return where each epoch stands.

    Args:
        bake: its number.
        epochs: the axis, by step.
        values: all that was measured of it.
        parts: those that it trains, the predicting one first.
        floor_of: what is known of the noise between bakes.
        verdicts: the user's, on pictures of its LoRAs.
        best_step: step of the epoch that the user calls the best.
        running: whether more epochs may come.
        of_another_folder: see memorization_lane.
    """
    measured = MeasuredBake(values, [epoch.step for epoch in epochs], floor_of)
    rest = rest_of(parts, measured)
    lanes = [lane_of_part(part, measured, epochs, rest) for part in parts]
    lanes.append(memorization_lane(measured, epochs, of_another_folder=of_another_folder))
    band, note = band_of(lanes, epochs) if epochs else (None, NOTHING_SAVED)
    return Doneness(
        bake,
        tuple(epochs),
        tuple(lanes),
        band,
        note,
        marks_of(verdicts, best_step, lanes, epochs),
        measured.noise_words,
        running,
    )

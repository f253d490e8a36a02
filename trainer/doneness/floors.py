"""The noise of a bake's values between bakes, as series ask for it."""

from trainer.doneness.series import FloorOf
from trainer.journal.journal import Journal
from trainer.journal.measure_records import MeasuredValue
from trainer.noise_floor.record import Floor


def floors_of(journal: Journal, number: int) -> FloorOf:
    """Return what is known of the noise of a bake's values."""

    def floor_of(value: MeasuredValue) -> Floor | None:
        return None

    return floor_of

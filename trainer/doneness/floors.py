"""The noise of a bake's values between bakes, as series ask for it."""

from trainer.doneness.series import FloorOf
from trainer.journal.journal import Journal
from trainer.journal.measure_records import MeasuredValue
from trainer.measures.of_curves import VALIDATION_CHANGE
from trainer.measures.of_validation import HELD_OUT_CHANGE
from trainer.noise_floor.floors import NoiseFloors
from trainer.noise_floor.record import Floor
from trainer.noise_floor.values import ValueKey


def floors_of(journal: Journal, number: int, *, plain_validation: bool) -> FloorOf:
    """Return what is known of the noise of a bake's values.

    Args:
        journal: whose.
        number: of the bake.
        plain_validation: whether its values of held-out pictures are those that every validation gives.
    """
    noise = NoiseFloors(journal)

    def floor_of(value: MeasuredValue) -> Floor | None:
        name = VALIDATION_CHANGE if plain_validation and value.name == HELD_OUT_CHANGE else value.name
        return noise.floor_of([number], ValueKey(name, value.part, value.scope), value.step)

    return floor_of

"""What the noise says of the epochs of one bake: its lowest validation loss against another epoch's, and against the base's."""

from collections.abc import Sequence

from trainer.journal.journal import Journal
from trainer.journal.records import Checkpoint
from trainer.measures.of_curves import VALIDATION_CHANGE, VALIDATION_LOSS
from trainer.noise_floor.floors import NoiseFloors
from trainer.noise_floor.record import Compared, Standing
from trainer.noise_floor.values import ValueKey
from trainer.noise_floor.words import words


def lowest_in_words(journal: Journal, bake: int, checkpoints: Sequence[Checkpoint]) -> str:
    """Return what the lowest validation loss of a bake is worth, a line each: `against step 240: inside the noise`.

    Args:
        journal, bake: whose.
        checkpoints: its saved LoRAs, newest first.

    Returns:
        "" without validation.
    """
    known = [saved for saved in checkpoints if saved.val is not None]
    lowest = min(known, key=lambda saved: (saved.val, saved.step), default=None)
    if lowest is None:
        return ""
    floors = NoiseFloors(journal)
    told: dict[str, Compared] = {}
    other = next((saved for saved in known if saved.step != lowest.step), None)
    if other is not None:
        between = floors.compare_epochs(bake, ValueKey(VALIDATION_LOSS), other.step, lowest.step)
        told |= {f"step {other.step:,}": between} if between is not None else {}
    base = floors.compare_with_base(bake, ValueKey(VALIDATION_CHANGE), lowest.step)
    told |= {"the base": base} if base is not None else {}
    if told and all(each.standing is Standing.UNKNOWN for each in told.values()):
        return words(next(iter(told.values())))
    return "\n".join(f"against {what}: {words(each)}" for what, each in told.items())

"""The values of two bakes beside each other, and the noise of one bake's, measure by measure."""

from collections.abc import Iterator
from dataclasses import dataclass

from trainer.errors import WorkspaceError
from trainer.journal.journal import Journal
from trainer.measures.record import MeasureRecord
from trainer.measures.registry import MEASURES
from trainer.noise_floor.floors import NoiseFloors
from trainer.noise_floor.record import Compared, Floor
from trainer.noise_floor.spread import Spread
from trainer.noise_floor.together import Together, together
from trainer.noise_floor.values import ValueKey


@dataclass(frozen=True)
class ValuePair:
    """One value of two bakes.

    Attributes:
        key: what it is of.
        record: its measure.
        first, second: the two values.
        compared: their difference against its noise.
    """

    key: ValueKey
    record: MeasureRecord
    first: float
    second: float
    compared: Compared


@dataclass(frozen=True)
class SideBySide:
    """Two bakes in all values that both have.

    Attributes:
        first_step, second_step: steps in the LoRAs compared.
        pairs: by measure, part and scope.
        together: what they say as a whole; of the values of whole parts, not of blocks, folders and bands.
    """

    first_step: int
    second_step: int
    pairs: tuple[ValuePair, ...]
    together: Together


@dataclass(frozen=True)
class NoiseOfValue:
    """The noise of one value of a bake.

    Attributes:
        key, record: what it is of.
        value: of the bake itself.
        floor: its noise, None where it is not known.
        spread: what its own twins say, source by source.
    """

    key: ValueKey
    record: MeasureRecord
    value: float
    floor: Floor | None
    spread: Spread


def side_by_side(
    journal: Journal, first: int, second: int, first_step: int | None = None, second_step: int | None = None
) -> SideBySide | None:
    """Return two bakes in all values that both have; None where they have none in common.

    Args:
        journal: whose.
        first, second: their numbers.
        first_step, second_step: of which epochs; None for the last step at which both were measured, since noise is known
            of bakes after the same steps; where there is none, for the last that was measured.

    Raises:
        WorkspaceError: no bake has that number.
    """
    names = [name for name, record in MEASURES.items() if record.compared]
    floors = NoiseFloors(journal, MEASURES)
    one, other = floors.last_step(first, names), floors.last_step(second, names)
    if one is None or other is None:
        return None
    both = min(one, other)
    for at_one, at_other in ((both, both), (one, other)):
        steps = (at_one if first_step is None else first_step, at_other if second_step is None else second_step)
        pairs = tuple(_pairs(floors, (first, steps[0]), (second, steps[1]), names))
        if pairs:
            return SideBySide(*steps, pairs, together([each.compared for each in pairs if not each.key.scope]))
    return None


def noise_of(journal: Journal, bake: int, step: int | None = None) -> tuple[int, tuple[NoiseOfValue, ...]]:
    """Return the step, and the noise of each value that a bake has there.

    Args:
        journal, bake: whose.
        step: of which epoch; None for the last that was measured.

    Raises:
        WorkspaceError: no bake has that number, or nothing of it was measured there.
    """
    names = [name for name, record in MEASURES.items() if record.compared]
    floors = NoiseFloors(journal, MEASURES)
    at = step if step is not None else floors.last_step(bake, names)
    found = tuple(_noises(floors, bake, at, names)) if at is not None else ()
    if at is None or not found:
        where = "" if step is None else f" at step {step}"
        raise WorkspaceError(
            f"bake {bake}",
            found=f"nothing of it was measured{where}",
            expected="a bake with a saved LoRA" if step is None else "the step of a saved LoRA",
            way_out=f"`lora-tui show {bake}` lists its epochs",
        )
    return at, found


def _pairs(
    floors: NoiseFloors, first: tuple[int, int], second: tuple[int, int], names: list[str]
) -> Iterator[ValuePair]:
    for name in names:
        for key in floors.keys(first[0], name):
            one, other = floors.value(first[0], key, first[1]), floors.value(second[0], key, second[1])
            if one is None or other is None:
                continue
            compared = floors.compare([first[0]], [second[0]], key, first[1], second[1])
            if compared is not None:
                yield ValuePair(key, MEASURES[name], one, other, compared)


def _noises(floors: NoiseFloors, bake: int, step: int, names: list[str]) -> Iterator[NoiseOfValue]:
    for name in names:
        for key in floors.keys(bake, name):
            if (value := floors.value(bake, key, step)) is not None:
                noise = floors.floor_of([bake], key, step)
                yield NoiseOfValue(key, MEASURES[name], value, noise, floors.spread(bake, key, step))

"""The parts of a LoRA that are switched on and off to see what each does: one by one, and the text encoders against the rest."""

from collections.abc import Sequence

from trainer.measures.of_parts import ENCODERS
from trainer.settings.parts import Part, is_encoder

TIMES = 4
"""Times that a picture is predicted at, spread over the schedule; all pictures' together are spread evenly."""


def groups_of(parts: Sequence[Part]) -> tuple[tuple[Part, ...], ...]:
    """Return a LoRA's parts as those that carry or are carried: what is no text encoder, and the text encoders; without empty ones."""
    rest = tuple(part for part in parts if not is_encoder(part))
    encoders = tuple(part for part in parts if is_encoder(part))
    return tuple(group for group in (rest, encoders) if group)


def group_name(group: Sequence[Part]) -> Part:
    """Return the part that the values of a group are about: its only one, or ENCODERS."""
    return group[0] if len(group) == 1 else ENCODERS


def named_groups(parts: Sequence[Part]) -> dict[Part, tuple[Part, ...]]:
    """Return what is switched on and off: each part by itself, and all encoders at once where there are several."""
    return {part: (part,) for part in parts} | {group_name(group): group for group in groups_of(parts)}


def passes_of(parts: Sequence[Part]) -> int:
    """Return how many predictions of a picture at one time a measurement takes, without the base's, which is kept."""
    every = frozenset(parts)
    sets = {frozenset(group) for group in named_groups(parts).values()}
    return len({every, *sets, *(every - one for one in sets)} - {frozenset()})

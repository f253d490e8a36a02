"""kohya's names of LoRA modules, as each family's record makes them; free of torch."""

import re
from collections.abc import Collection, Iterable
from itertools import chain

from trainer.families.record import PartRecord
from trainer.families.registry import FAMILIES, family_record, known_parts
from trainer.settings.parts import Family, Part


def kohya_name(part: Part, path: str, family: Family) -> str:
    """Return the LoRA module name of the module at `path`.

    On SDXL the U-Net's modules have the names of Stability's own code (`input_blocks_4_1_…`), on SD1.x those of diffusers.

    Args:
        part: which model the module belongs to; one of parts_of(family).
        path: dotted path inside the U-Net (diffusers' names) or the text encoder, with or without the leading `text_model.`.
        family: the base's architecture.
    """
    record = family_record(family)
    return record.module_name(record.part(part), path)


class ModuleNames:
    """Our names of the modules of a base, or of a network on it, and what LoRA files call them.

    Files differ in this: some tools call SD1.x's text encoder `lora_te1_`, and the U-Net's blocks may have the names of
    diffusers or those of the original code, whichever the family does not use.

    Args:
        family: the base's architecture.
        known: kohya_name of each module.
    """

    def __init__(self, family: Family, known: Iterable[str]) -> None:
        self.family = family
        self.known = frozenset(known)

    def own(self, name: str) -> str:
        """Return the module name that kohya_name gives for one found in a LoRA file, as lora_keys.parse_key gives it."""
        return name if name in self.known else family_record(self.family).file_name(name, self.known)


def part_of(name: str) -> Part | None:
    """Return the part a LoRA module name belongs to, whatever the family; None for a name of another architecture."""
    found = part_with(name)
    return None if found is None else found.key


def part_with(name: str) -> PartRecord | None:
    """Return the record of that part; where several have the prefix, of the one whose names go on like this."""
    parts = [part for record in FAMILIES.values() for part in record.parts]
    by_name = (part for part in parts if part.lora_names and re.match(part.lora_names, name))
    by_prefix = (part for part in parts if not part.lora_names and name.startswith(part.lora_prefix))
    return next(chain(by_name, by_prefix), None)


def parts_in(names: Iterable[str]) -> tuple[Part, ...]:
    """Return the parts that LoRA modules of these names belong to, the predicting one first."""
    found = {part_of(name) for name in names}
    return tuple(part for part in known_parts() if part in found)


def families_named(names: Collection[str]) -> tuple[Family, ...]:
    """Return those of families_with in whose words the names go on behind their prefix, for at least one module of each part."""
    found: dict[Part, bool] = {}
    for name in names:
        if (part := part_with(name)) is not None:
            known = part.groups.of(name.removeprefix(part.lora_prefix)) != part.groups.other
            found[part.key] = found.get(part.key, False) or known
    return families_with(names) if all(found.values()) else ()


def families_with(names: Iterable[str]) -> tuple[Family, ...]:
    """Return the families that have every part which LoRA modules of these names belong to; none where a name is of no part."""
    parts = {part_of(name) for name in names}
    return tuple(record.key for record in FAMILIES.values() if parts and parts <= {part.key for part in record.parts})

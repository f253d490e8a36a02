"""The families of base models that are known here, and their parts by name."""

from trainer.families.record import FamilyRecord, PartRecord
from trainer.families.sd1 import SD1
from trainer.families.sdxl import SDXL

FAMILIES: dict[str, FamilyRecord] = {record.key: record for record in (SD1, SDXL)}
"""Family key to its record. A new family is one more record here; it is read anew at each question."""


def family_record(key: str) -> FamilyRecord:
    """Return the record of a family.

    Raises:
        KeyError: there is no family of that key.
    """
    return FAMILIES[key]


def part_record(key: str) -> PartRecord:
    """Return the record of a part, from the first family that has it.

    Raises:
        KeyError: no family has such a part.
    """
    for record in FAMILIES.values():
        for part in record.parts:
            if part.key == key:
                return part
    raise KeyError(key)


def known_parts() -> tuple[str, ...]:
    """Return the keys of all families' parts, each once, those of the earlier families first."""
    return tuple(dict.fromkeys(part.key for record in FAMILIES.values() for part in record.parts))

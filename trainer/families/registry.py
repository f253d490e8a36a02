"""The families of base models that are known here, and their parts by name."""

import importlib
from typing import Any

from trainer.families.record import FamilyRecord, PartRecord

MODULES = (
    "trainer.families.sd1.record",
    "trainer.families.sdxl.record",
    "trainer.families.anima.record",
)
"""Modules that hold the record of a family as `FAMILY`. A new family is one more line here."""

FAMILIES: dict[str, FamilyRecord] = {}
"""Family key to its record, in the order of MODULES; it is read again at each question."""


def add_family(module: str) -> None:
    """Know the family whose record a module holds; one that is known stays.

    Args:
        module: dotted name.
    """
    record: FamilyRecord = importlib.import_module(module).FAMILY
    FAMILIES.setdefault(record.key, record)


for _module in MODULES:
    add_family(_module)


def family_record(key: str) -> FamilyRecord:
    """Return the record of a family.

    Raises:
        KeyError: there is no family of that key.
    """
    return FAMILIES[key]


def first_family() -> FamilyRecord:
    """Return the record of the family that stands for all where no base is known yet."""
    return next(iter(FAMILIES.values()))


def titles(joined: str = "or") -> str:
    """Return the families' titles in words, the last one joined by `or` or `and`: `SD1.x or SDXL`."""
    *others, last = (record.title for record in FAMILIES.values())
    return f"{', '.join(others)} {joined} {last}" if others else last


def named(place: str) -> Any:
    """Return the function that a record names as `module:function`."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


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


def component_settings() -> tuple[str, ...]:
    """Return the settings that name files of their own for parts of a base, of all families, each once."""
    return tuple(dict.fromkeys(name for record in FAMILIES.values() for name in record.components))


def known_parts() -> tuple[str, ...]:
    """Return the keys of all families' parts, each once, those of the earlier families first."""
    return tuple(dict.fromkeys(part.key for record in FAMILIES.values() for part in record.parts))

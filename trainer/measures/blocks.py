"""Part and block group of a LoRA's modules, and the order in which groups are shown."""

import re
from collections.abc import Iterable

from trainer.families.registry import known_parts, part_record
from trainer.models.kohya_names import part_with

OTHER = "other"
"""The part of a module that no known family has, and what it is called."""

_NUMBER = re.compile(r"(\d+)")


def block_of(module: str) -> tuple[str, str]:
    """Return the part and the block group of a module by its name in kohya's form, whichever program wrote the file."""
    part = part_with(module)
    return (OTHER, "") if part is None else (part.key, part.groups.of(module.removeprefix(part.lora_prefix)))


def by_scope(modules: Iterable[str]) -> dict[tuple[str, str], list[str]]:
    """Return the modules of the whole, of each part and of each of its block groups, by part and group, "" for all."""
    members: dict[tuple[str, str], list[str]] = {("", ""): []}
    for name in modules:
        part, group = block_of(name)
        # A module of no known family is in no group.
        for scope in dict.fromkeys([("", ""), (part, ""), (part, group)]):
            members.setdefault(scope, []).append(name)
    return members


def ordered_groups(part: str, groups: Iterable[str]) -> list[str]:
    """Return block groups of a part in the order in which they are shown."""
    order = part_record(part).groups.order if part in known_parts() else ()
    known = {group: place for place, group in enumerate(order)}

    def key(group: str) -> tuple[int, list[tuple[int, str]]]:
        words = [(int(each), "") if each.isdecimal() else (-1, each) for each in _NUMBER.split(group)]
        return known.get(group, len(known)), words

    return sorted(set(groups), key=key)


def ordered_scopes(scopes: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return parts and block groups in the order in which they are shown: the whole, then each part before its groups."""
    groups: dict[str, set[str]] = {}
    for part, group in scopes:
        groups.setdefault(part, set()).add(group)
    order = ["", *known_parts()]
    parts = sorted(groups, key=lambda part: order.index(part) if part in order else len(order))
    return [
        (part, group)
        for part in parts
        for group in [*([""] if "" in groups[part] else []), *ordered_groups(part, groups[part] - {""})]
    ]


def part_label(part: str) -> str:
    """Return what a part is called where people read; of all parts together `whole LoRA`."""
    if not part:
        return "whole LoRA"
    return part_record(part).label if part in known_parts() else part

"""What a picture's infotext or a trainer's file gives a subject: its trigger, and prompts and seeds of test pictures."""

import re
from collections.abc import Mapping

from trainer.interop.option_meaning import as_number, is_blank
from trainer.interop.options import OptionFate
from trainer.settings.subject import Subject

PROMPT, NEGATIVE, SEED, TRIGGER = "subject.prompt", "subject.negative_prompt", "subject.seed", "subject.trigger"
PROMPT_OPTIONS = (PROMPT, NEGATIVE, SEED, TRIGGER)
"""Options that belong to a subject and not to settings, beside `subject.prompts[…]` with any word for a place."""

_PROMPTS = re.compile(r"subject\.prompts\[([^\]]*)\]")

_NO_SUBJECT = "it belongs to a subject, and none is made: name one with --subject"


def is_of_subject(option: str) -> bool:
    """Return whether an option belongs to a subject."""
    return option in PROMPT_OPTIONS or _PROMPTS.fullmatch(option) is not None


def from_picture(
    options: Mapping[str, object], subject: Subject | None
) -> tuple[dict[str, OptionFate], Subject | None]:
    """Return the fates of a picture's prompts and seed, and the subject with them."""
    given = {name: value for name, value in options.items() if is_of_subject(name) and not is_blank(value)}
    if subject is None:
        return {name: OptionFate("without effect", why=_NO_SUBJECT) for name in given}, None
    fates: dict[str, OptionFate] = {}
    changes: dict[str, object] = {}
    for name, value in given.items():
        key, made = _in_subject(name, value)
        if made is None:
            fates[name] = OptionFate("without effect", why="not a whole number from 0")
            continue
        before = changes.get(key)
        changes[key] = {**before, **made} if isinstance(before, dict) and isinstance(made, dict) else made
        fates[name] = OptionFate("taken", {f"{key} of the subject": value})
    return fates, subject.model_copy(update=changes)


def _in_subject(name: str, value: object) -> tuple[str, object]:
    if name == PROMPT:
        return "prompts", {"picture": str(value)}
    if match := _PROMPTS.fullmatch(name):
        place = f"{int(match[1]) + 1}" if match[1].isdecimal() and len(match[1]) < 10 else match[1]
        return "prompts", {f"sample {place}": str(value)}
    if name == TRIGGER:
        return "trigger", str(value)
    if name == NEGATIVE:
        return "negative_prompt", str(value)
    seeds = [as_number(each) for each in (value if isinstance(value, list) else [value])]
    whole = [int(seed) for seed in seeds if seed is not None and seed >= 0 and seed.is_integer()]
    return "seeds", whole if len(whole) == len(seeds) else None

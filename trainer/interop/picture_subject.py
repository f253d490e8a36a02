"""What a picture's infotext gives a subject: prompts and seeds of test pictures."""

from collections.abc import Mapping

from trainer.interop.option_rules import as_number, is_blank
from trainer.interop.options import OptionFate
from trainer.settings.subject import Subject

PROMPT, NEGATIVE, SEED = "subject.prompt", "subject.negative_prompt", "subject.seed"
PROMPT_OPTIONS = (PROMPT, NEGATIVE, SEED)
"""Options that belong to a subject and not to settings."""

_NO_SUBJECT = "it belongs to a subject, and none is made: name one with --subject"


def from_picture(
    options: Mapping[str, object], subject: Subject | None
) -> tuple[dict[str, OptionFate], Subject | None]:
    """Return the fates of a picture's prompts and seed, and the subject with them."""
    given = {name: options[name] for name in PROMPT_OPTIONS if not is_blank(options.get(name))}
    if subject is None:
        return {name: OptionFate("without effect", why=_NO_SUBJECT) for name in given}, None
    fates: dict[str, OptionFate] = {}
    changes: dict[str, object] = {}
    for name, value in given.items():
        key, made = _in_subject(name, value)
        if made is None:
            fates[name] = OptionFate("without effect", why="not a whole number from 0")
            continue
        changes[key] = made
        fates[name] = OptionFate("taken", {f"{key} of the subject": value})
    return fates, subject.model_copy(update=changes)


def _in_subject(name: str, value: object) -> tuple[str, object]:
    if name == PROMPT:
        texts = value if isinstance(value, list) else [value]
        names = ["picture"] if len(texts) == 1 else [f"picture {number}" for number in range(1, len(texts) + 1)]
        return "prompts", dict(zip(names, map(str, texts), strict=True))
    if name == NEGATIVE:
        return "negative_prompt", str(value)
    seed = as_number(value)
    return "seeds", [int(seed)] if seed is not None and seed >= 0 and seed.is_integer() else None

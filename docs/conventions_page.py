"""Prints docs/conventions.md, from the records of all families of bases: `make docs`."""

from collections.abc import Iterator

from trainer.families.conventions import CaptionConvention
from trainer.families.registry import FAMILIES

_HEAD = """\
<!-- Made by `make docs` from the records of trainer/families; change them there. -->

# Caption conventions

A base knows the words it was trained with, in the order it was trained with. These are the conventions that are known here, each with its sources; which one your base follows is yours to say.

    lora-tui captions convention
    lora-tui captions convention booru --dry-run
    lora-tui captions convention booru --yes

The first command lists those of the base that the settings name. A convention changes captions in these ways and in no other:

- underscores become blanks, but where the convention keeps them and in faces (`>_<`); brackets lose their backslashes, since captions are no prompts; repeated tags go;
- the trigger goes to the front, the other tags follow by their kinds, those of one kind in the order they have;
- captions that read as sentences stay as they are.

Nothing is added: a score tag that every caption has teaches nothing, and which picture deserves one is yours to say. Which tags are characters, series and artists is known from a tagger's file, `--tags selected_tags.csv`; without it they keep their place among the rest. Like every edit, it is a step of the history: `lora-tui captions undo N`.

With `shuffle_caption` on, `keep_tokens` must be as large as the trigger has tags, or the trigger is moved too; the command says so where it is not.
"""


def page() -> str:
    """Return the page as Markdown."""
    parts = [_HEAD]
    for record in FAMILIES.values():
        parts.append(f"\n## {record.title}\n")
        for convention in record.conventions:
            parts += _lines(convention)
    return "".join(parts)


def _lines(convention: CaptionConvention) -> Iterator[str]:
    yield f"\n### `{convention.key}`: {convention.title}\n\n"
    yield f"Bases: {', '.join(convention.bases)}.\n"
    if convention.order:
        yield f"\nOrder: trigger, {', '.join(convention.order)}.\n"
    if convention.note:
        yield f"\n{convention.note[0].upper()}{convention.note[1:]}.\n"
    yield "\nSources:\n\n"
    yield from (f"- {source}\n" for source in convention.sources)


if __name__ == "__main__":
    print(page(), end="")

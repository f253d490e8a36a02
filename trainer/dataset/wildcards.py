"""Wildcards in captions: `{red|blue}` stands for one of the two, drawn each time; `{{` and `}}` are plain braces."""

import random
import re
from collections.abc import Iterator

# Braces are paired from the left before wildcards are looked for, as sd-scripts does: within a wildcard `}}` is a plain brace
# too. Nothing is given back (`++`), else `{a|b}}` would end at the first half of its pair.
_BRACES = re.compile(r"\{\{|\}\}|\{")
_WILDCARD = re.compile(r"\{((?:\}\}|[^}])++)\}")


def draw_wildcards(text: str, draws: random.Random | None) -> str:
    """Return `text` with one choice for each of its wildcards.

    Args:
        text: a caption.
        draws: makes the choices; None takes the first of each.
    """

    parts: list[str] = []
    at = 0
    for found, choices in _wildcards(text):
        parts.append(text[at : found.start()])
        parts.append(_plain(draws.choice(choices) if draws else choices[0]) if choices else found[0][0])
        at = found.end()
    return "".join((*parts, text[at:]))


def has_choice(text: str) -> bool:
    """Return whether `text` has a wildcard with several outcomes."""
    return any(len(set(choices)) > 1 for _, choices in _wildcards(text))


def _wildcards(text: str) -> Iterator[tuple[re.Match[str], list[str]]]:
    """Yield what is found of wildcards with their choices, and of pairs of braces with none."""
    at, may_close = 0, True
    while found := _BRACES.search(text, at):
        if found[0] != "{":
            yield found, []
        elif may_close and (wildcard := _WILDCARD.match(text, found.start())):
            found = wildcard
            yield found, found[1].split("|")
        else:
            # Behind one that is never closed no other is: it would be for each to look through all of the text again. `{}` is none.
            may_close = may_close and re.match(r"\}(?!\})", text[found.end() : found.end() + 2]) is not None
        at = found.end()


def _plain(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}")

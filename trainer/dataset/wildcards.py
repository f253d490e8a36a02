"""Wildcards in captions: `{red|blue}` stands for one of the two, drawn each time; `{{` and `}}` are plain braces."""

import random
import re

# Braces are paired from the left before wildcards are looked for, as sd-scripts does: within a wildcard `}}` is a plain brace
# too. Nothing is given back (`++`), else `{a|b}}` would end at the first half of its pair.
_WILDCARD = re.compile(r"\{\{|\}\}|\{((?:\}\}|[^}])++)\}")


def draw_wildcards(text: str, draws: random.Random | None) -> str:
    """Return `text` with one choice for each of its wildcards.

    Args:
        text: a caption.
        draws: makes the choices; None takes the first of each.
    """

    def choice(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0][0]
        choices = match[1].split("|")
        return _plain(draws.choice(choices) if draws else choices[0])

    return _WILDCARD.sub(choice, text)


def has_choice(text: str) -> bool:
    """Return whether `text` has a wildcard with several outcomes."""
    return any(match[1] is not None and len(set(match[1].split("|"))) > 1 for match in _WILDCARD.finditer(text))


def _plain(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}")

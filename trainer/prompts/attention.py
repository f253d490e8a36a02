r"""Which words of a prompt count how much? The webui's `(a)`, `[a]`, `(a:1.2)`, escapes and BREAK.

`(a)` counts a tenth more and `[a]` a tenth less (divided by 1.1), `(a:1.2)` exactly so much; what is nested multiplies. A
bracket that is never closed acts to the end, one that was never opened is text. `\(`, `\)`, `\[`, `\]` and `\\` stand for
themselves; any other backslash goes.
"""

import math
import re
from dataclasses import dataclass

from trainer.errors import GridError
from trainer.prompts.comments import without_comments
from trainer.text import printable

MAX_CHARACTERS = 20_000
"""Of one prompt: some sixty chunks, far beyond what a U-Net still tells apart."""

MAX_DEPTH = 100
"""Brackets within brackets."""

_STEP = 1.1


@dataclass(frozen=True)
class PromptPiece:
    """Words that count alike.

    Attributes:
        text: without brackets and escapes.
        weight: what the encoder's output of them is multiplied by; 1 leaves it.
    """

    text: str
    weight: float


@dataclass(frozen=True)
class Break:
    """Where `BREAK` stood: the chunk ends here."""


# Nothing is given back (`++`), else a long row of digits would be tried in every way to cut it.
_NUMBER = r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)"
_SIGNS = re.compile(rf"\\[()\[\]\\]|[\\()\[\]]|:\s*({_NUMBER})\s*\)|:|[^\\()\[\]:]+")
_BREAK = re.compile(r"\bBREAK\b")
_AND = re.compile(r"\bAND\b")
# Closed like a weight, made of a number's signs, and no number: `(a:1.2.3)`.
_NO_NUMBER = re.compile(rf":\s*(?!{_NUMBER}\s*\))([+-]?[.0-9]++)\s*\)")
_STRUCTURE = re.compile(r"\\.|[()\[\]:|]", re.DOTALL)
_CLOSES = {"(": ")", "[": "]"}
_STEPS = re.compile(rf"\s*{_NUMBER}(?:[eE][+-]?[0-9]+)?\s*")


def parse(text: str) -> tuple[PromptPiece | Break, ...]:
    """Return the words of a prompt with their weights, in their order, and where chunks end.

    Neighbours of one weight are one piece, whatever brackets they came from; empty ones are left out.

    Args:
        text: a prompt without LoRA tags, comments and all. What check refuses is taken for text.
    """
    words: list[str | None] = []  # None for a break
    weights: list[float] = []
    round_ones: list[int] = []
    square_ones: list[int] = []

    def multiply(start: int, factor: float) -> None:
        for index in range(start, len(weights)):
            weights[index] *= factor

    for match in _SIGNS.finditer(without_comments(text)):
        sign = match[0]
        if sign == "(":
            round_ones.append(len(words))
        elif sign == "[":
            square_ones.append(len(words))
        elif round_ones and match[1] is not None:
            multiply(round_ones.pop(), float(match[1]))
        elif round_ones and sign == ")":
            multiply(round_ones.pop(), _STEP)
        elif square_ones and sign == "]":
            multiply(square_ones.pop(), 1 / _STEP)
        else:
            words += _split(sign)
            weights += [1.0] * (len(words) - len(weights))
    for start in round_ones:
        multiply(start, _STEP)
    for start in square_ones:
        multiply(start, 1 / _STEP)
    return _merged(words, weights)


def _split(sign: str) -> list[str | None]:
    """Return text or an escape as the words it stands for, None for each BREAK in it."""
    if sign[0] == "\\":
        return [sign[1:]]
    first, *others = _BREAK.split(sign)
    parts: list[str | None] = [first]
    for other in others:
        parts[-1] = (parts[-1] or "").rstrip()
        parts += [None, other.lstrip()]
    return parts


def _merged(words: list[str | None], weights: list[float]) -> tuple[PromptPiece | Break, ...]:
    merged: list[PromptPiece | Break] = []
    for text, weight in zip(words, weights, strict=True):
        last = merged[-1] if merged else None
        if text is None:
            merged.append(Break())
        elif isinstance(last, PromptPiece) and last.weight == weight:
            merged[-1] = PromptPiece(last.text + text, weight)
        elif text:
            merged.append(PromptPiece(text, weight))
    return tuple(merged)


def check(text: str, where: str) -> None:
    """See that a prompt means here what it means in the webui.

    Args:
        text: a prompt without LoRA tags.
        where: what to call it in an error, such as `prompt`.

    Raises:
        GridError: it changes between steps (`[a:b:0.5]`, `[a|b]`), is composed (`a AND b`), has a weight that is no number,
            or is too long or too deep.
    """
    if len(text) > MAX_CHARACTERS:
        raise GridError(where, found=f"{len(text):,} characters", expected=f"at most {MAX_CHARACTERS:,}")
    plain = without_comments(text)
    if found := _AND.search(plain):
        raise GridError(
            where,
            found=f"AND, which composes pictures, in {printable(plain[max(0, found.start() - 20) : found.end() + 20])}",
            expected="one prompt",
            way_out="write `and` for the word; CLIP reads both alike",
        )
    if found := _NO_NUMBER.search(plain):
        raise GridError(
            where,
            found=f"weight {printable(found[1], 40)}",
            expected="a number, as in (a:1.2)",
            way_out=r"write \( and \) for the brackets themselves",
        )
    _check_brackets(plain, where)
    for piece in parse(text):
        if isinstance(piece, PromptPiece) and not math.isfinite(piece.weight):
            raise GridError(
                where,
                found=f"weight {piece.weight} of {printable(piece.text, 40)}",
                expected="a number that can be computed with",
            )


@dataclass
class _Open:
    """A bracket that is open: where it stands, and what was seen directly within it."""

    sign: str
    start: int
    colon: int | None = None
    bar: bool = False


def _check_brackets(plain: str, where: str) -> None:
    """See that no square brackets, closed and nested as they should be, change the prompt between steps."""
    stack: list[_Open] = []
    for match in _STRUCTURE.finditer(plain):
        sign, place = match[0], match.start()
        if sign in "([":
            stack.append(_Open(sign, place))
            if len(stack) > MAX_DEPTH:
                raise GridError(where, found="brackets too deep", expected=f"at most {MAX_DEPTH} within each other")
        elif stack and sign == _CLOSES[stack[-1].sign]:
            _check_closed(stack.pop(), plain, place, where)
        elif stack and sign == ":":
            stack[-1].colon = place
        elif stack and sign == "|":
            stack[-1].bar = True


def _check_closed(bracket: _Open, plain: str, end: int, where: str) -> None:
    """See that what stands from a square bracket to its end means less weight and nothing else."""
    if bracket.sign != "[":
        return
    if bracket.bar:
        means = "takes turns from step to step"
    elif bracket.colon is not None and _STEPS.fullmatch(plain, bracket.colon + 1, end):
        means = "changes the prompt between steps"
    else:
        return
    raise GridError(
        where,
        found=f"{printable(plain[bracket.start : end + 1], 60)}, which {means}",
        expected="one prompt for all steps",
        way_out=r"write (a:1.2) for a weight, \[ and \] for the brackets themselves, or two prompts on an axis",
    )

r"""Attention weights of a prompt: the webui's `(a)`, `[a]`, `(a:1.2)`, escapes and BREAK.

`(a)` multiplies the weight by 1.1, `[a]` divides it by 1.1, `(a:1.2)` multiplies it by 1.2; nested factors multiply. A
bracket that is never closed acts to the end, one that was never opened is text. `\(`, `\)`, `\[`, `\]` and `\\` are the
characters themselves; any other backslash is dropped.
"""

import math
import re
from dataclasses import dataclass
from itertools import groupby

from trainer.errors import GridError
from trainer.prompts.comments import without_comments
from trainer.text import printable

MAX_CHARACTERS = 20_000
"""Limit of one prompt: about sixty chunks, far more than a U-Net can distinguish."""

MAX_DEPTH = 100
"""Limit of nested brackets."""

_FACTOR = 1.1


@dataclass(frozen=True)
class PromptPiece:
    """Text of one weight.

    Attributes:
        text: without brackets and escapes.
        weight: factor on the encoder's output for it.
    """

    text: str
    weight: float


@dataclass(frozen=True)
class Break:
    """A `BREAK` of the prompt: the chunk ends here."""


# Possessive (`++`), else a long row of digits would be tried with every way to cut it.
_NUMBER = r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)"
_TOKENS = re.compile(rf"\\[()\[\]\\]|[\\()\[\]]|:\s*({_NUMBER})\s*\)|:|[^\\()\[\]:]+")
_BREAK = re.compile(r"\bBREAK\b")
_AND = re.compile(r"\bAND\b")
# Looks like a weight but is not a number: `(a:1.2.3)`.
_BAD_NUMBER = re.compile(rf":\s*(?!{_NUMBER}\s*\))([+-]?[.0-9]++)\s*\)")
_SIGNS = re.compile(r"[()\[\]\\]")
_ESCAPED = re.compile(r"\\([()\[\]\\])")
_STRUCTURE = re.compile(r"\\.|[()\[\]:|]", re.DOTALL)
_CLOSES = {"(": ")", "[": "]"}
_STEPS = re.compile(rf"\s*{_NUMBER}(?:[eE][+-]?[0-9]+)?\s*")


def parse(text: str) -> tuple[PromptPiece | Break, ...]:
    """Return the text of a prompt in pieces with their weights, and the breaks, in order.

    Neighbours of equal weight are one piece, whatever their brackets; empty ones are left out.

    Args:
        text: a prompt without LoRA tags, but with comments. What check refuses is read as text.
    """
    words: list[str | None] = []  # None for a break
    weights: list[float] = []
    round_starts: list[int] = []
    square_starts: list[int] = []

    def multiply(start: int, factor: float) -> None:
        for index in range(start, len(weights)):
            weights[index] *= factor

    for match in _TOKENS.finditer(without_comments(text)):
        sign = match[0]
        # Deeper ones are text: each level multiplies all that stands in it.
        if sign in _CLOSES and len(round_starts) + len(square_starts) < MAX_DEPTH:
            (round_starts if sign == "(" else square_starts).append(len(words))
        elif round_starts and match[1] is not None:
            multiply(round_starts.pop(), float(match[1]))
        elif round_starts and sign == ")":
            multiply(round_starts.pop(), _FACTOR)
        elif square_starts and sign == "]":
            multiply(square_starts.pop(), 1 / _FACTOR)
        else:
            words += _split(sign)
            weights += [1.0] * (len(words) - len(weights))
    for start in round_starts:
        multiply(start, _FACTOR)
    for start in square_starts:
        multiply(start, 1 / _FACTOR)
    return _merged(words, weights)


def _split(sign: str) -> list[str | None]:
    """Return the texts in a token, with None for each BREAK."""
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
    # Empty texts part nothing.
    filled = ((text, weight) for text, weight in zip(words, weights, strict=True) if text != "")
    for (is_break, weight), pieces in groupby(filled, key=lambda piece: (piece[0] is None, piece[1])):
        texts = [text for text, _ in pieces]
        if is_break:
            merged += [Break()] * len(texts)
        else:
            merged.append(PromptPiece("".join(filter(None, texts)), weight))
    return tuple(merged)


def escaped(text: str) -> str:
    r"""Return a caption's text as a prompt has it, so that the encoder is given it letter by letter: `a (b)` as `a \(b\)`."""
    return _SIGNS.sub(r"\\\g<0>", text)


def escaped_once(text: str) -> str:
    """Return a text that people write in either form as a prompt has it; one with an escaped bracket stays."""
    return text if _ESCAPED.search(text) else escaped(text)


def unescaped(text: str) -> str:
    """Return a text of a prompt as a caption has it, its brackets without backslashes."""
    return _ESCAPED.sub(r"\1", text)


def check(text: str, where: str) -> None:
    """Check that a prompt means the same here as in the webui.

    Args:
        text: a prompt without LoRA tags.
        where: its name in an error, such as `prompt`.

    Raises:
        GridError: it changes between steps (`[a:b:0.5]`, `[a|b]`), is composed (`a AND b`), has a weight that is not a
            number, or is too long or too deeply nested.
    """
    if len(text) > MAX_CHARACTERS:
        raise GridError(where, found=f"{len(text):,} characters", expected=f"at most {MAX_CHARACTERS:,}")
    plain = without_comments(text)
    if found := _AND.search(plain):
        raise GridError(
            where,
            found=f"AND, which composes pictures, in {printable(plain[max(0, found.start() - 20) : found.end() + 20])}",
            expected="one prompt",
            way_out="write `and` for the word; CLIP reads both the same",
        )
    if found := _BAD_NUMBER.search(plain):
        raise GridError(
            where,
            found=f"weight {printable(found[1], 40)}",
            expected="a number, as in (a:1.2)",
            way_out=r"write \( and \) for literal brackets",
        )
    _check_brackets(plain, where)
    for piece in parse(text):
        if isinstance(piece, PromptPiece) and not math.isfinite(piece.weight):
            raise GridError(
                where,
                found=f"weight {piece.weight} of {printable(piece.text, 40)}",
                expected="a finite number",
            )


@dataclass
class _Open:
    """An open bracket: its position, and what was found directly within it."""

    sign: str
    start: int
    colon: int | None = None
    bar: bool = False


def _check_brackets(plain: str, where: str) -> None:
    """Check that no square brackets change the prompt between steps."""
    stack: list[_Open] = []
    for match in _STRUCTURE.finditer(plain):
        sign, place = match[0], match.start()
        if sign in "([":
            stack.append(_Open(sign, place))
            if len(stack) > MAX_DEPTH:
                raise GridError(where, found="brackets nested too deeply", expected=f"at most {MAX_DEPTH} levels")
        elif stack and sign == _CLOSES[stack[-1].sign]:
            _check_closed(stack.pop(), plain, place, where)
        elif stack and sign == ":":
            stack[-1].colon = place
        elif stack and sign == "|":
            stack[-1].bar = True


def _check_closed(bracket: _Open, plain: str, end: int, where: str) -> None:
    """Check that a closed square bracket only lowers the weight."""
    if bracket.sign != "[":
        return
    if bracket.bar:
        effect = "alternates from step to step"
    elif bracket.colon is not None and _STEPS.fullmatch(plain, bracket.colon + 1, end):
        effect = "changes the prompt between steps"
    else:
        return
    raise GridError(
        where,
        found=f"{printable(plain[bracket.start : end + 1], 60)}, which {effect}",
        expected="one prompt for all steps",
        way_out=r"write (a:1.2) for a weight, \[ and \] for literal brackets, or two prompts on an axis",
    )

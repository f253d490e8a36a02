"""The webui's infotext: prompt, negative prompt, and one line of `Key: value` pairs."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from trainer.text import whole_letters

SHIFT_KEYS = ("Shift", "Distilled CFG Scale")
"""How the webui's forks write the shift of a flow's times: now, and before."""

_NEGATIVE = "Negative prompt:"
# What the webui accepts as a key: two characters or more, letters of any script.
_KEY = re.compile(r"\w[\w \-/]+")
# Possessive, so that no text takes longer than its length.
_QUOTED = re.compile(r'\s*+("[^"\\]*+(?:\\.[^"\\]*+)*+")\s*+(?:,|$)')
_GUARDED = re.compile(f"^{_NEGATIVE}", re.MULTILINE)
# A table or list in JSON, which Civitai and others write unquoted.
_OPENS_JSON = re.compile(r"\s*+(?=[{\[])")
_ENDS = re.compile(r"\s*+(?:,|$)")
# A line with fewer pairs belongs to the prompt.
_MIN_PAIRS = 3
# Our own fields, for prompts that the layout alone would not preserve letter by letter.
_EXACT, _EXACT_NEGATIVE = "Exact prompt", "Exact negative prompt"


@dataclass(frozen=True)
class Infotext:
    """Prompts and settings of a picture, as the webui writes them.

    Attributes:
        prompt, negative_prompt: as typed, LoRA tags included.
        fields: key -> value in their order, both as text: `Steps` -> `28`, `Size` -> `512x768`.
    """

    prompt: str
    negative_prompt: str = ""
    fields: dict[str, str] = field(default_factory=dict)


def write_infotext(info: Infotext) -> str:
    """Return `info` in the webui's layout; parse_infotext gives it back.

    Where the layout would change a prompt (it strips lines, and a line that starts like the negative prompt is taken for it) the
    prompt is written so that a text encoder reads the same, and also letter by letter in a field of our own.

    Args:
        info: with at least three fields, none of them empty, whose keys are two or more letters, digits, space, `-`, `/`, `_`.

    Raises:
        ValueError: a webui could not read a field.
    """
    prompt, negative = _as_read(info.prompt), _as_read(info.negative_prompt)
    fields = dict(info.fields)
    for key, value in fields.items():
        if not _KEY.fullmatch(key) or key != key.strip() or not value or key in (_EXACT, _EXACT_NEGATIVE):
            raise ValueError(f"not a valid field of an infotext: {key!r}")
    if len(fields) < _MIN_PAIRS:
        raise ValueError(f"an infotext needs at least {_MIN_PAIRS} fields")
    if prompt != info.prompt:
        fields[_EXACT] = info.prompt
    if negative != info.negative_prompt:
        fields[_EXACT_NEGATIVE] = info.negative_prompt
    lines = [prompt] if prompt else []
    if negative:
        lines.append(f"{_NEGATIVE} {negative}")
    lines.append(", ".join(f"{key}: {_value(value)}" for key, value in fields.items()))
    return "\n".join(lines)


def parse_infotext(text: str) -> Infotext:
    """Return the infotext of any webui, parsed; a text without a line of pairs is all prompt.

    Takes time in proportion to the length of the text, whatever is in it.
    """
    lines = text.strip().split("\n")
    fields: dict[str, str] = {}
    if (at := _fields_line(lines)) is not None:
        fields = {key: value for key, value in _pairs(lines[at]) if value}
        del lines[at:]
    parts: dict[bool, list[str]] = {False: [], True: []}
    negative = False
    for line in (line.strip() for line in lines):
        starts_negative = line.startswith(_NEGATIVE)
        negative |= starts_negative
        parts[negative].append(line[len(_NEGATIVE) :].strip() if starts_negative else line)
    return Infotext(
        _exact("\n".join(parts[False]), fields.pop(_EXACT, None)),
        _exact("\n".join(parts[True]), fields.pop(_EXACT_NEGATIVE, None)),
        fields,
    )


def _fields_line(lines: list[str]) -> int | None:
    """Return the index of the fields' line: the last one or, with an extension's lines after it (`Template: …`), the last with steps."""
    candidates = (at for at in range(len(lines) - 1, -1, -1) if at == len(lines) - 1 or lines[at].startswith("Steps: "))
    return next((at for at in candidates if sum(1 for _ in _pairs(lines[at])) >= _MIN_PAIRS), None)


def _as_read(prompt: str) -> str:
    """Return the prompt as it survives the layout: lines stripped, none of them taken for the start of the negative prompt.

    Two spaces are one to the text encoder, but not to a program that searches for the line.
    """
    lines = (line.strip() for line in prompt.split("\n"))
    return _GUARDED.sub("Negative  prompt:", "\n".join(lines).strip())


def _exact(read: str, exact: str | None) -> str:
    """Return the exact prompt if it still matches the text, which somebody may have edited."""
    return exact if exact is not None and _as_read(exact) == read else read


def _value(value: str) -> str:
    plain = not any(mark in value for mark in ',:"\n') and value == value.strip()
    return value if plain else json.dumps(value, ensure_ascii=False)


def _pairs(line: str) -> Iterator[tuple[str, str]]:
    """Yield the pairs of a line, those without a value too; JSON stays the text that it is."""
    at = 0
    # After one that is broken no other is tried, so that each character is read a few times at most.
    may_be_json = True
    while (colon := line.find(":", at)) >= 0:
        key = line[line.rfind(",", at, colon) + 1 or at : colon].strip()
        ends = None
        if may_be_json and (opening := _OPENS_JSON.match(line, colon + 1)):
            ends = _after_json(line, opening.end())
            may_be_json = ends is not None
        if ends is not None:
            value, at = line[colon + 1 : ends.start()].strip(), ends.end()
        elif quoted := _QUOTED.match(line, colon + 1):
            value, at = _unquoted(quoted[1]), quoted.end()
        else:
            comma = line.find(",", colon)
            end = comma if comma >= 0 else len(line)
            value, at = line[colon + 1 : end].strip(), end
        if _KEY.fullmatch(key):
            yield key, value


def _after_json(line: str, start: int) -> re.Match[str] | None:
    """Return what ends a pair behind the JSON that starts at `start`; None where that is none, or something else follows it."""
    try:
        return _ENDS.match(line, json.JSONDecoder().raw_decode(line, start)[1])
    except (ValueError, RecursionError):
        return None


def _unquoted(text: str) -> str:
    try:
        return whole_letters(str(json.loads(text, strict=False)))
    except ValueError:
        return text

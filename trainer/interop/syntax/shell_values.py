"""Values of scripts: what stands behind `=`, with variables in their place and nothing worked out."""

import itertools
import re
from collections.abc import Mapping

from trainer.interop.record import Computed

REFERENCE = re.compile(
    r"\$\{(?:env:)?(?P<a>\w+)(?:\[[@*]\]|:?[-=](?P<default>[^${}`]*))?\}"
    r"|\$\((?:\$)(?P<e>\w+)\)|\$(?:env:|script:|global:)?(?P<b>\w+)|%(?P<c>\w+)%|!(?P<d>\w+)!",
    re.ASCII,
)
ALONE = re.compile(r"[\"']?(?:\$\{?(?:env:)?\w+(?:\[[@*]\])?\}?|%\w+%|!\w+!)[\"']?", re.ASCII)
GATHERED = re.compile(r"\$\{(?P<a>\w+)\[[@*]\]\}", re.ASCII)
"""All items of one of bash's lists."""
_LIST = re.compile(r"@\((.*)\)", re.DOTALL)
_BASH_LIST = re.compile(r"\((.*)\)", re.DOTALL)
_BASH_ITEM = re.compile(r"\s+|#[^\n]*|((?:[^\s\"'\\]|\"(?:[^\"\\]|\\.)*\"|'[^']*'|\\.)+)", re.DOTALL)
_BASH_PIECE = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|\\(.)|([^\"'\\]+)", re.DOTALL)
# What bash itself would work out in a word: commands, sums, parts of names.
_WORKED_OUT = re.compile(r"[`|&;<>()*?\s]")
_ITEM = re.compile(r"\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s,\"'#]+))[ \t]*(?:,|\n|$|(?=#))|\s*#[^\n]*")
_PARTS = re.compile(r"\s*(\"[^\"]*\"|'[^']*'|\$\{?\w+\}?)\s*(?:\+|$)", re.ASCII)
_MAX_ITEMS = 1000
MAX_LENGTH = 20_000
"""Characters that variables may add to one value."""
NUMBER = re.compile(r"[-+]?(?:\d++\.?\d*+|\.\d++)(?:[eE][-+]?\d{1,4})?", re.ASCII)
_CALL = re.compile(r"[A-Za-z]+-[A-Za-z]+")
_BARE = re.compile(r"[\w.+:\\/~,%@-]+")
_WORDS = {"$true": True, "$false": False, "$null": None, "true": True, "false": False, "none": None, "null": None}


class VariablesOfAnyCase(dict[str, object]):
    """Variables of PowerShell and cmd.exe, whose names have no capital letters."""

    def __setitem__(self, name: str, value: object) -> None:
        super().__setitem__(name.casefold(), value)

    def __getitem__(self, name: str) -> object:
        return super().__getitem__(name.casefold())

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name.casefold() if isinstance(name, str) else name)

    def get(self, name: str, default: object = None) -> object:
        """Return a variable's value."""
        return super().get(name.casefold(), default)


def value_of(written: str, values: Mapping[str, object], shell: str) -> object:
    """Return the value that stands behind `=`."""
    made = _put_together(written, values, shell)
    if made is not None:
        return made
    text = _without_comment(written, shell).strip().rstrip(";").strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'" and text[0] not in text[1:-1]:
        return expanded(text[1:-1], values)[0] if text[0] == '"' else text[1:-1]
    return _WORDS[text.casefold()] if text.casefold() in _WORDS else _bare_value(text, values, shell)


def _bare_value(text: str, values: Mapping[str, object], shell: str) -> object:
    """Return a value without quotes: a number, a variable's value, a word."""
    if NUMBER.fullmatch(text):
        return number(text)
    if ALONE.fullmatch(text) and (match := REFERENCE.fullmatch(text)):
        return values.get(name_of(match), Computed(text))
    if shell == "bash" and "$" in text and not _WORKED_OUT.search(_without_quotes(text)):
        found = _bash_word(text, values)
        return number(found) if not isinstance(found, Computed) and NUMBER.fullmatch(found) else found
    if shell == "cmd" and not re.search(r"[&|<>]", text):
        return expanded(text, values)[0]
    called = shell == "powershell" and _CALL.fullmatch(text)
    return text if not text or (_BARE.fullmatch(text) and not called) else Computed(text)


def _put_together(written: str, values: Mapping[str, object], shell: str) -> object:
    """Return a list `@("a", "b")` or a text `"a" + $b`, None for anything else."""
    if inner := _LIST.fullmatch(written.strip()):
        return _items(inner[1], values)
    if shell == "bash" and (inner := _BASH_LIST.fullmatch(written.strip())) and inner[1].strip():
        return _bash_items(inner[1], values)
    if shell != "powershell" or "+" not in written:
        return None
    return _joined_texts(_without_comment(written, shell).strip().rstrip(";").strip(), values)


def _items(inner: str, values: Mapping[str, object]) -> list[object] | None:
    """Return the items of `@("a", "b")`, None where one would have to be worked out."""
    items: list[object] = []
    at = 0
    while at < len(inner.rstrip()):
        match = _ITEM.match(inner, at)
        if match is None or match.end() == at:
            return None
        at = match.end()
        text = next((group for group in match.groups() if group is not None), None)
        if text is not None:
            items.append(expanded(text, values)[0] if match[1] is not None or match[3] is not None else text)
    return items


def _without_quotes(text: str) -> str:
    return re.sub(r"\"[^\"]*\"|'[^']*'|\$\{[^{}]*\}", "", text)


def _bash_items(inner: str, values: Mapping[str, object]) -> list[object] | None:
    """Return the words of `("a" b $c)`, those of other lists in their place; None where one would have to be worked out."""
    items: list[object] = []
    at = 0
    while at < len(inner):
        match = _BASH_ITEM.match(inner, at)
        if match is None or len(items) > _MAX_ITEMS:
            return None
        at, word = match.end(), match[1]
        if word is None:
            continue
        if (other := GATHERED.fullmatch(word.strip('"'))) and isinstance(found := values.get(other["a"]), list):
            items += found
        else:
            items.append(_bash_word(word, values))
    return items


def _bash_word(word: str, values: Mapping[str, object]) -> str:
    """Return a word of bash without its quotes and with its variables filled in."""
    made, known = "", True
    for double, single, escaped, bare in _BASH_PIECE.findall(word):
        found: object = single or escaped
        if double or bare:
            found, _ = expanded(double or bare, values)
            known = known and not isinstance(found, Computed)
        made += str(found)
    return made if known and len(made) <= MAX_LENGTH else Computed(word)


def _joined_texts(text: str, values: Mapping[str, object]) -> str | None:
    """Return `"a" + $b` as one text, None where it is another sum."""
    made, at = "", 0
    while at < len(text):
        match = _PARTS.match(text, at)
        if match is None:
            return None
        part = match[1]
        found = part[1:-1] if part[0] == "'" else expanded(part.strip('"'), values)[0]
        if isinstance(found, Computed) or (part[0] == "$" and not isinstance(found, str)):
            return None
        made, at = f"{made}{found}", match.end()
        if len(made) > MAX_LENGTH:
            return None
    return made if not text.endswith("+") else None


def _without_comment(written: str, shell: str) -> str:
    """Return a value without the comment behind it; `#` in quotes is part of the value."""
    if shell == "cmd":
        return written
    quote = ""
    for at, sign in enumerate(written):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        elif sign == "#" and (at == 0 or written[at - 1].isspace()):
            return written[:at]
    return written


def number(text: str) -> int | float:
    """Return a written number."""
    return int(text) if re.fullmatch(r"[-+]?\d{1,30}", text, re.ASCII) else float(text)


def name_of(match: re.Match[str]) -> str:
    """Return the name in a reference to a variable."""
    return next(group for group in match.group("a", "e", "b", "c", "d") if group)


def names_in(text: str) -> list[str]:
    """Return the names of the variables that a text refers to."""
    return [name_of(match) for match in itertools.islice(REFERENCE.finditer(text), _MAX_ITEMS)]


def expanded(text: str, values: Mapping[str, object]) -> tuple[object, tuple[str, ...]]:
    """Return a text with its variables filled in, and their names; Computed where one is not known."""
    if re.search(r"\$\((?!\$\w+\))|`\w", text) or ("${" in REFERENCE.sub("", text) and not GATHERED.fullmatch(text)):
        return Computed(text), ()
    names: list[str] = []
    unknown, room = False, [MAX_LENGTH]

    def filled(match: re.Match[str]) -> str:
        nonlocal unknown
        name = name_of(match)
        value = values.get(name)
        if (name not in values or value in ("", None)) and match["default"] is not None:
            value = match["default"]
        elif name not in values or isinstance(value, Computed):
            unknown = True
            return match[0]
        names.append(name)
        filling = "" if value is None else str(value)
        room[0] -= len(filling)
        if room[0] < 0:
            # Variables that double one another would else grow without end.
            unknown = True
            return match[0]
        return filling

    whole = REFERENCE.fullmatch(text)
    if whole and (name := name_of(whole)) in values:
        return values[name], (name,)
    made = REFERENCE.sub(filled, text)
    return (Computed(text) if unknown else made), tuple(dict.fromkeys(names))

"""Scripts of bash, PowerShell and cmd.exe as variables and command lines, read without running anything.

A value that only the script itself could work out, such as `[int]($total / 2)` or `$(date)`, stays what it is: a `Computed`.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from trainer.errors import SettingsError
from trainer.interop.record import Computed
from trainer.interop.syntax.tree import MAX_KEYS, too_many_keys

MAX_CHARACTERS = 2**17
"""Of a script; the longest known has 30,000."""


@dataclass(frozen=True)
class Assignment:
    """One `$name = value`."""

    name: str
    value: object
    line: int


@dataclass(frozen=True)
class Flag:
    """One `--name` of a command with its value: True where it has none, a list where it has several.

    Attributes:
        name: without dashes, with underscores.
        value: with the variables filled in.
        line: that it stands on.
        variables: that its value was taken from.
    """

    name: str
    value: object
    line: int
    variables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Command:
    """A command line that trains: what stands before the script's name, the script, and its options."""

    script: str
    launcher: tuple[Flag, ...]
    flags: tuple[Flag, ...]
    line: int


@dataclass
class Script:
    """What a script says: the values of its variables, its commands, and the variables that blocks set, which may run or not."""

    assignments: list[Assignment] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    in_blocks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Word:
    """One word of a line: its text, whether variables in it are filled in, whether it was quoted, and its line."""

    text: str
    expands: bool
    quoted: bool
    line: int
    variable: str = ""


_SCRIPT = re.compile(
    r"(?:^|[\\/])(?P<name>\w*train\w*(?:network|lora|db)\w*|lora_pti)(?:\.py)?$", re.ASCII | re.IGNORECASE
)
_FLAG = re.compile(r"--?(?P<name>[A-Za-z]\w*(?:[-.]\w+)*)(?P<equals>=)?", re.ASCII)
_REFERENCE = re.compile(
    r"\$\{(?:env:)?(?P<a>\w+)\}|\$\((?:\$)(?P<e>\w+)\)|\$(?:env:|script:|global:)?(?P<b>\w+)|%(?P<c>\w+)%|!(?P<d>\w+)!",
    re.ASCII,
)
_ALONE = re.compile(r"[\"']?(?:\$\{?(?:env:)?\w+\}?(?:\[[@*]\])?|%\w+%|!\w+!)[\"']?", re.ASCII)
_POWERSHELL_SET = re.compile(
    r"\s*(?:\[[\w.\[\]]+\]\s*)?\$(?:env:|script:|global:)?(\w+)\s*=(?!=)\s*([\s\S]*)$", re.ASCII
)
_POWERSHELL_ADD = re.compile(r"\s*\$(\w+)\s*\+=\s*([\s\S]*)$", re.ASCII)
_CHANGED = re.compile(r"\$(\w+)(?:\s*\+?=(?!=)|\.Add(?:Range)?\()", re.ASCII)
_CMD_SET = re.compile(r"\s*@?set\s+(?:/\w\s+)?\"?(\w+)=(.*?)\"?\s*$", re.ASCII | re.IGNORECASE)
_BASH_SET = re.compile(r"\s*(?:export\s+|declare\s+|local\s+)?([A-Za-z_]\w*)=(?!=)(.*)$", re.ASCII)
_PYTHON_SET = re.compile(r"\s*self\.(\w+)\s*(?::[^=]{1,80})?=(?!=)\s*(.*)$", re.ASCII)
_CMD_LINE = re.compile(
    r"^[ \t]*(?:@?echo[ \t]+off|@?set[ \t]+\"?\w+=|rem[ \t]|::|call[ \t])|\^[ \t]*$|%\w+%", re.IGNORECASE | re.MULTILINE
)
_COMMENT = {"cmd": re.compile(r"\s*(?:@?rem\b|::)", re.IGNORECASE)}
# What a line begins with that starts a program, after the words that set its surroundings.
# Words before a program's name, and programs that start a training.
_BEFORE = re.compile(r"[$&]|PS|\S*>|call|start|nohup|[A-Z_]++=.*", re.ASCII)
_PROGRAM = re.compile(r"accelerate|lora_pti|py|pythonw?[\d.]*+", re.ASCII)
# Characters and words at a line's start in which a program stands.
_HEAD, _HEAD_WORDS = 4000, 40
_END_OF_SETTINGS = re.compile(r"(?:config\s+end|конец\s+конфига)\b", re.IGNORECASE)
_FIRST_FLAG = re.compile(r"\s*--[A-Za-z]")
_OPEN_LIST = re.compile(r"\s*\$\w+\s*=\s*@\([^)]*$")
_LIST = re.compile(r"@\((.*)\)", re.DOTALL)
_ITEM = re.compile(r"\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s,\"'#]+))\s*(?:,|\n|$)|\s*#[^\n]*")
_PARTS = re.compile(r"\s*(\"[^\"]*\"|'[^']*'|\$\{?\w+\}?)\s*(?:\+|$)", re.ASCII)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|#.*")
_PART_OF_TEXT = re.compile(r"(?:[^\s\"']|\"[^\"]*\"|'[^']*')+")
_MAX_LIST = 1000
# Of a command after its variables are put in.
_MAX_WORDS = 10_000
MAX_LENGTH = 20_000
"""Characters that variables may add to one value."""

_NUMBER = re.compile(r"[-+]?(?:\d++\.?\d*+|\.\d++)(?:[eE][-+]?\d{1,4})?", re.ASCII)
_CALL = re.compile(r"[A-Za-z]+-[A-Za-z]+")
_BARE = re.compile(r"[\w.+:\\/~,%@-]+")
_WORDS = {"$true": True, "$false": False, "$null": None, "true": True, "false": False, "none": None, "null": None}
_CONTINUED = {"bash": "\\", "powershell": "`", "cmd": "^"}
# The kinds of what stands between two blanks. A Windows path in quotes may end in a backslash, which then escapes nothing.
_DRIVE = r"(?P<drive>\"[A-Za-z]:[\\/][^\"]*\"?)"
_SINGLE = r"(?P<single>'[^']*'?)"
_REST = r"(?P<space>\s+)|(?P<plain>[^\s\"'\\#^]+|.)"
_PIECES = {
    "bash": re.compile(
        rf"(?P<comment>(?<!\S)\#.*)|{_DRIVE}|(?P<double>\"(?:\\\"|[^\"])*\"?)|{_SINGLE}|(?P<escape>\\[ \"'$`])|{_REST}"
    ),
    "powershell": re.compile(rf"(?P<comment>(?<!\S)\#.*)|{_DRIVE}|(?P<double>\"[^\"]*\"?)|{_SINGLE}|{_REST}"),
    "cmd": re.compile(rf"{_DRIVE}|(?P<double>\"[^\"]*\"?)|(?P<escape>\^.)|{_REST}"),
}
_UNQUOTED: Mapping[str, Callable[[str], str]] = {
    "drive": lambda text: text.strip('"'),
    "double": lambda text: text[1 : len(text) - text[1:].endswith('"')].replace('\\"', '"'),
    "single": lambda text: text.strip("'"),
    "escape": lambda text: text[1:],
}
_OPENS, _CLOSES = re.compile(r"\b(?:then|do|case)\b|\{\s*$"), re.compile(r"^\s*(?:fi|done|esac|\})")


def has_command(text: str) -> bool:
    """Return whether a line of a text starts a program that trains, or is nothing but options."""
    return any(_starts(line) or _FIRST_FLAG.match(line) for line in text.split("\n"))


def _starts(line: str) -> bool:
    """Return whether a line starts a program that trains."""
    words = [word.strip("\"'") for word in line[:_HEAD].split()[:_HEAD_WORDS]]
    at = next((place for place, word in enumerate(words) if not _BEFORE.fullmatch(word)), len(words))
    rest = words[at + 1 :]
    name = re.split(r"[\\/]", words[at])[-1].removesuffix(".exe") if at < len(words) else ""
    trains = name.endswith(".py") and "train" in name
    if not rest or not (trains or _PROGRAM.fullmatch(name)):
        return False
    return any(word.startswith("--") or "train" in word or word == "launch" for word in rest)


def looks_like_script(text: str) -> bool:
    """Return whether a text holds `$name = value` lines, or a command that trains."""
    return any(
        _POWERSHELL_SET.match(line) or _CMD_SET.match(line) or _PYTHON_SET.match(line) or _FIRST_FLAG.match(line)
        for line in text.split("\n")
    ) or bool(re.search(r"train\w*\.py|accelerate\s+launch|\bnetworks?\.\w+\.py", text))


class _AnyCase(dict[str, object]):
    """Variables of PowerShell and cmd.exe, whose names have no capital letters."""

    def __setitem__(self, name: str, value: object) -> None:
        super().__setitem__(name.casefold(), value)

    def __getitem__(self, name: str) -> object:
        return super().__getitem__(name.casefold())

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name.casefold() if isinstance(name, str) else name)

    def get(self, name: str, default: object = None) -> object:
        return super().get(name.casefold(), default)


def parse_script(text: str, where: str) -> Script:
    """Return the variables and commands of a script.

    Raises:
        SettingsError: it is longer than any script, or has more variables and options.
    """
    if len(text) > MAX_CHARACTERS:
        raise SettingsError(
            where, found=f"{len(text):,} characters of a script", expected=f"at most {MAX_CHARACTERS:,}"
        )
    shell = _shell_of(text)
    script = Script()
    values: dict[str, object] = {} if shell == "bash" else _AnyCase()
    depth, ended = 0, False
    for number, line in _logical_lines(_without_blocks(text), shell):
        first = line.split("\n", 1)[0]
        ended = ended or (first.lstrip().startswith("#") and bool(_END_OF_SETTINGS.search(first)))
        if _is_comment(first, shell):
            continue
        depth = max(0, depth - _closed(first, shell))
        assigned = _assignment(first if "\n" not in line else _joined(line), shell)
        if assigned is not None:
            name, written = assigned
            value = _value(written, values, shell)
            if depth == 0 and not ended and not _is_list_of_words(written):
                script.assignments.append(Assignment(name, value, number))
                values[name] = value
            elif depth and not ended:
                script.in_blocks.append(name)
        elif shell == "powershell" and _POWERSHELL_ADD.match(first):
            if not ended:
                _note_changes(first, number, depth, script, values)
        elif (command := _command(line, number, shell, values, where)) is not None:
            script.commands.append(command)
        elif shell == "powershell" and not ended:
            _note_changes(first, number, depth, script, values)
        depth += _opened(first, shell)
        if len(script.assignments) + sum(len(each.flags) for each in script.commands) > MAX_KEYS:
            raise too_many_keys(f"{where} line {number}")
    return script


def _note_changes(line: str, number: int, depth: int, script: Script, values: dict[str, object]) -> None:
    """Add what `+=` adds outside of blocks, and note which variables a line with a block changes."""
    added = _POWERSHELL_ADD.match(line)
    if added and not depth:
        before, more = values.get(added[1]), _value(added[2], values, "powershell")
        made: object = Computed(line.strip())
        if isinstance(before, list) and not isinstance(more, Computed):
            made = [*before, *more] if isinstance(more, list) else [*before, more]
        elif isinstance(before, str) and isinstance(more, str) and not isinstance(before, Computed | type(None)):
            made = Computed(line.strip()) if isinstance(more, Computed) else f"{before}{more}"
        if not isinstance(made, str | list) or len(made) <= (MAX_LENGTH if isinstance(made, str) else _MAX_LIST):
            script.assignments.append(Assignment(added[1], made, number))
            values[added[1]] = made
    elif depth or "{" in line:
        script.in_blocks += _CHANGED.findall(line)[:_MAX_LIST]


def _shell_of(text: str) -> str:
    if re.search(r"^[ \t]*(?:\[\w+\])?\$\w+[ \t]*=|`[ \t]*$", text, re.MULTILINE) and not text.startswith("#!"):
        return "powershell"
    return "cmd" if _CMD_LINE.search(text) and not text.startswith("#!") else "bash"


def _without_blocks(text: str) -> str:
    """Return a script with PowerShell's block comments as blank lines."""
    if "<#" not in text or text.count("<#") > 1000:
        return text

    def blank(match: re.Match[str]) -> str:
        end = "# config end" if _END_OF_SETTINGS.search(match[0]) else ""
        return end + "\n" * match[0].count("\n")

    return re.sub(r"<#.*?#>", blank, text, flags=re.DOTALL)


def _logical_lines(text: str, shell: str) -> Iterator[tuple[int, str]]:
    """Yield the number of its first line and each line with those that continue it, joined by line breaks."""
    sign = _CONTINUED[shell]
    parts: list[str] = []
    start, in_list = 1, False
    for number, line in enumerate(text.split("\n"), start=1):
        plain = line.rstrip()
        if not parts:
            start = number
            in_list = shell == "powershell" and bool(_OPEN_LIST.match(plain))
        if in_list:
            parts.append(plain)
            in_list = ")" not in _QUOTED.sub("", plain) and len(parts) < _MAX_LIST
            if not in_list:
                yield start, "\n".join(parts)
                parts = []
            continue
        # A paste from another shell keeps that shell's sign.
        continued = plain.endswith(sign) or (plain.endswith(("\\", "`", "^")) and plain[-2:-1] in (" ", "\t"))
        parts.append(plain[:-1] if continued else plain)
        if not continued:
            yield start, "\n".join(parts)
            parts = []
    if parts:
        yield start, "\n".join(parts)


def _is_comment(line: str, shell: str) -> bool:
    return bool(_COMMENT["cmd"].match(line)) if shell == "cmd" else line.lstrip().startswith("#")


def _opened(line: str, shell: str) -> int:
    """Return how many blocks a line opens: what stands in them may or may not happen."""
    if shell == "powershell":
        bare = re.sub(r"\"[^\"]*\"|'[^']*'", "", line)
        return max(0, bare.count("{") - bare.count("}"))
    return 1 if shell == "bash" and _OPENS.search(line) and not re.search(r"\b(?:fi|done|esac)\b", line) else 0


def _closed(line: str, shell: str) -> int:
    if shell == "powershell":
        bare = re.sub(r"\"[^\"]*\"|'[^']*'", "", line)
        return max(0, bare.count("}") - bare.count("{"))
    return 1 if shell == "bash" and _CLOSES.match(line) else 0


def _assignment(line: str, shell: str) -> tuple[str, str] | None:
    patterns = (
        (_POWERSHELL_SET, _PYTHON_SET, _CMD_SET)
        if shell != "bash"
        else (_POWERSHELL_SET, _PYTHON_SET, _CMD_SET, _BASH_SET)
    )
    for pattern in patterns:
        if match := pattern.match(line):
            return match[1], match[2].strip()
    return None


def _is_list_of_words(written: str) -> bool:
    """Return whether a value gathers words for a command line: it is no setting."""
    return bool(re.match(r"(?:@?\(\s*\)|\[System|New-Object)", written))


def _value(written: str, values: Mapping[str, object], shell: str) -> object:
    """Return the value that stands behind `=`."""
    made = _put_together(written, values, shell)
    if made is not None:
        return made
    text = _without_comment(written, shell).strip().rstrip(";").strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'" and text[0] not in text[1:-1]:
        return _expanded(text[1:-1], values)[0] if text[0] == '"' else text[1:-1]
    return _WORDS[text.casefold()] if text.casefold() in _WORDS else _bare_value(text, values, shell)


def _bare_value(text: str, values: Mapping[str, object], shell: str) -> object:
    """Return a value without quotes: a number, a variable's value, a word."""
    if _NUMBER.fullmatch(text):
        return number(text)
    if _ALONE.fullmatch(text) and (match := _REFERENCE.fullmatch(text)):
        return values.get(_name_of(match), Computed(text))
    if shell == "cmd" and not re.search(r"[&|<>]", text):
        return _expanded(text, values)[0]
    called = shell == "powershell" and _CALL.fullmatch(text)
    return text if not text or (_BARE.fullmatch(text) and not called) else Computed(text)


def _put_together(written: str, values: Mapping[str, object], shell: str) -> object:
    """Return a list `@("a", "b")` or a text `"a" + $b`, None for anything else."""
    if inner := _LIST.fullmatch(written.strip()):
        return _items(inner[1], values)
    if shell != "powershell" or "+" not in written:
        return None
    return _joined_texts(_without_comment(written, shell).strip().rstrip(";").strip(), values)


def _joined(line: str) -> str:
    """Return a line with what continues it; the lines of a list stay, because comments end with them."""
    return line if _OPEN_LIST.match(line.split("\n", 1)[0]) else line.replace("\n", " ")


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
            items.append(_expanded(text, values)[0] if match[1] is not None or match[3] is not None else text)
    return items


def _joined_texts(text: str, values: Mapping[str, object]) -> str | None:
    """Return `"a" + $b` as one text, None where it is another sum."""
    made, at = "", 0
    while at < len(text):
        match = _PARTS.match(text, at)
        if match is None:
            return None
        part = match[1]
        found = part[1:-1] if part[0] == "'" else _expanded(part.strip('"'), values)[0]
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


def _name_of(match: re.Match[str]) -> str:
    return next(group for group in match.group("a", "e", "b", "c", "d") if group)


def _expanded(text: str, values: Mapping[str, object]) -> tuple[object, tuple[str, ...]]:
    """Return a text with its variables filled in, and their names; Computed where one is not known."""
    if re.search(r"\$\((?!\$\w+\))|`\w", text):
        return Computed(text), ()
    names: list[str] = []
    unknown, room = False, [MAX_LENGTH]

    def filled(match: re.Match[str]) -> str:
        nonlocal unknown
        name = _name_of(match)
        value = values.get(name)
        if name not in values or isinstance(value, Computed):
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

    whole = _REFERENCE.fullmatch(text)
    if whole and (name := _name_of(whole)) in values:
        return values[name], (name,)
    made = _REFERENCE.sub(filled, text)
    return (Computed(text) if unknown else made), tuple(dict.fromkeys(names))


def _command(line: str, start: int, shell: str, values: Mapping[str, object], where: str) -> Command | None:
    """Return the command of a logical line, None where it trains nothing and has no options alone."""
    if "--" not in line:
        return None
    words = list(itertools.islice(_spread(_words(line, start, shell), values), _MAX_WORDS + 1))
    if len(words) > _MAX_WORDS:
        raise too_many_keys(f"{where} line {start}")
    at = next((place for place, word in enumerate(words) if _SCRIPT.search(str(_filled(word, values)[0]))), None)
    if at is None:
        if not words or not _FIRST_FLAG.match(line):
            return None
        return Command("", (), tuple(_flags(words, values)), start)
    script = _SCRIPT.search(str(_filled(words[at], values)[0]))
    flags = tuple(_flags(words[at + 1 :], values))
    return Command(script["name"] if script else "", tuple(_flags(words[:at], values)), flags, start) if flags else None


def _spread(words: Iterator[_Word], values: Mapping[str, object]) -> Iterator[_Word]:
    """Yield the words of a command with those in place that a variable alone holds: a list, or options in one text."""
    for word in words:
        value: object = None
        match = None
        if not word.quoted and "$" in word.text and _ALONE.fullmatch(word.text):
            match = _REFERENCE.match(word.text)
            value = values.get(_name_of(match)) if match else None
        if isinstance(value, str) and not isinstance(value, Computed) and value.lstrip().startswith("--"):
            value = [part.replace('"', "").replace("'", "") for part in _PART_OF_TEXT.findall(value)]
        if isinstance(value, list):
            for each in value:
                yield _Word(
                    str(each), False, not str(each).startswith("--"), word.line, _name_of(match) if match else ""
                )
        else:
            yield word


def _words(line: str, start: int, shell: str) -> Iterator[_Word]:
    """Yield the words of a logical line; quotes group, and end at the latest with their line."""
    for offset, part in enumerate(line.split("\n")):
        if _is_comment(part, shell):
            continue
        pieces: list[tuple[str, str]] = []
        for match in _PIECES[shell].finditer(part):
            kind = str(match.lastgroup)
            if kind == "comment":
                break
            if kind != "space":
                pieces.append((kind, match[0]))
            elif pieces:
                yield _word(pieces, start + offset)
                pieces = []
        if pieces:
            yield _word(pieces, start + offset)


def _word(pieces: list[tuple[str, str]], line: int) -> _Word:
    kinds = {kind for kind, _ in pieces}
    text = "".join(_UNQUOTED[kind](each) if kind in _UNQUOTED else each for kind, each in pieces)
    return _Word(text, "single" not in kinds, bool(kinds & {"double", "single", "drive"}), line)


def _filled(word: _Word, values: Mapping[str, object]) -> tuple[object, tuple[str, ...]]:
    return (
        _expanded(word.text, values) if word.expands and any(sign in word.text for sign in "$%!`") else (word.text, ())
    )


def _flags(words: list[_Word], values: Mapping[str, object]) -> Iterator[Flag]:
    """Yield the options of a command with their values, as argparse takes them."""
    name, line, found, used = "", 0, list[object](), list[str]()

    def flag() -> Flag:
        value: object = True if not found else found[0] if len(found) == 1 else list(found)
        if any(isinstance(each, Computed) for each in found):
            value = Computed(" ".join(map(str, found)))
        return Flag(name.replace("-", "_"), value, line, tuple(used))

    taking = True
    for word in words:
        match = _FLAG.match(word.text) if not word.quoted or word.text.startswith("--") else None
        if match and word.text.startswith("--"):
            if name:
                yield flag()
            name, line, found, used = match["name"], word.line, [], [word.variable] if word.variable else []
            # What follows `--name=value` is not of that option.
            taking = not match["equals"]
            if taking:
                continue
            value, names = _filled(_Word(word.text[match.end() :], word.expands, word.quoted, word.line), values)
            found = [value]
            used += names
            continue
        if word.text in ("&&", ";", "||", "|", "&") or re.fullmatch(r"\d?>>?.*", word.text):
            break
        value, names = _filled(word, values)
        if isinstance(value, Computed) and (not taking or found) and _ALONE.fullmatch(word.text):
            # More options, in a variable that nothing here can read.
            yield Flag(word.text, value, word.line)
        elif match and not _NUMBER.fullmatch(word.text):
            # A short option of a launcher, such as -m.
            if name:
                yield flag()
            name = ""
        elif name and taking:
            found.append(value)
            used += names
    if name:
        yield flag()


def set_in_blocks(script: Script) -> list[str]:
    """Return the variables that a block may set over a value from outside, or that the first command takes from one."""
    known = {each.name.casefold() for each in script.assignments}
    for flag in script.commands[0].flags if script.commands else ():
        if isinstance(flag.value, Computed):
            known |= {_name_of(match).casefold() for match in _REFERENCE.finditer(flag.value)}
    return [name for name in dict.fromkeys(script.in_blocks) if name.casefold() in known]


def refuse_no_options(where: str) -> SettingsError:
    """Return the error for a script in which nothing of a training is written."""
    return SettingsError(
        where,
        found="a script without a command that trains and without `$name = value` lines",
        expected="`accelerate launch … train_network.py --…`",
        way_out="name the file that holds the settings",
    )

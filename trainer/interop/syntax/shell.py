"""Scripts of bash, PowerShell and cmd.exe as variables and command lines, read without running anything.

A value that only the script itself could work out, such as `[int]($total / 2)` or `$(date)`, stays what it is: a `Computed`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from trainer.errors import SettingsError
from trainer.interop.record import Computed
from trainer.interop.syntax.shell_command import FIRST_FLAG, Command, command_of, is_comment, starts_training
from trainer.interop.syntax.shell_values import MAX_LENGTH, REFERENCE, VariablesOfAnyCase, name_of, names_in, value_of
from trainer.interop.syntax.tree import MAX_KEYS, too_many_keys

MAX_CHARACTERS = 2**17
"""Of a script; the longest known has 30,000."""


@dataclass(frozen=True)
class Assignment:
    """One `$name = value`."""

    name: str
    value: object
    line: int


@dataclass
class Script:
    """What a script says: the values of its variables, its commands, and the variables that blocks set, which may run or not.

    `passed_on` names the variables that another one's value is put together from.
    """

    assignments: list[Assignment] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    in_blocks: list[str] = field(default_factory=list)
    passed_on: dict[str, list[str]] = field(default_factory=dict)


_POWERSHELL_SET = re.compile(
    r"\s*(?:\[[\w.\[\]]+\]\s*)?\$(?:env:|script:|global:)?(\w+)\s*=(?!=)\s*([\s\S]*)$", re.ASCII
)
_POWERSHELL_ADD = re.compile(r"\s*\$(\w+)\s*\+=\s*([\s\S]*)$", re.ASCII)
_CHANGED = re.compile(r"\$(\w+)(?:\s*\+?=(?!=)|\.Add(?:Range)?\()", re.ASCII)
_CHANGED_IN_BASH = re.compile(r"(?<![\w$])([A-Za-z_]\w{0,99})\+=", re.ASCII)
_CMD_SET = re.compile(r"\s*@?set\s+(?:/\w\s+)?\"?(\w+)=(.*)$", re.ASCII | re.IGNORECASE)
_BASH_SET = re.compile(r"\s*(?:export\s+|declare\s+(?:-\w+\s+)?|local\s+)?([A-Za-z_]\w*)=(?!=)([\s\S]*)$", re.ASCII)
_BASH_ADD = re.compile(r"\s*([A-Za-z_]\w*)\+=([\s\S]*)$", re.ASCII)
_ADDS = {"powershell": _POWERSHELL_ADD, "bash": _BASH_ADD}
_PYTHON_SET = re.compile(r"\s*self\.(\w+)\s*(?::[^=]{1,80})?=(?!=)\s*(.*)$", re.ASCII)
_CMD_LINE = re.compile(
    r"^[ \t]*(?:@?echo[ \t]+off|@?set[ \t]+\"?\w+=|rem[ \t]|::|call[ \t])|\^[ \t]*$|%\w+%", re.IGNORECASE | re.MULTILINE
)
_END_OF_SETTINGS = re.compile(r"(?:config\s+end|конец\s+конфига)\b", re.IGNORECASE)
# A list that goes on below: PowerShell's `$name = @(`, bash's `name=(`.
_LIST_START = {
    "powershell": re.compile(r"\s*\$\w+\s*\+?=\s*@\("),
    "bash": re.compile(r"\s*(?:export\s+|local\s+|declare\s+(?:-\w+\s+)?)?[A-Za-z_]\w*\+?=\("),
}
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|#.*")
# `$a = 1; $b = "x; y"`: assignments alone, without blocks and calls.
_PART = re.compile(r"(?:[^;\"'\n]|\"[^\"\n]*\"|'[^'\n]*')+")
_SEVERAL = re.compile(
    r"(?:\s*(?:\$|export\s+)?[A-Za-z_]\w*\s*=(?!=)(?:[^;\"'\n{}()]|\"[^\"\n]*\"|'[^'\n]*')*+(?:;|$))++\s*(?:#.*)?",
    re.ASCII,
)
_MAX_LIST = 1000
_CONTINUED = {"bash": "\\", "powershell": "`", "cmd": "^"}
_OPENS, _CLOSES = re.compile(r"\b(?:then|do|case)\b|\{\s*$"), re.compile(r"^\s*(?:fi|done|esac|\})")


def looks_like_script(text: str) -> bool:
    """Return whether a text holds `$name = value` lines, or a command that trains."""
    return any(
        _POWERSHELL_SET.match(line) or _CMD_SET.match(line) or _PYTHON_SET.match(line) or FIRST_FLAG.match(line)
        for line in text.split("\n")
    ) or bool(re.search(r"train\w{0,40}\.py|accelerate\s+launch|\bnetworks?\.\w+\.py", text))


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
    values: dict[str, object] = {} if shell == "bash" else VariablesOfAnyCase()
    depth, options, ended, joins = 0, 0, False, False
    for number, line in _statements(_without_blocks(text), shell):
        first = line.split("\n", 1)[0]
        ended = ended or (first.lstrip().startswith("#") and bool(_END_OF_SETTINGS.search(first)))
        if is_comment(first, shell):
            continue
        depth = max(0, depth - _closed(first, shell))
        command = None
        assigned = _assignment(first if "\n" not in line else _joined(line), shell)
        if assigned is not None:
            if not ended:
                _note_assignment(*assigned, number, depth, script, values, shell)
        elif shell in _ADDS and _ADDS[shell].match(first):
            if not ended:
                _note_changes(line if _opens_list(first, shell) else first, number, depth, script, values, shell)
        elif (command := command_of(line, number, shell, values, where)) is not None:
            script.commands.append(replace(command, goes_on=joins and not command.script))
            options += len(command.flags)
        elif shell == "powershell" and not ended:
            _note_changes(first, number, depth, script, values, shell)
        joins = command is not None or (joins and not first.strip())
        if shell == "bash" and (depth or not _BASH_ADD.match(first)):
            script.in_blocks += _CHANGED_IN_BASH.findall(first)[:_MAX_LIST]
        depth += _opened(first, shell)
        if len(script.assignments) + options > MAX_KEYS:
            raise too_many_keys(f"{where} line {number}")
    script.commands = _joined_commands(script.commands)
    return script


def _note_assignment(
    name: str, written: str, number: int, depth: int, script: Script, values: dict[str, object], shell: str
) -> None:
    """Add a variable with its value, or note that a block may set it."""
    if depth:
        script.in_blocks.append(name)
        return
    if _is_list_of_words(written):
        return
    value = value_of(written, values, shell)
    if not isinstance(value, Computed):
        script.passed_on.setdefault(name.casefold(), []).extend(names_in(written))
    script.assignments.append(Assignment(name, value, number))
    values[name] = value


def _joined_commands(commands: list[Command]) -> list[Command]:
    """Return commands with the lines of options right behind them: long lines that were broken where they were copied."""
    groups: list[list[Command]] = []
    for each in commands:
        if each.goes_on and groups:
            groups[-1].append(each)
        else:
            groups.append([each])
    return [replace(group[0], flags=tuple(flag for each in group for flag in each.flags)) for group in groups]


def _note_changes(line: str, number: int, depth: int, script: Script, values: dict[str, object], shell: str) -> None:
    """Add what `+=` adds outside of blocks, and note which variables a line with a block changes."""
    added = _ADDS[shell].match(line)
    if added and not depth:
        before, more = values.get(added[1]), value_of(added[2], values, shell)
        script.passed_on.setdefault(added[1].casefold(), []).extend(names_in(added[2]))
        made: object = Computed(line.strip())
        if isinstance(before, list) and not isinstance(more, Computed):
            made = [*before, *more] if isinstance(more, list) else [*before, more]
        elif isinstance(before, str) and isinstance(more, str) and not isinstance(before, Computed | type(None)):
            made = Computed(line.strip()) if isinstance(more, Computed) else f"{before}{more}"
        if not isinstance(made, str | list) or len(made) <= (MAX_LENGTH if isinstance(made, str) else _MAX_LIST):
            script.assignments.append(Assignment(added[1], made, number))
            values[added[1]] = made
    elif added and shell == "bash":
        script.in_blocks.append(added[1])
    elif depth or "{" in line:
        script.in_blocks += _CHANGED.findall(line)[:_MAX_LIST]


def _shell_of(text: str) -> str:
    if re.search(r"^[ \t]*(?:\[\w+\])?\$\w+[ \t]*=|`[ \t]*$", text, re.MULTILINE) and not text.startswith("#!"):
        return "powershell"
    return "cmd" if _CMD_LINE.search(text) and not text.startswith("#!") else "bash"


def _without_blocks(text: str) -> str:
    """Return a script with PowerShell's block comments as blank lines."""
    parts: list[str] = []
    at = 0
    while (start := text.find("<#", at)) >= 0 and (end := text.find("#>", start + 2)) >= 0:
        comment = text[start : end + 2]
        ended = "# config end" if _END_OF_SETTINGS.search(comment) else ""
        parts += (text[at:start], ended, "\n" * comment.count("\n"))
        at = end + 2
    return "".join((*parts, text[at:]))


def _logical_lines(text: str, shell: str) -> Iterator[tuple[int, str]]:
    """Yield the number of its first line and each line with those that continue it, joined by line breaks."""
    sign = _CONTINUED[shell]
    parts: list[str] = []
    start, in_list = 1, False
    for number, line in enumerate(text.split("\n"), start=1):
        plain = line.rstrip()
        if not parts:
            start = number
            in_list = _opens_list(plain, shell)
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


def _statements(text: str, shell: str) -> Iterator[tuple[int, str]]:
    """Yield the logical lines of a script, those with several assignments in parts."""
    for number, line in _logical_lines(text, shell):
        if shell == "cmd" or ";" not in line or not _SEVERAL.fullmatch(line):
            yield number, line
        else:
            for part in _PART.findall(line):
                yield number, part


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
    if starts_training(line):
        # `CUDA_VISIBLE_DEVICES=1 accelerate launch …` is a command.
        return None
    patterns = (_POWERSHELL_SET, _PYTHON_SET, _CMD_SET) + ((_BASH_SET,) if shell == "bash" else ())
    for pattern in patterns:
        if match := pattern.match(line):
            written = match[2].strip()
            return match[1], written.removesuffix('"') if pattern is _CMD_SET and '="' not in line else written
    return None


def _is_list_of_words(written: str) -> bool:
    """Return whether a value gathers words for a command line: it is no setting."""
    return bool(re.match(r"(?:@?\(\s*\)|\[System|New-Object)", written))


def _joined(line: str) -> str:
    """Return a line with what continues it; the lines of a list stay, because comments end with them."""
    first, _, rest = line.partition("\n")
    is_list = rest and any(_opens_list(first, shell) for shell in _LIST_START)
    return line if is_list else line.replace("\n", " ")


def _opens_list(line: str, shell: str) -> bool:
    """Return whether a line begins a list that goes on below it."""
    match = _LIST_START[shell].match(line) if shell in _LIST_START else None
    return match is not None and ")" not in _QUOTED.sub("", line[match.end() :])


def set_in_blocks(script: Script) -> list[str]:
    """Return the variables that a block may set over a value from outside, or that the first command takes from one."""
    known = {each.name.casefold() for each in script.assignments}
    for flag in script.commands[0].flags if script.commands else ():
        if isinstance(flag.value, Computed):
            known |= {name_of(match).casefold() for match in REFERENCE.finditer(flag.value)}
    return [name for name in dict.fromkeys(script.in_blocks) if name.casefold() in known]


def refuse_no_options(where: str) -> SettingsError:
    """Return the error for a script in which nothing of a training is written."""
    return SettingsError(
        where,
        found="a script without a command that trains and without `$name = value` lines",
        expected="`accelerate launch … train_network.py --…`",
        way_out="name the file that holds the settings",
    )

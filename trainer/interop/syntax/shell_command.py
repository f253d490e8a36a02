"""Commands of scripts: their words and options, with variables in their place."""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from trainer.interop.option_list import OPTIONS
from trainer.interop.record import Computed
from trainer.interop.syntax.shell_values import ALONE, GATHERED, NUMBER, REFERENCE, expanded, name_of
from trainer.interop.syntax.tree import too_many_keys


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
    """A command line that trains: what stands before the script's name, the script, and its options.

    `goes_on` is a line of nothing but options right behind another command.
    """

    script: str
    launcher: tuple[Flag, ...]
    flags: tuple[Flag, ...]
    line: int
    goes_on: bool = False


@dataclass(frozen=True)
class _Word:
    """One word of a line: its text, whether variables in it are filled in, whether it was quoted, and its line."""

    text: str
    expands: bool
    quoted: bool
    line: int
    variable: str = ""


_SCRIPT = re.compile(
    r"(?P<name>\w{0,40}train\w{0,40}?(?:network|lora|db)\w{0,40}|lora_pti)(?:\.py)?", re.ASCII | re.IGNORECASE
)
_FLAG = re.compile(r"--?(?P<name>[A-Za-z]\w*(?:[-.]\w+)*)(?P<equals>=)?", re.ASCII)
_COMMENT = {"cmd": re.compile(r"\s*(?:@?rem\b|::)", re.IGNORECASE)}
# What a line begins with that starts a program, after the words that set its surroundings.
# Words before a program's name, and programs that start a training.
_BEFORE = re.compile(
    r"[$&]|PS|\S*>|call|start|nohup|sudo|time|exec|env|uvx?|poetry|pipenv|pixi|run|[A-Z_][A-Z0-9_]*+=.*", re.ASCII
)
_PROGRAM = re.compile(r"accelerate|lora_pti|py|pythonw?[\d.]*+", re.ASCII)
# Characters and words at a line's start in which a program stands.
_HEAD, _HEAD_WORDS = 4000, 40
FIRST_FLAG = re.compile(r"\s*--[A-Za-z]")
_PART_OF_TEXT = re.compile(r"(?:[^\s\"']|\"[^\"]*\"|'[^']*')+")
# What a notebook puts in before the shell has the line.
_OF_NOTEBOOK = re.compile(r"\{[A-Za-z_][\w.]{0,80}\}", re.ASCII)
# Of a command after its variables are put in.
_MAX_WORDS = 10_000
# The kinds of what stands between two blanks. A Windows path in quotes may end in a backslash, which then escapes nothing.
_DRIVE = r"(?P<drive>\"[A-Za-z]:[\\/][^\"]*\"?)"
_SINGLE = r"(?P<single>'[^']*'?)"
_REST = r"(?P<space>\s+)|(?P<plain>(?:[^\s\"'\\#^$`]|\$(?!\())+|.)"
# What a shell works out is one word, whatever blanks are in it.
_COMPUTED = r"(?P<computed>\$\((?:[^()]++|\([^()]*+\))*+\))"
_COMPUTED_IN_BASH = rf"{_COMPUTED}|(?P<ticked>`[^`]*`)"
_PIECES = {
    "bash": re.compile(
        rf"(?P<comment>(?<!\S)\#.*)|{_DRIVE}|(?P<double>\"(?:\\\"|[^\"])*\"?)|{_SINGLE}|"
        rf"(?P<literal>\\(?=[ ]+--))|(?P<escape>\\[ \"'$`])|"
        rf"{_COMPUTED_IN_BASH}|{_REST}"
    ),
    "powershell": re.compile(
        rf"(?P<comment>(?<!\S)\#.*)|{_DRIVE}|(?P<double>\"[^\"]*\"?)|{_SINGLE}|{_COMPUTED}|{_REST}"
    ),
    "cmd": re.compile(rf"{_DRIVE}|(?P<double>\"[^\"]*\"?)|(?P<escape>\^.)|{_REST}"),
}
_UNQUOTED: Mapping[str, Callable[[str], str]] = {
    "drive": lambda text: text.strip('"'),
    "double": lambda text: text[1 : len(text) - text[1:].endswith('"')].replace('\\"', '"'),
    "single": lambda text: text.strip("'"),
    "escape": lambda text: text[1:],
}


def has_command(text: str) -> bool:
    """Return whether a line of a text starts a program that trains, or is nothing but options."""
    return any(starts_training(line) or FIRST_FLAG.match(line) for line in text.split("\n"))


def starts_training(line: str) -> bool:
    """Return whether a line starts a program that trains."""
    if "--" not in line and "train" not in line and "launch" not in line:
        return False
    words = [word.strip("\"'") for word in line[:_HEAD].split()[:_HEAD_WORDS]]
    at = next((place for place, word in enumerate(words) if not _BEFORE.fullmatch(word)), len(words))
    rest = words[at + 1 :]
    name = re.split(r"[\\/]", words[at])[-1].removesuffix(".exe") if at < len(words) else ""
    trains = name.endswith(".py") and "train" in name
    if not rest or not (trains or _PROGRAM.fullmatch(name)):
        return False
    return any(word.startswith("--") or "train" in word or word == "launch" for word in rest)


def is_comment(line: str, shell: str) -> bool:
    """Return whether a line is a comment in that shell."""
    return bool(_COMMENT["cmd"].match(line)) if shell == "cmd" else line.lstrip().startswith("#")


def command_of(line: str, start: int, shell: str, values: Mapping[str, object], where: str) -> Command | None:
    """Return the command of a logical line, None where it trains nothing and has no options alone."""
    if "--" not in line:
        return None
    words = list(itertools.islice(_spread(_words(line, start, shell), values), _MAX_WORDS + 1))
    if len(words) > _MAX_WORDS:
        raise too_many_keys(f"{where} line {start}")
    names = (_script_name(word, values) for word in words)
    at, name = next(((place, name) for place, name in enumerate(names) if name), (-1, ""))
    if at < 0:
        if not words or not FIRST_FLAG.match(line):
            return None
        return Command("", (), tuple(_flags(words, values, keep_others=True)), start)
    flags = tuple(_flags(words[at + 1 :], values, keep_others=True))
    return Command(name, tuple(_flags(words[:at], values)), flags, start) if flags else None


def _script_name(word: _Word, values: Mapping[str, object]) -> str:
    """Return the name of the script that trains, "" where a word is none."""
    if word.text.startswith("--"):
        return ""
    last = re.split(r"[\\/]", str(_filled(word, values)[0]))[-1]
    match = _SCRIPT.fullmatch(last)
    return match["name"] if match else ""


def _spread(words: Iterator[_Word], values: Mapping[str, object]) -> Iterator[_Word]:
    """Yield the words of a command with those in place that a variable alone holds: a list, or options in one text."""
    for word in words:
        name = ""
        if gathered := GATHERED.fullmatch(word.text):
            name = gathered["a"]
        elif not word.quoted and ALONE.fullmatch(word.text) and (match := REFERENCE.match(word.text)):
            name = name_of(match)
        value = values.get(name) if name else None
        if isinstance(value, str) and not isinstance(value, Computed) and value.lstrip().startswith("--"):
            value = [part.replace('"', "").replace("'", "") for part in _PART_OF_TEXT.findall(value)]
        if isinstance(value, list):
            for each in value:
                yield _Word(str(each), False, not str(each).startswith("--"), word.line, name)
        else:
            yield word


def _words(line: str, start: int, shell: str) -> Iterator[_Word]:
    """Yield the words of a logical line; quotes group, and end at the latest with their line."""
    for offset, part in enumerate(line.split("\n")):
        if is_comment(part, shell):
            continue
        pieces: list[tuple[str, str]] = []
        for match in _PIECES[shell].finditer(part):
            kind = str(match.lastgroup)
            if kind == "comment":
                break
            if kind != "space" and not (kind == "ticked" and match[0].startswith("`#")):
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
    if _OF_NOTEBOOK.fullmatch(word.text):
        return Computed(word.text), ()
    return (
        expanded(word.text, values) if word.expands and any(sign in word.text for sign in "$%!`") else (word.text, ())
    )


def _flags(words: list[_Word], values: Mapping[str, object], *, keep_others: bool = False) -> Iterator[Flag]:
    """Yield the options of a command with their values, as argparse takes them.

    Args:
        words: of the command.
        values: of the script's variables.
        keep_others: whether words that are of no option are yielded too, by number: a trainer takes none.
    """
    name, line, found, used = "", 0, list[object](), list[str]()
    others = 0

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
        switch = OPTIONS.get(name.replace("-", "_")) == "flag"
        if isinstance(value, Computed) and (not taking or found or switch) and ALONE.fullmatch(word.text):
            # More options, in a variable that nothing here can read.
            yield Flag(word.text, value, word.line)
        elif match and not NUMBER.fullmatch(word.text):
            # A short option of a launcher, such as -m.
            if name:
                yield flag()
            name = ""
        elif name and taking:
            found.append(value)
            used += names
        elif keep_others:
            others += 1
            yield Flag(f"argument_{others}", value, word.line, tuple(names))
    if name:
        yield flag()

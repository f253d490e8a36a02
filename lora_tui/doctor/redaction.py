"""Texts without what is private: paths, names, captions, prompts, tags and file names become placeholders, the same one everywhere.

What is known to be private is replaced whole, and so are its single words unless the program uses them all the time. Of everything
else a text keeps only words that stand in the program's own source or in the facts of the machine: what a caption says of a person
is in neither.
"""

import functools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from trainer.regular_file import read_regular

# Longer ones first, so that a folder in a path is no word of its own.
_PATH = re.compile(r"(?:~|[A-Za-z]:)?[\\/][^\s\"'`“”‘’<>|:;,()\[\]]+")
# From the start of a word alone: tried at each letter of a long one it would take the square of its length.
_FILE_NAME = re.compile(
    r"(?<![^\s\"'`“”‘’<>|:;,()\[\]\\/])[^\s\"'`“”‘’<>|:;,()\[\]\\/]+\.(?:[A-Za-z][A-Za-z0-9]{1,11})\b"
)
_QUOTED = re.compile(r"“[^”]*”|‘[^’]*’|\"[^\"]*\"|`[^`]*`|(?<!\w)'[^']{2,}'(?!\w)")
_WORD = re.compile(r"<[a-z]+-\d+>|\w(?:[\w.+-]*\w)?")
_PLACEHOLDER = re.compile(r"<[a-z]+-\d+>")
_NUMBER = re.compile(r"[\d.,:+-]*\d(?:[eE][+-]?\d+)?|[\d.]+(?:s|ms|h|m|k|K|M|G|B|MiB|GiB|KiB|px|ep)")
_FRAME = re.compile(r'^(\s*)File "([^"]*)", line (\d{1,9}), in (\S+)$')
_TRACE = "Traceback (most recent call last):"
_PART_OF_WORD = re.compile(r"[^\W_]+")
_SOURCES = ("*.py", "*.toml")
_LEAST_LENGTH = 2
_LONGEST_SECRET = 200
# A word that the program itself uses this often says nothing of a caption that has it too: `the`, `base`, `step`.
_COMMON = 150
_MAX_SOURCE = 2**20


@functools.cache
def own_words() -> Mapping[str, int]:
    """Return each word of the program's own source, in lower case, with how often it stands there."""
    root = Path(__file__).resolve().parents[2]
    found: Counter[str] = Counter()
    for room in ("lora_tui", "trainer"):
        for pattern in _SOURCES:
            for path in (root / room).rglob(pattern):
                try:
                    text = read_regular(path, _MAX_SOURCE).decode("utf-8", "replace")
                except OSError:
                    continue
                found.update(word.lower() for word in re.findall(r"[A-Za-z]+", text))
    return found


class Redaction:
    """Replaces what is private, over all texts of one bundle alike.

    Args:
        secrets: kind (`path`, `name`, `tag`, `file` …) with a text of it; shorter than two characters is no secret.
        known: further texts whose words may stay: names of GPUs, versions.
    """

    def __init__(self, secrets: Iterable[tuple[str, str]], known: Iterable[str] = ()) -> None:
        self._names: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._kept = {word.lower() for text in known for word in _WORD.findall(text)}
        kinds: dict[str, str] = {}
        for kind, secret in secrets:
            text = secret.strip()
            if len(text) >= _LEAST_LENGTH and not _NUMBER.fullmatch(text):
                kinds.setdefault(text.lower(), kind)
        self._kinds = kinds
        self._said = {word.lower() for secret in kinds for word in re.findall(r"[^\W\d_]+", secret)}
        self._by_word = _by_first_word(kinds)

    def text(self, text: str) -> str:
        """Return `text`, of any number of lines, with everything private replaced. A traceback keeps what is the program's or a library's."""
        return "\n".join(self._lines(text.split("\n")))

    def path(self, path: str) -> str:
        """Return the placeholder of a path."""
        return self._placeholder("path", path)

    def value(self, kind: str, text: str) -> str:
        """Return the placeholder of a text that is private whatever it says."""
        return self._placeholder(self._kinds.get(text.strip().lower(), kind), text) if text else text

    def _lines(self, lines: list[str]) -> Iterator[str]:
        source: str | None = None
        for line in lines:
            if line == _TRACE:
                yield line
                continue
            if (frame := _FRAME.match(line)) is not None:
                yield f'{frame[1]}File "{self._code_place(frame[2])}", line {frame[3]}, in {self._words(frame[4])}'
                source = _line_of(frame[2], int(frame[3]))
                continue
            # What stands in the file itself is no user's text.
            kept = source is not None and source.strip() == line.strip()
            source = None
            yield line if kept else self._line(line)

    def _line(self, line: str) -> str:
        line = self._without_secrets(line)
        line = _PATH.sub(self._path_in, line)
        line = _FILE_NAME.sub(self._file_in, line)
        line = _QUOTED.sub(self._quoted, line)
        return self._words(line)

    def _without_secrets(self, line: str) -> str:
        """Replace what is known to be private; by the words there are, since a data set has tens of thousands of tags."""
        low, pieces, done = line.lower(), [], 0
        if len(low) != len(line):
            # Of a letter that is two in lower case: places would be others.
            low = line
        for word in _PART_OF_WORD.finditer(low):
            for secret, before in self._by_word.get(word[0], ()):
                start = word.start() - before
                end = start + len(secret)
                if start >= done and low.startswith(secret, start) and _stands_alone(low, start, end):
                    pieces += [line[done:start], self._placeholder(self._kinds[secret], line[start:end])]
                    done = end
                    break
        return "".join([*pieces, line[done:]])

    def _path_in(self, found: re.Match[str]) -> str:
        # `img/s`, `40/240`, `n/a`: a slash between short words is a unit or a share.
        text = found[0]
        before = found.string[found.start() - 1] if found.start() else " "
        if before.isalnum() and not _PLACEHOLDER.search(text):
            return text if re.fullmatch(r"/[\w.]{1,8}", text) else self._placeholder("path", text)
        return self._placeholder("path", text)

    def _file_in(self, found: re.Match[str]) -> str:
        text = found[0]
        # `bake.log` is the program's; `IMG_2231.png` is somebody's, whatever its words.
        is_own = self._is_own(text) and not any(sign.isdigit() for sign in text)
        if _PLACEHOLDER.search(text) or _NUMBER.fullmatch(text) or is_own:
            return text
        stem, _, ending = text.rpartition(".")
        return f"{self._placeholder('file', stem)}.{ending}"

    def _quoted(self, found: re.Match[str]) -> str:
        text = found[0]
        inside = text[1:-1]
        if (
            all(_PLACEHOLDER.fullmatch(word) or self._is_own(word) for word in _WORD.findall(inside))
            and " " not in inside
        ):
            return text
        if inside.startswith("lora-tui "):
            return text
        return f"{text[0]}{self._placeholder('text', inside)}{text[-1]}" if inside.strip() else text

    def _words(self, line: str) -> str:
        return _WORD.sub(lambda found: found[0] if self._stays(found[0]) else self._placeholder("word", found[0]), line)

    def _stays(self, word: str) -> bool:
        return bool(_PLACEHOLDER.fullmatch(word) or _NUMBER.fullmatch(word)) or self._is_own(word)

    def _is_own(self, word: str) -> bool:
        low = word.lower()
        if low in self._kept:
            return True
        parts = re.findall(r"[^\W\d_]+", low)
        return bool(parts) and all(self._may_stay(part) for part in parts)

    def _may_stay(self, word: str) -> bool:
        often = own_words().get(word, 0)
        return often >= (_COMMON if word in self._said else 1)

    def _code_place(self, path: str) -> str:
        for mark in ("/site-packages/", "/dist-packages/"):
            if mark in path:
                return f"<site-packages>/{path.rpartition(mark)[2]}"
        root = str(Path(__file__).resolve().parents[2])
        if path.startswith(root + "/"):
            return f"<program>/{path[len(root) + 1 :]}"
        if found := re.search(r"/lib/(python3\.\d+/.*)", path):
            return f"<python>/{found[1]}"
        return path if path.startswith("<") else self._placeholder("path", path)

    def _placeholder(self, kind: str, text: str) -> str:
        key = text.strip().lower().rstrip("/\\")
        if key not in self._names:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._names[key] = f"<{kind}-{self._counts[kind]}>"
        return self._names[key]


def _by_first_word(secrets: Iterable[str]) -> dict[str, list[tuple[str, int]]]:
    """Return the first word of each secret -> the secrets with it, the longest first, each with the place of that word in it."""
    found: dict[str, list[tuple[str, int]]] = {}
    for secret in sorted(secrets, key=lambda text: (-len(text), text)):
        word = _PART_OF_WORD.search(secret)
        # A whole caption stands in no log, and its tags are secrets of their own.
        if word is not None and len(secret) <= _LONGEST_SECRET:
            found.setdefault(word[0], []).append((secret, word.start()))
    return found


def _stands_alone(line: str, start: int, end: int) -> bool:
    """Return whether a stretch is no part of a longer word: of a tag `cat`, `category` says nothing."""
    inside = (line[start].isalnum() and start > 0 and line[start - 1].isalnum()) or (
        line[end - 1].isalnum() and end < len(line) and line[end].isalnum()
    )
    return not inside


def _line_of(path: str, number: int) -> str | None:
    """Return a line of a source file of an installed package or of ours; None of any other file."""
    own = str(Path(__file__).resolve().parents[2])
    if not path.endswith(".py") or not any(
        mark in path for mark in ("/site-packages/", "/dist-packages/", "/lib/python3", own)
    ):
        return None
    try:
        lines = read_regular(Path(path), _MAX_SOURCE).decode("utf-8", "replace").splitlines()
    except OSError:
        return None
    return lines[number - 1] if 0 < number <= len(lines) else None

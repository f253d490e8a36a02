r"""The backup of one step: every caption that it changes, before and after, in one file that people can read.

A line of JSON each: first what the step is; then `{"path": …, "encoding": …, "before": …, "after": …}` for each caption file, all of
its text with its byte order mark and line ends, null where there is no file; at last the SHA-256 of all lines before. It is on the
disk before the first caption is touched, so that nothing is lost however the step ends.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Literal, get_args

from trainer.atomic_file import atomic_path
from trainer.dataset.sources import folder_words
from trainer.errors import WorkspaceError
from trainer.regular_file import open_regular
from trainer.text import printable
from trainer.typed_values import WrongValue, value_from_json
from trainer.workspace_paths import WorkspacePaths

TextEncoding = Literal["UTF-8", "UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE"]
"""Of a caption file; its byte order mark is part of its text here."""

_ENCODINGS: tuple[TextEncoding, ...] = get_args(TextEncoding)
_FORMAT = 1
_MAX_BYTES = 2**32
# The words of a step are shortened where they are made.
_MAX_HEADER_BYTES = 2**16
_ABOUT = "caption files before and after one step; `lora-tui captions undo N` puts them back"


@dataclass(frozen=True)
class BackupHeader:
    """What a step is.

    Attributes:
        format: version of the file's format.
        step: its number.
        when: seconds since 1970.
        words: what it does.
        files: how many caption files it changes.
        about: what the file is, for who opens it.
    """

    format: int
    step: int
    when: float
    words: str
    files: int
    about: str = _ABOUT


@dataclass(frozen=True)
class BackupEntry:
    """One caption file before and after a step, to the byte; None where there is no file."""

    path: Path
    before: bytes | None
    after: bytes | None
    encoding: TextEncoding = "UTF-8"

    @property
    def text_before(self) -> str | None:
        """Its text before the step, without a byte order mark."""
        return _unmarked(_text(self.before, self.encoding))

    @property
    def text_after(self) -> str | None:
        """Its text after the step, without a byte order mark."""
        return _unmarked(_text(self.after, self.encoding))


@dataclass(frozen=True)
class _Line:
    path: str
    encoding: TextEncoding
    before: str | None
    after: str | None


@dataclass(frozen=True)
class _Digest:
    sha256: str


def encoding_named(name: str) -> TextEncoding:
    """Return an encoding by its name."""
    return next(each for each in _ENCODINGS if each == name)


def write_backup(
    file: Path, step: int, when: float, words: str, entries: Iterable[BackupEntry], paths: WorkspacePaths
) -> None:
    """Write the backup of a step, and put it on the disk.

    Args:
        file: where to; what is there is replaced.
        step, when, words: as in BackupHeader.
        entries: the caption files.
        paths: of the workspace that keeps it.

    Raises:
        OSError: it cannot be written.
    """
    entries = list(entries)
    kept = _Kept(paths)
    digest = hashlib.sha256()
    with atomic_path(file, private=True) as beside, open(beside, "wb") as out:

        def put(value: object) -> None:
            line = _json(value)
            digest.update(line)
            out.write(line)

        put(asdict(BackupHeader(_FORMAT, step, when, words, len(entries))))
        for entry in entries:
            texts = (_text(content, entry.encoding) for content in (entry.before, entry.after))
            put(vars(_Line(kept.kept(entry.path), entry.encoding, *texts)))
        out.write(_json(asdict(_Digest(digest.hexdigest()))))


def read_header(file: Path) -> BackupHeader:
    """Return what the step of a backup is.

    Raises:
        WorkspaceError: it cannot be read, or is damaged.
    """
    try:
        with open_regular(file, _MAX_BYTES) as content:
            return _header(content.readline(_MAX_HEADER_BYTES))
    except OSError as error:
        raise _unreadable(file, error) from error
    except WrongValue as error:
        raise _damaged(file, str(error)) from None


def read_backup(file: Path, paths: WorkspacePaths) -> list[BackupEntry]:
    """Return the caption files of a backup, where they are now.

    Args:
        file: the backup.
        paths: of the workspace that keeps it.

    Raises:
        WorkspaceError: it cannot be read, is not complete, or was changed since.
    """
    try:
        return list(_entries(file, _Kept(paths)))
    except OSError as error:
        raise _unreadable(file, error) from error
    except (WrongValue, UnicodeEncodeError) as error:
        raise _damaged(file, str(error)) from None


def _entries(file: Path, kept: "_Kept") -> Iterator[BackupEntry]:
    with open_regular(file, _MAX_BYTES) as content:
        # Before anything is taken from it: where it is wrong, nothing of it is put back.
        count = _checked_lines(content)
        content.seek(0)
        _header(content.readline(_MAX_HEADER_BYTES))
        for line in islice(content, count - 1):
            found = value_from_json(_Line, line)
            path = kept.found(found.path)
            if path is None:
                raise WrongValue(f"path: {printable(found.path, 60)}; expected the path of a caption file")
            texts = (found.before, found.after)
            before, after = (None if text is None else text.encode(found.encoding) for text in texts)
            yield BackupEntry(path, before, after, found.encoding)


def _checked_lines(content: BinaryIO) -> int:
    """Return how many lines stand before the last one, which has their digest; of captions of any number one is held at a time.

    Raises:
        WrongValue: there is no such line, or it is another digest.
    """
    digest, last, count = hashlib.sha256(), b"", 0
    for count, line in enumerate(content):
        if count:
            digest.update(last)
        last = line
    if not count:
        raise WrongValue("it ends before its last line")
    if value_from_json(_Digest, last).sha256 != digest.hexdigest():
        raise WrongValue("its content is not what its last line says")
    return count


def _header(line: bytes) -> BackupHeader:
    header: BackupHeader = value_from_json(BackupHeader, line)
    if header.format != _FORMAT:
        raise WrongValue(f"format: {header.format}; expected {_FORMAT}")
    return header


class _Kept:
    """Paths of caption files as a workspace keeps them; a folder is looked at once."""

    def __init__(self, paths: WorkspacePaths) -> None:
        self._paths = paths
        self._written: dict[Path, str] = {}
        self._found: dict[str, Path] = {}

    def kept(self, path: Path) -> str:
        folder = path.parent
        if folder not in self._written:
            self._written[folder] = self._paths.kept(str(folder))
        return f"{self._written[folder]}/{path.name}"

    def found(self, text: str) -> Path | None:
        folder, _, name = text.rpartition("/")
        if not name or name.startswith(".") or "\0" in text:
            return None
        if folder not in self._found:
            self._found[folder] = _called_now(Path(self._paths.found(folder or "/")))
        return self._found[folder] / name


def _called_now(folder: Path) -> Path:
    """Return what a folder of pictures is called now that has got other repeats by its name since: `5_hifumi` for `2_hifumi`.

    One that is there, and one of which there is no other or more than one, keeps its name.
    """
    if folder.is_dir() or folder.parent == folder:
        return folder
    above = _called_now(folder.parent)
    try:
        names = os.listdir(above)
    except OSError:
        return folder
    words = _without_repeats(folder.name)
    others = [above / name for name in names if _without_repeats(name) == words]
    found = [folder.name] if folder.name in names else [each.name for each in others if each.is_dir()]
    return above / found[0] if len(found) == 1 else folder


def _without_repeats(name: str) -> str:
    words = folder_words(name)
    return name if words is None else words


def _text(content: bytes | None, encoding: TextEncoding) -> str | None:
    return None if content is None else content.decode(encoding)


def _unmarked(text: str | None) -> str | None:
    return None if text is None else text.lstrip("\ufeff")


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8") + b"\n"


def _unreadable(file: Path, error: OSError) -> WorkspaceError:
    return WorkspaceError(
        printable(str(file)),
        found=f"the backup of a step cannot be read ({error.strerror})",
        way_out="fix its permissions",
    )


def _damaged(file: Path, found: str) -> WorkspaceError:
    return WorkspaceError(
        printable(str(file)),
        found=f"a damaged backup of a step: {printable(found, 120)}",
        expected="a file as it was written",
        way_out="its lines are JSON, from which single captions can be copied back by hand",
    )

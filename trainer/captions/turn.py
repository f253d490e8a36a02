"""Caption files brought to what they are before a step or after it, each in one move."""

import errno
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trainer.atomic_file import remove_partial_files, write_unflushed
from trainer.captions.backup import BackupEntry, encoding_named
from trainer.captions.plan import Progress
from trainer.captions.record import EditedCaption, RefusedCaption
from trainer.dataset.caption_file import MAX_CAPTION_BYTES, decode_caption
from trainer.dataset.picture_file import is_picture_name
from trainer.errors import LoraTuiError
from trainer.file_mark import FileMark, marked
from trainer.refusals import refusal_of
from trainer.regular_file import open_regular, read_regular
from trainer.text_encoding import EncodedText

CHANGED = "it was changed since"
"""Why a caption is left that is neither as before the step nor as after it."""

_NO_FOLDER = "its folder is not there any more"

# Removing a file waits for the disk, and many can wait at once; handed on one by one they would cost more than removing them.
_REMOVING_AT_ONCE, _REMOVED_TOGETHER = 8, 32
# What every further file would meet as well.
_NO_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)


@dataclass(frozen=True)
class TurnedCaptions:
    """What became of the caption files of a step.

    Attributes:
        left: those left as they are, and why.
        done: how many are as wanted.
        stopped: whether `stop` ended it.
    """

    left: tuple[RefusedCaption, ...]
    done: int
    stopped: bool = False


def entries_of(
    changes: Sequence[EditedCaption], stop: Callable[[], bool]
) -> tuple[list[BackupEntry], list[FileMark | None], list[RefusedCaption]]:
    """Return what is written, the mark of each file as it was read, and the files that are not as the plan says."""
    entries, marks, left = [], [], []
    for change in changes:
        if stop():
            break
        try:
            mark, entry = _read(change)
        except LoraTuiError as error:
            left.append(RefusedCaption(change.path, error.found))
            continue
        except UnicodeEncodeError:
            left.append(RefusedCaption(change.path, "half of a letter is in its new text"))
            continue
        if entry is None:
            left.append(RefusedCaption(change.path, "it was changed since the preview"))
        else:
            entries.append(entry)
            marks.append(mark)
    return entries, marks, left


def _read(change: EditedCaption) -> tuple[FileMark | None, BackupEntry | None]:
    """Return the mark of a caption, and what is written of it; no entry where it is not as it was when the plan was made."""
    if change.before is None:
        mark = _mark(change.path)
        return mark, None if mark is not None else BackupEntry(change.path, None, (change.after or "").encode())
    if change.read is not None and change.before == change.read[0].text and _mark(change.path) == change.read[1]:
        # Nobody has written to it since.
        read, mark = change.read
        return mark, _entry(change, read, read.encoded(change.before))
    try:
        with open_regular(change.path, buffered=False) as file:
            mark = marked(os.fspath(change.path), os.fstat(file.fileno()))
            content = file.read(MAX_CAPTION_BYTES + 1) or b""
    except FileNotFoundError:
        return None, None
    except OSError as error:
        raise refusal_of(error) from error
    read = decode_caption(change.path, content)
    if read.text != change.before:
        return mark, None
    return mark, _entry(change, read, content)


def _entry(change: EditedCaption, read: EncodedText, content: bytes) -> BackupEntry:
    after = None if change.after is None else read.encoded(change.after)
    return BackupEntry(change.path, content, after, encoding_named(read.encoding))


def _mark(path: Path) -> FileMark | None:
    try:
        return marked(os.fspath(path), os.stat(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refusal_of(error) from error


def turn_captions(
    entries: Sequence[BackupEntry],
    *,
    forward: bool,
    marks: Sequence[FileMark | None] | None = None,
    torn: bool = False,
    show: Progress = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
) -> TurnedCaptions:
    """Bring captions to what they are after a step, or before it.

    Args:
        entries: the captions.
        forward: whether to what is after.
        marks: of each file as it was read a moment ago; None to read it now.
        torn: whether a killed process or a power cut may have left files empty.
        show, stop: as CaptionHistory.write.

    Raises:
        OSError: the disk takes no more.
    """
    with ThreadPoolExecutor(_REMOVING_AT_ONCE, "captions") as removing:
        turn = _Turn(forward, torn, removing)
        try:
            for number, entry in enumerate(entries):
                if stop():
                    return TurnedCaptions(tuple(turn.left), turn.done, stopped=True)
                turn.take(entry, None if marks is None else marks[number], read=marks is None)
                show(number + 1, len(entries))
            return TurnedCaptions(tuple(turn.left), turn.done)
        finally:
            turn.remove_replaced()


class _Turn:
    """Captions on their way, one after the other."""

    def __init__(self, forward: bool, torn: bool, removing: Executor) -> None:
        self._forward, self._torn, self._removing = forward, torn, removing
        self._folders = _PictureFolders()
        self._replaced: list[Path] = []
        self.left: list[RefusedCaption] = []
        self.done = 0

    def take(self, entry: BackupEntry, mark: FileMark | None, *, read: bool) -> None:
        """Bring one caption to what it is to be, or leave it; `read` says that it is read now, else its mark is compared."""
        try:
            why = self._taken(entry, mark, read)
        except OSError as error:
            if error.errno in _NO_DISK:
                raise
            why = f"it cannot be written ({error.strerror})"
        except LoraTuiError as error:
            why = error.found
        if why:
            self.left.append(RefusedCaption(entry.path, why))
        else:
            self.done += 1

    def _taken(self, entry: BackupEntry, mark: FileMark | None, read: bool) -> str:
        want, other = (entry.after, entry.before) if self._forward else (entry.before, entry.after)
        if read:
            content = _content(entry.path)
            if content is None and not entry.path.parent.is_dir():
                return _NO_FOLDER
            if content == want:
                return ""
            if content != other and not (self._torn and _is_torn(content)):
                return CHANGED
        elif _mark(entry.path) != mark:
            return "it was changed while the step was written"
        if not self._folders.has_pictures(os.path.dirname(entry.path)):
            return "there are no pictures in its folder"
        if (replaced := _put(entry.path, want)) is not None:
            self._replaced.append(replaced)
            if len(self._replaced) >= _REMOVED_TOGETHER:
                self.remove_replaced()
        return ""

    def remove_replaced(self) -> None:
        """Have what was replaced removed."""
        if self._replaced:
            self._removing.submit(_remove, self._replaced)
            self._replaced = []


def _remove(replaced: Sequence[Path]) -> None:
    for path in replaced:
        # One that cannot be removed is hidden, and nothing reads it.
        with suppress(OSError):
            os.unlink(path)


def _put(path: Path, content: bytes | None) -> Path | None:
    """Write or remove a caption; return a file with what was there before, which is to be removed."""
    if content is None:
        path.unlink()
        return None
    # The backup is on the disk, and a step is done only when everything is: so no file needs to wait for it by itself.
    return write_unflushed(path, content)


def _content(path: Path) -> bytes | None:
    """Return what a caption file holds now, None where there is none."""
    try:
        return read_regular(path, 4 * MAX_CAPTION_BYTES)
    except FileNotFoundError:
        return None


def _is_torn(content: bytes | None) -> bool:
    """Return whether a file is what a power cut leaves of one that was being written: nothing, or zero bytes."""
    return content is not None and not content.strip(b"\0")


class _PictureFolders:
    """Whether folders hold pictures, each looked at once: nothing is written where captions do not belong."""

    def __init__(self) -> None:
        self._known: dict[str, bool] = {}

    def has_pictures(self, folder: str) -> bool:
        if folder not in self._known:
            try:
                self._known[folder] = any(map(is_picture_name, os.listdir(folder)))
            except OSError:
                self._known[folder] = False
        return self._known[folder]


def remove_parts(entries: Sequence[BackupEntry]) -> None:
    """Remove what a killed process left half-written."""
    for folder in {entry.path.parent for entry in entries}:
        with suppress(OSError):
            remove_partial_files(folder)

"""A watch over the settings file that is open: what another program writes into it is read."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.wording.unexpected import as_error
from trainer.errors import LoraTuiError
from trainer.file_mark import FileMark, mark_of

if TYPE_CHECKING:
    from trainer.settings.model import Settings

_LOOK_SECONDS = 1.0


@dataclass
class FileRead(Message):
    """The settings file was read, because it changed or because somebody asked.

    Attributes:
        path: the file.
        settings: what it holds, None where it cannot be used.
        error: why it cannot.
        asked: what was passed to `look`, "" where the file changed by itself.
    """

    path: Path
    settings: "Settings | None"
    error: LoraTuiError | None = None
    asked: str = ""


class SettingsWatch(threading.Thread):
    """Looks every second whether the open file is another one than before. A look costs no reading.

    Args:
        post: `post_message` of the screen.
        seconds: between two looks.
    """

    def __init__(self, post: Callable[[Message], object], seconds: float = _LOOK_SECONDS) -> None:
        super().__init__(name="settings watch", daemon=True)
        self.seconds = seconds
        self._post = post
        self._changed = threading.Condition()
        self._path: Path | None = None
        self._asked: str | None = None
        self._ended = False
        # Of the file as it was last read, and as it was at the last look: half a file is not read.
        self._read: FileMark | None = None
        self._seen: FileMark | None = None
        self._watched: Path | None = None

    def watch(self, path: Path | None) -> None:
        """Watch `path` from now on, as it is now; None watches nothing."""
        with self._changed:
            self._path = path
            self._changed.notify()

    def look(self, asked: str) -> None:
        """Read the file now, whether it changed or not; `asked` comes back with the answer."""
        with self._changed:
            self._asked = asked
            self._changed.notify()

    def stop(self) -> None:
        """End the thread."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def run(self) -> None:
        """Look until stopped."""
        while True:
            with self._changed:
                if self._ended:
                    return
                path, asked, self._asked = self._path, self._asked, None
            if path is not None:
                self._look(path, asked)
            with self._changed:
                self._changed.wait_for(
                    lambda: self._ended or self._asked is not None or self._path != self._watched, self.seconds
                )

    def _look(self, path: Path, asked: str | None) -> None:
        mark = _mark(path)
        if path != self._watched:
            self._watched, self._read, self._seen = path, mark, mark
        if asked is None and (mark is None or mark == self._read or mark != self._seen):
            # A file that is being replaced is not there for a moment.
            self._seen = mark
            return
        self._read = self._seen = mark
        self._post(_file_read(path, asked or ""))


def _mark(path: Path) -> FileMark | None:
    try:
        return mark_of(path)
    except OSError:
        return None


def _file_read(path: Path, asked: str) -> FileRead:
    from trainer.settings.toml_file import load_settings

    try:
        return FileRead(path, load_settings(path), asked=asked)
    except Exception as error:
        return FileRead(path, None, as_error(path.name, error), asked)

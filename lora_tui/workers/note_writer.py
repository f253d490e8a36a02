"""A thread that writes a note as it is typed, the newest text alone, so that a lost terminal loses none of it."""

import threading
from collections.abc import Callable

from textual.message import Message

_CLOSE_SECONDS = 6.0
"""Longer than a write waits for another program."""


class NoteWriter(threading.Thread):
    """Writes texts one after the other; of those that come while it writes only the last.

    Args:
        write: writes a text; called in this thread, and returns its answer or raises.
        post: `post_message` of the screen.
        failed: makes a message of what `write` raised.
    """

    def __init__(
        self,
        write: Callable[[str], Message],
        post: Callable[[Message], object],
        failed: Callable[[Exception], Message],
    ) -> None:
        super().__init__(name="note", daemon=True)
        self._write = write
        self._post = post
        self._failed = failed
        self._changed = threading.Condition()
        self._text: str | None = None
        self._ended = False

    def put(self, text: str) -> None:
        """Have `text` written in the place of what was before."""
        with self._changed:
            self._text = text
            self._changed.notify()

    def close(self) -> None:
        """End once everything is written."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def wait(self) -> None:
        """Wait until everything is written, but not for ever; after `close`, and not for the screen's thread."""
        self.join(_CLOSE_SECONDS)

    def run(self) -> None:
        """Write until closed."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._text is not None or self._ended)
                text, self._text = self._text, None
            if text is None:
                return
            try:
                self._post(self._write(text))
            except Exception as error:
                self._post(self._failed(error))

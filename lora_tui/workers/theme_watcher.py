"""A thread that reads the themes again when the user's theme files change."""

import threading
from collections.abc import Callable

from textual.message import Message

from lora_tui.colours.theme_files import FoundThemes, find_themes, mark_of_own_themes

_LOOK_SECONDS = 1.0


class ThemesChanged(Message):
    """The user's theme files are others than before.

    Attributes:
        found: all themes, read again.
    """

    def __init__(self, found: FoundThemes) -> None:
        super().__init__()
        self.found = found


class ThemeWatcher(threading.Thread):
    """Looks at the user's theme files once a second.

    Args:
        post: `post_message` of the app.
    """

    def __init__(self, post: Callable[[Message], object]) -> None:
        super().__init__(name="themes", daemon=True)
        self._post = post
        self._ended = threading.Event()
        self._mark = mark_of_own_themes()

    def stop(self) -> None:
        """End it soon."""
        self._ended.set()

    def run(self) -> None:
        """Look until stopped."""
        while not self._ended.wait(_LOOK_SECONDS):
            mark = mark_of_own_themes()
            if mark != self._mark:
                self._mark = mark
                self._post(ThemesChanged(find_themes()))

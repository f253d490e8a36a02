"""One line of progress on standard error."""

import sys
import time
from collections.abc import Callable

import click

from lora_tui.terminal.capabilities import places_text
from trainer.text import printable

_WIDTH = 70
# A slow connection is not to be filled with numbers.
_LEAST_SECONDS = 0.1


class ProgressLine:
    """A line that is replaced by the next one and erased at the end; nothing where standard error is no terminal that can."""

    def __enter__(self) -> Callable[[str], None]:
        self._terminal = places_text(sys.stderr)
        self._shown = 0.0
        return self._show

    def __exit__(self, *_: object) -> None:
        if self._terminal:
            click.echo("\r\x1b[K", nl=False, err=True)

    def _show(self, text: str) -> None:
        if self._terminal and time.monotonic() - self._shown >= _LEAST_SECONDS:
            self._shown = time.monotonic()
            # A line that wraps could not be erased.
            click.echo(f"\r\x1b[K{printable(text, _WIDTH)} …", nl=False, err=True)

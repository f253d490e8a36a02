"""A line that takes a path, or all lines of a paste."""

from dataclasses import dataclass

from textual import events
from textual.message import Message
from textual.timer import Timer

from lora_tui.widgets.line_input import LineInput

# A terminal that does not mark a paste sends its lines as keys, within a few milliseconds; nobody types on that soon after enter.
_QUIET_SECONDS = 0.15
# Linux: PATH_MAX. A JSON without line breaks is longer.
_LONGEST_PATH = 4096


class SourceLine(LineInput):
    """What is entered or pasted comes as one message, its line breaks kept."""

    @dataclass
    class Given(Message):
        """A path or a line was entered, or several lines were pasted."""

        text: str

    def __init__(self, *, id: str, hint: str) -> None:
        super().__init__(placeholder=hint, id=id, compact=True)
        self.cursor_blink = False
        self._lines: list[str] = []
        self._timer: Timer | None = None

    async def action_submit(self) -> None:
        """Give what was typed, unless more comes at once: then it is the next line of a paste."""
        # While it waits, what stands in the line was taken already: an empty line follows it.
        self._lines.append("" if self._timer is not None else self.value)
        self._stop_waiting()
        self._timer = self.set_timer(_QUIET_SECONDS, self._give)

    async def _on_key(self, event: events.Key) -> None:
        if self._timer is not None and (event.is_printable or event.key == "tab"):
            self._stop_waiting()
            self.value = ""
        await super()._on_key(event)

    def _on_paste(self, event: events.Paste) -> None:
        """Take a paste of several lines whole; one that may be a path goes where the cursor is, like any text."""
        if len(event.text.strip().splitlines()) <= 1 and len(event.text) <= _LONGEST_PATH:
            super()._on_paste(event)
            return
        event.prevent_default()
        event.stop()
        self._stop_waiting()
        self._lines = []
        self.post_message(self.Given(event.text))

    def _give(self) -> None:
        self._timer = None
        lines, self._lines = self._lines, []
        if any(line.strip() for line in lines):
            self.post_message(self.Given("\n".join(lines)))

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

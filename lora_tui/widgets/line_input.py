"""A line to type into that takes its keys in the order they were typed, and all of what is pasted."""

from textual import events
from textual.widgets import Input


class LineInput(Input):
    """An input whose own bindings act at once.

    Textual runs a binding only after its key has risen through every parent's queue, while a character goes in
    straight away: of backspace and 5 in one read of the terminal the 5 came first, and backspace took it out again.
    """

    # Textual's tint makes one ground of two where a terminal has few colours.
    DEFAULT_CSS = """
    LineInput:focus { background-tint: transparent; }
    """

    async def _on_key(self, event: events.Key) -> None:
        bound = None if event.is_printable else self.screen.active_bindings.get(event.key)
        if bound is None or bound.node is not self or not bound.enabled:
            await super()._on_key(event)
            return
        # What an input has from a view that scrolls does nothing in a line: the key is for the dialog.
        if await self.app.run_action(bound.binding.action, self):
            event.stop()
            event.prevent_default()

    def _on_paste(self, event: events.Paste) -> None:
        """Insert every line of a paste, such as of a prompt in paragraphs, with a blank between: Textual takes the first alone."""
        event.prevent_default()
        event.stop()
        first, *more = event.text.splitlines() or [""]
        # One line alone keeps the blanks around it.
        text = " ".join(line.strip() for line in (first, *more) if line.strip()) if more else first
        self.replace(text, *sorted(self.selection))

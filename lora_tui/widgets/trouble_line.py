"""A line that says what is wrong, and is not there where nothing is."""

from textual.content import Content
from textual.widgets import Static

from lora_tui.wording.state_symbols import FAILED
from trainer.text import printable


class TroubleLine(Static):
    """What is wrong, in up to three lines; hidden until there is something."""

    DEFAULT_CSS = """
    TroubleLine {
        height: auto; max-height: 3; padding: 0 1; color: $error; display: none;
        &.-shown { display: block; }
    }
    """

    def show_trouble(self, text: str) -> None:
        """Show what is wrong; "" for nothing."""
        self.update(Content(f"{FAILED.mark} {printable(text)}" if text else ""))
        self.set_class(bool(text), "-shown")

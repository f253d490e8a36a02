"""A line that tags are typed into: another name of one, tags to be added, or what tags are to be found by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Static

from lora_tui.keys.keymap import bindings
from lora_tui.widgets.line_input import LineInput

TypedFor = Literal["rename", "add", "find"]
"""What is typed."""

_HINTS: dict[TypedFor, str] = {
    "rename": "another name; with commas it becomes several tags",
    "add": "tags to be added, with commas between",
    "find": "part of a tag",
}
_WORDS: dict[TypedFor, str] = {"rename": "this tag is", "add": "add", "find": "find a tag"}
# As one types the first that fits is looked for from the front.
_MOST_SUGGESTED = 5000


class TypedTagLine(LineInput):
    """Enter keeps what was typed, escape leaves all as it was; the right arrow takes the tag that is proposed."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("editor")

    @dataclass
    class Kept(Message):
        """Something was typed, and is to be used."""

        typed_for: TypedFor
        text: str

    @dataclass
    class Left(Message):
        """The line was left without."""

        typed_for: TypedFor

    def __init__(self) -> None:
        super().__init__(id="tag-line", compact=True)
        self.cursor_blink = False
        self.typed_for: TypedFor = "find"

    def begin(self, typed_for: TypedFor, text: str, known: Sequence[str]) -> None:
        """Begin with `text`; `known` tags are proposed while one types, the most frequent first."""
        self.typed_for = typed_for
        self.placeholder = _HINTS[typed_for]
        self.suggester = SuggestFromList(known[:_MOST_SUGGESTED], case_sensitive=False) if typed_for != "find" else None
        self.value = text
        self.cursor_position = len(text)

    async def action_submit(self) -> None:
        """Hand on what was typed."""
        self.post_message(self.Kept(self.typed_for, self.value))

    def action_leave(self) -> None:
        """Leave all as it was."""
        self.post_message(self.Left(self.typed_for))


class TagPrompt(Horizontal):
    """The line with what is typed into it in words; hidden while nothing is."""

    DEFAULT_CSS = """
    TagPrompt {
        height: 1;
        display: none;
        background: $panel;
        &.-shown { display: block; }
        & > Static { width: auto; padding: 0 1; color: $muted; }
        & > TypedTagLine { width: 1fr; height: 1; border: none; padding: 0; background: $panel; }
        & > TypedTagLine:focus { border: none; }
    }
    """

    def compose(self) -> ComposeResult:
        """Yield the words and the line."""
        yield Static("")
        yield TypedTagLine()

    @property
    def finds(self) -> bool:
        """Whether tags are being found."""
        return self.has_class("-shown") and self.query_one(TypedTagLine).typed_for == "find"

    def ask(self, typed_for: TypedFor, text: str, known: Sequence[str]) -> None:
        """Show the line with `text` in it, and give it the focus; `known` tags are proposed."""
        self.query_one(Static).update(_WORDS[typed_for])
        self.add_class("-shown")
        line = self.query_one(TypedTagLine)
        line.begin(typed_for, text, known)
        line.focus()

    def close(self) -> None:
        """Hide the line."""
        self.remove_class("-shown")

"""A question with a few answers, each with a key of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from lora_tui.keys.keymap import bindings
from lora_tui.screens.dialog import Dialog

_SHOWN_KEYS = {"escape": "esc"}


@dataclass(frozen=True)
class Answer:
    """One answer: the key that gives it, its words, and what it stands for."""

    key: str
    text: str
    value: str


class ConfirmDialog(Dialog[str]):
    """Asks, and is dismissed with the value of the answer; escape gives an empty one."""

    DEFAULT_CSS = """
    ConfirmDialog {
        & > Vertical { width: 60; }
        & #question { height: auto; margin-bottom: 1; }
        & #answers { dock: bottom; height: auto; background: $panel; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("confirm")

    def __init__(self, question: str, answers: Sequence[Answer], *, about: str = "") -> None:
        """Ask `question`; the first of `answers` is marked. `about` lets the caller recognise its own question."""
        super().__init__()
        self.about = about
        self._question = question
        self._answers = tuple(answers)
        self._marked = 0

    def compose(self) -> ComposeResult:
        """Yield question and answers."""
        with Vertical():
            yield Static(Content(self._question), id="question")
            yield Static(self._shown(), id="answers")

    def acts_on(self, key: str) -> bool:
        """Return whether `key` gives an answer that has an effect."""
        return key == "enter" or any(answer.key == key and answer.value for answer in self._answers)

    def on_key(self, event: events.Key) -> None:
        """Take an answer by its own key."""
        for answer in self._answers:
            if event.key == answer.key:
                event.stop()
                self.dismiss(answer.value)
                return

    def action_move(self, by: int) -> None:
        """Mark another answer."""
        self._marked = (self._marked + by) % len(self._answers)
        self.query_one("#answers", Static).update(self._shown(), layout=False)

    def action_accept(self) -> None:
        """Give the marked answer."""
        self.dismiss(self._answers[self._marked].value)

    def action_leave(self) -> None:
        """Give no answer."""
        self.dismiss("")

    def _shown(self) -> Content:
        rows = []
        for place, answer in enumerate(self._answers):
            here = place == self._marked
            rows.append(
                Content.assemble(
                    ("▸ " if here else "  ", "$accent"),
                    (f"{_SHOWN_KEYS.get(answer.key, answer.key):<3}  ", "bold $primary"),
                    (answer.text, "bold" if here else ""),
                )
            )
        return Content("\n").join(rows)

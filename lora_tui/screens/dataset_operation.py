"""The arguments of an operation on tags, typed before it is shown what it would change."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, get_args

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from lora_tui.screens.dialog import FieldsDialog, key_hint, line_input
from trainer.errors import LoraTuiError, SettingsError
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.captions.operations import TagOperation
    from trainer.captions.record import CaptionEditPlan, TagEdit

    Plan = Callable[[TagEdit, Callable[[CaptionEditPlan], object], Callable[[LoraTuiError], object]], object]

_LABELS = {
    "tags": "tags, with commas between",
    "new": "new name; with commas it becomes several tags",
    "place": "where: front, back or behind",
    "anchor": "behind which tag, where that is `behind`",
    "order": "by frequency, alphabet or list (then of the tags above)",
    "pattern": "regular expression, for what stands in the caption's line",
    "replacement": r"what stands in its place; \1 for its first group",
}
"""Field of a TagEdit -> what stands above its line."""
_FIRST = {"place": "back", "order": "frequency"}
"""What stands in a line before anything is typed."""


class OperationDialog(FieldsDialog["CaptionEditPlan | None"]):
    """Dismissed with what the operation would change, or None.

    Args:
        operation: the operation.
        about: which pictures it is for.
        tags: typed first where it takes tags.
        plan: works out what an edit would change, and hands that or what is wrong to its last arguments.
    """

    DEFAULT_CSS = """
    OperationDialog {
        & > Vertical { width: 84; }
        & .about { color: $muted; height: auto; }
        & .label { margin-top: 1; color: $muted; }
    }
    """

    def __init__(self, operation: "TagOperation", about: str, tags: Sequence[str], plan: "Plan") -> None:
        super().__init__()
        self._operation = operation
        self._about = about
        self._tags = tuple(tags)
        self._plan = plan

    def compose(self) -> ComposeResult:
        """Yield what the operation does, a line for each argument, and the keys."""
        operation = self._operation
        with Vertical():
            title = f"{operation.label[0].upper()}{operation.label[1:]}: {self._about}"
            yield Static(Content.styled(printable(title), "bold"))
            yield Static(Content(operation.help), classes="about")
            for name in operation.takes:
                yield Static(Content(_LABELS[name]), classes="label")
                line = line_input(name)
                line.value = _shown(self._tags) if name == "tags" else _FIRST.get(name, "")
                yield line
            yield Static("", id="error")
            yield Static(Content(key_hint(self, "enter: show what would change", "dialog.cancel")), id="keys")

    def on_mount(self) -> None:
        """Begin with the first line that is still to be filled in."""
        lines = list(self.query(Input))
        if lines:
            next((line for line in lines if not line.value), lines[0]).focus()

    @on(Input.Submitted)
    def _take(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            edit = self._edit()
        except SettingsError as error:
            self.show_error(error)
            return
        self.show_error(None)
        self._plan(edit, self.dismiss, self.show_error)

    def _edit(self) -> "TagEdit":
        """Return what was typed.

        Raises:
            SettingsError: a word is none of those that a line takes, or there is no tag.
        """
        from trainer.captions.operations import typed_tags
        from trainer.captions.record import TagEdit, TagOrder, TagPlace

        typed = {line.id or "": line.value for line in self.query(Input)}
        fields: dict[str, Any] = {}
        for name, text in typed.items():
            if name == "tags":
                # Sorting by frequency needs none.
                wanted = self._operation.key != "reorder" or text.strip()
                fields[name] = typed_tags(text, "tags") if wanted else ()
            elif name in ("place", "order"):
                fields[name] = _one_of(get_args(TagPlace if name == "place" else TagOrder), text, name)
            else:
                # In a regular expression a blank counts.
                fields[name] = text if name in ("pattern", "replacement") else text.strip()
        return TagEdit(self._operation.key, **fields)


def _one_of(words: Sequence[str], text: str, where: str) -> str:
    if text.strip() not in words:
        raise SettingsError(where, found=f"`{printable(text, 40)}`", expected=f"one of {', '.join(words)}")
    return text.strip()


def _shown(tags: Sequence[str]) -> str:
    return ", ".join(tags)

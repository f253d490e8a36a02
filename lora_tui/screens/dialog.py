"""The kinds of dialogs: a panel in the middle of the screen, as wide as its subclass says and never wider than the terminal."""

from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.css.scalar import Scalar
from textual.screen import ModalScreen, Screen, ScreenResultType
from textual.widgets import Input, OptionList, Static

from lora_tui.actions.dialog_field import DialogField
from lora_tui.actions.long_job import WorkEnded
from lora_tui.keys.keymap import BY_ID, bindings
from lora_tui.screens.dialog_room import heights_that_fit, scrolls_needlessly
from lora_tui.screens.screen_sizes import SmallClasses
from lora_tui.screens.works import Works
from lora_tui.widgets.key_line import ShownKey
from lora_tui.widgets.line_input import LineInput
from lora_tui.wording.state_symbols import FAILED
from trainer.errors import LoraTuiError
from trainer.text import printable


class Dialog(Works, SmallClasses, ModalScreen[ScreenResultType]):
    """A panel over the screen; its content goes into one `Vertical`. Escape dismisses it with None."""

    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        & > Vertical {
            max-width: 100%;
            height: auto;
            max-height: 100%;
            padding: 1 2;
            background: $panel;
            overflow-y: auto;
            scrollbar-size-vertical: 1;
        }
        & Input { height: 1; padding: 0 1; border: none; background: $background; }
        & Input:focus { border: none; }
        & #error { color: $error; display: none; }
        & #error.-shown { display: block; }
        & #keys { dock: bottom; margin-top: 1; color: $muted; background: $panel; }
        &.-short > Vertical, &.-short > VerticalScroll { padding: 0 1; }
        &.-short Input, &.-short OptionList, &.-short #keys { margin-top: 0; }
        &.-short #keys { max-height: 3; }
        &.-short #story { max-height: 3; }
        &.-short #note { max-height: 2; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("dialog")
    ENTER_ACTS: ClassVar[bool] = False
    """Whether enter starts, changes or removes something."""

    def on_mount(self) -> None:
        """Leave what does not scroll its room, whatever comes and goes."""
        self.screen_layout_refresh_signal.subscribe(self, self._make_room, immediate=True)

    def acts_on(self, key: str) -> bool:
        """Return whether `key` alone starts, changes or removes something; none does that was typed before the dialog was seen."""
        return self.ENTER_ACTS and key == "enter"

    def show_error(self, error: LoraTuiError | None) -> None:
        """Show what is wrong in the line `#error`, None for nothing."""
        line = self.query_one("#error", Static)
        line.update(Content("" if error is None else f"{FAILED.mark} {printable(error.line())}"))
        line.set_class(error is not None, "-shown")

    def action_leave(self) -> None:
        """Close; where work goes on that writes, end that first."""
        if not self.ends_work():
            self.dismiss(None)

    @on(WorkEnded)
    def _leave_ended(self, event: WorkEnded) -> None:
        event.stop()
        self.dismiss(None)

    def _make_room(self, screen: Screen[Any]) -> None:
        for panel in self.query_children(Vertical):
            for child, height in heights_that_fit(panel, self.size).items():
                if child.styles.inline.max_height != Scalar.from_number(height):
                    child.styles.max_height = height
                    if isinstance(child, OptionList):
                        self.call_after_refresh(child.scroll_to_highlight)
        for panel in (*self.query_children(Vertical), *self.query_children(VerticalScroll)):
            if scrolls_needlessly(panel, self.size):
                panel.show_vertical_scrollbar = False

    def action_help(self) -> None:
        """Show what the keys do, and what stands here."""
        from lora_tui.screens.help import show_help

        show_help(self)


class ListDialog(Dialog[ScreenResultType]):
    """A dialog over one list; `move('down')` and `move('up')` go in it whatever has the focus."""

    DEFAULT_CSS = """
    ListDialog {
        & OptionList { height: auto; border: none; background: $panel; padding: 0; margin-top: 1; }
        & OptionList:focus { border: none; background-tint: transparent; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("list")

    def action_move(self, way: str) -> None:
        """Move in the list."""
        options = self.query_one(OptionList)
        if way == "down":
            options.action_cursor_down()
        else:
            options.action_cursor_up()


class FieldsDialog(Dialog[ScreenResultType]):
    """A dialog of several lines to type into; tab and the arrows go from one to the next."""

    DEFAULT_CSS = """
    FieldsDialog Input:focus { background: $surface; }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("fields")


class NoteDialog(Dialog[str | None]):
    """A dialog of one line to type into, dismissed with it, or with None to cancel.

    Args:
        heading: what the line is for.
        story: what else the user should know; text, no markup.
    """

    DEFAULT_CSS = """
    NoteDialog {
        & > Vertical { width: 76; }
        & #story { color: $muted; }
        & Input { margin-top: 1; }
    }
    """

    ENTER_ACTS = True
    ENTER_DOES: ClassVar[str]
    """What enter does, in a word."""
    HINT: ClassVar[str]
    """Stands in the line while it is empty."""
    MAY_BE_EMPTY: ClassVar[bool] = True
    """Whether enter on an empty line is an answer."""

    def __init__(self, heading: str, story: str) -> None:
        super().__init__()
        self._heading, self._story = heading, story

    def compose(self) -> ComposeResult:
        """Yield heading, story and the line."""
        with Vertical():
            yield Static(Content.styled(self._heading, "bold"))
            yield Static(Content(printable(self._story)), id="story")
            yield line_input("why", self.HINT)
            yield Static(Content(key_hint(self, f"enter: {self.ENTER_DOES}", "dialog.cancel")), id="keys")

    @on(Input.Submitted)
    def _take(self, event: Input.Submitted) -> None:
        event.stop()
        if (line := event.value.strip()) or self.MAY_BE_EMPTY:
            self.dismiss(line)


class ReadDialog(Dialog[ScreenResultType]):
    """A dialog to be read, dismissed with None where it is left: its content goes into one `VerticalScroll`, which `scroll('down')` and `scroll('up')` move."""

    DEFAULT_CSS = """
    ReadDialog {
        & > VerticalScroll {
            max-width: 100%;
            height: auto;
            max-height: 100%;
            padding: 1 2;
            background: $panel;
            scrollbar-size-vertical: 1;
        }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("read")

    def action_scroll(self, way: str) -> None:
        """Scroll by a line."""
        body = self.query_one(VerticalScroll)
        if way == "down":
            body.scroll_down(animate=False)
        else:
            body.scroll_up(animate=False)


def line_input(name: str, hint: str = "", *, restrict: str | None = None, max_length: int = 0) -> LineInput:
    """Return a line to type into, with the id `name` and `hint` while it is empty."""
    line = LineInput(placeholder=hint, id=name, compact=True, restrict=restrict, max_length=max_length)
    line.cursor_blink = False
    return line


def field_row(field: DialogField, value: str = "") -> Horizontal:
    """Return the label of a field with its line beside it, as a `.row` with a `.label`; `value` stands in the line."""
    line = line_input(field.key, field.hint)
    line.value = value
    return Horizontal(Static(Content(field.label), classes="label"), line, classes="row")


def key_hint(screen: Screen[Any], *parts: str) -> str:
    """Return a line of keys for `screen`: `J: later · enter: open`.

    Args:
        screen: whose bindings count, a user's key map included.
        parts: an action's id; several with one label, `ID ID=label`; or words as they are, which have a colon.
    """
    return " · ".join(f"{each.key.replace('⏎', 'enter')}: {each.label}" for each in hint_keys(screen, *parts))


def hint_keys(screen: Screen[Any], *parts: str) -> tuple[ShownKey, ...]:
    """Return the same as the keys of a `KeyLine`, of which help and the last one stay in a narrow terminal."""
    keys: dict[str, str] = {}
    for active in screen.active_bindings.values():
        if active.binding.id:
            keys.setdefault(active.binding.id, screen.app.get_key_display(active.binding))
    found = []
    for part in parts:
        stays = part == "app.help" or part == parts[-1]
        if ":" in part:
            key, _, label = part.partition(": ")
            found.append(ShownKey(key, label, stays))
            continue
        names, _, label = part.partition("=")
        ids = names.split()
        if shown := " ".join(keys[name] for name in ids if name in keys):
            found.append(ShownKey(shown, label or BY_ID[ids[0]].label, stays))
    return tuple(found)

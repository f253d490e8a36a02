"""What every dialog is: a panel in the middle of the screen, as wide as its subclass says and never wider than the terminal."""

from textual.containers import VerticalScroll
from textual.screen import ModalScreen, ScreenResultType
from textual.widgets import OptionList


class Dialog(ModalScreen[ScreenResultType]):
    """A panel over the screen; its content goes into one `Vertical`."""

    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        & > Vertical {
            max-width: 100%;
            height: auto;
            max-height: 100%;
            padding: 1 2;
            background: $panel;
        }
    }
    """


class ListDialog(Dialog[ScreenResultType]):
    """A dialog over one list; `move('down')` and `move('up')` go in it whatever has the focus."""

    def action_move(self, way: str) -> None:
        """Move in the list."""
        options = self.query_one(OptionList)
        if way == "down":
            options.action_cursor_down()
        else:
            options.action_cursor_up()


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
        & Static { height: auto; }
    }
    """

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)

    def action_scroll(self, way: str) -> None:
        """Scroll by a line."""
        body = self.query_one(VerticalScroll)
        if way == "down":
            body.scroll_down(animate=False)
        else:
            body.scroll_up(animate=False)

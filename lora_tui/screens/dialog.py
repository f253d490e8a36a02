"""What every dialog is: a panel in the middle of the screen, as wide as its subclass says and never wider than the terminal."""

from textual.screen import ModalScreen, ScreenResultType


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

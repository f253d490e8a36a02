"""The note on a page that was written, with the command that fetches it in the clipboard."""

from typing import Any

from textual.screen import Screen

from lora_tui.actions.page_file import PageFile
from trainer.text import printable


def offer_page(screen: Screen[Any], page: PageFile, title: str) -> None:
    """Say where a page is and what it holds, and copy the command that fetches it.

    Args:
        screen: shows the note.
        page: that was written.
        title: of the note.
    """
    # OSC 52: the terminal one sits at takes it, over ssh too.
    screen.app.copy_to_clipboard(page.copy)
    line = f"{page.path}: {page.line}\ncopied to the clipboard: {page.copy}"
    screen.notify(printable(line.replace("\n", " · ")), title=title, timeout=10, markup=False)

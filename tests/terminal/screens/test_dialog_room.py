"""Lists and texts in dialogs on terminals that are too low for them: every line of them can be brought into view."""

import pytest
from screen_alone import ScreenAlone
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import OptionList, Static

from lora_tui.screens.dialog import Dialog, ListDialog, line_input
from lora_tui.screens.pick import PickChoice, PickDialog

SIZES = [(160, 50), (80, 24), (60, 20), (40, 10)]


class TextBelowLines(Dialog[None]):
    """Lines to type into above sixty rows of a text."""

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static("what is asked")
            yield line_input("name")
            with VerticalScroll(id="about", can_focus=False):
                yield Static("\n".join(f"row {number}." for number in range(60)))
            yield Static("esc: close", id="keys")


class ListAboveText(ListDialog[None]):
    """Forty entries above five lines about the one under the cursor."""

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static("a list")
            yield OptionList(*(f"entry {number}." for number in range(40)), compact=True)
            with VerticalScroll(id="about", can_focus=False):
                yield Static("\n".join(f"about {number}." for number in range(5)))
            yield Static("esc: close", id="keys")


@pytest.mark.parametrize("size", SIZES)
async def test_the_last_row_of_a_text_comes_into_view(size) -> None:
    app = ScreenAlone(TextBelowLines())
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert "esc: close" in app.text() and "row 0." in app.text()
        app.screen.query_one("#about").scroll_end(animate=False)
        await pilot.pause()
        assert "row 59." in app.text() and "esc: close" in app.text()


@pytest.mark.parametrize("size", SIZES)
async def test_the_entry_under_the_cursor_is_in_view_with_what_is_said_of_it(size) -> None:
    app = ScreenAlone(ListAboveText())
    async with app.run_test(size=size) as pilot:
        for key, entry in (("end", 39), ("home", 0)):
            await pilot.press(key)
            await pilot.pause()
            assert f"entry {entry}." in app.text(), app.text()
            assert "about 1." in app.text() and "esc: close" in app.text(), app.text()


async def test_the_cursor_stays_in_view_when_the_terminal_becomes_lower() -> None:
    app = ScreenAlone(PickDialog("a choice", [PickChoice(str(at), f"choice {at}.") for at in range(20)]))
    async with app.run_test(size=(80, 40)) as pilot:
        await pilot.press("end")
        await pilot.resize_terminal(40, 10)
        await pilot.pause()
        assert "choice 19." in app.text(), app.text()
        await pilot.resize_terminal(80, 40)
        await pilot.pause()
        assert "choice 0." in app.text() and "choice 19." in app.text(), app.text()


class AsHighAsTheTerminal(Dialog[None]):
    """Lines that fit as they are, and would be one too many beside a scrollbar."""

    def compose(self) -> ComposeResult:
        with Vertical():
            for _ in range(8):
                yield Static("x" * 19 + " " + "y" * 18)
            yield Static("esc: close", id="keys")


async def test_a_panel_that_becomes_large_enough_has_no_scrollbar() -> None:
    app = ScreenAlone(AsHighAsTheTerminal())
    async with app.run_test(size=(40, 6)) as pilot:
        panel = app.screen.query_one(Vertical)
        assert panel.show_vertical_scrollbar
        await pilot.resize_terminal(40, 10)
        await pilot.pause()
        assert not panel.show_vertical_scrollbar, app.text()
        assert app.text().count("y" * 18) == 8

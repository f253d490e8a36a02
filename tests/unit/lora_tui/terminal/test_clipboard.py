"""A text for the clipboard of the terminal somebody sits at."""

import base64
import io

import pytest

from lora_tui.terminal.clipboard import copy_sequence, copy_to_clipboard


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("text", ["scp me@box:/a/b .", "日本 'quoted' $(x)", ""])
def test_the_sequence_holds_the_text(text: str) -> None:
    sequence = copy_sequence(text, {})
    assert sequence.startswith("\x1b]52;c;") and sequence.endswith("\x07")
    assert base64.b64decode(sequence[7:-1]).decode() == text


def test_screen_gets_it_wrapped() -> None:
    assert copy_sequence("a", {"TERM": "screen"}) == f"\x1bP{copy_sequence('a', {})}\x1b\\"
    assert copy_sequence("a", {"TERM": "screen-256color", "TMUX": "/tmp/x"}) == copy_sequence("a", {})


def test_a_text_that_terminals_would_cut_is_not_sent() -> None:
    terminal = Terminal()
    assert not copy_to_clipboard("x" * 100_000, terminal)
    assert terminal.getvalue() == ""


@pytest.fixture(autouse=True)
def usual_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")


def test_a_terminal_that_would_print_it_is_not_sent_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    terminal = Terminal()
    assert (copy_to_clipboard("a", terminal), terminal.getvalue()) == (False, "")


def test_only_a_terminal_is_sent_it() -> None:
    pipe, terminal = io.StringIO(), Terminal()
    assert (copy_to_clipboard("a", pipe), pipe.getvalue()) == (False, "")
    assert copy_to_clipboard("a", terminal)
    assert terminal.getvalue() == copy_sequence("a")

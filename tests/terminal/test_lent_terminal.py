"""The terminal lent to an editor, and to the dashboard of another workspace, on a real pseudo-terminal."""

import os
import re
from pathlib import Path

import pytest

from lora_tui.actions.workspaces import new_workspace
from trainer.settings.toml_file import load_settings
from trainer.workspace import Workspace, remember_workspace

# It notes how it finds the terminal, stays through ctrl+c and ctrl+z, and edits the file by what is typed.
EDITOR = """#!/bin/sh
stty -a > "$SEEN"
trap 'echo interrupted >> "$SEEN"' INT
printf 'EDITOR HAS IT\\r\\n'
while ! read line; do :; done
sed -i "s/^network_dim = .*/network_dim = $line/" "$1"
stty raw -echo
exit 0
"""


@pytest.fixture
def demo(make_bakery) -> Path:
    return make_bakery(6)


def test_an_editor_gets_the_terminal_as_it_was_and_the_screen_comes_back(
    open_terminal, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, seen = tmp_path / "edit", tmp_path / "seen"
    script.write_text(EDITOR)
    script.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(script))
    monkeypatch.setenv("SEEN", str(seen))
    terminal = open_terminal(folder=demo)
    terminal.wait_for("b bake", "steps ×")
    before = len(terminal.raw)
    terminal.press("e")
    terminal.wait_for("EDITOR HAS IT")
    asked = terminal.raw[before:]
    # What the screen had switched on is off: its page, the mouse, pasting, the keys of kitty.
    for off in (b"\x1b[?1049l", b"\x1b[?1000l", b"\x1b[?1003l", b"\x1b[?2004l", b"\x1b[<u", b"\x1b[?25h"):
        assert off in asked
    assert {"icanon", "echo", "isig"} <= set(seen.read_text().replace(";", " ").split())
    before = len(terminal.raw)
    # Neither reaches this program: it would ask whether to quit, and stand still.
    terminal.press("\x03", "\x1a", "\x03")
    terminal.press("3", "2", "enter")
    terminal.wait_for("b bake", "was read again", seconds=30)
    assert load_settings(demo / "hifumi.toml").network_dim == 32
    back = terminal.raw[before:]
    for on in (b"\x1b[?1049h", b"\x1b[?1000h", b"\x1b[?2004h", b"\x1b[?25l"):
        assert on in back
    # Nothing of the screen was written over the editor.
    assert "32" in terminal.screen()
    terminal.press("u")
    terminal.wait_for("undone: edited in edit")
    terminal.press("ctrl+q")
    terminal.wait_for("unsaved edits")
    terminal.press("d")
    assert terminal.wait_exit(20) == 0
    assert re.search(rb"\x1b\[\?1049l", terminal.raw[terminal.raw.rindex(b"\x1b[?1049h") :])


def test_another_workspace_takes_the_place_of_this_one(open_terminal, demo: Path, tmp_path: Path) -> None:
    other = new_workspace(str(tmp_path / "elsewhere"))
    remember_workspace(Workspace(other))
    terminal = open_terminal(folder=demo)
    terminal.wait_for("b bake", "steps ×")
    terminal.press("W")
    terminal.wait_for("elsewhere", "open now")
    terminal.press("2")
    terminal.wait_for("lora-tui elsewhere", "No settings yet")
    assert os.readlink(f"/proc/{terminal.process.pid}/cwd") == str(demo)
    terminal.press("ctrl+q")
    assert terminal.wait_exit(20) == 0

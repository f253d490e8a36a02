"""The workspaces: the ones used before, another folder, a new one, the demo."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input, Static

from lora_tui.actions.workspaces import (
    KnownWorkspace,
    demo_workspace,
    first_demo_folder,
    new_workspace,
    open_workspace,
)
from lora_tui.screens.dialog import Dialog, key_hint, line_input
from lora_tui.screens.pick import PickChoice, PickDialog
from lora_tui.wording.unexpected import as_error
from trainer.errors import LoraTuiError
from trainer.text import printable

_MISSING = "missing"
_HERE = "open now"


@dataclass(frozen=True)
class _FolderWay:
    """One way to a workspace that is not in the list.

    Attributes:
        title: in the list, and over the line for the folder.
        help: what it does.
        does: what enter does, in a word or two.
        make: a typed folder to the workspace's; called in a thread.
        first: what the line holds at first.
    """

    title: str
    help: str
    does: str
    make: Callable[[str], Path]
    first: Callable[[], str] = str


FOLDER_WAYS = MappingProxyType(
    {
        "open": _FolderWay("another folder …", "a workspace that is not in this list", "open", open_workspace),
        "new": _FolderWay("a new workspace …", "in an empty folder", "make and open", new_workspace),
        "demo": _FolderWay(
            "the demo workspace …",
            "a tiny base model, drawn pictures and settings to try everything with",
            "make and open",
            demo_workspace,
            first_demo_folder,
        ),
    }
)
"""What stands below the known workspaces, by key."""


class WorkspaceFolderDialog(Dialog[Path | None]):
    """A line for a folder; dismissed with the folder of a workspace, or None.

    Args:
        way: what becomes of the folder.
    """

    DEFAULT_CSS = """
    WorkspaceFolderDialog {
        & > Vertical { width: 90; }
        & #story { color: $muted; }
        & Input { margin-top: 1; }
        & #error { margin-top: 1; }
    }
    """

    ENTER_ACTS = True

    class Found(Message):
        """The workspace is there, or is none."""

        def __init__(self, root: Path | None, error: LoraTuiError | None = None) -> None:
            """Carry its folder, or what is wrong."""
            super().__init__()
            self.root = root
            self.error = error

    def __init__(self, way: _FolderWay) -> None:
        super().__init__()
        self._way = way
        self._busy = False

    def compose(self) -> ComposeResult:
        """Yield heading, story, the line and the keys."""
        with Vertical():
            yield Static(Content.styled(self._way.title.removesuffix(" …").capitalize(), "bold"))
            yield Static(Content(self._way.help), id="story")
            line = line_input("folder", "a folder, such as ~/loras/hifumi")
            line.value = printable(self._way.first())
            yield line
            yield Static("", id="error")
            yield Static(Content(key_hint(self, f"enter: {self._way.does}", "dialog.cancel")), id="keys")

    def on_mount(self) -> None:
        """Put the cursor behind what the line holds."""
        line = self.query_one(Input)
        line.focus()
        line.cursor_position = len(line.value)

    def action_leave(self) -> None:
        """Cancel, unless it is being made."""
        if not self._busy:
            self.dismiss(None)

    @on(Input.Submitted)
    def _take(self, event: Input.Submitted) -> None:
        event.stop()
        if not self._busy:
            self._busy = True
            self.show_error(None)
            self._make(event.value)

    @work(thread=True, exit_on_error=False, group="workspace")
    def _make(self, typed: str) -> None:
        try:
            answer = self.Found(self._way.make(typed))
        except Exception as error:
            answer = self.Found(None, as_error("workspace", error))
        self.post_message(answer)

    @on(Found)
    def _close(self, event: Found) -> None:
        event.stop()
        self._busy = False
        if event.root is not None:
            self.dismiss(event.root)
        else:
            self.show_error(event.error)


class WorkspacesDialog(PickDialog):
    """The list of workspaces; what was typed before it was seen chooses none, since that leaves this one."""

    ENTER_ACTS = True


def offer_workspaces(
    screen: Screen[Any], known: Sequence[KnownWorkspace], here: Path, switch: Callable[[Path], object]
) -> None:
    """Offer the known workspaces and the ways to others over `screen`, then do `switch` with the folder chosen.

    Args:
        screen: the dialogs open over it.
        known: as they were found.
        here: the one that is open.
        switch: takes the folder of a workspace that is there.
    """
    there = {str(each.root): each for each in known}

    def take(value: str | None) -> None:
        if value is not None and value in FOLDER_WAYS:
            screen.app.push_screen(WorkspaceFolderDialog(FOLDER_WAYS[value]), opened)
        elif value is not None and not there[value].is_there:
            screen.notify(
                f"{printable(value)} is missing: its disk may not be mounted", severity="warning", markup=False
            )
        elif value is not None:
            opened(there[value].root)

    def opened(root: Path | None) -> None:
        if root == here:
            screen.notify("that workspace is open", timeout=3, markup=False)
        elif root is not None:
            switch(root)

    choices = [PickChoice(str(each.root), printable(each.root.name, 40), _about(each, here)) for each in known]
    choices += [PickChoice(key, way.title, way.help) for key, way in FOLDER_WAYS.items()]
    screen.app.push_screen(WorkspacesDialog("Workspaces", choices, str(here)), take)


def _about(known: KnownWorkspace, here: Path) -> str:
    what = _HERE if known.root == here else known.busy if known.is_there else _MISSING
    return " · ".join(filter(None, (what, printable(str(known.root)))))

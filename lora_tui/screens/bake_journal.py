"""The way from the Bake screen to the journal, to the ladders and back: with a bake to show, or with one whose settings are baked again."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from lora_tui.actions.journal import open_rebake
from lora_tui.actions.order_sender import OrderSender
from lora_tui.forms.settings_editor import SettingsEditor
from lora_tui.screens.settings_files import SettingsFiles
from lora_tui.snapshot import Snapshot
from trainer.journal.records import Bake

if TYPE_CHECKING:
    from lora_tui.screens.ladders import OpenGrid


class BakeJournal:
    """Opens the journal or the ladders, and does what they were left for.

    Args:
        screen: the Bake screen.
        sender: writes, as far as the keys may.
        editor: the settings being edited.
        files: settles unsaved edits.
        snapshot: returns what the screen shows now.
        clock: epoch seconds now.
        show: shows the bake of a number on the Bake screen.
        wake_feed: lets what is shown be read again at once.
        open_grid: shows the Grid screen with a spec in its builder.
    """

    def __init__(
        self,
        screen: Screen[Any],
        sender: OrderSender,
        editor: SettingsEditor,
        files: SettingsFiles,
        snapshot: Callable[[], Snapshot],
        clock: Callable[[], float],
        show: Callable[[int], object],
        wake_feed: Callable[[], object],
        open_grid: "OpenGrid",
    ) -> None:
        self._screen = screen
        self._sender = sender
        self._editor = editor
        self._files = files
        self._snapshot = snapshot
        self._clock = clock
        self._show = show
        self._wake_feed = wake_feed
        self._open_grid = open_grid

    def show(self) -> None:
        """Show the journal, with the cursor on the bake shown."""
        from lora_tui.screens.journal import JournalScreen, LeftJournal

        def leave(left: LeftJournal | None) -> None:
            if left is None:
                return
            if left.show is not None:
                self._show(left.show)
            elif left.rebake is not None:
                self._load(left.rebake)

        sender, bake = self._sender, self._snapshot().bake
        journal = JournalScreen(
            sender.workspace,
            sender.engine,
            lambda: self._editor.draft,
            wake_feed=self._wake_feed,
            clock=self._clock,
            rights=sender.rights,
            number=None if bake is None else bake.number,
            open_grid=self._open_grid,
        )
        self._screen.app.push_screen(journal, leave)

    def show_ladders(self) -> None:
        """Show every ladder; a new one starts from the settings in the form, or from the bake shown."""
        from lora_tui.screens.ladders import show_ladders

        show_ladders(
            self._screen,
            self._sender,
            lambda: self._editor.draft,
            lambda: shown_bake(self._snapshot()),
            self._open_grid,
            self._show,
            self._clock,
        )

    def _load(self, number: int) -> None:
        sender = self._sender

        def load() -> None:
            sender.write(
                lambda: open_rebake(sender.workspace, number),
                lambda: sender.note(
                    f"the form has the settings of bake {number:04d}; <key bake.start> bakes them again"
                ),
            )

        self._files.settle_edits(load)


def shown_bake(snapshot: Snapshot) -> Bake | None:
    """Return the bake that a ladder may start from: the one shown, unless it makes a grid."""
    return None if snapshot.bake is None or snapshot.bake.grid is not None else snapshot.bake

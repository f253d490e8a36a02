"""The table of trainers over the Bake screen: what it is opened with, and what becomes of a column that is taken over."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from lora_tui.actions.order_sender import OrderSender
from lora_tui.forms.draft import SettingsDraft
from lora_tui.forms.settings_editor import SettingsEditor
from lora_tui.screens.plan_dialogs import NO_SETTINGS
from lora_tui.screens.settings_files import SettingsFiles
from trainer.text import plural, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_tui.actions.parity import TakenOver
    from trainer.parity.table import ParityTable


class ParityDialogs:
    """Opens the table of trainers.

    Args:
        screen: the dialogs open over it.
        sender: knows what the keys may do.
        editor: the settings.
        files: settles unsaved edits.
    """

    def __init__(self, screen: Screen[Any], sender: OrderSender, editor: SettingsEditor, files: SettingsFiles) -> None:
        self._screen = screen
        self._sender = sender
        self._editor = editor
        self._files = files
        self._columns: Sequence[str] | None = None

    def show_table(self) -> None:
        """Show what other trainers make of the settings as they are."""
        from lora_tui.screens.parity import ParityScreen, ParitySources

        draft = self._editor.draft
        if draft is None:
            self._sender.warn(NO_SETTINGS)
            return
        sources = ParitySources(
            f"Trainers compared for {printable(draft.path.name)}",
            table=self._table,
            take=self._changes,
            settle=self._settle,
            may_take=self._sender.may_bake,
            apply=self._apply,
        )
        editable = self._sender.rights.bake
        self._screen.app.push_screen(ParityScreen(sources, self._columns, self._keep, editable=editable))

    def _table(self) -> "ParityTable":
        from lora_tui.actions.parity import parity_of

        return parity_of(self._draft)

    def _changes(self, profile: str) -> "TakenOver":
        from lora_tui.actions.parity import take_over

        return take_over(self._draft, profile)

    def _settle(self, then: "Callable[[], object]") -> None:
        """Do `then` with no unsaved edit left: one that is discarded is not taken over with the rest."""

        def settled() -> None:
            draft = self._draft
            if draft.unsaved:
                self._editor.load(SettingsDraft(draft.path, draft.saved, draft.saved), "edits discarded")
            then()

        self._files.settle_edits(settled)

    def _apply(self, changes: Mapping[str, object]) -> None:
        self._editor.changed(changes, "made like another trainer")
        self._sender.note(
            f"{plural(len(changes), 'setting')} changed, not saved yet; u undoes it, backspace on a setting takes that one back",
            6,
        )

    def _keep(self, columns: Sequence[str]) -> None:
        self._columns = columns

    @property
    def _draft(self) -> SettingsDraft:
        draft = self._editor.draft
        assert draft is not None
        return draft

"""The way from the Bake screen to the data set of the settings in the form, and back."""

from collections.abc import Callable
from typing import Any

from textual.screen import Screen

from lora_tui.actions.order_sender import OrderSender
from lora_tui.actions.tagging import TaggerDesk
from lora_tui.forms.settings_editor import SettingsEditor
from lora_tui.screens.plan_dialogs import NO_SETTINGS
from lora_tui.screens.settings_files import SettingsFiles
from lora_tui.workers.dataset_source import DatasetSource
from trainer.data_index.kept_columns import KeptColumns


class BakeDataset:
    """Opens the Dataset screen, which reads and changes the settings of the form.

    Args:
        screen: the Bake screen.
        sender: knows what the keys may do.
        editor: the settings being edited.
        files: saves them.
        wake_feed: lets what is shown be read again at once.
        kept: what the index of pictures was read as, by the plan or when the screen was open before.
    """

    def __init__(
        self,
        screen: Screen[Any],
        sender: OrderSender,
        editor: SettingsEditor,
        files: SettingsFiles,
        wake_feed: Callable[[], object],
        kept: KeptColumns,
    ) -> None:
        self._screen = screen
        self._sender = sender
        self._editor = editor
        self._files = files
        self._wake_feed = wake_feed
        self._tagger = TaggerDesk()
        self._kept = kept

    def show(self) -> None:
        """Show the data of the settings that are open; where captions or folders were changed there, the plan is made anew afterwards."""
        from lora_tui.screens.dataset import DatasetScreen
        from lora_tui.screens.dataset_orders import DatasetDoors

        if self._editor.draft is None:
            self._sender.warn(NO_SETTINGS)
            return
        doors = DatasetDoors(self._source, self._editor.changed, self._files.save, self._is_unsaved, self._tagger)
        sender = self._sender
        screen = DatasetScreen(sender.workspace, sender.engine, doors, sender.rights, self._wake_feed, self._kept)

        def leave(_: None) -> None:
            if screen.files_changed:
                self._editor.read_data_again()

        self._screen.app.push_screen(screen, leave)

    def _source(self) -> DatasetSource | None:
        """Return the settings of the form, and what their plan knows; asked in threads, too."""
        editor = self._editor
        draft, view = editor.draft, editor.view
        if draft is None:
            return None
        planned = view.planned if view is not None else None
        # Where no plan can be made, as of data with a broken picture, what is asked for is known.
        asked = None if draft.now.train_minutes else draft.now.max_train_epochs
        epochs = asked if planned is None else planned.plan.epochs
        return DatasetSource(draft.path, draft.now, epochs or None)

    def _is_unsaved(self) -> bool:
        return self._editor.draft is not None and bool(self._editor.draft.unsaved)

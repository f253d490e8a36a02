"""The keys of the Dataset screen that hand on to whoever does the work."""

from lora_tui.screens.dataset_orders import DatasetDoors
from lora_tui.screens.dataset_typing import DatasetTyping


class DatasetActions(DatasetTyping):
    """What the keys call; a base of the Dataset screen, which sets its attributes.

    Attributes:
        doors: to the settings.
    """

    doors: DatasetDoors

    def show_title(self) -> None:
        """Show what is shown, and whether settings are unsaved; the screen's own."""
        raise NotImplementedError

    def action_next_view(self) -> None:
        """Bring the next tab into view."""
        self.panes.show_next_view()

    def action_view(self, name: str) -> None:
        """Bring a pane into view, and give it the focus."""
        self.panes.show_view(name)

    def action_edit_caption(self) -> None:
        """Open the caption of this picture in an editor."""
        if self.picture is not None:
            self.orders.edit_text(self.picture)

    def action_undo(self) -> None:
        """Undo the last step on captions."""
        self.orders.undo()

    def action_redo(self) -> None:
        """Do it again."""
        self.orders.redo()

    def action_steps(self) -> None:
        """List the steps on captions."""
        self.orders.show_steps()

    def action_repeats(self) -> None:
        """Change the repeats of this picture's folder."""
        if self.picture is not None:
            self.orders.change_repeats(self.picture)

    def action_thumbnails(self) -> None:
        """Show small pictures in the list, or a line for each."""
        self.panes.picture_list.show_thumbnails(not self.panes.picture_list.has_thumbnails)

    def action_save_settings(self) -> None:
        """Save the settings to their file."""
        if self.sender.may_bake():
            self.doors.save(self.show_title)

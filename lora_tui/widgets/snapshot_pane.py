"""A pane made from the feed's snapshot alone."""

from lora_tui.snapshot import Snapshot
from lora_tui.widgets.pane import Pane


class SnapshotPane(Pane):
    """Keeps the last snapshot; a subclass makes its lines from it."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._snapshot = Snapshot()

    def show(self, snapshot: Snapshot) -> None:
        """Show what `snapshot` says."""
        self._snapshot = snapshot
        self.redraw()

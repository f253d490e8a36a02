"""The ways from the Bake screen to the screens of what it shows: grids, queue, curves, measures, samples, doneness and advice."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import on
from textual.screen import Screen

from lora_tui.actions.kept_specs import KeptSpecs
from lora_tui.actions.order_sender import OrderSender
from lora_tui.actions.workspaces import read_workspaces
from lora_tui.ports import EngineLike, Rights
from lora_tui.snapshot import Snapshot
from lora_tui.widgets.curves_pane import CurvesPane
from lora_tui.workers.feed import Feed
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from lora_tui.screens.aim import AdviceDoors
    from trainer.grid.spec import GridSpec


class BakeWays(Screen[None]):
    """What opens other screens; a base of the Bake screen.

    Attributes:
        workspace: where everything is.
        engine: takes the jobs.
        clock: epoch seconds now.
        rights: what the keys may do.
        feed: what is shown comes from it.
        kept_specs: what was changed in the grid builder before.
        sender: of orders.
    """

    workspace: Workspace
    engine: EngineLike
    clock: Callable[[], float]
    rights: Rights
    feed: Feed
    kept_specs: KeptSpecs
    sender: OrderSender

    @property
    def snapshot(self) -> Snapshot:
        """What is shown now; the screen's own."""
        raise NotImplementedError

    @property
    def subject(self) -> str:
        """Name of the subject of the settings that are open; the screen's own."""
        raise NotImplementedError

    def show_bake(self, number: int) -> None:
        """Show a bake; the screen's own."""
        raise NotImplementedError

    def action_grid(self, number: int | None = None) -> None:
        """Show the Grid screen, with the epochs of the bake shown in its builder, and grid `number`, else the newest."""
        self._show_grid(number=number)

    def open_grid(self, spec: "GridSpec") -> None:
        """Show the Grid screen with `spec` in its builder."""
        self._show_grid(spec=spec)

    def _show_grid(self, number: int | None = None, spec: "GridSpec | None" = None) -> None:
        from lora_tui.screens.grid import GridScreen

        asked = self.snapshot.asked
        self.app.push_screen(
            GridScreen(
                self.workspace,
                self.engine,
                lambda: self.snapshot,
                subject=asked.subject if asked is not None else self.subject,
                wake_feed=self.feed.wake,
                clock=self.clock,
                rights=self.rights,
                kept=self.kept_specs,
                number=number,
                asked=spec,
            )
        )

    def action_queue(self) -> None:
        """Show the queue; a bake or grid chosen there is shown."""
        from lora_tui.screens.queue import LeftQueue, QueueDialog

        def show_chosen(left: LeftQueue | None) -> None:
            if left is None:
                return
            if left.chosen is not None and left.chosen.grid is not None:
                self.action_grid(left.chosen.grid)
            elif left.chosen is not None:
                self.show_bake(left.chosen.number)
            if left.changed:
                self.sender.wake()

        self.app.push_screen(QueueDialog(self.workspace, self.engine.key, self.clock, self.rights), show_chosen)

    def action_doneness(self) -> None:
        """Show where each epoch of the bake shown stands between raw and burnt."""
        from lora_tui.screens.doneness import show_doneness

        show_doneness(self, self.workspace, self.snapshot.bake, self._advice_doors())

    def action_advice(self) -> None:
        """Show what to try with the bake shown."""
        if (doors := self._advice_doors()) is not None:
            doors.advice()

    def action_measures(self) -> None:
        """Show what was measured of the bake shown."""
        from lora_tui.screens.measures import show_measures

        show_measures(self, self.workspace, self.snapshot.bake)

    def action_samples(self) -> None:
        """Show the sample pictures of the bake shown."""
        from lora_tui.screens.samples import show_samples

        show_samples(self, self.workspace, self.snapshot.bake)

    @on(CurvesPane.Enlarged)
    def action_curves(self) -> None:
        """Show the curves of the bake shown on the full screen."""
        from lora_tui.screens.curves import show_curves

        bake = self.snapshot.bake
        show_curves(self, self.workspace, bake if bake is not None and bake.ran else None)

    def action_workspaces(self) -> None:
        """Look for the known workspaces, and offer them."""
        self.sender.write(lambda: read_workspaces(self.workspace.root), awaited=True)

    def _advice_doors(self) -> "AdviceDoors | None":
        from lora_tui.actions.advice import AdviceRequest
        from lora_tui.screens.aim import AdviceDoors

        bake = self.snapshot.bake
        if bake is None:
            return None
        request = AdviceRequest(self.workspace, bake.number, self.engine.key)
        return AdviceDoors(self, request, bake, self.rights, self.sender.wake)

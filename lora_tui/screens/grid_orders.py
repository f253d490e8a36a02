"""Orders about grids: what the keys of the Grid screen ask before, and what they have done."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from lora_tui.actions import advice, grids
from lora_tui.actions.order_sender import OrderSender
from lora_tui.pictures.grid_selection import GridSelection
from lora_tui.screens.confirm import Answer, ConfirmDialog
from lora_tui.screens.grids import Chosen, GridsDialog
from lora_tui.snapshot import Snapshot
from lora_tui.wording.grids import count_line
from trainer.journal.grid_records import Grid, GridState
from trainer.journal.records import Bake
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.jobs.grids import PlannedGrid
    from trainer.publish.epoch import PublishResult

_QUEUEING, _JUDGED = "Queueing the grid", "Reading what was judged"
_UNFINISHED = (GridState.WAITING, GridState.MAKING)


class GridOrders:
    """Has grids made, ended, resumed, and used.

    Args:
        screen: the dialogs open over it.
        sender: writes, as far as the keys may.
        selection: the grid shown.
        snapshot: returns what the Bake screen shows now.
        show_grid: shows the grid of a number.
    """

    def __init__(
        self,
        screen: Screen[Any],
        sender: OrderSender,
        selection: GridSelection,
        snapshot: Callable[[], Snapshot],
        show_grid: Callable[[int], object],
    ) -> None:
        self._screen = screen
        self._sender = sender
        self._workspace = sender.workspace
        self._selection = selection
        self._snapshot = snapshot
        self._show_grid = show_grid

    @property
    def unfinished(self) -> bool:
        """Whether the grid shown is queued or being made."""
        grid = self._selection.grid
        return grid is not None and grid.state in _UNFINISHED

    def make_grid(self, planned: "PlannedGrid") -> None:
        """Have a checked grid made; while a bake runs, ask where."""
        sender, bake = self._sender, self._running_bake
        if bake is None or not sender.rights.order:
            if sender.may_bake():
                sender.write(lambda: grids.queue_planned(self._workspace, planned, sender.engine.key), long=_QUEUEING)
            return

        def answered(where: str | None) -> None:
            if where == "bake":
                sender.write(lambda: grids.order_planned(self._workspace, planned, bake.number), long=_QUEUEING)
            elif where == "queue":
                sender.write(lambda: grids.queue_planned(self._workspace, planned, sender.engine.key), long=_QUEUEING)

        within = Answer("i", f"now, between two steps of bake {bake.number:04d}", "bake")
        behind = Answer("q", "at the end of the queue", "queue")
        answers = [within, *([behind] if sender.rights.bake else []), Answer("escape", "cancel", "")]
        self._screen.app.push_screen(ConfirmDialog(f"Make the grid? {count_line(planned)}", answers), answered)

    def offer_grids(self, found: tuple[Grid, ...]) -> None:
        """Offer the grids."""
        if not found:
            self._sender.warn("no grids yet: b makes the one in the builder")
            return
        shown = self._selection.grid
        dialog = GridsDialog(found, shown.number if shown else None, can_resume=self._sender.rights.bake)
        self._screen.app.push_screen(dialog, self._take_chosen)

    def end_grid(self) -> None:
        """Ask, then skip an epoch in the rest of the grid shown, or end it."""
        selection = self._selection
        grid, cell = selection.grid, selection.cell
        if grid is None or not self.unfinished or not self._sender.may_order():
            return
        # In blind mode the question would tell which epoch it is.
        label = cell.epoch if cell is not None and not selection.blind else ""

        def end(answer: str | None) -> None:
            if answer == "skip":
                self._sender.write(lambda: grids.skip_epoch(self._workspace, grid.number, label))
            elif answer == "end":
                self._sender.write(lambda: grids.end_grid(self._workspace, grid.number))

        skipping = [Answer("d", f"skip epoch {printable(label, 20)} in the rest", "skip")] if label else []
        answers = [*skipping, Answer("s", "end the grid now", "end"), Answer("escape", "cancel", "")]
        question = f"End grid {grid.number} {printable(grid.name, 20)}? Its pictures are kept; it can be resumed later."
        self._screen.app.push_screen(ConfirmDialog(question, answers), end)

    def show_judgement(self) -> None:
        """Show the results of judging; from there three variants go into the queue."""
        from lora_tui.screens.judgement import ADVICE, LADDER, VARIANTS, JudgementDialog

        sender, selection = self._sender, self._selection
        made, notes = selection.made, selection.notes
        if made is None:
            return
        if selection.blind:
            sender.warn("the results reveal the labels: press <key grid.blind> to leave blind mode first")
            return

        def propose(wanted: str | None) -> None:
            if wanted == VARIANTS:
                sender.write(
                    lambda: grids.queue_variants(self._workspace, made, notes, sender.engine.key),
                    long="Queueing variants",
                )
            elif wanted == LADDER:
                sender.write(lambda: advice.judged_ladder(self._workspace, made, notes), awaited=True, long=_JUDGED)
            elif wanted == ADVICE:
                sender.write(lambda: advice.judged_bake_of(self._workspace, made, notes), awaited=True, long=_JUDGED)

        journal_path = self._workspace.journal_path
        dialog = JudgementDialog(made, notes, selection.checklist, journal_path, can_propose=sender.rights.bake)
        self._screen.app.push_screen(dialog, propose)

    def open_judged(self, judged: advice.JudgedBake) -> None:
        """Offer the ladder around what was judged, or show what to try with its bake."""
        from lora_tui.screens.aim import AdviceDoors
        from lora_tui.screens.ladder_offer import offer_ladder

        sender = self._sender
        request = advice.AdviceRequest(self._workspace, judged.bake.number, sender.engine.key)
        if judged.ladder is not None:
            offer_ladder(self._screen, request, judged.ladder, sender.wake)
        else:
            AdviceDoors(self._screen, request, judged.bake, sender.rights, sender.wake).advice()

    def use_epoch(self) -> None:
        """Send the LoRA of the picture under the cursor to where it is used."""
        from lora_tui.actions.publish import Publishing
        from lora_tui.screens.use_epoch import PublishDialog, used_line

        selection = self._selection
        grid, cell = selection.grid, selection.cell
        if grid is None or cell is None or not self._sender.may_bake():
            return

        def note_sent(used: "PublishResult | None") -> None:
            if used is not None:
                self._sender.note(used_line(used), seconds=6)

        which = "the LoRA of this picture" if selection.blind or not cell.epoch else f"epoch {cell.epoch}"
        publishing = Publishing.of_cell(self._workspace, grid.number, cell.place.name)
        self._screen.app.push_screen(PublishDialog(publishing, f"Use {which}"), note_sent)

    def write_page(self) -> None:
        """Write the grid shown as one HTML page."""
        grid = self._selection.grid
        if grid is not None and self._sender.may_bake():
            self._sender.write(lambda: grids.write_page(self._workspace, grid.number), long="Writing the page")

    def _take_chosen(self, chosen: Chosen | None) -> None:
        if chosen is None:
            return
        number = chosen.number
        if chosen.what == "open":
            self._show_grid(number)
        elif chosen.what == "spec":
            self._sender.write(lambda: grids.read_spec(number, self._workspace), awaited=True)
        elif self._sender.may_bake():
            self._sender.write(lambda: grids.requeue(self._workspace, number, self._sender.engine.key), long=_QUEUEING)

    @property
    def _running_bake(self) -> Bake | None:
        return self._snapshot().running

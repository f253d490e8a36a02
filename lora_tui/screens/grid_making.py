"""What the keys of the Grid screen have done: a grid made, ended, gone on with; its page written, an epoch of it used."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import BindingType
from textual.message import Message

from lora_tui.actions import bakes, grids
from lora_tui.keymap import GRID_KEYS
from lora_tui.ports import OWNER, EngineLike, Rights
from lora_tui.screens.confirm import Answer, ConfirmDialog
from lora_tui.screens.grid_viewing import GridViewing
from lora_tui.screens.grids import Chosen, GridsDialog
from lora_tui.snapshot import Snapshot
from lora_tui.wording.grids import count_line
from trainer.journal.records import Bake, GridState
from trainer.text import printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.jobs.grids import PlannedGrid
    from trainer.publish.epoch import PublishResult

_UNDER_WAY = (GridState.WAITING, GridState.MAKING)
_NEEDS_A_CELL = ("use",)
_NEEDS_PICTURES = ("page", "judgement")
_ONLY_WATCHING = "this screen only watches; `lora-tui watch --orders` lets the keys act"
_NO_BAKING_HERE = "this screen only watches; `lora-tui` makes grids"


class GridMaking(GridViewing):
    """The Grid screen as far as it has something done.

    Args:
        workspace: where everything lies.
        engine: takes the jobs.
        snapshot: gives what the Bake screen shows now.
        wake: lets engine and feed look at the journal at once.
        clock: epoch seconds now.
        rights: what the keys may do.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*GRID_KEYS]

    def __init__(
        self,
        workspace: Workspace,
        engine: EngineLike,
        snapshot: Callable[[], Snapshot],
        wake: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.time,
        rights: Rights = OWNER,
    ) -> None:
        """Nothing is opened yet."""
        super().__init__(workspace, clock, rights)
        self.engine = engine
        self.snapshot = snapshot
        self._wake = wake

    @property
    def under_way(self) -> bool:
        """Whether the grid shown waits or is being made."""
        return self.grid is not None and self.grid.state in _UNDER_WAY

    def show_grid(self, number: int) -> None:
        """Show grid `number`."""
        self.open_grid(number)

    def make(self, ready: "PlannedGrid") -> None:
        """Have a checked grid made; while a bake is at work, ask where."""
        bake = self._bake_at_work
        if bake is None or not self.rights.order:
            if self._may_make():
                self.do(lambda: grids.queue(self.workspace, ready, self.engine.key))
            return

        def answered(where: str | None) -> None:
            if where == "bake":
                self.do(lambda: grids.order(self.workspace, ready, bake.number))
            elif where == "queue":
                self.do(lambda: grids.queue(self.workspace, ready, self.engine.key))

        within = Answer("i", f"now, while bake {bake.number:04d} waits between two steps", "bake")
        behind = Answer("q", "in the queue, behind what waits there", "queue")
        answers = [within, *([behind] if self.rights.bake else []), Answer("escape", "not now", "")]
        self.app.push_screen(ConfirmDialog(f"Make the grid? {count_line(ready)}", answers), answered)

    # What comes from the threads

    @on(grids.NewestRead)
    def _open_newest(self, event: grids.NewestRead) -> None:
        if self.grid is None:
            self.open_grid(event.number)

    @on(grids.GridsRead)
    def _offer_grids(self, event: grids.GridsRead) -> None:
        if not event.grids:
            self.warn("no grid was made here yet: b makes the one in the builder")
            return
        self.app.push_screen(GridsDialog(event.grids, self.grid.number if self.grid else None), self._take_chosen)

    @on(grids.GridQueued)
    def _follow_queued(self, event: grids.GridQueued) -> None:
        self._wake()
        self.show_grid(event.grid)
        self.notify(f"grid {event.grid} waits in the queue as {event.job.number:04d}", timeout=3, markup=False)

    @on(grids.GridOrdered)
    def _follow_ordered(self, event: grids.GridOrdered) -> None:
        self._wake()
        self.show_grid(event.grid.number)
        self.notify(f"bake {event.bake:04d} makes grid {event.grid.number} after this step", timeout=3, markup=False)

    @on(grids.PageWritten)
    def _offer_page(self, event: grids.PageWritten) -> None:
        # OSC 52: the terminal one sits at takes it, over ssh too.
        self.app.copy_to_clipboard(event.page.copy)
        self.notify(
            printable(
                f"{event.page.path}: {event.page.line}\nin the clipboard: {event.page.copy}".replace("\n", " · ")
            ),
            title="page written",
            timeout=10,
            markup=False,
        )

    @on(grids.Answered)
    def _say(self, event: grids.Answered) -> None:
        self._wake()
        self.notify(printable(event.line), timeout=3, markup=False)

    @on(bakes.Refused)
    def _show_refusal(self, event: bakes.Refused) -> None:
        """Show why something was not done."""
        self.notify(printable(event.error.line()), severity="error", timeout=8, markup=False)

    # What the keys do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave out the keys that have nothing to act on."""
        if action == "end":
            return self.under_way
        if action in _NEEDS_PICTURES:
            return self.made is not None
        if action in _NEEDS_A_CELL:
            return self.cell is not None
        return super().check_action(action, parameters)

    def action_end(self) -> None:
        """Ask, then leave an epoch out of the rest of the grid shown, or end it."""
        grid, cell = self.grid, self.cell
        if grid is None or not self.under_way or not self._may_order():
            return
        # In blind mode the question would tell which epoch it is.
        label = cell.epoch if cell is not None and not self.blind else ""

        def end(answer: str | None) -> None:
            if answer == "drop":
                self.do(lambda: grids.drop(self.workspace, grid.number, label))
            elif answer == "end":
                self.do(lambda: grids.end(self.workspace, grid.number))

        dropping = [Answer("d", f"leave epoch {printable(label, 20)} out of the rest", "drop")] if label else []
        answers = [*dropping, Answer("s", "end the grid here", "end"), Answer("escape", "let it go on", "")]
        question = f"Grid {grid.number} {printable(grid.name, 20)}: what is made is kept, and it can go on later."
        self.app.push_screen(ConfirmDialog(question, answers), end)

    def action_grids(self) -> None:
        """Offer the grids there are."""
        self.do(lambda: grids.read_grids(self.workspace))

    def action_judgement(self) -> None:
        """Show what was judged; from there three variants go into the queue."""
        from lora_tui.screens.judgement import JudgementDialog

        made, notes = self.made, self.notes
        if made is None:
            return
        if self.blind:
            self.warn("the judgement names the labels: B shows them first")
            return

        def propose(wanted: bool | None) -> None:
            if wanted:
                self.do(lambda: grids.propose(self.workspace, made, notes, self.engine.key))

        dialog = JudgementDialog(made, notes, self.checklist, can_propose=self.rights.bake)
        self.app.push_screen(dialog, propose)

    def action_use(self) -> None:
        """Send the LoRA of the picture under the cursor to where it is used."""
        from lora_tui.actions.publish import Publishing
        from lora_tui.screens.use_epoch import PublishDialog, used_line

        grid, cell = self.grid, self.cell
        if grid is None or cell is None or not self._may_make():
            return

        def sent(used: "PublishResult | None") -> None:
            if used is not None:
                self.notify(used_line(used), timeout=6, markup=False)

        which = "the LoRA of this picture" if self.blind or not cell.epoch else f"epoch {cell.epoch}"
        using = Publishing.of_cell(self.workspace, grid.number, cell.place.name)
        self.app.push_screen(PublishDialog(using, f"Use {which}"), sent)

    def action_page(self) -> None:
        """Write the grid as one HTML page, and put the command that fetches it into the clipboard."""
        grid = self.grid
        if grid is not None and self._may_make():
            self.do(lambda: grids.write_page(self.workspace, grid.number))

    def _take_chosen(self, chosen: Chosen | None) -> None:
        if chosen is None:
            return
        number = chosen.number
        if chosen.what == "open":
            self.show_grid(number)
        elif chosen.what == "spec":
            self.do(lambda: grids.read_spec(number, self.workspace))
        elif self._may_make():
            self.do(lambda: grids.go_on(self.workspace, number, self.engine.key))

    @property
    def _bake_at_work(self) -> Bake | None:
        bake = self.snapshot().bake
        return bake if bake is not None and bake.state.live else None

    def _may_order(self) -> bool:
        if not self.rights.order:
            self.warn(_ONLY_WATCHING)
        return self.rights.order

    def _may_make(self) -> bool:
        if not self.rights.bake:
            self.warn(_NO_BAKING_HERE)
        return self.rights.bake

    @work(thread=True, exit_on_error=False, group="writing")
    def do(self, job: Callable[[], Message]) -> None:
        """Do `job` in a thread of its own; its answer, or why it was refused, comes as a message."""
        self.post_message(bakes.answered(job))

    def warn(self, text: str) -> None:
        """Say why a key did nothing."""
        self.notify(text, severity="warning", markup=False)

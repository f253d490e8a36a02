"""What the keys of the Ladder screen ask and order: more rungs, a rung cut, what ended early again, what waits held, the grid of all rungs."""

from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from lora_tui.actions import ladders
from lora_tui.actions.order_sender import OrderSender
from lora_tui.screens.confirm import Answer, ConfirmDialog
from lora_tui.wording.ladders import title_text, to_continue
from trainer.journal.records import BakeState
from trainer.text import plural, printable

if TYPE_CHECKING:
    from lora_tui.screens.ladders import OpenGrid
    from trainer.grid.spec import GridSpec
    from trainer.ladders.record import LadderState

_CUT_ANSWERS = (Answer("escape", "keep it", ""), Answer("c", "cut it", "cut"))


class LadderOrders:
    """Asks, then writes about one ladder.

    Args:
        screen: the dialogs open over it; it gets the answers.
        sender: writes, as far as the keys may.
        number: of the ladder.
        open_grid: shows the Grid screen with a spec in its builder; None where there is no such screen.
    """

    def __init__(self, screen: Screen[Any], sender: OrderSender, number: int, open_grid: "OpenGrid | None") -> None:
        self._screen = screen
        self._sender = sender
        self._number = number
        self._open_grid = open_grid

    def read_grid(self) -> None:
        """Read the grid over rungs, epochs and seeds; it comes to the screen."""
        if self._open_grid is not None:
            sender = self._sender
            sender.write(
                lambda: ladders.read_grid(sender.workspace, self._number), awaited=True, long="Reading the ladder"
            )

    def open_grid(self, spec: "GridSpec") -> None:
        """Show the Grid screen with a spec in its builder."""
        if self._open_grid is not None:
            self._open_grid(spec)

    def extend(self, state: "LadderState") -> None:
        """Ask for more rungs or twins, then queue them."""
        from lora_tui.screens.new_ladder import ExtendDialog

        if not self._sender.may_bake():
            return

        def note(done: "ladders.LadderQueued | ladders.LadderChanged | None") -> None:
            if done is not None:
                self._screen.post_message(done)

        request = ladders.ExtendRequest(self._sender.workspace, self._sender.engine.key, self._number)
        heading = f"Extend ladder {self._number}  {title_text(state)}"
        self._screen.app.push_screen(ExtendDialog(request, heading, state.spec.twins), note)

    def cut(self, state: "LadderState", place: int) -> None:
        """Ask, then cut a rung."""
        if not self._sender.may_order():
            return
        left = state.of_rung(place)
        label, sender = state.spec.rungs[place].label, self._sender
        if not left:
            sender.warn(f"rung {printable(label, 60)} is cut already")
            return

        def cut(answer: str | None) -> None:
            if answer:
                sender.write(lambda: ladders.cut_rung(sender.workspace, self._number, label))

        waiting = sum(each.state is BakeState.QUEUED for each in left)
        running = any(each.state is not None and each.state.live for each in left)
        parts = [
            f"{plural(waiting, 'bake')} of it leave the queue." if waiting > 1 else "",
            "Its bake leaves the queue." if waiting == 1 else "",
            "The one that runs continues." if running else "",
            "What is baked stays in the journal.",
        ]
        question = f"Cut rung {printable(label, 60)} from ladder {self._number}?\n{' '.join(filter(None, parts))}"
        self._screen.app.push_screen(ConfirmDialog(question, _CUT_ANSWERS), cut)

    def continue_bakes(self, state: "LadderState") -> None:
        """Queue again what ended early, and what was never queued."""
        if not self._sender.may_bake():
            return
        if not to_continue(state):
            self._sender.warn("nothing to continue: every bake of this ladder is done, runs or waits")
            return
        sender = self._sender
        sender.write(
            lambda: ladders.continue_bakes(sender.workspace, self._number, sender.engine.key),
            long="Queueing the bakes of the ladder",
        )

    def hold(self, state: "LadderState") -> None:
        """Hold the bakes back that wait; where all of them are held, release them."""
        if not self._sender.may_order():
            return
        waiting = [each for each in state.bakes if not each.cut and each.state is BakeState.QUEUED]
        if not waiting:
            self._sender.warn("no bake of this ladder waits")
            return
        sender, held = self._sender, not all(each.held for each in waiting)
        sender.write(lambda: ladders.hold_bakes(sender.workspace, self._number, held=held))

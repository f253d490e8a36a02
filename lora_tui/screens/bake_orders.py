"""What the keys of the Bake screen tell the bake that is shown, and how whatever is written is written."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import on, work
from textual.message import Message

from lora_tui.actions import bakes
from lora_tui.ports import OWNER, EngineLike, Rights, SamplerLike
from lora_tui.screens.bake_view import BakeView
from lora_tui.screens.confirm import Answer, ConfirmDialog
from lora_tui.widgets.log_pane import LogPane
from lora_tui.workers.feed import Feed, FeedSources
from trainer.families.registry import part_record
from trainer.journal.records import Bake, BakeState, Order
from trainer.text import printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.jobs.live_settings import Stopping
    from trainer.settings.parts import Part

_ONLY_WATCHING = "this screen only watches; `lora-tui watch --orders` lets the keys act"
_NO_BAKING_HERE = "this screen only watches; `lora-tui` bakes and writes settings"
_STOP_ANSWERS = (
    Answer("s", "stop after this step", str(Order.STOP)),
    Answer("e", "stop at the end of this epoch", str(Order.STOP_AT_EPOCH)),
    Answer("escape", "go on baking", ""),
)
# The letter that stops a part, where it is one of several, and both text encoders at once.
_PART_KEYS = {"unet": "u", "text_encoder": "1", "text_encoder_2": "2"}
_ENCODERS_KEY = "t"


class BakeOrders(BakeView):
    """The Bake screen as far as it speaks to the bake at work.

    Args:
        workspace: where everything lies.
        engine: takes the jobs.
        sampler: reads the machine.
        clock: epoch seconds now.
        rights: what the keys may do.
    """

    def __init__(
        self,
        workspace: Workspace,
        engine: EngineLike,
        sampler: SamplerLike,
        clock: Callable[[], float] = time.time,
        rights: Rights = OWNER,
    ) -> None:
        """Make the feed; it is started after the first paint."""
        super().__init__(engine.key, clock)
        self.workspace = workspace
        self.engine = engine
        self.sampler = sampler
        self.rights = rights
        sources = FeedSources(
            engine.key,
            lambda: engine.libraries,
            sampler.latest,
            sampler.peak_memory_ours,
            lambda: engine.waiting_for,
        )
        self.feed = Feed(workspace.journal_path, sources, self.post_message)
        self._after: Callable[[], object] | None = None

    @property
    def bake(self) -> Bake | None:
        """The bake shown, if it is at work or waits for our engine."""
        return self.snapshot.bake if self.bake_at_work else None

    def say(self, text: str, level: str = "info") -> None:
        """Put a line of the program's own into the log pane; an error shows where that is not in view too."""
        self.query_one(LogPane).say(text, level, self.clock())
        if level == "error" and self.narrow:
            self._toast_error(text)

    def give(self, order: Order, after: Callable[[], object] | None = None) -> None:
        """Write an order to the bake at work, then do `after`."""
        if (bake := self.bake) is not None and self._may_order():
            self._after = after
            self._do(lambda: bakes.give(self.workspace, bake.number, order))

    def change(self, *assignments: str) -> None:
        """Order live settings of the bake at work to be changed, each as `name=value`, in this order."""
        if (bake := self.bake) is not None and self._may_order():
            self._do(lambda: bakes.change(self.workspace, bake.number, assignments))

    @on(bakes.Ordered)
    def _pass_on(self, event: bakes.Ordered) -> None:
        self._wake()
        self._do_after()

    @on(bakes.TakenUp)
    def _go_on(self, event: bakes.TakenUp) -> None:
        self._wake()

    # What the keys do

    def action_pause(self) -> None:
        """Pause the bake, or let it go on."""
        if self.bake is not None:
            self.give(Order.GO_ON if self.bake.state is BakeState.PAUSED else Order.PAUSE)
        elif self.parked:
            self.action_take_up()

    def action_take_up(self) -> None:
        """Queue the bake shown again, which ended early or was parked."""
        bake = self.snapshot.bake
        if bake is None or not self._may_bake():
            return
        if bake.state is BakeState.DONE:
            self._warn(f"bake {bake.number:04d} is done; to extend it, set more epochs and fork it with B")
        elif self.ended_early:
            self._do(lambda: bakes.take_up(self.workspace, bake.number, self.engine.key))

    def action_save_now(self) -> None:
        """Save a LoRA after this step."""
        self._order(Order.SAVE, "a LoRA is saved after this step")

    def action_stop(self) -> None:
        """Ask, then stop the bake."""
        if self.bake is None or not self._may_order():
            return

        def stop(answer: str | None) -> None:
            if answer:
                self.give(Order(answer))

        name = f"{self.bake.number:04d} {printable(self.bake.name, 30)}"
        self.app.push_screen(ConfirmDialog(f"Stop bake {name}? What is baked is kept.", _STOP_ANSWERS), stop)

    def action_stop_at_epoch(self) -> None:
        """Stop the bake at the end of its epoch."""
        self._order(Order.STOP_AT_EPOCH, "the bake stops at the end of this epoch")

    def action_stop_part(self) -> None:
        """Ask which part shall stop training; the bake goes on with the others."""
        from trainer.jobs.live_settings import stoppings, training

        settings = self.snapshot.in_force
        if settings is None or self.bake is None or not self._may_order():
            return
        still = training(settings, self.bake, self.snapshot.last)
        offered = list(stoppings(settings, self.bake, still))
        if not offered:
            self._warn(_nothing_to_stop(still))
            return

        def stop(answer: str | None) -> None:
            if answer:
                self.change(*offered[int(answer)].changes)

        answers = [_stop_answer(place, stopping, still) for place, stopping in enumerate(offered)]
        question = "Stop training a part after this step? What it has learned stays in force and in the file."
        self.app.push_screen(ConfirmDialog(question, [*answers, Answer("escape", "go on as it is", "")]), stop)

    def action_free(self) -> None:
        """Save the state and let the card go."""
        self._order(Order.FREE, "the state is saved and the card let go; space goes on from there")

    def action_live_settings(self) -> None:
        """Ask which setting shall change while the bake is at work."""
        from lora_tui.screens.live_settings import LiveSettingsDialog
        from trainer.settings.parts import metric_of

        settings = self.snapshot.in_force
        if settings is None or not self._may_order():
            return

        def change(assignment: str | None) -> None:
            if assignment is not None:
                self.change(assignment)

        two = metric_of("text_encoder_2") in self.snapshot.last
        self.app.push_screen(LiveSettingsDialog(settings, two_encoders=two), change)

    def action_grid(self) -> None:
        """Show the Grid screen, with the epochs of the bake shown in its builder."""
        from lora_tui.screens.grid import GridScreen

        asked = self.snapshot.asked
        self.app.push_screen(
            GridScreen(
                self.workspace,
                self.engine,
                lambda: self.snapshot,
                subject=asked.subject if asked is not None else self.subject,
                wake=self._wake,
                clock=self.clock,
                rights=self.rights,
            )
        )

    @property
    def subject(self) -> str:
        """Name of the subject of what is open; "" where nothing is."""
        return ""

    def action_queue(self) -> None:
        """Show the bakes in line."""
        from lora_tui.screens.queue import QueueDialog

        def follow(changed: bool | None) -> None:
            if changed:
                self._wake()

        self.app.push_screen(QueueDialog(self.workspace, self.engine.key, self.clock, self.rights), follow)

    def _order(self, order: Order, said: str) -> None:
        """Give an order and say what comes of it."""
        if self.bake is not None and self.rights.order:
            self.notify(said, timeout=2, markup=False)
        self.give(order)

    def _may_order(self) -> bool:
        if not self.rights.order:
            self._warn(_ONLY_WATCHING)
        return self.rights.order

    def _may_bake(self) -> bool:
        if not self.rights.bake:
            self._warn(_NO_BAKING_HERE)
        return self.rights.bake

    def _wake(self) -> None:
        """Let engine and feed look at the journal now."""
        self.engine.wake()
        self.feed.wake()

    @work(thread=True, exit_on_error=False, group="writing")
    def _do(self, job: Callable[[], Message]) -> None:
        self.post_message(bakes.answered(job))

    def _do_after(self) -> None:
        after, self._after = self._after, None
        if after is not None:
            after()

    def _toast_error(self, text: str) -> None:
        self.notify(printable(text), severity="error", timeout=8, markup=False)

    def _warn(self, text: str) -> None:
        self.notify(text, severity="warning", markup=False)


def _stop_answer(place: int, stopping: "Stopping", still: "tuple[Part, ...]") -> Answer:
    """Return the answer that stops `stopping`: `t` is every text encoder there is, `1` and `2` one of two."""
    from trainer.settings.parts import is_encoder, label_of

    encoders = [part for part in still if is_encoder(part)]
    if list(stopping.parts) == encoders:
        text = "both text encoders" if len(encoders) > 1 else f"the {label_of(encoders[0])}"
        return Answer(_ENCODERS_KEY, text, str(place))
    part = stopping.parts[0]
    alone = " alone" if is_encoder(part) else ""
    words = "first text encoder" if part == "text_encoder" else label_of(part)
    return Answer(_PART_KEYS[part_record(part).follows], f"the {words}{alone}", str(place))


def _nothing_to_stop(still: "tuple[Part, ...]") -> str:
    from trainer.settings.parts import label_of

    if not still:
        return "no step is done yet: wait for the first"
    return f"only the {label_of(still[0])} trains: x stops the bake"

"""Orders to the bake shown: what the keys of the Bake screen ask before, and what they give."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from lora_tui.actions import bakes
from lora_tui.actions.order_sender import OrderSender
from lora_tui.screens.confirm import Answer, ConfirmDialog
from lora_tui.snapshot import Snapshot
from trainer.families.registry import part_record
from trainer.journal.records import Bake, BakeState, Order
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.jobs.live_settings import PossibleStop
    from trainer.settings.parts import Part

_STOP_ANSWERS = (
    Answer("s", "stop after this step", str(Order.STOP)),
    Answer("e", "stop at the end of this epoch", str(Order.STOP_AT_EPOCH)),
    Answer("escape", "cancel", ""),
)
# The letter that stops a part, where it is one of several, and both text encoders at once.
_PART_KEYS = {"unet": "u", "text_encoder": "1", "text_encoder_2": "2"}
_ENCODERS_KEY = "t"


class BakeOrders:
    """Speaks to the bake shown, through the journal.

    Args:
        screen: the dialogs open over it.
        sender: writes, as far as the keys may.
        snapshot: returns what the screen shows now.
    """

    def __init__(self, screen: Screen[Any], sender: OrderSender, snapshot: Callable[[], Snapshot]) -> None:
        self._screen = screen
        self._sender = sender
        self._snapshot = snapshot

    @property
    def bake(self) -> Bake | None:
        """The bake shown, if it runs or is queued for our engine."""
        return self._snapshot().active_bake(self._sender.engine.key)

    def give_order(self, order: Order, then: Callable[[], object] | None = None) -> None:
        """Write an order to the running bake, then do `then`."""
        if (bake := self.bake) is not None and self._sender.may_order():
            self._sender.write(lambda: bakes.give_order(self._sender.workspace, bake.number, order), then)

    def stop_ours(self, then: Callable[[], object]) -> None:
        """Order our engine's job to stop, whichever bake is on the screen, then do `then`; at once where none runs any more."""
        job = self._snapshot().ours
        if job is None or not job.state.live or not self._sender.rights.order:
            then()
        else:
            self._sender.write(lambda: bakes.give_order(self._sender.workspace, job.number, Order.STOP), then)

    def change_settings(self, *assignments: str) -> None:
        """Order live settings of the running bake to be changed, each as `name=value`, in this order."""
        if (bake := self.bake) is not None and self._sender.may_order():
            self._sender.write(lambda: bakes.change_settings(self._sender.workspace, bake.number, assignments))

    def pause_or_resume(self) -> None:
        """Pause the bake, or let a paused or parked one continue."""
        if (bake := self.bake) is not None:
            self.give_order(Order.RESUME if bake.state is BakeState.PAUSED else Order.PAUSE)
        elif self._snapshot().parked:
            self.resume()

    def resume(self) -> None:
        """Queue the bake shown again, which ended early or was parked."""
        snapshot = self._snapshot()
        bake = snapshot.bake
        if bake is None or not self._sender.may_bake():
            return
        if bake.imported:
            from trainer.jobs.ran_here import ran_elsewhere

            self._sender.warn(ran_elsewhere(bake.number).line())
        elif bake.state is BakeState.DONE:
            self._sender.warn(f"bake {bake.number:04d} is done; to extend it, set more epochs and fork it with B")
        elif snapshot.ended_early:
            sender = self._sender
            sender.write(
                lambda: bakes.resume_bake(sender.workspace, bake.number, sender.engine.key), long="Resuming the bake"
            )

    def save_now(self) -> None:
        """Save a LoRA after this step."""
        self._give_and_note(Order.SAVE, "a LoRA will be saved after this step")

    def stop(self) -> None:
        """Ask, then stop the bake."""
        bake = self.bake
        if bake is None or not self._sender.may_order():
            return

        def stop(answer: str | None) -> None:
            if answer:
                self.give_order(Order(answer))

        name = f"{bake.number:04d} {printable(bake.name, 30)}"
        question = f"Stop bake {name}? What it has learned is saved."
        self._screen.app.push_screen(ConfirmDialog(question, _STOP_ANSWERS), stop)

    def stop_at_epoch(self) -> None:
        """Stop the bake at the end of its epoch."""
        self._give_and_note(Order.STOP_AT_EPOCH, "the bake will stop at the end of this epoch")

    def stop_part(self) -> None:
        """Ask which part stops training; the bake continues with the others."""
        from trainer.jobs.live_settings import possible_stops, training_parts

        snapshot, bake = self._snapshot(), self.bake
        settings = snapshot.in_force
        if settings is None or bake is None or not self._sender.may_order():
            return
        still = training_parts(settings, bake, snapshot.last)
        offered = list(possible_stops(settings, bake, still))
        if not offered:
            self._sender.warn(_nothing_to_stop(still))
            return

        def stop(answer: str | None) -> None:
            if answer:
                self.change_settings(*offered[int(answer)].changes)

        answers = [_stop_answer(place, stopping, still) for place, stopping in enumerate(offered)]
        question = "Stop training a part after this step? What it has learned is kept."
        self._screen.app.push_screen(ConfirmDialog(question, [*answers, Answer("escape", "cancel", "")]), stop)

    def free_card(self) -> None:
        """Save the state and unload the model from the GPU."""
        self._give_and_note(Order.FREE, "the state will be saved and the GPU freed; space continues from there")

    def change_live_settings(self) -> None:
        """Ask which setting to change while the bake runs."""
        from lora_tui.screens.live_settings import LiveSettingsDialog
        from trainer.settings.parts import metric_of

        snapshot = self._snapshot()
        if snapshot.in_force is None or not self._sender.may_order():
            return

        def change(assignment: str | None) -> None:
            if assignment is not None:
                self.change_settings(assignment)

        two = metric_of("text_encoder_2") in snapshot.last
        self._screen.app.push_screen(
            LiveSettingsDialog(snapshot.in_force, two_encoders=two, family=snapshot.family), change
        )

    def write_report(self) -> None:
        """Write everything known of the bake shown as one HTML page."""
        from lora_tui.actions.report_file import write_shown_report

        bake = self._snapshot().bake
        if bake is not None and self._sender.may_bake():
            self._sender.write(
                lambda: write_shown_report(self._sender.workspace, bake.number), long="Writing the report"
            )

    def _give_and_note(self, order: Order, text: str) -> None:
        """Give an order and show what comes of it."""
        if self.bake is not None and self._sender.rights.order:
            self._sender.note(text, seconds=2)
        self.give_order(order)


def _stop_answer(place: int, stopping: "PossibleStop", still: "tuple[Part, ...]") -> Answer:
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
    return f"only the {label_of(still[0])} trains: press <key bake.stop> to stop the bake"

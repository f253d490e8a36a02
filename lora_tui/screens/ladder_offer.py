"""A ladder offered to be queued: what it would take, worked out in a thread, and whether its bakes wait to be released."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from lora_tui.actions.advice import AdviceRequest, LadderOffer
from lora_tui.keys.keymap import bindings
from lora_tui.screens.dialog import Dialog, key_hint
from lora_tui.wording.advice import spec_words
from lora_tui.wording.ladder_text import cost_words
from lora_tui.wording.unexpected import as_error
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.errors import LoraTuiError
    from trainer.ladders.record import LadderSpec

_WORKING = "working out its bakes …"
_QUEUEING = "queueing its bakes …"
_KEYS = ("offer.run", "offer.held", "dialog.cancel")
_NOTES = 4


class LadderOfferDialog(Dialog[int]):
    """Offers a ladder around a bake's settings; dismissed with its number, or None where it was not queued.

    Args:
        request: of the bake; previews and queues, called in threads.
        spec: the ladder.
    """

    DEFAULT_CSS = """
    LadderOfferDialog {
        & > Vertical { width: 76; overflow-y: auto; }
        & #outlook { height: auto; margin-top: 1; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("ladder offer")

    class Known(Message):
        """What the ladder would take is known, or it cannot be baked."""

        def __init__(self, offer: LadderOffer | None, error: "LoraTuiError | None" = None) -> None:
            """Carry it; `error` says why it cannot be baked."""
            super().__init__()
            self.offer, self.error = offer, error

    class Queued(Message):
        """The ladder is in the queue, or could not be put there."""

        def __init__(self, number: int | None, error: "LoraTuiError | None" = None) -> None:
            """Carry its number; `error` says why there is none."""
            super().__init__()
            self.number, self.error = number, error

    def __init__(self, request: AdviceRequest, spec: "LadderSpec") -> None:
        super().__init__()
        self._request, self._spec = request, spec
        self._offer: LadderOffer | None = None
        self._busy = False

    def compose(self) -> ComposeResult:
        """Yield the ladder, what it takes, and the keys."""
        with Vertical():
            yield Static(Content.styled("Queue this ladder?", "bold"))
            yield Static(Content(spec_words(self._spec)))
            yield Static(Content.styled(_WORKING, "$muted"), id="outlook")
            yield Static("", id="error")
            yield Static(Content(key_hint(self, *_KEYS)), id="keys")

    def on_mount(self) -> None:
        """Start working out what it takes."""
        self._find_out()

    def acts_on(self, key: str) -> bool:
        """Return whether `key` queues it."""
        return key in ("b", "h")

    def action_queue(self, held: bool) -> None:
        """Queue it, held or to run."""
        if self._offer is not None and not self._busy:
            self._busy = True
            self.show_error(None)
            self._queue_it(held)

    @on(Known)
    def _show(self, event: Known) -> None:
        event.stop()
        self._offer = event.offer
        lines = [] if event.offer is None else offer_lines(event.offer)
        self.query_one("#outlook", Static).update(Content("\n").join(Content(line) for line in lines))
        self.show_error(event.error)

    @on(Queued)
    def _close(self, event: Queued) -> None:
        event.stop()
        if event.number is not None:
            self.dismiss(event.number)
            return
        self._busy = False
        self.query_one("#keys", Static).update(Content(key_hint(self, *_KEYS)))
        self.show_error(event.error)

    @work(thread=True, exit_on_error=False, group="offer")
    def _find_out(self) -> None:
        try:
            answer = self.Known(self._request.offer(self._spec))
        except Exception as broken:
            answer = self.Known(None, as_error("ladder", broken))
        self.post_message(answer)

    def _queue_it(self, held: bool) -> None:
        self.start_work(
            _QUEUEING,
            lambda: self.Queued(self._request.queue(self._spec, held=held)),
            lambda broken: self.Queued(None, as_error("ladder", broken)),
        )


def offer_lines(offer: LadderOffer) -> list[str]:
    """Return what a ladder would take, and what the user should know."""
    line = cost_words(offer.bakes, offer.reused, offer.seconds, offer.disk_bytes)
    return [line, *(printable(note, 200) for note in offer.notes[:_NOTES])]


def offer_ladder(
    screen: Screen[Any], request: AdviceRequest, spec: "LadderSpec", wake: Callable[[], object] = lambda: None
) -> None:
    """Offer a ladder over `screen`; once it is queued, say so and let engine and feed look."""

    def note(number: int | None) -> None:
        if number is not None:
            screen.notify(
                f"ladder {number} is queued; <key ladders.open> on the Bake screen shows it", timeout=5, markup=False
            )
            wake()

    screen.app.push_screen(LadderOfferDialog(request, spec), note)

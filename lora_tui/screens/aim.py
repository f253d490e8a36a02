"""Rates that would make the parts of a bake done at one epoch: the model, its range, and what is queued of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from lora_tui.actions.advice import AdviceRequest
from lora_tui.keys.keymap import bindings
from lora_tui.ports import OWNER, Rights
from lora_tui.screens.advice import show_advice
from lora_tui.screens.dialog import ReadDialog, key_hint
from lora_tui.screens.ladder_offer import offer_ladder
from lora_tui.wording.job_names import NamedBake
from lora_tui.wording.state_symbols import FAILED
from lora_tui.wording.unexpected import as_error
from trainer.text import plural, printable

if TYPE_CHECKING:
    from trainer.advice.aim import BandAim
    from trainer.errors import LoraTuiError

_READING = "reading what was measured, and the ladders …"
_READ_ONLY = "read-only: start `lora-tui` to queue bakes"


class AimDialog(ReadDialog[None]):
    """What would make the lanes of a bake meet.

    Args:
        heading: names the bake; our own text.
        request: reads and queues; called in threads.
        rights: what the keys may do.
        wake: lets engine and feed read the journal, after something was queued.
    """

    DEFAULT_CSS = """
    AimDialog {
        & > VerticalScroll { width: 100; }
        & #aim { height: auto; margin-top: 1; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("aim")

    class Ready(Message):
        """The aim is worked out, or there is none."""

        def __init__(self, aim: "BandAim | None", error: "LoraTuiError | None" = None) -> None:
            """Carry it; `error` says why there is none."""
            super().__init__()
            self.aim, self.error = aim, error

    class Queued(Message):
        """Variants wait in the queue, or could not be put there."""

        def __init__(self, count: int, error: "LoraTuiError | None" = None) -> None:
            """Carry how many; `error` says why there is none."""
            super().__init__()
            self.count, self.error = count, error

    def __init__(
        self, heading: str, request: AdviceRequest, rights: Rights = OWNER, wake: Callable[[], object] = lambda: None
    ) -> None:
        super().__init__()
        self._heading, self._request, self._rights, self._wake = heading, request, rights, wake
        self._aim: BandAim | None = None
        self._busy = False

    def compose(self) -> ComposeResult:
        """Yield the heading, the model with what to try, and the keys."""
        with VerticalScroll():
            yield Static(Content.styled(self._heading, "bold"))
            yield Static(Content.styled(_READING, "$muted"), id="aim")
            yield Static("", id="keys")

    def on_mount(self) -> None:
        """Start working it out."""
        self._read_it()

    def action_variants(self) -> None:
        """Queue the variants, held."""
        if self._may_queue() and self._aim is not None and self._aim.points:
            self._busy = True
            self._queue_them(self._aim)

    def action_ladder(self) -> None:
        """Offer the ladder around the point."""
        if self._may_queue() and self._aim is not None and self._aim.ladder is not None:
            offer_ladder(self, self._request, self._aim.ladder, self._wake)

    def _may_queue(self) -> bool:
        if not self._rights.bake:
            self.notify(self._rights.instead or _READ_ONLY, severity="warning", markup=False)
        return self._rights.bake and not self._busy

    @on(Ready)
    def _show(self, event: Ready) -> None:
        event.stop()
        self._aim = event.aim
        shown = self.query_one("#aim", Static)
        if event.aim is None:
            error = event.error
            lines = [] if error is None else [error.line(), *(f"  {line}" for line in error.details)]
            shown.update(
                Content.assemble(
                    (f"{FAILED.mark} {printable(lines[0]) if lines else ''}", "$error"),
                    "".join(f"\n{printable(line)}" for line in lines[1:]),
                )
            )
        else:
            from trainer.advice.aim import aim_lines

            shown.update(Content("\n").join(Content(line) for line in aim_lines(event.aim)))
        offered = () if event.aim is None or not event.aim.points else ("aim.variants", "aim.ladder")
        self.query_one("#keys", Static).update(
            Content(key_hint(self, *offered, "read.down read.up=scroll", "read.close"))
        )

    @on(Queued)
    def _note(self, event: Queued) -> None:
        event.stop()
        self._busy = False
        if event.error is not None:
            self.notify(printable(event.error.line()), severity="error", timeout=8, markup=False)
        if event.count:
            self.notify(
                f"{plural(event.count, 'variant')} queued, held; <key queue.open> on the Bake screen releases them",
                markup=False,
            )
            self._wake()

    @work(thread=True, exit_on_error=False, group="aim", exclusive=True)
    def _read_it(self) -> None:
        try:
            answer = self.Ready(self._request.aim())
        except Exception as broken:
            # A fault of ours is worth a line here, and never the end of the program.
            answer = self.Ready(None, as_error("aim", broken))
        self.post_message(answer)

    @work(thread=True, exit_on_error=False, group="writing")
    def _queue_them(self, aim: "BandAim") -> None:
        try:
            answer = self.Queued(self._request.queue_variants(aim))
        except Exception as broken:
            answer = self.Queued(0, as_error("variants", broken))
        self.post_message(answer)


@dataclass(frozen=True)
class AdviceDoors:
    """What the screens about one bake open: what to try with it, and rates that would make its parts meet.

    Attributes:
        screen: over which they open.
        request: of the bake.
        bake: names it.
        rights: what their keys may do.
        wake: lets engine and feed read the journal, after something was queued.
    """

    screen: Screen[Any]
    request: AdviceRequest
    bake: NamedBake
    rights: Rights = OWNER
    wake: Callable[[], object] = lambda: None

    def advice(self) -> None:
        """Show what to try."""
        show_advice(self.screen, self.request, self.bake, self.rights, self.wake)

    def aim(self) -> None:
        """Show rates that would make the parts meet."""
        heading = f"Aim for the band with bake {self.bake.number:04d} {printable(self.bake.name)}"
        self.screen.app.push_screen(AimDialog(heading, self.request, self.rights, self.wake))

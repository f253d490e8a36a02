"""Where each epoch of a bake stands between raw and burnt: lanes over the epochs, with the evidence of the one under the cursor."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from lora_tui.keys.keymap import bindings
from lora_tui.screens.dialog import ReadDialog, hint_keys, key_hint
from lora_tui.screens.screen_sizes import SmallClasses
from lora_tui.widgets.doneness_view import DonenessView
from lora_tui.widgets.key_line import KeyLine
from lora_tui.wording.job_names import NamedBake
from lora_tui.wording.state_symbols import FAILED
from lora_tui.wording.unexpected import as_error
from trainer.text import printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from lora_tui.screens.aim import AdviceDoors
    from trainer.doneness.record import Doneness, DonenessLane
    from trainer.errors import LoraTuiError

_READING = "reading what was measured …"
_KEYS = (
    "doneness.left doneness.right=epoch",
    "doneness.up doneness.down=lane",
    "doneness.rules",
    "doneness.aim",
    "advice.open",
    "app.help",
    "doneness.close",
)
# A bake that runs saves an epoch in minutes; what is read is small.
_SECONDS = 5.0


class DonenessScreen(SmallClasses, ModalScreen[None]):
    """The lanes of a bake.

    Args:
        heading: names the bake; our own text.
        read: reads its doneness; called in a thread.
        doors: open what to try with the bake, and rates that would make its parts meet; None where these cannot be opened.
    """

    DEFAULT_CSS = """
    DonenessScreen {
        background: $background;
        & > #title { height: auto; padding: 0 1; }
        & > #band { height: auto; max-height: 3; padding: 0 1; margin-bottom: 1; }
        & > #about { height: 1fr; border-top: solid $rule; padding: 0 1; scrollbar-size-vertical: 1; }
        & #evidence { height: auto; }
        &.-short > #title { height: 1; }
        &.-short > #band { max-height: 1; margin-bottom: 0; }
        &.-short > #about { border-top: none; min-height: 1; }
        &.-short > DonenessView { max-height: 6; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("doneness")

    class Ready(Message):
        """The doneness is read, or could not be."""

        def __init__(self, doneness: "Doneness | None", error: "LoraTuiError | None" = None) -> None:
            """Carry it; `error` says why there is none."""
            super().__init__()
            self.doneness = doneness
            self.error = error

    def __init__(self, heading: str, read: "Callable[[], Doneness]", doors: "AdviceDoors | None" = None) -> None:
        super().__init__()
        self._heading, self._read, self._doors = heading, read, doors
        self._doneness: Doneness | None = None

    def compose(self) -> ComposeResult:
        """Yield the heading, the band, the lanes, the evidence and the keys."""
        yield Static(Content.styled(self._heading, "bold"), id="title")
        yield Static(Content.styled(_READING, "$muted"), id="band")
        yield DonenessView()
        with VerticalScroll(id="about", can_focus=False):
            yield Static("", id="evidence")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Start reading."""
        self.query_one(DonenessView).focus()
        self._read_it()
        self.set_interval(_SECONDS, self._read_again)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)

    def action_read_on(self, by: int) -> None:
        """Scroll the evidence."""
        self.query_one("#about", VerticalScroll).scroll_relative(y=by, animate=False, immediate=True)

    def action_help(self) -> None:
        """Show what the keys do."""
        from lora_tui.screens.help import HelpScreen, active_keys

        self.app.push_screen(HelpScreen(active_keys(self), has_panes=False))

    def action_advice(self) -> None:
        """Show what to try with the bake."""
        if self._doors is not None:
            self._doors.advice()

    def action_aim(self) -> None:
        """Show rates that would make the parts done at one epoch."""
        if self._doors is not None:
            self._doors.aim()

    def action_rules(self) -> None:
        """Show the rules."""
        self.app.push_screen(RulesDialog())

    def _read_again(self) -> None:
        if self._doneness is not None and self._doneness.running:
            self._read_it()

    @work(thread=True, exit_on_error=False, group="doneness", exclusive=True)
    def _read_it(self) -> None:
        try:
            answer = self.Ready(self._read())
        except Exception as broken:
            # A fault of ours is worth a line here, and never the end of the program.
            answer = self.Ready(None, as_error("doneness", broken))
        self.post_message(answer)

    @on(Ready)
    def _show(self, event: Ready) -> None:
        from trainer.doneness.words import band_line

        event.stop()
        band = self.query_one("#band", Static)
        if event.doneness is None:
            words = event.error.line() if event.error is not None else ""
            self.query_one(KeyLine).show_keys(hint_keys(self, *_KEYS[2:]))
            band.update(Content.assemble((f"{FAILED.mark} {printable(words)}", "$error")))
            return
        self._doneness = event.doneness
        lines = [band_line(event.doneness)]
        lines += [event.doneness.noise] if event.doneness.noise else []
        style = "$success" if event.doneness.band is not None else ""
        band.update(
            Content("\n").join(
                [Content.styled(lines[0], style), *(Content.styled(each, "$muted") for each in lines[1:])]
            )
        )
        self.query_one(DonenessView).show(event.doneness)
        # The lanes' own keys are known once they have the focus.
        self.query_one(KeyLine).show_keys(hint_keys(self, *_KEYS))
        self._explain()

    @on(DonenessView.Moved)
    def _move(self, event: DonenessView.Moved) -> None:
        event.stop()
        self._explain()
        self.query_one("#about", VerticalScroll).scroll_home(animate=False)

    def _explain(self) -> None:
        shown, view = self._doneness, self.query_one(DonenessView)
        if shown is None or not shown.epochs:
            return
        epoch = shown.epochs[view.epoch]
        said = [Content.styled(mark.words, "$primary") for mark in shown.marks if mark.place == view.epoch]
        lanes = [*shown.lanes[view.lane :], *shown.lanes[: view.lane]]
        lines = [Content.assemble((_axis_words(shown, view.epoch), "bold")), *said]
        for lane in lanes:
            lines += _about(lane, shown.epochs.index(epoch))
        self.query_one("#evidence", Static).update(Content("\n").join(lines))


class RulesDialog(ReadDialog[None]):
    """The rules that place an epoch, by what they are a sign of."""

    DEFAULT_CSS = """
    RulesDialog > VerticalScroll { width: 100; }
    """

    def compose(self) -> ComposeResult:
        """Yield each rule with its measure and its reason, and the keys."""
        with VerticalScroll():
            yield Static(Content.styled("What places an epoch, beyond the noise only", "bold"))
            yield Static(Content("\n").join(_rule_lines()))
            yield Static("", id="keys")

    def on_mount(self) -> None:
        """Name the keys."""
        self.query_one("#keys", Static).update(Content(key_hint(self, "read.down read.up=scroll", "read.close")))


def _rule_lines() -> list[Content]:
    from trainer.doneness.rules import LANE_WORDS, RULES, SIGN_WORDS
    from trainer.measures.registry import MEASURES

    found = []
    for sign, words in SIGN_WORDS.items():
        found += [Content(""), Content.styled(words, "$primary")]
        for rule in (rule for rule in RULES if rule.sign is sign):
            lanes = ", ".join(title for kind, title in LANE_WORDS.items() if kind in rule.lanes)
            found.append(
                Content.assemble(
                    (f"  {rule.words}", "bold"), (f"   {lanes} · {MEASURES[rule.measure].title}", "$muted")
                )
            )
            found.append(Content(f"    {rule.why}"))
    return found


def show_doneness(
    screen: Screen[Any], workspace: Workspace, bake: NamedBake | None, doors: "AdviceDoors | None" = None
) -> None:
    """Show the lanes of a bake over `screen`; where there is none, say so. `doors` open what to try with it."""
    from lora_tui.actions.doneness import read_doneness

    if bake is None:
        screen.notify("there is no bake yet", severity="warning", markup=False)
        return
    heading = f"Doneness of bake {bake.number:04d} {printable(bake.name)}"
    screen.app.push_screen(DonenessScreen(heading, lambda: read_doneness(workspace, bake.number), doors))


def _axis_words(doneness: "Doneness", place: int) -> str:
    """Return `epoch 5 · step 500 · each picture shown 50–150 times`."""
    from trainer.doneness.words import shown_words

    epoch = doneness.epochs[place]
    return " · ".join(
        filter(None, (epoch.title, f"step {epoch.step:,}" if epoch.ends_epoch else "", shown_words(epoch)))
    )


def _about(lane: "DonenessLane", place: int) -> list[Content]:
    """Return what puts an epoch where it is in a lane."""
    from trainer.doneness.words import evidence

    head = f": {lane.epochs[place].state}" if lane.epochs else ""
    found = [*(evidence(lane.epochs[place]) if lane.epochs else ()), *lane.missing]
    return [Content.styled(f"{lane.title}{head}", "bold"), *(Content(f"  {line}") for line in found)]

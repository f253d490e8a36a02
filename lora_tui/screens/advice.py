"""Advice on a bake: the symptoms with what was seen of them, what to try in its order, and the ladder that would test it."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from lora_tui.actions.advice import AdviceRequest
from lora_tui.keys.keymap import bindings
from lora_tui.ports import OWNER, Rights
from lora_tui.screens.dialog import hint_keys
from lora_tui.screens.ladder_offer import offer_ladder
from lora_tui.screens.screen_sizes import SmallClasses
from lora_tui.widgets.key_line import KeyLine
from lora_tui.wording.advice import NO_MOVES, TICK_FIRST, move_lines, move_title, step_title, symptom_lines
from lora_tui.wording.job_names import NamedBake
from lora_tui.wording.pane_terms import PaneTerms, Term
from lora_tui.wording.state_symbols import DONE, FAILED
from lora_tui.wording.unexpected import as_error
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.advice.record import Advice, AdvisedMove, SymptomHere
    from trainer.errors import LoraTuiError

_READING = "reading what is known of the bake …"
_KEYS = (
    "advice.tick",
    "advice.next=other list",
    "advice.ladder",
    "about.down about.up=text",
    "app.help",
    "advice.close",
)
# Narrower than this the lists lie one above the other.
_BESIDE = 100
_SEEN, _CHOSEN, _OPEN = "•", DONE.mark, " "


class AdviceList(OptionList):
    """A list of symptoms or moves; enter is the screen's."""

    DEFAULT_CSS = """
    AdviceList {
        width: 1fr;
        height: 1fr;
        border: none;
        border-top: solid $rule;
        border-title-color: $muted;
        padding: 0 1;
        background: $background;
        text-wrap: nowrap;
        text-overflow: ellipsis;
        scrollbar-size-vertical: 1;
    }
    AdviceList:focus {
        border: none;
        border-top: solid $primary;
        border-title-color: $accent;
        border-title-style: bold;
        background-tint: transparent;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("advice list")
    TERMS: ClassVar[PaneTerms] = PaneTerms(
        "advice",
        (
            Term(_SEEN, "what was measured of the bake shows this symptom, beyond the noise"),
            Term(_CHOSEN, "you see this symptom"),
        ),
    )

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        if by > 0:
            self.action_cursor_down()
        else:
            self.action_cursor_up()

    @property
    def key(self) -> str:
        """Key of what is under the cursor, "" for nothing."""
        place = self.highlighted
        return "" if place is None else self.get_option_at_index(place).id or ""

    def fill(self, options: "list[Option]") -> None:
        """Show other options; the cursor stays on what it was on, where that is still there."""
        before = self.key
        self.clear_options()
        self.add_options(options)
        ids = [option.id for option in options]
        first = next((place for place, option in enumerate(options) if not option.disabled), None)
        self.highlighted = ids.index(before) if before in ids else first


class AdviceScreen(SmallClasses, ModalScreen[None]):
    """What to try with a bake.

    Args:
        heading: names the bake; our own text.
        request: reads, keeps ticks and queues; called in threads.
        rights: what the keys may do.
        wake: lets engine and feed read the journal, after something was queued.
    """

    DEFAULT_CSS = """
    AdviceScreen {
        background: $background;
        & > #title { height: auto; max-height: 2; padding: 0 1; }
        & > #lists { height: 1fr; layout: vertical; }
        & > #lists.-beside { layout: horizontal; }
        & > #about { height: 1fr; border-top: solid $rule; padding: 0 1; scrollbar-size-vertical: 1; }
        & #evidence { height: auto; }
        &.-short > #title { max-height: 1; }
        &.-short > #lists { height: 3fr; }
        &.-short > #about { height: 2fr; }
        &.-short > #lists.-below > AdviceList { height: 2; }
        &.-short > #lists.-below > AdviceList:focus { height: 1fr; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("advice")

    class Ready(Message):
        """The advice is read, or could not be."""

        def __init__(
            self, chosen: tuple[str, ...], advice: "Advice | None", error: "LoraTuiError | None" = None
        ) -> None:
            """Carry it with the ticks it was made for; `error` says why there is none."""
            super().__init__()
            self.chosen, self.advice, self.error = chosen, advice, error

    def __init__(
        self,
        heading: str,
        request: AdviceRequest,
        rights: Rights = OWNER,
        wake: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__()
        self._heading, self._request, self._rights, self._wake = heading, request, rights, wake
        self._advice: Advice | None = None
        self._chosen: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        """Yield the heading, symptoms, moves, the text about what is under the cursor, and the keys."""
        yield Static(Content.styled(self._heading, "bold"), id="title")
        with Horizontal(id="lists", classes="-beside" if self.app.size.width >= _BESIDE else "-below"):
            yield AdviceList(id="symptoms")
            yield AdviceList(id="moves")
        with VerticalScroll(id="about", can_focus=False):
            yield Static(Content.styled(_READING, "$muted"), id="evidence")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Start reading."""
        self.symptoms.focus()
        self._read_it(None)

    def on_resize(self, event: events.Resize) -> None:
        """Lay the lists beside each other where there is room."""
        beside = event.size.width >= _BESIDE
        self.query_one("#lists").update_classes({"-beside": beside, "-below": not beside})

    @property
    def symptoms(self) -> AdviceList:
        """The list of symptoms."""
        return self.query_one("#symptoms", AdviceList)

    @property
    def moves(self) -> AdviceList:
        """The list of moves."""
        return self.query_one("#moves", AdviceList)

    @property
    def advice(self) -> "Advice | None":
        """The advice that is shown."""
        return self._advice

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)

    def action_help(self) -> None:
        """Show what the keys do."""
        from lora_tui.screens.help import HelpScreen, active_keys

        self.app.push_screen(HelpScreen(active_keys(self, self._rights.allows), has_panes=False))

    def action_read_on(self, by: int) -> None:
        """Scroll the text."""
        self.query_one("#about", VerticalScroll).scroll_relative(y=by, animate=False, immediate=True)

    def action_switch(self) -> None:
        """Go to the other list."""
        other = self.moves if self.symptoms.has_focus else self.symptoms
        other.focus()
        self._explain()

    def action_tick(self) -> None:
        """Tick the symptom under the cursor, or take that back."""
        here = self._symptom
        if here is None or not self.symptoms.has_focus:
            return
        if not self._rights.order:
            self._warn(self._rights.instead or "read-only: ticks are not kept here")
            return
        if here.missing:
            self._warn(here.missing)
            return
        key = here.symptom.key
        self._chosen = (
            tuple(each for each in self._chosen if each != key) if key in self._chosen else (*self._chosen, key)
        )
        self._show_symptoms()
        self._read_it(self._chosen, keep=True)

    def action_ladder(self) -> None:
        """Ask, then queue the ladder that would test the move under the cursor."""
        move = self._move
        if self.symptoms.has_focus:
            self.action_switch()
            return
        if move is None:
            return
        if not self._rights.bake:
            self._warn(self._rights.instead or "read-only: start `lora-tui` to queue bakes")
        elif move.ladder is None:
            self._warn(move.by_hand)
        else:
            offer_ladder(self, self._request, move.ladder, self._wake)

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_ladder()

    @on(OptionList.OptionHighlighted)
    def _move_cursor(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        if event.option_list.has_focus:
            self._explain()

    @on(Ready)
    def _take(self, event: Ready) -> None:
        event.stop()
        if event.advice is None:
            line = event.error.line() if event.error is not None else ""
            self.query_one("#evidence", Static).update(Content.assemble((f"{FAILED.mark} {printable(line)}", "$error")))
            return
        first = self._advice is None
        if not first and event.chosen != self._chosen:
            # Another tick was made since; its own answer comes.
            return
        self._advice, self._chosen = event.advice, event.chosen
        self._show_keys()
        self._show_symptoms()
        self._show_moves()
        self._explain()

    def _warn(self, text: str) -> None:
        self.notify(printable(text), severity="warning", timeout=8, markup=False)

    @work(thread=True, exit_on_error=False, group="advice", exclusive=True)
    def _read_it(self, chosen: tuple[str, ...] | None, *, keep: bool = False) -> None:
        try:
            if keep and chosen is not None:
                self._request.keep(chosen)
            answer = self.Ready(*self._request.read(chosen))
        except Exception as broken:
            # A fault of ours is worth a line here, and never the end of the program.
            answer = self.Ready(chosen or (), None, as_error("advice", broken))
        self.post_message(answer)

    @property
    def _symptom(self) -> "SymptomHere | None":
        key, advice = self.symptoms.key, self._advice
        return None if advice is None else next((here for here in advice.symptoms if here.symptom.key == key), None)

    @property
    def _move(self) -> "AdvisedMove | None":
        return None if self._advice is None else self._advice.move(self.moves.key)

    def _show_keys(self) -> None:
        self.query_one(KeyLine).show_keys(hint_keys(self, *_KEYS))

    def _show_symptoms(self) -> None:
        if self._advice is not None:
            self.symptoms.fill(
                [_symptom_option(here, here.symptom.key in self._chosen) for here in _in_order(self._advice)]
            )
            self.symptoms.border_title = "what you see (space), • what was measured"

    def _show_moves(self) -> None:
        advice = self._advice
        if advice is not None:
            none = NO_MOVES if any(here.asks for here in advice.symptoms) else TICK_FIRST
            self.moves.fill(list(_move_options(advice)) or [Option(Content.styled(none, "$muted"), disabled=True)])
            self.moves.border_title = "what to try, in this order"

    def _explain(self) -> None:
        advice = self._advice
        if advice is None:
            return
        here, move = self._symptom, self._move
        if self.moves.has_focus and move is not None:
            lines = [
                Content.styled(move_title(move), "bold"),
                *(Content(line) for line in move_lines(move, advice.bake)),
            ]
        elif here is not None:
            lines = [Content.styled(here.symptom.title, "bold"), *(Content(line) for line in symptom_lines(here))]
        else:
            lines = []
        unknown = [*advice.unknown, *((advice.noise,) if advice.noise else ())]
        lines += [Content.styled(printable(line), "$muted") for line in unknown]
        self.query_one("#evidence", Static).update(Content("\n").join(lines))
        self.query_one("#about", VerticalScroll).scroll_home(animate=False)


def _in_order(advice: "Advice") -> "list[SymptomHere]":
    """Return the symptoms in the order of their table, so that none moves when another is ticked."""
    from trainer.advice.symptoms import SYMPTOMS

    places = {key: place for place, key in enumerate(SYMPTOMS)}
    return sorted(advice.symptoms, key=lambda here: places[here.symptom.key])


def _symptom_option(here: "SymptomHere", chosen: bool) -> Option:
    mark = _CHOSEN if chosen else _OPEN
    seen = _SEEN if here.seen else " "
    style = "$muted" if here.missing else "bold" if chosen or here.seen else ""
    words = Content.assemble((f"{mark} ", DONE.colour), (f"{seen} ", "$warning"), (here.symptom.title, style))
    return Option(words, id=here.symptom.key)


def _move_options(advice: "Advice") -> Iterator[Option]:
    step = None
    for move in advice.moves:
        if move.knob.step is not step:
            step = move.knob.step
            yield Option(Content.styled(step_title(move), "$primary"), disabled=True)
        yield Option(Content(f"  {move_title(move)}"), id=move.key)
    if advice.set_aside:
        yield Option(Content.styled("answered by a ladder: inside the noise", "$primary"), disabled=True)
        yield from (Option(Content.styled(f"  {move_title(move)}", "$muted"), id=move.key) for move in advice.set_aside)


def show_advice(
    screen: Screen[Any],
    request: AdviceRequest,
    bake: NamedBake,
    rights: Rights = OWNER,
    wake: Callable[[], object] = lambda: None,
) -> None:
    """Show the advice on a bake over `screen`."""
    heading = f"Advice on bake {bake.number:04d} {printable(bake.name)}: things to try, none of them known to be right"
    screen.app.push_screen(AdviceScreen(heading, request, rights, wake))

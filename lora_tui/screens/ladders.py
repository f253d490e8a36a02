"""The Ladders screen: every ladder in a list, with what it answers, and the way to a new one."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from lora_tui.actions.ladders import LadderChanged, LadderQueued, LadderRequest
from lora_tui.actions.order_sender import OrderSender
from lora_tui.forms.draft import SettingsDraft
from lora_tui.keys.key_lines import shown_ladders_keys
from lora_tui.keys.keymap import bindings
from lora_tui.ports import OWNER, EngineLike, Rights
from lora_tui.screens.screen_sizes import HEIGHTS, WIDTHS, add_size_classes
from lora_tui.terminal.key_queue import await_answer
from lora_tui.widgets.key_line import KeyLine
from lora_tui.widgets.ladder_list import LadderList
from lora_tui.widgets.trouble_line import TroubleLine
from lora_tui.wording.job_names import NamedBake
from lora_tui.wording.ladders import LadderLine, standing_line, title_text
from lora_tui.workers.journal_reader import JournalReader, ListingRead, NotRead
from lora_tui.workers.ladder_looks import LadderNotRead, LaddersLook, LaddersRead
from trainer.text import plural, printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.grid.spec import GridSpec

    OpenGrid = Callable[[GridSpec], object]

_READING = "reading the journal …"
_NONE = "no ladders yet: n makes one, or `lora-tui ladder` in a shell"
_WORKING_OUT = "the answer is being worked out …"


class LaddersScreen(Screen[int]):
    """Every ladder of a workspace; dismissed with the number of a bake to show, or None.

    Args:
        workspace: whose journal it is.
        engine: takes the bakes of new ladders.
        draft: returns the settings being edited on the Bake screen, None without any.
        bake: returns the bake that a new ladder may start from, None without any.
        open_grid: shows the Grid screen with a spec in its builder; None where there is no such screen.
        wake_feed: lets the Bake screen's data be read again at once.
        clock: epoch seconds now.
        rights: what the keys may do.
    """

    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = bindings("ladders")
    DEFAULT_CSS = """
    LaddersScreen {
        background: $background;
        color: $foreground;
        layout: vertical;
        & > #ladders-title { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
        & > LadderList { height: 2fr; }
        & > #about { height: 1fr; border-top: solid $rule; padding: 0 1; scrollbar-size-vertical: 1; }
        & #detail { height: auto; }
        &.-short > #about { max-height: 4; }
    }
    """

    def __init__(
        self,
        workspace: Workspace,
        engine: EngineLike,
        draft: Callable[[], SettingsDraft | None] = lambda: None,
        bake: Callable[[], NamedBake | None] = lambda: None,
        open_grid: "OpenGrid | None" = None,
        wake_feed: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.time,
        rights: Rights = OWNER,
    ) -> None:
        super().__init__()
        self.workspace = workspace
        self.reader = JournalReader(workspace, self.post_message, also=LaddersLook(workspace))
        self.sender = OrderSender(self, workspace, engine, rights, wake_feed)
        self.lines: tuple[LadderLine, ...] | None = None
        self._draft, self._bake = draft, bake
        self._open_grid, self._wake_feed = open_grid, wake_feed
        self._clock = clock
        # A ladder that is to be opened once it is in the list.
        self._wanted: int | None = None
        self._explained: object = None

    def compose(self) -> ComposeResult:
        """Yield the title, the list, the answer of the ladder under the cursor, and the keys."""
        add_size_classes(self)
        yield Static("", id="ladders-title")
        yield TroubleLine()
        yield LadderList()
        with VerticalScroll(id="about", can_focus=False):
            yield Static("", id="detail")
        yield KeyLine(id="ladders-keys")

    def on_mount(self) -> None:
        """Start reading."""
        self.ladder_list.show((), self._clock(), _READING)
        self.ladder_list.focus()
        self.reader.start()
        await_answer(self, self.reader.look())
        self._show_title()
        self.bindings_updated_signal.subscribe(self, lambda _: self._show_keys())

    def on_unmount(self) -> None:
        """End the reader."""
        self.reader.stop()

    @property
    def ladder_list(self) -> LadderList:
        """The list."""
        return self.query_one(LadderList)

    # What comes from the reader

    @on(LaddersRead)
    def _show_ladders(self, event: LaddersRead) -> None:
        event.stop()
        self.lines = event.lines
        self.query_one(TroubleLine).show_trouble("")
        self.ladder_list.show(event.lines, self._clock(), _NONE)
        self._show_title()
        self._show_keys()
        if self._wanted in {line.state.number for line in event.lines}:
            number, self._wanted = self._wanted, None
            assert number is not None
            self.ladder_list.go_to(number)

    @on(ListingRead)
    def _drop_listing(self, event: ListingRead) -> None:
        event.stop()

    @on(LadderNotRead)
    @on(NotRead)
    def _show_not_read(self, event: LadderNotRead | NotRead) -> None:
        event.stop()
        self.query_one(TroubleLine).show_trouble(event.error.line())

    @on(LadderList.Moved)
    def _explain(self, event: LadderList.Moved) -> None:
        event.stop()
        line = self.ladder_list.current
        number = None if line is None else line.state.number
        self.query_one("#detail", Static).update(self._about(line))
        if number != self._explained:
            self._explained = number
            self.query_one("#about", VerticalScroll).scroll_home(animate=False)

    @on(LadderQueued)
    def _note_queued(self, event: LadderQueued) -> None:
        event.stop()
        self._wanted = event.number
        self.sender.note(event.line, seconds=5)
        self.sender.wake()
        await_answer(self, self.reader.look())

    # What the keys do

    def on_resize(self, event: events.Resize) -> None:
        """Show the keys that the new width has room for."""
        self.call_after_refresh(self._show_keys)

    def action_leave(self) -> None:
        """Back to the screen before."""
        self.dismiss(None)

    def action_show(self) -> None:
        """Show the ladder under the cursor."""
        from lora_tui.screens.ladder import LadderScreen

        line = self.ladder_list.current
        if line is None:
            return

        def leave(bake: int | None) -> None:
            if bake is not None:
                self.dismiss(bake)
            else:
                self.reader.look()

        screen = LadderScreen(
            self.workspace,
            self.sender.engine,
            line.state.number,
            open_grid=self._open_grid,
            wake_feed=self._wake_feed,
            clock=self._clock,
            rights=self.sender.rights,
        )
        self.app.push_screen(screen, leave)

    def action_new(self) -> None:
        """Ask for the knob, then for the rungs and twins of a new ladder."""
        from lora_tui.screens.choose_knob import ChosenKnob, KnobDialog
        from lora_tui.screens.new_ladder import NewLadderDialog

        if not self.sender.may_bake():
            return
        draft, bake = self._draft(), self._bake()
        if draft is None and bake is None:
            self.sender.warn("open settings on the Bake screen first (o), or choose a bake in the journal")
            return

        def build(knob: ChosenKnob | None) -> None:
            if knob is None:
                return
            start = None if draft is not None or bake is None else bake.number
            request = LadderRequest(
                self.workspace,
                self.sender.engine.key,
                draft,
                start,
                knob=knob.name,
                preset=knob.preset,
                rungs=knob.rungs,
            )
            shown = None if bake is None else bake.number
            self.app.push_screen(NewLadderDialog(request, knob, shown), note)

        def note(queued: LadderQueued | LadderChanged | None) -> None:
            if queued is not None:
                self.post_message(queued)

        bakes: Any = getattr(self.app, "bake_screen", None)
        family = None if bakes is None else bakes.family_of(None if draft is not None or bake is None else bake.number)
        self.app.push_screen(KnobDialog(family), build)

    def action_read_on(self, by: int) -> None:
        """Scroll what is said of the ladder under the cursor."""
        self.query_one("#about", VerticalScroll).scroll_relative(y=by, animate=False, immediate=True)

    def action_help(self) -> None:
        """Show what the keys do."""
        from lora_tui.screens.help import HelpScreen, active_keys

        self.app.push_screen(HelpScreen(active_keys(self, self.sender.rights.allows), has_panes=False))

    def _about(self, line: LadderLine | None) -> Content:
        """Return what is said of a ladder: how it stands, what it asks, and what it answers."""
        if line is None:
            return Content("")
        state = line.state
        lines = [
            Content.assemble((f"{state.number} {title_text(state)}", "bold")),
            Content.styled(standing_line(state, self._clock()), "$muted"),
        ]
        if state.spec.question:
            lines.append(Content.styled(printable(state.spec.question, 400), "$secondary"))
        lines += [Content(printable(each)) for each in line.answer] or [Content.styled(_WORKING_OUT, "$muted")]
        if line.noise:
            lines.append(Content.styled(printable(line.noise), "$muted"))
        return Content("\n").join(lines)

    def _show_title(self) -> None:
        count = "" if self.lines is None else plural(len(self.lines), "ladder")
        name = f"  {printable(self.workspace.root.name, 30)}  "
        self.query_one("#ladders-title", Static).update(Content.assemble(("Ladders", "bold"), (name, "$muted"), count))

    def _show_keys(self) -> None:
        self.query_one(KeyLine).show_actions(
            shown_ladders_keys(some=bool(self.lines), allows=self.sender.rights.allows)
        )


def show_ladders(
    screen: Screen[Any],
    sender: OrderSender,
    draft: Callable[[], SettingsDraft | None],
    bake: Callable[[], NamedBake | None],
    open_grid: "OpenGrid | None",
    show_bake: Callable[[int], object],
    clock: Callable[[], float] = time.time,
) -> None:
    """Show every ladder over `screen`.

    Args:
        screen: the one below.
        sender: of that screen.
        draft: returns the settings being edited, None without any.
        bake: returns the bake that a new ladder may start from.
        open_grid: shows the Grid screen with a spec in its builder.
        show_bake: shows the bake of a number on the Bake screen.
        clock: epoch seconds now.
    """

    def leave(number: int | None) -> None:
        if number is not None:
            show_bake(number)

    ladders = LaddersScreen(
        sender.workspace,
        sender.engine,
        draft,
        bake,
        open_grid,
        wake_feed=sender.wake,
        clock=clock,
        rights=sender.rights,
    )
    screen.app.push_screen(ladders, leave)

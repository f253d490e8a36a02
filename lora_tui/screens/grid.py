"""The Grid screen: a builder beside the pictures."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen

from lora_tui.actions import advice, bakes, grids
from lora_tui.actions.kept_specs import KeptSpecs
from lora_tui.actions.order_sender import OrderSender
from lora_tui.forms.grid_editor import GridEditor
from lora_tui.keys.key_lines import shown_grid_keys
from lora_tui.keys.keymap import bindings
from lora_tui.ports import OWNER, EngineLike, Rights
from lora_tui.screens.builder_specs import BuilderSpecs
from lora_tui.screens.grid_orders import GridOrders
from lora_tui.screens.grid_viewer import GridViewer
from lora_tui.screens.page_offer import offer_page
from lora_tui.screens.pick import PickChoice, PickDialog
from lora_tui.screens.screen_sizes import HEIGHTS
from lora_tui.snapshot import Snapshot
from lora_tui.widgets.key_line import KeyLine
from lora_tui.widgets.plan_bar import GridCount
from lora_tui.widgets.sheet_view import SheetView
from lora_tui.widgets.spec_form import SpecForm
from lora_tui.widgets.tab_line import TabLine
from lora_tui.widgets.title_line import Title, TitleLine
from lora_tui.wording.bake_progress import other_jobs
from lora_tui.workers.grid_planner import AxesExpanded, GridPlanned, GridPlanner
from lora_tui.workers.grid_watcher import GridRead
from trainer.journal.grid_records import GridState
from trainer.journal.records import Checkpoint
from trainer.settings.parts import Family
from trainer.text import printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.grid.spec import GridSpec

_BUILDING = "-building"
"""Class of a narrow screen that shows the builder, not the pictures."""
_NARROW = "-narrow"
"""Class of a screen that shows builder or pictures."""
_TINY, _WIDE = 60, 100
# The same key brings either into view.
_TABS = dict.fromkeys(("builder", "pictures"), "grid.view")
_NEEDS_PICTURES = ("page", "judgement")


class GridScreen(Screen[None]):
    """Builds grids, has them made, and shows them.

    Args:
        workspace: where everything is.
        engine: takes the jobs.
        snapshot: gives what the Bake screen shows now.
        subject: name of the subject of the open settings, "" without one.
        wake_feed: lets the Bake screen's feed look at the journal at once.
        clock: epoch seconds now.
        rights: what the keys may do.
        kept: what was changed in the builder before.
        number: the grid to show first; None for the one being made, else the newest.
        asked: a spec for the builder, which comes in the place of what bake or subject suggest; None for that.
    """

    HORIZONTAL_BREAKPOINTS = [(0, _NARROW), (_WIDE, "-wide")]  # noqa: RUF012 - Textual's own declaration
    VERTICAL_BREAKPOINTS = HEIGHTS
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = bindings("grid")
    DEFAULT_CSS = """
    GridScreen {
        background: $background;
        color: $foreground;
        layout: vertical;
        & #grid-tabs { display: none; }
        &.-narrow #grid-tabs { display: block; }
        & #grid-body { height: 1fr; }
        & #builder { width: 44; height: 100%; margin-right: 1; }
        & #viewer { width: 1fr; height: 100%; }
        & SpecForm, & #count { border-top: solid $rule; border-title-color: $muted; border-title-style: none; }
        & SpecForm { height: 1fr; }
        & SpecForm:focus-within { border-title-color: $accent; border-title-style: bold; }
        & #count { padding: 0 1; min-height: 2; }
        &.-narrow FieldNote { height: 3; }
        &.-short #spec > FieldNote { display: none; }
        &.-tiny CellView { display: none; }
        &.-short #count { max-height: 3; }
        &.-narrow #builder { width: 1fr; margin-right: 0; display: none; }
        &.-narrow.-building #builder { display: block; }
        &.-narrow.-building #viewer { display: none; }
    }
    """

    def __init__(
        self,
        workspace: Workspace,
        engine: EngineLike,
        snapshot: Callable[[], Snapshot],
        subject: str = "",
        wake_feed: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.time,
        rights: Rights = OWNER,
        kept: KeptSpecs | None = None,
        number: int | None = None,
        asked: "GridSpec | None" = None,
    ) -> None:
        super().__init__(classes=_BUILDING)
        self.workspace = workspace
        self.snapshot = snapshot
        self.planner = GridPlanner(workspace, self.post_message)
        self.sender = OrderSender(self, workspace, engine, rights, wake_feed)
        self.viewer = GridViewer(workspace, self.sender.may_order, clock, id="viewer")
        self.selection = self.viewer.selection
        self.orders = GridOrders(self, self.sender, self.selection, snapshot, self.show_grid)
        self._clock = clock
        self._subject = subject
        self._first_grid = number
        self._asked = asked
        self._kept = kept or KeptSpecs(workspace)
        self.specs = BuilderSpecs(self, self.sender, self._kept, lambda: self.editor)
        self._last_state: GridState | None = None
        self._bake: int | None = None
        self._saved: tuple[Checkpoint, ...] = ()

    def compose(self) -> ComposeResult:
        """Yield the title, builder and pictures, and the keys."""
        # Textual sets it when the first resize comes, after everything is laid out without it.
        self.set_class(self.app.size.width < _WIDE, _NARROW)
        yield TitleLine(id="grid-title")
        yield TabLine(_TABS, id="grid-tabs")
        with Horizontal(id="grid-body"):
            with Vertical(id="builder"):
                yield SpecForm(id="spec")
                yield GridCount(id="count")
            yield self.viewer
        yield KeyLine(id="grid-keys")

    def on_mount(self) -> None:
        """Make the editor, and read what the builder starts with and the newest grid."""
        count = self.query_one("#count", GridCount)
        self.editor = GridEditor(self.form, count, self.planner, self.specs.keep)
        self.planner.start()
        self.query_one(TabLine).show("builder")
        bake = self.snapshot().bake
        self._bake = bake.number if bake is not None else None
        self._read_first()
        self.form.focus_list()
        if self._first_grid is None:
            self.sender.write(lambda: grids.read_newest(self.workspace))
        else:
            self.show_grid(self._first_grid)
        self._show_title()
        self.set_interval(1, self._show_title)
        self.set_interval(1, self._follow_epochs)
        self.bindings_updated_signal.subscribe(self, lambda _: self._show_keys())

    def on_unmount(self) -> None:
        """End the planner."""
        self.planner.stop()

    @property
    def form(self) -> SpecForm:
        """The builder's form."""
        return self.query_one(SpecForm)

    @property
    def narrow(self) -> bool:
        """Whether builder and pictures are shown one at a time."""
        return self.has_class(_NARROW)

    def show_grid(self, number: int) -> None:
        """Show grid `number` and give its pictures the focus."""
        self._last_state = None
        self.viewer.open_grid(number)
        self._show_builder(False)

    # What comes from the threads

    @on(grids.FirstSpecRead)
    def _load_first(self, event: grids.FirstSpecRead) -> None:
        if self.specs.first is None:
            self.specs.begin(event, self._asked)
        elif self.form.editing:
            self._saved = ()
        else:
            self.specs.propose(event)

    def _read_first(self) -> None:
        """Read what the builder starts with: the bake's epochs saved until now."""
        self._saved = self.snapshot().checkpoints
        self.sender.write(lambda: grids.first_spec(self.workspace, self._kept, self._bake, self._subject))

    def _follow_epochs(self) -> None:
        """Take epochs saved since into the builder."""
        now = self.snapshot()
        shown = now.bake is not None and now.bake.number == self._bake
        if shown and now.checkpoints != self._saved and not self.form.editing:
            self._read_first()

    @on(grids.SpecRead)
    def _load_spec(self, event: grids.SpecRead) -> None:
        if event.about:
            self.sender.note(f"the builder has the settings of {event.about}; r brings back what it had")
        self.specs.load(event.spec)

    @on(grids.NoSpec)
    def _show_nothing(self, event: grids.NoSpec) -> None:
        if self._asked is not None:
            self.editor.load(self._asked)
            return
        self.form.show_empty(f"There is nothing to start from:\n\n{printable(event.error.line())}")

    @on(AxesExpanded)
    def _show_axes(self, event: AxesExpanded) -> None:
        self.editor.axes_expanded(event)

    @on(GridPlanned)
    def _show_count(self, event: GridPlanned) -> None:
        self.editor.planned(event)

    @on(grids.StylesRead)
    def _offer_styles(self, event: grids.StylesRead) -> None:
        from trainer.grid.styles import apply_style

        spec, styles = self.editor.spec, {style.name: style for style in event.styles}
        if spec is None or not styles:
            self.sender.warn(
                "no styles in this workspace: `lora-tui style` reads them from a webui's files or a picture"
            )
            return

        def load_style(name: str | None) -> None:
            if name is not None:
                self.specs.load(apply_style(spec, styles[name]))

        self.app.push_screen(PickDialog("Styles", [PickChoice(name, name) for name in styles]), load_style)

    @on(GridRead)
    def _count_again(self, event: GridRead) -> None:
        state = event.view.grid.state
        if self._last_state is GridState.MAKING and state is not GridState.MAKING:
            # How fast pictures like it are made here is known now, and its own need not be made again.
            self.editor.ask()
        self._last_state = state

    @on(grids.NewestRead)
    def _open_newest(self, event: grids.NewestRead) -> None:
        if self.selection.grid is None:
            self.viewer.open_grid(event.number)

    @on(grids.GridsRead)
    def _offer_grids(self, event: grids.GridsRead) -> None:
        self.orders.offer_grids(event.grids)

    @on(grids.GridQueued)
    def _follow_queued(self, event: grids.GridQueued) -> None:
        self.sender.wake()
        self.show_grid(event.grid)
        self.sender.note(f"grid {event.grid} is queued as {event.job.number:04d}")

    @on(grids.GridOrdered)
    def _follow_ordered(self, event: grids.GridOrdered) -> None:
        self.sender.wake()
        self.show_grid(event.grid.number)
        self.sender.note(f"bake {event.bake:04d} makes grid {event.grid.number} after this step")

    @on(grids.PageWritten)
    def _offer_page(self, event: grids.PageWritten) -> None:
        offer_page(self, event.page, "page written")

    @on(grids.GridNote)
    def _show_note(self, event: grids.GridNote) -> None:
        self.sender.wake()
        self.sender.note(event.line)

    @on(advice.JudgedBake)
    def _open_judged(self, event: advice.JudgedBake) -> None:
        event.stop()
        self.orders.open_judged(event)

    @on(bakes.Refused)
    def _show_refusal(self, event: bakes.Refused) -> None:
        self.sender.show_error(event.error.line())

    # What is typed

    @on(SpecForm.Typing)
    def _show_typing(self, event: SpecForm.Typing) -> None:
        self.editor.typing(event.name, event.text)

    @on(SpecForm.Typed)
    def _take_typed(self, event: SpecForm.Typed) -> None:
        self.editor.typed(event.name, event.text)

    @on(SpecForm.ResetAsked)
    def _reset_field(self, event: SpecForm.ResetAsked) -> None:
        self.editor.reset(event.name)

    @on(SpecForm.StepAsked)
    def _undo_or_redo(self, event: SpecForm.StepAsked) -> None:
        event.stop()
        self.sender.note(self.editor.redo() if event.forth else self.editor.undo())

    @on(SpecForm.Closed)
    def _settle(self) -> None:
        self.editor.settle()

    @on(SpecForm.KindAsked)
    def _offer_kinds(self, event: SpecForm.KindAsked) -> None:
        from trainer.grid.axes import idle_kinds, kinds_of

        family = self.editor.family
        kinds = (kind for key, kind in kinds_of(family).items() if key not in idle_kinds(family))

        def set_kind(kind: str | None) -> None:
            if kind is not None:
                self.editor.typed(event.name, kind)

        nothing = PickChoice("", "nothing", "one value, from the fields below")
        choices = [nothing, *(PickChoice(kind.key, kind.title, kind.help) for kind in kinds)]
        axis = getattr(self.editor.spec, event.name.partition(".")[0])
        self.app.push_screen(
            PickDialog("What varies along this axis?", choices, axis.kind if axis is not None else ""), set_kind
        )

    # What the keys do

    @property
    def family(self) -> Family | None:
        """The family of the base that the pictures shown are made on; without pictures, of the builder's."""
        made = self.selection.made
        return made.family if made is not None else self.editor.family

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave out the keys that have nothing to act on."""
        if action == "next_view":
            return self.narrow
        if action == "end":
            return self.orders.unfinished
        if action in _NEEDS_PICTURES:
            return self.selection.made is not None
        return self.viewer.cell is not None if action == "use" else True

    def action_make(self) -> None:
        """Have the grid in the builder made."""
        planned, error = self.editor.ready, self.editor.error
        if error is not None:
            self.sender.warn(error.line())
        elif planned is None:
            self.sender.warn("the pictures are still being counted")
        else:
            self.orders.make_grid(planned)

    def action_end(self) -> None:
        """Ask, then skip an epoch in the rest of the grid shown, or end it."""
        self.orders.end_grid()

    def action_grids(self) -> None:
        """Read the grids, and offer them."""
        self.sender.write(lambda: grids.read_grids(self.workspace), awaited=True)

    def action_judgement(self) -> None:
        """Show the results of judging."""
        self.orders.show_judgement()

    def action_use(self) -> None:
        """Send the LoRA of the picture under the cursor to where it is used."""
        self.orders.use_epoch()

    def action_page(self) -> None:
        """Write the grid as one HTML page, and copy the command that fetches it."""
        self.orders.write_page()

    def action_blind(self) -> None:
        """Hide what tells the pictures apart, or reveal it."""
        self.viewer.action_blind()

    def action_preset(self) -> None:
        """Offer the preset grids, what was first proposed, and what the builder had before."""
        self.specs.offer_presets()

    def action_style(self) -> None:
        """Offer the styles of the workspace."""
        self.sender.write(lambda: grids.read_styles(self.workspace), awaited=True)

    def action_edit(self) -> None:
        """Give the builder the focus, with the settings of the grid on screen in it."""
        self._show_builder(True)
        grid = self.selection.grid
        if grid is not None:
            self.sender.write(lambda: grids.read_spec(grid.number, self.workspace), awaited=True)

    def action_next_view(self) -> None:
        """Show the pictures in place of the builder, or the other way round."""
        self._show_builder(not self.has_class(_BUILDING))

    def action_save_spec(self) -> None:
        """Write the spec into a file beside the grids."""
        spec = self.editor.spec
        if spec is not None and self.sender.may_bake():
            path = self.workspace.grids / f"{spec.name}.json"
            self.sender.write(lambda: grids.save_spec(spec, path))

    def action_leave(self) -> None:
        """Go back to the bake."""
        self.app.pop_screen()

    def action_help(self) -> None:
        """Show what the keys do, and what the focused field is for."""
        from lora_tui.screens.help import HelpScreen, active_keys

        in_form = self.focused is not None and self.form in self.focused.ancestors
        self.app.push_screen(
            HelpScreen(active_keys(self, self.sender.rights.allows), self.form.focused_info if in_form else None)
        )

    def on_resize(self, event: events.Resize) -> None:
        """Show the keys that the new width has room for; the sheet alone where it needs all of it."""
        self.set_class(event.size.width < _TINY, "-tiny")
        self.call_after_refresh(self._show_keys)

    def _show_builder(self, building: bool) -> None:
        self._name_view(building)
        if building:
            self.form.focus_list()
        else:
            self.viewer.sheet.focus()
        self._show_keys()

    @on(events.DescendantFocus)
    def _follow_focus(self, event: events.DescendantFocus) -> None:
        """Let what has the focus be what stays in view where there is less room."""
        self._name_view(self.query_one("#builder") in event.widget.ancestors)

    def _name_view(self, building: bool) -> None:
        self.set_class(building, _BUILDING)
        self.query_one(TabLine).show("builder" if building else "pictures")

    def _show_title(self) -> None:
        now = self.snapshot()
        clock = time.strftime("%H:%M", time.localtime(self._clock()))
        title = Title(
            workspace=self.workspace.root.name,
            bake=now.bake,
            others=other_jobs(now),
            elsewhere=now.elsewhere,
            loading=now.loading,
            clock=clock,
        )
        self.query_one(TitleLine).show(title)

    def _show_keys(self) -> None:
        building = not isinstance(self.focused, SheetView)
        wanted = shown_grid_keys(
            building=building,
            unfinished=self.orders.unfinished,
            narrow=self.narrow,
            allows=self.sender.rights.allows,
        )
        self.query_one(KeyLine).show_actions(wanted)

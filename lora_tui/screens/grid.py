"""The Grid screen: a builder beside the pictures. What is built stands in `spec_desk`, what is looked at in `grid_viewing`, what is done in `grid_making`."""

import time
from collections.abc import Callable

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input

from lora_tui.actions import grids
from lora_tui.forms.grid_editor import GridEditor
from lora_tui.keymap import shown_grid_keys
from lora_tui.ports import OWNER, EngineLike, Rights
from lora_tui.screens.grid_making import GridMaking
from lora_tui.screens.grid_viewing import NEEDS_A_PICTURE
from lora_tui.screens.pick import PickChoice, PickDialog
from lora_tui.snapshot import Snapshot
from lora_tui.widgets.key_line import KeyLine
from lora_tui.widgets.pane import NARROW, heading
from lora_tui.widgets.plan_bar import PlanBar
from lora_tui.widgets.sheet_view import SheetView
from lora_tui.widgets.spec_form import SpecForm
from lora_tui.widgets.title_line import Title, TitleLine
from lora_tui.workers.grid_planner import GridPlanned, GridPlanner, GridSpelled
from lora_tui.workers.grid_watcher import GridRead
from trainer.journal.records import GridState
from trainer.text import printable
from trainer.workspace import Workspace

_BUILDING = "-building"
"""Class of a narrow screen that shows the builder, not the pictures."""
_WIDE = 100
_TYPING_KEYS = (("enter", "keep"), ("esc", "cancel"))


class GridScreen(GridMaking):
    """Builds grids, has them made, and shows them.

    Args:
        workspace: where everything lies.
        engine: takes the jobs.
        snapshot: gives what the Bake screen shows now.
        subject: name of the subject on its desk, "" without one.
        wake: lets engine and feed look at the journal at once.
        clock: epoch seconds now.
        rights: what the keys may do.
    """

    HORIZONTAL_BREAKPOINTS = [(0, NARROW), (_WIDE, "-wide")]  # noqa: RUF012 - Textual's own declaration
    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    GridScreen {
        layout: vertical;
        & #grid-body { height: 1fr; }
        & #builder { width: 44; height: 100%; margin-right: 1; }
        & #viewer { width: 1fr; height: 100%; }
        & SpecForm, & #count { border-top: solid $rule; border-title-color: $muted; border-title-style: none; }
        & SpecForm { height: 1fr; }
        & SpecForm:focus-within { border-title-color: $accent; border-title-style: bold; }
        & #count { padding: 0 1; min-height: 2; }
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
        wake: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.time,
        rights: Rights = OWNER,
    ) -> None:
        """Make the planner; it begins to count once the screen is up."""
        super().__init__(workspace, engine, snapshot, wake, clock, rights)
        self.add_class(_BUILDING)
        self.planner = GridPlanner(workspace, self.post_message)
        self._subject = subject
        self._last_state: GridState | None = None

    def compose(self) -> ComposeResult:
        """Yield the title, builder and pictures, and the keys."""
        # Textual sets it when the first resize comes, after everything is laid out without it.
        self.set_class(self.app.size.width < _WIDE, NARROW)
        yield TitleLine(id="grid-title")
        with Horizontal(id="grid-body"):
            with Vertical(id="builder"):
                yield SpecForm(id="spec")
                yield PlanBar(id="count")
            with Horizontal(id="viewer"):
                yield from self.viewer()
        yield KeyLine(id="grid-keys")

    def on_mount(self) -> None:
        """Set the desk up, and read what the builder begins with and the newest grid."""
        count = self.query_one("#count", PlanBar)
        count.border_title = heading("pictures and time")
        self.editor = GridEditor(self.form, count, self.planner)
        self.planner.start()
        bake = self.snapshot().bake
        self.do(lambda: grids.first_spec(self.workspace, bake.number if bake else None, self._subject))
        self.do(lambda: grids.newest(self.workspace))
        self.form.focus_list()
        self._show_title()
        self.set_interval(1, self._show_title)
        self.bindings_updated_signal.subscribe(self, lambda _: self._show_keys())

    def on_unmount(self) -> None:
        """Let the planner end."""
        self.planner.stop()

    @property
    def form(self) -> SpecForm:
        """The builder's form."""
        return self.query_one(SpecForm)

    @property
    def narrow(self) -> bool:
        """Whether builder and pictures are shown one at a time."""
        return self.has_class(NARROW)

    def show_grid(self, number: int) -> None:
        """Show grid `number` and give its pictures the focus."""
        self._last_state = None
        super().show_grid(number)
        self._show_builder(False)

    # What comes from the threads

    @on(grids.SpecRead)
    def _put_down(self, event: grids.SpecRead) -> None:
        self.editor.load(event.spec)

    @on(grids.NoSpec)
    def _show_nothing(self, event: grids.NoSpec) -> None:
        self.form.show_empty(f"There is nothing to begin with:\n\n{printable(event.error.line())}")

    @on(GridSpelled)
    def _show_axes(self, event: GridSpelled) -> None:
        self.editor.spelled(event)

    @on(GridPlanned)
    def _show_count(self, event: GridPlanned) -> None:
        self.editor.planned(event)

    @on(grids.StylesRead)
    def _offer_styles(self, event: grids.StylesRead) -> None:
        from trainer.grid.styles import apply_style

        spec, styles = self.editor.spec, {style.name: style for style in event.styles}
        if spec is None or not styles:
            self.warn("no styles are kept here: `lora-tui style` reads them from a webui's files or a picture")
            return

        def take(name: str | None) -> None:
            if name is not None:
                self.editor.load(apply_style(spec, styles[name]))

        self.app.push_screen(PickDialog("Styles", [PickChoice(name, name) for name in styles]), take)

    @on(GridRead)
    def _count_anew(self, event: GridRead) -> None:
        state = event.view.grid.state
        if self._last_state is GridState.MAKING and state is not GridState.MAKING:
            # It has told how fast pictures like it are made here, and they need not be made again.
            self.editor.ask()
        self._last_state = state

    # What is typed

    @on(SpecForm.Typing)
    def _type(self, event: SpecForm.Typing) -> None:
        self.editor.typing(event.name, event.text)

    @on(SpecForm.Typed)
    def _take(self, event: SpecForm.Typed) -> None:
        self.editor.typed(event.name, event.text)

    @on(SpecForm.PutBack)
    def _put_back(self, event: SpecForm.PutBack) -> None:
        self.editor.put_back(event.name)

    @on(SpecForm.Closed)
    def _settle(self) -> None:
        self.editor.settle()

    @on(SpecForm.KindAsked)
    def _offer_kinds(self, event: SpecForm.KindAsked) -> None:
        from trainer.grid.axes import KINDS

        def take(kind: str | None) -> None:
            if kind is not None:
                self.editor.typed(event.name, kind)

        nothing = PickChoice("", "nothing", "one value, from the fields below")
        choices = [nothing, *(PickChoice(kind.key, kind.title, kind.help) for kind in KINDS.values())]
        axis = getattr(self.editor.spec, event.name.partition(".")[0])
        self.app.push_screen(PickDialog("What varies?", choices, axis.kind if axis is not None else ""), take)

    # What the keys do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave out the keys that have nothing to act on."""
        if action == "next_view":
            return self.narrow
        # A digit typed over the builder is no verdict on a picture that may not even be in view.
        if action in NEEDS_A_PICTURE and not isinstance(self.focused, SheetView):
            return False
        return super().check_action(action, parameters)

    def action_make(self) -> None:
        """Have the grid in the builder made."""
        ready, error = self.editor.ready, self.editor.error
        if error is not None:
            self.warn(printable(error.line()))
        elif ready is None:
            self.warn("the pictures are still being counted")
        else:
            self.make(ready)

    def action_ready_made(self) -> None:
        """Offer the ready-made grids."""
        from trainer.grid.presets import READY

        spec = self.editor.spec
        if spec is None:
            return

        def take(key: str | None) -> None:
            if key is not None:
                self.do(lambda: grids.ready_made(self.workspace, spec, key))

        choices = [PickChoice(each.key, each.title, each.help) for each in READY]
        self.app.push_screen(PickDialog("Ready-made grids", choices), take)

    def action_style(self) -> None:
        """Offer the styles of the workspace."""
        self.do(lambda: grids.read_styles(self.workspace))

    def action_edit(self) -> None:
        """Give the builder the focus."""
        self._show_builder(True)

    def action_next_view(self) -> None:
        """Show the pictures in place of the builder, or the other way round."""
        self._show_builder(not self.has_class(_BUILDING))

    def action_save_spec(self) -> None:
        """Write the spec into a file beside the grids."""
        spec = self.editor.spec
        if spec is not None and self._may_make():
            path = self.workspace.grids / f"{spec.name}.json"
            self.do(lambda: grids.save_spec(spec, path))

    def action_leave(self) -> None:
        """Go back to the bake."""
        self.app.pop_screen()

    def action_help(self) -> None:
        """Show what the keys do, and what the focused field is for."""
        from lora_tui.screens.help import HelpScreen, active_keys

        in_form = self.focused is not None and self.form in self.focused.ancestors
        self.app.push_screen(HelpScreen(active_keys(self), self.form.focused_info if in_form else None))

    def on_resize(self, event: events.Resize) -> None:
        """Show the keys that the new width has room for."""
        self.call_after_refresh(self._show_keys)

    def _show_builder(self, building: bool) -> None:
        self.set_class(building, _BUILDING)
        if building:
            self.form.focus_list()
        else:
            self.query_one(SheetView).focus()
        self._show_keys()

    def _show_title(self) -> None:
        now = self.snapshot()
        clock = time.strftime("%H:%M", time.localtime(self.clock()))
        title = Title(bake=now.bake, grid=now.grid, elsewhere=now.elsewhere, loading=now.loading, clock=clock)
        self.query_one(TitleLine).show(title)

    def _show_keys(self) -> None:
        if isinstance(self.focused, Input):
            self.query_one(KeyLine).show(_TYPING_KEYS)
            return
        building = not isinstance(self.focused, SheetView)
        wanted = shown_grid_keys(building=building, under_way=self.under_way, narrow=self.narrow)
        by_id = {active.binding.id: active.binding for active in self.active_bindings.values()}
        keys = [(self.app.get_key_display(by_id[name]), label) for name, label in wanted if name in by_id]
        self.query_one(KeyLine).show(keys)

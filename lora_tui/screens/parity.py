"""What several trainers make of the settings, side by side; one of them can be taken over."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from lora_tui.keys.keymap import bindings
from lora_tui.screens.dialog import hint_keys
from lora_tui.screens.parity_columns import ColumnsDialog
from lora_tui.screens.screen_sizes import SmallClasses
from lora_tui.screens.settings_changes import ChangesDialog
from lora_tui.screens.works import Works
from lora_tui.terminal.key_queue import AWAITED
from lora_tui.widgets.key_line import KeyLine
from lora_tui.widgets.parity_view import ParityView, with_columns, with_differences
from lora_tui.wording.state_symbols import DIFFERS, FAILED
from lora_tui.wording.unexpected import as_error
from trainer.text import plural, printable

if TYPE_CHECKING:
    from lora_tui.actions.parity import TakenOver
    from trainer.errors import LoraTuiError
    from trainer.parity.table import ParityTable

_READING = "reading the pictures as each trainer does …"
_KEYS_OF_READERS = ("parity.columns", "parity.differences", "app.help", "parity.close")
# Short enough for all of them in 80 columns.
_KEYS = ("parity.take=take it over", *_KEYS_OF_READERS)
# Lines of the reason in a short terminal and in a tall one.
_REASON_LINES = (2, 3, 5)
_MIDDLE, _TALL = 16, 30


@dataclass(frozen=True)
class ParitySources:
    """Where the table comes from, and what a column that is taken over goes to.

    Attributes:
        heading: names the settings.
        table: makes the table of every trainer; called in a thread.
        take: returns what would change to be like the trainer with a key; called in a thread.
        settle: settles unsaved edits, then does what it is given; does nothing else where that is not wanted.
        may_take: whether settings may be changed; says why where not.
        apply: takes setting -> value.
    """

    heading: str
    table: "Callable[[], ParityTable]"
    take: "Callable[[str], TakenOver]"
    settle: Callable[[Callable[[], object]], None]
    may_take: Callable[[], bool]
    apply: Callable[[Mapping[str, object]], object]


class ParityScreen(Works, SmallClasses, ModalScreen[None]):
    """The table of trainers, with the reason of the current cell below it.

    Args:
        sources: where everything comes from.
        columns: keys of the columns shown first; None shows all.
        keep_columns: takes the keys of the columns that were chosen.
        editable: whether a column can be taken over at all.
    """

    DEFAULT_CSS = """
    ParityScreen {
        background: $background;
        & > #title { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > #about { height: auto; border-top: solid $rule; padding: 0 1; scrollbar-size-vertical: 1; }
        & #reason { height: auto; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("parity")

    WORK_LINE = "#reason"

    class TableReady(Message):
        """The table is made, or could not be."""

        def __init__(self, table: "ParityTable | None", error: "LoraTuiError | None" = None) -> None:
            """Carry the table; `error` says why there is none."""
            super().__init__()
            self.table = table
            self.error = error

    class TakeReady(Message):
        """What a column would change is known, or could not be found out."""

        def __init__(self, taken: "TakenOver | None", error: "LoraTuiError | None" = None) -> None:
            """Carry the changes; `error` says why there are none."""
            super().__init__()
            self.taken = taken
            self.error = error

    def __init__(
        self,
        sources: ParitySources,
        columns: Sequence[str] | None,
        keep_columns: Callable[[Sequence[str]], object],
        *,
        editable: bool,
    ) -> None:
        super().__init__()
        self._sources = sources
        self._columns = columns
        self._keep_columns = keep_columns
        self._editable = editable
        self._table: ParityTable | None = None
        self._only_differences = False

    def compose(self) -> ComposeResult:
        """Yield the table, the reason and the keys."""
        yield Static(Content.styled(self._sources.heading, "bold"), id="title")
        yield ParityView()
        with VerticalScroll(id="about", can_focus=False):
            yield Static(Content.styled(_READING, "$muted"), id="reason")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Start counting."""
        self.query_one(KeyLine).show_keys(hint_keys(self, *self._keys))
        self.query_one(ParityView).focus()
        self._make_table()

    def on_resize(self, event: events.Resize) -> None:
        """Leave the reason as many lines as there are."""
        lines = _REASON_LINES[(event.size.height >= _MIDDLE) + (event.size.height >= _TALL)]
        about = self.query_one("#about")
        about.styles.min_height = about.styles.max_height = lines + 1

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)

    def action_take(self) -> None:
        """Show what would change to be like the trainer of this column."""
        table, column = self._table, self.query_one(ParityView).column
        if table is None or not column or not self._sources.may_take():
            return
        if column == table.columns[0]:
            self.notify("these are your settings: go to another column", severity="warning", markup=False)
        else:
            self._sources.settle(lambda: self._find_changes(column))

    def action_columns(self) -> None:
        """Ask which trainers are shown."""
        table = self._table
        if table is None:
            return

        def choose(columns: Sequence[str] | None) -> None:
            if columns is not None:
                self._columns = columns
                self._keep_columns(columns)
                self._show_table()

        shown = self._columns if self._columns is not None else table.columns
        self.app.push_screen(ColumnsDialog(table.columns[1:], table.titles[1:], shown), choose)

    def action_differences(self) -> None:
        """Show the rows in which a trainer differs alone, or all."""
        self._only_differences = not self._only_differences
        self._show_table()

    def action_read_on(self, by: int) -> None:
        """Scroll what is said of the current cell."""
        self.query_one("#about", VerticalScroll).scroll_relative(y=by, animate=False, immediate=True)

    def action_help(self) -> None:
        """Show what the keys do."""
        from lora_tui.screens.help import HelpScreen, active_keys

        self.app.push_screen(HelpScreen(active_keys(self, lambda right: self._editable or not right), has_panes=False))

    def _make_table(self) -> None:
        self.start_work(
            _READING,
            lambda: self.TableReady(self._sources.table()),
            lambda broken: self.TableReady(None, as_error("compare", broken)),
            group="comparing",
            writes=False,
        )

    @work(thread=True, exit_on_error=False, group=AWAITED)
    def _find_changes(self, column: str) -> None:
        try:
            answer = self.TakeReady(self._sources.take(column))
        except Exception as broken:
            answer = self.TakeReady(None, as_error("compare", broken))
        self.post_message(answer)

    @on(TableReady)
    def _take_table(self, event: TableReady) -> None:
        event.stop()
        self._table = event.table
        if event.error is not None:
            self._show_error(event.error)
        self._show_table()

    @on(TakeReady)
    def _offer_changes(self, event: TakeReady) -> None:
        event.stop()
        taken = event.taken
        if taken is None:
            if event.error is not None:
                self._show_error(event.error)
            return
        if not taken.changes:
            self.notify(f"nothing to change: yours do as {printable(taken.title)} does", markup=False)
            return

        def apply(accepted: bool | None) -> None:
            if accepted:
                self._sources.apply(taken.changes)
                self.dismiss(None)

        self.app.push_screen(ChangesDialog(f"Make these settings like {printable(taken.title)}", taken), apply)

    @on(ParityView.Moved)
    def _explain(self, event: ParityView.Moved) -> None:
        event.stop()
        view, table = self.query_one(ParityView), self._shown
        row, cell = view.row, view.cell
        if table is None:
            return
        self._show_title(view, table)
        if row is None or cell is None:
            self._show_reason(Content.styled("no trainer differs from your settings", "$muted"))
            return
        title = table.titles[table.columns.index(view.column)]
        head = Content.assemble((printable(row.label), "bold"), (f"  {printable(title)}  ", "$muted"))
        value = Content.assemble(
            (f"{DIFFERS.mark} " if cell.differs else "", DIFFERS.colour), (printable(cell.text), "bold")
        )
        yours = f"  yours: {printable(row.cells[0].text)}" if cell.differs else ""
        why = printable(cell.reason) or ("" if view.column == table.columns[0] else "the same as yours")
        lines = [Content.assemble(head, value, (yours, "$muted")), Content(why)]
        details = [Content.styled(printable(line), "$muted") for line in cell.details]
        self._show_reason(Content("\n").join([*lines, *details]))

    @property
    def _keys(self) -> tuple[str, ...]:
        return _KEYS if self._editable else _KEYS_OF_READERS

    @property
    def _shown(self) -> "ParityTable | None":
        """The table of the columns and rows that are wanted."""
        if self._table is None:
            return None
        table = self._table if self._columns is None else with_columns(self._table, self._columns)
        return with_differences(table) if self._only_differences else table

    def _show_table(self) -> None:
        if (table := self._shown) is not None:
            self.query_one(ParityView).show(table)

    def _show_title(self, view: ParityView, table: "ParityTable") -> None:
        first, last = view.columns_in_view
        others = len(table.columns) - 1
        assert self._table is not None
        rows = f"{plural(len(table.rows), 'row')} that differ" if self._only_differences else ""
        if self._only_differences and len(table.rows) == 1:
            rows = "1 row that differs"
        place = _place(first, last, others) if others > last - first + 1 else plural(others, "trainer")
        hidden = len(self._table.columns) - 1 - others
        parts = (place, f"{hidden} not shown" if hidden else "", rows)
        self.query_one("#title", Static).update(
            Content.assemble(
                (self._sources.heading, "bold"), ("   " + " · ".join(part for part in parts if part), "$muted")
            )
        )

    def _show_error(self, error: "LoraTuiError") -> None:
        """Show what went wrong in place of a reason, until the cursor moves."""
        self._show_reason(Content.styled(f"{FAILED.mark} {printable(error.line())}", "$error"))

    def _show_reason(self, words: Content) -> None:
        self.query_one("#reason", Static).update(words)
        self.query_one("#about", VerticalScroll).scroll_home(animate=False)


def _place(first: int, last: int, of: int) -> str:
    """Return which trainers are in view: `trainers 2–4 of 17`."""
    return f"trainer {first} of {of}" if first == last else f"trainers {first}–{last} of {of}"

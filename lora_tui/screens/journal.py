"""The Journal screen: every bake in a list, searched, marked, drawn over each other, compared and noted on."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from lora_tui.actions import bakes, journal
from lora_tui.actions.order_sender import OrderSender
from lora_tui.forms.draft import SettingsDraft
from lora_tui.keys.key_lines import shown_journal_keys
from lora_tui.keys.keymap import bindings
from lora_tui.keys.own_keys import keys_of
from lora_tui.ports import OWNER, EngineLike, Rights
from lora_tui.screens.bake_diff import BakeDiffDialog
from lora_tui.screens.filtered_list import FilteredList
from lora_tui.screens.journal_curves import JournalCurves
from lora_tui.screens.journal_orders import JournalOrders
from lora_tui.screens.pick import PickChoice, PickDialog
from lora_tui.screens.screen_sizes import HEIGHTS, WIDTHS, add_size_classes
from lora_tui.terminal.key_queue import await_answer
from lora_tui.widgets.bake_about import about_bake
from lora_tui.widgets.bake_list import BakeList
from lora_tui.widgets.curve_overlay import CurveOverlay
from lora_tui.widgets.filter_line import FilterLine
from lora_tui.widgets.key_line import KeyLine
from lora_tui.wording.bake_orders import ORDERS
from lora_tui.wording.state_symbols import FAILED, WARNING
from lora_tui.workers.bake_comparison import ComparisonRead, compare_bakes
from lora_tui.workers.bake_listing import BakeListing, ListQuery
from lora_tui.workers.journal_reader import JournalReader, ListingRead, NotRead
from lora_tui.workers.overlay_curves import CurvesRead, MetricsRead, metrics_of
from trainer.text import plural, printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from lora_tui.screens.ladders import OpenGrid
    from trainer.history.records import BakeEntry

_NO_BAKES = "no bakes yet: <key bake.start> on the Bake screen starts one"
_NONE_FOUND = "no bake passes the filter"
_READING = "reading the journal …"


@dataclass(frozen=True)
class LeftJournal:
    """How the journal was left: with the number of a bake to show, or of one whose settings are to be baked again."""

    show: int | None = None
    rebake: int | None = None


class JournalScreen(FilteredList, Screen[LeftJournal]):
    """Every bake of a workspace.

    Args:
        workspace: whose journal it is.
        engine: takes the jobs.
        draft: returns the settings being edited on the Bake screen, None without any.
        wake_feed: lets the Bake screen's data be read again at once.
        clock: epoch seconds now.
        rights: what the keys may do.
        number: the bake that the cursor is on first; None for the newest.
        open_grid: shows the Grid screen with a spec in its builder; None where there is no such screen.
    """

    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = bindings("journal")
    DEFAULT_CSS = """
    JournalScreen {
        background: $background;
        color: $foreground;
        layout: vertical;
        & > #journal-title { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
        & > #caution { height: auto; max-height: 5; padding: 0 1; color: $warning; display: none; }
        & > #caution.-shown { display: block; }
        & > FilterLine { height: 1; padding: 0 1; border: none; display: none; background: $panel; }
        & > FilterLine:focus { border: none; }
        &.-finding > FilterLine { display: block; }
        & > #filter-error { height: auto; max-height: 3; padding: 0 1; color: $error; display: none; }
        & > #filter-error.-shown { display: block; }
        & > BakeList { height: 2fr; }
        & > #about { height: 1fr; max-height: 8; border-top: solid $rule; padding: 0 1; scrollbar-size-vertical: 1; }
        & > CurveOverlay { height: 4fr; display: none; }
        & #detail { height: auto; }
        &.-overlay > #about { display: none; }
        &.-overlay > CurveOverlay { display: block; }
        &.-wide > #about { max-height: 10; }
        &.-short > #about { max-height: 4; }
        &.-short.-overlay > BakeList { height: 2; }
    }
    """

    def __init__(
        self,
        workspace: Workspace,
        engine: EngineLike,
        draft: Callable[[], SettingsDraft | None] = lambda: None,
        wake_feed: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.time,
        rights: Rights = OWNER,
        number: int | None = None,
        open_grid: "OpenGrid | None" = None,
    ) -> None:
        super().__init__()
        self.workspace = workspace
        self.reader = JournalReader(workspace, self.post_message)
        self.sender = OrderSender(self, workspace, engine, rights, wake_feed)
        self.orders = JournalOrders(
            self, self.sender, self.reader, draft, lambda answered: await_answer(self, answered)
        )
        self.listing: BakeListing | None = None
        self.clock = clock
        self._draft, self._open_grid = draft, open_grid
        # What is said of a bake below the list.
        self._explained: BakeEntry | None = None
        self._first = number
        self._query = ListQuery()
        self.curves = JournalCurves(self, self.reader)

    def compose(self) -> ComposeResult:
        """Yield the title, the list, the line that filters it, the bake under the cursor or the curves, and the keys."""
        add_size_classes(self)
        yield Static("", id="journal-title")
        yield Static("", id="caution")
        yield BakeList()
        yield FilterLine("unet_lr>1e-4 subject:hifumi tag:te")
        yield Static("", id="filter-error")
        with VerticalScroll(id="about", can_focus=False):
            yield Static("", id="detail")
        yield CurveOverlay()
        yield KeyLine(id="journal-keys")

    def on_mount(self) -> None:
        """Start reading."""
        self.bake_list.show((), empty=_READING)
        self.bake_list.focus()
        self.reader.start()
        # What is typed next is for the list.
        await_answer(self, self.reader.look())
        self._show_title()
        self.bindings_updated_signal.subscribe(self, lambda _: self._show_keys())

    def on_unmount(self) -> None:
        """End the reader."""
        self.reader.stop()

    @property
    def bake_list(self) -> BakeList:
        """The list."""
        return self.query_one(BakeList)

    @property
    def filtered(self) -> BakeList:
        """The list that the line filters."""
        return self.bake_list

    @property
    def entry(self) -> "BakeEntry | None":
        """The bake under the cursor, None for none."""
        return self.bake_list.current

    @property
    def known(self) -> "Mapping[int, BakeEntry]":
        """Every bake by number, whether it is listed or not."""
        return {} if self.listing is None else self.listing.known

    @property
    def overlaid(self) -> bool:
        """Whether curves are shown in place of the bake under the cursor."""
        return self.has_class("-overlay")

    # What comes from the reader

    @on(ListingRead)
    def _show_listing(self, event: ListingRead) -> None:
        event.stop()
        before, now = self.listing, event.listing
        self.listing = now
        self.curves.keep_known(now.known)
        nothing = _NONE_FOUND if now.used else keys_of(self.app).fill(_NO_BAKES)
        self.bake_list.show(now.entries, now.depths, nothing)
        if before is None and self._first is not None:
            self.bake_list.go_to(self._first)
        self._show_title()
        self._show_line("#caution", f"{WARNING.mark} {printable(now.caution)}" if now.caution else "")
        self._show_line("#filter-error", f"{FAILED.mark} {printable(now.error.line())}" if now.error else "")
        self._show_curves()

    @on(NotRead)
    def _show_trouble(self, event: NotRead) -> None:
        event.stop()
        self.curves.failed()
        self.sender.show_error(event.error.line())

    @on(MetricsRead)
    def _offer_metrics(self, event: MetricsRead) -> None:
        event.stop()

        def choose(key: str | None) -> None:
            if key is not None:
                self.curves.metric = next(metric for metric in event.metrics if metric.key == key)
                self._show_overlay(True)

        choices = [PickChoice(metric.key, metric.title, metric.help) for metric in event.metrics]
        self.app.push_screen(PickDialog("Curves of", choices, self.curves.metric.key), choose)

    @on(CurvesRead)
    def _take_curves(self, event: CurvesRead) -> None:
        event.stop()
        self.curves.take(event.curves, self.known)

    @on(ComparisonRead)
    def _show_comparison(self, event: ComparisonRead) -> None:
        event.stop()
        self.app.push_screen(BakeDiffDialog(event.comparison))

    @on(BakeList.Moved)
    def _explain(self, event: BakeList.Moved) -> None:
        event.stop()
        before, entry = self._explained, self.entry
        if entry is None or entry != before:
            self._explained = entry
            self.query_one("#detail", Static).update(about_bake(entry, self.known))
        # Of a bake that runs one may be reading on.
        if entry is None or before is None or entry.number != before.number:
            self.query_one("#about", VerticalScroll).scroll_home(animate=False)
        if not self.curves.marked:
            self._show_curves()

    @on(journal.NoteRead)
    def _open_note(self, event: journal.NoteRead) -> None:
        event.stop()
        if (entry := self.known.get(event.note.bake)) is not None:
            self.orders.show_note(event, entry)

    @on(journal.NoteKept)
    def _note_kept(self, event: journal.NoteKept) -> None:
        event.stop()
        self.reader.look()

    @on(journal.EpochsRead)
    def _offer_epochs(self, event: journal.EpochsRead) -> None:
        event.stop()
        self.orders.offer_epochs(event)

    @on(journal.RemovalRead)
    def _offer_removal(self, event: journal.RemovalRead) -> None:
        event.stop()
        self.orders.offer_removal(event)

    @on(journal.FilesRemoved)
    def _note_removed(self, event: journal.FilesRemoved) -> None:
        event.stop()
        self.sender.note(event.line, seconds=5)

    @on(bakes.Resumed)
    def _note_resumed(self, event: bakes.Resumed) -> None:
        event.stop()
        self.sender.note(f"bake {event.bake.number:04d} is queued again")
        self.sender.wake()

    @on(bakes.Refused)
    def _show_refusal(self, event: bakes.Refused) -> None:
        event.stop()
        self.sender.show_error(event.error.line())

    # The filter

    @on(FilterLine.Changed)
    def _filter(self, event: FilterLine.Changed) -> None:
        event.stop()
        self._query = replace(self._query, text=event.value.strip())
        await_answer(self, self.reader.show(self._query))

    # What the keys do

    def on_resize(self, event: events.Resize) -> None:
        """Show the keys that the new width has room for, and curves as fine as it has columns."""
        self.call_after_refresh(self._show_keys)
        self.call_after_refresh(self._show_curves)

    def action_leave(self) -> None:
        """Back to all bakes, where they are filtered, then from the curves to the bake, then to the Bake screen."""
        line = self.query_one(FilterLine)
        if line.value:
            line.value = ""
            self.remove_class("-finding")
        elif self.overlaid:
            self._show_overlay(False)
        else:
            self.dismiss(None)

    def action_show(self) -> None:
        """Show the bake under the cursor on the Bake screen."""
        if (entry := self.entry) is not None:
            self.dismiss(LeftJournal(show=entry.number))

    def action_mark(self) -> None:
        """Mark the bake under the cursor, or unmark it."""
        if (entry := self.entry) is not None:
            self.curves.turn_mark(entry.number)
            self._marks_changed()

    def action_unmark(self) -> None:
        """Unmark all."""
        self.curves.unmark()
        self._marks_changed()

    def action_sort(self) -> None:
        """Ask for the order of the list."""

        def sort(key: str | None) -> None:
            if key is not None:
                self._query = replace(self._query, order=key, tree=False)
                await_answer(self, self.reader.show(self._query))

        choices = [PickChoice(order.key, order.title, order.help) for order in ORDERS.values()]
        self.app.push_screen(PickDialog("Order of the bakes", choices, self._query.order), sort)

    def action_tree(self) -> None:
        """Show the bakes as a tree, or as a list again."""
        self._query = replace(self._query, tree=not self._query.tree)
        await_answer(self, self.reader.show(self._query))

    def action_overlay(self) -> None:
        """Show the curves, or the bake under the cursor again."""
        self._show_overlay(not self.overlaid)

    def action_metric(self) -> None:
        """Ask what the curves show."""
        numbers = self.curves.drawn(self.entry)
        if numbers:
            await_answer(self, self.reader.ask(lambda journal, _: MetricsRead(metrics_of(journal, numbers))))

    def action_pin(self) -> None:
        """Put the curve of the bake under the cursor on top; again takes it down."""
        if (entry := self.entry) is not None:
            self.curves.turn_pin(entry.number)
            self._marks_changed()

    def action_diff(self) -> None:
        """Compare the two bakes marked; with one marked it and the one under the cursor; with none that one and the one it was made from."""
        pair = self.curves.pair(self.entry)
        if pair is None:
            self.sender.warn("mark two bakes with space to compare them")
            return
        first, second = pair
        await_answer(self, self.reader.ask(lambda journal, history: compare_bakes(journal, history, first, second)))

    def action_report(self) -> None:
        """Write everything known of the bake under the cursor as one HTML page."""
        self._with_entry(self.orders.write_report)

    def action_notes(self) -> None:
        """Write about the bake under the cursor."""
        self._with_entry(self.orders.write_notes)

    def action_tags(self) -> None:
        """Ask for the tags of the bake under the cursor."""
        self._with_entry(self.orders.change_tags)

    def action_best(self) -> None:
        """Ask which epoch of the bake under the cursor is the best."""
        self._with_entry(self.orders.choose_best)

    def action_rebake(self) -> None:
        """Load the settings of the bake under the cursor into the form of the Bake screen."""
        entry = self.entry
        if entry is None or not self.sender.may_bake():
            return
        if entry.fault:
            self.sender.warn(f"bake {entry.number:04d}: {entry.fault}")
        else:
            self.dismiss(LeftJournal(rebake=entry.number))

    def action_fork(self) -> None:
        """Ask for an epoch of the bake under the cursor, then queue a bake that starts there."""
        self._with_entry(self.orders.fork)

    def action_twin(self) -> None:
        """Ask what varies, then queue twins of the bake under the cursor."""
        self._with_entry(self.orders.twin)

    def action_bench(self) -> None:
        """Offer what can be done with the LoRAs of the bake under the cursor."""
        self._with_entry(self.orders.show_bench)

    def action_doneness(self) -> None:
        """Show where each epoch of the bake under the cursor stands between raw and burnt."""
        self._with_entry(self.orders.show_doneness)

    def action_advice(self) -> None:
        """Show what to try with the bake under the cursor."""
        self._with_entry(self.orders.show_advice)

    def action_frontier(self) -> None:
        """Show where more time stopped paying for the subject of the bake under the cursor."""
        self._with_entry(self.orders.show_frontier)

    def action_measures(self) -> None:
        """Show what was measured of the bake under the cursor."""
        self._with_entry(self.orders.show_measures)

    def action_samples(self) -> None:
        """Show the sample pictures of the bake under the cursor."""
        self._with_entry(self.orders.show_samples)

    def action_curves(self) -> None:
        """Show the curves of the marked bakes on the full screen; without marks those of the bake under the cursor."""
        self.curves.enlarge(self.workspace, self.entry)

    def action_ladders(self) -> None:
        """Show every ladder; a new one may start from the bake under the cursor."""
        from lora_tui.screens.ladders import show_ladders

        def show(number: int) -> None:
            self.dismiss(LeftJournal(show=number))

        show_ladders(self, self.sender, self._draft, lambda: self.entry, self._open_grid, show, self.clock)

    def action_resume(self) -> None:
        """Queue the bake under the cursor again, which ended early."""
        self._with_entry(self.orders.resume)

    def action_prune(self) -> None:
        """Ask, then delete the epochs of the bake under the cursor that nobody needs."""
        self._with_entry(self.orders.prune)

    def action_delete(self) -> None:
        """Ask, then delete the bake under the cursor."""
        self._with_entry(self.orders.delete)

    def action_read_on(self, by: int) -> None:
        """Scroll what is said of the bake under the cursor."""
        self.query_one("#about", VerticalScroll).scroll_relative(y=by, animate=False, immediate=True)

    def action_help(self) -> None:
        """Show what the keys do."""
        from lora_tui.screens.help import HelpScreen, active_keys

        self.app.push_screen(HelpScreen(active_keys(self, self.sender.rights.allows), has_panes=False))

    def _with_entry(self, do: "Callable[[BakeEntry], object]") -> None:
        """Do something to the bake under the cursor, if there is one."""
        if (entry := self.entry) is not None:
            do(entry)

    def _marks_changed(self) -> None:
        self._show_curves()
        self._show_title()

    def _show_overlay(self, shown: bool) -> None:
        self.set_class(shown, "-overlay")
        self._show_keys()
        # Its width is known once it is laid out.
        self.call_after_refresh(self._show_curves)

    def _show_curves(self) -> None:
        """Show what is marked, and draw the curves again where they are to be seen."""
        self.bake_list.show_marks(self.curves.marks(self.entry, overlaid=self.overlaid))
        if self.overlaid:
            self.curves.ask(self.entry)

    def _show_line(self, selector: str, text: str) -> None:
        line = self.query_one(selector, Static)
        line.update(Content(text))
        line.set_class(bool(text), "-shown")

    def _show_title(self) -> None:
        now = self.listing
        if now is None:
            self.query_one("#journal-title", Static).update(Content.styled("Journal", "bold"))
            return
        count = plural(now.total, "bake")
        listed = f"{len(now.entries):,} of {count}" if now.used else count
        order = "tree" if now.query.tree else ORDERS[now.query.order].title
        marked = f"{len(self.curves.marked):,} marked" if self.curves.marked else ""
        words = " · ".join(filter(None, (listed, marked, order)))
        self.query_one("#journal-title", Static).update(
            Content.assemble(("Journal", "bold"), (f"  {printable(self.workspace.root.name, 30)}  ", "$muted"), words)
        )

    def _show_keys(self) -> None:
        self.query_one(KeyLine).show_actions(
            shown_journal_keys(overlaid=self.overlaid, allows=self.sender.rights.allows)
        )

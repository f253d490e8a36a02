"""A report in lists that scroll, are jumped between and filtered, with the whole of the entry under the cursor below."""

from textual import events, on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ScreenResultType
from textual.widgets import Static

from lora_tui.screens.dialog import Dialog, hint_keys
from lora_tui.screens.filtered_list import FilteredList
from lora_tui.widgets.filter_line import FilterLine
from lora_tui.widgets.key_line import KeyLine
from lora_tui.widgets.report_list import ReportList
from lora_tui.wording.interop_report import ReportEntry, ReportPart
from trainer.text import printable

# Lines of what the entry under the cursor says, in a short terminal and in a tall one.
_DETAIL_LINES = (2, 3, 5)
_MIDDLE, _TALL = 16, 30
_KEYS = ("report.find", "report.previous-list report.next-list=list", "app.help", "report.close")
# Characters of a value; a file may hold a whole text in one.
_MAX_VALUE = 2000


class ReportScreen(FilteredList, Dialog[ScreenResultType]):
    """A whole screen with a report; its keys go to the list, or to the line that filters it."""

    DEFAULT_CSS = """
    ReportScreen {
        align: left top;
        background: $background;
        & > #title { height: auto; max-height: 2; padding: 0 1; }
        & > #count { height: auto; padding: 0 1; color: $muted; }
        & > ReportList { margin-top: 1; padding: 0 1; }
        & > FilterLine { display: none; margin: 0 1; background: $panel; }
        &.-finding > FilterLine { display: block; }
        & > #about { height: auto; border-top: solid $rule; padding: 0 1; scrollbar-size-vertical: 1; }
        & #detail { height: auto; }
        & > #keys { margin-top: 0; }
        &.-short > #title, &.-short > #count { max-height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
        &.-short > ReportList { margin-top: 0; }
    }
    """

    def compose(self) -> ComposeResult:
        """Yield the heading, the lists, the entry under the cursor and the keys."""
        yield Static("", id="title")
        yield Static("", id="count")
        yield ReportList()
        yield FilterLine("text in name, value, result or reason")
        with VerticalScroll(id="about", can_focus=False):
            yield Static("", id="detail")
        yield KeyLine(id="keys")

    @property
    def filtered(self) -> ReportList:
        """The list that the line filters."""
        return self.query_one(ReportList)

    def on_resize(self, event: events.Resize) -> None:
        """Leave the entry under the cursor as many lines as there are."""
        lines = _DETAIL_LINES[(event.size.height >= _MIDDLE) + (event.size.height >= _TALL)]
        about = self.query_one("#about")
        about.styles.min_height = about.styles.max_height = lines + 1

    def show_report(self, title: Content, count: str, lists: list[ReportPart], *keys: str) -> None:
        """Show a report.

        Args:
            title: what it is of.
            count: how many entries there are of each kind.
            lists: its entries.
            keys: parts of the key line, before those of every report.
        """
        self.query_one("#title", Static).update(title)
        self.query_one("#count", Static).update(Content(printable(count)))
        self.query_one(ReportList).show(lists)
        self.query_one(KeyLine).show_keys(hint_keys(self, *keys, *_KEYS))

    def action_read_on(self, by: int) -> None:
        """Scroll what is said of the entry under the cursor."""
        self.query_one("#about", VerticalScroll).scroll_relative(y=by, animate=False, immediate=True)

    def action_help(self) -> None:
        """Show what the keys do."""
        from lora_tui.screens.help import HelpScreen, active_keys

        self.app.push_screen(HelpScreen(active_keys(self), has_panes=False))

    @on(FilterLine.Changed)
    def _filter(self, event: FilterLine.Changed) -> None:
        event.stop()
        self.query_one(ReportList).filter(event.value.strip())

    @on(ReportList.Moved)
    def _explain(self, event: ReportList.Moved) -> None:
        event.stop()
        self.query_one("#detail", Static).update(_details(self.query_one(ReportList).current))
        self.query_one("#about", VerticalScroll).scroll_home(animate=False)


def _details(entry: ReportEntry | None) -> Content:
    """Return the whole of an entry in lines."""
    if entry is None:
        return Content.styled("nothing has this text", "$muted")
    if not entry.fate:
        return Content(printable(entry.name))
    head = Content.assemble(
        (f"{entry.sign.mark} ", entry.sign.colour),
        (printable(entry.name, _MAX_VALUE), "bold"),
        f" = {printable(entry.value, _MAX_VALUE)}",
        (f"  {printable(entry.place)}" if entry.place else "", "$muted"),
    )
    became = f"{entry.fate}: {printable(entry.to, _MAX_VALUE)}" if entry.to else entry.fate
    return Content("\n").join(part for part in (head, Content(became), Content(printable(entry.why))) if part.plain)

"""The complete plan of the settings, section by section."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from lora_tui.keys.keymap import bindings
from lora_tui.screens.dialog import ReadDialog, key_hint
from lora_tui.widgets.plan_bar import at_dots
from lora_tui.wording.state_symbols import FAILED, WARNING
from lora_tui.wording.unexpected import as_error
from trainer.text import printable

if TYPE_CHECKING:
    from lora_tui.workers.planner import PlanView
    from trainer.plan.report import ReportSection

# As wide as the style below says; beside the text are the padding and the scroll bar.
_WIDTH, _PADDING = 84, 5
_KEYS = ("read.down read.up=scroll", "plan.previous plan.next=section", "parity.open=other trainers", "read.close")
_WARNINGS = "warnings"
_WARNING = f"{WARNING.mark} "


class PlanDialog(ReadDialog[bool]):
    """Shows a plan; dismissed with True to compare it with other trainers'. Its sections are made in a worker thread: of thousands of captions that takes a moment.

    Args:
        view: the plan.
        heading: names the settings.
        memory: makes the section about memory, None where nothing is known of it; called in a thread.
    """

    DEFAULT_CSS = """
    PlanDialog {
        & > VerticalScroll { width: 84; }
        & .section { margin-top: 1; color: $primary; }
        & .lines { padding-left: 2; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("plan")

    class SectionsReady(Message):
        """The sections are made, or could not be."""

        def __init__(self, sections: "Sequence[ReportSection]", trouble: str = "") -> None:
            """Carry the sections; `trouble` says why there are none."""
            super().__init__()
            self.sections = tuple(sections)
            self.trouble = trouble

    def __init__(
        self, view: "PlanView", heading: str, memory: "Callable[[], ReportSection | None]" = lambda: None
    ) -> None:
        """Show `view` under `heading`."""
        super().__init__()
        self._view = view
        self._heading = heading
        self._memory = memory

    def compose(self) -> ComposeResult:
        """Yield the plan's line; the sections follow when they are made."""
        with VerticalScroll():
            yield Static(Content.styled(self._heading, "bold"))
            width = min(_WIDTH, self.app.size.width) - _PADDING
            yield Static(Content("\n").join(at_dots(self._view.line, width)), id="line")
            yield Static("", id="keys")

    def on_mount(self) -> None:
        """Start counting."""
        self._make_sections()

    def _make_sections(self) -> None:
        self.start_work(
            "counting",
            lambda: self.SectionsReady(_with_memory(self._view.report(), self._memory())),
            lambda broken: self.SectionsReady((), as_error("plan", broken).line()),
            group="counting",
            writes=False,
        )

    @on(SectionsReady)
    def _show(self, event: SectionsReady) -> None:
        event.stop()
        keys = self.query_one("#keys", Static)
        keys.update(Content(f"{FAILED.mark} {printable(event.trouble)}" if event.trouble else key_hint(self, *_KEYS)))
        parts = [
            part
            for section in event.sections
            for part in (
                Static(Content(section.title), classes="section"),
                Static(Content("\n").join(map(_line, section.lines)), classes="lines"),
            )
        ]
        self.query_one(VerticalScroll).mount_all(parts, before=keys)

    def action_compare_trainers(self) -> None:
        """Leave for the table of trainers."""
        self.dismiss(True)

    def action_section(self, by: int) -> None:
        """Bring the next or the previous section to the top."""
        body = self.query_one(VerticalScroll)
        tops = [section.virtual_region.y for section in self.query(".section")]
        here = body.scroll_offset.y
        ahead = [top for top in tops if top > here] if by > 0 else [top for top in reversed(tops) if top < here]
        end = body.max_scroll_y if by > 0 else 0
        # At once: the next key asks where it is.
        body.scroll_to(y=ahead[0] if ahead else end, animate=False, immediate=True)


def _with_memory(sections: "Sequence[ReportSection]", memory: "ReportSection | None") -> "list[ReportSection]":
    """Return the sections with that about memory, before the warnings."""
    together = list(sections)
    if memory is not None:
        place = next((place for place, one in enumerate(together) if one.title == _WARNINGS), len(together))
        together.insert(place, memory)
    return together


def _line(text: str) -> Content:
    """Return a line as it is shown, the sign of a warning in its colour."""
    plain = printable(text)
    if plain.startswith(_WARNING):
        return Content.assemble((_WARNING, WARNING.colour), plain.removeprefix(_WARNING))
    return Content(plain)

"""What the checks before a bake found: each with its place and the way out, and what of it is accepted."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from lora_tui.keys.keymap import bindings
from lora_tui.screens.dialog import ListDialog, NoteDialog, key_hint
from lora_tui.wording.state_symbols import DONE, FAILED, WAITING, WARNING, Sign
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.checks.record import CheckResult

_SIGNS = {"error": FAILED, "warning": WARNING, "note": WAITING}
_PLACE_WIDTH = 44


class ChecksDialog(ListDialog[None]):
    """Shows the findings; the marked one with everything there is to say of it.

    Args:
        heading: names the settings.
        results: what was found.
        accept: takes a check's key and the reason for which it is accepted, or None to take it back; None where nothing may be written.
    """

    DEFAULT_CSS = """
    ChecksDialog {
        & > Vertical { width: 92; }
        & OptionList { max-height: 10; }
        & VerticalScroll { height: auto; max-height: 12; margin-top: 1; scrollbar-size-vertical: 1; }
        & #details { height: auto; padding-right: 1; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("checks")

    def __init__(
        self, heading: str, results: "Sequence[CheckResult]", accept: "Callable[[str, str | None], object] | None"
    ) -> None:
        """Show `results` under `heading`."""
        super().__init__()
        self._heading = heading
        self._accept = accept
        self._results = sorted(results, key=lambda result: not result.open)

    def compose(self) -> ComposeResult:
        """Yield the list, what there is to say of the marked one, and the keys."""
        with Vertical():
            yield Static(Content.styled(self._heading, "bold"))
            yield Static("", id="counts")
            yield OptionList(compact=True)
            with VerticalScroll(can_focus=False):
                yield Static("", id="details")
            yield Static("", id="keys")

    def on_mount(self) -> None:
        """Show the findings."""
        self._show(0)

    @on(OptionList.OptionHighlighted)
    def _explain(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        from trainer.checks.report import details_of

        result = self._results[event.option_index]
        lines = [Content.styled(printable(result.finding.text), "bold"), *map(Content, details_of(result))]
        self.query_one("#details", Static).update(Content("\n").join(lines))
        self.query_one(VerticalScroll).scroll_home(animate=False)

    def action_accept(self) -> None:
        """Ask for the reason for which the marked finding is accepted."""
        result = self._marked
        if result is None or self._accept is None:
            return
        if result.severity == "error":
            self.notify("an error cannot be accepted: the bake is refused", severity="warning", markup=False)
            return
        key = result.check.key

        def take(why: str | None) -> None:
            if why:
                self._change(key, why)

        self.app.push_screen(AcceptDialog(f"Accept {key} until the data change", result.finding.text), take)

    def action_withdraw(self) -> None:
        """Take back that the marked finding is accepted."""
        if (result := self._marked) is not None and not result.open:
            self._change(result.check.key, None)

    @property
    def _marked(self) -> "CheckResult | None":
        place = self.query_one(OptionList).highlighted
        return self._results[place] if place is not None and place < len(self._results) else None

    def _change(self, key: str, why: str | None) -> None:
        if self._accept is None:
            return
        self._accept(key, why)
        self._results = [
            replace(result, accepted=why) if result.check.key == key else result for result in self._results
        ]
        self._show(self.query_one(OptionList).highlighted or 0)

    def _show(self, marked: int) -> None:
        from trainer.checks.report import count

        self.query_one("#counts", Static).update(Content.styled(count(self._results).text(), "$muted"))
        options = self.query_one(OptionList)
        options.clear_options()
        wide = max((len(result.check.key) for result in self._results), default=0)
        options.add_options([_row(result, wide) for result in self._results])
        options.highlighted = min(marked, len(self._results) - 1) if self._results else None
        wanted = ("checks.accept", "checks.withdraw") if self._accept is not None and self._results else ()
        self.query_one("#keys", Static).update(Content(key_hint(self, *wanted, "checks.close")))


class AcceptDialog(NoteDialog):
    """The reason for which a finding is accepted."""

    ENTER_DOES = "accept"
    HINT = "why it is meant so"
    MAY_BE_EMPTY = False


def _row(result: "CheckResult", wide: int) -> Option:
    sign: Sign = DONE if not result.open else _SIGNS[result.severity]
    place = printable(result.finding.place)
    if len(place) > _PLACE_WIDTH:
        # Of a path the end tells more.
        place = f"…{place[1 - _PLACE_WIDTH :]}"
    return Option(Content.assemble((f"{sign.mark} ", sign.colour), f"{result.check.key:<{wide}}  ", (place, "$muted")))

"""The steps on captions: each with what it did, to be undone or done again."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from lora_tui.keys.keymap import bindings
from lora_tui.screens.dialog import ListDialog, key_hint
from lora_tui.wording.state_symbols import DONE, LEFT_OUT, WARNING
from trainer.text import plural, printable

if TYPE_CHECKING:
    from trainer.captions.record import CaptionStep

_NONE = "no captions have been edited here yet"


class CaptionStepsDialog(ListDialog[None]):
    """Lists the steps, the newest first; the marked one is undone, or done again, by a key.

    Args:
        steps: the steps, the oldest first.
        turn: undoes a step, or does it again, or completes it (its second argument), and hands the steps as they are then to its last
            one; None where nothing may be written.
    """

    DEFAULT_CSS = """
    CaptionStepsDialog {
        & > Vertical { width: 96; }
        & OptionList { max-height: 20; text-wrap: nowrap; text-overflow: ellipsis; }
        & #about { color: $muted; margin-top: 1; max-height: 6; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("caption steps")

    def __init__(
        self,
        steps: "Sequence[CaptionStep]",
        turn: "Callable[[CaptionStep, bool, Callable[[Sequence[CaptionStep]], object]], object] | None",
    ) -> None:
        super().__init__()
        self._steps = list(reversed(steps))
        self._turn = turn

    def compose(self) -> ComposeResult:
        """Yield the list, what there is to say of the marked step, and the keys."""
        with Vertical():
            yield Static(Content.styled("Steps on captions", "bold"))
            yield OptionList(compact=True)
            yield Static("", id="about")
            yield Static("", id="keys")

    def on_mount(self) -> None:
        """Show the steps."""
        self._show(0)

    @on(OptionList.OptionHighlighted)
    def _explain(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self._show_about()

    def action_turn(self) -> None:
        """Undo the marked step, or do it again."""
        step = self._marked
        if step is not None and self._turn is not None:
            self._turn(step, False, self._take)

    def action_complete(self) -> None:
        """Complete the marked step, which was interrupted."""
        step = self._marked
        if step is not None and step.unfinished and self._turn is not None:
            self._turn(step, True, self._take)

    def _take(self, steps: "Sequence[CaptionStep]") -> None:
        self._steps = list(reversed(steps))
        if self.is_attached:
            self._show(self.query_one(OptionList).highlighted or 0)

    @property
    def _marked(self) -> "CaptionStep | None":
        place = self.query_one(OptionList).highlighted
        return self._steps[place] if place is not None and place < len(self._steps) else None

    def _show(self, marked: int) -> None:
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([_row(step) for step in self._steps])
        options.highlighted = min(marked, len(self._steps) - 1) if self._steps else None
        self._show_about()

    def _show_about(self) -> None:
        step = self._marked
        lines = [_NONE] if step is None else []
        if step is not None:
            state = "undone" if step.undone else "done"
            if step.unfinished:
                state = "interrupted: some captions are as before, others as after it"
            elif step.writing:
                state = "being written"
            lines.append(f"{state} · {plural(step.files, 'caption file')} · kept in {printable(str(step.backup))}")
            lines += [
                f"{WARNING.mark} {printable(left.path.name, 80)}: {printable(left.why)}" for left in step.left[:4]
            ]
            if len(step.left) > 4:
                lines.append(f"  and {len(step.left) - 4:,} more files that were left as they are")
        self.query_one("#about", Static).update(Content("\n".join(lines)))
        wanted: tuple[str, ...] = ("steps.turn",) if self._turn is not None and step is not None else ()
        if wanted and step is not None and step.unfinished:
            wanted += ("steps.complete",)
        self.query_one("#keys", Static).update(Content(key_hint(self, *wanted, "steps.close")))


def _row(step: "CaptionStep") -> Option:
    sign = WARNING if step.unfinished or step.left else LEFT_OUT if step.undone else DONE
    when = time.strftime("%m-%d %H:%M", time.localtime(step.when))
    style = "$muted" if step.undone else ""
    undone = " (undone)" if step.undone else ""
    return Option(
        Content.assemble(
            (f"{sign.mark} ", sign.colour),
            (f"{step.number:>4}  {when}  ", "$muted"),
            (f"{printable(step.words)}{undone}", style),
            (f"  {plural(step.files, 'file')}", "$muted"),
        )
    )

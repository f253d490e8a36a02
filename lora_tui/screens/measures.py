"""What was measured of a bake: a measure's curves by part, a map of its block groups over the epochs, and the value under the cursor in words."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from lora_tui.keys.keymap import bindings
from lora_tui.screens.dialog import hint_keys
from lora_tui.screens.screen_sizes import SmallClasses
from lora_tui.widgets.block_map import NOTHING, SHADES, BlockMap
from lora_tui.widgets.braille_plot import BraillePlot
from lora_tui.widgets.key_line import KeyLine
from lora_tui.wording.job_names import NamedBake
from lora_tui.wording.state_symbols import FAILED
from lora_tui.wording.unexpected import as_error
from trainer.text import plural, printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from lora_tui.plots.measure_map import MeasuredEpochs, MeasureMap
    from trainer.errors import LoraTuiError

    Noise = Callable[[str, str, str, int, int | None], str]

_READING = "reading what was measured …"
_EMPTY = "-nothing"
"""Class of the screen while nothing was measured."""
_NOTHING_YET = "nothing was measured yet"
_KEYS = (
    "measures.next=measure",
    "measures.left measures.right=epoch",
    "measures.up measures.down=row",
    "app.help",
    "measures.close",
)
_SECONDS = 5.0


class MeasuresScreen(SmallClasses, ModalScreen[None]):
    """The measures of a bake, one at a time.

    Args:
        heading: names the bake; our own text.
        number: of the bake.
        read: reads what was measured; called in a thread.
        noise: (measure, part, scope, step, step before) -> what the noise says of the value, in words; called in a thread.
    """

    DEFAULT_CSS = """
    MeasuresScreen {
        background: $background;
        & > #title { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > BraillePlot { height: 2fr; max-height: 14; border: none; border-title-align: left; padding: 0 1; }
        & > BlockMap { height: 3fr; }
        &.-nothing > BlockMap { display: none; }
        &.-nothing > BraillePlot { height: 1fr; max-height: 100%; }
        &.-short > BlockMap { height: 2fr; }
        &.-short > #about { max-height: 2; border-top: none; }
        & > #about { height: auto; max-height: 6; border-top: solid $rule; padding: 0 1; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("measures")

    class Ready(Message):
        """What was measured is read, or could not be."""

        def __init__(self, measured: "MeasuredEpochs | None", error: "LoraTuiError | None" = None) -> None:
            """Carry it; `error` says why there is none."""
            super().__init__()
            self.measured = measured
            self.error = error

    class NoiseReady(Message):
        """The noise of a value is known."""

        def __init__(self, cell: tuple[str, int, int], words: str) -> None:
            """Carry the cell (measure, row, column) and the words."""
            super().__init__()
            self.cell = cell
            self.words = words

    def __init__(self, heading: str, number: int, read: "Callable[[], MeasuredEpochs]", noise: "Noise") -> None:
        super().__init__()
        self._heading, self._number, self._read, self._noise = heading, number, read, noise
        self._measured: MeasuredEpochs | None = None
        self._chosen = ""
        self._words: dict[tuple[str, int, int], str] = {}

    def compose(self) -> ComposeResult:
        """Yield the title, the curves, the map, the words and the keys."""
        yield Static(Content.styled(self._heading, "bold"), id="title")
        yield BraillePlot(_READING)
        yield BlockMap()
        yield Static("", id="about")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Start reading."""
        self.query_one(BlockMap).focus()
        self._read_it()
        self.set_interval(_SECONDS, self._read_again)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)

    def action_choose(self, by: int) -> None:
        """Show the next measure, or the one before."""
        if self._measured is None or not self._measured.measures:
            return
        keys = [record.key for record in self._measured.measures]
        self._chosen = keys[(keys.index(self._chosen) + by) % len(keys)]
        self.query_one(BlockMap).show(self._map())

    def action_help(self) -> None:
        """Show what the keys do."""
        from lora_tui.screens.help import HelpScreen, active_keys

        self.app.push_screen(HelpScreen(active_keys(self), has_panes=False))

    def _map(self) -> "MeasureMap":
        assert self._measured is not None
        record = next(record for record in self._measured.measures if record.key == self._chosen)
        return self._measured.of(record)

    def _read_again(self) -> None:
        if self._measured is not None and self._measured.running:
            self._read_it()

    @work(thread=True, exit_on_error=False, group="measures", exclusive=True)
    def _read_it(self) -> None:
        try:
            answer = self.Ready(self._read())
        except Exception as broken:
            # A fault of ours is worth a line here, and never the end of the program.
            answer = self.Ready(None, as_error("measures", broken))
        self.post_message(answer)

    @work(thread=True, exit_on_error=False, group="noise", exclusive=True)
    def _find_noise(self, cell: tuple[str, int, int], part: str, scope: str, step: int, before: int | None) -> None:
        try:
            words = self._noise(cell[0], part, scope, step, before)
        except Exception as broken:
            words = as_error("noise", broken).line()
        self.post_message(self.NoiseReady(cell, words))

    @on(Ready)
    def _take(self, event: Ready) -> None:
        event.stop()
        about = self.query_one("#about", Static)
        if event.measured is None:
            words = event.error.line() if event.error is not None else ""
            about.update(Content.assemble((f"{FAILED.mark} {printable(words)}", "$error")))
            return
        if self._measured is not None and event.measured.values == self._measured.values:
            return
        self._measured, self._words = event.measured, {}
        self.query_one(KeyLine).show_keys(hint_keys(self, *_KEYS))
        keys = [record.key for record in event.measured.measures]
        if not keys:
            about.update(Content.styled(f"{_NOTHING_YET}{self._how_to_make_up()}", "$muted"))
            self.query_one(BraillePlot).show_nothing(_NOTHING_YET)
            self.add_class(_EMPTY)
            return
        self.remove_class(_EMPTY)
        if self.focused is None:
            self.call_after_refresh(self.query_one(BlockMap).focus)
        self._chosen = self._chosen if self._chosen in keys else keys[0]
        self.query_one(BlockMap).show(self._map())

    @on(BlockMap.Moved)
    def _move(self, event: BlockMap.Moved) -> None:
        event.stop()
        self._show()
        found, view = self._map(), self.query_one(BlockMap)
        cell = (self._chosen, view.row, view.column)
        if cell not in self._words and found.rows[view.row].values[view.column] is not None:
            row = found.rows[view.row]
            self._find_noise(cell, row.part, row.scope, found.steps[view.column], found.before(view.column))

    @on(NoiseReady)
    def _take_noise(self, event: NoiseReady) -> None:
        event.stop()
        self._words[event.cell] = event.words
        self._show()

    def _show(self) -> None:
        """Draw the curves for the row under the cursor, and say its value."""
        assert self._measured is not None
        found, view = self._map(), self.query_one(BlockMap)
        keys = [record.key for record in self._measured.measures]
        place = f"{keys.index(self._chosen) + 1} of {len(keys)}"
        shades = f"{SHADES[0]} least {SHADES[-1]} most {NOTHING} none"
        self.query_one("#title", Static).update(
            Content.assemble((self._heading, "bold"), f"  {found.record.title} ({place})", (f"  {shades}", "$muted"))
        )
        self.query_one(BraillePlot).show(found.plot(view.row), Content(""))
        row, step = found.rows[view.row], found.steps[view.column]
        head = found.heads[view.column]
        where = f"step {step:,}" if head == f"{step:,}" else f"epoch {head[1:]}, step {step:,}"
        line = f"{printable(row.full_label)} after {where}: {found.value_text(view.row, view.column)}"
        noise = self._words.get((self._chosen, view.row, view.column), "")
        lines = [Content.styled(line, "bold"), Content(noise), Content.styled(found.record.help, "$muted")]
        if self._measured.missing and not self._measured.running:
            lines.append(Content.styled(self._how_to_make_up().lstrip(": "), "$muted"))
        self.query_one("#about", Static).update(Content("\n").join(lines))

    def _how_to_make_up(self) -> str:
        missing = 0 if self._measured is None else self._measured.missing
        if not missing:
            return ""
        return f": {plural(missing, 'LoRA')} not measured; `lora-tui measure {self._number}` does it now"


def show_measures(screen: Screen[Any], workspace: Workspace, bake: NamedBake | None) -> None:
    """Show the measures of a bake over `screen`; where there is none, say so."""
    from lora_tui.actions.measures import noise_words, read_measured

    if bake is None:
        screen.notify("there is no bake yet", severity="warning", markup=False)
        return
    number = bake.number

    def noise(name: str, part: str, scope: str, step: int, before: int | None) -> str:
        return noise_words(workspace, number, name, part, scope, step, before)

    heading = f"Measures of bake {number:04d} {printable(bake.name)}"
    screen.app.push_screen(MeasuresScreen(heading, number, lambda: read_measured(workspace, number), noise))

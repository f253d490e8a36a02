"""The sample pictures of a bake: a tile for each prompt and seed, and one cursor over the steps that moves all of them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from rich.cells import cell_len
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Grid, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from lora_tui.keys.keymap import bindings
from lora_tui.pictures.picture_cache import Pictures
from lora_tui.screens.dialog import hint_keys
from lora_tui.widgets.key_line import KeyLine
from lora_tui.widgets.picture_view import PictureView
from lora_tui.wording.sample_steps import scrubber
from lora_tui.workers.picture_reader import PictureReader
from lora_tui.workers.picture_requests import PicturesRead
from trainer.history.bake_samples import BakeSamples, samples_in
from trainer.text import plural, printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.history.records import BakeEntry
    from trainer.journal.records import Bake

_KEYS = (
    "samples.left samples.right=step",
    "samples.up samples.down=prompt",
    "samples.large",
    "app.help",
    "samples.close",
)
_LARGE_KEYS = (*_KEYS[:2], "samples.large=all of them", *_KEYS[-2:])
_READING = "looking for samples …"
_NONE = "no samples: set sample_every_n_epochs, and the bake makes pictures with the prompts of its subject"
# A bake makes its next samples in minutes.
_SECONDS = 3.0
# Cells that a tile has at least, so that a face can be seen in it.
_TILE = 26
_MAX_TILES = 64


class SamplesScreen(ModalScreen[None]):
    """The samples of a bake.

    Args:
        heading: names the bake; our own text.
        read: finds its samples; called in a thread.
        steps_per_epoch: of the bake.
        step: where the cursor is at first, or at the samples before it; None for the newest, which it then follows.
    """

    DEFAULT_CSS = """
    SamplesScreen {
        background: $background;
        & > #title { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
        & Grid { height: auto; grid-gutter: 0 1; padding: 0 1; }
        & PictureView { height: auto; border-top: solid $rule; border-title-color: $muted; border-title-align: left; }
        & PictureView.-chosen { border-top: heavy $accent; border-title-color: $accent; border-title-style: bold; }
        & > #steps { height: 1; padding: 0 1; text-wrap: nowrap; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("samples")

    class Found(Message):
        """The samples that are there now."""

        def __init__(self, samples: BakeSamples) -> None:
            super().__init__()
            self.samples = samples

    def __init__(
        self, heading: str, read: Callable[[], BakeSamples], steps_per_epoch: int, step: int | None = None
    ) -> None:
        super().__init__()
        self._first = step
        self._heading, self._read, self.steps_per_epoch = heading, read, steps_per_epoch
        self._reader = PictureReader(self.post_message)
        self.pictures = Pictures(self._reader.request_pictures)
        self.samples: BakeSamples | None = None
        self.step = 0
        """The step under the cursor; 0 without samples."""
        self.prompt = 0
        """Place of the tile under the cursor."""

    def compose(self) -> ComposeResult:
        """Yield the heading, the tiles, the steps and the keys."""
        yield Static(Content.styled(self._heading, "bold"), id="title")
        with VerticalScroll(can_focus=False):
            yield Grid()
        yield Static(Content.styled(_READING, "$muted"), id="steps")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Start reading."""
        self.query_one(KeyLine).show_keys(hint_keys(self, *_KEYS))
        self._reader.start()
        self._look()
        self.set_interval(_SECONDS, self._look)

    def on_unmount(self) -> None:
        """End the thread that reads pictures."""
        self._reader.stop()

    def on_resize(self, event: events.Resize) -> None:
        """Put as many tiles side by side as there is room for."""
        self._lay_out()

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)

    def action_move(self, by: int) -> None:
        """Move the cursor over the steps; at the last one it follows what the bake makes."""
        self._go_to(self._place + by)

    def action_edge(self, place: int) -> None:
        """Go to the first step (0) or the last (-1)."""
        self._go_to(0 if place == 0 else len(self._steps) - 1)

    def action_prompt(self, by: int) -> None:
        """Choose another tile."""
        tiles = len(self.query(PictureView))
        if tiles:
            self.prompt = max(0, min(self.prompt + by, tiles - 1))
            self._show()
            list(self.query(PictureView))[self.prompt].scroll_visible(animate=False)

    def action_large(self) -> None:
        """Show the chosen tile on the full screen."""
        if self.samples is not None and self.samples.names:
            self.app.push_screen(LargeSampleScreen(self))

    def action_help(self) -> None:
        """Show what the keys do."""
        from lora_tui.screens.help import HelpScreen, active_keys

        self.app.push_screen(HelpScreen(active_keys(self), has_panes=False))

    @property
    def _steps(self) -> tuple[int, ...]:
        return self.samples.steps if self.samples is not None else ()

    @property
    def _place(self) -> int:
        return self._steps.index(self.step) if self.step in self._steps else len(self._steps) - 1

    def _go_to(self, place: int) -> None:
        if self._steps:
            self.step = self._steps[max(0, min(place, len(self._steps) - 1))]
            self._show()

    @work(thread=True, exit_on_error=False, group="samples", exclusive=True)
    def _look(self) -> None:
        self.post_message(self.Found(self._read()))

    @on(Found)
    async def _take(self, event: Found) -> None:
        event.stop()
        before, self.samples = self.samples, event.samples
        if before == event.samples:
            return
        at_the_end = before is None or not before.steps or self.step == before.steps[-1]
        if self._steps and (at_the_end or self.step not in self._steps):
            self.step = self._steps[-1]
            if self._first is not None:
                self.step = max((step for step in self._steps if step <= self._first), default=self._steps[0])
                self._first = None
        if before is None or before.names != event.samples.names:
            tiles = self.query_one(Grid)
            await tiles.remove_children()
            await tiles.mount_all(PictureView(self.pictures) for _ in event.samples.names[:_MAX_TILES])
            self.prompt = min(self.prompt, max(0, len(event.samples.names) - 1))
            self._lay_out()
        self._show()

    @on(PicturesRead)
    def _keep(self, event: PicturesRead) -> None:
        self.pictures.keep(event.pixels)

    def _lay_out(self) -> None:
        tiles = len(self.samples.names) if self.samples is not None else 0
        across = max(1, min(tiles or 1, self.size.width // _TILE))
        self.query_one(Grid).styles.grid_size_columns = across

    def _show(self) -> None:
        samples, steps = self.samples, self.query_one("#steps", Static)
        if samples is None or not samples.steps:
            steps.update(Content.styled(_NONE, "$muted"))
            return
        for place, (tile, name) in enumerate(zip(self.query(PictureView), samples.names, strict=False)):
            self.show_in(tile, name)
            tile.set_class(place == self.prompt, "-chosen")
        more = len(samples.names) - _MAX_TILES
        line = scrubber(samples.steps, self.step, self.steps_per_epoch, self.size.width - 2)
        steps.update(line if more <= 0 else Content.assemble(line, (f"  {plural(more, 'more prompt')}", "$muted")))

    def show_in(self, tile: PictureView, name: str) -> None:
        """Show a sample at the step under the cursor; where none was made there, the one before, with its step."""
        assert self.samples is not None
        made = self.samples.newest(name, self.step)
        path = None if made is None else self.samples.files[made, name]
        tile.show(path, self.samples.sizes.get(name, (1, 1)), empty="not made yet")
        older = f" · step {made:,}" if made is not None and made != self.step else ""
        tile.border_title = Content(f"{printable(name, 60)}{older}").markup


class LargeSampleScreen(ModalScreen[None]):
    """One sample as large as the terminal, and the same cursor over the steps.

    Args:
        tiles: the screen that it was opened from.
    """

    DEFAULT_CSS = """
    LargeSampleScreen {
        background: $background;
        & > PictureView { height: 1fr; border-top: solid $rule; border-title-color: $accent; border-title-align: left; }
        & > #steps { height: 1; padding: 0 1; text-wrap: nowrap; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("samples")

    def __init__(self, tiles: SamplesScreen) -> None:
        super().__init__()
        self._tiles = tiles

    def compose(self) -> ComposeResult:
        """Yield the picture, the steps and the keys."""
        yield PictureView(self._tiles.pictures, true=True)
        yield Static("", id="steps")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Show the picture, and follow what is made."""
        self.query_one(KeyLine).show_keys(hint_keys(self, *_LARGE_KEYS))
        self._show()
        self.set_interval(_SECONDS, self._show)

    def on_resize(self, event: events.Resize) -> None:
        """Name as many steps as there is room for."""
        self._show()

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)

    def action_large(self) -> None:
        """Close."""
        self.dismiss(None)

    def action_move(self, by: int) -> None:
        """Move the cursor over the steps."""
        self._tiles.action_move(by)
        self._show()

    def action_edge(self, place: int) -> None:
        """Go to the first or the last step."""
        self._tiles.action_edge(place)
        self._show()

    def action_prompt(self, by: int) -> None:
        """Show another sample."""
        self._tiles.action_prompt(by)
        self._show()

    def action_help(self) -> None:
        """Show what the keys do."""
        self._tiles.action_help()

    def _show(self) -> None:
        samples = self._tiles.samples
        if samples is None or not samples.names:
            return
        self._tiles.show_in(self.query_one(PictureView), samples.names[self._tiles.prompt])
        name = f"{printable(samples.names[self._tiles.prompt], 40)}  "
        room = self.size.width - 2 - cell_len(name)
        line = scrubber(samples.steps, self._tiles.step, self._tiles.steps_per_epoch, room)
        self.query_one("#steps", Static).update(Content.assemble((name, "bold"), line))


def show_samples(
    screen: Screen[Any], workspace: Workspace, bake: "Bake | BakeEntry | None", step: int | None = None
) -> None:
    """Open the samples of a bake over `screen`, at a step or at the newest; None for no bake."""
    if bake is None:
        return
    folder = workspace.root / bake.folder
    heading = f"Samples of bake {bake.number:04d} {printable(bake.name, 40)}"
    screen.app.push_screen(SamplesScreen(heading, lambda: samples_in(folder), bake.steps_per_epoch, step))

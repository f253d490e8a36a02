"""The newest sample pictures of a bake as tiles, where the Bake screen has room for them."""

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from lora_tui.pictures.picture_cache import Pictures, Want
from lora_tui.widgets.pane import heading
from lora_tui.widgets.picture_view import PictureView
from lora_tui.wording.sample_steps import step_words
from lora_tui.workers.picture_reader import PictureReader
from lora_tui.workers.picture_requests import PicturesRead
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.history.bake_samples import BakeSamples

# More would be too small to judge; all of them are in the view of the samples.
_TILES = 4


class SampleTiles(Vertical):
    """The newest picture of each of the first prompts. No file is read before there are samples and room for them."""

    DEFAULT_CSS = """
    SampleTiles {
        border-top: solid $rule;
        border-title-color: $muted;
        border-title-style: none;
        border-title-align: left;
        padding: 0 1;
        & > PictureView { height: 1fr; display: none; }
        & > PictureView.-used { display: block; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pictures = Pictures(self._request)
        self._reader: PictureReader | None = None
        self._samples: BakeSamples | None = None

    def compose(self) -> ComposeResult:
        """Yield the tiles."""
        for _ in range(_TILES):
            yield PictureView(self._pictures)

    def on_mount(self) -> None:
        """Put the title up."""
        self.border_title = heading("samples")

    def on_unmount(self) -> None:
        """End the thread that reads pictures."""
        if self._reader is not None:
            self._reader.stop()

    def show(self, samples: "BakeSamples", steps_per_epoch: int) -> None:
        """Show the newest pictures.

        Args:
            samples: of the bake on the screen.
            steps_per_epoch: of that bake.
        """
        if samples == self._samples:
            return
        self._samples = samples
        last = samples.steps[-1] if samples.steps else 0
        for place, tile in enumerate(self.query(PictureView)):
            name = samples.names[place] if place < len(samples.names) else None
            made = None if name is None else samples.newest(name, last)
            tile.set_class(made is not None, "-used")
            if name is None or made is None:
                tile.show(None, (1, 1))
            else:
                older = f" · {step_words(made, steps_per_epoch)}" if made != last else ""
                tile.show(samples.files[made, name], samples.sizes.get(name, (1, 1)), f"{printable(name, 30)}{older}")
        more = len(samples.names) - _TILES
        beside = f" and {more} more" if more > 0 else ""
        where = f" {step_words(last, steps_per_epoch)}{beside}" if samples.steps else ""
        self.border_title = heading("samples", (Content(where).plain, "$muted"))

    def _request(self, who: object, wants: tuple[Want, ...]) -> None:
        if self._reader is None:
            if not wants:
                return
            self._reader = PictureReader(self.post_message)
            self._reader.start()
        self._reader.request_pictures(who, wants)

    @on(PicturesRead)
    def _keep(self, event: PicturesRead) -> None:
        event.stop()
        self._pictures.keep(event.pixels)

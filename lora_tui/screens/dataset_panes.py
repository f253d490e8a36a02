"""The panes of the Dataset screen: where they are, and what of a picture each shows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from lora_tui.pictures.picture_cache import Pictures
from lora_tui.widgets.bucket_bars import BucketBars
from lora_tui.widgets.caption_tags import CaptionTags
from lora_tui.widgets.pane import heading, signed_lines
from lora_tui.widgets.picture_list import PictureList
from lora_tui.widgets.placed_picture import PlacedPicture, placed_file
from lora_tui.widgets.tab_line import TabLine
from lora_tui.widgets.tag_table import TagTable
from lora_tui.wording.dataset import facts_of
from lora_tui.workers.dataset_source import DatasetSource
from trainer.text import plural, printable

if TYPE_CHECKING:
    from trainer.data_index.record import IndexedPicture

VIEWS = ("pictures", "caption", "tags", "buckets")
"""The panes, of which a narrow or short terminal shows one at a time."""

# Below these the panes are tabs.
_COLUMNS, _LINES = 100, 20
_TABS = "-tabs"
# Below these a picture is too small to be seen, and leaves its lines to its caption.
_LEAST_LINES = 14
_LOW = "-low"


class DatasetPanes(Vertical):
    """Pictures, the one under the cursor with its caption, tags and buckets. It shows what it is given and asks nobody.

    Args:
        pictures: where pictures come from.
    """

    DEFAULT_CSS = """
    DatasetPanes {
        height: 1fr;
        & > TabLine { display: none; }
        & > #dataset-body { height: 1fr; }
        & #middle { width: 5fr; margin: 0 1; }
        & PictureList { width: 6fr; height: 100%; }
        & TagTable { width: 4fr; height: 100%; }
        & PlacedPicture { height: 5fr; }
        & #facts { height: auto; max-height: 8; padding: 0 1; }
        & CaptionTags { height: 3fr; }
        & > BucketBars { height: 6; }
        & PictureList, & TagTable, & CaptionTags, & PlacedPicture, & BucketBars {
            border-top: solid $rule;
            border-title-color: $muted;
            border-title-style: none;
            border-title-align: left;
        }
        & PictureList:focus, & TagTable:focus, & CaptionTags:focus, & BucketBars:focus {
            border-title-color: $accent;
            border-title-style: bold;
        }
        &.-tabs > TabLine { display: block; }
        &.-tabs PictureList, &.-tabs #middle, &.-tabs TagTable, &.-tabs > BucketBars { display: none; margin: 0; }
        &.-tabs.-buckets > #dataset-body { display: none; }
        &.-tabs.-pictures PictureList, &.-tabs.-caption #middle, &.-tabs.-tags TagTable { display: block; width: 1fr; }
        &.-low PlacedPicture { height: 1; }
        &.-low #facts { max-height: 2; }
        &.-tabs.-buckets > BucketBars { display: block; height: 1fr; }
    }
    """

    def __init__(self, pictures: Pictures) -> None:
        super().__init__(classes=f"-{VIEWS[0]}")
        self._pictures = pictures

    def compose(self) -> ComposeResult:
        """Yield the tabs, and the panes in the order of the focus."""
        self.fit(self.app.size.width, self.app.size.height)
        yield TabLine({name: f"dataset.view-{name}" for name in VIEWS}, id="dataset-tabs")
        with Horizontal(id="dataset-body"):
            yield PictureList(self._pictures)
            with Vertical(id="middle"):
                yield PlacedPicture(self._pictures, true=True)
                yield Static("", id="facts")
                yield CaptionTags()
            yield TagTable()
        yield BucketBars()

    def on_mount(self) -> None:
        """Put the titles up."""
        self.query_one(TabLine).show(VIEWS[0])
        self.picture_list.border_title = heading("pictures")
        self.caption.border_title = heading("caption")
        self.bars.show(())

    @property
    def picture_list(self) -> PictureList:
        """The list of pictures."""
        return self.query_one(PictureList)

    @property
    def caption(self) -> CaptionTags:
        """The tags of the picture under the cursor."""
        return self.query_one(CaptionTags)

    @property
    def tags(self) -> TagTable:
        """The table of tags."""
        return self.query_one(TagTable)

    @property
    def bars(self) -> BucketBars:
        """The buckets."""
        return self.query_one(BucketBars)

    @property
    def in_tabs(self) -> bool:
        """Whether one pane is shown at a time."""
        return self.has_class(_TABS)

    @property
    def view(self) -> str:
        """The pane that has the focus, else the one shown in tabs."""
        panes = self._by_name()
        shown = next(name for name in VIEWS if self.has_class(f"-{name}"))
        return next((name for name, pane in panes.items() if pane.has_focus), shown)

    def fit(self, columns: int, lines: int) -> None:
        """Show the panes side by side where there is room."""
        self.set_class(columns < _COLUMNS or lines < _LINES, _TABS)
        self.set_class(lines < _LEAST_LINES, _LOW)

    def show_view(self, name: str, *, focus: bool = True) -> None:
        """Bring a pane into view, and give it the focus."""
        for view in VIEWS:
            self.set_class(view == name, f"-{view}")
        self.query_one(TabLine).show(name)
        if focus:
            # At once: a key typed behind this one is the pane's.
            self.screen.set_focus(self._by_name()[name])

    def show_next_view(self) -> None:
        """Bring the next pane into view."""
        self.show_view(VIEWS[(VIEWS.index(self.view) + 1) % len(VIEWS)])

    def show_picture(
        self, picture: "IndexedPicture | None", source: DatasetSource, tags: Sequence[str], *, mask: bool
    ) -> None:
        """Show a picture, what is known of it, and its caption.

        Args:
            picture: None for none.
            source: the settings.
            tags: of its caption.
            mask: whether to show what its mask leaves out.
        """
        view = self.query_one(PlacedPicture)
        if picture is None:
            view.place(None)
            view.border_title = heading("picture")
            self.query_one("#facts", Static).update("")
            self.caption.show(None, ())
            return
        placed = placed_file(picture, with_mask=mask)
        view.place(placed, empty="" if placed is not None else "cannot be read")
        masked = mask and picture.mask is not None
        view.border_title = heading(printable(picture.name, 60), ("  mask shown" if masked else "", "$accent"))
        lines = signed_lines(facts_of(picture, source.epochs, int(source.settings.max_token_length)))
        self.query_one("#facts", Static).update(Content("\n").join(lines))
        self.show_caption(picture, tags)

    def show_caption(self, picture: "IndexedPicture", tags: Sequence[str]) -> None:
        """Show the caption of the picture under the cursor."""
        if picture.caption_file is None:
            empty = f"no caption file: {printable(picture.caption, 60) or 'nothing'} stands in"
        else:
            empty = "an empty caption"
        self.caption.show(picture.id, tags, empty)

    def title_tags(self) -> None:
        """Say above the table how many tags there are, and in which order."""
        table = self.tags
        marked = f", {len(table.marked):,} marked" if table.marked else ""
        table.border_title = heading(f"{plural(len(table.names), 'tag')} {table.order}{marked}")

    @on(PictureList.CaptionAsked)
    def _go_to_caption(self, event: PictureList.CaptionAsked) -> None:
        event.stop()
        self.show_view("caption")

    @on(CaptionTags.Left)
    @on(TagTable.Left)
    def _go_to_list(self, event: CaptionTags.Left | TagTable.Left) -> None:
        event.stop()
        self.show_view("pictures")

    @on(TagTable.Changed)
    def _take_change(self, event: TagTable.Changed) -> None:
        event.stop()
        self.title_tags()

    @on(TabLine.Picked)
    def _pick_tab(self, event: TabLine.Picked) -> None:
        event.stop()
        self.show_view(event.name)

    def _by_name(self) -> dict[str, Widget]:
        return dict(zip(VIEWS, (self.picture_list, self.caption, self.tags, self.bars), strict=True))

"""What is typed on the Dataset screen: the filter and the order of its pictures, and the tags of a caption."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content
from textual.dom import DOMNode
from textual.widget import Widget
from textual.widgets import Static

from lora_tui.actions.order_sender import OrderSender
from lora_tui.screens.dataset_orders import DatasetOrders
from lora_tui.screens.dataset_panes import DatasetPanes
from lora_tui.screens.filtered_list import FilteredList
from lora_tui.screens.pick import PickChoice, PickDialog
from lora_tui.terminal.key_queue import await_answer
from lora_tui.widgets.caption_tags import CaptionTags
from lora_tui.widgets.filter_line import FilterLine
from lora_tui.widgets.picture_list import PictureList
from lora_tui.widgets.tag_line import TagPrompt, TypedFor, TypedTagLine
from lora_tui.wording.picture_filter import parse_picture_filter
from lora_tui.wording.state_symbols import FAILED
from lora_tui.workers.dataset_reader import DatasetListing, DatasetReader
from trainer.errors import SettingsError
from trainer.text import printable

if TYPE_CHECKING:
    from textual.screen import Screen

    from trainer.data_index.record import IndexedPicture, PictureQuery, SortKey

    _Base = Screen[None]
else:
    # So that Textual finds what it handles.
    _Base = DOMNode


@dataclass(frozen=True)
class _TypedIn:
    """A caption as it was when a line was opened: its picture, its tags, and the place of the cursor among them."""

    picture: "IndexedPicture"
    tags: tuple[str, ...]
    at: int


class DatasetTyping(FilteredList, _Base):
    """A base of the Dataset screen beside Screen, which sets its attributes.

    Attributes:
        panes: show.
        reader: lists the pictures.
        orders: write.
        sender: knows what the keys may do.
    """

    panes: DatasetPanes
    reader: DatasetReader
    orders: DatasetOrders
    sender: OrderSender

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        # The filter that was asked for last, and the last one that any picture passed: of a key being typed the beginning is none.
        self._asked: tuple[PictureQuery | None, str] = (None, "")
        self._found_by = ""
        self._sort: SortKey = "name"
        self._descending = False
        # What a line is typed for: whatever comes to be under the cursor meanwhile, it is written there.
        self._typed_in: _TypedIn | None = None
        # Captions written here that the index does not know yet.
        self._written: dict[int, tuple[str, ...]] = {}

    @property
    def picture_list(self) -> PictureList:
        """The list of pictures."""
        return self.panes.picture_list

    @property
    def filtered(self) -> PictureList:
        """The list that the line filters."""
        return self.picture_list

    @property
    def picture(self) -> "IndexedPicture | None":
        """The picture under the cursor, as far as it is known."""
        return self.panes.picture_list.current

    # Pictures

    def list_pictures(self) -> None:
        """List what the filter asks for, or say what is wrong with it."""
        error, text = self.query_one("#filter-error", Static), self._text
        try:
            query = parse_picture_filter(text)
        except SettingsError as fault:
            error.update(Content(f"{FAILED.mark} {printable(fault.line())}"))
            error.add_class("-shown")
            text = self._found_by
            query = parse_picture_filter(text)
        else:
            error.remove_class("-shown")
        query = replace(query, sort=self._sort, descending=self._descending)
        self._asked = (query, text)
        await_answer(self, self.reader.show(query))

    def set_filter(self, text: str) -> None:
        """List the pictures of another filter."""
        self.query_one(FilterLine).value = text
        self.set_class(bool(text), "-finding")

    def note_found(self, listing: DatasetListing) -> None:
        """Note that a filter was answered: one that any picture passes is shown again where the next one is wrong."""
        if listing.ids and listing.query == self._asked[0]:
            self._found_by = self._asked[1]

    @property
    def order_words(self) -> str:
        """In which order the pictures are listed, "" for the usual one."""
        return "" if self._sort == "name" and not self._descending else f"by {self._sort}"

    @on(PictureList.SortAsked)
    def _ask_order(self, event: PictureList.SortAsked) -> None:
        event.stop()
        from trainer.data_index.record import SORTS

        def sort(key: str | None) -> None:
            if key is not None:
                self._descending = key == self._sort and not self._descending
                self._sort = next(each for each in SORTS if each == key)
                self.list_pictures()

        choices = [PickChoice(key, key, words) for key, words in SORTS.items()]
        heading = "Order of the pictures; the same again turns it round"
        self.app.push_screen(PickDialog(heading, choices, self._sort), sort)

    # Lines

    @property
    def prompt(self) -> TagPrompt:
        """The line that tags are typed into."""
        return self.query_one(TagPrompt)

    @on(CaptionTags.LineAsked)
    def _ask_for_tags(self, event: CaptionTags.LineAsked) -> None:
        event.stop()
        if self.picture is not None and self.sender.may_bake():
            if event.renames:
                self.open_line("rename", self.panes.caption.current or "")
            else:
                self.open_line("add", "")

    @on(CaptionTags.Ordered)
    def _order_tags(self, event: CaptionTags.Ordered) -> None:
        event.stop()
        if (place := self._caption_place()) is not None:
            self._write_tags(place, event.tags, event.at)

    @on(FilterLine.Changed, "#filter")
    def _filter(self, event: FilterLine.Changed) -> None:
        event.stop()
        self._text = event.value.strip()
        self.list_pictures()

    @on(TypedTagLine.Changed, "#tag-line")
    def _find(self, event: TypedTagLine.Changed) -> None:
        event.stop()
        if self.prompt.finds:
            self.panes.tags.find(event.value)

    @on(TypedTagLine.Kept)
    def _take_typed(self, event: TypedTagLine.Kept) -> None:
        event.stop()
        if event.typed_for == "find":
            self.close_line(self.panes.tags)
            return
        from trainer.captions.operations import typed_tags

        try:
            typed = typed_tags(event.text)
        except SettingsError as error:
            self.sender.show_error(error.line())
            return
        self.close_line(self.panes.caption)
        place = self._typed_in
        if place is None:
            return
        tags, at = place.tags, place.at
        if event.typed_for == "rename":
            self._write_tags(place, (*tags[:at], *typed, *tags[at + 1 :]), at)
        else:
            behind = min(at + 1, len(tags))
            self._write_tags(place, (*tags[:behind], *typed, *tags[behind:]), behind)

    @on(TypedTagLine.Left)
    def _leave_line(self, event: TypedTagLine.Left) -> None:
        event.stop()
        if event.typed_for == "find":
            self.panes.tags.find("")
        self.close_line(self.panes.tags if event.typed_for == "find" else self.panes.caption)

    def open_line(self, typed_for: TypedFor, text: str) -> None:
        """Open the line that tags are typed into."""
        self._typed_in = self._caption_place()
        self.prompt.ask(typed_for, text, self.panes.tags.names)

    def close_line(self, back: Widget) -> None:
        """Close it, and give a pane the focus."""
        self.prompt.close()
        # At once: a key typed behind enter is the pane's.
        self.set_focus(back)

    def _caption_place(self) -> _TypedIn | None:
        caption, picture = self.panes.caption, self.picture
        return None if picture is None else _TypedIn(picture, tuple(caption.tags), caption.at)

    def _write_tags(self, place: _TypedIn, tags: Sequence[str], at: int) -> None:
        picture = place.picture
        if tuple(tags) == place.tags:
            return

        def written() -> None:
            self._written[picture.id] = tuple(tags)
            if self.picture is not None and self.picture.id == picture.id:
                self.panes.caption.at = at
                self.panes.show_caption(self.picture, tags)

        self.orders.order_tags(picture, place.tags, tuple(tags), written)

"""The Dataset screen: pictures, the caption of each, the tags of all, the buckets of an epoch."""

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from lora_tui.actions.dataset import CaptionWork
from lora_tui.actions.order_sender import OrderSender
from lora_tui.keys.key_lines import shown_dataset_keys
from lora_tui.keys.keymap import bindings
from lora_tui.keys.own_keys import keys_of
from lora_tui.pictures.picture_cache import Pictures
from lora_tui.ports import OWNER, EngineLike, Rights
from lora_tui.screens.dataset_actions import DatasetActions
from lora_tui.screens.dataset_orders import DatasetDoors, DatasetOrders
from lora_tui.screens.dataset_panes import DatasetPanes
from lora_tui.terminal.key_queue import await_answer
from lora_tui.widgets.filter_line import FilterLine
from lora_tui.widgets.key_line import KeyLine
from lora_tui.widgets.picture_list import PictureList
from lora_tui.widgets.tag_line import TagPrompt
from lora_tui.widgets.tag_table import TagTable
from lora_tui.wording.picture_filter import term_of, with_term_turned
from lora_tui.wording.state_symbols import FAILED
from lora_tui.workers.dataset_reader import (
    BucketsCounted,
    DatasetNotRead,
    DatasetReader,
    PicturesListed,
    RowsRead,
    TagsCounted,
)
from lora_tui.workers.dataset_refresher import DatasetRefresher, Refreshed, RefreshProgress
from lora_tui.workers.dataset_source import DatasetSource
from lora_tui.workers.picture_reader import PictureReader
from lora_tui.workers.picture_requests import PicturesRead
from trainer.text import plural, printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.data_index.kept_columns import KeptColumns
    from trainer.data_index.record import IndexedPicture, IndexRefresh

_HINT = 'backpack -tag:"school uniform" folder:3_school fault:any is:excluded no:caption'
_READING = "reading the index …"
_NOT_LOOKED = "no pictures could be looked at"
_LOOKING = "no pictures are known yet: the folders are being looked at"
# Captions whose tags are kept as they are written.
_KEPT_TAGS = 8192
# How often it is looked how far a tagger is.
_TAGGER_SECONDS = 0.5


class DatasetScreen(DatasetActions, Screen[None]):
    """The data of the settings that are open.

    Args:
        workspace: keeps the index and the steps on captions.
        engine: as every sender of orders has one.
        doors: to the settings; some are open.
        rights: what the keys may do.
        wake_feed: lets the Bake screen's data be read again at once.
        kept: what the index was read as when the screen was open before; None keeps nothing.
    """

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = bindings("dataset")
    DEFAULT_CSS = """
    DatasetScreen {
        background: $background;
        color: $foreground;
        layout: vertical;
        & > #dataset-title { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
        & > #look { height: auto; max-height: 3; padding: 0 1; color: $muted; display: none; }
        & > #look.-shown { display: block; }
        & > #look.-error { color: $error; }
        & > #tagger { height: auto; max-height: 2; padding: 0 1; color: $muted; display: none; }
        & > #tagger.-shown { display: block; }
        & > FilterLine { height: 1; padding: 0 1; border: none; display: none; background: $panel; }
        & > FilterLine:focus { border: none; }
        &.-finding > FilterLine { display: block; }
        & > #filter-error { height: auto; max-height: 3; padding: 0 1; color: $error; display: none; }
        & > #filter-error.-shown { display: block; }
    }
    """

    def __init__(
        self,
        workspace: Workspace,
        engine: EngineLike,
        doors: DatasetDoors,
        rights: Rights = OWNER,
        wake_feed: Callable[[], object] = lambda: None,
        kept: "KeptColumns | None" = None,
    ) -> None:
        super().__init__()
        first = doors.source()
        assert first is not None
        self.doors = doors
        self._source = first
        self.reader = DatasetReader(workspace, self._source_now, self.post_message, kept)
        self.refresher = DatasetRefresher(workspace, self.post_message)
        self.picture_reader = PictureReader(self.post_message)
        self.pictures = Pictures(self.picture_reader.request_pictures)
        self.panes = DatasetPanes(self.pictures)
        self.sender = OrderSender(self, workspace, engine, rights, wake_feed)
        self.orders = DatasetOrders(
            self,
            self.sender,
            CaptionWork(workspace, self._source_now, kept),
            doors,
            self.pictures,
            self._captions_changed,
            self._settings_changed,
        )
        self._total = 0
        self._tags_of: dict[int, tuple[str, ...]] = {}
        self._looked = threading.Event()
        self._mask = False
        self._tagger_shown = ""
        self._unseen = 0
        # Number of the look at the folders that is waited for; 0 for none, below for one that has not been asked for.
        self._look = -1
        # The settings of the last look, and whether it had those of the one before: else what it finds need not be the files.
        self._looked_with = (first.settings, True)
        self._files_changed = False

    def _source_now(self) -> DatasetSource:
        """Return what is shown; asked in threads, too."""
        self._source = self.doors.source() or self._source
        return self._source

    def compose(self) -> ComposeResult:
        """Yield the title, what is going on, the panes, the line to type into, and the keys."""
        yield Static("", id="dataset-title")
        yield Static("", id="look")
        yield Static("", id="tagger")
        yield FilterLine(_HINT)
        yield Static("", id="filter-error")
        yield self.panes
        yield TagPrompt()
        yield KeyLine(id="dataset-keys")

    @property
    def is_looking(self) -> bool:
        """Whether the folders are being looked at."""
        return self._look != 0

    @property
    def files_changed(self) -> bool:
        """Whether captions, pictures or folders have changed since the screen was opened, as far as it has looked."""
        return self._files_changed or self.orders.renamed

    def on_mount(self) -> None:
        """Show what is known, and look at the folders behind it."""
        self.picture_list.show((), _READING)
        self.picture_list.focus()
        self.reader.start()
        self.refresher.start()
        self.picture_reader.start()
        # What is typed next is for the list.
        await_answer(self, self.reader.look())
        self.orders.tell_interrupted()
        self.show_title()
        self.bindings_updated_signal.subscribe(self, lambda _: self._show_keys())
        self.set_interval(_TAGGER_SECONDS, self._show_tagger)

    def on_unmount(self) -> None:
        """End the threads."""
        self.reader.stop()
        self.refresher.stop()
        self.picture_reader.stop()

    # What comes from the threads

    @on(PicturesListed)
    def _show_listing(self, event: PicturesListed) -> None:
        event.stop()
        now = event.listing
        self._total = now.total
        self.note_found(now)
        empty = "no picture passes the filter" if self._text else _LOOKING if self.is_looking else "no pictures"
        self.picture_list.show(now.ids, empty)
        self.picture_list.read_again()
        if self.picture_list.marked and not self._text:
            self.picture_list.keep_marks(frozenset(now.ids))
        self.show_title()
        self._look_first()

    @on(RowsRead)
    def _take_rows(self, event: RowsRead) -> None:
        event.stop()
        if len(self._tags_of) > _KEPT_TAGS:
            self._tags_of.clear()
        self._tags_of.update(event.tags)
        if not self.is_looking:
            for each in event.tags:
                self._written.pop(each, None)
        self.picture_list.keep(event.rows)

    @on(TagsCounted)
    def _show_tags(self, event: TagsCounted) -> None:
        event.stop()
        self.panes.tags.show(event.tags, "no tags")
        self.panes.title_tags()

    @on(BucketsCounted)
    def _show_buckets(self, event: BucketsCounted) -> None:
        event.stop()
        self.panes.bars.show(event.buckets, printable(event.trouble) or "no pictures are trained on")

    @on(DatasetNotRead)
    def _show_trouble(self, event: DatasetNotRead) -> None:
        event.stop()
        self.sender.show_error(event.error.line())
        self._look_first()

    @on(RefreshProgress)
    def _show_progress(self, event: RefreshProgress) -> None:
        event.stop()
        counted = f"  {event.done:,} of {event.total:,}" if event.total else ""
        self._show_look(f"{event.stage}{counted}")

    @on(Refreshed)
    def _take_refresh(self, event: Refreshed) -> None:
        event.stop()
        # One that was on its way when another was asked for does not know what was written since.
        if event.number != self._look:
            return
        self._look = 0
        self._looked.set()
        if event.result is None:
            trouble = event.error.line() if event.error is not None else ""
            self._show_look(f"{FAILED.mark} {trouble}", error=True)
            if not self.picture_list.ids:
                self.picture_list.show((), _NOT_LOOKED)
            return
        self._unseen = event.result.undecoded
        self._note_changes(event.result)
        if event.result.changed or event.result.removed:
            self.pictures.forget()
            self.picture_reader.forget()
        self._show_look("another lora-tui is looking at these folders" if event.result.elsewhere else "")
        self.reader.look()

    @on(PicturesRead)
    def _keep_pictures(self, event: PicturesRead) -> None:
        event.stop()
        self.pictures.keep(event.pixels)

    # What the panes ask

    @on(PictureList.RowsWanted)
    def _read_rows(self, event: PictureList.RowsWanted) -> None:
        event.stop()
        self.reader.read_rows(event.ids)

    @on(PictureList.Moved)
    def _show_picture(self, event: PictureList.Moved) -> None:
        event.stop()
        # Of one that is being read the one before stays.
        if self.picture is not None or self.picture_list.current_id is None:
            self.panes.show_picture(self.picture, self._source, self._tags(self.picture), mask=self._mask)

    @on(PictureList.MarksChanged)
    def _note_marks(self, event: PictureList.MarksChanged) -> None:
        event.stop()
        self.show_title()

    @on(PictureList.ExclusionAsked)
    def _exclude(self, event: PictureList.ExclusionAsked) -> None:
        event.stop()
        marked, here = self.picture_list.marked, self.picture_list.current_id
        self.orders.exclude(tuple(marked) if marked else (here,) if here is not None else ())

    @on(TagTable.OnlyAsked)
    def _list_with_tag(self, event: TagTable.OnlyAsked) -> None:
        event.stop()
        term = term_of("tag", event.tag, no=event.without)
        self.set_filter(with_term_turned(self._text, term, [term_of("tag", event.tag, no=not event.without)]))

    @on(TagTable.OperationAsked)
    def _operate_on_tags(self, event: TagTable.OperationAsked) -> None:
        event.stop()
        self._operate(event.operation)

    # What the keys do

    def on_resize(self, event: events.Resize) -> None:
        """Show the panes side by side where there is room, and the keys that the new width has room for."""
        view, side_by_side = self.panes.view, not self.panes.in_tabs
        self.panes.fit(event.size.width, event.size.height)
        if side_by_side and self.panes.in_tabs:
            self.panes.show_view(view)
        self.call_after_refresh(self._show_keys)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave out the keys that have nothing to act on."""
        return self.panes.in_tabs if action == "next_view" else True

    def action_leave(self) -> None:
        """Back to all pictures, where they are filtered, then to the Bake screen."""
        if self._text:
            self.set_filter("")
        else:
            self.dismiss(None)

    def action_find(self) -> None:
        """Filter the pictures; from the table of tags find one."""
        if self.panes.view == "tags":
            self.open_line("find", self.panes.tags.found_by)
            return
        if self.panes.in_tabs:
            self.panes.show_view("pictures", focus=False)
        super().action_find()

    def action_operate(self) -> None:
        """Ask for an operation on tags."""
        self._operate(None)

    def action_tag(self) -> None:
        """Let a tagger look at pictures, or show the one that does."""
        self.orders.tagger.ask(*self._chosen_pictures())

    def action_findings(self) -> None:
        """Show what stands out."""
        self.orders.show_findings(self._list_only)

    def action_pairs(self) -> None:
        """Show near-duplicates."""
        self.orders.show_pairs(f"{plural(self._unseen, 'picture')} not looked at yet" if self._unseen else "")

    def action_mask(self) -> None:
        """Show what the mask leaves out, or hide it again."""
        self._mask = not self._mask
        if self._mask and self.picture is not None and self.picture.mask is None:
            self.sender.note("this picture has no mask (masked_loss, conditioning_data_dir, alpha_mask)")
        self.picture_list.post_message(PictureList.Moved())

    def action_look(self) -> None:
        """Look at the folders again."""
        self._look_at_folders()

    def action_help(self) -> None:
        """Show what the keys do."""
        from lora_tui.screens.help import HelpScreen, active_keys

        self.app.push_screen(HelpScreen(active_keys(self, self.sender.rights.allows), has_panes=False))

    # The rest

    def _list_only(self, text: str) -> None:
        self.set_filter(text)
        self.action_view("pictures")

    def _chosen_pictures(self) -> tuple[Sequence[int], str]:
        """Return the marked pictures, else all that are listed, and which these are in words."""
        marked = self.picture_list.marked
        ids: Sequence[int] = tuple(marked) if marked else self.picture_list.ids
        about = plural(len(ids), "marked picture" if marked else "picture")
        if not marked:
            about += " listed" if self._text else ", all there are"
        return ids, about

    def _operate(self, operation: str | None) -> None:
        table = self.panes.tags
        tags = table.chosen if operation is not None or self.focused is table else ()
        self.orders.operate(operation, tags, *self._chosen_pictures())

    def _tags(self, picture: "IndexedPicture | None") -> Sequence[str]:
        if picture is None:
            return ()
        written = self._written.get(picture.id)
        return self._tags_of.get(picture.id, ()) if written is None else written

    def _look_first(self) -> None:
        """Look at the folders once what is known of them is shown: both at once would take twice as long until then."""
        if self._look < 0:
            self._look_at_folders()

    def _look_at_folders(self) -> None:
        """Look for what has changed in the folders, behind what is shown."""
        self._looked = threading.Event()
        source = self._source_now()
        self._looked_with = (source.settings, source.settings == self._looked_with[0])
        self._look = self.refresher.put(source)

    def _note_changes(self, found: "IndexRefresh") -> None:
        """Note that a look has found other files than the one before; of pictures that nobody knew that says nothing."""
        if self._looked_with[1] and (found.changed or found.removed or 0 < found.added < found.pictures):
            self._files_changed = True

    def _captions_changed(self, waits: bool) -> None:
        self._files_changed = True
        self._look_at_folders()
        if waits:
            await_answer(self, self._looked)

    def _settings_changed(self) -> None:
        self._look_at_folders()
        await_answer(self, self._looked)
        self.show_title()

    def _show_look(self, text: str, *, error: bool = False) -> None:
        line = self.query_one("#look", Static)
        line.update(Content(printable(text)))
        line.set_class(bool(text), "-shown")
        line.set_class(error, "-error")

    def _show_tagger(self) -> None:
        """Show how far a tagger is that goes on behind the screen."""
        text = printable(keys_of(self.app).fill(self.orders.tagger.line))
        if text != self._tagger_shown:
            self._tagger_shown = text
            line = self.query_one("#tagger", Static)
            line.update(Content(text))
            line.set_class(bool(text), "-shown")

    def show_title(self) -> None:
        """Show how many pictures there are, which are listed, and whether settings are unsaved."""
        shown, marked = self.picture_list, self.picture_list.marked
        star = " *" if self.doors.unsaved() else ""
        count = plural(self._total, "picture")
        listed = f"{len(shown.ids):,} of {count}" if self._text else count
        words = " · ".join(
            part for part in (listed, f"{len(marked):,} marked" if marked else "", self.order_words) if part
        )
        name = printable(self._source.path.name, 30)
        title = Content.assemble(("Data set", "bold"), (f"  {name}{star}  ", "$muted"), words)
        self.query_one("#dataset-title", Static).update(title)

    def _show_keys(self) -> None:
        self.query_one(KeyLine).show_actions(
            shown_dataset_keys(self.panes.view, tabs=self.panes.in_tabs, allows=self.sender.rights.allows)
        )

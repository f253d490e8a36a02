"""A thread that answers from the index of the data what the Dataset screen shows: lists, the rows in view, tags, buckets."""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.wording.unexpected import as_error
from lora_tui.workers.dataset_source import DatasetSource
from lora_tui.workers.foreground import FOREGROUND
from trainer.errors import LoraTuiError
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.captions.find import CaptionWays
    from trainer.data_index.index import DataIndex
    from trainer.data_index.kept_columns import KeptColumns
    from trainer.data_index.record import BucketBar, IndexedPicture, PictureQuery, TagCount
    from trainer.settings.model import Settings

    Question = Callable[[DataIndex, Settings], Message]

# What cannot be read is tried again after this.
_AGAIN_SECONDS = 0.5


@dataclass(frozen=True)
class DatasetListing:
    """What a query finds.

    Attributes:
        query: the query.
        ids: the pictures, in its order.
        total: how many there are in all.
        folders: names of the folders.
        known: whether the index knows these data at all.
    """

    query: "PictureQuery"
    ids: Sequence[int] = ()
    total: int = 0
    folders: tuple[str, ...] = ()
    known: bool = True


@dataclass
class PicturesListed(Message):
    """What a query finds is another than before."""

    listing: DatasetListing

    def can_replace(self, message: Message) -> bool:
        """Take the place of an older one."""
        return isinstance(message, PicturesListed)


@dataclass
class RowsRead(Message):
    """Pictures that are in view, and the tags of their captions as they are written."""

    rows: "Mapping[int, IndexedPicture]"
    tags: Mapping[int, tuple[str, ...]]


@dataclass
class TagsCounted(Message):
    """The tags of the pictures that a query finds."""

    tags: "Sequence[TagCount]"

    def can_replace(self, message: Message) -> bool:
        """Take the place of an older one."""
        return isinstance(message, TagsCounted)


@dataclass
class BucketsCounted(Message):
    """The buckets of an epoch; `trouble` says why they are not known."""

    buckets: "Sequence[BucketBar]"
    trouble: str = ""


@dataclass
class DatasetNotRead(Message):
    """The index, or what was asked of it, cannot be read."""

    error: LoraTuiError


@dataclass
class _Wanted:
    """What is to be done next, the more urgent first."""

    rows: tuple[int, ...] | None = None
    query: "PictureQuery | None" = None
    recalls: bool = True
    tags: bool = False
    buckets: bool = False
    questions: "deque[tuple[Question, threading.Event]]" = field(default_factory=deque)
    waiting: list[threading.Event] = field(default_factory=list)

    @property
    def any(self) -> bool:
        return bool(
            self.rows is not None
            or self.query is not None
            or self.recalls
            or self.tags
            or self.buckets
            or self.questions
        )


class DatasetReader(threading.Thread):
    """Reads the index of one workspace for one screen.

    Args:
        workspace: whose index.
        source: returns what is shown now.
        post: `post_message` of the screen.
        kept: what was read before; None keeps nothing.
    """

    def __init__(
        self,
        workspace: Workspace,
        source: Callable[[], DatasetSource],
        post: Callable[[Message], object],
        kept: "KeptColumns | None" = None,
    ) -> None:
        super().__init__(name="data set", daemon=True)
        self._workspace, self._source, self._post, self._kept = workspace, source, post, kept
        self._changed = threading.Condition()
        self._wanted = _Wanted()
        self._shown: PictureQuery | None = None
        self._trouble = ""
        self._waits = False
        self._ended = False

    @property
    def idle(self) -> bool:
        """Whether everything that was asked is answered."""
        with self._changed:
            return self._waits and not self._wanted.any

    def show(self, query: "PictureQuery") -> threading.Event:
        """List what a query finds. The event is set once the list is posted."""
        done = threading.Event()
        with self._changed:
            self._wanted.query = query
            self._wanted.waiting.append(done)
            self._changed.notify()
        return done

    def look(self) -> threading.Event:
        """List again: the index has changed. The event is set once the list is posted."""
        done = threading.Event()
        with self._changed:
            self._wanted.recalls = True
            self._wanted.waiting.append(done)
            self._changed.notify()
        return done

    def read_rows(self, ids: Sequence[int]) -> None:
        """Read these pictures, in place of those asked for before."""
        with self._changed:
            self._wanted.rows = tuple(ids)
            self._changed.notify()

    def ask(self, question: "Question") -> threading.Event:
        """Have `question` answered by a message. The event is set once it is posted; where it failed that is DatasetNotRead."""
        done = threading.Event()
        with self._changed:
            self._wanted.questions.append((question, done))
            self._changed.notify()
        return done

    def stop(self) -> None:
        """End after the answer in progress; does not wait."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def run(self) -> None:
        """Answer until stopped."""
        while not self._ended:
            try:
                self._serve()
            except Exception as error:
                # What is shown stays, and the next turn opens the index again.
                trouble = as_error("data set", error)
                if trouble.line() != self._trouble:
                    self._trouble = trouble.line()
                    self._post(DatasetNotRead(trouble))
                self._drop()

    def _serve(self) -> None:
        from trainer.data_index.index import DataIndex

        with DataIndex(self._workspace, self._kept) as index:
            settings = self._source().resolved()
            ways = _Ways(settings)
            while self._wait():
                with FOREGROUND.answering():
                    if self._take("recalls"):
                        # They are edited while the screen is open: repeats, pictures left out.
                        settings = self._source().resolved()
                        self._list(index, settings, recalls=True)
                        ways = _Ways(settings)
                    else:
                        self._answer_next(index, settings, ways)
                self._trouble = ""

    def _answer_next(self, index: "DataIndex", settings: "Settings", ways: "_Ways") -> None:
        """Answer the most urgent of what is wanted beside another list."""
        if (rows := self._take_rows()) is not None:
            pictures = index.pictures(rows)
            tags = {picture.id: ways.tags_of(picture) for picture in pictures}
            self._post(RowsRead({picture.id: picture for picture in pictures}, tags))
        elif self._wanted.query is not None:
            self._list(index, settings, recalls=False)
        elif self._wanted.questions:
            self._answer(index, settings)
        elif self._take("tags") and self._shown is not None:
            self._post(TagsCounted(index.tag_counts(self._shown)))
        elif self._take("buckets"):
            self._post(_buckets(index, settings))

    def _list(self, index: "DataIndex", settings: "Settings", *, recalls: bool) -> None:
        from trainer.data_index.record import PictureQuery

        with self._changed:
            asked, self._wanted.query = self._wanted.query, None
            waiting, self._wanted.waiting = self._wanted.waiting, []
            self._shown = asked or self._shown or PictureQuery()
        try:
            known = index.recall(settings) if recalls else True
            query = self._shown
            listing = DatasetListing(query, index.ids(query), index.count(), tuple(index.folders()), known)
            self._post(PicturesListed(listing))
        finally:
            for done in waiting:
                done.set()
        with self._changed:
            self._wanted.tags = True
            self._wanted.buckets |= recalls

    def _answer(self, index: "DataIndex", settings: "Settings") -> None:
        with self._changed:
            question, done = self._wanted.questions.popleft()
        try:
            self._post(question(index, settings))
        except Exception as error:
            # A question that cannot be answered is worth a line, and never the end of the list.
            self._post(DatasetNotRead(as_error("data set", error)))
        finally:
            done.set()

    def _wait(self) -> bool:
        """Wait for something to do; return False at the end."""
        with self._changed:
            self._waits = True
            self._changed.wait_for(lambda: self._wanted.any or self._ended)
            self._waits = False
        return not self._ended

    def _take(self, name: str) -> bool:
        """Return whether something of the name is to be done, and take it as done."""
        with self._changed:
            wanted = bool(getattr(self._wanted, name))
            setattr(self._wanted, name, False)
        return wanted

    def _take_rows(self) -> tuple[int, ...] | None:
        with self._changed:
            rows, self._wanted.rows = self._wanted.rows, None
        return rows

    def _drop(self) -> None:
        """Wait a moment, and let go whoever asked: nothing can be answered now."""
        with self._changed:
            dropped = [*self._wanted.waiting, *(done for _, done in self._wanted.questions)]
            self._wanted.waiting.clear()
            self._wanted.questions.clear()
            self._wanted.recalls = True
            self._changed.wait_for(lambda: self._ended, _AGAIN_SECONDS)
        for done in dropped:
            done.set()


def _buckets(index: "DataIndex", settings: "Settings") -> BucketsCounted:
    try:
        return BucketsCounted(index.buckets(settings))
    except LoraTuiError as error:
        # Data that cannot be used have no buckets, and can be looked at all the same.
        return BucketsCounted((), error.line())


class _Ways:
    """How the captions of some settings are taken apart; found out when the first is."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        self._ways: CaptionWays | None = None
        self._asked = False

    def tags_of(self, picture: "IndexedPicture") -> tuple[str, ...]:
        """Return the tags of a caption as they are written, none of words that stand in for one."""
        from trainer.captions.tags import written_tags
        from trainer.dataset.records import CaptionRules

        if picture.caption_file is None:
            return ()
        if not self._asked:
            self._asked, self._ways = True, self._found()
        rules = CaptionRules() if self._ways is None else self._ways.options(picture.path.parent).caption_rules
        return written_tags(picture.caption, rules)

    def _found(self) -> "CaptionWays | None":
        from trainer.captions.find import CaptionWays

        try:
            return CaptionWays.of(self._settings)
        except LoraTuiError:
            # A folder that is gone: the pictures that are known of it can be looked at all the same.
            return None

"""A thread that reads the list of bakes, filters and sorts it, and answers what the Journal screen asks of the journal."""

import importlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from textual.message import Message

from lora_tui.wording.unexpected import as_error
from lora_tui.workers.bake_listing import BakeListing, ListQuery, list_bakes
from trainer.errors import LoraTuiError
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.history.history import BakeHistory
    from trainer.journal.journal import Journal

    Question = Callable[[Journal, BakeHistory], Message]
    Look = Callable[[Journal, BakeHistory], Message | None]

# A read may take this share of the time: with thousands of bakes the list follows a running one a little later.
_READING_SHARE = 0.2
# Of bakes that an older version made the facts are missing: so long they are made between two looks, each of which lists all again.
_FACTS_SECONDS = 1.0


@dataclass
class ListingRead(Message):
    """The list differs from the one before, or is another."""

    listing: BakeListing

    def can_replace(self, message: Message) -> bool:
        """Take the place of an older one."""
        return isinstance(message, ListingRead)


@dataclass
class NotRead(Message):
    """The journal, or what was asked of it, cannot be read."""

    error: LoraTuiError


class _Asked(NamedTuple):
    """A question; None asks for the list, read again from the journal or not."""

    question: "Question | None"
    done: threading.Event
    reads: bool


class JournalReader(threading.Thread):
    """Reads the journal of one workspace for one screen.

    Args:
        workspace: whose.
        post: `post_message` of the screen.
        interval: seconds between two looks.
        also: what else is looked at whenever the list is; None for nothing. It sees to its own share of the time, posts nothing
            where it returns None, and raises nothing.
    """

    def __init__(
        self,
        workspace: Workspace,
        post: Callable[[Message], object],
        interval: float = 0.5,
        also: "Look | None" = None,
    ) -> None:
        super().__init__(name="journal", daemon=True)
        self.interval = interval
        self._also = also
        self._workspace = workspace
        self._post = post
        self._query = ListQuery()
        self._asked: queue.SimpleQueue[_Asked] = queue.SimpleQueue()
        self._waiting: list[threading.Event] = []
        # A question that came behind looks, and is answered once they are made.
        self._held: _Asked | None = None
        # Whether the journal is to be read before the next list.
        self._reads = True
        self._trouble = ""
        self._ended = False

    def show(self, query: ListQuery) -> threading.Event:
        """List other bakes, or in another order. The event is set once the list is posted."""
        self._query = query
        return self._put(None, reads=False)

    def look(self) -> threading.Event:
        """Read now. The event is set once what is new is posted."""
        return self._put(None)

    def ask(self, question: "Question") -> threading.Event:
        """Have `question` answered by a message. The event is set once it is posted; where it failed that is NotRead."""
        return self._put(question)

    def stop(self) -> None:
        """End after the answer in progress; does not wait."""
        self._ended = True
        self.look()

    def _put(self, question: "Question | None", *, reads: bool = True) -> threading.Event:
        done = threading.Event()
        self._asked.put(_Asked(question, done, reads))
        return done

    def run(self) -> None:
        """Read and answer until stopped."""
        while not self._ended:
            try:
                self._read_until_stopped()
            except Exception as error:
                # What is shown stays, and the next turn opens the journal again.
                trouble = as_error("journal", error)
                if trouble.line() != self._trouble:
                    self._trouble = trouble.line()
                    self._post(NotRead(trouble))
                self._drop()

    def _read_until_stopped(self) -> None:
        # Half a second of imports, for the widgets too: they belong here and not between two keys.
        importlib.import_module("lora_tui.wording.history")
        from trainer.history.facts import make_missing
        from trainer.history.history import BakeHistory
        from trainer.journal.journal import Journal

        with Journal(self._workspace.journal_path) as journal:
            history, self._reads = BakeHistory(journal), True
            shown: BakeListing | None = None
            while not self._ended:
                started = monotonic()
                changed = self._reads and history.refresh()
                self._reads = False
                if shown is None or changed or shown.query != self._query:
                    shown = list_bakes(journal, history, self._query, shown)
                    self._post(ListingRead(shown))
                self._trouble = ""
                spent = monotonic() - started
                if self._also is not None and (found := self._also(journal, history)) is not None:
                    self._post(found)
                self._release()
                started = monotonic() - spent
                made = make_missing(
                    journal, self._workspace, stop=partial(self._is_wanted, monotonic() + _FACTS_SECONDS)
                )
                self._answer(
                    journal, history, 0.0 if made else self.interval + (monotonic() - started) / _READING_SHARE
                )

    def _answer(self, journal: "Journal", history: "BakeHistory", pause: float) -> None:
        """Answer what is asked within `pause` seconds, and what waits behind it; back at once where the list is to be read."""
        asked = self._next(pause)
        # After a pause without questions it is time to read.
        self._reads = asked is None
        while asked is not None:
            if asked.question is None:
                self._take_looks(asked)
                return
            try:
                self._post(asked.question(journal, history))
            except Exception as error:
                # A question that cannot be answered is worth a line, and never the end of the list.
                self._post(NotRead(as_error("journal", error)))
            asked.done.set()
            asked = self._next(0.0)

    def _take_looks(self, asked: _Asked) -> None:
        """Take what else only waits for a look: of a line typed quickly only the last is worth reading."""
        found: _Asked | None = asked
        while found is not None and found.question is None:
            self._waiting.append(found.done)
            self._reads |= found.reads
            found = self._next(0.0)
        self._held = found

    def _release(self) -> None:
        """Let go whoever waits: what they wait for does not come."""
        for done in self._waiting:
            done.set()
        self._waiting = []

    def _drop(self) -> None:
        """Wait a moment, and let go whoever asked: nothing can be answered now."""
        self._release()
        asked = self._next(self.interval)
        while asked is not None:
            asked.done.set()
            asked = self._next(0.0)

    def _is_wanted(self, until: float) -> bool:
        """Return whether somebody asks, or the time is over that may be spent on facts."""
        return self._ended or not self._asked.empty() or monotonic() > until

    def _next(self, seconds: float) -> _Asked | None:
        held, self._held = self._held, None
        if held is not None:
            return held
        try:
            return self._asked.get(timeout=seconds) if seconds > 0 else self._asked.get_nowait()
        except queue.Empty:
            return None

"""A thread that reads the queue once a second and applies the screen's changes to it, one after the other."""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.wording.queue import QueueView, read_queue_view
from lora_tui.wording.unexpected import as_error
from trainer.errors import LoraTuiError
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.journal.journal import Journal
    from trainer.settings.model import Settings
    from trainer.settings.parts import Family

    Change = Callable[[Journal], object]


@dataclass
class QueueRead(Message):
    """The queue as it stands now."""

    line: QueueView


@dataclass
class HeldBakeRead(Message):
    """The settings of a queued bake, the names of those that differ from the bake it was made from, and its base's family."""

    number: int
    settings: "Settings"
    differs: frozenset[str]
    family: "Family | None" = None


@dataclass
class NotChanged(Message):
    """A change failed; the queue is as before."""

    error: LoraTuiError


class QueueWatcher(threading.Thread):
    """Reads and changes the queue of one workspace.

    Args:
        workspace: whose journal holds it.
        ours: key of our engine.
        post: `post_message` of the screen.
        clock: epoch seconds now.
        interval: seconds between two reads.
    """

    def __init__(
        self,
        workspace: Workspace,
        ours: str,
        post: Callable[[Message], object],
        clock: Callable[[], float],
        interval: float = 1.0,
    ) -> None:
        super().__init__(name="queue", daemon=True)
        self._workspace = workspace
        self._ours = ours
        self._post = post
        self._clock = clock
        self._interval = interval
        self._asked: queue.SimpleQueue[Change | None] = queue.SimpleQueue()

    def ask(self, change: "Change") -> None:
        """Make `change` soon, after those asked for before."""
        self._asked.put(change)

    def read_draft(self, number: int) -> threading.Event:
        """Read the settings of a queued bake; a HeldBakeRead or a NotChanged answers. The event is set once it is posted."""
        answered = threading.Event()

        def read(journal: "Journal") -> None:
            try:
                self._post(_draft(journal, number))
            except LoraTuiError as error:
                self._post(NotChanged(error))
            finally:
                answered.set()

        self.ask(read)
        return answered

    def change_draft(self, number: int, assignment: str) -> None:
        """Change one setting of a queued bake, `name=value`."""

        def change(journal: "Journal") -> None:
            from trainer.jobs.proposals import change_held_bake

            change_held_bake(journal, self._workspace, number, (assignment,))

        self.ask(change)

    def add_test_grid(self) -> None:
        """Queue the subject's test grid over the epochs of the queued bakes."""

        def add(journal: "Journal") -> None:
            from trainer.jobs.grids import queue_test_grid

            queue_test_grid(journal, self._workspace, engine=self._ours)

        self.ask(add)

    def stop(self) -> None:
        """End after the changes asked for; does not wait."""
        self._asked.put(None)

    def run(self) -> None:
        """Read and make changes until stopped."""
        from trainer.journal.journal import Journal

        posted: object = None
        while True:
            try:
                with Journal(self._workspace.journal_path) as journal:
                    while True:
                        line = read_queue_view(journal, self._workspace, self._clock(), self._ours)
                        # The time itself is nothing new.
                        new = (line.live, line.waiting, line.orphaned)
                        if new != posted:
                            posted = new
                            self._post(QueueRead(line))
                        if not self._do_asked(journal):
                            return
            except Exception as error:
                # A journal that is locked for long: what is shown stays, and the next turn opens it again.
                self._post(NotChanged(as_error("queue", error)))
                posted = None
                if not self._wait():
                    return

    def _do_asked(self, journal: "Journal") -> bool:
        """Wait for requests and handle all of them; return whether to continue."""
        try:
            change = self._asked.get(timeout=self._interval)
        except queue.Empty:
            return True
        if change is None:
            return False
        try:
            change(journal)
        except LoraTuiError as error:
            # An engine may have begun the bake meanwhile.
            self._post(NotChanged(error))
        return True

    def _wait(self) -> bool:
        try:
            return self._asked.get(timeout=self._interval) is not None
        except queue.Empty:
            return True


def _draft(journal: "Journal", number: int) -> HeldBakeRead:
    from trainer.journal.bake_settings import settings_of
    from trainer.models.identify import known_family

    bake = journal.bakes.read(number)
    settings = settings_of(journal, bake)
    parent = None if bake.parent is None else journal.bakes.find(bake.parent)
    family = known_family(settings)
    if parent is None:
        return HeldBakeRead(number, settings, frozenset(), family)
    before = settings_of(journal, parent)
    differs = (name for name in type(settings).model_fields if getattr(settings, name) != getattr(before, name))
    return HeldBakeRead(number, settings, frozenset(differs), family)

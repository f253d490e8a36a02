"""Orders and other writes of one screen: whether its keys may, in which thread, and the warnings where they may not."""

from collections.abc import Callable
from typing import Any

from textual.message import Message
from textual.screen import Screen

from lora_tui.actions.bakes import Refused
from lora_tui.actions.long_job import LongJob, run_job
from lora_tui.ports import EngineLike, Rights
from lora_tui.terminal.key_queue import AWAITED
from lora_tui.wording.unexpected import as_error
from trainer.text import printable
from trainer.workspace import Workspace

READ_ONLY = "read-only: start with `lora-tui watch --orders` to control bakes"
"""Why a key of a screen that may not order does nothing."""

READ_ONLY_OWNER = "read-only: start `lora-tui` to bake, make grids and edit settings"
"""Why a key of a screen that may not bake does nothing."""

NO_WRITING = "read-only: this workspace cannot be written; copy it to a folder where you may write"
"""Why a key does nothing where no screen could."""


class OrderSender:
    """Writes on behalf of one screen.

    Args:
        screen: shows toasts, runs the threads, and gets their answers as messages.
        workspace: where everything is.
        engine: takes the jobs.
        rights: what the keys may do.
        wake_feed: lets the screen's data be read again at once.
    """

    def __init__(
        self,
        screen: Screen[Any],
        workspace: Workspace,
        engine: EngineLike,
        rights: Rights,
        wake_feed: Callable[[], object],
    ) -> None:
        self.workspace = workspace
        self.engine = engine
        self.rights = rights
        self._screen = screen
        self._wake_feed = wake_feed

    def may_order(self) -> bool:
        """Return whether this screen may order a bake or grid that runs; warn where not."""
        if not self.rights.order:
            self.warn(self.rights.instead or READ_ONLY)
        return self.rights.order

    def may_bake(self) -> bool:
        """Return whether this screen may queue bakes and grids and write settings; warn where not."""
        if not self.rights.bake:
            self.warn(self.rights.instead or READ_ONLY_OWNER)
        return self.rights.bake

    def write(
        self,
        job: Callable[[], Message],
        then: Callable[[], object] | None = None,
        *,
        awaited: bool = False,
        long: str = "",
    ) -> None:
        """Run `job` in a thread; its answer goes to the screen as a message, `Refused` where it failed, else followed by `then`.

        One that takes longer than a moment is shown with its progress and can be ended, where `long` says what it does.

        Args:
            job: what to do.
            then: what follows.
            awaited: whether the next key waits for the answer, which opens something or decides what that key acts on; it
                always does where something follows.
            long: title of one that may take longer; "" for one that cannot.
        """
        group = AWAITED if awaited or then is not None else "writing"
        work = LongJob(long, job, lambda error: Refused(as_error("screen", error)))

        def end(answer: Message) -> None:
            self._screen.post_message(answer)
            if then is not None and not isinstance(answer, Refused):
                # Posted behind the answer, so that the screen knows of it first.
                self._screen.call_later(then)

        run_job(self._screen, work, end, group=group, is_shown=bool(long))

    def wake(self) -> None:
        """Make engine and feed read the journal now."""
        self.engine.wake()
        self._wake_feed()

    def warn(self, text: str) -> None:
        """Show why a key did nothing."""
        self._screen.notify(printable(text), severity="warning", markup=False)

    def note(self, text: str, seconds: float = 3) -> None:
        """Show for a few seconds what a key has done."""
        self._screen.notify(printable(text), timeout=seconds, markup=False)

    def show_error(self, text: str) -> None:
        """Show what went wrong."""
        self._screen.notify(printable(text), severity="error", timeout=8, markup=False)

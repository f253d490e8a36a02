"""A thread that reads the curves of bakes for one screen: at once what is asked for, and again while they change."""

import importlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from textual.message import Message

from lora_tui.wording.unexpected import as_error
from lora_tui.workers.curve_view import ChartedBakes, CurveChoice, CurveQuestion, CurvesView
from lora_tui.workers.kept_choice import keep_choice, kept_choice
from trainer.errors import LoraTuiError
from trainer.workspace import Workspace

_LOOK_SECONDS = 1.0
# A read may take this share of the time: of many long bakes a running one is followed a little later.
_READING_SHARE = 0.1


@dataclass
class CurvesViewRead(Message):
    """The curves were read, for another question or because they have changed."""

    view: CurvesView

    def can_replace(self, message: Message) -> bool:
        """Take the place of an older one."""
        return isinstance(message, CurvesViewRead)


@dataclass
class ChoiceFound(Message):
    """What the user chose last is known; None where nothing was chosen."""

    choice: CurveChoice | None


@dataclass
class CurvesNotRead(Message):
    """The curves cannot be read."""

    error: LoraTuiError


class CurveReader(threading.Thread):
    """Reads the journal of one workspace; of several questions only the latest is answered.

    Args:
        workspace: whose.
        post: `post_message` of the screen.
        interval: seconds between two looks whether the journal has changed.
        several: whether several bakes are read, of which other curves are chosen than of one.
    """

    def __init__(
        self,
        workspace: Workspace,
        post: Callable[[Message], object],
        interval: float = _LOOK_SECONDS,
        *,
        several: bool = False,
    ) -> None:
        super().__init__(name="curves", daemon=True)
        self.interval = interval
        self._workspace = workspace
        self._post = post
        self._several = several
        self._kept: CurveChoice | None = None
        self._changed = threading.Condition()
        self._question: CurveQuestion | None = None
        self._asked = False
        self._waiting: list[threading.Event] = []
        self._ended = False
        self._trouble = ""

    def ask(self, question: CurveQuestion) -> threading.Event:
        """Read this from now on; the event is set once an answer to it, or to a later question, is posted."""
        answered = threading.Event()
        with self._changed:
            self._question, self._asked = question, True
            self._waiting.append(answered)
            self._changed.notify()
        return answered

    def stop(self) -> None:
        """End after the read in progress; does not wait."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def keep(self, choice: CurveChoice) -> None:
        """Note this choice for the next time, once the thread ends."""
        self._kept = choice

    def run(self) -> None:
        """Find what was chosen last, then read until stopped."""
        self._post(ChoiceFound(kept_choice(several=self._several)))
        while not self._ended:
            try:
                self._read_until_stopped()
            except Exception as error:
                # What is shown stays, and the next turn opens the journal again.
                trouble = as_error("journal", error)
                if trouble.line() != self._trouble:
                    self._trouble = trouble.line()
                    self._post(CurvesNotRead(trouble))
                self._release(self._take_waiting())
                with self._changed:
                    self._changed.wait_for(lambda: self._asked or self._ended, self.interval)
        self._release(self._take_waiting())
        if self._kept is not None:
            keep_choice(self._kept, several=self._several)

    def _read_until_stopped(self) -> None:
        from trainer.journal.journal import Journal

        # Drawing needs it; its import belongs here and not between two keys.
        importlib.import_module("numpy")
        with Journal(self._workspace.journal_path) as journal:
            bakes = ChartedBakes(journal)
            pause = self.interval
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._asked or self._ended, pause)
                    if self._ended:
                        return
                    asked, question, self._asked = self._asked, self._question, False
                    waiting, self._waiting = self._waiting, []
                try:
                    if question is None or not (asked or bakes.changed()):
                        continue
                    started = monotonic()
                    self._post(CurvesViewRead(bakes.look(question)))
                    self._trouble = ""
                    pause = max(self.interval, (monotonic() - started) / _READING_SHARE)
                finally:
                    self._release(waiting)

    def _take_waiting(self) -> list[threading.Event]:
        with self._changed:
            self._asked = False
            waiting, self._waiting = self._waiting, []
        return waiting

    @staticmethod
    def _release(waiting: list[threading.Event]) -> None:
        """Let go whoever waits: what they wait for is posted, or does not come."""
        for answered in waiting:
            answered.set()

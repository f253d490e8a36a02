"""What the key of the tagger asks and does on the Dataset screen."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from lora_tui.actions.dataset import CaptionWork
from lora_tui.actions.long_job import SHOWN_AFTER, JobDone, JobFailed, run_long
from lora_tui.actions.order_sender import OrderSender
from lora_tui.actions.tagging import (
    TaggedPictures,
    TaggerAsked,
    TaggerDesk,
    TaggerRun,
    TaggerTyped,
    keep_tagger,
    kept_tagger,
    plan_of_tagged,
)
from lora_tui.terminal.key_queue import await_answer
from trainer.errors import LoraTuiError

if TYPE_CHECKING:
    from trainer.captions.record import CaptionEditPlan

    Preview = Callable[[CaptionEditPlan, str, Sequence[str]], object]


class TaggerOrders:
    """Asks for a tagger, runs it, and shows what would come of it. All calls come in the screen's thread.

    Args:
        screen: the Dataset screen.
        sender: knows what the keys may do, and shows toasts.
        work: finds pictures and captions.
        desk: the tagger of the program.
        preview: shows what a plan changes, for which pictures, with lines on it, and writes it.
    """

    def __init__(
        self, screen: Screen[Any], sender: OrderSender, work: CaptionWork, desk: TaggerDesk, preview: "Preview"
    ) -> None:
        self._screen = screen
        self._sender = sender
        self._work = work
        self._desk = desk
        self._preview = preview
        desk.take_end = self._take_end

    @property
    def line(self) -> str:
        """How far a run is that goes on behind the screen; "" where nothing does."""
        line = self._desk.line
        if not line:
            return ""
        done = self._desk.run is not None and self._desk.run.answer is not None
        return f"{line}; <key dataset.tagger> shows what would change" if done else line

    def ask(self, ids: Sequence[int], about: str) -> None:
        """Ask for a tagger; where one is at work show it, and where one is done what came of it.

        Args:
            ids: the pictures.
            about: which these are, in words.
        """
        if not self._sender.may_bake():
            return
        run = self._desk.run
        if run is not None and run.answer is not None:
            self._show_answer(run)
        elif run is not None:
            self._show_work(run)
        elif not ids:
            self._sender.warn("no pictures are listed")
        else:
            self._job("The tagger", kept_tagger, lambda found: self._ask_for(found[0], found[1], ids, about))

    def _ask_for(self, typed: TaggerTyped, trouble: str, ids: Sequence[int], about: str) -> None:
        from lora_tui.screens.tagger import TaggerDialog

        def read(
            typed: TaggerTyped, then: Callable[[TaggerAsked], object], fail: Callable[[LoraTuiError], object]
        ) -> None:
            def job() -> TaggerAsked:
                asked = typed.read()
                keep_tagger(typed)
                return asked

            self._job("Read the tagger's files", job, then, fail)

        def take(asked: TaggerAsked | None) -> None:
            if asked is not None:
                self._begin(TaggerRun(self._work, asked, ids, about))

        self._screen.app.push_screen(TaggerDialog(about, typed, read, trouble), take)

    def _begin(self, run: TaggerRun) -> None:
        app = self._screen.app
        try:
            self._desk.begin(run, lambda: app.call_later(lambda: self._desk.take_end(run)))
        except LoraTuiError as error:
            self._sender.show_error(error.line())
            return
        # What is typed next is for what it opens.
        await_answer(self._screen, run.job.ended)
        self._screen.set_timer(SHOWN_AFTER, lambda: None if run.job.ended.is_set() else self._show_work(run))

    def _show_work(self, run: TaggerRun) -> None:
        from lora_tui.screens.tagger import TaggerWorkingDialog

        self._screen.app.push_screen(TaggerWorkingDialog(run))

    def _take_end(self, run: TaggerRun) -> None:
        """Go on where a run has ended, or say so to a user who is elsewhere."""
        app = self._screen.app
        # Before what follows, which may open something.
        run.job.close()
        if run.is_watched or not isinstance(run.answer, JobDone):
            self._show_answer(run)
        else:
            words = "the tagger is done: <key dataset.tagger> on the Dataset screen shows what would change"
            app.notify(words, timeout=8, markup=False)

    def _show_answer(self, run: TaggerRun) -> None:
        self._desk.run = None
        answer = run.answer
        if isinstance(answer, JobDone):
            tagged: TaggedPictures = answer.result
            self._job(
                "What would change",
                lambda: plan_of_tagged(self._work, tagged),
                lambda made: self._preview(made[0], tagged.about, made[1]),
            )
        elif isinstance(answer, JobFailed):
            self._screen.app.notify(answer.error.line(), severity="error", timeout=8, markup=False)
        else:
            words = f"cancelled: {run.job.words}; what it has looked at is kept"
            self._screen.app.notify(words, timeout=5, markup=False)

    def _job(
        self,
        heading: str,
        job: Callable[[], Any],
        then: Callable[[Any], object],
        fail: Callable[[LoraTuiError], object] | None = None,
    ) -> None:
        """Do a job in a thread, under the dialog on top."""
        show_error = fail or (lambda error: self._sender.show_error(error.line()))
        run_long(self._screen.app.screen, heading, lambda show, stop: job(), then, show_error)

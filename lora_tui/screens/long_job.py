"""Jobs of a screen whose result goes to a function: in a thread, the next key waiting for them, shown where they take long."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from textual.message import Message
from textual.screen import Screen

from lora_tui.actions.long_job import SHOWN_AFTER, LongJob, WorkEnded
from lora_tui.screens.working import WorkingDialog
from lora_tui.terminal.key_queue import AWAITED
from lora_tui.wording.unexpected import as_error
from trainer.errors import LoraTuiError
from trainer.long_work import WorkProgress
from trainer.text import printable

Result = TypeVar("Result")

Show = Callable[[str, int, int], object]
"""Takes what is being done, how much of it is done, and of how much."""
Stop = Callable[[], bool]


class JobDone(Message, Generic[Result]):
    """A job has ended; carries its result."""

    def __init__(self, result: Result) -> None:
        """Carry the result."""
        super().__init__()
        self.result = result


class JobFailed(Message):
    """A job has failed; carries why."""

    def __init__(self, error: LoraTuiError) -> None:
        """Carry the error."""
        super().__init__()
        self.error = error


def run_long(
    screen: Screen[Any],
    heading: str,
    job: Callable[[Show, Stop], Result],
    then: Callable[[Result], object],
    fail: Callable[[LoraTuiError], object],
) -> None:
    """Do a job in a thread; the next key waits for it, and where it takes longer a dialog shows how far it is and ends it.

    Args:
        screen: the dialog opens over it.
        heading: what is done.
        job: the job; once its second argument returns True it ends soon.
        then: takes its result, in the screen's thread.
        fail: takes what went wrong.
    """

    def do() -> Message:
        def show(stage: str, done: int, total: int) -> None:
            work.progress = WorkProgress(stage, done, total)

        return JobDone(job(show, lambda: work.is_stopping))

    work = LongJob(heading, do, lambda error: JobFailed(as_error("screen", error)))

    def run() -> None:
        answer = work.answer()
        work.ended.set()
        screen.call_later(end, answer)

    def end(answer: Message) -> None:
        # Before what follows, which may open something.
        work.close()
        if isinstance(answer, JobDone):
            then(answer.result)
        elif isinstance(answer, JobFailed):
            fail(answer.error)
        elif isinstance(answer, WorkEnded):
            screen.notify(printable(f"cancelled: {answer.words}"), timeout=3, markup=False)

    def show_dialog() -> None:
        if not work.ended.is_set() and screen.is_active:
            screen.app.push_screen(WorkingDialog(work))

    screen.run_worker(run, thread=True, exit_on_error=False, group=AWAITED, name="long job")
    screen.set_timer(SHOWN_AFTER, show_dialog)

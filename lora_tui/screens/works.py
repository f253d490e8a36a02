"""Work that a screen or dialog waits for: shown with how far it is in one of its lines, and ended with it."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from lora_tui.actions.long_job import LongJob
from lora_tui.wording.work_progress import progress_line

# How often the line is made again, in seconds.
_SHOWN_SECONDS = 0.2

if TYPE_CHECKING:
    from textual.widget import Widget as _Base
else:
    _Base = object


class Works(_Base):
    """A base of screens beside Screen, for those that do something in a thread."""

    WORK_LINE: ClassVar[str] = "#keys"
    """The line that says how far the work is."""

    _work_of: LongJob | None = None
    _work_writes = False
    _work_shown: Timer | None = None

    def start_work(
        self,
        words: str,
        work: Callable[[], Message],
        refused: Callable[[Exception], Message],
        *,
        group: str = "writing",
        writes: bool = True,
    ) -> None:
        """Do work in a thread and post its answer here; how far it is stands in WORK_LINE. What went on before is ended.

        Args:
            words: what is done: `reading the pictures`.
            work: does it.
            refused: returns the answer where it failed.
            group: of workers.
            writes: whether it writes in the end: then the screen stays until it is known whether it did.
        """
        self._end_work()
        job = LongJob(words.removesuffix(" …"), work, refused)
        self._work_of, self._work_writes = job, writes
        self._work_shown = self.set_interval(_SHOWN_SECONDS, self._show_work)
        self._show_work()
        self.run_worker(partial(self._answer, job), thread=True, exit_on_error=False, group=group)

    @property
    def is_working(self) -> bool:
        """Whether work of this screen goes on."""
        return self._work_of is not None and not self._work_of.ended.is_set()

    def ends_work(self) -> bool:
        """Ask work that writes to end, and return whether there was some: the screen closes when it is known what came of it."""
        if self._work_of is None or not self.is_working or not self._work_writes:
            return False
        self._work_of.stop()
        self._show_work()
        return True

    def on_unmount(self) -> Any:
        """End what goes on: a thread would hold up the end of the program."""
        self._end_work()

    def _end_work(self) -> None:
        if self._work_of is not None:
            self._work_of.stop()
        if self._work_shown is not None:
            self._work_shown.stop()

    def _show_work(self) -> None:
        job = self._work_of
        if job is None or job.ended.is_set():
            if self._work_shown is not None:
                self._work_shown.stop()
            return
        line = "ending …" if job.is_stopping else f"{progress_line(job.progress, job.words)} … · esc: cancel"
        self.query_one(self.WORK_LINE, Static).update(Content.styled(line, "$muted"))

    def _answer(self, job: LongJob) -> None:
        answer = job.answer()
        # First, so that the line is not made again behind what the answer puts there.
        job.ended.set()
        if job is self._work_of:
            self.post_message(answer)

"""What can be done with one saved LoRA of the bake shown: the list that Enter opens, and what each line does."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from textual import on, work
from textual.message import Message
from textual.screen import Screen

from lora_tui.actions import epochs, journal
from lora_tui.actions.exposures import read_exposures
from lora_tui.actions.long_job import run_long
from lora_tui.actions.order_sender import OrderSender
from lora_tui.forms.draft import SettingsDraft
from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.screens.pick import PickChoice, PickDialog
from lora_tui.snapshot import Snapshot
from lora_tui.wording.epoch_standings import said_words
from lora_tui.wording.exposures import exposed_lines
from lora_tui.wording.numbers import losses_line
from trainer.journal.records import Bake, Checkpoint
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.jobs.fork import ForkedBake

Read = TypeVar("Read")


class EpochActionsDialog(PickDialog):
    """What can be done with a LoRA, under what its bake had shown by then.

    Args:
        heading: names the LoRA.
        choices: what can be done.
        about: finds what is said of it, a line each; called in a thread.
    """

    ENTER_ACTS = True

    class Told(Message):
        """What there is to say of the LoRA is known."""

        def __init__(self, lines: Sequence[str]) -> None:
            """Carry the lines."""
            super().__init__()
            self.lines = lines

    def __init__(self, heading: str, choices: Sequence[PickChoice], about: Callable[[], Sequence[str]]) -> None:
        super().__init__(heading, choices)
        self._about = about

    def on_mount(self) -> None:
        """Find out what there is to say."""
        self._ask()

    @work(thread=True, exit_on_error=False, group="looking")
    def _ask(self) -> None:
        self.post_message(self.Told(self._about()))

    @on(Told)
    def _tell(self, event: Told) -> None:
        event.stop()
        self.show_about(event.lines)


class BakeEpochs:
    """Offers what can be done with a saved LoRA of the bake shown, and does it.

    Args:
        screen: the dialogs open over it; it gets the answers.
        sender: writes, as far as the keys may.
        snapshot: returns what the screen shows now.
        draft: returns the settings being edited, None without any.
        forked: takes a fork that was queued.
        show_grid: shows a grid by its number.
    """

    def __init__(
        self,
        screen: Screen[Any],
        sender: OrderSender,
        snapshot: Callable[[], Snapshot],
        draft: Callable[[], SettingsDraft | None],
        forked: "Callable[[ForkedBake | None], None]",
        show_grid: Callable[[int], object],
    ) -> None:
        self._screen = screen
        self._sender = sender
        self._snapshot = snapshot
        self._draft = draft
        self._forked = forked
        self._show_grid = show_grid

    def offer(self, saved: Checkpoint) -> None:
        """Ask what to do with a LoRA."""
        bake = self._snapshot().bake
        if bake is None:
            return
        doing: dict[str, Callable[[Bake, Checkpoint], object]] = {
            "show": self._show,
            "grid": self._grid,
            "compare": self._compare,
            "use": self._use,
            "fork": self._fork,
            "measures": self._measures,
            "verdict": self._judge,
            "note": self._note,
            "best": self._best,
            "champion": self._champion,
            "delete": self._delete,
        }

        def do(value: str | None) -> None:
            if value is not None:
                doing[value](bake, saved)

        workspace = self._sender.workspace

        def about() -> Sequence[str]:
            return exposed_lines(read_exposures(workspace, bake.number), saved.epoch)

        heading = f"Epoch {saved.epoch}, step {saved.step:,} of bake {bake.number:04d}: {printable(saved.stem, 40)}"
        self._screen.app.push_screen(EpochActionsDialog(heading, tuple(self._choices(bake, saved)), about), do)

    def _choices(self, bake: Bake, saved: Checkpoint) -> "Iterator[PickChoice]":
        """Yield what the keys may do with a LoRA that is still there, or with what is left of one that is not."""
        standing = self._snapshot().standings.get(saved.step)
        there, rights = standing is None or standing.there, self._sender.rights
        yield PickChoice("measures", "measures", losses_line(saved) or "what was measured of it")
        samples = self._snapshot().samples
        if samples is not None and samples.steps:
            yield PickChoice("show", "show", "its sample pictures; left and right go to other steps of the bake")
        if there:
            yield PickChoice("grid", "grid from it", "open the grid builder with this LoRA alone")
            yield PickChoice("compare", "compare", "a grid of it beside the one before, the best and the champion")
        if there and rights.bake:
            yield PickChoice("use", "use", "send it to where you use LoRAs")
            if not bake.imported:
                yield PickChoice("fork", "fork from it", "a new bake that starts here, with the settings being edited")
        if rights.order:
            yield PickChoice(
                "verdict", "verdict", "its pictures in the newest grid that has some: under, right or over"
            )
            best = standing is not None and standing.best
            about = (
                "take back that it is the best" if best else f"say that it is the best of this bake{_so_far(standing)}"
            )
            yield PickChoice("best", "not the best" if best else "best", about)
            yield PickChoice("note", "note", "a line on it in the note of its bake")
        if there and rights.bake:
            if standing is None or not standing.champion:
                yield PickChoice(
                    "champion", "champion", "make it the champion of its subject, which grids can set beside others"
                )
            if not bake.imported and not bake.state.live:
                yield PickChoice("delete", "delete", "its file and the training state of its step (asks first)")

    def offer_removal(self, read: journal.RemovalRead) -> None:
        """Say what goes and what stays, and ask."""
        from lora_tui.screens.journal_orders import DELETE_ANSWERS, removal_question

        sender, removal = self._sender, read.removal

        def remove(answer: str | None) -> None:
            if answer:
                sender.write(lambda: journal.remove(sender.workspace, removal), sender.wake, long="Deleting")

        self._screen.app.push_screen(ConfirmDialog(removal_question(read), DELETE_ANSWERS), remove)

    def _show(self, bake: Bake, saved: Checkpoint) -> None:
        from lora_tui.screens.samples import show_samples

        show_samples(self._screen, self._sender.workspace, bake, saved.step)

    def _judge(self, bake: Bake, saved: Checkpoint) -> None:
        workspace = self._sender.workspace
        self._look("Looking for a grid", lambda: epochs.find_grid(workspace, bake.number, saved), self._show_grid)

    def _note(self, bake: Bake, saved: Checkpoint) -> None:
        workspace = self._sender.workspace

        def ask(text: str) -> None:
            from lora_tui.screens.bake_notes import NotesDialog

            write = partial(journal.keep_text, workspace, bake.number)
            heading = f"Notes on bake {bake.number:04d} {printable(bake.name, 40)}"
            dialog = NotesDialog(heading, text, write, f"epoch {saved.epoch}: ")
            self._screen.app.push_screen(dialog, lambda _: self._sender.wake())

        self._look("Reading the note", lambda: epochs.read_note(workspace, bake.number), ask)

    def _look(self, heading: str, read: Callable[[], Read], then: Callable[[Read], object]) -> None:
        run_long(
            self._screen, heading, lambda show, stop: read(), then, lambda error: self._sender.show_error(error.line())
        )

    def _grid(self, bake: Bake, saved: Checkpoint) -> None:
        self._read_grid(bake, saved, beside=False)

    def _compare(self, bake: Bake, saved: Checkpoint) -> None:
        self._read_grid(bake, saved, beside=True)

    def _read_grid(self, bake: Bake, saved: Checkpoint, *, beside: bool) -> None:
        workspace = self._sender.workspace
        self._sender.write(
            lambda: epochs.read_grid(workspace, bake.number, saved, beside=beside),
            awaited=True,
            long="Reading the bake",
        )

    def _use(self, bake: Bake, saved: Checkpoint) -> None:
        from lora_tui.actions.publish import Publishing
        from lora_tui.screens.use_epoch import PublishDialog, used_line

        using = Publishing.of_saved(self._sender.workspace, bake.number, saved.step)
        dialog = PublishDialog(using, f"Use {printable(saved.stem, 40)} of bake {bake.number:04d}")
        self._screen.app.push_screen(dialog, lambda used: self._sender.note(used_line(used)) if used else None)

    def _fork(self, bake: Bake, saved: Checkpoint) -> None:
        from lora_tui.actions.fork import ForkRequest
        from lora_tui.screens.fork import ForkDialog

        forking = ForkRequest(self._sender.workspace, bake.number, self._draft(), self._sender.engine.key)
        heading = f"Fork bake {bake.number:04d} {printable(bake.name, 30)}"
        self._screen.app.push_screen(ForkDialog(forking, heading, epoch=saved.epoch), self._forked)

    def _measures(self, bake: Bake, saved: Checkpoint) -> None:
        from lora_tui.screens.measures import show_measures

        show_measures(self._screen, self._sender.workspace, bake)

    def _best(self, bake: Bake, saved: Checkpoint) -> None:
        standing, workspace = self._snapshot().standings.get(saved.step), self._sender.workspace
        step = None if standing is not None and standing.best else saved.step
        self._sender.write(lambda: journal.keep_best(workspace, bake.number, step), self._sender.wake)

    def _champion(self, bake: Bake, saved: Checkpoint) -> None:
        workspace = self._sender.workspace
        self._sender.write(lambda: epochs.name_champion(workspace, bake.number, saved), self._sender.wake)

    def _delete(self, bake: Bake, saved: Checkpoint) -> None:
        workspace = self._sender.workspace
        self._sender.write(lambda: epochs.plan_removal(workspace, bake.number, saved.step), awaited=True)


def _so_far(standing: Any) -> str:
    words = said_words(standing)
    return f" (so far: {words})" if words else ""

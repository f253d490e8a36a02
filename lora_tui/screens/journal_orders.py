"""What the keys of the Journal screen do to the bake under the cursor: notes, tags, another bake from it, what of it is deleted."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from lora_tui.actions import bakes, journal
from lora_tui.actions.order_sender import OrderSender
from lora_tui.forms.draft import SettingsDraft
from lora_tui.screens.confirm import Answer, ConfirmDialog
from lora_tui.screens.pick import PickChoice
from lora_tui.wording.bake_entries import entry_name
from lora_tui.wording.numbers import file_size, losses_line
from lora_tui.workers.journal_reader import JournalReader
from trainer.journal.records import BakeState
from trainer.text import printable

if TYPE_CHECKING:
    from lora_tui.actions.twin import QueuedTwins
    from lora_tui.screens.aim import AdviceDoors
    from trainer.history.records import BakeEntry
    from trainer.jobs.fork import ForkedBake

DELETE_ANSWERS = (Answer("escape", "keep everything", ""), Answer("d", "delete it", "delete"))
_PRUNE_ANSWERS = (Answer("escape", "keep everything", ""), Answer("p", "delete these", "delete"))
_NONE = "none"
# Files that are named in a question; the rest are counted.
_MAX_NAMED = 6


class JournalOrders:
    """Asks, then writes about one bake.

    Args:
        screen: the dialogs open over it; it gets the answers.
        sender: writes, as far as the keys may.
        reader: reads what a dialog starts with.
        draft: returns the settings being edited on the Bake screen, None without any.
        wait: lets the next key wait for an answer of the reader.
    """

    def __init__(
        self,
        screen: Screen[Any],
        sender: OrderSender,
        reader: JournalReader,
        draft: Callable[[], SettingsDraft | None],
        wait: Callable[[threading.Event], object],
    ) -> None:
        self._screen = screen
        self._sender = sender
        self._reader = reader
        self._draft = draft
        self._wait = wait

    def write_report(self, entry: "BakeEntry") -> None:
        """Write everything known of a bake as one HTML page."""
        from lora_tui.actions.report_file import write_shown_report

        if self._sender.may_bake():
            self._sender.write(
                lambda: write_shown_report(self._sender.workspace, entry.number), long="Writing the report"
            )

    def write_notes(self, entry: "BakeEntry") -> None:
        """Open the editor of a bake's note."""
        self._ask_about(entry, "notes")

    def change_tags(self, entry: "BakeEntry") -> None:
        """Ask for a bake's tags."""
        self._ask_about(entry, "tags")

    def choose_best(self, entry: "BakeEntry") -> None:
        """Ask which epoch of a bake is the best."""
        if self._sender.may_order():
            self._wait(self._reader.ask(lambda opened, _: journal.read_epochs(opened, entry.number)))

    def show_note(self, read: journal.NoteRead, entry: "BakeEntry") -> None:
        """Open the dialog that was asked for, with what it starts with."""
        from lora_tui.screens.bake_notes import NotesDialog, TagsDialog
        from trainer.history.notes import tags_in

        workspace, number = self._sender.workspace, read.note.bake
        if read.about == "notes":
            write = partial(journal.keep_text, workspace, number)
            dialog = NotesDialog(f"Notes on {entry_name(entry)}", read.note.text, write)
            self._screen.app.push_screen(dialog, lambda _: self._look())
            return

        def keep(line: str | None) -> None:
            if line is not None:
                tags = tags_in(line)
                self._sender.write(lambda: journal.keep_tags(workspace, number, tags), self._look)

        given = [tag for tag, is_given in read.note.tags.items() if is_given]
        self._screen.app.push_screen(TagsDialog(f"Tags of {entry_name(entry)}", given, read.tags), keep)

    def offer_epochs(self, read: journal.EpochsRead) -> None:
        """Ask which of the saved epochs is the best."""
        from lora_tui.screens.bake_notes import BestEpochDialog

        if not read.checkpoints:
            self._sender.warn(f"bake {read.number:04d} has saved no LoRA")
            return
        workspace, number = self._sender.workspace, read.number

        def keep(key: str | None) -> None:
            if key is not None:
                step = None if key == _NONE else int(key)
                self._sender.write(lambda: journal.keep_best(workspace, number, step), self._look)

        choices = [
            PickChoice(str(saved.step), f"epoch {saved.epoch}, step {saved.step:,}", losses_line(saved))
            for saved in read.checkpoints
        ]
        choices.append(PickChoice(_NONE, "none", "as favourites and verdicts say"))
        current = _NONE if read.best is None else str(read.best)
        self._screen.app.push_screen(BestEpochDialog(f"Best epoch of bake {number:04d}", choices, current), keep)

    def fork(self, entry: "BakeEntry") -> None:
        """Ask for an epoch of a bake, then queue a bake that starts there, with the settings edited on the Bake screen if they are of its subject."""
        from lora_tui.actions.fork import ForkRequest
        from lora_tui.screens.fork import ForkDialog

        if not self._sender.may_bake():
            return
        if entry.imported:
            self._warn_elsewhere(entry)
            return
        if not entry.steps:
            self._sender.warn(f"bake {entry.number:04d} has no state to start from")
            return
        draft = self._draft()
        # Those of another subject would differ in everything.
        mine = draft if draft is not None and draft.now.subject == entry.subject else None
        forking = ForkRequest(self._sender.workspace, entry.number, mine, self._sender.engine.key)
        self._screen.app.push_screen(ForkDialog(forking, f"Fork bake {entry_name(entry)}"), self._note_fork)

    def twin(self, entry: "BakeEntry") -> None:
        """Ask what varies and how many twins of a bake, then queue them."""
        from lora_tui.actions.twin import TwinRequest
        from lora_tui.screens.twin import TwinDialog

        if self._sender.may_bake():
            request = TwinRequest(self._sender.workspace, entry.number, self._sender.engine.key)
            self._screen.app.push_screen(TwinDialog(request, f"Twin of bake {entry_name(entry)}"), self._note_twins)

    def show_bench(self, entry: "BakeEntry") -> None:
        """Offer what can be done with LoRA files, those of a bake first."""
        from lora_tui.actions.bench import LoraBench
        from lora_tui.screens.bench import show_bench

        if self._sender.may_bake():
            show_bench(self._screen, LoraBench(self._sender.workspace, entry.number))

    def show_doneness(self, entry: "BakeEntry") -> None:
        """Show where each epoch of a bake stands between raw and burnt."""
        from lora_tui.screens.doneness import show_doneness

        show_doneness(self._screen, self._sender.workspace, entry, self._advice_doors(entry))

    def show_advice(self, entry: "BakeEntry") -> None:
        """Show what to try with a bake."""
        self._advice_doors(entry).advice()

    def _advice_doors(self, entry: "BakeEntry") -> "AdviceDoors":
        from lora_tui.actions.advice import AdviceRequest
        from lora_tui.screens.aim import AdviceDoors

        sender = self._sender
        request = AdviceRequest(sender.workspace, entry.number, sender.engine.key)
        return AdviceDoors(self._screen, request, entry, sender.rights, self._queued)

    def show_frontier(self, entry: "BakeEntry") -> None:
        """Show minutes against what was measured and judged, over all bakes of a bake's subject."""
        from lora_tui.actions.advice import read_frontier
        from lora_tui.screens.frontier import FrontierDialog

        if not entry.subject:
            self._sender.warn(f"bake {entry.number:04d} has no subject to compare bakes of")
            return
        workspace, subject = self._sender.workspace, entry.subject
        self._screen.app.push_screen(FrontierDialog(lambda: read_frontier(workspace, subject)))

    def _queued(self) -> None:
        """See what was queued."""
        self._sender.wake()
        self._look()

    def show_measures(self, entry: "BakeEntry") -> None:
        """Show what was measured of a bake."""
        from lora_tui.screens.measures import show_measures

        show_measures(self._screen, self._sender.workspace, entry)

    def show_samples(self, entry: "BakeEntry") -> None:
        """Show the sample pictures of a bake."""
        from lora_tui.screens.samples import show_samples

        show_samples(self._screen, self._sender.workspace, entry)

    def resume(self, entry: "BakeEntry") -> None:
        """Queue a bake again, which ended early or was parked."""
        if not self._sender.may_bake():
            return
        name = f"bake {entry.number:04d}"
        if entry.imported:
            self._warn_elsewhere(entry)
        elif entry.state is BakeState.DONE:
            self._sender.warn(f"{name} is done; to extend it, set more epochs and fork it with B")
        elif entry.state.live or entry.state is BakeState.QUEUED:
            self._sender.warn(f"{name} is {entry.state}")
        else:
            sender = self._sender
            sender.write(
                lambda: bakes.resume_bake(sender.workspace, entry.number, sender.engine.key),
                self._look,
                long="Resuming the bake",
            )

    def _warn_elsewhere(self, entry: "BakeEntry") -> None:
        from trainer.jobs.ran_here import ran_elsewhere

        self._sender.warn(ran_elsewhere(entry.number).line())

    def prune(self, entry: "BakeEntry") -> None:
        """Ask, then delete the epochs of a bake that nobody needs."""
        self._plan_removal(entry, "prune")

    def delete(self, entry: "BakeEntry") -> None:
        """Ask, then delete the files of a bake."""
        self._plan_removal(entry, "delete")

    def offer_removal(self, read: journal.RemovalRead) -> None:
        """Say what goes and what stays, and ask."""
        removal, sender = read.removal, self._sender
        if removal.empty:
            self._sender.warn(f"bake {read.number:04d}: no file that could be deleted")
            return

        def remove(answer: str | None) -> None:
            if answer:
                sender.write(lambda: journal.remove(sender.workspace, removal), self._look, long="Deleting")

        answers = _PRUNE_ANSWERS if read.kind == "prune" else DELETE_ANSWERS
        self._screen.app.push_screen(ConfirmDialog(removal_question(read), answers), remove)

    def _ask_about(self, entry: "BakeEntry", about: str) -> None:
        if self._sender.may_order():
            self._wait(self._reader.ask(lambda opened, _: journal.read_note(opened, entry.number, about)))

    def _plan_removal(self, entry: "BakeEntry", kind: str) -> None:
        if self._sender.may_bake():
            workspace = self._sender.workspace

            number = entry.number
            self._wait(
                self._reader.ask(lambda opened, history: journal.plan_removal(opened, history, workspace, number, kind))
            )

    def _note_twins(self, twins: "QueuedTwins | None") -> None:
        if twins is not None:
            lines = (f"bake {bake.number} waits: {twins.why}" for bake in twins.bakes)
            self._sender.note("; ".join((*lines, *twins.notes)), seconds=6)
            self._sender.wake()
            self._look()

    def _note_fork(self, fork: "ForkedBake | None") -> None:
        if fork is not None:
            line = f"bake {fork.bake.number} forks bake {fork.bake.parent} after step {fork.step}"
            self._sender.note("; ".join((line, *fork.notes)), seconds=6)
            self._sender.wake()
            self._look()

    def _look(self) -> None:
        self._reader.look()


def removal_question(read: journal.RemovalRead) -> str:
    """Return what is asked before files are removed: what goes and what stays."""
    from trainer.history.removal import STAYS

    removal = read.removal
    verb = {"prune": "Prune", "epoch": "Delete this LoRA of"}.get(read.kind, "Delete the files of")
    goes = removal.goes.rpartition(" of ")[0]
    lines = [f"{verb} bake {read.number:04d}? {goes} would go, {file_size(removal.bytes)}:"]
    lines += _named([path.name for path in (*removal.loras, *removal.states)])
    if removal.kept:
        lines += ["", "These stay:", *_named([f"{kept.file}  {kept.why}" for kept in removal.kept])]
    lines += ["", f"Its {STAYS} stay, and its row in the journal."]
    return "\n".join(lines)


def _named(names: Sequence[str]) -> list[str]:
    lines = [f"  {printable(name, 100)}" for name in names[:_MAX_NAMED]]
    more = len(names) - _MAX_NAMED
    return [*lines, f"  and {more:,} more"] if more > 0 else lines

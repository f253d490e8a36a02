"""New bakes from the settings being edited: a bake of their own, or a fork of the bake shown."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from lora_tui.actions import bakes
from lora_tui.actions.order_sender import OrderSender
from lora_tui.forms.settings_editor import SettingsEditor
from lora_tui.screens.plan_dialogs import NO_SETTINGS
from lora_tui.snapshot import Snapshot
from lora_tui.widgets.pane import COMPACT
from lora_tui.wording.memory import peak_line
from trainer.text import printable

if TYPE_CHECKING:
    from lora_tui.actions.twin import QueuedTwins
    from trainer.jobs.fork import ForkedBake


class BakeStarts:
    """Queues bakes, after asking for a note or for an epoch.

    Args:
        screen: the dialogs open over it; it gets the answers.
        sender: writes, as far as the keys may.
        editor: the settings.
        snapshot: returns what the screen shows now.
        clock: epoch seconds now.
        log: takes a line for the log pane, and its level.
        follow: lets the screen follow what runs.
    """

    def __init__(
        self,
        screen: Screen[Any],
        sender: OrderSender,
        editor: SettingsEditor,
        snapshot: Callable[[], Snapshot],
        clock: Callable[[], float],
        log: Callable[[str, str], object],
        follow: Callable[[], object],
    ) -> None:
        self._screen = screen
        self._sender = sender
        self._editor = editor
        self._snapshot = snapshot
        self._clock = clock
        self._log = log
        self._follow = follow

    def bake(self) -> None:
        """Ask for a note, then bake the settings as they are."""
        sender, editor, draft = self._sender, self._editor, self._editor.draft
        if not sender.may_bake():
            return
        if draft is None:
            sender.warn(NO_SETTINGS)
        elif (refusal := editor.refusal) is not None:
            self._screen.post_message(bakes.Refused(refusal))
        else:
            from lora_tui.screens.bake_note import BakeNoteDialog, behind_text

            def start(note: str | None) -> None:
                if note is not None:
                    sender.write(
                        lambda: bakes.queue_draft(sender.workspace, draft, note, sender.engine.key),
                        long="Checking the data",
                    )

            peak = peak_line(editor.peak) if editor.plan_line else ""
            plan = " · ".join(filter(None, (editor.plan_line, peak, editor.counts)))
            behind = behind_text(self._snapshot().ahead(self._clock()))
            story = " · ".join(filter(None, (behind, plan or "the pictures are still being read")))
            self._screen.app.push_screen(BakeNoteDialog(f"Bake {printable(draft.path.name)}", printable(story)), start)

    def fork(self) -> None:
        """Ask for an epoch of the bake shown, then queue a bake that starts there with the edited settings."""
        from lora_tui.actions.fork import ForkRequest
        from lora_tui.screens.fork import ForkDialog

        bake = self._snapshot().bake
        if bake is None or not self._sender.may_bake():
            return
        forking = ForkRequest(self._sender.workspace, bake.number, self._editor.draft, self._sender.engine.key)
        heading = f"Fork bake {bake.number:04d} {printable(bake.name, 30)}"
        self._screen.app.push_screen(ForkDialog(forking, heading), self.note_fork)

    def twin(self) -> None:
        """Ask what varies and how many twins, then queue them."""
        from lora_tui.actions.twin import TwinRequest
        from lora_tui.screens.twin import TwinDialog

        bake = self._snapshot().bake
        if bake is None or not self._sender.may_bake():
            return
        request = TwinRequest(self._sender.workspace, bake.number, self._sender.engine.key)
        dialog = TwinDialog(request, f"Twin of bake {bake.number:04d} {printable(bake.name, 30)}")
        self._screen.app.push_screen(dialog, self._note_twins)

    def bench(self) -> None:
        """Offer what can be done with LoRA files, those of the bake shown first."""
        from lora_tui.actions.bench import LoraBench
        from lora_tui.screens.bench import show_bench

        bake = self._snapshot().bake
        if self._sender.may_bake():
            show_bench(self._screen, LoraBench(self._sender.workspace, None if bake is None else bake.number))

    def _note_twins(self, twins: "QueuedTwins | None") -> None:
        if twins is None:
            return
        lines = [f"bake {bake.number} waits: {twins.why}" for bake in twins.bakes]
        for line in lines:
            self._log(line, "info")
        for note in twins.notes:
            self._log(note, "warning")
        self._sender.note("; ".join((*lines, *twins.notes)), seconds=6)
        self._sender.wake()

    def note_fork(self, fork: "ForkedBake | None") -> None:
        """Say what a fork that was queued is, and show it."""
        if fork is None:
            return
        bake = fork.bake
        line = f"bake {bake.number} forks bake {bake.parent} after step {fork.step}"
        self._log(line, "info")
        for note in fork.notes:
            self._log(note, "warning")
        if self._screen.has_class(COMPACT):
            self._sender.note("; ".join((line, *fork.notes)), seconds=6)
        self._follow()
        self._sender.wake()

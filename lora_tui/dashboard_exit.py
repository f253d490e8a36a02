"""How the dashboard is left: what it asks before, and the workspace that is opened in its place."""

from enum import IntEnum
from functools import partial
from pathlib import Path

from textual.app import App

from lora_tui.screens.bake import BakeScreen
from lora_tui.screens.confirm import Answer, ConfirmDialog
from lora_tui.terminal.encoding import own_environment
from lora_tui.terminal.lent_terminal import run_program
from lora_tui.terminal.this_program import dashboard_arguments, this_program
from lora_tui.wording.job_names import job_label
from trainer.errors import LoraTuiError
from trainer.journal.records import BakeState
from trainer.text import printable


class QuitChoice(IntEnum):
    """How the user left the screen."""

    QUIT = 0
    """Our engine runs no bake."""
    STOP_AND_SAVE = 1
    """The bake was ordered to stop; wait for the engine."""
    CONTINUE_HEADLESS = 2
    """The bake continues in this process without the screen."""
    TERMINAL_GONE = 3
    """Nobody chose: the terminal is closed, and bakes continue without one."""


class DashboardExit:
    """Leaves the dashboard; where its engine has something to do, or settings are not saved, it asks first.

    Args:
        app: the dashboard.
        bake_screen: its Bake screen.

    Attributes:
        switch_to: the workspace to open in the place of this one, once the screen has ended; None for none.
    """

    def __init__(self, app: App[int], bake_screen: BakeScreen) -> None:
        self._app, self._bake_screen = app, bake_screen
        self.switch_to: Path | None = None

    def quit(self) -> None:
        """Quit."""
        if isinstance(self._app.screen, ConfirmDialog) and self._app.screen.about == "quit":
            return
        question, waits = self._job_here()
        if question:
            answers = _WAITING_ANSWERS if waits else _LIVE_ANSWERS
            self._app.push_screen(ConfirmDialog(question, answers, about="quit"), self._quit_as)
        else:
            self._bake_screen.files.settle_edits(lambda: self._app.exit(QuitChoice.QUIT), about="quit")

    def switch(self, root: Path) -> None:
        """Open another workspace in the place of this one, or over it while our engine has something to do here."""
        question, waits = self._job_here()

        def settled() -> None:
            if question:
                words = f"{question} The other workspace is {printable(str(root))}."
                answers = _SWITCH_WAITING if waits else _SWITCH_LIVE
                self._app.push_screen(ConfirmDialog(words, answers), partial(self._switch_as, root))
            else:
                self._leave_for(root)

        self._bake_screen.files.settle_edits(settled)

    def _quit_as(self, answer: str | None) -> None:
        if answer == "stop":
            self._bake_screen.orders.stop_ours(lambda: self._app.exit(QuitChoice.STOP_AND_SAVE))
        elif answer == "leave":
            self._app.exit(QuitChoice.QUIT)
        elif answer == "headless":
            self._app.exit(QuitChoice.CONTINUE_HEADLESS)

    def _switch_as(self, root: Path, answer: str | None) -> None:
        if answer == "over":
            self._app.run_worker(self._open_over(root), exit_on_error=False, group="workspace")
        elif answer == "leave":
            self._leave_for(root)
        elif answer == "stop":
            self.switch_to = root
            self._bake_screen.orders.stop_ours(lambda: self._app.exit(QuitChoice.STOP_AND_SAVE))

    def _leave_for(self, root: Path) -> None:
        self.switch_to = root
        self._app.exit(QuitChoice.QUIT)

    async def _open_over(self, root: Path) -> None:
        """Let a dashboard of another workspace have the terminal until it is left; here everything goes on."""
        try:
            await run_program(self._app, [*this_program(), *dashboard_arguments(root)], root, own_environment())
        except LoraTuiError as error:
            self._bake_screen.sender.show_error(error.line())
        else:
            self._bake_screen.sender.note(f"back in {self._bake_screen.workspace.root.name}")

    def _job_here(self) -> tuple[str, bool]:
        """Return what our engine has to do, in a sentence, and whether that waits; "" where it has nothing to do."""
        bake = self._bake_screen.snapshot.ours
        waits = bake is not None and bake.state is BakeState.QUEUED
        # A held one waits for somebody to release it, whether a screen is open or not.
        if bake is None or (waits and bake.held):
            return "", False
        name = job_label(bake, 30)
        state = "queued" if waits else "paused" if bake.state is BakeState.PAUSED else "running"
        return f"{name[0].upper()}{name[1:]} is {state}.", waits


_LIVE_ANSWERS = (
    Answer("escape", "cancel", ""),
    Answer("s", "stop it, save, and quit", "stop"),
    Answer("g", "continue in this terminal, without the screen", "headless"),
)
_OVER = Answer("o", "open it over this one: the queue here continues, and quitting it leads back", "over")
_SWITCH_LIVE = (
    _OVER,
    Answer("s", "stop, save, and open it in the place of this one", "stop"),
    Answer("escape", "cancel", ""),
)
_SWITCH_WAITING = (
    _OVER,
    Answer("s", "open it in the place of this one; what waits here stays in the queue", "leave"),
    Answer("escape", "cancel", ""),
)
_WAITING_ANSWERS = (
    Answer("escape", "cancel", ""),
    Answer("s", "quit; it stays in the queue", "leave"),
    Answer("g", "run the queue in this terminal, without the screen", "headless"),
)

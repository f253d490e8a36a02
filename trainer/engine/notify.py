"""Notification of the user's commands about a bake's end and trouble."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from trainer.engine.user_command import run_user_command
from trainer.journal.journal import Journal
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.settings.model import Settings


class Notifier:
    """Runs the user's commands for one bake; none of them can fail or delay the bake.

    Args:
        workspace: named in what the commands get.
        journal: opened in this thread.
        number: the bake's.

    Attributes:
        settings: with the commands; None before they are read, when none is run.
    """

    def __init__(self, workspace: Workspace, journal: Journal, number: int) -> None:
        self.settings: Settings | None = None
        self._workspace = workspace
        self._journal = journal
        self._number = number

    def done(self) -> None:
        """Run `on_done`."""
        if self.settings is not None:
            self._run(self.settings.on_done, "done", "done")

    def trouble(self, line: str) -> None:
        """Run `on_trouble` with what is wrong."""
        if self.settings is not None:
            self._run(self.settings.on_trouble, "trouble", line)

    def _run(self, command: str, event: str, text: str) -> None:
        if not command:
            return
        bake = asdict(self._journal.bakes.read(self._number))
        files = [checkpoint.file for checkpoint in self._journal.results.checkpoints(self._number)]
        payload = {"event": event, "text": text, "workspace": str(self._workspace.root), "bake": bake, "files": files}
        run_user_command(command, payload, log=self._log)

    def _log(self, text: str, level: str) -> None:
        # The command may outlive the bake, and ends in a thread of its own.
        with Journal(self._workspace.journal_path) as journal:
            journal.log.write(text, bake=self._number, level=level)

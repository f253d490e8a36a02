"""Kinds of parameters that a shell completes: numbers of bakes, grids and ladders from the journal, settings files."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from trainer.journal.numbers import Numbered

# A folder with more is not one that somebody completes in by eye.
_MAX_FILES = 500


class JournalNumber(click.types.IntParamType):
    """The number of something in the journal.

    Args:
        of: what is numbered.
    """

    def __init__(self, of: "Numbered") -> None:
        super().__init__()
        self._of: Numbered = of

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the numbers there are that start as typed, the newest first, with name and state where the shell shows them."""
        from trainer.journal.numbers import numbers_of
        from trainer.refusals import current_folder
        from trainer.workspace import find_workspace, last_workspace

        folder = ctx.params.get("folder")
        try:
            here = folder if isinstance(folder, Path) else current_folder()
            workspace = find_workspace(here.absolute()) or (None if isinstance(folder, Path) else last_workspace())
            if workspace is None:
                return []
            found = numbers_of(workspace.journal_path, self._of)
        except Exception:  # whatever is wrong, a key that completes a word prints nothing of it
            return []
        return [
            CompletionItem(str(number), help=words or None)
            for number, words in found
            if str(number).startswith(incomplete)
        ]


class SettingsPath(click.Path):
    """The path of a settings file."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the TOML files and folders that start as typed; where there are none, let the shell list all files."""
        folder, typed = os.path.split(incomplete)
        try:
            with os.scandir(os.path.expanduser(folder) or ".") as entries:
                found = sorted(
                    entry.name + ("/" if entry.is_dir() else "")
                    for entry in entries
                    if entry.name.startswith(typed)
                    and entry.name.isprintable()
                    and (typed.startswith(".") or not entry.name.startswith("."))
                    and (entry.name.endswith(".toml") or entry.is_dir())
                )
        except OSError:
            found = []
        files = [name for name in found if name.endswith(".toml")]
        if not files:
            return [CompletionItem(incomplete, type="file")]
        return [CompletionItem(os.path.join(folder, name)) for name in found[:_MAX_FILES]]

"""All bakes: the list with a filter, notes and tags, files deleted: `bakes`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, print_json, print_note, warn_of_damage, workspace_here
from lora_tui.commands.options import BAKE_NUMBER, PATH, WORKSPACE
from trainer.errors import ExitCode, SettingsError, WorkspaceError
from trainer.text import plural, printable

if TYPE_CHECKING:
    from trainer.history.history import BakeHistory
    from trainer.history.records import BakeEntry
    from trainer.history.removal import Removal
    from trainer.journal.journal import Journal
    from trainer.workspace import Workspace

_NUMBER = click.argument("number", type=BAKE_NUMBER, metavar="N")
_NUMBERS = click.argument("numbers", type=BAKE_NUMBER, nargs=-1, required=True, metavar="N...")
_YES = click.option("--yes", is_flag=True, help="Do not ask.")
_LIST = "list"


class _FilterOrCommand(click.Group):
    """A group whose own arguments are a filter: what names no command of it goes to `list`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = [_LIST, *args]
        return super().parse_args(ctx, args)


@click.group(cls=_FilterOrCommand)
def bakes() -> None:
    """List all bakes, search them, write notes on them.

    `lora-tui bakes 'unet_lr>1e-4 subject:hifumi tag:te'` lists those that fit; the quotes keep the shell from taking `>` for a file.
    `lora-tui bakes list --grammar` prints what a filter knows.
    """


# Without -h: a term in front of which stands a minus, such as `-the`, is no option.
@bakes.command(_LIST, context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@click.argument("words", nargs=-1, metavar="[FILTER]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--all", "every", is_flag=True, help="List bakes that were withdrawn from the queue too.")
@click.option("--tree", "as_tree", is_flag=True, help="List each bake below the one it was made from.")
@click.option("--grammar", is_flag=True, help="Print what a filter knows.")
@WORKSPACE
@exits
def list_bakes(
    words: tuple[str, ...], as_json: bool, every: bool, as_tree: bool, grammar: bool, folder: Path | None
) -> ExitCode:
    """List the bakes that fit a filter, newest first, each with what changed from its parent."""
    from lora_tui.wording.history import entry_json, entry_line
    from trainer.history.filter import parse_filter
    from trainer.history.tree import tree_lines

    if grammar:
        return _print_grammar()
    wanted = parse_filter(" ".join(words))
    workspace = workspace_here(folder)
    with open_history(workspace) as (journal, history):
        found = wanted.matching(history.newest_first(withdrawn=every), history.metadata(wanted.metadata_keys))
        warn_of_damage(journal)
    if as_json:
        print_json({"workspace": str(workspace.root), "filter": wanted.text, "bakes": [entry_json(e) for e in found]})
        return ExitCode.DONE
    click.echo(f"{printable(str(workspace.root))}: {_counted(found, history, wanted.text)}")
    if as_tree:
        for line in tree_lines({entry.number: entry for entry in found}):
            click.echo(f"{'  ' * min(line.depth, 20)}{entry_line(line.entry)}")
        return ExitCode.DONE
    for entry in found:
        click.echo(entry_line(entry))
    return ExitCode.DONE


@bakes.command()
@_NUMBER
@click.argument("text", nargs=-1, required=True, metavar="TEXT...")
@click.option("--add", is_flag=True, help="Add the text below the note there is.")
@WORKSPACE
@exits
def note(number: int, text: tuple[str, ...], add: bool, folder: Path | None) -> ExitCode:
    """Write the note on bake N, in markdown, in the place of its former one; "" removes it, `-` reads it from standard input."""
    from trainer.history.notes import MAX_NOTE, keep_note

    words = sys.stdin.read(MAX_NOTE + 1) if text == ("-",) else " ".join(text)
    workspace = workspace_here(folder)
    with _journal(workspace) as journal:
        before = journal.notes.of(number).text
        joined = f"{before.rstrip()}\n\n{words}" if add and before.strip() else words
        kept = keep_note(journal, workspace, number, text=joined)
    click.echo(f"kept the note on bake {number}" if kept.text else f"removed the note on bake {number}")
    return ExitCode.DONE


@bakes.command()
@_NUMBER
@click.argument("tags", nargs=-1, required=True, metavar="TAG...")
@click.option("--remove", is_flag=True, help="Take the tags away.")
@WORKSPACE
@exits
def tag(number: int, tags: tuple[str, ...], remove: bool, folder: Path | None) -> ExitCode:
    """Give bake N tags."""
    from trainer.history.notes import keep_note

    workspace = workspace_here(folder)
    with _journal(workspace) as journal:
        kept = keep_note(journal, workspace, number, add=() if remove else tags, remove=tags if remove else ())
    click.echo(f"bake {number}: {' '.join(f'#{tag}' for tag in kept.tags) or 'no tags'}")
    return ExitCode.DONE


@bakes.command()
@_NUMBER
@click.argument("step", required=False, type=int, metavar="[STEP]")
@click.option("--none", "unset", is_flag=True, help="Name none: favourites and verdicts decide again.")
@WORKSPACE
@exits
def best(number: int, step: int | None, unset: bool, folder: Path | None) -> ExitCode:
    """Name the best epoch of bake N by its step."""
    from trainer.history.notes import keep_best

    if (step is None) != unset:
        raise click.UsageError("give either STEP or --none")
    workspace = workspace_here(folder)
    with _journal(workspace) as journal:
        keep_best(journal, workspace, number, step)
    click.echo(f"best epoch of bake {number}: {'by its verdicts' if step is None else f'step {step:,}'}")
    return ExitCode.DONE


@bakes.command()
@click.argument("files", type=PATH, nargs=-1, required=True, metavar="FILE|FOLDER...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@WORKSPACE
@exits
def add(files: tuple[Path, ...], as_json: bool, folder: Path | None) -> ExitCode:
    """Add LoRA files from elsewhere to the list.

    The files of one bake are its epochs; its settings come from their metadata. They stay where they are.
    """
    from dataclasses import asdict

    from lora_tui.commands.progress_line import ProgressLine
    from trainer.history.imports import find_loras, import_loras
    from trainer.refusals import real_path

    paths = find_loras([real_path(path) for path in files])
    workspace = workspace_here(folder)
    with _journal(workspace) as journal, ProgressLine() as line:
        found = import_loras(
            journal, workspace, paths, show=lambda done, total: line(f"reading {done:,} of {plural(total, 'file')}")
        )
    skipped = {str(path): why for path, why in found.skipped.items()}
    if as_json:
        added = [{**asdict(each), "files": list(map(str, each.files))} for each in found.bakes]
        print_json({"bakes": added, "skipped": skipped})
        return ExitCode.DONE
    for each in found.bakes:
        what = "added" if each.new else "added to"
        click.echo(f"{what} bake {each.number} {printable(each.name)}: {plural(len(each.files), 'LoRA file')}")
        click.echo(f"  `lora-tui measure {each.number}` measures it by its weights")
        for text in each.notes:
            print_note(text)
    for name, why in skipped.items():
        print_note(f"{name} was left out: {why}")
    if not found.bakes and not skipped:
        click.echo("no LoRA files there")
    return ExitCode.DONE


@bakes.command()
@_NUMBERS
@_YES
@WORKSPACE
@exits
def delete(numbers: tuple[int, ...], yes: bool, folder: Path | None) -> ExitCode:
    """Delete the LoRA files and training states of bakes.

    What is known of them stays: settings, curves, measures, notes, log, sample pictures and grids.
    """
    from trainer.history.removal import plan_deletion
    from trainer.workspace import check_writable

    workspace = workspace_here(folder)
    check_writable(workspace)
    with _journal(workspace) as journal:
        return _remove(journal, workspace, plan_deletion(journal, workspace, numbers), yes)


@bakes.command()
@click.argument("words", nargs=-1, metavar="[FILTER]")
@_YES
@WORKSPACE
@exits
def prune(words: tuple[str, ...], yes: bool, folder: Path | None) -> ExitCode:
    """Delete the LoRA files that do not stand out.

    Of each bake that fits the filter stay the champions of subjects, the best epoch, favourites, those rated right and the last
    one, and its newest training state.
    """
    from trainer.history.filter import parse_filter
    from trainer.history.removal import plan_pruning
    from trainer.workspace import check_writable

    wanted = parse_filter(" ".join(words))
    workspace = workspace_here(folder)
    check_writable(workspace)
    with open_history(workspace) as (journal, history):
        found = wanted.matching(history.newest_first(), history.metadata(wanted.metadata_keys))
        return _remove(journal, workspace, plan_pruning(journal, workspace, found), yes)


def _remove(journal: "Journal", workspace: "Workspace", removal: "Removal", yes: bool) -> ExitCode:
    """Say what goes and what stays, ask, and delete."""
    from lora_tui.wording.numbers import file_size
    from trainer.history.removal import remove

    if removal.empty:
        click.echo("nothing to delete")
        return ExitCode.DONE
    click.echo(f"goes: {removal.goes} ({file_size(removal.bytes)})")
    click.echo(f"stays: {removal.stays}")
    for kept in removal.kept:
        click.echo(f"  bake {kept.bake}  {printable(kept.file)}  {kept.why}")
    if not yes:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise SettingsError(
                "delete", found="nobody to ask", expected="a terminal", way_out="`--yes` deletes without asking"
            )
        if not click.confirm("Delete them? This cannot be undone."):
            click.echo("nothing was deleted")
            return ExitCode.DONE
    freed = remove(journal, workspace, removal)
    click.echo(f"deleted; {file_size(freed)} are free again")
    return ExitCode.DONE


def _journal(workspace: "Workspace") -> "Journal":
    from trainer.journal.journal import Journal

    return Journal(workspace.journal_path)


@contextmanager
def open_history(workspace: "Workspace") -> "Iterator[tuple[Journal, BakeHistory]]":
    """Open the journal of a workspace and read the history of its bakes."""
    with _journal(workspace) as journal:
        yield journal, _history(journal, workspace)


def _history(journal: "Journal", workspace: "Workspace") -> "BakeHistory":
    """Return the history of a workspace, with every fact that was missing made first."""
    from lora_tui.commands.progress_line import ProgressLine
    from trainer.history.facts import make_missing
    from trainer.history.history import BakeHistory

    journal.bakes.mark_lost()
    in_memory = False
    with ProgressLine() as line:
        try:
            make_missing(journal, workspace, show=lambda made: line(f"reading bakes: {made:,}"))
        except WorkspaceError as error:
            # Whoever looks for what can be deleted must see it nevertheless.
            if not error.full:
                raise
            in_memory = True
    history = BakeHistory(journal, in_memory=in_memory)
    history.refresh()
    return history


def _counted(found: "list[BakeEntry]", history: "BakeHistory", filter_text: str) -> str:
    if not filter_text.strip():
        return plural(len(found), "bake")
    return f"{len(found):,} of {plural(len(history.newest_first()), 'bake')}"


def _print_grammar() -> ExitCode:
    from lora_tui.wording.history import grammar_lines

    for line in grammar_lines():
        click.echo(line)
    return ExitCode.DONE

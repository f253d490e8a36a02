"""Operations on captions: `captions rename`, `remove`, `add`, `front`, `sort`, `replace`, `tidy`, `write`."""

import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lora_tui.commands.exits import exits, print_json, print_note
from lora_tui.commands.options import PATH
from trainer.errors import DatasetError, ExitCode, SettingsError
from trainer.text import plural, printable

if TYPE_CHECKING:
    from lora_tui.actions.captions import CaptionPlace
    from trainer.captions.record import CaptionEditPlan, RefusedCaption, TagEdit

PLACE = click.option(
    "--in",
    "folder",
    type=PATH,
    metavar="SETTINGS|FOLDER",
    help="Settings file, workspace or folder of pictures (default: the workspace here, else the last used).",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
ONLY = click.option("--only", multiple=True, metavar="TAG", help="Only captions that have this tag; repeatable.")
FOLDER = click.option("--folder", "of_folder", default="", metavar="NAME", help="Only the pictures of this folder.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Print what would change, and write nothing.")
YES = click.option("--yes", is_flag=True, help="Do not ask.")

# So many can be looked over in the diff that is shown before they are written.
_UNASKED = 5
_MAX_NAMED = 20


def edit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of every edit."""
    for option in reversed((PLACE, ONLY, FOLDER, DRY_RUN, YES, JSON)):
        command = option(command)
    return command


@click.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@edit_options
@exits
def rename(old: str, new: str, **options: Any) -> ExitCode:
    """Rename a tag.

    Also where it has a weight or is a choice of a wildcard. Where a caption has NEW already, it stays once.
    """
    from trainer.captions.record import TagEdit

    return _edit([TagEdit("rename", (old,), new=new)], **options)


@click.command()
@click.argument("tags", nargs=-1, required=True, metavar="TAG...")
@edit_options
@exits
def remove(tags: tuple[str, ...], **options: Any) -> ExitCode:
    """Remove tags."""
    from trainer.captions.record import TagEdit

    return _edit([TagEdit("remove", tags)], **options)


@click.command()
@click.argument("tags", nargs=-1, required=True, metavar="TAG...")
@click.option("--front", "in_front", is_flag=True, help="Put them before all others (default: behind).")
@click.option("--behind", default="", metavar="TAG", help="Put them behind this tag, in captions that have it.")
@edit_options
@exits
def add(tags: tuple[str, ...], in_front: bool, behind: str, **options: Any) -> ExitCode:
    """Add tags where they are missing.

    A picture without a caption file gets one: with the folder's words, which it was trained with, and the tags.
    """
    from trainer.captions.record import TagEdit, TagPlace

    if in_front and behind:
        raise click.UsageError("give either --front or --behind")
    place: TagPlace = "behind" if behind else "front" if in_front else "back"
    return _edit([TagEdit("add", tags, place=place, anchor=behind)], **options)


@click.command()
@click.argument("tags", nargs=-1, required=True, metavar="TAG...")
@edit_options
@exits
def front(tags: tuple[str, ...], **options: Any) -> ExitCode:
    """Move tags before all others, in the order given."""
    from trainer.captions.record import TagEdit

    return _edit([TagEdit("front", tags)], **options)


@click.command()
@click.argument("tags", nargs=-1, metavar="[TAG...]")
@click.option(
    "--by",
    type=click.Choice(["frequency", "alphabet"]),
    default="frequency",
    help="What is sorted by where no tags are given (default: frequency, the most frequent first).",
)
@edit_options
@exits
def sort(tags: tuple[str, ...], by: str, **options: Any) -> ExitCode:
    """Sort the tags of each caption: these first, or by frequency or alphabet.

    Those that keep_tokens or its separator hold stay where they are.
    """
    from trainer.captions.record import TagEdit, TagOrder

    order: TagOrder = "list" if tags else "alphabet" if by == "alphabet" else "frequency"
    return _edit([TagEdit("reorder", tags, order=order)], **options)


@click.command()
@click.argument("pattern", metavar="PATTERN")
@click.argument("replacement", metavar="REPLACEMENT")
@edit_options
@exits
def replace(pattern: str, replacement: str, **options: Any) -> ExitCode:
    r"""Replace what a regular expression finds in a caption.

    As the package regex reads it: `(?i)` in front ignores case, and `\1` in REPLACEMENT is the first group. It reaches
    sentences, too.
    """
    from trainer.captions.record import TagEdit

    return _edit([TagEdit("replace", pattern=pattern, replacement=replacement)], **options)


@click.command()
@click.option("--spaces", is_flag=True, help="`long_hair` to `long hair`; faces such as >_< keep theirs.")
@click.option("--underscores", is_flag=True, help="`long hair` to `long_hair`.")
@click.option("--escape", is_flag=True, help=r"`saber (fate)` to `saber \(fate\)`, as prompts need it.")
@click.option("--unescape", is_flag=True, help=r"`saber \(fate\)` to `saber (fate)`.")
@edit_options
@exits
def tidy(spaces: bool, underscores: bool, escape: bool, unescape: bool, **options: Any) -> ExitCode:
    """Remove repeated tags and empty places, and what the options ask for.

    Captions that read as sentences stay as they are.
    """
    from trainer.captions.record import OperationName, TagEdit

    if (spaces and underscores) or (escape and unescape):
        raise click.UsageError("give one of --spaces and --underscores, one of --escape and --unescape")
    asked: tuple[tuple[OperationName, bool], ...] = (
        ("spaces", spaces),
        ("underscores", underscores),
        ("escape", escape),
        ("unescape", unescape),
    )
    # What became equal is a repeat then.
    return _edit([*(TagEdit(name) for name, wanted in asked if wanted), TagEdit("dedupe")], **options)


@click.command()
@click.argument("picture", type=PATH, metavar="PICTURE")
@click.argument("text", metavar="TEXT")
@PLACE
@DRY_RUN
@JSON
@exits
def write(picture: Path, text: str, folder: Path | None, dry_run: bool, as_json: bool) -> ExitCode:
    """Write the caption of one picture.

    A missing caption file is made; lines that are not read stay.
    """

    def plan(where: "CaptionPlace") -> "CaptionEditPlan":
        from trainer.captions.find import caption_files, found_pictures
        from trainer.captions.plan import plan_texts
        from trainer.refusals import real_path

        path = real_path(picture)
        mine = [each for each in found_pictures(where.ways) if real_path(each.path) == path]
        if not mine:
            raise DatasetError(printable(str(picture)), found="no picture of these data", expected="one of them")
        (file,) = caption_files(mine[:1], where.ways)
        return plan_texts({file.path: text}, [file])

    return carry_out(plan, folder=folder, dry_run=dry_run, yes=True, as_json=as_json)


def _edit(edits: "Sequence[TagEdit]", *, only: tuple[str, ...], of_folder: str, **options: Any) -> ExitCode:
    def plan(where: "CaptionPlace") -> "CaptionEditPlan":
        from lora_tui.actions.captions import chosen_files
        from lora_tui.commands.progress_line import ProgressLine
        from trainer.captions.plan import plan_edit

        files = chosen_files(where, only=only, folder=of_folder)
        with ProgressLine() as line:
            return plan_edit(
                edits, files, show=lambda done, total: line(f"reading {done:,} of {plural(total, 'caption')}")
            )

    return carry_out(plan, **options)


def carry_out(
    make: "Callable[[CaptionPlace], CaptionEditPlan]",
    *,
    folder: Path | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> ExitCode:
    """Plan an edit, say what it does, ask, and write it.

    Args:
        make: plans it.
        folder: as `--in` names it.
        dry_run: whether it is only shown.
        yes: whether nobody is asked.
        as_json: whether JSON is printed.
    """
    from lora_tui.actions.captions import caption_place, with_bakes_remarked
    from lora_tui.wording.captions import edited_json, plan_json, plan_line
    from trainer.workspace import check_writable

    where = caption_place(folder)
    if not dry_run and where.workspace.journal_path.is_file():
        check_writable(where.workspace)
    plan = with_bakes_remarked(where.workspace, make(where))
    if dry_run:
        if as_json:
            print_json(plan_json(plan))
        else:
            _print_diff(plan)
        return ExitCode.DONE
    _refuse(plan, may_ask=yes or len(plan.changes) <= _UNASKED or _somebody_there())
    if not as_json:
        _say(plan)
    if not plan.changes:
        if as_json:
            print_json(edited_json(plan, None))
        else:
            click.echo(f"{plan_line(plan)}; nothing to change", err=True)
        return ExitCode.DONE
    if not yes and len(plan.changes) > _UNASKED and not _agreed(plan):
        return ExitCode.DONE
    return _write(where, plan, as_json=as_json)


def _somebody_there() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _refuse(plan: "CaptionEditPlan", *, may_ask: bool) -> None:
    """Refuse what can do nothing, and what nobody has agreed to.

    Raises:
        DatasetError: every caption that would change is left as it is.
        SettingsError: there is nobody to ask.
    """
    from lora_tui.wording.captions import refused_line

    if plan.refused and not plan.changes:
        first, others = plan.refused[0], plan.refused[1:_MAX_NAMED]
        more = f"; {len(plan.refused):,} in all" if others else ""
        raise DatasetError(
            printable(str(first.path)), found=f"{first.why}{more}", details=[refused_line(each) for each in others]
        )
    if not may_ask:
        raise SettingsError(
            "captions",
            found=f"{plural(len(plan.changes), 'caption')} would change, and nobody to ask",
            expected="a terminal",
            way_out="`--yes` writes without asking, `--dry-run` shows what would change",
        )


def _print_diff(plan: "CaptionEditPlan") -> None:
    from lora_tui.wording.captions import diff_lines, plan_line

    _say(plan)
    for change in plan.changes:
        for line in diff_lines(change):
            click.echo(line)
    click.echo(f"{plan_line(plan)}; nothing was written", err=True)


def _say(plan: "CaptionEditPlan") -> None:
    """Say what to know of a plan on standard error."""
    say_left(plan.refused)
    for remark in plan.remarks:
        print_note(remark, err=True)


def _agreed(plan: "CaptionEditPlan") -> bool:
    """Show the first captions of a plan, and ask whether it is to be written."""
    from lora_tui.wording.captions import diff_lines, plan_line

    for change in plan.changes[:_UNASKED]:
        for line in diff_lines(change):
            click.echo(line, err=True)
    click.echo(f"… and {len(plan.changes) - _UNASKED:,} more (`--dry-run` shows all)", err=True)
    if click.confirm(f"{plan_line(plan)}. Write them?", err=True):
        return True
    click.echo("nothing was written", err=True)
    return False


def _write(where: "CaptionPlace", plan: "CaptionEditPlan", *, as_json: bool) -> ExitCode:
    from lora_tui.commands.progress_line import ProgressLine
    from lora_tui.wording.captions import edited_json, step_line
    from trainer.captions.history import CaptionHistory

    with ProgressLine() as line:
        step = CaptionHistory(where.workspace).write(
            plan, show=lambda done, total: line(f"writing {done:,} of {plural(total, 'caption')}")
        )
    if as_json:
        print_json(edited_json(plan, step))
        return ExitCode.DONE
    click.echo(step_line(step))
    say_left(step.left)
    root = printable(shlex.quote(str(where.workspace.root)))
    click.echo(f"`lora-tui captions undo {step.number} --in {root}` puts them back", err=True)
    return ExitCode.DONE


def say_left(refused: "Sequence[RefusedCaption]") -> None:
    """Name the captions that are left as they are, on standard error."""
    from lora_tui.wording.captions import refused_line

    for each in refused[:_MAX_NAMED]:
        print_note(refused_line(each), err=True)
    if (more := len(refused) - _MAX_NAMED) > 0:
        print_note(f"and {plural(more, 'more caption')} left as {'it is' if more == 1 else 'they are'}", err=True)

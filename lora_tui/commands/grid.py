"""X/Y/Z grids from a spec, a bake or a picture: `grid`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, print_note, warn_of_damage, workspace_here
from lora_tui.commands.grid_ticks import propose_ticks_of
from lora_tui.commands.options import BAKE_NUMBER, GRID_NUMBER, PATH, WORKSPACE
from lora_tui.commands.run_here import run_alone
from lora_tui.wording.job_names import job_label
from lora_tui.wording.not_running import NOT_RUNNING
from trainer.errors import ExitCode, GridError
from trainer.text import plural, printable

if TYPE_CHECKING:
    from trainer.grid.spec import GridSpec
    from trainer.jobs.grids import PlannedGrid
    from trainer.journal.journal import Journal
    from trainer.journal.records import Bake
    from trainer.workspace import Workspace


@click.command()
@click.argument("spec_file", type=PATH, required=False, metavar="[SPEC.json]")
@click.option(
    "--bake", "bake_number", type=BAKE_NUMBER, metavar="N", help="Start from the epochs, prompts and seeds of bake N."
)
@click.option(
    "--like",
    "picture",
    type=PATH,
    metavar="PICTURE",
    help="Start from the recipe in a picture of a webui, ComfyUI or another generator.",
)
@click.option("--preset", metavar="KEY", help="Use a preset grid; `--preset list` lists them.")
@click.option(
    "--style", metavar="NAME", help="Apply a style of the workspace (the one named `default` always applies)."
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Change one field of the spec; for an axis `x=unet_weight=0-1 (+0.25)`.",
)
@click.option(
    "--resume", "resumed", type=GRID_NUMBER, metavar="GRID", help="Make the remaining pictures of an unfinished grid."
)
@click.option(
    "--propose",
    "proposed",
    type=(int, PATH),
    metavar="GRID MODEL",
    help="Let a tagger (a folder with model.onnx and selected_tags.csv) propose ticks of the checklist for a grid.",
)
@click.option("--queue", "queued", is_flag=True, help="Add the grid to the queue instead of making it now.")
@click.option("--dry-run", is_flag=True, help="Check the grid and count its pictures, but make none.")
@click.option("--list", "listed", is_flag=True, help="List the grids.")
@WORKSPACE
@exits
def grid(
    spec_file: Path | None,
    bake_number: int | None,
    picture: Path | None,
    preset: str | None,
    style: str | None,
    settings: tuple[str, ...],
    resumed: int | None,
    proposed: tuple[int, Path] | None,
    queued: bool,
    dry_run: bool,
    listed: bool,
    folder: Path | None,
) -> ExitCode:
    """Make an X/Y/Z grid of pictures.

    SPEC.json is a saved spec or the grid.json of a grid. Without one the grid compares the epochs of a bake, by default the last that ran.
    """
    if preset == "list":
        return _list_presets()
    workspace = workspace_here(folder)
    if listed:
        return _list_grids(workspace)
    if sum(each is not None for each in (spec_file, bake_number, picture, resumed, proposed)) > 1:
        raise click.UsageError("SPEC.json, --bake, --like, --resume and --propose exclude each other: give one of them")
    if proposed is not None:
        return propose_ticks_of(workspace, *proposed)
    if resumed is not None:
        return _resume(workspace, resumed)
    spec = _first_spec(workspace, spec_file, bake_number, picture)
    if style is not None:
        spec = _styled(workspace, spec, style)
    if preset is not None:
        # A preset may ask for what is set, such as a second LoRA; and what is set holds whatever the preset has.
        spec = _with_preset(workspace, _all_changed(spec, settings), preset)
    return make_grid(workspace, _all_changed(spec, settings), queued=queued, dry_run=dry_run)


def _first_spec(workspace: "Workspace", file: Path | None, bake: int | None, picture: Path | None) -> "GridSpec":
    from trainer.grid.first_spec import spec_for_bake
    from trainer.grid.spec import load_spec
    from trainer.journal.journal import Journal

    if file is not None:
        return load_spec(file)
    if picture is not None:
        return _like(workspace, picture)
    with Journal(workspace.journal_path) as journal:
        if bake is None:
            last = journal.bakes.last_that_ran()
            bake = None if last is None else last.number
        if bake is None:
            raise GridError(
                printable(str(workspace.root)),
                found="no bake whose epochs could be compared",
                way_out="give a SPEC.json or --like PICTURE, or bake first",
            )
        return spec_for_bake(journal, workspace, bake)


def _like(workspace: "Workspace", picture: Path) -> "GridSpec":
    from trainer.exchange.beside_picture import files_beside
    from trainer.exchange.recreate import recreate
    from trainer.formats.picture_recipe import read_picture
    from trainer.grid.model_files import ModelFiles

    model_files = ModelFiles(workspace.root)
    like = recreate(read_picture(picture), model_files, _base_of_newest(workspace), files_beside(picture, model_files))
    for line in like.differences:
        print_note(line)
    return like.spec


def _base_of_newest(workspace: "Workspace") -> str:
    """Return the base of the last bake that ran, "" without one: the picture's own may have another name here, or be missing."""
    from trainer.journal.bake_settings import settings_of
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        last = journal.bakes.last_that_ran()
        return settings_of(journal, last).pretrained_model_name_or_path if last else ""


def _styled(workspace: "Workspace", spec: "GridSpec", name: str) -> "GridSpec":
    from trainer.grid.styles import apply_style, style_named

    return apply_style(spec, style_named(workspace, name))


def _with_preset(workspace: "Workspace", spec: "GridSpec", key: str) -> "GridSpec":
    from lora_tui.actions.grids import preset_spec

    return preset_spec(workspace, spec, key)


def _all_changed(spec: "GridSpec", settings: tuple[str, ...]) -> "GridSpec":
    for setting in settings:
        spec = _changed(spec, setting)
    return spec


def _changed(spec: "GridSpec", setting: str) -> "GridSpec":
    from lora_tui.forms.grid_fields import typed

    name, sign, text = setting.partition("=")
    if not sign:
        raise GridError("--set", found=printable(setting, 60), expected="FIELD=VALUE")
    return typed(spec, name.strip(), text)


def make_grid(
    workspace: "Workspace", spec: "GridSpec", *, queued: bool, dry_run: bool, unasked: int | None = None
) -> ExitCode:
    """Make a grid now, or add it to the queue, after printing what it is.

    Args:
        workspace: where.
        spec: of the grid.
        queued: whether it is added to the queue.
        dry_run: whether it is only checked and counted.
        unasked: how many pictures are made without asking; None for any number.

    Raises:
        GridError, ModelError: the first thing found wrong with it; too many pictures, and nobody to ask.
        WorkspaceError, DiskFull: it cannot be written.
    """
    from trainer.jobs.grids import check_grid, queue_grid
    from trainer.journal.journal import Journal
    from trainer.workspace import check_writable

    if not dry_run:
        check_writable(workspace)
    with Journal(workspace.journal_path) as journal:
        planned = check_grid(spec, journal, workspace)
        _print_plan(planned)
        if dry_run or not _agreed(planned.new_pictures, unasked):
            return ExitCode.DONE
        if queued:
            return _queue(journal, workspace, planned)

    def queue(journal: "Journal", engine: str) -> "Bake":
        return queue_grid(journal, workspace, planned, engine=engine)[1]

    return run_alone(workspace, queue)


def _agreed(pictures: int, unasked: int | None) -> bool:
    """Return whether so many pictures are to be made; the user is asked where they are more than were asked for by number."""
    if unasked is None or pictures <= unasked:
        return True
    if not sys.stdin.isatty():
        raise GridError(
            "the grid",
            found=f"{plural(pictures, 'picture')} to make, and nobody to ask",
            expected=f"at most {unasked:,}, or a terminal",
            way_out="`--yes` makes them without asking; `--no-twins` makes fewer",
        )
    if not click.confirm(f"Make {plural(pictures, 'picture')}?"):
        click.echo("nothing was queued")
        return False
    return True


def _queue(journal: "Journal", workspace: "Workspace", planned: "PlannedGrid") -> ExitCode:
    from trainer.jobs.bakes import queue_engine
    from trainer.jobs.grids import queue_grid

    engine = queue_engine(workspace)
    _, job = queue_grid(journal, workspace, planned, engine=engine)
    click.echo(f"queued {job_label(job)} as job {job.number}")
    if not job.engine:
        click.echo(NOT_RUNNING)
    return ExitCode.DONE


def _resume(workspace: "Workspace", number: int) -> ExitCode:
    from trainer.jobs.grids import resume_grid

    return run_alone(workspace, lambda journal, engine: resume_grid(journal, number, engine))


def _print_plan(planned: "PlannedGrid") -> None:
    from lora_tui.wording.grids import axis_line, count_line

    expanded = planned.expanded
    for name, axis in (("X", expanded.x), ("Y", expanded.y), ("Z", expanded.z), ("seeds", expanded.seeds)):
        if axis.kind:
            click.echo(f"{name} {axis_line(axis)}" if name != "seeds" else axis_line(axis))
    click.echo(count_line(planned))
    for note in expanded.notes:
        print_note(note)


def _list_grids(workspace: "Workspace") -> ExitCode:
    from lora_tui.wording.grids import grid_line
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        journal.bakes.mark_lost()
        grids = journal.grids.latest()
        warn_of_damage(journal)
    for each in grids:
        click.echo(grid_line(each))
    if not grids:
        click.echo("no grids yet")
    return ExitCode.DONE


def _list_presets() -> ExitCode:
    from trainer.grid.presets import PRESETS

    wide = max(len(each.key) for each in PRESETS)
    for each in PRESETS:
        click.echo(f"{each.key:<{wide}}  {each.title}: {each.help}")
    return ExitCode.DONE

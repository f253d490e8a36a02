"""`lora-tui grid`: a grid from a spec, a bake or another picture, spelled out, checked, and made here without the dashboard."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.branch import bake_alone
from lora_tui.commands.exits import exits, workspace_here
from lora_tui.wording.job_names import called
from trainer.errors import ExitCode, GridError
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.grid.spec import GridSpec
    from trainer.jobs.grids import PlannedGrid
    from trainer.journal.journal import Journal
    from trainer.journal.records import Bake
    from trainer.workspace import Workspace

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("spec_file", type=_PATH, required=False, metavar="[SPEC.json]")
@click.option(
    "--bake", "bake_number", type=int, metavar="N", help="Begin with the epochs, prompts and seeds of bake N."
)
@click.option("--like", "picture", type=_PATH, metavar="PICTURE", help="Begin with the recipe that a picture holds.")
@click.option(
    "--style", metavar="NAME", help="Put a style of the workspace on top; one named `default` is there already."
)
@click.option("--ready", metavar="KEY", help="A ready-made grid on that ground; `--ready list` names them.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Change one field of the spec; of an axis `x=unet_weight=0-1 (+0.25)`.",
)
@click.option("--go-on", "again", type=int, metavar="GRID", help="Make what is left of a grid that was cut.")
@click.option("--queue", "behind", is_flag=True, help="Put it into the queue and leave it to whoever works on that.")
@click.option("--list", "listed", is_flag=True, help="Say which grids there are.")
@click.option("--dry-run", is_flag=True, help="Spell it out, check and count it, and make nothing.")
@click.option("--in", "folder", type=_PATH, metavar="DIR", help="The workspace (default: here, else the last used).")
@exits
def grid(
    spec_file: Path | None,
    bake_number: int | None,
    picture: Path | None,
    style: str | None,
    ready: str | None,
    settings: tuple[str, ...],
    again: int | None,
    behind: bool,
    listed: bool,
    dry_run: bool,
    folder: Path | None,
) -> ExitCode:
    """Make an X/Y/Z grid: of SPEC.json (a spec, or the grid.json of a grid), else of a bake, the newest where none is named."""
    if ready == "list":
        return _list_ready()
    workspace = workspace_here(folder)
    if listed:
        return _list(workspace)
    if sum(each is not None for each in (spec_file, bake_number, picture, again)) > 1:
        raise click.UsageError("give one of SPEC.json, --bake, --like and --go-on")
    if again is not None:
        return _go_on(workspace, again)
    spec = _first(workspace, spec_file, bake_number, picture)
    if style is not None:
        spec = _styled(workspace, spec, style)
    if ready is not None:
        spec = _ready_made(workspace, spec, ready)
    for setting in settings:
        spec = _changed(spec, setting)
    return _make(workspace, spec, behind=behind, dry_run=dry_run)


def _first(workspace: "Workspace", file: Path | None, bake: int | None, picture: Path | None) -> "GridSpec":
    from trainer.grid.first_spec import spec_for_bake
    from trainer.grid.spec import load_spec
    from trainer.journal.journal import Journal

    if file is not None:
        return load_spec(file)
    if picture is not None:
        return _like(workspace, picture)
    with Journal(workspace.journal_path) as journal:
        if bake is None:
            bake = next((row.number for row in journal.bakes.latest() if row.grid is None), None)
        if bake is None:
            raise GridError(
                printable(str(workspace.root)),
                found="no bake to show the epochs of",
                way_out="give a SPEC.json, --like PICTURE, or bake something first",
            )
        return spec_for_bake(journal, workspace, bake)


def _like(workspace: "Workspace", picture: Path) -> "GridSpec":
    from trainer.exchange.recreate import recreate
    from trainer.formats.picture_text import read_parameters
    from trainer.grid.model_files import ModelFiles

    like = recreate(read_parameters(picture), ModelFiles(workspace.root), base=_base_of_newest(workspace))
    for line in like.differences:
        click.echo(f"! {printable(line)}")
    return like.spec


def _base_of_newest(workspace: "Workspace") -> str:
    """Return the base that was baked on last, "" where nothing was: a picture's own may have another name here, or none."""
    from trainer.journal.journal import Journal
    from trainer.settings.toml_file import parse_settings

    with Journal(workspace.journal_path) as journal:
        newest = next((row for row in journal.bakes.latest() if row.grid is None), None)
    return parse_settings(newest.settings_toml, f"bake {newest.number}").pretrained_model_name_or_path if newest else ""


def _styled(workspace: "Workspace", spec: "GridSpec", name: str) -> "GridSpec":
    from trainer.grid.styles import apply_style, style_named

    return apply_style(spec, style_named(workspace, name))


def _ready_made(workspace: "Workspace", spec: "GridSpec", key: str) -> "GridSpec":
    from lora_tui.actions.grids import preset_spec

    return preset_spec(workspace, spec, key)


def _changed(spec: "GridSpec", setting: str) -> "GridSpec":
    from lora_tui.forms.grid_fields import typed

    name, sign, text = setting.partition("=")
    if not sign:
        raise GridError("--set", found=printable(setting, 60), expected="FIELD=VALUE")
    return typed(spec, name.strip(), text)


def _make(workspace: "Workspace", spec: "GridSpec", *, behind: bool, dry_run: bool) -> ExitCode:
    from trainer.jobs.grids import check_grid, queue_grid
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        ready = check_grid(spec, journal, workspace)
        _say(ready)
        if dry_run:
            return ExitCode.DONE
        if behind:
            return _queue(journal, workspace, ready)

    def begin(journal: "Journal", engine: str) -> "Bake":
        return queue_grid(journal, workspace, ready, engine=engine)[1]

    return bake_alone(workspace, begin)


def _queue(journal: "Journal", workspace: "Workspace", ready: "PlannedGrid") -> ExitCode:
    from trainer.jobs.bakes import queue_engine
    from trainer.jobs.grids import queue_grid

    engine = queue_engine(workspace)
    _, job = queue_grid(journal, workspace, ready, engine=engine)
    return _say_queued(job)


def _say_queued(job: "Bake") -> ExitCode:
    click.echo(f"{called(job)} waits in the queue as {job.number}")
    if not job.engine:
        click.echo("nobody works on this queue: `lora-tui queue run` begins, the dashboard offers to")
    return ExitCode.DONE


def _go_on(workspace: "Workspace", number: int) -> ExitCode:
    from trainer.jobs.grids import resume_grid

    return bake_alone(workspace, lambda journal, engine: resume_grid(journal, number, engine))


def _say(ready: "PlannedGrid") -> None:
    from lora_tui.wording.grids import axis_line, count_line

    expanded = ready.expanded
    for name, axis in (("X", expanded.x), ("Y", expanded.y), ("Z", expanded.z), ("seeds", expanded.seeds)):
        if axis.kind:
            click.echo(f"{name} {axis_line(axis)}" if name != "seeds" else axis_line(axis))
    click.echo(count_line(ready))
    for note in expanded.notes:
        click.echo(f"! {printable(note)}")


def _list(workspace: "Workspace") -> ExitCode:
    from lora_tui.wording.grids import grid_line
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        journal.bakes.mark_lost()
        grids = journal.grids.latest()
    for each in grids:
        click.echo(grid_line(each))
    if not grids:
        click.echo("no grid was made here yet")
    return ExitCode.DONE


def _list_ready() -> ExitCode:
    from trainer.grid.presets import READY

    wide = max(len(each.key) for each in READY)
    for each in READY:
        click.echo(f"{each.key:<{wide}}  {each.title}: {each.help}")
    return ExitCode.DONE

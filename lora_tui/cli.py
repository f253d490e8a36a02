"""The commands. Each imports what it needs when it runs, so that the first frame and `--help` wait for nothing."""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

import trainer
from lora_tui.commands.exits import exits, print_json, workspace_here
from trainer.errors import ExitCode
from trainer.foreign_text import shown

if TYPE_CHECKING:
    from lora_tui.app import LoraApp
    from trainer.engine import Engine
    from trainer.jobs import Ready
    from trainer.journal.records import Bake
    from trainer.workspace import Workspace

_PATH = click.Path(path_type=Path)
_SET = click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change one setting for this run.")


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(trainer.__version__, prog_name="lora-tui")
@click.pass_context
def main(context: click.Context) -> None:
    """Bake Stable Diffusion LoRAs in the terminal. Without a command: the dashboard."""
    if context.invoked_subcommand is None:
        _dashboard()


@exits
def _dashboard() -> ExitCode:
    from trainer.workspace import data_home, find_workspace, last_workspace, make_workspace

    workspace = find_workspace(Path.cwd()) or last_workspace() or make_workspace(data_home() / "workspace")
    return _open_app(workspace, None)


@main.command()
@click.argument("folder", type=_PATH, required=False, metavar="[DIR]")
@click.option("--bake", is_flag=True, help="Bake it, without the dashboard.")
@click.option("--fake-card", is_flag=True, help="Show the readings of a made-up 8 GB card.")
@exits
def demo(folder: Path | None, bake: bool, fake_card: bool) -> ExitCode:
    """Make the demo workspace in DIR and open it: a tiny base, 16 drawn pictures, settings that teach a character."""
    from trainer.demo.workspace import NAME, default_folder, make_demo

    workspace = make_demo(folder or default_folder())
    settings_file = workspace.root / f"{NAME}.toml"
    if bake:
        return _bake_file(settings_file, (), "", workspace)
    if not sys.stdout.isatty():
        click.echo(f"demo workspace in {shown(str(workspace.root))}")
        return ExitCode.DONE
    return _open_app(workspace, settings_file, fake_card=fake_card)


@main.command()
@click.argument("name")
@click.option("--data", required=True, type=_PATH, help="Folder with the pictures.")
@click.option("--base", required=True, metavar="PATH", help="Base model: a diffusers folder, or `demo`.")
@click.option("--validation", type=_PATH, help="Folder with pictures kept out of training.")
@click.option("--in", "folder", type=_PATH, default=Path(), help="Workspace folder (default: here).")
@exits
def new(name: str, data: Path, base: str, validation: Path | None, folder: Path) -> ExitCode:
    """Make a subject NAME and its settings, with defaults read from the data."""
    from trainer.new_subject import make_subject
    from trainer.workspace import find_workspace, make_workspace

    root = folder.expanduser().resolve()
    made = make_subject(name, data, base, validation, lambda: find_workspace(root) or make_workspace(root))
    click.echo(f"wrote {shown(str(made.subject_file))}")
    click.echo(f"wrote {shown(str(made.settings_file))}")
    click.echo(shown(made.line))
    click.echo(f"next: lora-tui bake {shown(str(made.settings_file))}")
    return ExitCode.DONE


@main.command()
@click.argument("settings_file", type=_PATH, metavar="SETTINGS.toml")
@_SET
@click.option("--why", default="", help="A line for the journal: why this bake.")
@exits
def bake(settings_file: Path, overrides: tuple[str, ...], why: str) -> ExitCode:
    """Bake SETTINGS.toml here, without the dashboard."""
    return _bake_file(settings_file, overrides, why, None)


@main.command()
@click.argument("settings_file", type=_PATH, metavar="SETTINGS.toml")
@_SET
@click.option("--json", "as_json", is_flag=True, help="The plan as JSON.")
@exits
def plan(settings_file: Path, overrides: tuple[str, ...], as_json: bool) -> ExitCode:
    """Say what SETTINGS.toml will do: pictures, buckets, steps, files, warnings."""
    from trainer.plan.plan import plan_json, plan_line

    ready = _ready(settings_file, overrides)
    if as_json:
        print_json(plan_json(ready.plan))
        return ExitCode.DONE
    click.echo(plan_line(ready.plan))
    for bucket in ready.plan.buckets:
        width, height = bucket.size
        click.echo(f"  {width}×{height}  {bucket.pictures} pictures  {bucket.batches} batches")
    for note in (*ready.data.notes, *ready.plan.warnings):
        click.echo(f"! {shown(note)}")
    return ExitCode.DONE


@main.command()
@click.argument("folder", type=_PATH, required=False, metavar="[DIR]")
@click.option("--json", "as_json", is_flag=True, help="The bakes as JSON.")
@exits
def status(folder: Path | None, as_json: bool) -> ExitCode:
    """Say how the bakes of a workspace stand."""
    from lora_tui.status import bake_line, bakes_json
    from trainer.journal.journal import Journal
    from trainer.journal.processes import process_alive

    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal:
        journal.mark_lost(process_alive)
        if as_json:
            print_json(bakes_json(workspace, journal))
            return ExitCode.DONE
        bakes = journal.bakes()
        click.echo(f"{shown(str(workspace.root))}: {len(bakes)} bakes")
        for one in bakes:
            click.echo(bake_line(one, journal))
    return ExitCode.DONE


def _ready(settings_file: Path, overrides: Sequence[str]) -> "Ready":
    """Load and check a settings file, in the order a user would look for mistakes."""
    from trainer.errors import WorkspaceError
    from trainer.jobs import check, measured_speed, plan_for
    from trainer.journal.journal import Journal
    from trainer.settings.toml_file import load_settings
    from trainer.workspace import find_workspace

    path = settings_file.expanduser().resolve()
    ready = check(load_settings(path, overrides), path)
    workspace = find_workspace(path.parent)
    if workspace is None:
        return ready
    try:
        with Journal(workspace.journal_path) as journal:
            speed = measured_speed(journal, ready.settings)
    except WorkspaceError:
        # A plan tells less without the journal, and is right all the same.
        return ready
    return plan_for(ready.settings, ready.data, ready.validation, ready.base, speed)


def _bake_file(settings_file: Path, overrides: Sequence[str], why: str, workspace: "Workspace | None") -> ExitCode:
    """Check, queue and follow one bake; nothing is written before everything was found right."""
    from trainer.engine import Engine
    from trainer.jobs import queue_bake
    from trainer.journal.journal import Journal
    from trainer.workspace import find_workspace, make_workspace, remember_workspace

    ready = _ready(settings_file, overrides)
    root = settings_file.expanduser().resolve().parent
    workspace = workspace or find_workspace(root) or make_workspace(root)
    for note in (*ready.data.notes, *ready.plan.warnings):
        click.echo(f"! {shown(note)}")
    engine = Engine(workspace)
    with Journal(workspace.journal_path) as journal:
        number = queue_bake(journal, workspace, ready, why=why, engine=engine.key).number
    remember_workspace(workspace)
    engine.start()
    return _follow(engine, number)


def _follow(engine: "Engine", number: int) -> ExitCode:
    from lora_tui.headless import follow

    code = follow(engine, number)
    engine.close(wait=10)
    return code


def _open_app(workspace: "Workspace", settings_file: Path | None, *, fake_card: bool = False) -> ExitCode:
    """Open the dashboard; when it closes over a bake at work, do what the user chose there."""
    from lora_tui.app import LoraApp, QuitChoice
    from lora_tui.terminal import screen_alone
    from trainer.engine import Engine
    from trainer.machine.cards import NvmlCards
    from trainer.machine.replay import fake_nvml
    from trainer.machine.sampler import Sampler
    from trainer.workspace import remember_workspace, state_home

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("the dashboard needs a terminal; `lora-tui bake SETTINGS.toml` does without")
    remember_workspace(workspace)

    def cards() -> NvmlCards:
        return NvmlCards(fake_nvml() if fake_card else None)

    engine = Engine(workspace, cards())
    sampler = Sampler(cards(), workspace.root)
    app = LoraApp(workspace, engine, sampler, settings_file)
    ended = _OnTerm(app)
    with screen_alone(state_home() / "lora-tui.log"), ended:
        choice = app.run()
    sampler.stop()
    live = _bake_of(engine)
    if live is not None and (ended.heard or choice in (QuitChoice.STOP_AND_SAVE, QuitChoice.GO_ON_HEADLESS)):
        if ended.heard:
            _order_stop(engine, live.number)
        go_on = choice is QuitChoice.GO_ON_HEADLESS
        click.echo(f"bake {live.number} {shown(live.name)} {'goes on here' if go_on else 'stops and saves'}")
        code = _follow(engine, live.number)
        return ExitCode.TERMINATED if ended.heard else code
    engine.close(wait=0.2)
    if ended.heard:
        return ExitCode.TERMINATED
    return ExitCode.BAKE_FAILED if app.return_code else ExitCode.DONE


class _OnTerm:
    """While the block runs, SIGTERM closes the screen properly instead of killing the process under it."""

    def __init__(self, app: "LoraApp") -> None:
        self._app = app
        self.heard = False

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGTERM, self._hear)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGTERM, self._before)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.heard = True
        self._app.exit()


def _order_stop(engine: "Engine", number: int) -> None:
    from trainer.journal.journal import Journal
    from trainer.journal.records import Order

    with Journal(engine.workspace.journal_path) as journal:
        journal.give_order(number, Order.STOP)


def _bake_of(engine: "Engine") -> "Bake | None":
    """Return the bake that this process has at work or has taken on, if there is one."""
    from trainer.journal.journal import Journal
    from trainer.journal.records import BakeState

    with Journal(engine.workspace.journal_path) as journal:
        ours = (bake for bake in journal.bakes() if bake.engine == engine.key)
        return next((bake for bake in ours if bake.state.live or bake.state is BakeState.QUEUED), None)

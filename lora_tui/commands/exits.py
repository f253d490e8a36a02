"""What every command needs: its end (errors become one line on stderr and an exit code), its workspace, its settings file."""

import math
import os
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, cast

import click

from lora_tui.terminal.standard_streams import output_refused
from trainer.errors import ExitCode, LoraTuiError, PathError, SettingsError
from trainer.refusals import current_folder, real_path, refusal_of, user_path
from trainer.text import MAX_MESSAGE, printable, shortened

if TYPE_CHECKING:
    from trainer.checks.record import CheckResult
    from trainer.dataset.picture_likeness import PictureThumbnails
    from trainer.dataset.records import DataSet
    from trainer.jobs.checks import Thumbnails
    from trainer.jobs.preflight import PlannedBake
    from trainer.journal.journal import Journal
    from trainer.workspace import Workspace

P = ParamSpec("P")

# What SQLite, files and the clocks of the system hold.
_MAX_NUMBER = 2**63 - 1


def exits(command: Callable[P, ExitCode | None]) -> Callable[P, None]:
    """Turn the error family into one line on stderr, with its details below, and the process's exit code.

    Every command passes here: what it was given is checked before it runs (paths, numbers), and what the system refuses while it
    runs is worded.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            given = {name: _checked(name, value) for name, value in kwargs.items()}
            done = command(*(_checked("", value) for value in args), **cast(Any, given)) or ExitCode.DONE
            code = checked_output(done)
        except LoraTuiError as error:
            code = _print(error)
        except OSError as error:
            code = _print(refusal_of(error))
        except OverflowError as error:
            code = _print(
                SettingsError("a number", found=f"it is too large ({error})", expected="one that fits in 64 bits")
            )
        except KeyboardInterrupt:
            code = ExitCode.INTERRUPTED
        leave(code)

    return run


def _print(error: LoraTuiError) -> ExitCode:
    click.echo(f"lora-tui: {printable(error.line())}", err=True)
    for detail in error.details:
        click.echo(f"  {printable(detail)}", err=True)
    return error.exit_code


def _checked(name: str, value: Any) -> Any:
    """Return an argument or option as the command takes it: a path with its home folder, a number that the system can hold.

    Raises:
        PathError: no file can have the path, or it is relative and the current folder is gone.
        SettingsError: the number is beyond 64 bits, infinite or none.
    """
    match value:
        case tuple():
            return tuple(_checked(name, each) for each in value)
        case Path():
            path = user_path(value)
            if not path.is_absolute():
                current_folder()
            return path
        case int() if abs(value) > _MAX_NUMBER:
            raise SettingsError(_shown(name), found="a number beyond 64 bits", expected=f"at most {_MAX_NUMBER:,}")
        case float() if not math.isfinite(value):
            raise SettingsError(_shown(name), found=str(value), expected="a number")
    return value


def _shown(name: str) -> str:
    """Return an argument's or option's name as it is typed."""
    context = click.get_current_context(silent=True)
    for parameter in context.command.params if context else ():
        if context is not None and parameter.name == name:
            return parameter.opts[0] if isinstance(parameter, click.Option) else parameter.make_metavar(context)
    return name or "the command line"


def leave(code: ExitCode) -> None:
    """End the process at once: a library still being imported in the engine's thread cannot be interrupted."""
    sys.stdout.flush()
    sys.stderr.flush()
    if "trainer.engine.user_command" in sys.modules:
        from trainer.engine.user_command import finish_user_commands

        # The user's own command for the end of a bake gets a moment; a process that lingers is worse than one that is cut off.
        finish_user_commands(10.0)
    if "trainer.engine.engine" in sys.modules:
        os._exit(code)
    sys.exit(code)


def checked_output(code: ExitCode) -> ExitCode:
    """Write what is left of the output of a command that was done; say so if it cannot be written, and return another code than DONE then."""
    refused = output_refused()
    if refused is None:
        return code
    error = refusal_of(refused)
    instead = _print(type(error)("standard output", found=error.found, way_out=error.way_out))
    return instead if code is ExitCode.DONE else code


def workspace_here(folder: Path | None) -> "Workspace":
    """Return the workspace in or above `folder`; without one given, that of the current folder, else the last used.

    Raises:
        WorkspaceError: no workspace was found.
    """
    from trainer.errors import WorkspaceError
    from trainer.workspace import find_workspace, last_workspace

    workspace = find_workspace(real_path(folder or current_folder())) or (None if folder else last_workspace())
    if workspace is None:
        raise WorkspaceError(
            str(folder or current_folder()),
            found="no workspace here or in a parent folder",
            expected="a folder with journal.sqlite",
            way_out="create one with `lora-tui demo` or `lora-tui new`",
        )
    return workspace


def workspace_or_none(folder: Path | None) -> "Workspace | None":
    """Return the workspace named, or that of the current folder; None where there is none, since files elsewhere need none.

    Raises:
        WorkspaceError: there is none in the folder named.
    """
    from trainer.workspace import find_workspace

    if folder is not None:
        return workspace_here(folder)
    try:
        return find_workspace(current_folder())
    except PathError:
        # Of a folder that is gone, too.
        return None


def print_note(text: str, *, err: bool = False) -> None:
    """Print something to know on one line, no longer than any message."""
    click.echo(f"! {shortened(printable(text), MAX_MESSAGE - len('! '))}", err=err)


def warn_of_damage(journal: "Journal") -> None:
    """Print to stderr which rows of the journal were left out of what was read, if any were."""
    if (damage := journal.damage()) is not None:
        print_note(damage.line(), err=True)


def print_json(value: Any) -> None:
    """Print `value` as JSON, ASCII only; a number that is none, of which JSON has no word, as null."""
    import json

    try:
        text = json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), indent=2, ensure_ascii=True, allow_nan=False)
    click.echo(text)


def _finite(value: Any) -> Any:
    """Return `value` with None in the place of every number that is infinite or none."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def planned_bake(settings_file: Path, overrides: Sequence[str]) -> "PlannedBake":
    """Load, check and plan a settings file, in the order a user would look for mistakes.

    Raises:
        SettingsError, DatasetError, ModelError, DeviceError, GridError: the first thing found wrong.
    """
    from trainer.jobs.bakes import check, plan_for
    from trainer.jobs.minutes import speed_known_at
    from trainer.settings.toml_file import load_settings

    path = real_path(settings_file)
    planned = check(load_settings(path, overrides), path)
    speed = speed_known_at(planned.settings, path)
    if speed is None:
        return planned
    return plan_for(planned.as_asked, planned.data, planned.validation, planned.base, speed)


def checked_bake(planned: "PlannedBake", settings_file: Path) -> "tuple[CheckResult, ...]":
    """Return what the checks find in a planned bake, its pictures decoded and compared.

    Raises:
        DatasetError: a picture cannot be decoded.
    """
    from trainer.checks.report import refusal_of
    from trainer.jobs.checks import check_planned

    path = real_path(settings_file)
    data_sets = [each for each in (planned.data, planned.validation) if each is not None]
    results = check_planned(planned, path, shown_thumbnails(path)(data_sets))
    if (refusal := refusal_of(results)) is not None:
        raise refusal
    return results


def shown_thumbnails(path: Path) -> "Thumbnails":
    """Return what makes the thumbnails of the bake with the settings in `path`, with a line of progress where there is a terminal."""
    from lora_tui.commands.progress_line import ProgressLine
    from trainer.jobs.checks import cached_thumbnails

    def make(data_sets: "Sequence[DataSet]") -> "PictureThumbnails | None":
        with ProgressLine() as line:

            def show(done: int, total: int) -> None:
                line(f"comparing pictures: {done:,} of {total:,}")

            return cached_thumbnails(path, show=show)(data_sets)

    return make


def print_warnings(results: "Sequence[CheckResult]") -> None:
    """Print the warnings among the results of the checks, and how much else there is."""
    from trainer.checks.report import rest_line, warning_lines

    for line in warning_lines(results):
        print_note(line)
    if rest := rest_line(results):
        click.echo(f"  {rest}")

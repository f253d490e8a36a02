"""Named defaults for grids, read from a webui's files or a picture and written to a webui: `style`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lora_tui.commands.exits import exits, workspace_here
from lora_tui.commands.options import PATH, WORKSPACE
from trainer.errors import ExitCode, GridError
from trainer.text import plural, printable

if TYPE_CHECKING:
    from trainer.grid.styles import Style

# Characters of a prompt in one line of the list.
_MAX_PROMPT = 40


@click.group()
def style() -> None:
    """Manage styles, the named defaults for grids.

    A style sets negative prompt, sampler, steps, CFG, size, seeds. The one named `default` applies to every new grid.
    """


@style.command("list")
@WORKSPACE
@exits
def list_styles(folder: Path | None) -> ExitCode:
    """List the styles of the workspace."""
    from trainer.grid.styles import load_styles

    styles = load_styles(workspace_here(folder))
    if not styles:
        click.echo("no styles; read some from a webui's files or a picture with `lora-tui style read FILE`")
    width = min(40, max((len(printable(each.name)) for each in styles), default=0))
    for each in styles:
        click.echo(f"{printable(each.name):<{width}}  {_summary(each)}".rstrip())
    return ExitCode.DONE


@style.command()
@click.argument("name")
@WORKSPACE
@exits
def show(name: str, folder: Path | None) -> ExitCode:
    """Show the values of the style NAME."""
    from trainer.grid.styles import style_named

    values = _set_by(style_named(workspace_here(folder), name))
    width = max((len(key) for key, _ in values), default=0)
    for key, value in values:
        click.echo(f"{key:<{width}}  {printable(str(value))}")
    return ExitCode.DONE


@style.command()
@click.argument("file", type=PATH, metavar="FILE")
@click.option("--name", metavar="NAME", help="Name of the style; with a styles.csv, the only style to read.")
@WORKSPACE
@exits
def read(file: Path, name: str | None, folder: Path | None) -> ExitCode:
    """Read styles from a webui's file or a picture.

    FILE is a webui's ui-config.json or styles.csv, or any picture that says how it was made. The styles that a ui-config.json selects are looked up in the styles.csv beside it.
    The prompt of a picture is left out. An existing style of the same name is replaced.
    """
    from trainer.grid.styles import load_styles, save_styles
    from trainer.workspace import check_writable

    workspace = workspace_here(folder)
    check_writable(workspace)
    styles, notes = _read(file, name)
    styles = tuple(each for each in styles if _set_by(each))
    if not styles:
        raise GridError(printable(str(file)), found="sets nothing that a style can hold")
    before = {each.name for each in load_styles(workspace)}
    save_styles(workspace, styles)
    for each in styles:
        click.echo(f"{'replaced' if each.name in before else 'added'} {printable(each.name)}: {_summary(each)}")
    for note in notes:
        click.echo(note)
    return ExitCode.DONE


@style.command()
@click.argument("name")
@click.argument("file", type=PATH, metavar="UI_CONFIG.json")
@WORKSPACE
@exits
def write(name: str, file: Path, folder: Path | None) -> ExitCode:
    """Write the style NAME into a webui's ui-config.json.

    Everything else in the file is kept, and the old file is backed up. Close the webui first: it overwrites the file.
    """
    from trainer.formats.webui_config import has_schedules, write_ui_config
    from trainer.grid.styles import style_named, to_defaults

    chosen = style_named(workspace_here(folder), name)
    defaults, notes = to_defaults(chosen, schedules=has_schedules(file))
    backup = write_ui_config(file, defaults)
    click.echo(f"wrote {printable(chosen.name)} into {printable(str(file))}; backup: {printable(backup.name)}")
    for note in notes:
        click.echo(f"not written: {note}")
    return ExitCode.DONE


def _read(file: Path, name: str | None) -> tuple[tuple["Style", ...], tuple[str, ...]]:
    """Return the styles in a file, and what could not be read from it."""
    from trainer.formats.picture_recipe import read_picture
    from trainer.formats.webui_config import read_ui_config
    from trainer.formats.webui_styles import read_styles_csv
    from trainer.grid.styles import from_defaults, from_infotext, from_rows

    where = printable(str(file))
    ending = file.suffix.lower()
    if ending == ".csv":
        rows = read_styles_csv(file)
        if not rows:
            raise GridError(where, found="no style in it", expected="a row with a name and words below the headers")
        chosen = tuple(row for row in rows if name in (None, row.name))
        if not chosen:
            names = ", ".join(printable(row.name, 80) for row in rows)
            raise GridError(where, found=f"no style `{printable(name or '', 80)}`", expected=printable(names, 400))
        return from_rows(chosen), ()
    if ending == ".json":
        beside = file.with_name("styles.csv")
        rows = read_styles_csv(beside) if beside.is_file() else ()
        found, notes = from_defaults(name or "webui", read_ui_config(file), rows, where)
    else:
        found, notes = from_infotext(name or file.stem, read_picture(file).info, where)
    return (found,), notes


def _set_by(chosen: "Style") -> list[tuple[str, Any]]:
    """Return the values that a style sets, with their names."""
    values = chosen.model_dump(exclude={"name"})
    return [(key, value) for key, value in values.items() if value not in (None, "")]


def _summary(chosen: "Style") -> str:
    """Return what a style sets on one line."""
    values = dict(_set_by(chosen))
    words = [
        f"{key.split('_')[0]} “{printable(str(values[key]), _MAX_PROMPT)}”"
        for key in ("prompt", "negative_prompt")
        if key in values
    ]
    numbers = [str(values["sampler"])] if "sampler" in values else []
    if "steps" in values:
        numbers.append(plural(values["steps"], "step"))
    if "cfg_scale" in values:
        numbers.append(f"CFG {values['cfg_scale']:g}")
    if "shift" in values:
        numbers.append(f"shift {values['shift']:g}")
    if "width" in values or "height" in values:
        numbers.append(f"{values.get('width', '…')}×{values.get('height', '…')}")
    if "seeds" in values:
        numbers.append(f"seeds {printable(str(values['seeds']), _MAX_PROMPT)}")
    if "clip_skip" in values:
        numbers.append(f"clip skip {values['clip_skip']}")
    return ", ".join((*numbers, *words))

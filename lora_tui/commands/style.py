"""`lora-tui style`: the defaults a user keeps for grids, taken from a webui or a picture and given back to a webui."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, workspace_here
from trainer.errors import ExitCode, GridError
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.grid.styles import Style

_PATH = click.Path(path_type=Path)
_IN = click.option(
    "--in", "folder", type=_PATH, metavar="DIR", help="The workspace (default: here, else the last used)."
)
# Words of a style in one line of the list.
_WORDS = 40


@click.group()
def style() -> None:
    """Keep defaults for grids: negative prompt, sampler, steps, CFG, size and seeds under a name."""


@style.command("list")
@_IN
@exits
def list_styles(folder: Path | None) -> ExitCode:
    """List the styles of the workspace, one line each."""
    from trainer.grid.styles import load_styles

    styles = load_styles(workspace_here(folder))
    if not styles:
        click.echo("no styles; `lora-tui style read FILE` takes them from a webui's files or a picture")
    width = min(40, max((len(printable(each.name)) for each in styles), default=0))
    for each in styles:
        click.echo(f"{printable(each.name):<{width}}  {_summary(each)}".rstrip())
    return ExitCode.DONE


@style.command()
@click.argument("name")
@_IN
@exits
def show(name: str, folder: Path | None) -> ExitCode:
    """Show what the style NAME sets."""
    from trainer.grid.styles import style_named

    for key, value in _set_by(style_named(workspace_here(folder), name)):
        click.echo(f"{key:<16}{printable(str(value))}")
    return ExitCode.DONE


@style.command()
@click.argument("file", type=_PATH, metavar="FILE")
@click.option("--name", metavar="NAME", help="What to call it; of a styles.csv, the one style to take.")
@_IN
@exits
def read(file: Path, name: str | None, folder: Path | None) -> ExitCode:
    """Keep what FILE sets: a webui's ui-config.json or styles.csv, or any picture with an infotext.

    With a ui-config.json the styles it opens with are looked up in the styles.csv beside it.
    A picture's own prompt is left out. A style of the same name is replaced.
    """
    from trainer.grid.styles import load_styles, save_styles

    workspace = workspace_here(folder)
    styles, notes = _read(file, name)
    styles = tuple(each for each in styles if _set_by(each))
    if not styles:
        raise GridError(printable(str(file)), found="it sets nothing that a style holds")
    before = {each.name for each in load_styles(workspace)}
    save_styles(workspace, styles)
    for each in styles:
        click.echo(f"{'replaced' if each.name in before else 'kept'} {printable(each.name)}: {_summary(each)}")
    for note in notes:
        click.echo(note)
    return ExitCode.DONE


@style.command()
@click.argument("name")
@click.argument("file", type=_PATH, metavar="UI_CONFIG.json")
@_IN
@exits
def write(name: str, file: Path, folder: Path | None) -> ExitCode:
    """Write the style NAME into a webui's ui-config.json; everything else in it stays, and it is backed up before.

    Close the webui first: it writes the file anew from its own settings page.
    """
    from trainer.formats.webui_config import has_schedules, write_ui_config
    from trainer.grid.styles import style_named, to_defaults

    chosen = style_named(workspace_here(folder), name)
    defaults, notes = to_defaults(chosen, schedules=has_schedules(file))
    backup = write_ui_config(file, defaults)
    click.echo(f"wrote {printable(chosen.name)} into {printable(str(file))}; as it was: {printable(backup.name)}")
    for note in notes:
        click.echo(f"not written: {note}")
    return ExitCode.DONE


def _read(file: Path, name: str | None) -> tuple[tuple["Style", ...], tuple[str, ...]]:
    """Return the styles in a file, and what of it could not be taken."""
    from trainer.formats.infotext import parse_infotext
    from trainer.formats.picture_text import read_parameters
    from trainer.formats.webui_config import read_ui_config
    from trainer.formats.webui_styles import read_styles_csv
    from trainer.grid.styles import from_defaults, from_infotext, from_rows

    where = printable(str(file))
    ending = file.suffix.lower()
    if ending == ".csv":
        rows = read_styles_csv(file)
        chosen = tuple(row for row in rows if name in (None, row.name))
        if not chosen and rows:
            names = ", ".join(printable(row.name, 80) for row in rows)
            raise GridError(where, found=f"no style `{printable(name or '', 80)}`", expected=printable(names, 400))
        return from_rows(chosen), ()
    if ending == ".json":
        beside = file.with_name("styles.csv")
        rows = read_styles_csv(beside) if beside.is_file() else ()
        made, notes = from_defaults(name or "webui", read_ui_config(file), rows, where)
    else:
        made, notes = from_infotext(name or file.stem, parse_infotext(read_parameters(file)), where)
    return (made,), notes


def _set_by(chosen: "Style") -> list[tuple[str, object]]:
    """Return what a style sets, by name."""
    values = chosen.model_dump(exclude={"name"})
    return [(key, value) for key, value in values.items() if value not in (None, "")]


def _summary(chosen: "Style") -> str:
    """Return what a style sets on one line."""
    told = dict(_set_by(chosen))
    words = [
        f"{key.split('_')[0]} “{printable(str(told[key]), _WORDS)}”"
        for key in ("prompt", "negative_prompt")
        if key in told
    ]
    numbers = [str(told["sampler"])] if "sampler" in told else []
    if "steps" in told:
        numbers.append(f"{told['steps']} steps")
    if "cfg_scale" in told:
        numbers.append(f"CFG {told['cfg_scale']:g}")
    if "width" in told or "height" in told:
        numbers.append(f"{told.get('width', '…')}×{told.get('height', '…')}")
    if "seeds" in told:
        numbers.append(f"seeds {printable(str(told['seeds']), _WORDS)}")
    if "clip_skip" in told:
        numbers.append(f"clip skip {told['clip_skip']}")
    return ", ".join((*numbers, *words))

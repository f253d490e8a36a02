"""The data set of settings in numbers, its pictures listed, near-duplicates: `dataset`."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from lora_tui.commands.exits import exits, print_json, print_note, workspace_here
from lora_tui.commands.options import OVERRIDES, PATH
from trainer.errors import ExitCode
from trainer.refusals import real_path
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.data_index.index import DataIndex
    from trainer.data_index.record import IndexRefresh, PictureQuery, SortKey
    from trainer.settings.model import Settings

SORT_KEYS = ("name", "folder", "size", "tokens", "sharpness", "detail", "repeats", "enlarged")
"""Orders of a list; `trainer.data_index.record.SORTS` says what is compared, and is not imported before a command runs."""


@click.command()
@click.argument("settings_file", type=PATH, required=False, metavar="[SETTINGS.toml]")
@OVERRIDES
@click.option(
    "--list",
    "query",
    metavar="QUERY",
    help='List the pictures that fit: words of name or caption, `tag:NAME`, `-tag:"TWO WORDS"`, `folder:NAME`, `fault:blurred`, `no:caption`, `is:excluded`, `is:duplicate`; "" for all.',
)
@click.option("--sort", type=click.Choice(SORT_KEYS), default="name", help="Order of the list (default: name).")
@click.option("--descending", is_flag=True, help="The largest first.")
@click.option("--duplicates", is_flag=True, help="List the groups of pictures that are nearly the same.")
@click.option(
    "--pixels/--no-pixels", default=True, help="Look at the pixels of pictures that are new or changed (default)."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@exits
def dataset(
    settings_file: Path | None,
    overrides: tuple[str, ...],
    query: str | None,
    sort: str,
    descending: bool,
    duplicates: bool,
    pixels: bool,
    as_json: bool,
) -> ExitCode:
    """Show the pictures that SETTINGS.toml reads: folders, buckets, and what may be wrong with them.

    What is known of a picture is kept in the workspace's cache, so that only new and changed ones are read again. Without
    SETTINGS.toml it is the workspace's, where there is just one.
    """
    from dataclasses import replace

    from lora_tui.wording.picture_filter import parse_picture_filter
    from trainer.data_index.index import DataIndex
    from trainer.jobs.moved_files import with_files_of_bake
    from trainer.settings.subject import resolve
    from trainer.settings.toml_file import load_settings
    from trainer.workspace import find_workspace

    if query is not None and duplicates:
        raise click.UsageError("--list and --duplicates exclude each other")
    if query is None and (descending or sort != "name"):
        raise click.UsageError("--sort and --descending belong to --list")
    asked = None
    if query is not None:
        asked = replace(parse_picture_filter(query), sort=cast("SortKey", sort), descending=descending)
    path = real_path(settings_file or _only_settings())
    settings = with_files_of_bake(resolve(load_settings(path, overrides), path), path)
    with DataIndex(find_workspace(path.parent)) as index:
        done = _refreshed(index, settings, pixels)
        if asked is not None:
            _print_list(index, asked, as_json)
        elif duplicates:
            _print_duplicates(index, as_json)
        else:
            _print_summary(index, settings, path, done, as_json)
    return ExitCode.DONE


def _only_settings() -> Path:
    """Return the workspace's settings file, where it has one."""
    workspace = workspace_here(None)
    files = workspace.settings_files()
    if len(files) != 1:
        named = ", ".join(printable(file.name, 40) for file in files[:6])
        there = f"{len(files)}: {named}" if files else "no settings file"
        raise click.UsageError(f"name a settings file: {printable(str(workspace.root), 200)} has {there}")
    return files[0]


def _refreshed(index: "DataIndex", settings: "Settings", pixels: bool) -> "IndexRefresh":
    from lora_tui.commands.progress_line import ProgressLine
    from trainer.jobs.data_index import tokens_of_base

    with ProgressLine() as line:

        def show(stage: str, done: int, total: int) -> None:
            line(f"{stage}: {done:,} of {total:,}")

        return index.refresh(settings, tokens=tokens_of_base(settings), show=show, pixels=pixels)


def _print_summary(index: "DataIndex", settings: "Settings", path: Path, done: "IndexRefresh", as_json: bool) -> None:
    from lora_tui.wording.dataset_summary import refresh_line, summary_json, summary_lines
    from trainer.data_index.summary import summary_of

    summary = summary_of(index, settings)
    if as_json:
        print_json(summary_json(summary))
        return
    lines = summary_lines(summary)
    click.echo(f"{printable(path.name)}: {next(lines)}")
    for text in lines:
        click.echo(text)
    if note := refresh_line(done):
        print_note(note)


def _print_list(index: "DataIndex", asked: "PictureQuery", as_json: bool) -> None:
    from lora_tui.wording.dataset_summary import picture_json, picture_line

    found = index.pictures(index.ids(asked))
    if as_json:
        print_json([picture_json(picture) for picture in found])
        return
    for picture in found:
        click.echo(picture_line(picture))
    if not found:
        click.echo("no picture fits")


def _print_duplicates(index: "DataIndex", as_json: bool) -> None:
    from lora_tui.wording.dataset_summary import duplicate_lines

    groups = index.near_duplicates()
    pictures = {each.id: each for each in index.pictures([number for group in groups for number in group.ids])}
    if as_json:
        print_json(
            [
                {
                    "pictures": [pictures[number].name for number in group.ids if number in pictures],
                    "folders": list(group.folders),
                    "bits": group.furthest,
                }
                for group in groups
            ]
        )
        return
    for text in duplicate_lines(groups, pictures):
        click.echo(text)
    if not groups:
        click.echo("no picture is nearly the same as another one")

"""Settings of other trainers read: `import`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, print_json
from lora_tui.commands.options import PATH
from trainer.errors import ExitCode, SettingsError
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.interop.importer import Imported
    from trainer.interop.record import SourceDocument
    from trainer.workspace import Workspace

_PASTE = "-"


@click.command("import")
@click.argument("files", type=PATH, nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--out", type=PATH, metavar="SETTINGS.toml", help="Write the settings there, and the subject beside them."
)
@click.option(
    "--subject", metavar="NAME", help="Name of the subject (default: the LoRA's name or the pictures' folder)."
)
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="THERE=HERE",
    help="A folder of the computer that the file is from, and the same folder here; remembered by the workspace. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report and the settings as JSON.")
@click.option("--force", is_flag=True, help="Overwrite SETTINGS.toml if it exists.")
@exits
def import_settings(
    files: tuple[Path, ...], out: Path | None, subject: str | None, maps: tuple[str, ...], as_json: bool, force: bool
) -> ExitCode:
    """Read the settings of another trainer, or of a LoRA file.

    FILE is a config (TOML, JSON, YAML), a script with its command line, a data set file, a LoRA file (`bake it again`) or PEFT's folder;
    `-` reads a paste. Several files make one bake, such as a config and the data set file that it names. Recognised by content; nothing
    in it is run.

    Each key of the source is taken, translated, without effect or unknown, and the report says which. Without --out the settings are
    printed as TOML, the report above them as comments.
    """
    from trainer.atomic_file import is_stream
    from trainer.interop.foreign_paths import parse_map, remembered_map
    from trainer.interop.importer import import_documents
    from trainer.interop.named_models import finder
    from trainer.interop.report import report_json, report_lines
    from trainer.interop.write_import import import_to, write_import
    from trainer.settings.one_setting import check_name
    from trainer.settings.toml_file import save_text

    path_map = parse_map(maps)
    if subject:
        try:
            check_name(subject)
        except ValueError as error:
            raise SettingsError("--subject", found=printable(subject, 60), expected=str(error)) from None
    documents = [_document(path) for path in files]
    streamed = out is not None and is_stream(out)
    if out is None or streamed:
        here = _workspace_here()
        known = {**remembered_map(here), **path_map}
        find = finder(here.root) if here else None
        imported = import_documents(documents, path_map=known, subject=subject or "", find=find)
        written: list[Path] = []
        if out is not None:
            save_text(imported.text, out)
    else:
        imported = import_to(documents, out, path_map=path_map, subject=subject)
        written = write_import(imported, out, force=force, path_map=path_map)
    if as_json:
        print_json(_json(imported, written) | {"report": report_json(imported.report)})
        return ExitCode.DONE
    if out is None:
        _print_settings(imported, report_lines(imported.report))
        return ExitCode.DONE
    # What is written to may be the standard output.
    lines = [*report_lines(imported.report), "", *(f"wrote {printable(str(path))}" for path in written)]
    for line in lines if streamed else [*lines, f"next: lora-tui plan {printable(str(out))}"]:
        click.echo(line, err=streamed)
    return ExitCode.DONE


def _document(path: Path) -> "SourceDocument":
    from trainer.interop.documents import MAX_BYTES, open_document, read_document

    if str(path) != _PASTE:
        return open_document(path)
    return read_document(sys.stdin.buffer.read(MAX_BYTES + 1), "the paste")


def _workspace_here() -> "Workspace | None":
    """Return the workspace of the current folder; None where there is none, or the folder is gone."""
    from trainer.errors import PathError
    from trainer.refusals import current_folder
    from trainer.workspace import find_workspace

    try:
        return find_workspace(current_folder())
    except PathError:
        return None


def _print_settings(imported: "Imported", report: list[str]) -> None:
    """Print the settings below the report, which is a comment; what needs files of its own stands below them."""
    # The file's own first lines say again what the report says.
    body = imported.text.split("\n\n", 1)
    lines = [*(f"# {line}".rstrip() for line in report), "", *body[-1].splitlines()]
    if imported.data_set_text:
        lines += ["", "# With --out, this data set file is written beside the settings:"]
        lines += [f"# {line}".rstrip() for line in imported.data_set_text.splitlines()]
    if imported.subject is not None:
        stated = imported.subject.model_dump(exclude_defaults=True)
        lines += [
            "",
            "# With --out, the subject is written too:",
            *(f"# {key} = {value}" for key, value in stated.items()),
        ]
    for line in lines:
        click.echo(printable(line))


def _json(imported: "Imported", written: list[Path]) -> dict[str, object]:
    return {
        "settings": {name: value for name, value in imported.values.items()},
        "toml": imported.text,
        "subject": imported.subject.model_dump() if imported.subject else None,
        "data_set": imported.data_set_text,
        "written": [str(path) for path in written],
    }

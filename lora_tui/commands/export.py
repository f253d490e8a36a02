"""Settings written for another trainer: `export`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, print_json
from lora_tui.commands.new_settings import print_text
from lora_tui.commands.options import OVERRIDES, PATH, SETTINGS_FILE
from trainer.errors import ExitCode
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.interop.export.export import Exported
    from trainer.interop.export.targets import Target

_TARGETS = ("sd-scripts", "kohya-gui", "easy-training-scripts")


@click.command()
@click.argument("settings_file", type=SETTINGS_FILE, metavar="SETTINGS.toml")
@click.option("--to", "trainer", type=click.Choice(_TARGETS), required=True, help="What it is written for.")
@OVERRIDES
@click.option(
    "--out",
    type=PATH,
    metavar="FILE",
    help="Write to FILE, and a data set file and a prompt file beside it where they are needed.",
)
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@exits
def export(
    settings_file: Path, trainer: str, overrides: tuple[str, ...], out: Path | None, force: bool, as_json: bool
) -> ExitCode:
    """Write SETTINGS.toml for another trainer.

    Every value is stated, also where the default is the same. What the other trainer cannot do stands in the report. Without --out the file is printed, TOML with the report above it as comments, JSON with the report on standard error.
    """
    from trainer.interop.export.export import export_settings
    from trainer.interop.export.targets import TARGETS
    from trainer.settings.subject import resolve
    from trainer.settings.toml_file import load_settings

    target = TARGETS[trainer]
    settings = resolve(load_settings(settings_file, overrides), settings_file)
    file = out or Path(f"{settings_file.stem}.{target.key}{target.ending}")
    data_set = file.with_name(f"{file.stem}.dataset.toml")
    if out is not None:
        file, data_set = file.absolute(), data_set.absolute()
    made = export_settings(settings, settings_file, target, file, data_set)
    written: list[Path] = []
    if out is not None:
        written = _write(made, out, force)
    if as_json:
        print_json(_values(made, out, written))
        return ExitCode.DONE
    lines = list(_lines(made, target, written))
    if out is None:
        # JSON has no comments, and must stay JSON in a pipe.
        comments = target.ending == ".toml"
        print_text("".join(f"# {line}\n" for line in lines if comments) + made.text)
        if comments:
            return ExitCode.DONE
    for line in lines:
        # What is written to may be the standard output.
        click.echo(line, err=not written)
    return ExitCode.DONE


def _write(made: "Exported", out: Path, force: bool) -> list[Path]:
    """Write the files and return those that stay; into a pipe goes the first alone."""
    from trainer.atomic_file import is_stream
    from trainer.settings.toml_file import refuse_existing, save_text

    if is_stream(out):
        save_text(made.text, out)
        return []
    # What is named is there before what names it.
    files = {**made.beside, out: made.text}
    if not force:
        for path in sorted(files):
            refuse_existing(path)
    for path, text in files.items():
        save_text(text, path)
    return list(files)


def _values(made: "Exported", out: Path | None, written: list[Path]) -> dict[str, object]:
    from trainer.interop.export.report import export_json

    beside = {path.name: text for path, text in made.beside.items()}
    texts = {"text": made.text, "beside": beside} if out is None else {}
    return export_json(made.report) | {"how": made.how, "written": [str(path) for path in written]} | texts


def _lines(made: "Exported", target: "Target", written: list[Path]) -> Iterator[str]:
    """Yield the report: what is lost first, then what is other there, then how it is run."""
    report = made.report
    yield f"{printable(target.format.title)}: {report.count_line()}"
    for each in report.of("lost"):
        yield f"lost: {each.setting} = {printable(each.value, 60)}: {printable(each.why)}"
    for each in report.of("translated"):
        yield f"translated: {each.setting} = {printable(each.value, 60)}: {printable(each.to)} ({printable(each.why)})"
    for note in report.notes:
        yield printable(note)
    for path in written:
        yield f"wrote {printable(str(path))}"
    if made.beside and not written:
        yield f"with --out FILE, what it needs is written beside it: {', '.join(path.name for path in made.beside)}"
    yield f"to run it: {printable(made.how)}"

"""A bake's report as a file, and the commands that fetch it to another machine."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.actions.page_file import PageFile, own_place
from lora_tui.terminal.copy_command import copy_command, print_command, this_machine
from trainer.errors import WorkspaceError
from trainer.refusals import user_path
from trainer.text import plural, printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.journal.journal import Journal

DEFAULT_BYTES = 8_000_000
"""Largest size of a report's pictures by default: small enough for a mail."""

FORMS = ("html", "md")
"""The forms of a report, which are the endings of its file."""


@dataclass
class ReportWritten(Message):
    """A bake's report was written."""

    report: PageFile


def make_report(
    journal: "Journal", workspace: Workspace, number: int, form: str = "html", max_bytes: int = DEFAULT_BYTES
) -> tuple[bytes, int]:
    """Return the report of a bake, and how many chapters it has.

    Args:
        journal, workspace: of the bake.
        number: of the bake.
        form: one of FORMS.
        max_bytes: of its pictures.

    Raises:
        WorkspaceError: there is no such bake.
    """
    from trainer.report.build import bake_report
    from trainer.report.html import report_html
    from trainer.report.markdown import report_markdown

    report = bake_report(journal, workspace, number)
    content = report_html(report, max_bytes=max_bytes) if form == "html" else report_markdown(report).encode()
    return content, len(report.chapters)


def write_report(
    journal: "Journal",
    workspace: Workspace,
    number: int,
    *,
    form: str = "html",
    max_bytes: int = DEFAULT_BYTES,
    into: Path | None = None,
) -> PageFile:
    """Write the report of a bake and return where it is.

    Args:
        journal, workspace, number, form, max_bytes: as for make_report.
        into: the file; None for `report-NUMBER-NAME.html` in the bake's folder, or where that cannot be written in the current one.

    Raises:
        WorkspaceError: there is no such bake, or the file cannot be written.
        GridError: something of its name is in the current folder.
    """
    from trainer.atomic_file import write_atomically
    from trainer.gallery.page import size_text

    content, chapters = make_report(journal, workspace, number, form, max_bytes)
    folder = workspace.root / journal.bakes.read(number).folder
    name = f"report-{folder.name}.{form}"
    path = user_path(into).absolute() if into else own_place(folder, name, "bake")
    try:
        write_atomically(path, content)
    except OSError as error:
        raise WorkspaceError(printable(str(path)), found=f"cannot be written ({error.strerror})") from error
    box = this_machine()
    show = ["report", str(number), f"--{form}", "--in", str(workspace.root), "--stdout"]
    return PageFile(
        path,
        f"{size_text(len(content))}, {plural(chapters, 'chapter')}",
        copy_command(path, box),
        print_command(show, name, box),
    )


def write_shown_report(workspace: Workspace, number: int) -> Message:
    """Write the report of a bake into its folder, for a screen.

    Raises:
        LoraTuiError: as write_report.
    """
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        return ReportWritten(write_report(journal, workspace, number))

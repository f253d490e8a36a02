"""What another trainer takes of the settings, before anything is written."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

from lora_tui.keys.keymap import bindings
from lora_tui.screens.report import ReportScreen
from lora_tui.terminal.key_queue import AWAITED
from lora_tui.widgets.report_list import ReportList
from lora_tui.wording.interop_report import export_sections
from lora_tui.wording.unexpected import as_error
from trainer.errors import LoraTuiError
from trainer.text import printable

if TYPE_CHECKING:
    from lora_tui.actions.exports import ReadyExport


class ExportReportScreen(ReportScreen[Sequence[Path] | None]):
    """Shows the report; dismissed with the files that were written, or None.

    Args:
        ready: what would be written.
        write: writes it and returns the files; called in a thread.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("report", "export report")
    ENTER_ACTS = True

    class Written(Message):
        """The files are written, or could not be."""

        def __init__(self, files: Sequence[Path], error: LoraTuiError | None = None) -> None:
            """Carry the files, or what is wrong."""
            super().__init__()
            self.files = tuple(files)
            self.error = error

    def __init__(self, ready: "ReadyExport", write: "Callable[[ReadyExport], Sequence[Path]]") -> None:
        super().__init__()
        self._ready = ready
        self._write = write

    def on_mount(self) -> None:
        """Show the report."""
        exported = self._ready.exported
        report = exported.report
        title = Content.assemble(
            (f"Export: {printable(report.title)}", "bold"), (f"   {printable(self._ready.file.name)}", "$muted")
        )
        self.show_report(title, report.count_line(), export_sections(report, exported.how), "export.write")
        self.query_one(ReportList).focus()

    def action_write(self) -> None:
        """Write the files."""
        self._write_in_thread()

    @work(thread=True, exit_on_error=False, group=AWAITED)
    def _write_in_thread(self) -> None:
        try:
            answer = self.Written(self._write(self._ready))
        except Exception as broken:
            answer = self.Written((), as_error("export", broken))
        self.post_message(answer)

    @on(Written)
    def _leave(self, event: Written) -> None:
        event.stop()
        if event.error is not None:
            self.notify(printable(event.error.line()), severity="error", markup=False)
        else:
            self.dismiss(event.files)

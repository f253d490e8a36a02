"""What became of every key of an import, before anything is written."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

from lora_tui.keymap import bindings
from lora_tui.screens.foreign_paths import ForeignPathsDialog
from lora_tui.screens.report import ReportScreen
from lora_tui.screens.save_import import SaveImportDialog
from lora_tui.terminal.key_queue import AWAITED
from lora_tui.widgets.report_list import ReportList
from lora_tui.wording.interop_report import import_sections
from lora_tui.wording.unexpected import as_error
from trainer.errors import LoraTuiError
from trainer.text import plural, printable

if TYPE_CHECKING:
    from lora_tui.actions.imports import ReadImport


class ImportReportScreen(ReportScreen[Path | None]):
    """Shows the report; dismissed with the settings file that was written, or None.

    Args:
        read: what was read.
        remap: reads it again with folders of another computer at other places (prefix -> folder); called in a thread.
        save: writes it as settings with a name, and returns the settings file; called in a thread.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("report", "import report")

    class Remapped(Message):
        """The source was read again with other folders, or could not be."""

        def __init__(self, read: "ReadImport | None", error: LoraTuiError | None = None) -> None:
            """Carry what was read, or what is wrong."""
            super().__init__()
            self.read = read
            self.error = error

    def __init__(
        self,
        read: "ReadImport",
        remap: "Callable[[ReadImport, Mapping[str, str]], ReadImport]",
        save: "Callable[[ReadImport, str], Path]",
    ) -> None:
        super().__init__()
        self._import = read
        self._remap = remap
        self._save = save

    def on_mount(self) -> None:
        """Show the report; ask where folders of another computer are, if any are named."""
        self._show()
        self.query_one(ReportList).focus()
        if self._import.foreign:
            self.action_map_paths()

    def action_save(self) -> None:
        """Ask for the name of the settings, and write them."""
        read = self._import

        def save(name: str) -> Path:
            return self._save(read, name)

        self.app.push_screen(SaveImportDialog(read, save), self._leave_with)

    def action_map_paths(self) -> None:
        """Ask where the folders of another computer are on this one."""
        if not self._import.foreign:
            self.notify("all paths are of this computer", markup=False)
            return

        def remap(folders: "Mapping[str, str] | None") -> None:
            if folders:
                self._read_again(folders)

        self.app.push_screen(ForeignPathsDialog(self._import.foreign), remap)

    @work(thread=True, exit_on_error=False, group=AWAITED)
    def _read_again(self, folders: "Mapping[str, str]") -> None:
        try:
            answer = self.Remapped(self._remap(self._import, folders))
        except Exception as broken:
            answer = self.Remapped(None, as_error("import", broken))
        self.post_message(answer)

    @on(Remapped)
    def _take_again(self, event: Remapped) -> None:
        event.stop()
        if event.read is None:
            if event.error is not None:
                self.notify(printable(event.error.line()), severity="error", markup=False)
            return
        self._import = event.read
        self._show()

    def _show(self) -> None:
        report = self._import.report
        title = Content.assemble(
            (f"Import: {printable(report.title)}", "bold"), (f"   {printable(report.where)}", "$muted")
        )
        rest = f"what it leaves open is as in {report.profile}" if report.profile else ""
        notes = plural(len(report.notes), "note") if report.notes else ""
        count = " · ".join(part for part in (report.count_line(), rest, notes) if part)
        paths = ("report.paths",) if self._import.foreign else ()
        self.show_report(title, count, import_sections(report), "report.save", *paths)

    def _leave_with(self, path: Path | None) -> None:
        if path is not None:
            self.dismiss(path)

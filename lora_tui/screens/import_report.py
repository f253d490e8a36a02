"""What became of every key of an import, before anything is written."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.content import Content

from lora_tui.keys.keymap import bindings
from lora_tui.screens.foreign_paths import ForeignPathsDialog
from lora_tui.screens.report import ReportScreen
from lora_tui.screens.save_import import SaveImportDialog
from lora_tui.widgets.report_list import ReportList
from lora_tui.wording.interop_report import import_sections
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

        read = self._import

        def remap(folders: "Mapping[str, str]") -> "ReadImport":
            return self._remap(read, folders)

        def show(again: "ReadImport | None") -> None:
            if again is not None:
                self._import = again
                self._show()

        self.app.push_screen(ForeignPathsDialog(read.foreign, remap), show)

    def _show(self) -> None:
        report = self._import.report
        title = Content.assemble(
            (f"Import: {printable(report.title)}", "bold"), (f"   {printable(report.where)}", "$muted")
        )
        rest = f"what it leaves open is as in {report.profile}" if report.profile else ""
        notes = plural(len(report.notes), "note") if report.notes else ""
        count = " · ".join(part for part in (report.count_line(), rest, notes) if part)
        paths = ("report.paths",) if self._import.foreign else ()
        self.show_report(title, count, import_sections(report), "report.save=save", *paths)

    def _leave_with(self, path: Path | None) -> None:
        if path is not None:
            self.dismiss(path)

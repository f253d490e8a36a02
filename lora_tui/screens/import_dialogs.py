"""Imports and exports over the Bake screen: from the source to the settings that are open."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from textual.message import Message
from textual.screen import Screen

from lora_tui.actions.bakes import NothingToTell
from lora_tui.actions.order_sender import OrderSender
from lora_tui.forms.settings_editor import SettingsEditor
from lora_tui.screens.plan_dialogs import NO_SETTINGS
from lora_tui.screens.settings_files import SettingsFiles
from lora_tui.snapshot import Snapshot
from trainer.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lora_tui.actions.exports import ReadyExport
    from lora_tui.actions.imports import ReadImport

_TARGETS = (
    ("sd-scripts", "sd-scripts", "TOML, a data set file and the command line"),
    ("kohya-gui", "kohya_ss GUI", "JSON for Configuration, Load"),
    ("easy-training-scripts", "Easy Training Scripts", "TOML for File, Load TOML"),
)


class ImportSources(Protocol):
    """Reads and writes imports; every call comes from a worker thread."""

    def read(self, given: str) -> "ReadImport":
        """Return what a path or a pasted text would give."""
        ...

    def remap(self, read: "ReadImport", folders: "Mapping[str, str]") -> "ReadImport":
        """Return it with folders of another computer (prefix -> folder) at their places here, and remember these."""
        ...

    def save(self, read: "ReadImport", name: str) -> Path:
        """Write it as settings, and as a subject where data are named; return the settings file."""
        ...


class ImportDialogs:
    """Opens the dialogs of an import.

    Args:
        screen: the dialogs open over it.
        sender: knows what the keys may do.
        editor: the settings.
        files: settles unsaved edits, and opens what was written.
        sources: reads and writes.
        snapshot: returns what the screen shows now.
        log: takes a line for the log pane.
    """

    def __init__(
        self,
        screen: Screen[Any],
        sender: OrderSender,
        editor: SettingsEditor,
        files: SettingsFiles,
        sources: ImportSources,
        snapshot: Callable[[], Snapshot],
        log: Callable[[str], object],
    ) -> None:
        self._screen = screen
        self._sender = sender
        self._editor = editor
        self._files = files
        self._sources = sources
        self._snapshot = snapshot
        self._log = log
        self._last: ReadImport | None = None

    def offer_import(self, given: str = "") -> None:
        """Ask for a source, or read `given` at once; then show what became of it."""
        from lora_tui.screens.import_source import ImportDialog

        if not self._sender.may_bake():
            return
        last = self._last
        again = None if last is None else lambda: self._sources.remap(last, {})
        self._files.settle_edits(
            lambda: self._screen.app.push_screen(ImportDialog(self._sources.read, given, again), self._show_report)
        )

    def bake_again(self) -> None:
        """Read the settings of the newest LoRA of the bake shown back from its metadata."""
        if not self._sender.may_bake():
            return
        snapshot = self._snapshot()
        if snapshot.bake is None or not snapshot.checkpoints:
            self._sender.warn("no LoRA of a bake is shown here: press <key settings.import> to import any LoRA file")
            return
        newest = snapshot.checkpoints[0]
        self.offer_import(str(self._sender.workspace.root / snapshot.bake.folder / newest.file))

    def offer_export(self) -> None:
        """Ask for a trainer, and write the settings for it."""
        from lora_tui.screens.pick import PickChoice, PickDialog

        draft = self._editor.draft
        if not self._sender.may_bake():
            return
        if draft is None:
            self._sender.warn(NO_SETTINGS)
            return

        def make(target: str | None) -> None:
            from lora_tui.actions.exports import make_export

            if target is None:
                return
            made: list[ReadyExport] = []

            def job() -> Message:
                made.append(make_export(self._sender.workspace, draft, target))
                return NothingToTell()

            self._sender.write(job, lambda: self._show_export(made[0]), long="Exporting the settings")

        choices = [PickChoice(key, title, help) for key, title, help in _TARGETS]
        self._screen.app.push_screen(PickDialog(f"Export {printable(draft.path.name)} for", choices), make)

    def _show_export(self, ready: "ReadyExport") -> None:
        """Show what another trainer takes of the settings."""
        from lora_tui.actions.exports import write_export
        from lora_tui.screens.export_report import ExportReportScreen

        def tell(files: "Sequence[Path] | None") -> None:
            if files:
                names = " and ".join(f"{path.parent.name}/{path.name}" for path in files)
                self._sender.note(f"wrote {names}; the log says how it is run", seconds=5)
                self._log(f"wrote {names}; to run it: {ready.exported.how}")

        self._screen.app.push_screen(ExportReportScreen(ready, write_export), tell)

    def _show_report(self, read: "ReadImport | None") -> None:
        from lora_tui.screens.import_report import ImportReportScreen

        if read is not None:
            self._last = read
            report = ImportReportScreen(read, self._sources.remap, self._sources.save)
            self._screen.app.push_screen(report, self._files.open)

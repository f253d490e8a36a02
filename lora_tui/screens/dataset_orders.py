"""What the keys of the Dataset screen ask and do beside captions: pictures left out, repeats, findings, near-duplicates."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from lora_tui.actions.dataset import CaptionWork
from lora_tui.actions.order_sender import OrderSender
from lora_tui.actions.tagging import TaggerDesk
from lora_tui.pictures.picture_cache import Pictures
from lora_tui.screens.caption_orders import CaptionOrders
from lora_tui.screens.dialog import NoteDialog
from lora_tui.screens.pick import PickChoice, PickDialog
from lora_tui.screens.tagger_orders import TaggerOrders
from lora_tui.workers.dataset_source import DatasetSource
from trainer.errors import LoraTuiError
from trainer.text import plural, printable

if TYPE_CHECKING:
    from lora_tui.actions.dataset_findings import FindingsFound
    from lora_tui.actions.dataset_pairs import PairsFound
    from trainer.data_index.index import DataIndex
    from trainer.data_index.record import IndexedPicture
    from trainer.jobs.folder_repeats import FolderRename, RenameEffect

# Of a number of repeats; whether it is too large is said where it is used.
_MOST_DIGITS = 9


@dataclass(frozen=True)
class DatasetDoors:
    """What the Dataset screen has of the Bake screen's settings.

    Attributes:
        source: returns the settings as they are now, None where none are open.
        change: puts values into the form.
        save: saves the settings to their file, then does what it is given.
        unsaved: whether they have edits that are not saved.
        tagger: the program's, which may be at work while this screen is closed.
    """

    source: Callable[[], DatasetSource | None]
    change: Callable[[Mapping[str, object]], object]
    save: Callable[[Callable[[], object]], object]
    unsaved: Callable[[], bool]
    tagger: TaggerDesk = field(default_factory=TaggerDesk)


class RepeatsDialog(NoteDialog):
    """How often each picture of a folder comes in an epoch."""

    ENTER_DOES = "change them"
    HINT = "a number; 0 leaves the folder out"
    MAY_BE_EMPTY = False


class FolderRepeatsDialog(RepeatsDialog):
    """The same for the number that stands in the folder's name, which must be one."""

    HINT = "a number from 1 to 10,000; only the settings leave a folder out"


class DatasetOrders(CaptionOrders):
    """Asks, then changes settings and folders, or writes captions. All calls come in the screen's thread.

    Args:
        screen: the Dataset screen.
        sender: knows what the keys may do, and shows toasts.
        work: edits captions, and asks the index.
        doors: to the settings.
        pictures: where the pictures of dialogs come from.
        changed: called once captions were written, with whether the next key is to wait until they have been read again.
        settings_changed: called once settings were changed that decide the data; looks at the folders again.
    """

    def __init__(
        self,
        screen: Screen[Any],
        sender: OrderSender,
        work: CaptionWork,
        doors: DatasetDoors,
        pictures: Pictures,
        changed: Callable[[bool], object],
        settings_changed: Callable[[], object],
    ) -> None:
        super().__init__(screen, sender, work, changed)
        self.tagger = TaggerOrders(screen, sender, work, doors.tagger, self.preview)
        """What the key of the tagger does."""
        self.renamed = False
        """Whether a folder was renamed, or a rename undone."""
        self._doors = doors
        self._pictures = pictures
        self._settings_changed = settings_changed

    # Settings

    def exclude(self, ids: Sequence[int]) -> None:
        """Leave pictures out; where all of them are, take them in again."""
        if self._sender.may_bake() and ids:
            self._run(
                "Leave pictures out",
                lambda show, stop: self._work.pictures(ids),
                self.turn_out,
            )

    def turn_out(self, pictures: "Sequence[IndexedPicture]") -> None:
        """Leave these pictures out; where all of them are, take them in again."""
        source = self._doors.source()
        if source is None or not pictures or not self._sender.may_bake():
            return
        names = dict.fromkeys(picture.name for picture in pictures)
        now = dict.fromkeys(source.settings.exclude_pictures)
        taken_in = all(name in now for name in names)
        after = [name for name in now if name not in names] if taken_in else [*dict.fromkeys((*now, *names))]
        self._doors.change({"exclude_pictures": after})
        done = "taken in again" if taken_in else "left out"
        self._sender.note(f"{plural(len(names), 'picture')} {done}; <key dataset.save> saves the settings")
        self._settings_changed()

    def is_left_out(self, picture: "IndexedPicture") -> bool:
        """Return whether a picture is left out as the settings are now."""
        source = self._doors.source()
        return source is not None and picture.name in source.settings.exclude_pictures

    def change_repeats(self, picture: "IndexedPicture") -> None:
        """Ask for other repeats of the folder of a picture, and where they are to stand."""
        from lora_tui.actions.folder_repeats import last_rename, undo_last_rename

        if not self._sender.may_bake():
            return
        workspace, folder = self._sender.workspace, picture.folder_path

        def ask(last: "FolderRename | None") -> None:
            name = printable(folder.name, 60)
            choices = [
                PickChoice(
                    "settings", "in the settings", "num_repeats of the settings in the form; the folder stays as it is"
                ),
                PickChoice(
                    "folder",
                    "in the folder's name",
                    f"{name} is renamed; what names it must not, and no bake may read it",
                ),
            ]
            if last is not None:
                names = f"{printable(Path(last.after).name, 40)} back to {printable(Path(last.before).name, 40)}"
                choices.append(PickChoice("undo", "undo the last rename", names))
            heading = f"Repeats of {name}: {picture.repeats} now"
            self._screen.app.push_screen(PickDialog(heading, choices), take)

        def take(choice: str | None) -> None:
            if choice == "undo":
                self._rename(lambda: undo_last_rename(workspace))
            elif choice is not None:
                self._ask_repeats(picture, in_name=choice == "folder")

        self._run("Repeats", lambda show, stop: last_rename(workspace), ask)

    def _ask_repeats(self, picture: "IndexedPicture", *, in_name: bool) -> None:
        from lora_tui.actions.folder_repeats import rename_for_repeats

        workspace, folder = self._sender.workspace, picture.folder_path

        def take(text: str | None) -> None:
            if text is None:
                return
            if not text.isascii() or not text.isdecimal() or len(text) > _MOST_DIGITS:
                self._sender.show_error(f"repeats: `{printable(text, 30)}`; expected a whole number")
            elif in_name:
                self._rename(lambda: rename_for_repeats(workspace, folder, int(text)))
            else:
                self._set_repeats(folder, int(text))

        story = f"{printable(str(folder))}: {picture.repeats} now"
        dialog = FolderRepeatsDialog if in_name else RepeatsDialog
        self._screen.app.push_screen(dialog(f"Repeats of {printable(folder.name, 60)}", story), take)

    def _set_repeats(self, folder: Path, repeats: int) -> None:
        from trainer.jobs.folder_repeats import with_repeats

        source = self._doors.source()
        if source is None:
            return
        try:
            changed = with_repeats(source.settings, folder.name, repeats)
        except LoraTuiError as error:
            self._sender.show_error(error.line())
            return
        self._doors.change({"num_repeats": changed})
        self._sender.note(
            f"{printable(folder.name, 60)}: {plural(repeats, 'repeat')}; <key dataset.save> saves the settings"
        )
        self._settings_changed()

    def _rename(self, job: "Callable[[], RenameEffect]") -> None:
        def done(effect: "RenameEffect") -> None:
            from trainer.jobs.folder_repeats import effect_line

            self.renamed = True
            self._sender.note(effect_line(effect), seconds=5)
            self._settings_changed()

        self._run("Rename a folder", lambda show, stop: job(), done)

    # What stands out

    def show_pairs(self, note: str) -> None:
        """Show near-duplicates beside each other."""
        from lora_tui.actions.dataset_pairs import find_pairs
        from lora_tui.screens.dataset_pairs import PairsScreen

        def show(found: "PairsFound") -> None:
            if not found.pairs:
                self._sender.note(f"no pictures are nearly the same{f' ({note})' if note else ''}")
                return
            may = self._sender.rights.bake
            turn = (lambda picture: self.turn_out([picture])) if may else None
            self._screen.app.push_screen(PairsScreen(self._pictures, found.pairs, note, self.is_left_out, turn))

        self._ask_index("Compare pictures", find_pairs, show)

    def show_findings(self, list_pictures: Callable[[str], object]) -> None:
        """Show what stands out; `list_pictures` takes the filter of a finding."""
        from lora_tui.actions.dataset_findings import find_findings
        from lora_tui.screens.dataset_findings import DataFindingsDialog

        def leave(text: str | None) -> None:
            if text:
                list_pictures(text)

        def show(found: "FindingsFound") -> None:
            mend = self.mend if self._sender.rights.bake else None
            self._screen.app.push_screen(DataFindingsDialog(found.findings, mend), leave)

        source = self._doors.source()
        if source is not None:
            self._ask_index("Look at pictures and captions", lambda index: find_findings(index, source), show)

    def _ask_index(self, heading: str, question: "Callable[[DataIndex], Any]", then: Callable[[Any], object]) -> None:
        self._run(heading, lambda show, stop: self._work.ask(question), then)

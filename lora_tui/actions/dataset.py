"""What the Dataset screen does to captions: planned, written and undone, each in a worker thread."""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lora_tui.workers.dataset_source import DatasetSource
from trainer.errors import DatasetError
from trainer.text import printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from lora_tui.actions.captions import CaptionPlace
    from trainer.captions.record import CaptionEditPlan, CaptionFile, CaptionStep, TagEdit
    from trainer.data_index.index import DataIndex
    from trainer.data_index.kept_columns import KeptColumns
    from trainer.data_index.record import IndexedPicture
    from trainer.families.conventions import CaptionConvention

Answer = TypeVar("Answer")

Show = Callable[[str, int, int], object]
Stop = Callable[[], bool]

_LOOKING, _PLANNING, _WRITING = "looking up the pictures", "reading the captions", "writing"


@dataclass(frozen=True)
class EditorText:
    """A caption handed to an editor.

    Attributes:
        place: the file that the editor opens, a copy.
        caption: the caption's own file, and what is known of it.
        text: what the copy held.
    """

    place: Path
    caption: "CaptionFile"
    text: str


class CaptionWork:
    """Edits of the captions of the pictures that a screen shows. Every method may take long, and is for a worker thread.

    Args:
        workspace: keeps the history.
        source: returns what is shown.
        kept: what the index was read as before; None keeps nothing.
    """

    def __init__(
        self, workspace: Workspace, source: Callable[[], DatasetSource], kept: "KeptColumns | None" = None
    ) -> None:
        self.workspace = workspace
        """Keeps the history."""
        self._source = source
        self._kept = kept

    def plan(
        self, edit: "TagEdit | Sequence[TagEdit]", ids: Sequence[int], show: Show, stop: Stop
    ) -> "CaptionEditPlan":
        """Return what an operation, or several one after the other, would change in the captions of these pictures.

        Raises:
            SettingsError: something that it asks for is wrong.
            DatasetError: the pictures cannot be read.
        """
        from trainer.captions.plan import plan_edit

        show(_LOOKING, 0, 0)
        files = self.files(self.pictures(ids))
        plan = plan_edit(edit, files, show=lambda done, total: show(_PLANNING, done, total), stop=stop)
        return self.with_bakes(plan)

    def conventions(self) -> "tuple[CaptionConvention, ...]":
        """Return how captions are written for bases like that of the settings; where that is not known, for all there are."""
        from lora_tui.actions.captioned_data import conventions_for

        return tuple(each for _, some in conventions_for(self._place()) for each in some)

    def plan_convention(
        self, convention: "CaptionConvention", ids: Sequence[int], show: Show, stop: Stop
    ) -> "CaptionEditPlan":
        """Return what a convention would change in the captions of these pictures, the subject's trigger in front.

        Raises:
            SettingsError, DatasetError: the subject or the pictures cannot be read.
        """
        from trainer.captions.conventions import ConventionEdit, plan_convention

        show(_LOOKING, 0, 0)
        files = self.files(self.pictures(ids))
        edit = ConventionEdit(convention, self.trigger())
        planned = plan_convention(edit, files, show=lambda done, total: show(_PLANNING, done, total), stop=stop)
        return self.with_bakes(planned.plan)

    def plan_tags(self, picture: "IndexedPicture", before: Sequence[str], after: Sequence[str]) -> "CaptionEditPlan":
        """Return what it would change to give one caption other tags.

        Args:
            picture: whose caption.
            before: its tags as they were shown.
            after: the tags that it is to have.

        Raises:
            DatasetError: the caption is another than the one shown, or cannot be read.
            SettingsError: a tag has signs that no caption has.
        """
        from trainer.captions.plan import plan_texts
        from trainer.captions.tags import text_of, written_tags

        file = self._file(picture)
        text = _text(file)
        if written_tags(text, file.rules) != tuple(before):
            raise DatasetError(
                printable(file.path.name),
                found="the caption was changed by another program",
                way_out="look at it again: it is read once more",
            )
        words = f"edit the caption of {printable(picture.name, 80)}"
        return plan_texts({file.path: text_of(after, text, file.rules)}, [file], words=words, complete=True)

    def write(self, plan: "CaptionEditPlan", show: Show, stop: Stop) -> "CaptionStep":
        """Write what a plan changes; once stopped, everything is put back.

        Raises:
            DatasetError, WorkspaceError: it cannot be written.
        """
        from trainer.captions.history import CaptionHistory

        history = CaptionHistory(self.workspace)
        return history.write(plan, show=lambda done, total: show(_WRITING, done, total), stop=stop)

    def turn(self, step: "CaptionStep", show: Show, stop: Stop, *, complete: bool = False) -> "CaptionStep":
        """Undo a step, or do it again where it is undone; return it as it is then.

        Args:
            step: the step.
            show, stop: how far it is, and whether to stop.
            complete: of one that was interrupted, whether to complete it rather than undo it.

        Raises:
            WorkspaceError: its backup cannot be read, or captions are being written by another process.
        """
        from trainer.captions.history import CaptionHistory

        history = CaptionHistory(self.workspace)
        turn = history.redo if step.undone or complete else history.undo
        return turn(step.number, show=lambda done, total: show(_WRITING, done, total), stop=stop)

    def steps(self) -> "list[CaptionStep]":
        """Return every step, the oldest first."""
        from trainer.captions.history import CaptionHistory

        return CaptionHistory(self.workspace).steps()

    def text_for_editor(self, picture: "IndexedPicture") -> EditorText:
        """Return a copy of the whole caption of a picture for an editor to open.

        Raises:
            DatasetError: the caption cannot be read.
            OSError: the copy cannot be written.
        """
        file = self._file(picture)
        text = _text(file)
        folder = Path(tempfile.mkdtemp(prefix="lora-tui-"))
        place = folder / f"{picture.path.stem}.txt"
        place.write_text(text, encoding="utf-8")
        return EditorText(place, file, text)

    def plan_of_editor(self, edited: EditorText) -> "CaptionEditPlan":
        """Return what it would change to write what an editor left; the copy stays until it is dropped.

        Raises:
            DatasetError: the copy is gone, or is no text.
            SettingsError: the text has signs that no caption has.
        """
        from trainer.captions.plan import plan_texts
        from trainer.dataset.caption_file import read_caption_file

        text = read_caption_file(edited.place).text
        name = printable(edited.caption.picture.name, 80)
        words = f"edit the caption of {name}"
        return plan_texts({edited.caption.path: text}, [edited.caption], words=words, complete=True)

    def pictures(self, ids: Sequence[int]) -> "list[IndexedPicture]":
        """Return these pictures of the index."""
        return self.ask(lambda index: index.pictures(ids))

    def ask(self, question: "Callable[[DataIndex], Answer]") -> "Answer":
        """Return what is asked of the index of the pictures shown."""
        from trainer.data_index.index import DataIndex

        with DataIndex(self.workspace, self._kept) as index:
            index.recall(self._source().resolved())
            return question(index)

    def files(self, pictures: "Sequence[IndexedPicture]") -> "list[CaptionFile]":
        """Return the caption files of pictures, also of those that have none yet.

        Raises:
            SettingsError, DatasetError: the settings or a folder cannot be read.
        """
        from trainer.captions.find import CaptionWays, caption_files

        return caption_files(pictures, CaptionWays.of(self._source().resolved()))

    def trigger(self) -> str:
        """Return the trigger of the settings' subject, "" where there is none; reads its file.

        Raises:
            SettingsError: its file cannot be read.
        """
        subject = self._source().subject()
        return "" if subject is None else subject.trigger

    def with_bakes(self, plan: "CaptionEditPlan") -> "CaptionEditPlan":
        """Return a plan that says which bakes are running on the pictures."""
        from lora_tui.actions.captions import with_bakes_remarked

        return with_bakes_remarked(self.workspace, plan)

    def _place(self) -> "CaptionPlace":
        from lora_tui.actions.captions import CaptionPlace
        from trainer.captions.find import CaptionWays

        source = self._source()
        settings = source.resolved()
        return CaptionPlace(self.workspace, CaptionWays.of(settings), source.path, settings)

    def _file(self, picture: "IndexedPicture") -> "CaptionFile":
        (file,) = self.files([picture])
        return file


def drop_copy(edited: EditorText) -> None:
    """Remove the copy that an editor was given."""
    for path in (edited.place, edited.place.parent):
        try:
            path.rmdir() if path.is_dir() else path.unlink()
        except OSError:
            # An editor may have left files of its own beside it.
            return


def undone_next(steps: "Sequence[CaptionStep]") -> "CaptionStep | None":
    """Return the step that is undone next: the newest that is done; None where none is."""
    return next((step for step in reversed(steps) if not step.undone), None)


def redone_next(steps: "Sequence[CaptionStep]") -> "CaptionStep | None":
    """Return the step that is done again next: of those undone behind the newest done one, the last undone; None where there is none."""
    behind = list(takewhile(lambda step: step.undone, reversed(steps)))
    # Of several with one time, as after a clock was set back, the oldest: it was written first.
    return max(behind, key=lambda step: (step.turned, -step.number), default=None)


def _text(file: "CaptionFile") -> str:
    from trainer.dataset.caption_file import read_caption_file

    return read_caption_file(file.path).text if file.exists and os.path.lexists(file.path) else ""

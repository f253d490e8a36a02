"""Records of caption editing: an operation with its arguments, what it would change, and a step that was written."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from trainer.dataset.records import CaptionRules
from trainer.file_mark import FileMark
from trainer.text_encoding import EncodedText

OperationName = Literal[
    "rename", "remove", "add", "front", "reorder", "dedupe", "spaces", "underscores", "escape", "unescape", "replace"
]
"""Keys of TAG_OPERATIONS."""

TagPlace = Literal["front", "back", "behind"]
"""Where tags are added: before all others, behind all others, behind the tag `anchor`."""

TagOrder = Literal["frequency", "alphabet", "list"]
"""What tags are sorted by: how many captions have them (the most first), their letters, their place in `tags`."""


@dataclass(frozen=True)
class TagEdit:
    """One operation on captions; what an operation does not ask for is ignored (`TAG_OPERATIONS[operation].takes`).

    Attributes:
        operation: key of TAG_OPERATIONS.
        tags: those that are renamed (all to the same name), removed, added or moved to the front, or that come first in order.
        new: the new name; tags parted by commas make several of one.
        place: where tags are added.
        anchor: the tag that they are added behind.
        order: what tags are sorted by.
        pattern: a regular expression of the package regex, for what stands in the caption's line.
        replacement: what stands in its place; `\\1` for its first group.
    """

    operation: OperationName
    tags: tuple[str, ...] = ()
    new: str = ""
    place: TagPlace = "back"
    anchor: str = ""
    order: TagOrder = "frequency"
    pattern: str = ""
    replacement: str = ""


class CaptionOwner(Protocol):
    """A picture as an edit of its caption needs it; a picture of the index is one, and so is a FoundPicture."""

    @property
    def path(self) -> Path:
        """Its file."""

    @property
    def folder(self) -> str:
        """The name of its folder."""

    @property
    def caption(self) -> str:
        """Its words; the folder's where it has no caption file."""

    @property
    def caption_file(self) -> Path | None:
        """Where its words come from, None where the folder's stand in."""

    @property
    def caption_place(self) -> Path | None:
        """The file that its caption is in, or would be written to; None where the settings read no captions."""


@dataclass(frozen=True)
class FoundPicture:
    """A picture that was found in a folder without being opened; its caption was not read either.

    Attributes:
        path: its file.
        folder: name of the folder, as in `DataSet.folders`.
        caption: the words that stand in where it has no caption file, "" where it has one.
        caption_file: its caption's file, None where it has none.
        caption_place: the file that its caption is in, or would be written to; None where captions are not read.
    """

    path: Path
    folder: str
    caption: str
    caption_file: Path | None
    caption_place: Path | None


@dataclass(frozen=True)
class CaptionFile:
    """The caption of one picture or of several, chosen to be edited.

    Attributes:
        path: its file, or where it would be made.
        exists: whether it is there.
        words: what the pictures are trained with while it is not there.
        rules: how it is read: which of its lines count, what parts them.
        pictures: how many pictures it is the caption of.
        chosen: how many of these were chosen.
        picture: the first that was chosen.
    """

    path: Path
    exists: bool
    words: str
    rules: CaptionRules
    pictures: int
    chosen: int
    picture: Path


@dataclass(frozen=True)
class EditedCaption:
    """A caption file before and after, as its complete text without a byte order mark; None where there is no file.

    Attributes:
        path: the file.
        before, after: its text.
        read: what `before` was read from, with the mark of the file, by which it need not be read again; None where that is not known.
    """

    path: Path
    before: str | None
    after: str | None
    read: tuple[EncodedText, FileMark] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class RefusedCaption:
    """A caption file that is left as it is, and why: words that go behind its name and a colon."""

    path: Path
    why: str


@dataclass(frozen=True)
class CaptionEditPlan:
    """What an edit would do; nothing is written yet.

    Attributes:
        edits: the operations, one after the other; none where captions were typed by hand.
        words: what it does, as the history shows it.
        changes: each caption file that would change.
        unchanged: how many would stay as they are.
        refused: those that would change and cannot, or should not.
        remarks: what should be known before it is written, a sentence each.
    """

    edits: tuple[TagEdit, ...]
    words: str
    changes: tuple[EditedCaption, ...]
    unchanged: int
    refused: tuple[RefusedCaption, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class CaptionStep:
    """One step of the history.

    Attributes:
        number: from 1.
        when: seconds since 1970.
        words: what it does.
        files: caption files that it changes.
        undone: whether these are as they were before it, but for those left.
        unfinished: whether its process was killed: some files may be as before, others as after.
        writing: whether a process is writing or undoing it at this moment.
        left: files that the last write, undo or redo did not touch, and why.
        turned: when it was last written, undone or done again, seconds since 1970; 0 where that is not known.
        backup: the file with everything as it was before and after.
    """

    number: int
    when: float
    words: str
    files: int
    undone: bool
    unfinished: bool
    writing: bool = False
    left: tuple[RefusedCaption, ...] = field(default=(), repr=False)
    turned: float = 0.0
    backup: Path = Path()

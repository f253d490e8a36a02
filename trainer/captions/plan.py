"""What an edit of captions would change, before anything is written."""

import difflib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trainer.captions.operations import TAG_OPERATIONS, LineEditor, checked_words, edit_words, tag_counts
from trainer.captions.record import CaptionEditPlan, CaptionFile, EditedCaption, RefusedCaption, TagEdit
from trainer.captions.tags import is_sentence, lines_of, reads_as_sentences, tags_of, written_tags
from trainer.dataset.caption_file import MAX_CAPTION_BYTES, read_marked_caption
from trainer.dataset.records import CaptionRules
from trainer.errors import DatasetError, SettingsError
from trainer.file_mark import FileMark
from trainer.text import plural, printable
from trainer.text_encoding import EncodedText

Progress = Callable[[int, int], object]
"""Takes how many captions are done, and of how many."""

BY_HAND = "captions typed by hand"
"""What a step of typed captions is called."""


@dataclass(frozen=True)
class CountedTags:
    """The tags of captions.

    Attributes:
        counts: how many captions have each.
        captions: that were read.
        without: pictures without a caption file.
        unread: captions that cannot be read, and why.
    """

    counts: Mapping[str, int]
    captions: int
    without: int
    unread: tuple[RefusedCaption, ...]


_TORN = "it reads as sentences, which this would tear apart; replace and typing reach them"


def plan_edit(
    edit: TagEdit | Sequence[TagEdit],
    files: Sequence[CaptionFile],
    *,
    show: Progress = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
) -> CaptionEditPlan:
    """Return what an operation, or several one after the other, would change of captions.

    Args:
        edit: the operation.
        files: from `find.caption_files`.
        show: takes how far it is.
        stop: asked at each caption; once it turns true the plan ends there and changes nothing.

    Raises:
        SettingsError: the operation is not known, or something that it asks for is wrong.
    """
    edits = (edit,) if isinstance(edit, TagEdit) else tuple(edit)
    for each in edits:
        if each.operation not in TAG_OPERATIONS:
            raise SettingsError(
                each.operation, found="no such operation", expected=f"one of {', '.join(TAG_OPERATIONS)}"
            )
    draft = _Draft()
    # The arguments are looked at before the first caption is read.
    editors = _editors(edits, Counter())
    read = _read(files, draft, show, stop)
    if stop():
        return _stopped(edits, "read")
    if any(each.operation == "reorder" and each.order == "frequency" for each in edits):
        editors = _editors(edits, tag_counts(tags_of(text, file.rules) for file, text in read))
    for file, text in read:
        # A pattern may take a second on each of them.
        if stop():
            return _stopped(edits, "looked at")
        _plan_file(file, text, edits, editors, draft)
    if not draft.changes and not draft.refused:
        draft.remarks += _unknown_tags(edits, read)
    if edits and any(each.operation != "replace" for each in edits):
        draft.note_sentences(read)
    return draft.plan(edits, edit_words(edits))


def _stopped(edits: tuple[TagEdit, ...], what: str) -> CaptionEditPlan:
    return CaptionEditPlan(edits, edit_words(edits), (), 0, remarks=(f"stopped before all captions were {what}",))


def plan_texts(
    texts: Mapping[Path, str], files: Sequence[CaptionFile], *, words: str = BY_HAND, complete: bool = False
) -> CaptionEditPlan:
    """Return what it would change to write these captions.

    Args:
        texts: caption file (`CaptionFile.path`) -> its caption: the lines that are read, one where wildcards are off.
        files: the caption files that `texts` names, and perhaps others.
        words: what the step is called in the history.
        complete: whether the texts are all of the files; else what is not read of them stays.

    Raises:
        DatasetError: a text is of none of the files.
        SettingsError: a text has signs that no caption has.
    """
    draft = _Draft()
    known = {file.path: file for file in files}
    for path, words_of in texts.items():
        if path not in known:
            raise DatasetError(printable(str(path)), found="no caption of the pictures that are edited")
        file = known[path]
        lines = [line for line, _ in lines_of(words_of)]
        for line in lines:
            checked_words(line, printable(path.name, 80))
        before = _text(file, draft) if file.exists else ""
        if before is None:
            continue
        if len(lines) > 1 and not complete and not file.rules.wildcards:
            draft.refuse(file, "of several lines only the first is read, unless enable_wildcard is on")
            continue
        after = words_of if complete else _with_lines(before, lines, file.rules)
        draft.take(file, before if file.exists else None, after)
    return draft.plan((), words)


def having_tags(files: Sequence[CaptionFile], tags: Sequence[str]) -> list[CaptionFile]:
    """Return the captions that have all of these tags; one that cannot be read has none."""
    draft = _Draft()
    wanted = set(tags)
    found = []
    for file in files:
        text = _text(file, draft) if file.exists else file.words
        if text is not None and wanted <= set(tags_of(text, file.rules)):
            found.append(file)
    return found


def count_tags(files: Sequence[CaptionFile], show: Progress = lambda done, total: None) -> CountedTags:
    """Return how many captions have each tag; words of folders that stand in for captions do not count."""
    draft = _Draft()
    read = _read([file for file in files if file.exists], draft, show, lambda: False)
    counts = tag_counts(tags_of(text, file.rules) for file, text in read)
    return CountedTags(counts, len(read), sum(file.pictures for file in files if not file.exists), tuple(draft.refused))


@dataclass
class _Draft:
    """A plan being made."""

    changes: list[EditedCaption] = field(default_factory=list)
    refused: list[RefusedCaption] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    unchanged: int = 0
    other_front: int = 0
    # What each caption was read from, so that what is written need not be read once more.
    read: dict[Path, tuple[EncodedText, FileMark]] = field(default_factory=dict)
    _closed: dict[Path, bool] = field(default_factory=dict)

    def refuse(self, file: CaptionFile, why: str) -> None:
        self.refused.append(RefusedCaption(file.path, why))

    def take(self, file: CaptionFile, before: str | None, after: str) -> None:
        """Take one caption into the plan, as it would be."""
        if after == (before or ""):
            self.unchanged += 1
        elif why := self._why_not(file, after):
            self.refuse(file, why)
        else:
            self.changes.append(EditedCaption(file.path, before, after, self.read.get(file.path)))
            kept = file.rules.keep_tokens
            if (
                kept
                and before is not None
                and written_tags(before, file.rules)[:kept] != written_tags(after, file.rules)[:kept]
            ):
                self.other_front += 1

    def _why_not(self, file: CaptionFile, after: str) -> str:
        if file.chosen < file.pictures:
            return (
                f"it is the caption of {plural(file.pictures, 'picture')}, and {file.chosen:,} of them "
                f"{'is' if file.chosen == 1 else 'are'} chosen; choose all of them, or give each a caption of its own"
            )
        folder = Path(os.path.realpath(file.path)).parent if os.path.islink(file.path) else file.path.parent
        if folder not in self._closed:
            self._closed[folder] = not _may_write(folder)
        if self._closed[folder] or (file.exists and not _may_write(file.path)):
            return "no permission to write it"
        if any("\ud800" <= sign <= "\udfff" for sign in str(file.path)):
            return "its path is not UTF-8; rename it"
        return "it would be larger than 1 MiB" if len(after) > MAX_CAPTION_BYTES // 4 else ""

    def note_sentences(self, read: Sequence[tuple[CaptionFile, str]]) -> None:
        """Say how many captions are one sentence without commas."""
        count = sum(
            any("," not in line and is_sentence(line) for line in _read_lines(text, file.rules)) for file, text in read
        )
        if count:
            self.remarks.append(
                f"{plural(count, 'caption')} without commas {'is a sentence' if count == 1 else 'are sentences'}: "
                "each counts as one tag and stays whole; `replace` reaches words in it"
            )

    def plan(self, edits: tuple[TagEdit, ...], words: str) -> CaptionEditPlan:
        if self.other_front:
            self.remarks.append(
                f"{plural(self.other_front, 'caption')} would start with another tag, and keep_tokens holds the first ones in their place"
            )
        return CaptionEditPlan(
            edits, words, tuple(self.changes), self.unchanged, tuple(self.refused), tuple(self.remarks)
        )


def _may_write(path: Path) -> bool:
    # Of who the process is now, as writing itself is.
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _editors(edits: Sequence[TagEdit], counts: Mapping[str, int]) -> list[LineEditor]:
    return [TAG_OPERATIONS[edit.operation].editor(edit, counts) for edit in edits]


def _read(
    files: Sequence[CaptionFile], draft: _Draft, show: Progress, stop: Callable[[], bool]
) -> list[tuple[CaptionFile, str]]:
    """Return each caption that can be read with its text; words that stand in for one that is not there."""
    read = []
    for number, file in enumerate(files, start=1):
        if stop():
            break
        text = _text(file, draft) if file.exists else file.words
        if text is not None:
            read.append((file, text))
        show(number, len(files))
    return read


def _text(file: CaptionFile, draft: _Draft) -> str | None:
    """Return all of a caption file, None where it cannot be read: the plan then says so."""
    try:
        found, mark = read_marked_caption(file.path)
        if mark is not None:
            draft.read[file.path] = (found, mark)
        return found.text
    except DatasetError as error:
        draft.refuse(file, f"{error.found}; {error.way_out}")
        return None


def _plan_file(
    file: CaptionFile, text: str, edits: Sequence[TagEdit], editors: Sequence[LineEditor], draft: _Draft
) -> None:
    after, torn = _edited(text, file.rules, edits, editors)
    if after == text and torn:
        draft.refuse(file, _TORN)
    elif file.exists or after == text:
        draft.take(file, text, after)
    elif all(edit.operation == "add" for edit in edits):
        draft.take(file, None, after + "\n")
    else:
        draft.refuse(
            file,
            f"{printable(file.picture.name, 80)} has no caption file: the words come from the folder's name, "
            "which all pictures without one share",
        )


def _edited(
    text: str, rules: CaptionRules, edits: Sequence[TagEdit], editors: Sequence[LineEditor]
) -> tuple[str, bool]:
    """Return a text with its lines edited, those that are read, and whether sentences were left as they are."""
    parts, torn = [], False
    for number, (line, end) in enumerate(lines_of(text) or [("", "")]):
        made = line
        if number == 0 or (rules.wildcards and line.strip()):
            for edit, editor in zip(edits, editors, strict=True):
                new = editor(made, rules)
                if new != made and TAG_OPERATIONS[edit.operation].clauses and reads_as_sentences(made):
                    torn = True
                else:
                    made = new
        parts.append(made + end)
    return "".join(parts), torn


def _read_lines(text: str, rules: CaptionRules) -> list[str]:
    lines = [line for line, _ in lines_of(text)]
    return [line for line in lines if line.strip()] if rules.wildcards else lines[:1]


def _with_lines(text: str, lines: Sequence[str], rules: CaptionRules) -> str:
    """Return a text with other lines in the place of those that are read; where there is none yet, with a line's end."""
    old = lines_of(text)
    end = next((end for _, end in old if end), "\n")
    if rules.wildcards:
        last = old[-1][1] if old else end
        return end.join(lines) + (last if lines else "")
    first = lines[0] if lines else ""
    if not old:
        return first + end if first else ""
    return first + old[0][1] + "".join(line + end for line, end in old[1:])


def _unknown_tags(edits: Sequence[TagEdit], read: Sequence[tuple[CaptionFile, str]]) -> Iterator[str]:
    """Yield a remark for each tag that an edit looks for and no caption has, with the nearest that some have."""
    wanted = [
        tag
        for edit in edits
        for tag in (*(edit.tags if edit.operation in ("rename", "remove", "front") else ()), edit.anchor)
        if tag
    ]
    if not wanted:
        return
    counts = tag_counts(tags_of(text, file.rules) for file, text in read)
    for tag in wanted:
        if tag not in counts:
            near = difflib.get_close_matches(tag, [name for name, _ in counts.most_common(2000)], n=1)
            more = f"; did you mean `{printable(near[0], 60)}`?" if near else ""
            yield f"no caption has the tag `{printable(tag, 60)}`{more}"

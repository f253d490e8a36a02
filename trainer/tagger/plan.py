"""The captions that a tagger's answers would make: planned here, written and undone as every other edit of captions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from trainer.captions.operations import TAG_OPERATIONS
from trainer.captions.plan import plan_texts
from trainer.captions.record import CaptionEditPlan, CaptionFile, TagEdit
from trainer.captions.tags import lines_of
from trainer.dataset.caption_file import read_caption_file
from trainer.dataset.trigger import compared
from trainer.errors import DatasetError
from trainer.tagger.record import PictureTags
from trainer.text import printable

TagMode = Literal["missing", "add", "replace"]
"""Which captions are written: of pictures without one, all with what they lack put behind, or all anew."""


def plan_captions(
    pictures: Sequence[PictureTags],
    files: Sequence[CaptionFile],
    *,
    mode: TagMode,
    tagger: str,
    front: Sequence[str] = (),
) -> CaptionEditPlan:
    """Return what it would change to write a tagger's tags into captions.

    Args:
        pictures: what it says of each.
        files: the captions of these pictures (`captions.find.caption_files`).
        mode: which of them are written.
        tagger: what it is called; the history shows it.
        front: tags that stand before the tagger's in captions that are new or replaced, such as the trigger.
    """
    said = {each.picture: each for each in pictures}
    texts: dict[Path, str] = {}
    for file in files:
        picture = said.get(file.picture)
        if picture is None or (mode == "missing" and file.exists):
            continue
        if file.exists and mode == "add":
            line = _with_added(file, [each.tag for each in picture.added])
        else:
            first = {compared(tag): tag for tag in front}
            rest = [each.tag for each in picture.proposed if compared(each.tag) not in first]
            line = ", ".join((*first.values(), *rest)) if rest else ""
        if line:
            texts[file.path] = line
    how = {"missing": "new captions", "add": "tags added", "replace": "captions replaced"}[mode]
    return plan_texts(texts, files, words=f"{how} by the tagger {printable(tagger, 60)}")


def _with_added(file: CaptionFile, tags: Sequence[str]) -> str:
    """Return the lines of a caption that are read with tags put behind each, "" where there are none to be put."""
    if not tags:
        return ""
    try:
        lines = [line for line, _ in lines_of(read_caption_file(file.path).text)]
    except DatasetError:
        # The plan says why it cannot be read.
        return ", ".join(tags)
    read = [line for line in lines if line.strip()] if file.rules.wildcards else lines[:1] or [""]
    add = TAG_OPERATIONS["add"].editor(TagEdit("add", tags=tuple(tags), place="back"), {})
    return "\n".join(add(line, file.rules) for line in read)

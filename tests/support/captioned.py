"""Folders of pictures with captions, as plans and the history of captions need them: no picture is opened."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from trainer.captions.find import CaptionWays, caption_files, found_pictures
from trainer.captions.plan import plan_edit
from trainer.captions.record import CaptionEditPlan, CaptionFile, TagEdit
from trainer.dataset.records import CaptionRules
from trainer.dataset.sources import FolderOptions, Source


def captioned(folder: Path, captions: Mapping[str, str | bytes | None]) -> Path:
    """Make a folder with a picture for each name, and its caption beside it; None for a picture without one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, caption in captions.items():
        (folder / f"{name}.png").touch()
        if caption is not None:
            content = caption if isinstance(caption, bytes) else caption.encode()
            (folder / f"{name}.txt").write_bytes(content)
    return folder


def ways_of(folder: Path, rules: CaptionRules | None = None, words: str = "") -> CaptionWays:
    """Return how captions in one folder are read; `words` stand in where a caption is missing."""
    options = FolderOptions((".txt", ".caption"), rules or CaptionRules())
    return CaptionWays((Source(folder, folder.name, 1, words, options),), options)


def files_in(folder: Path, rules: CaptionRules | None = None, words: str = "") -> list[CaptionFile]:
    """Return all captions of a folder."""
    ways = ways_of(folder, rules, words)
    return caption_files(found_pictures(ways), ways)


def planned(folder: Path, *edits: TagEdit, rules: CaptionRules | None = None, words: str = "") -> CaptionEditPlan:
    """Return what operations would change in a folder."""
    return plan_edit(edits, files_in(folder, rules, words))


def rename(folder: Path, old: str, new: str) -> CaptionEditPlan:
    """Return what renaming a tag would change in a folder."""
    return planned(folder, TagEdit("rename", (old,), new=new))


def after(plan: CaptionEditPlan) -> dict[str, str | None]:
    """Return what a plan makes of each caption that it changes, by the name of its file."""
    return {change.path.name: change.after for change in plan.changes}


def contents(folder: Path, names: Sequence[str] = ()) -> dict[str, bytes]:
    """Return every caption file of a folder, hidden ones too."""
    files = sorted(path for path in folder.iterdir() if path.suffix != ".png")
    return {path.name: path.read_bytes() for path in files if not names or path.name in names}

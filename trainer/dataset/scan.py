"""Pictures of a folder with their captions and masks."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from trainer.dataset.caption_file import CaptionText, caption_key, caption_name, is_blank, read_caption
from trainer.dataset.mask_file import check_mask, masks_in, missing_masks
from trainer.dataset.picture_file import KINDS, UnreadablePicture, is_picture_name, picture_size, unread_pictures
from trainer.dataset.records import DataSet, Folder, Picture
from trainer.dataset.sources import (
    FolderOptions,
    Source,
    counted_endings,
    entries_of,
    folder_words,
    names_inside,
    pictures_inside,
    sources_in,
)
from trainer.errors import DatasetError
from trainer.text import plural, printable

_ESCAPED = re.compile(r"\\[()]")


@dataclass
class ScanResult:
    """Pictures, captions by their file, and notes of the folders read so far."""

    folders: list[Folder] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)
    captions: dict[Path, CaptionText] = field(default_factory=dict)


def scan(root: Path, *, caption_extension: Sequence[str], dataset_repeats: int = 1) -> DataSet:
    """Return the pictures of `root` for a first look: those in its `N_name` folders, N times each, and those directly in it.

    How they are put together is not decided: the data have no groups. `read.read_data` asks the settings.

    Args:
        root: the folder; one called `N_name` itself gives its own repeats.
        caption_extension: endings of caption files, tried in this order.
        dataset_repeats: repeats of pictures directly in `root`.

    Raises:
        DatasetError: the folder is missing or not allowed to be read, holds no pictures, or one of them is unreadable.
    """
    sources = sources_in(root, FolderOptions(tuple(caption_extension)), flat_repeats=dataset_repeats, repeats={})
    found = read_sources(sources.read)
    if not found.pictures:
        raise no_pictures(root)
    return DataSet(root, tuple(found.folders), tuple(found.pictures), (*found.notes, *sources.left_out))


def read_sources(sources: Iterable[Source]) -> ScanResult:
    """Return the pictures of several folders, one folder after the other; folders without any are left out.

    Raises:
        DatasetError: a folder or a caption cannot be read, a picture or a mask is unreadable, or a mask is missing.
    """
    found = ScanResult()
    for source in sources:
        _read_source(source, found)
    if found.unreadable:
        raise _unreadable(found.unreadable)
    return found


def no_pictures(root: Path) -> DatasetError:
    """Return the error for a folder without pictures; it lists what is there instead."""
    entries = entries_of(root)
    kinds = Counter(Path(entry.name).suffix.lower() or "other" for entry in entries if not entry.is_dir())
    parts = [f"{count} {printable(kind, 20)}" for kind, count in kinds.most_common(4)]
    folders = [
        printable(entry.name, 40) + pictures_inside(entry).replace("; ", " with ").removesuffix(" in it")
        for entry in entries
        if entry.is_dir()
    ]
    if folders:
        parts.append(f"{plural(len(folders), 'folder')} ({', '.join(folders[:4])}{' …' if len(folders) > 4 else ''})")
    way_out = "name another folder or rename those inside" if folders else "name another folder"
    inside = (name for entry in entries if entry.is_dir() for name in names_inside(entry))
    if unread_pictures(entry.name for entry in entries) or unread_pictures(inside):
        way_out = f"convert them to PNG or JPEG, or {way_out}"
    return DatasetError(
        printable(str(root)),
        found=f"no pictures, but {', '.join(parts)}" if parts else "an empty folder",
        expected=f"{KINDS} in it or in `N_name` folders (N repeats of each)",
        way_out=way_out,
    )


def _read_source(source: Source, found: ScanResult) -> None:
    entries = entries_of(source.path)
    names = [entry.name for entry in entries if is_picture_name(entry.name) and not entry.is_dir()]
    captions = {
        caption_key(entry.name, source.options.extensions): entry.name
        for entry in entries
        if not is_picture_name(entry.name) and not entry.is_dir()
    }
    _note_left_out(source, entries, found.notes)
    if not names:
        return
    masks = _masks(source, names)
    pictures = []
    for name in names:
        try:
            pictures.append(_picture(source, name, captions, masks, found.captions))
        except UnreadablePicture as error:
            found.unreadable.append((source.path / name, str(error)))
    captioned = sum(picture.caption_file is not None for picture in pictures)
    found.pictures += pictures
    found.folders.append(Folder(source.name, source.repeats, len(names), captioned, source.options.is_reg))
    _note_missing_captions(found.folders[-1], source, found.notes)
    _note_captions(found.folders[-1], pictures, found)
    _note_stray_captions(source, captions.values(), pictures, found.notes)


def _picture(
    source: Source,
    name: str,
    names: Mapping[str, str],
    masks: Mapping[str, Path] | None,
    captions: dict[Path, CaptionText],
) -> Picture:
    """Return a picture with its caption, which is added to `captions`."""
    path, options = source.path / name, source.options
    width, height = picture_size(path)
    words = caption_name(path.stem, options.extensions, names)
    caption_file = source.path / words if words else None
    if caption_file:
        captions[caption_file] = read_caption(caption_file, every_line=options.caption_rules.wildcards)
    mask: Path | Literal["alpha"] | None = "alpha" if options.masks == "alpha" else None
    if masks is not None:
        mask = masks[path.stem]
        check_mask(mask, (width, height))
    return Picture(
        path=path,
        folder=source.name,
        repeats=source.repeats,
        width=width,
        height=height,
        caption=captions[caption_file].text if caption_file else source.fallback_caption,
        caption_file=caption_file,
        is_reg=options.is_reg,
        group=options.group,
        caption_rules=options.caption_rules,
        mask=mask,
    )


def _masks(source: Source, names: Sequence[str]) -> dict[str, Path] | None:
    """Return the mask of each picture by the picture's name without its ending, None where the pictures have none."""
    folder = source.options.masks
    if not isinstance(folder, Path):
        return None
    masks = masks_in(folder, source.path.name)
    missing = [source.path / name for name in names if Path(name).stem not in masks]
    if missing:
        raise missing_masks(missing, folder)
    return masks


def _note_missing_captions(folder: Folder, source: Source, notes: list[str]) -> None:
    without = folder.pictures - folder.captioned
    if not without:
        return
    # Other words than those in its name come from a data set file.
    whose = (
        "the folder's name is used"
        if folder_words(Path(os.path.abspath(source.path)).name) == source.fallback_caption
        else "class_tokens is used"
    )
    instead = (
        f"{whose} instead: {printable(source.fallback_caption, 60)}"
        if source.fallback_caption
        else "they are trained without a caption"
    )
    have = "has" if without == 1 else "have"
    where = printable(folder.name, 60)
    notes.append(f"{without} of {plural(folder.pictures, 'picture')} in {where} {have} no caption; {instead}")


def _note_captions(folder: Folder, pictures: Sequence[Picture], found: ScanResult) -> None:
    """Note captions that say less than their file seems to: nothing in the first line, commas only, lines that are not read."""
    files = list(dict.fromkeys(picture.caption_file for picture in pictures if picture.caption_file))
    captions = [(file.name, found.captions[file]) for file in files]
    for names, what in (
        ([name for name, caption in captions if not caption.text], "with an empty first line"),
        ([name for name, caption in captions if caption.text and is_blank(caption.text)], "of nothing but commas"),
        (
            [name for name, caption in captions if _ESCAPED.search(caption.text)],
            r"with escaped brackets, whose backslashes are trained too (only prompts need `\(`)",
        ),
        (
            [name for name, caption in captions if caption.text and caption.unread],
            "with lines below the first, which are not read (enable_wildcard draws one of all)",
        ),
    ):
        if names:
            where = printable(folder.name, 60)
            found.notes.append(f"{plural(len(names), 'caption')} in {where} {what}, such as {printable(names[0], 60)}")


def _note_stray_captions(source: Source, names: Iterable[str], pictures: Sequence[Picture], notes: list[str]) -> None:
    """Note captions that belong to no picture: one was renamed, or is of a kind that is not even known as a picture."""
    endings = tuple(ending.lower() for ending in source.options.extensions)
    stems = {picture.path.stem for picture in pictures}
    used = {picture.caption_file.name for picture in pictures if picture.caption_file}
    stray = [
        name for name in names if name.lower().endswith(endings) and name not in used and Path(name).stem not in stems
    ]
    if stray:
        belong = "belongs" if len(stray) == 1 else "belong"
        notes.append(
            f"{plural(len(stray), 'caption')} in {printable(source.name, 60)} {belong} to none of the pictures read,"
            f" such as {printable(stray[0], 60)}"
        )


def _note_left_out(source: Source, entries: Sequence[os.DirEntry[str]], notes: list[str]) -> None:
    where = printable(source.name, 60)
    other = unread_pictures(entry.name for entry in entries if not entry.is_dir())
    if other:
        notes.append(
            f"{plural(other.total(), 'picture')} in {where} skipped ({counted_endings(other)}): only {KINDS} are read"
        )
    if source.is_root:
        return
    for entry in entries:
        if entry.is_dir() and pictures_inside(entry):
            notes.append(
                f"folder {where}/{printable(entry.name, 60)} is skipped: nested too deep{pictures_inside(entry)}"
            )


def _unreadable(pictures: Sequence[tuple[Path, str]]) -> DatasetError:
    path, reason = pictures[0]
    more = [printable(other.name, 60) for other, _ in pictures[1:4]]
    others = f"; {len(pictures)} in all, also {', '.join(more)}" if more else ""
    if len(pictures) > 4:
        others += " …"
    return DatasetError(
        printable(str(path)),
        found=f"unreadable picture ({reason}){others}",
        expected="intact pictures",
        way_out="replace or remove it" if len(pictures) == 1 else "replace or remove them",
    )

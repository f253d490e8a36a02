"""Pictures of a folder with their captions and masks."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from trainer.dataset.caption_file import CaptionText, caption_key, caption_name, read_caption
from trainer.dataset.mask_file import check_mask, mask_among, masks_in
from trainer.dataset.picture_file import KINDS, UnreadablePicture, is_picture_name, picture_size, unread_pictures
from trainer.dataset.records import DataSet, Fault, Folder, Picture
from trainer.dataset.scan_findings import find_in_folder, find_left_out
from trainer.dataset.sources import (
    FolderOptions,
    Source,
    entries_of,
    names_inside,
    pictures_inside,
    sources_in,
)
from trainer.errors import DatasetError
from trainer.finding import Finding
from trainer.long_work import each
from trainer.profiles.record import EngineRules
from trainer.profiles.tally import rules_sentence
from trainer.text import plural, printable

# Lines below a refusal of many files.
_MAX_LISTED = 20


@dataclass
class ScanResult:
    """Pictures, notes, unusable files and what is left out of the folders read so far."""

    folders: list[Folder] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    excluded: list[Picture] = field(default_factory=list)
    show: Callable[[int], object] | None = None


def scan(root: Path, *, caption_extension: Sequence[str], dataset_repeats: int = 1, refuse: bool = True) -> DataSet:
    """Return the pictures of `root` for a first look: those in its `N_name` folders, N times each, and those directly in it.

    How they are put together is not decided: the data have no groups. `read.read_data` asks the settings.

    Args:
        root: the folder; one called `N_name` itself gives its own repeats.
        caption_extension: endings of caption files, tried in this order.
        dataset_repeats: repeats of pictures directly in `root`.
        refuse: whether files that cannot be used are an error; else they stand in the data's faults.

    Raises:
        DatasetError: the folder is missing or not allowed to be read, holds no pictures, or one of them is unreadable.
    """
    sources = sources_in(root, FolderOptions(tuple(caption_extension)), flat_repeats=dataset_repeats, repeats={})
    found = read_sources(sources.read)
    if refuse:
        refuse_faults(found.faults)
    if not found.pictures and not found.faults:
        raise no_pictures(root)
    notes = (*found.notes, *sources.left_out)
    return DataSet(root, tuple(found.folders), tuple(found.pictures), notes, faults=tuple(found.faults))


def read_sources(sources: Iterable[Source], show: Callable[[int], object] | None = None) -> ScanResult:
    """Return the pictures of several folders, one folder after the other; folders without any are left out.

    Args:
        sources: the folders.
        show: takes how many pictures have been read, before each; what it raises ends the reading.

    Raises:
        DatasetError: a folder cannot be read.
    """
    found = ScanResult(show=show)
    for source in sources:
        _read_source(source, found)
    return found


def refuse_faults(faults: Sequence[Fault]) -> None:
    """Refuse data with files that cannot be used.

    Raises:
        DatasetError: names the first, counts those of its kind and names a few.
    """
    if not faults:
        return
    # Pictures first: where one is broken, its caption matters less.
    kinds = {kind: [fault for fault in faults if fault.check.startswith(kind)] for kind in ("picture", "mask", "")}
    chosen = next(these for these in kinds.values() if these)
    first = chosen[0].error
    more = [Path(fault.error.where).name for fault in chosen[1:4]]
    others = f"; {len(chosen)} in all, also {', '.join(more)}" if more else ""
    if len(chosen) > 4:
        others += " …"
    way_out = first.way_out
    if more:
        way_out = f"{way_out.removesuffix(' it')} them" if way_out.endswith(" it") else way_out
    raise DatasetError(
        first.where,
        found=f"{first.found}{others}",
        expected=first.expected,
        way_out=way_out,
        details=list(_listed(chosen)) if more else (),
    )


def _listed(faults: Sequence[Fault]) -> Iterator[str]:
    for fault in faults[:_MAX_LISTED]:
        yield f"{fault.error.where}: {fault.error.found}"
    if len(faults) > _MAX_LISTED:
        yield f"and {len(faults) - _MAX_LISTED:,} more"


def no_pictures(root: Path, engine: EngineRules | None = None) -> DatasetError:
    """Return the error for a folder without pictures; it lists what is there instead.

    Args:
        root: the folder.
        engine: of the trainer that the bake behaves like, None where it behaves like ours.
    """
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
    expected = f"{KINDS} in it or in `N_name` folders (N repeats of each)"
    if engine is not None:
        expected = f"{rules_sentence(engine.pictures)}, as {engine.name} looks for them: {engine.repeats.sentence}"
        way_out = "move or rename them, or leave behave_like blank"
    return DatasetError(
        printable(str(root)),
        found=f"no pictures, but {', '.join(parts)}" if parts else "an empty folder",
        expected=expected,
        way_out=way_out,
    )


def _read_source(source: Source, found: ScanResult) -> None:
    entries = entries_of(source.path)
    names = [entry.name for entry in entries if source.options.takes(entry.name) and not entry.is_dir()]
    captions = {
        caption_key(entry.name, source.options.extensions): entry.name
        for entry in entries
        if not is_picture_name(entry.name) and not entry.is_dir()
    }
    found.notes += find_left_out(source, entries)
    found.excluded += (_excluded(source, name, captions) for name in names if name in source.excluded)
    names = [name for name in names if name not in source.excluded]
    if not names:
        return
    masks = _masks(source)
    pictures: list[Picture] = []
    texts: dict[Path, CaptionText] = {}
    for name in each(f"reading {printable(source.name, 40)}", names):
        if found.show is not None:
            found.show(len(found.pictures) + len(pictures))
        try:
            pictures.append(_picture(source, name, captions, masks, texts))
        except _UnusableFile as unusable:
            about = (source.path / name, source.name, source.repeats, source.options.is_reg)
            found.faults.append(Fault(unusable.check, unusable.error, *about))
    captioned = sum(picture.caption_file is not None for picture in pictures)
    found.pictures += pictures
    found.folders.append(Folder(source.name, source.repeats, len(pictures), captioned, source.options.is_reg))
    found.notes += find_in_folder(source, entries, pictures, texts)


class _UnusableFile(Exception):
    """A picture, its caption or its mask cannot be used."""

    def __init__(self, check: str, error: DatasetError) -> None:
        self.check, self.error = check, error
        super().__init__(error)


def _picture(
    source: Source,
    name: str,
    names: Mapping[str, str],
    masks: Mapping[str, Path] | None,
    captions: dict[Path, CaptionText],
) -> Picture:
    """Return a picture with its caption, which is added to `captions`."""
    path, options = source.path / name, source.options
    width, height = _size(path)
    words = caption_name(path.stem, options.extensions, names)
    caption_file = source.path / words if words else None
    if caption_file and caption_file not in captions:
        captions[caption_file] = _caption(caption_file, every_line=options.caption_rules.wildcards)
    mask: Path | Literal["alpha"] | None = "alpha" if options.masks == "alpha" else None
    if masks is not None and isinstance(options.masks, Path):
        try:
            mask = mask_among(masks, path, options.masks)
            check_mask(mask, (width, height))
        except DatasetError as error:
            raise _UnusableFile("mask-unusable", error) from error
    return Picture(
        path=path,
        folder=source.name,
        repeats=source.repeats,
        width=width,
        height=height,
        caption=captions[caption_file].text if caption_file else source.caption_without_file(name),
        caption_file=caption_file,
        is_reg=options.is_reg,
        group=options.group,
        caption_rules=options.caption_rules,
        mask=mask,
    )


def _excluded(source: Source, name: str, names: Mapping[str, str]) -> Picture:
    """Return a picture that is left out, as far as it can be read: what is wrong with it keeps no bake from starting."""
    try:
        return _picture(source, name, names, None, {})
    except _UnusableFile:
        words = source.caption_without_file(name)
        return Picture(
            source.path / name,
            source.name,
            source.repeats,
            0,
            0,
            words,
            None,
            source.options.is_reg,
            source.options.group,
            source.options.caption_rules,
        )


def _size(path: Path) -> tuple[int, int]:
    try:
        return picture_size(path)
    except UnreadablePicture as reason:
        error = DatasetError(
            printable(str(path)),
            found=f"unreadable picture ({reason})",
            expected="an intact picture",
            way_out="replace or remove it",
        )
        raise _UnusableFile(f"picture-{reason.fault}", error) from reason


def _caption(path: Path, *, every_line: bool) -> CaptionText:
    try:
        return read_caption(path, every_line=every_line)
    except DatasetError as error:
        raise _UnusableFile("caption-unreadable", error) from error


def _masks(source: Source) -> dict[str, Path] | None:
    """Return the masks of a folder's pictures by the pictures' names without their endings, None where they have none."""
    folder = source.options.masks
    return masks_in(folder, source.path.name) if isinstance(folder, Path) else None

"""What is worth knowing of a folder's pictures and captions: left out, standing in, called otherwise than they are."""

import os
import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from trainer.dataset.caption_file import CaptionText, caption_key, is_blank
from trainer.dataset.imitation import counts
from trainer.dataset.picture_file import (
    KINDS,
    UnreadablePicture,
    is_other_picture_name,
    is_picture_name,
    kind_of_name,
    picture_kind,
    unread_pictures,
)
from trainer.dataset.records import Folder, Picture
from trainer.dataset.sources import Source, counted_endings, folder_words, pictures_inside, skipped_folder
from trainer.finding import Finding
from trainer.long_work import each
from trainer.regular_file import read_regular
from trainer.text import plural, printable

_ESCAPED = re.compile(r"\\[()]")
# What taggers and captioning programs call their files.
_CAPTION_ENDINGS = (".txt", ".caption", ".cap", ".tags", ".tag", ".captions")
# A caption is smaller; anything else is no caption, and different.
_MAX_COMPARED = 2**20


def find_in_folder(
    source: Source, entries: Sequence[os.DirEntry[str]], pictures: Sequence[Picture], texts: Mapping[Path, CaptionText]
) -> Iterator[Finding]:
    """Yield what is worth knowing of one folder that has pictures.

    Args:
        source: the folder.
        entries: what lies in it.
        pictures: those of it that can be used.
        texts: the captions by their file.
    """
    captioned = sum(picture.caption_file is not None for picture in pictures)
    folder = Folder(source.name, source.repeats, len(pictures), captioned, source.options.is_reg)
    names = [entry.name for entry in entries if not entry.is_dir() and not is_picture_name(entry.name)]
    yield from _renamed(folder, pictures)
    yield from _without_caption(folder, source, pictures)
    yield from _captions_of_other_endings(folder, source, names, pictures)
    yield from _rivals(folder, source, names, pictures)
    yield from _odd_captions(folder, pictures, texts)
    stems = {name for entry in entries if is_picture_name(entry.name) for name in (entry.name, Path(entry.name).stem)}
    yield from _stray_captions(source, names, pictures, stems)


def find_left_out(source: Source, entries: Sequence[os.DirEntry[str]]) -> Iterator[Finding]:
    """Yield what of a folder is not read: pictures of other kinds, folders in it."""
    where = printable(source.name, 60)
    other = [entry.name for entry in entries if not entry.is_dir() and is_other_picture_name(entry.name)]
    if other:
        endings = unread_pictures(other)
        yield Finding(
            "picture-skipped",
            where,
            f"{plural(len(other), 'picture')} in {where} skipped ({counted_endings(endings)}): only {KINDS} are read",
            "convert them to PNG or JPEG",
            _listed(source, other),
        )
    loaded = source.options.loaded
    if loaded is not None:
        ignored = [entry.name for entry in entries if is_picture_name(entry.name) and not counts(loaded, entry.name)]
        if ignored:
            endings = Counter(Path(name).suffix for name in ignored)
            yield Finding(
                "picture-skipped",
                where,
                f"{plural(len(ignored), 'picture')} in {where} skipped ({counted_endings(endings)}): the trainer that "
                "behave_like names does not load them",
                "convert them to PNG, or leave behave_like blank",
                _listed(source, ignored),
            )
    if source.is_root or (loaded is not None and loaded.recursive):
        return
    for entry in entries:
        if entry.is_dir() and (inside := pictures_inside(entry)):
            place = f"{where}/{printable(entry.name, 60)}"
            yield skipped_folder(place, "nested too deep", inside)


def _renamed(folder: Folder, pictures: Sequence[Picture]) -> Iterator[Finding]:
    found = []
    for picture in each("looking at names", pictures):
        try:
            kind, promised = picture_kind(picture.path), kind_of_name(picture.path.name)
        except UnreadablePicture:
            # It was readable a moment ago.
            continue
        if kind != promised:
            found.append((picture.path, f"a {promised} that holds {kind}"))
    if found:
        path, what = found[0]
        where = printable(folder.name, 60)
        yield Finding(
            "picture-renamed",
            where,
            f"{plural(len(found), 'picture')} in {where} {_are(len(found), 'is', 'are')} of another kind than the name says: "
            f"{printable(path.name, 60)} is {what}",
            "it is read by its content here; rename it for programs that go by the name",
            tuple(f"{printable(path.name)}: {what}" for path, what in found),
        )


def _without_caption(folder: Folder, source: Source, pictures: Sequence[Picture]) -> Iterator[Finding]:
    without = [picture.path.name for picture in pictures if picture.caption_file is None]
    if not without:
        return
    instead = _in_place_of_caption(source, without)
    where = printable(folder.name, 60)
    yield Finding(
        "caption-missing",
        where,
        f"{len(without):,} of {plural(folder.pictures, 'picture')} in {where} {_are(len(without), 'has', 'have')} no caption; {instead}",
        cases=_listed(source, without),
    )


def _in_place_of_caption(source: Source, names: Sequence[str]) -> str:
    """Return what stands in for the captions of these pictures; one file's name stands for those of the others."""
    words = next(filter(None, (printable(source.caption_without_file(name), 60) for name in names)), "")
    if not words:
        return f"{_are(len(names), 'it is', 'they are')} trained without a caption"
    if source.options.caption_of_name is not None:
        return f"the file's name is used instead, such as: {words}"
    # Other words than those in its name come from a data set file.
    if folder_words(Path(os.path.abspath(source.path)).name) == source.fallback_caption:
        return f"the folder's name is used instead: {words}"
    return f"class_tokens is used instead: {words}"


def _captions_of_other_endings(
    folder: Folder, source: Source, names: Sequence[str], pictures: Sequence[Picture]
) -> Iterator[Finding]:
    """Yield captions that lie beside pictures without one, under an ending that is not among those read."""
    endings = tuple(ending.lower() for ending in source.options.extensions)
    without = {picture.path.stem for picture in pictures if picture.caption_file is None}
    whole_names = {picture.path.name for picture in pictures if picture.caption_file is None}
    found: dict[str, list[str]] = {}
    for name in names:
        stem, ending = os.path.splitext(name)
        if ending.lower() in _CAPTION_ENDINGS and ending.lower() not in endings and stem in without:
            found.setdefault(ending.lower(), []).append(name)
        elif ending.lower() in endings and stem in whole_names:
            # `a.png.txt` is what some programs write beside `a.png`.
            found.setdefault(f"{os.path.splitext(stem)[1].lower()}{ending.lower()}", []).append(name)
    where = printable(folder.name, 60)
    for ending, these in found.items():
        yield Finding(
            "caption-ending",
            where,
            f"{plural(len(these), 'caption')} in {where} {_are(len(these), 'is', 'are')} not read: {_why_not_read(ending, endings)}, "
            f"such as {printable(these[0], 60)}",
            _ending_way_out(ending, endings),
            _listed(source, these),
        )


def _why_not_read(ending: str, endings: Sequence[str]) -> str:
    if not endings:
        return "the trainer that behave_like names reads no caption files"
    return f"the ending {ending} is not among caption_extension ({', '.join(endings)})"


def _ending_way_out(ending: str, endings: Sequence[str]) -> str:
    if not endings:
        return "name the pictures by their captions, or leave behave_like blank"
    if ending in _CAPTION_ENDINGS:
        return f"add {ending} to caption_extension, or rename them to {endings[0]}"
    return f"rename them to the picture's name with {endings[0]}"


def _rivals(folder: Folder, source: Source, names: Sequence[str], pictures: Sequence[Picture]) -> Iterator[Finding]:
    """Yield pictures with two captions that differ, of which the first ending's is read."""
    by_key = {caption_key(name, _CAPTION_ENDINGS): name for name in names}
    found = []
    for picture in pictures:
        if picture.caption_file is None:
            continue
        read = picture.caption_file.name
        stem = os.path.splitext(read)[0]
        others = [by_key[stem + ending] for ending in _CAPTION_ENDINGS if by_key.get(stem + ending, read) != read]
        found += [(read, other) for other in others if _differ(source.path / read, source.path / other)]
    if found:
        read, other = found[0]
        where = printable(folder.name, 60)
        yield Finding(
            "caption-rivals",
            where,
            f"{plural(len(found), 'picture')} in {where} {_are(len(found), 'has', 'have')} two captions that differ, such as "
            f"{printable(read, 60)}, which is read, and {printable(other, 60)}, which is not",
            "remove the one that is not meant, or put its ending first in caption_extension",
            tuple(f"{printable(one)} is read, {printable(two)} is not" for one, two in found),
        )


def _differ(one: Path, other: Path) -> bool:
    """Return whether two files say different things; one that cannot be read does."""
    try:
        sizes = [os.stat(path).st_size for path in (one, other) if path.is_file()]
        if len(sizes) < 2 or max(sizes) > _MAX_COMPARED:
            return True
        return read_regular(one, _MAX_COMPARED).split() != read_regular(other, _MAX_COMPARED).split()
    except OSError:
        return True


def _odd_captions(folder: Folder, pictures: Sequence[Picture], texts: Mapping[Path, CaptionText]) -> Iterator[Finding]:
    """Yield captions that say less than their file seems to: nothing in the first line, commas only, lines that are not read."""
    files = list(dict.fromkeys(picture.caption_file for picture in pictures if picture.caption_file))
    captions = [(file.name, texts[file]) for file in files]
    where = printable(folder.name, 60)
    for check, names, what in (
        ("caption-empty", [name for name, text in captions if not text.text], "with an empty first line"),
        (
            "caption-empty",
            [name for name, text in captions if text.text and is_blank(text.text)],
            "of nothing but commas",
        ),
        (
            "caption-brackets",
            [name for name, text in captions if _ESCAPED.search(text.text)],
            r"with escaped brackets, whose backslashes are trained too (only prompts need `\(`)",
        ),
        (
            "caption-lines",
            [name for name, text in captions if text.text and text.unread],
            "with lines below the first, which are not read (enable_wildcard draws one of all)",
        ),
    ):
        if names:
            yield Finding(
                check,
                where,
                f"{plural(len(names), 'caption')} in {where} {what}, such as {printable(names[0], 60)}",
                cases=tuple(map(printable, names)),
            )


def _stray_captions(
    source: Source, names: Iterable[str], pictures: Sequence[Picture], stems: Container[str]
) -> Iterator[Finding]:
    """Yield captions that belong to no picture: one was renamed, or is of a kind that is not even known as a picture."""
    endings = tuple(ending.lower() for ending in source.options.extensions)
    used = {picture.caption_file.name for picture in pictures if picture.caption_file}
    stray = [
        name for name in names if name.lower().endswith(endings) and name not in used and Path(name).stem not in stems
    ]
    if stray:
        where = printable(source.name, 60)
        yield Finding(
            "caption-stray",
            where,
            f"{plural(len(stray), 'caption')} in {where} {_are(len(stray), 'belongs', 'belong')} to none of the pictures read,"
            f" such as {printable(stray[0], 60)}",
            cases=_listed(source, stray),
        )


def _listed(source: Source, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{printable(source.name)}/{printable(name)}" for name in names)


def _are(count: int, one: str, many: str) -> str:
    return one if count == 1 else many

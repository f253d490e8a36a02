"""A data set in lines of text and as JSON: its numbers, lists of its pictures, near-duplicates."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lora_tui.wording.measures import table
from lora_tui.wording.numbers import count
from trainer.text import plural, printable

if TYPE_CHECKING:
    from trainer.data_index.record import BucketBar, IndexedPicture, IndexRefresh, NearDuplicates
    from trainer.data_index.summary import DatasetSummary, FolderSummary

_BAR = 24
_NAME = 60
_CAPTION = 100


def summary_lines(summary: "DatasetSummary") -> Iterator[str]:
    """Yield folders, buckets and findings; what there is none of is left out."""
    yield (
        f"{plural(summary.pictures, 'picture')} in {plural(len(summary.folders), 'folder')},"
        f" {count(summary.shown)} shown in an epoch"
    )
    yield ""
    yield from folder_table(summary.folders)
    yield ""
    yield from bucket_lines(summary.buckets)
    yield ""
    yield from finding_lines(summary)


def folder_table(folders: Sequence["FolderSummary"]) -> list[str]:
    """Return the folders as a table."""
    heads = ["folder", "pictures", "repeats", "shown", "no caption", "held out", "left out", ""]
    rows = [
        [
            printable(folder.name, _NAME),
            count(folder.pictures),
            f"×{folder.repeats}" if folder.use != "validation" else "",
            count(folder.shown),
            *(count(number) if number else "" for number in (folder.without_caption, folder.held_out, folder.excluded)),
            folder.use if folder.use != "training" else "",
        ]
        for folder in folders
    ]
    return table(heads, rows)


def bucket_lines(bars: Sequence["BucketBar"]) -> Iterator[str]:
    """Yield the buckets as bars, and those by name that have a batch which is not full."""
    most = max((bar.shown for bar in bars), default=0) or 1
    for bar in bars:
        size = f"{bar.size[0]}×{bar.size[1]}"
        batches = "1 batch" if bar.batches == 1 else f"{count(bar.batches)} batches"
        ragged = f", the last of {bar.last}" if bar.last else f", {count(bar.dropped)} not shown" if bar.dropped else ""
        length = max(1, round(_BAR * bar.shown / most))
        yield (
            f"{size:<11}{plural(bar.pictures, 'picture'):>16}{count(bar.shown):>9} shown {batches:>14}"
            f"  {'█' * length}{ragged}"
        )
    uneven = [f"{bar.size[0]}×{bar.size[1]} ({bar.last} of {bar.batch_size})" for bar in bars if bar.last]
    if uneven:
        yield f"last batches that are not full: {', '.join(uneven)}"


def finding_lines(summary: "DatasetSummary") -> Iterator[str]:
    """Yield what may be wrong, each with the number of pictures and the query that lists them."""
    from trainer.data_index.record import ROW_FAULTS

    found = [(summary.faults[key], words, f"fault:{key}") for key, words in ROW_FAULTS.items()]
    without = sum(folder.without_caption for folder in summary.folders)
    found.append((without, "without a caption file", "no:caption"))
    found.append((sum(folder.excluded for folder in summary.folders), "left out by exclude_pictures", "is:excluded"))
    for number, words, query in found:
        if number:
            yield f"{plural(number, 'picture'):>16}: {words} (--list {query})"
    alike, groups = summary.duplicates
    if alike:
        yield f"{plural(alike, 'picture'):>16}: nearly the same as another one, in {plural(groups, 'group')} (--duplicates)"
    if not any(number for number, *_ in found) and not alike:
        yield "nothing found in the pictures"
    if summary.looked_at < summary.pictures:
        yield f"the pixels of {count(summary.pictures - summary.looked_at)} of {plural(summary.pictures, 'picture')} were not looked at"


def picture_line(picture: "IndexedPicture") -> str:
    """Return one picture in a line: name, size and bucket, repeats, tokens, what may be wrong with it, caption."""
    sizes = f"{picture.width}×{picture.height}" if picture.width else "unreadable"
    if picture.bucket is not None and picture.width:
        sizes += f" → {picture.bucket[0]}×{picture.bucket[1]}"
    state: list[str] = [fault.key for fault in picture.faults]
    state += ["left out"] if picture.excluded else [picture.use] if picture.use != "training" else []
    parts = [
        printable(picture.name, _NAME),
        sizes,
        f"×{picture.repeats}",
        "" if picture.tokens is None else plural(picture.tokens, "token"),
        ", ".join(state),
        printable(picture.caption, _CAPTION) if picture.caption_file is not None else "no caption",
    ]
    return "  ".join(part for part in parts if part)


def duplicate_lines(groups: Sequence["NearDuplicates"], pictures: Mapping[int, "IndexedPicture"]) -> Iterator[str]:
    """Yield the groups of pictures that are nearly the same, a line for each picture."""
    for number, group in enumerate(groups, start=1):
        what = "the same hash" if group.furthest == 0 else f"up to {plural(group.furthest, 'bit')} of 64 apart"
        across = f", across {plural(len(group.folders), 'folder')}" if len(group.folders) > 1 else ""
        yield f"group {number}: {plural(len(group.ids), 'picture')}, {what}{across}"
        for each in (pictures[number] for number in group.ids if number in pictures):
            yield f"  {printable(each.name, _NAME)}  {each.width}×{each.height}  ×{each.repeats}"


def refresh_line(done: "IndexRefresh") -> str:
    """Return what bringing the index up to date has found, "" where nothing has changed or nothing was known before."""
    if done.elsewhere:
        return "another lora-tui is reading the pictures: shown is what it has found so far"
    if done.added == done.pictures:
        return ""
    parts = (
        (done.added, "new"),
        (done.changed, "changed"),
        (done.removed, "gone"),
    )
    found = ", ".join(f"{count(number)} {word}" for number, word in parts if number)
    return f"since the last look: {found}" if found else ""


def summary_json(summary: "DatasetSummary") -> dict[str, Any]:
    """Return the numbers as plain JSON values; sizes are [width, height]."""
    return {
        "pictures": summary.pictures,
        "shown": summary.shown,
        "folders": [asdict(folder) | {"path": printable(str(folder.path), 4096)} for folder in summary.folders],
        "buckets": [{key: value for key, value in asdict(bar).items() if key != "ids"} for bar in summary.buckets],
        "faults": dict(summary.faults),
        "near_duplicates": {"pictures": summary.duplicates[0], "groups": summary.duplicates[1]},
        "looked_at": summary.looked_at,
    }


def picture_json(picture: "IndexedPicture") -> dict[str, Any]:
    """Return a picture as plain JSON values; sizes are [width, height], the hash is 16 hexadecimal digits."""
    values = asdict(picture)
    values |= {
        name: None if values[name] is None else str(values[name])
        for name in ("path", "folder_path", "caption_file", "caption_place", "mask")
    }
    if picture.pixels is not None and picture.pixels.picture_hash is not None:
        values["pixels"]["picture_hash"] = f"{picture.pixels.picture_hash:016x}"
    return values

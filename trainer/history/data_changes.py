"""What differs between the data of two bakes, summed up from their manifests: pictures, captions by their tags, repeats, models."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trainer.dataset.manifest import ListedPicture, Manifest
from trainer.dataset.manifest_changes import model_changes, picture_changes
from trainer.text import plural, printable

_Place = tuple[str, int, bool]
# Tags named on the summary; the rest are counted.
_MAX_TAGS = 8
_MAX_TAG = 60


@dataclass(frozen=True)
class DataChanges:
    """What differs between the data of two bakes. Texts are from files: show them through `text.printable`.

    Attributes:
        summary: the changes summed up, one line a kind; empty where there are none.
        pictures: one line for each picture that differs.
    """

    summary: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()


def data_changes(before: Manifest, after: Manifest) -> DataChanges:
    """Return what differs in the data and models of a second bake from a first one's."""
    lines = [
        *_picture_lines(before.pictures, after.pictures, ""),
        *(_picture_lines(before.validation, after.validation, "held out: ") if before.knows_models else ()),
    ]
    if before.config != after.config:
        lines.append("the data set file is another one")
    if before.knows_models and after.knows_models:
        lines += [
            _model_line(change.setting, change.before, change.now)
            for change in model_changes(before.models, after.models)
        ]
    return DataChanges(tuple(lines), tuple(picture_changes(before, after)))


def tags_of(caption: str) -> tuple[str, ...]:
    """Return the tags of a caption, each once, as they are written between its commas."""
    return tuple(dict.fromkeys(filter(None, (part.strip() for part in caption.replace("\n", ",").split(",")))))


def _model_line(setting: str, before: str, after: str) -> str:
    if not before:
        return f"{setting}: now set"
    return f"{setting}: another file" if after else f"{setting}: no longer set"


def _picture_lines(before: Sequence[ListedPicture], after: Sequence[ListedPicture], where: str) -> Iterator[str]:
    pairs, gone, added = _matched(before, after)
    yield from (f"{where}{line}" for line in _count_lines(len(before), len(after), len(gone), len(added)))
    replaced = sum(one.sha256 != other.sha256 for one, other in pairs)
    if replaced:
        yield f"{where}{plural(replaced, 'picture')} with other content under the same name"
    moved = sum(one.path != other.path or one.group != other.group for one, other in pairs)
    if moved:
        yield f"{where}{plural(moved, 'picture')} moved"
    yield from (f"{where}{line}" for line in _repeat_lines(pairs))
    masks = sum(one.mask != other.mask for one, other in pairs)
    if masks:
        yield f"{where}masks of {plural(masks, 'picture')} changed"
    yield from (f"{where}{line}" for line in _caption_lines(pairs))


def _matched(
    before: Sequence[ListedPicture], after: Sequence[ListedPicture]
) -> tuple[list[tuple[ListedPicture, ListedPicture]], list[ListedPicture], list[ListedPicture]]:
    """Return the pictures that both have, by name and else by content; those that only the first has, and only the second."""
    pairs: list[tuple[ListedPicture, ListedPicture]] = []
    here: dict[_Place, list[ListedPicture]] = defaultdict(list)
    for picture in reversed(after):
        here[picture.path, picture.group, picture.is_reg].append(picture)
    left: list[ListedPicture] = []
    for picture in before:
        same = here[picture.path, picture.group, picture.is_reg]
        if same:
            pairs.append((picture, same.pop()))
        else:
            left.append(picture)
    by_content: dict[tuple[str, bool], list[ListedPicture]] = defaultdict(list)
    for pictures in here.values():
        for picture in pictures:
            by_content[picture.sha256, picture.is_reg].append(picture)
    gone: list[ListedPicture] = []
    for picture in left:
        same = by_content[picture.sha256, picture.is_reg]
        if same:
            pairs.append((picture, same.pop()))
        else:
            gone.append(picture)
    return pairs, gone, [picture for pictures in by_content.values() for picture in pictures]


def _count_lines(before: int, after: int, gone: int, added: int) -> Iterator[str]:
    if before != after:
        yield f"{plural(abs(after - before), 'picture')} {'fewer' if after < before else 'more'}: {after:,} in place of {before:,}"
    if gone and added:
        yield f"{plural(gone, 'picture')} removed, {added:,} added"


def _repeat_lines(pairs: Sequence[tuple[ListedPicture, ListedPicture]]) -> Iterator[str]:
    changed = Counter((one.repeats, other.repeats) for one, other in pairs if one.repeats != other.repeats)
    for (one, other), count in sorted(changed.items()):
        yield f"repeats of {plural(count, 'picture')}: {one:,} → {other:,}"


def _caption_lines(pairs: Sequence[tuple[ListedPicture, ListedPicture]]) -> Iterator[str]:
    gone: Counter[str] = Counter()
    come: Counter[str] = Counter()
    changed = reordered = 0
    for one, other in pairs:
        if one.caption == other.caption:
            continue
        changed += 1
        old, new = tags_of(one.caption), tags_of(other.caption)
        gone.update(set(old) - set(new))
        come.update(set(new) - set(old))
        reordered += set(old) == set(new)
    if not changed:
        return
    yield f"captions of {plural(changed, 'picture')} changed"
    yield from _tag_lines(gone, "gone from")
    yield from _tag_lines(come, "new in")
    if reordered:
        yield f"the same tags written otherwise in {plural(reordered, 'caption')}"


def _tag_lines(tags: Counter[str], what: str) -> Iterator[str]:
    listed = sorted(tags.items(), key=lambda item: (-item[1], item[0]))
    for tag, count in listed[:_MAX_TAGS]:
        yield f"`{printable(tag, _MAX_TAG)}` {what} {plural(count, 'caption')}"
    if len(listed) > _MAX_TAGS:
        yield f"{plural(len(listed) - _MAX_TAGS, 'more tag')} {what} some"

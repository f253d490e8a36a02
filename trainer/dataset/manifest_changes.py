"""What differs between two manifests of a bake: each picture by its name, each model by both hashes."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trainer.dataset.manifest import ListedModel, ListedPicture, Manifest
from trainer.text import plural, printable

SHOWN_DIGITS = 12
"""Of a sha256, where people read."""

_MAX_PATH = 160
_Key = tuple[str, int, bool]


@dataclass(frozen=True)
class ModelChange:
    """A model that has another content than before.

    Attributes:
        setting: that names it.
        before, now: sha256; "" where the setting was or is blank.
        parts: of a folder, the paths in it of the files that differ.
    """

    setting: str
    before: str
    now: str
    parts: tuple[str, ...] = ()


def model_changes(before: Mapping[str, ListedModel], now: Mapping[str, ListedModel]) -> list[ModelChange]:
    """Return the models that differ, by setting."""
    changes = []
    for setting in sorted(before.keys() | now.keys()):
        old, new = before.get(setting), now.get(setting)
        if old is None or new is None or old.sha256 != new.sha256:
            parts = {} if old is None or new is None else dict(old.parts.items() ^ new.parts.items())
            changes.append(
                ModelChange(setting, old.sha256 if old else "", new.sha256 if new else "", tuple(sorted(parts)))
            )
    return changes


def picture_changes(before: Manifest, now: Manifest) -> list[str]:
    """Return what differs in the data, one line a picture: `10_hifumi/a.png: other caption`."""
    lines = ["the data set file is another one"] if before.config != now.config else []
    lines += _changes(before.pictures, now.pictures, "")
    # An older manifest says nothing of them.
    lines += _changes(before.validation, now.validation, "validation: ") if before.knows_models else []
    return lines


def _changes(before: Sequence[ListedPicture], now: Sequence[ListedPicture], where: str) -> Iterator[str]:
    old, new = _by_place(before), _by_place(now)
    gone = [picture for place in old for picture in old[place][len(new.get(place, ())) :]]
    added = [picture for place in new for picture in new[place][len(old.get(place, ())) :]]
    yield from (f"{where}{line}" for line in _renamed(gone, added))
    for place in sorted(old.keys() & new.keys()):
        for one, other in zip(old[place], new[place], strict=False):
            if differences := _differences(one, other):
                yield f"{where}{_name(one)}: {', '.join(differences)}"


def _by_place(pictures: Sequence[ListedPicture]) -> dict[_Key, list[ListedPicture]]:
    # A picture may be listed several times under one name: in two data sets of a file, or as a regularisation picture too.
    found: dict[_Key, list[ListedPicture]] = defaultdict(list)
    for picture in pictures:
        found[picture.path, picture.group, picture.is_reg].append(picture)
    return found


def _renamed(gone: list[ListedPicture], added: list[ListedPicture]) -> Iterator[str]:
    """Yield a line for each picture that is only in one of two lists, one for both where it has merely moved."""
    coming: dict[str, list[ListedPicture]] = defaultdict(list)
    for picture in reversed(added):
        coming[picture.sha256].append(picture)
    for picture in gone:
        if not coming[picture.sha256]:
            yield f"{_name(picture)}: removed"
            continue
        other = coming[picture.sha256].pop()
        yield f"{_name(picture)}: {', '.join([*_moves(picture, other), *_differences(picture, other)])}"
    left = {id(picture) for pictures in coming.values() for picture in pictures}
    yield from (f"{_name(picture)}: added" for picture in added if id(picture) in left)


def _moves(one: ListedPicture, other: ListedPicture) -> list[str]:
    found = [] if one.path == other.path else [f"now {_name(other)}"]
    if one.group != other.group:
        found.append(f"now in data set {other.group + 1}")
    if one.is_reg != other.is_reg:
        found.append(f"now a {'regularisation' if other.is_reg else 'training'} picture")
    return found


def _differences(one: ListedPicture, other: ListedPicture) -> list[str]:
    found = []
    if one.sha256 != other.sha256:
        found.append(f"another picture (sha256 {one.sha256[:SHOWN_DIGITS]} → {other.sha256[:SHOWN_DIGITS]})")
    if one.caption != other.caption:
        found.append("another caption")
    if one.mask != other.mask:
        found.append("another mask" if one.mask and other.mask else "a mask" if other.mask else "no mask any more")
    if one.repeats != other.repeats:
        found.append(f"{plural(other.repeats, 'repeat')} in place of {one.repeats:,}")
    return found


def _name(picture: ListedPicture) -> str:
    return printable(picture.path, _MAX_PATH)

"""Checks that decode the pictures: those that are nearly the same, and those that cannot be decoded."""

from collections.abc import Iterator
from pathlib import Path

from trainer.checks.record import CheckedBake
from trainer.finding import Finding
from trainer.text import plural, printable


def duplicates(bake: CheckedBake) -> Iterator[Finding]:
    """Yield groups of training pictures that are nearly the same."""
    assert bake.thumbnails is not None
    names, validation = _names(bake)
    groups = [tuple(path for path in group if path not in validation) for group in bake.thumbnails.near_duplicates]
    groups = [group for group in groups if len(group) > 1]
    if not groups:
        return
    contents = bake.thumbnails.contents

    def likeness(group: tuple[Path, ...]) -> str:
        equal = len({contents[path] for path in group}) == 1
        others = ", ".join(names[path] for path in group[1:3]) + (
            f" and {len(group) - 3} more" if len(group) > 3 else ""
        )
        return f"{names[group[0]]} {'is the same as' if equal else 'is nearly the same as'} {others}"

    count = sum(len(group) for group in groups)
    yield Finding(
        "near-duplicate",
        names[groups[0][0]],
        f"{plural(count, 'picture')} nearly like another one, in {plural(len(groups), 'group')}: {likeness(groups[0])}",
        cases=tuple(map(likeness, groups)),
    )


def leaked_validation(bake: CheckedBake) -> Iterator[Finding]:
    """Yield validation pictures that are nearly the same as one that is trained on."""
    assert bake.thumbnails is not None
    names, validation = _names(bake)
    found = []
    for group in bake.thumbnails.near_duplicates:
        trained = [path for path in group if path not in validation]
        found += [(path, trained[0]) for path in group if path in validation and trained]
    if found:
        held_out, trained_on = found[0]
        yield Finding(
            "validation-alike",
            names[held_out],
            f"{plural(len(found), 'validation picture')} nearly like one that is trained on: {names[held_out]} and {names[trained_on]}",
            cases=tuple(f"{names[one]} and {names[other]}" for one, other in found),
        )


def undecodable(bake: CheckedBake) -> Iterator[Finding]:
    """Yield pictures whose file is whole and whose contents cannot be decoded."""
    assert bake.thumbnails is not None
    for path, reason in bake.thumbnails.broken.items():
        yield Finding(
            "picture-undecodable", printable(str(path)), f"{printable(path.name)}: cannot be decoded ({reason})"
        )


def _names(bake: CheckedBake) -> tuple[dict[Path, str], set[Path]]:
    """Return the names of all pictures by their file, and the files of those kept out of training alone."""
    data, held_out = bake.data, bake.validation
    names = {picture.path: printable(data.name_of(picture)) for picture in data.pictures}
    validation = {picture.path for picture in held_out.pictures} - set(names) if held_out is not None else set()
    if held_out is not None:
        names |= {
            picture.path: f"validation: {printable(held_out.name_of(picture))}"
            for picture in held_out.pictures
            if picture.path in validation
        }
    return names, validation

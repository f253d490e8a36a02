"""Which epochs does a text mean? Labels, ranges of them, all of one bake or of every one."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainer.errors import GridError
from trainer.grid.model_files import ModelFiles
from trainer.grid.spec import EpochFile
from trainer.grid.value_grammar import texts, whole_numbers
from trainer.text import printable

BASE_ONLY = "base"
"""The epoch that is none: the base without the LoRA."""

ALL = "all"
"""Every one there is."""

CHAMPION = "champion"
"""The label of the subject's best file so far."""

_LISTED = 12


def epochs_named(
    text: str, epochs: Sequence[EpochFile], model_files: ModelFiles, where: str
) -> list[tuple[str, Path | None]]:
    """Return the label and the file of each epoch that `text` means; no file for the base alone.

    Args:
        text: as typed: labels, ranges of their numbers, `all`, `42:1-6`, `base`.
        epochs: what there is.
        model_files: finds their files.
        where: what an error begins with.

    Raises:
        GridError: there is no such epoch, or two have one label.
    """
    files: dict[str, Path | None] = {}
    for epoch in epochs:
        if epoch.label in files or epoch.label in (BASE_ONLY, ALL):
            raise GridError("epochs", found=f"the label `{printable(epoch.label, 60)}` twice", expected="one of a kind")
        files[epoch.label] = model_files.path(epoch.file)
    return [
        (label, None if label == BASE_ONLY else files[label])
        for item in split_items(text, where)
        for label in _labels(item, files, where)
    ]


def _labels(item: str, files: Mapping[str, object], where: str) -> list[str]:
    """Return the labels that one item means: a label itself, all of them, or a range of numbers, those of one bake too."""
    if item in files or item == BASE_ONLY:
        return [item]
    bake, colon, rest = item.rpartition(":")
    ours = [label for label in files if label.startswith(bake + colon)]
    if rest.strip() == ALL and ours:
        return ours
    try:
        labels = [f"{bake.strip()}{colon}{number}" for number in whole_numbers(rest, where)]
    except GridError as error:
        if re.search(r"[0-9]\s*-", rest):
            raise
        raise _no_epoch(item, files, where) from error
    for label in labels:
        if label not in files:
            raise _no_epoch(label, files, where)
    return labels


def _no_epoch(label: str, files: Mapping[str, object], where: str) -> GridError:
    there = [*files][:_LISTED]
    more = ", …" if len(files) > len(there) else ""
    return GridError(
        where,
        found=f"there is no epoch `{printable(label, 60)}`",
        expected=f"one of {printable(', '.join(there), 200)}{more}, or base" if there else "a grid with saved epochs",
        way_out="" if there else "name bakes or files in `epochs`",
    )


def split_items(text: str, where: str) -> list[str]:
    """Return the items of a list that may hold `all`; blank ones are passed over.

    Raises:
        GridError: there are none.
    """
    items = [item.strip() for item in texts(text, where) if item.strip()]
    if not items:
        raise GridError(where, found="the axis has no values", way_out="type some, or take the axis away")
    return [ALL if item.casefold() == ALL else item for item in items]

"""Epochs named by a text: labels, ranges of them, all of one bake or of every bake."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainer.errors import GridError
from trainer.grid.model_files import ModelFiles
from trainer.grid.spec import EpochFile
from trainer.grid.value_grammar import texts, whole_numbers
from trainer.text import printable

BASE_ONLY = "base"
"""The label of the base without a LoRA."""

ALL = "all"
"""Every epoch or value there is."""

CHAMPION = "champion"
"""The label of the subject's best file so far."""

_MAX_LISTED = 12


def epochs_named(
    text: str, epochs: Sequence[EpochFile], model_files: ModelFiles, where: str
) -> list[tuple[str, Path | None]]:
    """Return the label and the file of each epoch that `text` means; no file for the base without a LoRA.

    Args:
        text: as typed: labels, ranges of their numbers, `all`, `42:1-6`, `base`.
        epochs: those that exist.
        model_files: finds their files.
        where: what an error starts with.

    Raises:
        GridError: an epoch does not exist, or two have one label.
    """
    files: dict[str, Path | None] = {}
    for epoch in epochs:
        if epoch.label in files or epoch.label in (BASE_ONLY, ALL):
            raise GridError(
                "epochs", found=f"the label `{printable(epoch.label, 60)}` twice", expected="different labels"
            )
        files[epoch.label] = model_files.path(epoch.file)
    return [
        (label, None if label == BASE_ONLY else files[label])
        for item in split_items(text, where)
        for label in _labels(item, files, where)
    ]


def bakes_named(text: str, epochs: Sequence[EpochFile], where: str) -> list[str]:
    """Return what the labels of epochs start with that `text` names, before the colon: bakes, or rungs of a ladder.

    Args:
        text: as typed, or `all`.
        epochs: those that exist.
        where: what an error starts with.

    Raises:
        GridError: no epoch is of such a bake.
    """
    known = list(dict.fromkeys(_bake(epoch.label) for epoch in epochs if ":" in epoch.label))
    found: dict[str, None] = {}
    for item in split_items(text, where):
        if not known or (item != ALL and item not in known):
            raise GridError(
                where,
                found=f"unknown bake `{printable(item, 60)}`",
                expected=f"one of {printable(', '.join(known[:_MAX_LISTED]), 200)}"
                if known
                else "a grid with epochs of several bakes",
                way_out="" if known else "add bakes to `of_bakes`, or remove the axis",
            )
        found |= dict.fromkeys(known if item == ALL else (item,))
    return list(found)


def epochs_of_each_bake(
    text: str, epochs: Sequence[EpochFile], model_files: ModelFiles, where: str
) -> list[tuple[str, dict[str, Path]]]:
    """Return each epoch that `text` means where bakes are an axis of their own, with the file that each bake has of it.

    Args:
        text: as typed: the labels behind the colon, ranges of their numbers, `all` for those of every bake, `base`.
        epochs, model_files, where: as epochs_named has them.

    Raises:
        GridError: no bake has such an epoch.
    """
    files: dict[str, dict[str, Path]] = {}
    for epoch in epochs:
        if ":" in epoch.label:
            label = epoch.label.rpartition(":")[2]
            files.setdefault(label, {})[_bake(epoch.label)] = model_files.path(epoch.file)
    most = max(map(len, files.values()), default=0)
    return [
        (label, {} if label == BASE_ONLY else files[label])
        for item in split_items(text, where)
        for label in (
            [each for each in files if len(files[each]) == most] if item == ALL else _labels(item, files, where)
        )
    ]


def _bake(label: str) -> str:
    return label.rpartition(":")[0]


def epoch_heading(label: str) -> str:
    """Return an epoch's label as grids show it: `3`, and `step 600` for `s600`, which was saved between two epochs."""
    return re.sub(r"(?:^|(?<=:))s([0-9]+)$", r"step \1", label)


def _labels(item: str, files: Mapping[str, object], where: str) -> list[str]:
    """Return the labels that one item means: a label itself, all of them, or a range of numbers, also of one bake."""
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
    listed = [*files][:_MAX_LISTED]
    more = ", …" if len(files) > len(listed) else ""
    return GridError(
        where,
        found=f"unknown epoch `{printable(label, 60)}`",
        expected=f"one of {printable(', '.join(listed), 200)}{more}, or base" if listed else "a grid with saved epochs",
        way_out="" if listed else "add bakes or files to `epochs`",
    )


def split_items(text: str, where: str) -> list[str]:
    """Return the items of a list that may hold `all`; blank ones are skipped.

    Raises:
        GridError: the list is empty.
    """
    items = [item.strip() for item in texts(text, where) if item.strip()]
    if not items:
        raise GridError(where, found="the axis has no values", way_out="type some, or remove the axis")
    return [ALL if item.casefold() == ALL else item for item in items]

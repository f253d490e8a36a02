"""Training pictures that are held out: a share of each folder by a seed, or one folder whole."""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from trainer.dataset.captions import deterministic_caption
from trainer.dataset.records import CaptionRules, DataSet, Folder, Group, Picture
from trainer.dataset.sources import folder_words
from trainer.errors import SettingsError
from trainer.text import plural, printable

# Names of folders in an error.
_MAX_NAMED = 6
_WAY_OUT = "lower validation_split, hold out another folder, or name other pictures in validation_data_dir"


def hold_out(data: DataSet, shares: Mapping[str, float], outfit: str, seed: int) -> DataSet:
    """Return the data without the pictures that are held out, which stand in `held_out` then.

    A picture goes whole, with its repeats and wherever else it is named; regularisation pictures stay. Of a share each folder gives
    its part, as nearly as whole pictures allow, and all together at least one. Which ones follows from the seed and the pictures'
    names, so that a picture that is added or removed hardly changes the choice of the others.

    Args:
        data: all pictures.
        shares: folder -> share of its pictures, from 0 to 1; none of a folder that is missing.
        outfit: name of the folder to be held out whole, with its repeats or without; "" for none. Then shares do not count.
        seed: of the choice.

    Raises:
        SettingsError: there is no such folder, or nothing would be left to train on.
    """
    paths = _folder_of_outfit(data, outfit) if outfit else _chosen(data, shares, seed)
    if not paths:
        return data
    kept = tuple(picture for picture in data.pictures if picture.is_reg or picture.path not in paths)
    held = tuple(picture for picture in data.pictures if not picture.is_reg and picture.path in paths)
    where = "validation_outfit" if outfit else "validation_split"
    for group in dict.fromkeys(picture.group for picture in held):
        if not any(picture.group == group and not picture.is_reg for picture in kept):
            raise _nothing_left(where, data, group)
    return replace(data, pictures=kept, folders=_counted(data.folders, kept), held_out=held)


def held_out_data(data: DataSet, group: Group) -> DataSet | None:
    """Return the pictures that were held out as data of their own, None where there are none.

    Each once, without its mask, in the buckets of `group`, with a caption that has nothing left to chance.

    Args:
        data: what is left of the training pictures.
        group: of the data.
    """
    first = {picture.path: picture for picture in reversed(data.held_out)}
    chosen = [picture for picture in data.held_out if first[picture.path] is picture]
    pictures = tuple(
        replace(
            picture,
            repeats=1,
            caption=deterministic_caption(picture.caption, picture.caption_rules),
            caption_rules=CaptionRules(),
            group=0,
            mask=None,
        )
        for picture in chosen
    )
    if not pictures:
        return None
    names = dict.fromkeys(picture.folder for picture in pictures)
    folders = _counted([Folder(name, 1, 0, 0) for name in names], pictures)
    return DataSet(data.root, folders, pictures, (), (group,))


def outfits(data: DataSet) -> list[str]:
    """Return the folders of which one may be held out: those of training pictures, where there are several."""
    names = [folder.name for folder in data.folders if not folder.is_reg]
    return names if len(names) > 1 else []


def _folder_of_outfit(data: DataSet, outfit: str) -> set[Path]:
    names = [folder.name for folder in data.folders if not folder.is_reg]
    named = [name for name in names if name == outfit] or [name for name in names if folder_words(name) == outfit]
    if not named:
        listed = ", ".join(printable(name, 40) for name in names[:_MAX_NAMED]) + (
            " …" if len(names) > _MAX_NAMED else ""
        )
        raise SettingsError(
            "validation_outfit",
            found=f"{printable(outfit, 60)}, and no folder of training pictures is called that",
            expected=f"one of {listed}" if names else "a folder of training pictures",
        )
    return {picture.path for picture in data.pictures if picture.folder in named and not picture.is_reg}


def _chosen(data: DataSet, shares: Mapping[str, float], seed: int) -> set[Path]:
    """Return the files that are held out by share."""
    by_folder: dict[str, list[Path]] = {}
    known: set[Path] = set()
    for picture in data.pictures:
        if not picture.is_reg and picture.path not in known and shares.get(picture.folder, 0.0) > 0:
            known.add(picture.path)
            by_folder.setdefault(picture.folder, []).append(picture.path)
    counts = _parts({name: shares[name] * len(paths) for name, paths in by_folder.items()}, seed)
    return {
        path
        for name, paths in by_folder.items()
        for path in sorted(paths, key=lambda path: _rank(seed, name, path.name))[: counts[name]]
    }


def _parts(wanted: Mapping[str, float], seed: int) -> dict[str, int]:
    """Return whole numbers that add up to the sum of these, rounded, and at least to 1: largest remainders first."""
    total = max(1, math.floor(sum(wanted.values()) + 0.5)) if wanted else 0
    counts = {name: math.floor(number + 1e-9) for name, number in wanted.items()}
    order = sorted(wanted, key=lambda name: (round(counts[name] - wanted[name], 9), _rank(seed, name, "")))
    for name in order[: total - sum(counts.values())]:
        counts[name] += 1
    return counts


def _rank(seed: int, folder: str, name: str) -> bytes:
    text = f"held out {seed} {folder} {name}".encode("utf-8", "surrogateescape")
    return hashlib.blake2b(text, digest_size=8).digest()


def _counted(folders: Sequence[Folder], pictures: Sequence[Picture]) -> tuple[Folder, ...]:
    """Return the folders with what is left in them; those with nothing are gone."""
    left = Counter(picture.folder for picture in pictures)
    captioned = Counter(picture.folder for picture in pictures if picture.caption_file is not None)
    return tuple(
        replace(folder, pictures=left[folder.name], captioned=captioned[folder.name])
        for folder in folders
        if left[folder.name]
    )


def _nothing_left(where: str, data: DataSet, group: int) -> SettingsError:
    count = sum(picture.group == group and not picture.is_reg for picture in data.pictures)
    of = f" of data set {group + 1}" if len(data.groups) > 1 else ""
    return SettingsError(
        where,
        found=f"it holds out all there {'is' if count == 1 else 'are'}: {plural(count, 'training picture')}{of}",
        expected="at least one picture to train on",
        way_out=_WAY_OUT,
    )

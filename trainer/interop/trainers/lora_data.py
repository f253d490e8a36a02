"""Data of a bake as a LoRA's metadata tell them: folders, repeats, groups of a data set file, and the same folders found again."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainer.interop.record import Reading
from trainer.text import plural, printable

DIRS, REG_DIRS, DATASETS, TAGS = "ss_dataset_dirs", "ss_reg_dataset_dirs", "ss_datasets", "ss_tag_frequency"

# What sd-scripts' metadata call a group's values -> what a data set file calls them.
_OF_GROUP = {
    "batch_size_per_device": "batch_size",
    **{
        key: key
        for key in (
            *("resolution", "enable_bucket", "bucket_no_upscale"),
            *("min_bucket_reso", "max_bucket_reso", "bucket_reso_steps"),
        )
    },
}
# Counts and results: they follow from the pictures.
_RESULTS = ("img_count", "resize_interpolation", "num_train_images")
_MAX_SHOWN = 12
# Some hundred folders with a score of values each.
_MAX_OPTIONS = 5000
LONGEST = 2 * 2**20
"""Characters of a JSON text that are read. A tag's count takes some 20."""
_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".avif")

Values = Mapping[str, object]


def table_of(text: object) -> object:
    """Return the value in a JSON text, None where it is none, or longer than a bake of many thousand tags writes."""
    try:
        return json.loads(text) if isinstance(text, str) and len(text) <= LONGEST else None
    except (ValueError, RecursionError):
        return None


def folders_of(values: Values, key: str = DIRS) -> dict[str, tuple[int | None, int | None]]:
    """Return the folders that metadata name -> repeats and pictures, None for what is not said."""
    table = table_of(values.get(key))
    found: dict[str, tuple[int | None, int | None]] = {}
    for name, facts in table.items() if isinstance(table, dict) else ():
        known = facts if isinstance(facts, dict) else {}
        found[str(name)] = (_count(known.get("n_repeats")), _count(known.get("img_count")))
    return found


def read_groups(text: object, values: Values) -> Reading:
    """Return a list of groups as the options of a data set file."""
    groups = table_of(text)
    options: dict[str, object] = {}
    for number, group in enumerate(groups if isinstance(groups, list) else ()):
        if not isinstance(group, dict) or len(options) >= _MAX_OPTIONS:
            continue
        place = f"datasets[{number}]"
        options |= {f"{place}.{own}": group[key] for key, own in _OF_GROUP.items() if group.get(key) is not None}
        subsets = group.get("subsets")
        for at, subset in enumerate(subsets if isinstance(subsets, list) else ()):
            if isinstance(subset, dict) and len(options) < _MAX_OPTIONS:
                options |= {
                    f"{place}.subsets[{at}].{key}": value
                    for key, value in subset.items()
                    if value is not None and key not in _RESULTS
                }
    if len(options) >= _MAX_OPTIONS:
        return Reading(no_effect="it lists more folders than a data set file here can hold")
    return Reading(options, "" if options else "it lists no group")


def had_captions(values: Values) -> bool:
    """Return whether the pictures had words beside those of their folder's name, which stand in where there is no caption file."""
    table = table_of(values.get(TAGS))
    for folder, tags in table.items() if isinstance(table, dict) else ():
        words = re.sub(r"^\d+_", "", str(folder)).strip().casefold()
        if isinstance(tags, dict) and {str(tag).strip() for tag in tags} - {words, ""}:
            return True
    return False


def data_notes(values: Values) -> list[str]:
    """Return what a user should know of the data: which folders the bake had."""
    notes: list[str] = []
    for key, what in ((DIRS, "was made from"), (REG_DIRS, "had regularisation pictures in")):
        folders = folders_of(values, key)
        if folders:
            notes.append(f"the LoRA {what} {plural(len(folders), 'folder')}: {_listed(folders)}")
    if folders_of(values):
        way = (
            "put them beside the data set file"
            if values.get(DATASETS)
            else "give train_data_dir the folder that holds them"
        )
        notes.append(f"where they lie is not in the file: {way}")
    return notes


def found_again(values: Values, place: Path) -> tuple[str, ...]:
    """Return a line for each folder of a bake that lies in a folder with as many pictures as then, or why it is another one.

    Args:
        values: of the metadata.
        place: the folder that a user names.
    """
    lines: list[str] = []
    for name, (_, wanted) in folders_of(values).items():
        shown = printable(name, 80)
        # A name from outside is one folder, never a way to another.
        if os.path.basename(name) != name or name in ("", ".", ".."):
            lines.append(f"{shown} is not a folder's name")
            continue
        folder = place / name if os.path.isdir(place / name) else place
        if folder == place and place.name != name:
            lines.append(f"{shown} is not in {printable(str(place), 120)}")
            continue
        here = _pictures_in(folder)
        if wanted is None or here == wanted:
            lines.append(f"{shown} is here with {plural(here, 'picture')}")
        else:
            lines.append(f"{shown} is here with {plural(here, 'picture')}; the bake had {wanted}")
    return tuple(lines)


def _pictures_in(folder: Path) -> int:
    try:
        return sum(name.lower().endswith(_ENDINGS) for name in os.listdir(folder))
    except OSError:
        return 0


def _listed(folders: Mapping[str, tuple[int | None, int | None]]) -> str:
    shown = [_one(name, *counts) for name, counts in list(folders.items())[:_MAX_SHOWN]]
    more = [f"{len(folders) - _MAX_SHOWN} more"] if len(folders) > _MAX_SHOWN else []
    return ", ".join(shown + more)


def _one(name: str, repeats: int | None, pictures: int | None) -> str:
    counts = _joined(
        ([plural(pictures, "picture")] if pictures is not None else [])
        + ([plural(repeats, "repeat")] if repeats is not None else [])
    )
    return f"{printable(name, 80)}{f' ({counts})' if counts else ''}"


def _joined(parts: Sequence[str]) -> str:
    return ", ".join(parts)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None

"""The pictures of some settings as sd-scripts' `--dataset_config`: a subset for each folder, with the repeats in force."""

import os
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from trainer.dataset.read import read_data
from trainer.dataset.records import DataSet
from trainer.dataset.sources import folder_words
from trainer.errors import LoraTuiError
from trainer.interop.foreign_paths import is_windows
from trainer.interop.record import Options
from trainer.settings.model import Settings
from trainer.settings.toml_text import parse_toml, read_text
from trainer.text import printable

SUBSET_OPTIONS = (
    "caption_extension",
    "shuffle_caption",
    "keep_tokens",
    "caption_dropout_rate",
    "caption_dropout_every_n_epochs",
    "caption_tag_dropout_rate",
    "token_warmup_min",
    "token_warmup_step",
)
"""Options that a folder may have of its own, and that programs ask for folder by folder."""

_DATASET_OPTIONS = {
    "train_batch_size": "batch_size",
    "enable_bucket": "enable_bucket",
    "min_bucket_reso": "min_bucket_reso",
    "max_bucket_reso": "max_bucket_reso",
    "bucket_reso_steps": "bucket_reso_steps",
    "bucket_no_upscale": "bucket_no_upscale",
}
_GENERAL_OPTIONS = (
    *SUBSET_OPTIONS,
    "keep_tokens_separator",
    "secondary_separator",
    "enable_wildcard",
    "caption_prefix",
    "caption_suffix",
)

Subset = Mapping[str, object]
"""sd-scripts' keys of a folder."""


@dataclass(frozen=True)
class WrittenData:
    """The pictures as other trainers are told of them.

    Attributes:
        subsets: one for each folder.
        is_plain: whether sd-scripts reads the same from train_data_dir and reg_data_dir by itself.
        data: what was read; None where it could not be.
        note: why it could not be; "" where it was.
    """

    subsets: tuple[Subset, ...]
    is_plain: bool
    data: DataSet | None
    note: str = ""


def written_data(settings: Settings) -> WrittenData:
    """Return the pictures of resolved settings, or the folders that they name where these cannot be looked at."""
    try:
        data = read_data(settings)
    except LoraTuiError as error:
        note = f"the pictures cannot be looked at, so the folders are written as they are named: {error.line()}"
        return WrittenData(tuple(_named(settings)), not settings.dataset_config, None, note)
    if settings.dataset_config:
        return WrittenData(tuple(_of_file(Path(settings.dataset_config))), False, data)
    subsets = tuple(_of_folders(data))
    return WrittenData(subsets, _is_plain(settings, subsets), data)


def data_set_toml(options: Options, subsets: tuple[Subset, ...], settings: Settings) -> str:
    """Return a file for `--dataset_config`.

    Args:
        options: sd-scripts' options in force.
        subsets: the folders.
        settings: for the resolution.
    """
    document = tomlkit.document()
    general = {name: options[name] for name in _GENERAL_OPTIONS if options.get(name) not in (None, "")}
    document["general"] = general
    dataset = tomlkit.table()
    width, height = settings.size
    dataset["resolution"] = width if width == height else [width, height]
    for name, key in _DATASET_OPTIONS.items():
        if options.get(name) is not None:
            dataset[key] = options[name]
    inner = tomlkit.aot()
    for subset in subsets:
        inner.append(tomlkit.item(_with_masks(dict(subset), options)))
    dataset["subsets"] = inner
    datasets = tomlkit.aot()
    datasets.append(dataset)
    document["datasets"] = datasets
    return tomlkit.dumps(document)


def data_set_for_others(path: Path) -> str:
    """Return a data set file as others read it, "" where they read the same from it as it is.

    Folders in it count from where it lies; sd-scripts counts them from the folder it is run in, and takes one ending of captions.

    Raises:
        SettingsError: the file cannot be read.
    """
    text = read_text(path, "a data set file")
    parse_toml(text, printable(str(path)))
    document = tomlkit.parse(text)
    tables = [document.get("general", {}), *document.get("datasets", [])]
    tables += [subset for dataset in document.get("datasets", []) for subset in dataset.get("subsets", [])]
    changed = [_made_for_others(table, path.parent) for table in tables]
    return tomlkit.dumps(document) if any(changed) else ""


def _made_for_others(table: MutableMapping[str, Any], folder: Path) -> bool:
    changed = False
    for key in ("image_dir", "conditioning_data_dir"):
        value = table.get(key)
        if isinstance(value, str) and value != (whole := _from(folder, value)):
            table[key] = whole
            changed = True
    endings = table.get("caption_extension")
    if isinstance(endings, list) and endings:
        table["caption_extension"] = str(endings[0])
        changed = True
    return changed


def _from(folder: Path, path: str) -> str:
    """Return a path of a data set file as an absolute one; Windows' stay as they are."""
    return path if os.path.isabs(path) or is_windows(path) else os.path.normpath(folder / path)


def _with_masks(subset: dict[str, object], options: Options) -> dict[str, object]:
    """Return a folder with its masks; one with a folder of masks is of another kind to sd-scripts, without words of its own."""
    if options.get("alpha_mask"):
        return subset | {"alpha_mask": True}
    if options.get("masked_loss") and options.get("conditioning_data_dir"):
        plain = {key: value for key, value in subset.items() if key not in ("class_tokens", "is_reg")}
        return plain | {"conditioning_data_dir": options["conditioning_data_dir"]}
    return subset


def _of_folders(data: DataSet) -> Iterator[Subset]:
    """Yield a subset for each folder with pictures; where a trainer reads subfolders too, each is one."""
    seen: set[tuple[Path, int, bool]] = set()
    for picture in data.pictures:
        place = (picture.path.parent, picture.repeats, picture.is_reg)
        if place in seen:
            continue
        seen.add(place)
        words = folder_words(picture.path.parent.name)
        subset: dict[str, object] = {"image_dir": str(picture.path.parent), "num_repeats": picture.repeats}
        yield subset | ({"is_reg": True} if picture.is_reg else {}) | ({"class_tokens": words} if words else {})


def _is_plain(settings: Settings, subsets: tuple[Subset, ...]) -> bool:
    """Return whether every folder is an `N_name` folder right inside the one that is named, with the repeats of its name."""
    for subset in subsets:
        path = Path(str(subset["image_dir"]))
        root = settings.reg_data_dir if subset.get("is_reg") else settings.train_data_dir
        repeats = path.name.partition("_")[0]
        if path.parent != Path(root) or repeats != str(subset["num_repeats"]):
            return False
    return True


def _named(settings: Settings) -> Iterator[Subset]:
    """Yield the folders as the settings name them."""
    if settings.dataset_config:
        try:
            yield from _of_file(Path(settings.dataset_config))
        except LoraTuiError:
            return
        return
    if settings.train_data_dir:
        yield {"image_dir": settings.train_data_dir, "num_repeats": settings.dataset_repeats}
    if settings.reg_data_dir:
        yield {"image_dir": settings.reg_data_dir, "num_repeats": settings.dataset_repeats, "is_reg": True}


def _of_file(path: Path) -> Iterator[Subset]:
    """Yield the folders of a data set file, each with what the tables around it say of it.

    Raises:
        SettingsError: the file cannot be read.
    """
    document = parse_toml(read_text(path, "a data set file"), printable(str(path)))
    general = _table(document.get("general"))
    for dataset in _tables(document.get("datasets")):
        outer = general | {key: value for key, value in dataset.items() if key != "subsets"}
        for subset in _tables(dataset.get("subsets")):
            around = {key: value for key, value in outer.items() if key in (*_GENERAL_OPTIONS, "num_repeats")}
            made = around | subset
            _made_for_others(made, path.parent)
            yield made


def _table(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _tables(value: object) -> Iterator[dict[str, object]]:
    yield from (each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()

"""sd-scripts' data set file, TOML or JSON: `[general]`, `[[datasets]]` and `[[datasets.subsets]]`, the innermost winning."""

import difflib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from trainer.dataset.buckets import group_of
from trainer.dataset.imitation import caption_endings, caption_of_name, pictures_loaded
from trainer.dataset.records import CaptionRules, Group
from trainer.dataset.sources import FolderOptions, Source, skipped_folder
from trainer.errors import SettingsError
from trainer.finding import Finding
from trainer.refusals import user_path
from trainer.settings.model import Settings
from trainer.settings.refusal import refused_setting, value_text, wrong_keys
from trainer.settings.toml_text import parse_toml, read_text
from trainer.text import printable
from trainer.workspace_paths import paths_around

Level = Literal["general", "datasets", "datasets.subsets"]

# Keys of a data set and of a subset, each also allowed in the tables around it. The file's key → our setting.
_OF_DATASETS = {
    "resolution": "resolution",
    "batch_size": "train_batch_size",
    "enable_bucket": "enable_bucket",
    "min_bucket_reso": "min_bucket_reso",
    "max_bucket_reso": "max_bucket_reso",
    "bucket_reso_steps": "bucket_reso_steps",
    "bucket_no_upscale": "bucket_no_upscale",
}
_OF_CAPTIONS = {
    name: name
    for name in (
        "caption_extension",
        "shuffle_caption",
        "keep_tokens",
        "keep_tokens_separator",
        "secondary_separator",
        "caption_prefix",
        "caption_suffix",
        "caption_dropout_rate",
        "caption_dropout_every_n_epochs",
        "caption_tag_dropout_rate",
        "enable_wildcard",
        "token_warmup_min",
        "token_warmup_step",
        "alpha_mask",
        "conditioning_data_dir",
    )
}
_OF_SUBSETS = {"num_repeats": "dataset_repeats", "validation_split": "validation_split", **_OF_CAPTIONS}
_OF_ONE_SUBSET = ("image_dir", "is_reg")
_CLASS_TOKENS = "class_tokens"

_AS_THEY_ARE = "remove it: pictures are not augmented; put mirrored or cropped copies beside them instead"
# sd-scripts' other options: the values that change nothing, and the way out where another stands there.
_NOT_DONE: dict[str, tuple[tuple[object, ...], str]] = {
    "flip_aug": ((False, 0), _AS_THEY_ARE),
    "color_aug": ((False, 0), _AS_THEY_ARE),
    "random_crop": ((False, 0), _AS_THEY_ARE),
    "random_crop_padding_percent": ((0,), _AS_THEY_ARE),
    "face_crop_aug_range": (("",), _AS_THEY_ARE),
    "metadata_file": (("",), "remove it and put the captions as text files beside the pictures"),
    "caption_separator": ((",",), "remove it: tags are separated by commas"),
    "custom_attributes": (({},), "remove it"),
    "network_multiplier": ((1,), "remove it"),
    "resize_interpolation": (("",), "remove it: shrinking averages areas, enlarging is Lanczos"),
}
# These have no effect here: why.
_IDLE = {
    "cache_info": "it is not needed here",
    "validation_seed": "the setting validation_seed decides for all folders",
}

_HEADER = re.compile(r"\s*\[{1,2}\s*([\w.]+)\s*\]{1,2}", re.ASCII)


@dataclass(frozen=True)
class DataSetFile:
    """Contents of a data set file.

    Attributes:
        groups: one for each of its data sets.
        sources: the folders, in the file's order; one with 0 repeats is left out.
        notes: one for each folder that is left out, and for what is not read.
        settings: ours with the first data set's on top, for pictures that the file does not name.
        text: the file's.
        stated: names of the settings that the file sets for its first data set.
    """

    groups: tuple[Group, ...]
    sources: tuple[Source, ...]
    notes: tuple[Finding, ...]
    settings: Settings
    text: str
    stated: frozenset[str]


@dataclass(frozen=True)
class _Table:
    """One table of the file: its place, counted from 1, and its values."""

    level: Level
    dataset: int
    subset: int
    values: Mapping[str, object]


def read_dataset_toml(path: Path, settings: Settings) -> DataSetFile:
    """Return the contents of the data set file; what it leaves open is as in `settings`.

    Args:
        path: the file; relative folders count from where it lies.
        settings: ours, the outermost.

    Raises:
        SettingsError: the file cannot be read, is not TOML, or holds a key or value that is not known or not supported.
    """
    return _File(path, settings).read()


class _File:
    """A data set file being read."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self._folder = Path(os.path.abspath(path)).parent
        self._around = paths_around(self._folder)
        self._where = printable(str(path))
        self._settings = settings
        self._text = read_text(path, "a data set file")
        self._is_json = path.suffix.lower() == ".json" or self._text.lstrip().startswith("{")
        self._notes: list[Finding] = []

    def read(self) -> DataSetFile:
        """Return its contents."""
        document = (_parse_json if self._is_json else parse_toml)(self._text, self._where)
        self._check_keys(document)
        general = _Table("general", 0, 0, self._tables(document.get("general", {}), "[general]", many=False)[0])
        groups, sources, first, stated = [], [], None, frozenset[str]()
        for number, values in enumerate(self._tables(document.get("datasets"), "[[datasets]]"), start=1):
            dataset = _Table("datasets", number, 0, values)
            settings, said = self._applied(self._settings, (general, dataset), _OF_DATASETS)
            if first is None:
                first, captions = self._applied(settings, (general, dataset), _OF_CAPTIONS)
                stated = frozenset(said | captions)
            groups.append(group_of(settings))
            sources += self._sources(general, dataset, settings)
        assert first is not None
        return DataSetFile(tuple(groups), tuple(sources), tuple(self._notes), first, self._text, stated)

    def _sources(self, general: _Table, dataset: _Table, settings: Settings) -> list[Source]:
        """Return the folders of one data set."""
        place = f"[[datasets]] {dataset.dataset}: [[datasets.subsets]]"
        sources: dict[Path, Source] = {}
        for number, values in enumerate(self._tables(dataset.values.get("subsets"), place), start=1):
            subset = _Table("datasets.subsets", dataset.dataset, number, values)
            source = self._source((general, dataset, subset), settings)
            if source.path in sources:
                self._notes.append(skipped_folder(printable(source.name, 60), "it is named twice in a data set"))
            else:
                sources[source.path] = source
        return list(sources.values())

    def _source(self, tables: tuple[_Table, _Table, _Table], settings: Settings) -> Source:
        subset = tables[-1]
        image_dir = self._text_in(subset, "image_dir", "the folder with the pictures")
        is_reg = subset.values.get("is_reg", False)
        if not isinstance(is_reg, bool):
            raise self._wrong(subset, "is_reg", "true or false")
        words = next((table for table in reversed(tables) if _CLASS_TOKENS in table.values), None)
        # 0 leaves a folder out; everything else is a number as in our own settings.
        repeats = next((t.values["num_repeats"] for t in reversed(tables) if "num_repeats" in t.values), None)
        none = repeats == 0 and not isinstance(repeats, bool)
        own, said = self._applied(settings, tables, _OF_CAPTIONS if none else _OF_SUBSETS)
        path = self._path(image_dir)
        if "conditioning_data_dir" in said and own.conditioning_data_dir and not own.masked_loss:
            where = printable(path.name, 60)
            self._notes.append(
                Finding("masks-ignored", where, f"the masks for {where} are ignored: masked_loss is off")
            )
        class_tokens = self._text_in(words, _CLASS_TOKENS, "text") if words else ""
        options = FolderOptions(
            extensions=caption_endings(own),
            caption_rules=CaptionRules.of(own),
            is_reg=is_reg,
            group=subset.dataset - 1,
            masks=masks_for(own, wanted=not is_reg or "conditioning_data_dir" in subset.values),
            loaded=pictures_loaded(own),
            caption_of_name=None if class_tokens else caption_of_name(own),
            held_out=own.validation_split,
        )
        return Source(path, path.name, 0 if none else own.dataset_repeats, class_tokens, options)

    def _applied(
        self, settings: Settings, tables: tuple[_Table, ...], keys: Mapping[str, str]
    ) -> tuple[Settings, set[str]]:
        """Return `settings` with the tables' values, the last one winning, and the names of the settings they set."""
        said = {name: (table, key) for table in tables for key, name in keys.items() if key in table.values}
        values = {name: self._as_setting(key, table.values[key]) for name, (table, key) in said.items()}

        def where(name: str) -> str:
            return self._place(*said.get(name, (tables[-1], name)))

        try:
            return Settings.model_validate(settings.model_dump() | values), set(said)
        except ValidationError as error:
            raise refused_setting(error, where) from None

    def _as_setting(self, key: str, value: object) -> object:
        if key == "resolution" and isinstance(value, list):
            return ",".join(str(side) for side in value)
        if key == "conditioning_data_dir" and isinstance(value, str) and value:
            return str(self._path(value))
        return value

    def _path(self, text: str) -> Path:
        plain = str(user_path(text, self._where))
        return Path(self._around.found(plain) if os.path.isabs(plain) else os.path.normpath(self._folder / plain))

    def _text_in(self, table: _Table, key: str, expected: str) -> str:
        value = table.values.get(key)
        if not isinstance(value, str) or (key == "image_dir" and not value.strip()):
            raise self._wrong(table, key, expected)
        return value

    def _tables(self, value: object, place: str, *, many: bool = True) -> list[Mapping[str, object]]:
        tables = value if many else [value]
        if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
            raise SettingsError(
                f"{self._where}: {place}",
                found="missing" if value is None else value_text(value),
                expected="at least one table of this kind" if many else "a table",
                way_out="a data set file has [[datasets]], and [[datasets.subsets]] with an image_dir in each",
            )
        return tables

    def _check_keys(self, document: Mapping[str, object]) -> None:
        """Refuse all keys of the file that mean nothing in their table, at once."""
        outermost = ("general", "datasets")
        errors = {
            key: self._unknown(f"{self._where}: {printable(key, 60)}", key, outermost)
            for key in sorted(document.keys() - {*outermost})
        }
        for table in _all_tables(document):
            errors |= dict(self._wrong_keys(table))
        if errors:
            raise wrong_keys(self._where, errors)

    def _wrong_keys(self, table: _Table) -> Iterator[tuple[str, SettingsError]]:
        known = {*_OF_SUBSETS, _CLASS_TOKENS, *(_OF_ONE_SUBSET if table.level == "datasets.subsets" else _OF_DATASETS)}
        for key, value in table.values.items():
            if key in known or key in _IDLE or (table.level == "datasets" and key == "subsets"):
                continue
            if key in _NOT_DONE:
                neutral, way_out = _NOT_DONE[key]
                if value not in neutral:
                    yield (
                        key,
                        SettingsError(
                            self._place(table, key),
                            found=f"{value_text(value)}, an option of sd-scripts that lora-tui does not support",
                            way_out=way_out,
                        ),
                    )
            elif key in _OF_DATASETS or key in _OF_ONE_SUBSET:
                belongs = "[[datasets]]" if key in _OF_DATASETS else "[[datasets.subsets]]"
                yield (
                    key,
                    SettingsError(
                        self._place(table, key),
                        found=f"this key is under {_header(table.level)}",
                        expected=f"under {belongs}",
                        way_out=f"move it to {belongs}",
                    ),
                )
            else:
                yield key, self._unknown(self._place(table, key), key, known)

    def _unknown(self, where: str, key: str, known: Iterable[str]) -> SettingsError:
        nearest = next(iter(difflib.get_close_matches(key, list(known), n=1)), None)
        return SettingsError(
            where,
            found=f"unknown key in a data set file: `{printable(key, 60)}`",
            way_out=f"did you mean `{nearest}`?" if nearest else "remove it",
        )

    def _wrong(self, table: _Table, key: str, expected: str) -> SettingsError:
        value = table.values.get(key)
        return SettingsError(
            self._place(table, key), found="missing" if value is None else value_text(value), expected=expected
        )

    def _place(self, table: _Table, key: str) -> str:
        """Return file, line and key; table and key if the line is not found."""
        line = _line_of(self._text, table, key)
        if line is not None:
            return f"{self._where} line {line}: {printable(key, 60)}"
        number = {
            "general": "",
            "datasets": f" {table.dataset}",
            "datasets.subsets": f" {table.dataset}.{table.subset}",
        }
        return f"{self._where} {_header(table.level)}{number[table.level]}: {printable(key, 60)}"


def _parse_json(text: str, where: str) -> dict[str, object]:
    """Return the values of a data set file in JSON, which sd-scripts takes too.

    Raises:
        SettingsError: it is broken, or not a table.
    """
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        place = f"{where} line {error.lineno}"
        raise SettingsError(place, found=f"broken JSON, {printable(error.msg.lower())}", expected="JSON") from None
    except (ValueError, RecursionError):
        raise SettingsError(where, found="a number too long to read, or brackets nested too deeply") from None
    if not isinstance(found, dict):
        raise SettingsError(where, found="JSON, but not a table", expected='{"datasets": [{"subsets": […]}]}')
    return found


def masks_for(settings: Settings, *, wanted: bool) -> Path | Literal["alpha"] | None:
    """Return where the masks of a folder's pictures are; alpha_mask counts even where masked_loss is off, as in sd-scripts.

    Args:
        settings: in force for the folder.
        wanted: whether conditioning_data_dir is meant for this folder.
    """
    if settings.masked_loss and settings.conditioning_data_dir and wanted:
        return Path(settings.conditioning_data_dir)
    return "alpha" if settings.alpha_mask else None


def _all_tables(document: Mapping[str, object]) -> Iterator[_Table]:
    """Yield the tables of a file as far as they are tables; what is none is refused where it is read."""
    general, datasets = document.get("general"), document.get("datasets")
    if isinstance(general, dict):
        yield _Table("general", 0, 0, general)
    for number, dataset in enumerate(datasets if isinstance(datasets, list) else [], start=1):
        if isinstance(dataset, dict):
            yield _Table("datasets", number, 0, dataset)
            subsets = dataset.get("subsets")
            for place, subset in enumerate(subsets if isinstance(subsets, list) else [], start=1):
                if isinstance(subset, dict):
                    yield _Table("datasets.subsets", number, place, subset)


def _header(level: Level) -> str:
    return "[general]" if level == "general" else f"[[{level}]]"


def _line_of(text: str, table: _Table, key: str) -> int | None:
    """Return the line that `key` stands on in `table`, None where keys are not written one per line."""
    pattern = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*=""")
    level, dataset, subset = "", 0, 0
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            level = header[1]
            dataset, subset = {
                "datasets": (dataset + 1, 0),
                "datasets.subsets": (dataset, subset + 1),
            }.get(level, (dataset, subset))
        # There is one [general], wherever it stands.
        is_here = level == "general" or (dataset, subset) == (table.dataset, table.subset)
        if level == table.level and is_here and pattern.match(line):
            return number
    return None


def setting_of_key(level: Level, key: str) -> str:
    """Return the setting that a key of a table stands for, "" where it stands for none there."""
    outer = {} if level == "datasets.subsets" else _OF_DATASETS
    return {**_OF_SUBSETS, **outer}.get(key, "")


def all_keys() -> tuple[str, ...]:
    """Return every key of sd-scripts' data set files, whatever table it belongs in and whether it has an effect here."""
    return tuple(dict.fromkeys((*_OF_DATASETS, *_OF_SUBSETS, *_OF_ONE_SUBSET, _CLASS_TOKENS, *_NOT_DONE, *_IDLE)))


def is_key_of(level: Level, key: str) -> bool:
    """Return whether a key may stand in a table of that level."""
    of_subset = level == "datasets.subsets" and key in _OF_ONE_SUBSET
    return bool(setting_of_key(level, key)) or key == _CLASS_TOKENS or of_subset


def why_key_idle(key: str, value: object) -> str:
    """Return why sd-scripts' key has no effect here, "" where it has one or is not known."""
    if key in _IDLE:
        return _IDLE[key]
    if key not in _NOT_DONE:
        return ""
    neutral, way_out = _NOT_DONE[key]
    if value in neutral or value is None:
        return "off"
    return (
        way_out.removeprefix("remove it: ")
        .removeprefix("remove it and ")
        .replace("remove it", "there is no such option")
    )

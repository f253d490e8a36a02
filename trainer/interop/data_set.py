"""Folders of pictures with repeats and captions of their own: sd-scripts' `--dataset_config`, read from options and written as TOML."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import tomlkit

from trainer.dataset.dataset_toml import Level, is_key_of, setting_of_key, why_key_idle
from trainer.errors import SettingsError
from trainer.interop.option_meaning import is_blank, is_on
from trainer.interop.options import OptionFate, checked_value
from trainer.settings.refusal import value_text
from trainer.settings.toml_file import visible_toml

_PLACE = re.compile(r"(?:general|datasets\[(?P<dataset>[^\]]*)\](?:\.subsets\[(?P<subset>[^\]]*)\])?)\.(?P<key>.+)")
_OFF = "this folder is switched off"
_PATHS = ("image_dir", "conditioning_data_dir")
LEVELS: tuple[Level, ...] = ("general", "datasets", "datasets.subsets")
# Keys that formats use beside sd-scripts' own.
_ENABLED, _RESOLUTIONS = "enabled", "resolutions"


@dataclass
class _Subset:
    values: dict[str, object] = field(default_factory=dict)
    enabled: bool = True


@dataclass
class _DataSet:
    values: dict[str, object] = field(default_factory=dict)
    subsets: dict[str, _Subset] = field(default_factory=dict)
    resolutions: list[object] = field(default_factory=list)


@dataclass(frozen=True)
class DataSetFrom:
    """A data set made from options.

    Attributes:
        text: the file; "" where the options name no folder.
        fates: option to what became of it.
    """

    text: str
    fates: Mapping[str, OptionFate]


def is_of_data_set(option: str) -> bool:
    """Return whether an option stands for a key of a data set file."""
    return _PLACE.fullmatch(option) is not None


def is_path_of_data_set(option: str) -> bool:
    """Return whether such an option names a folder."""
    return is_of_data_set(option) and option.rpartition(".")[2] in _PATHS


def data_set_from(options: Mapping[str, object]) -> DataSetFrom:
    """Return the data set file that the options under `general.`, `datasets[…]` and `datasets[…].subsets[…]` make."""
    reader = _Reader()
    for name, value in options.items():
        if match := _PLACE.fullmatch(name):
            reader.take(name, match, value)
    return DataSetFrom(reader.text(), reader.fates)


class _Reader:
    """The tables of a data set file, filled option by option."""

    def __init__(self) -> None:
        self.fates: dict[str, OptionFate] = {}
        self._general: dict[str, object] = {}
        self._datasets: dict[str, _DataSet] = {}
        self._names: dict[tuple[str, str], list[str]] = {}

    def take(self, name: str, match: re.Match[str], value: object) -> None:
        """Put one option into its table."""
        dataset, subset, key = match["dataset"], match["subset"], match["key"]
        if dataset is None:
            self._put(name, "general", self._general, key, value)
            return
        its = self._datasets.setdefault(dataset, _DataSet())
        if subset is None:
            if key == _RESOLUTIONS and isinstance(value, list):
                self._take_resolutions(name, its, value)
            else:
                self._put(name, "datasets", its.values, key, value)
            return
        inner = its.subsets.setdefault(subset, _Subset())
        self._names.setdefault((dataset, subset), []).append(name)
        if key == _ENABLED:
            inner.enabled = is_on(value)
            self.fates[name] = OptionFate("taken", {key: inner.enabled})
        else:
            self._put(name, "datasets.subsets", inner.values, key, value)

    def _put(self, name: str, level: Level, table: dict[str, object], key: str, value: object) -> None:
        fate = _fate(level, key, value)
        self.fates[name] = fate
        table.update(fate.values)

    def _take_resolutions(self, name: str, its: _DataSet, sides: list[object]) -> None:
        """Note the sizes of a data set that stands in the file once for each."""
        fates = [_fate("datasets", "resolution", side) for side in sides]
        its.resolutions = [fate.values["resolution"] for fate in fates if "resolution" in fate.values]
        why = "; ".join(filter(None, (fate.why for fate in fates)))
        once = "the pictures stand in the data set once for each size"
        if its.resolutions:
            self.fates[name] = OptionFate("translated", {"resolution": its.resolutions}, why or once)
        else:
            self.fates[name] = OptionFate("without effect", why=why or "blank")

    def text(self) -> str:
        """Return the file; what belongs to a folder that is left out loses its effect."""
        document = tomlkit.document()
        if self._general:
            document["general"] = self._general
        datasets = tomlkit.aot()
        for place, its in self._datasets.items():
            subsets = [each.values for key, each in its.subsets.items() if self._is_used(place, key, each)]
            for resolution in (its.resolutions or [None]) if subsets else []:
                table = tomlkit.table()
                table.update(its.values | ({} if resolution is None else {"resolution": resolution}))
                inner = tomlkit.aot()
                for values in subsets:
                    inner.append(tomlkit.item(values))
                table["subsets"] = inner
                datasets.append(table)
        if not len(datasets):
            return ""
        document["datasets"] = datasets
        return visible_toml(tomlkit.dumps(document))

    def _is_used(self, dataset: str, place: str, subset: _Subset) -> bool:
        why = "" if subset.enabled else _OFF
        if not why and not subset.values.get("image_dir"):
            why = "its folder names no pictures: there is no image_dir"
        for name in self._names[(dataset, place)] if why else ():
            if not name.endswith(f".{_ENABLED}"):
                self.fates[name] = OptionFate("without effect", why=why)
        return not why


def _fate(level: Level, key: str, value: object) -> OptionFate:
    """Return what a key of a table becomes."""
    why = why_key_idle(key, value)
    if not why and not is_key_of(level, key):
        if not any(is_key_of(other, key) for other in LEVELS):
            return OptionFate("unknown")
        why = f"it has no place in [[{level}]]"
    if why or is_blank(value):
        return OptionFate("without effect", why=why or "blank")
    try:
        return OptionFate("taken", {key: _checked(level, key, value)})
    except SettingsError as error:
        return OptionFate("without effect", why=f"{key} cannot be {value_text(value)}: expected {error.expected}")


def _checked(level: Level, key: str, value: object) -> object:
    """Return a key's value as it is written.

    Raises:
        SettingsError: it cannot be that.
    """
    setting = setting_of_key(level, key)
    if not setting:
        return is_on(value) if key == "is_reg" else str(value)
    if key == "num_repeats" and value in (0, "0"):
        return 0
    checked = checked_value(
        setting, ",".join(map(str, value)) if key == "resolution" and isinstance(value, list) else value
    )
    if key == "resolution":
        return _size(checked)
    return checked[0] if isinstance(checked, list) and len(checked) == 1 else checked


def _size(value: object) -> object:
    sides = [int(side) for side in str(value).split(",")]
    return sides[0] if len(sides) == 1 else sides

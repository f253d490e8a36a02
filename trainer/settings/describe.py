"""Descriptions of all settings for forms and error lines, and their values as text."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from types import MappingProxyType, UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin

import annotated_types
from pydantic.fields import FieldInfo as ModelField

from trainer.profiles.record import TrainerProfile
from trainer.settings.amounts import list_text
from trainer.settings.model import Settings
from trainer.settings.one_setting import FORK_SECTIONS, Decides, MemoryRole, PathRole
from trainer.settings.parts import Family, worded
from trainer.settings.profile_defaults import SETTING, imitated

Kind = Literal["bool", "int", "float", "text", "list", "choice", "path"]

_WORDS: Mapping[str, str] = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "text": "text",
    "list": "a list of texts",
    "path": "a path",
}


@dataclass(frozen=True)
class FieldInfo:
    """One setting as a form and an error line need it.

    Attributes:
        name: sd-scripts' option name, the key in TOML.
        section: the group it stands in.
        label: the plain words beside it.
        unit: how a number is counted; may be empty.
        help: what it does, and why its default is what it is.
        kind: what its value is; `path` is a text that names a folder.
        choices: the allowed values of a `choice`.
        low, high: bounds of a number, None for no bound.
        above: the value itself must be above `low`, not at it.
        below: it must be below `high`, not at it.
        multiple: a number's divisor, None where any will do.
        optional: whether it may be blank (None).
        live: whether it may change while baking.
        exactness: what it does to an exact resume; "" where the resumed bake is the same bit for bit.
        default: its value when the user sets none.
        synonyms: further words that a search finds it by.
        default_of: whose default it is, in words; "" for ours.
        default_why: why it is so, one sentence, where it is not ours.
    """

    name: str
    section: str
    label: str
    unit: str
    help: str
    kind: Kind
    choices: tuple[str, ...]
    low: float | None
    high: float | None
    above: bool
    below: bool
    multiple: int | None
    optional: bool
    live: bool
    exactness: str
    default: object
    synonyms: tuple[str, ...] = ()
    default_of: str = ""
    default_why: str = ""

    @property
    def expected(self) -> str:
        """The values it takes, in words: `a whole number from 1 to 512`."""
        if self.kind == "choice":
            return f"one of {', '.join(self.choices)}"
        words = _WORDS[self.kind]
        if self.low is not None and self.high is not None:
            low, high = number_text(self.low), number_text(self.high)
            words += f" above {low}" if self.above else f" from {low}"
            words += f" and below {high}" if self.below else f" and up to {high}" if self.above else f" to {high}"
        if self.multiple is not None:
            words += f", a multiple of {self.multiple}"
        return f"{words}, or blank" if self.optional else words


@dataclass(frozen=True, kw_only=True)
class SettingInfo(FieldInfo):
    """A field of a bake's settings, with what the other modules ask of it.

    Attributes:
        memory: whether it decides how much memory a bake takes.
        speed: whether a speed measured with another value says nothing about this one.
        metadata_key: the metadata key of a LoRA file that holds its plain value; "" where none does.
        metadata_keys: keys that depend on it and that `trainer.network` fills one by one.
        may_fork: whether a fork of a bake may change it.
        path: what the file or folder decides that it names; "" where it names none.
        decides: whether it decides what LoRA comes out.
        stays_here: whether a LoRA file, which is passed on, does not say it: a path, a command, the name of a subject.
    """

    memory: MemoryRole
    speed: bool
    metadata_key: str
    metadata_keys: tuple[str, ...]
    may_fork: bool
    path: PathRole
    stays_here: bool
    decides: Decides


def fields(behave_like: str | None = None, family: Family | None = None) -> tuple[SettingInfo, ...]:
    """Return every setting in the order of the form.

    Args:
        behave_like: the trainer whose defaults count; None for our own.
        family: of the base, whose parts labels and help texts name; None where none is known yet.
    """
    return _worded(behave_like, family)


@cache
def _worded(behave_like: str | None, family: Family | None) -> tuple[SettingInfo, ...]:
    return tuple(worded(info, family, "label", "help") for info in _records(behave_like))


@cache
def _records(behave_like: str | None = None) -> tuple[SettingInfo, ...]:
    profile = imitated(behave_like)
    if profile is None:
        defaults = Settings()
        return tuple(_described(name, field, getattr(defaults, name)) for name, field in Settings.model_fields.items())
    its = Settings.model_validate({SETTING: profile.key})
    return tuple(_of_profile(info, getattr(its, info.name), profile) for info in _records())


@cache
def _by_name(behave_like: str | None, family: Family | None) -> Mapping[str, SettingInfo]:
    return MappingProxyType({info.name: info for info in _worded(behave_like, family)})


def field(name: str, behave_like: str | None = None, family: Family | None = None) -> SettingInfo:
    """Return the setting called `name`.

    Args:
        name: the setting.
        behave_like, family: as for fields.

    Raises:
        KeyError: no setting is called so.
    """
    return _by_name(behave_like, family)[name]


def is_setting(name: str) -> bool:
    """Return whether `name` is a setting."""
    return name in Settings.model_fields


def memory_settings() -> tuple[str, ...]:
    """Return the names of the settings whose own value decides a bake's memory."""
    return tuple(info.name for info in fields() if info.memory == "yes")


def speed_settings() -> tuple[str, ...]:
    """Return the names of the settings that decide a bake's speed."""
    return tuple(info.name for info in fields() if info.speed)


def settings_naming(role: PathRole) -> tuple[str, ...]:
    """Return the names of the settings that name a file or folder of that role."""
    return tuple(info.name for info in fields() if info.path == role)


def nearest_name(name: str) -> str | None:
    """Return the setting whose name is closest to a mistyped `name`, None where none is close."""
    plain = name.strip().lower().replace("-", "_")
    near = difflib.get_close_matches(plain, Settings.model_fields, n=1, cutoff=0.6)
    return near[0] if near else None


def shown_value(settings: Settings, name: str) -> str:
    """Return the value of `name` as the form shows it and `toml_file.with_value` reads it back.

    None is empty, a switch is yes or no, lists are joined by `, `, small numbers are written `1e-4`.
    """
    return value_text(getattr(settings, name))


def default_text(info: FieldInfo) -> str:
    """Return a field's default in a form that both the form and a TOML file accept."""
    text = value_text(info.default)
    return {"yes": "true", "no": "false"}.get(text, text) if info.kind == "bool" else text


def value_text(value: object) -> str:
    """Return a setting's value as the form shows it, see `shown_value`."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return number_text(value)
        case list():
            return list_text(value)
        case _:
            return str(value)


def shown_default(name: str, behave_like: str | None = None) -> str:
    """Return the default of `name` in a form that both the form and a TOML file accept.

    Args:
        name: the setting.
        behave_like: as for fields.
    """
    return default_text(field(name, behave_like))


def number_text(value: float) -> str:
    """Return the shortest text that reads back as exactly `value`: `1e-4`, `0.05`, `16`."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    if abs(value) < 0.01:
        return f"{Decimal(repr(value)):e}"
    return repr(value)


def _of_profile(info: SettingInfo, default: object, profile: TrainerProfile) -> SettingInfo:
    """Return a setting as one sees it in a bake that behaves like another trainer."""
    if info.name == SETTING:
        return info
    if info.name in profile.unknown:
        return replace(info, default_of=f"ours, as that of {profile.title} is not known")
    if default == info.default:
        return info
    return replace(
        info, default=default, default_of=f"of {profile.title}", default_why=profile.reasons.get(info.name, "")
    )


def _described(name: str, field: ModelField, default: object) -> SettingInfo:
    extra = cast("Mapping[str, Any]", field.json_schema_extra)
    kind, choices = _kind(field, is_path=bool(extra["path"]))
    if extra["choices"] is not None:
        kind, choices = "choice", tuple(extra["choices"])
    key = extra["metadata"]
    low, above, high, below, multiple = bounds(field)
    return SettingInfo(
        name=name,
        section=extra["section"],
        label=extra["label"],
        unit=extra["unit"],
        help=field.description or "",
        kind=kind,
        choices=choices,
        low=low,
        high=high,
        above=above,
        below=below,
        multiple=multiple,
        optional=type(None) in get_args(field.annotation),
        live=extra["live"],
        memory=extra["memory"],
        speed=extra["speed"],
        metadata_key=key if isinstance(key, str) else "",
        metadata_keys=() if isinstance(key, str) else tuple(key),
        exactness=extra["exactness"],
        synonyms=tuple(word.strip() for word in extra["synonyms"].split(",") if word.strip()),
        may_fork=extra["section"] in FORK_SECTIONS and not extra["fixed_in_fork"],
        path=extra["path"],
        stays_here=extra["stays_here"],
        decides=extra["decides"],
        default=default,
    )


def _kind(field: ModelField, *, is_path: bool) -> tuple[Kind, tuple[str, ...]]:
    annotation: object = field.annotation
    if isinstance(annotation, UnionType) or get_origin(annotation) is Union:
        annotation = next(part for part in get_args(annotation) if part is not type(None))
    if get_origin(annotation) is Literal:
        return "choice", get_args(annotation)
    if get_origin(annotation) is list:
        return "list", ()
    if is_path:
        return "path", ()
    kinds: Mapping[object, Kind] = {bool: "bool", int: "int", float: "float", str: "text"}
    return kinds[annotation], ()


def bounds(field: ModelField) -> tuple[float | None, bool, float | None, bool, int | None]:
    """Return (low, whether low itself is excluded, high, whether high itself is excluded, multiple) of a model's number."""
    low: float | None = None
    high: float | None = None
    above = below = False
    multiple: int | None = None
    for rule in field.metadata:
        match rule:
            case annotated_types.Ge(ge=bound):
                low = cast("float", bound)
            case annotated_types.Gt(gt=bound):
                low, above = cast("float", bound), True
            case annotated_types.Le(le=bound):
                high = cast("float", bound)
            case annotated_types.Lt(lt=bound):
                high, below = cast("float", bound), True
            case annotated_types.MultipleOf(multiple_of=divisor):
                multiple = cast("int", divisor)
            case _:
                continue
    return low, above, high, below, multiple

"""Ladders as TOML: files that a user writes, and the spec that the journal keeps."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from trainer.errors import SettingsError
from trainer.ladders.build import (
    DEFAULT_TWINS,
    MAX_TWINS,
    LadderAxis,
    axis_of,
    in_order_of_settings,
    ladder_of_axes,
    overridden_names,
    settings_of_rungs,
)
from trainer.ladders.record import LadderSpec, Rung
from trainer.ladders.typed_rungs import MAX_LABEL
from trainer.settings.describe import field, is_setting, number_text
from trainer.settings.model import Settings
from trainer.settings.refusal import unknown_key, value_text, wrong_keys
from trainer.settings.toml_file import value_toml
from trainer.settings.toml_text import parse_toml, place_of, read_text
from trainer.text import printable
from trainer.typed_values import expected_text, shown

KIND = "a ladder file"

_MAX_TEXT = 8000
# Names of pairs are longer than those of rungs typed one by one.
_MAX_LABEL = 4 * MAX_LABEL
# What a file of settings holds fits into these.
_MAX_BITS = 64
_Model = TypeVar("_Model", bound=BaseModel)
_HEAD = """\
# A ladder of lora-tui: one question, asked by bakes that differ in one setting.
# `lora-tui ladder THIS-FILE --settings SETTINGS.toml --dry-run` shows what it takes; without --dry-run it is queued.
"""
_SHORT_FORM = """\
# In place of the rungs below one may write what differs, and where it stands: 0.1 is a factor on what the settings have, "=1e-4" a
# value, 1 the settings as they are. Settings that move together: knob = "unet_lr,text_encoder_lr"; every pair: two [[axes]].
#   knob = "unet_lr"
#   rungs = [0.1, 0.33, 1, 3, 10]
"""


_Words = Annotated[str, Field(max_length=_MAX_TEXT)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)


class _RungTable(_Part):
    label: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=_MAX_LABEL)]
    set: dict[str, Any] = Field(default_factory=dict)
    position: float | None = None
    centre: bool = False


class _AxisTable(_Part):
    knob: _Words
    rungs: Annotated[list[Any], Field(min_length=1)]


class _LadderTables(_Part):
    """What a file may hold; what stands in its lists and tables of settings is looked at behind it."""

    title: _Words = ""
    question: _Words = ""
    preset: _Words = ""
    twins: Annotated[int, Field(ge=1, le=MAX_TWINS)] | None = None
    log_axis: bool = False
    settings: _Words = ""
    of_bake: Annotated[int, Field(ge=1)] | None = None
    knob: _Words = ""
    knobs: list[str] = Field(default_factory=list)
    rungs: list[Any] = Field(default_factory=list)
    axes: list[Any] = Field(default_factory=list)
    set: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AskedLadder:
    """A ladder as a file or a command line asks for it, before the settings are known that it starts from.

    Attributes:
        axes: rows of typed rungs; none where `rungs` has them or a preset makes them.
        rungs: rungs with what each sets.
        knobs: of such rungs, the settings that they differ in, as far as they are named.
        log_axis: of such rungs, whether their positions are drawn on a logarithmic axis.
        twins: bakes of each rung; None for the usual number.
        title, question, preset: as in LadderSpec.
        base_settings: `name=value` for every rung.
        settings: the settings file it starts from, as written; "" where none is named.
        of_bake: the bake whose settings it starts from; None for none.
    """

    axes: tuple[LadderAxis, ...] = ()
    rungs: tuple[Rung, ...] = ()
    knobs: tuple[str, ...] = ()
    log_axis: bool = False
    twins: int | None = None
    title: str = ""
    question: str = ""
    preset: str = ""
    base_settings: tuple[str, ...] = ()
    settings: str = ""
    of_bake: int | None = None

    @property
    def has_rungs(self) -> bool:
        """Whether it says what differs; else its preset has to."""
        return bool(self.axes or self.rungs)

    def spec(self, settings: Settings) -> LadderSpec:
        """Return the ladder on these settings.

        Raises:
            SettingsError: a rung that the settings do not take.
        """
        if self.axes:
            return ladder_of_axes(
                settings,
                self.axes,
                twins=DEFAULT_TWINS if self.twins is None else self.twins,
                title=self.title,
                question=self.question,
                preset=self.preset,
                base_settings=self.base_settings,
            )
        spec = self.written()
        settings_of_rungs(settings, spec)
        return spec

    def written(self) -> LadderSpec:
        """Return the ladder of rungs that say what they set, whatever settings it starts from."""
        return LadderSpec(
            title=self.title or _title(self.rungs),
            knobs=_knobs(self.rungs, self.knobs),
            rungs=self.rungs,
            twins=DEFAULT_TWINS if self.twins is None else self.twins,
            log_axis=self.log_axis,
            preset=self.preset,
            question=self.question,
            base_settings=self.base_settings,
        )


def read_spec(path: Path) -> AskedLadder:
    """Return the ladder that a TOML file asks for.

    Raises:
        SettingsError: it cannot be read, or something in it is unknown or wrong: unknown keys are named all at once.
    """
    return asked_of_toml(read_text(path, KIND), printable(str(path)))


def asked_of_toml(text: str, where: str) -> AskedLadder:
    """Return the ladder that a TOML text asks for.

    Args:
        text: TOML.
        where: start of an error line, usually the file.

    Raises:
        SettingsError: as read_spec.
    """
    tables = _read(_LadderTables, parse_toml(text, where), "", _Source(text, where))
    rungs = _rung_tables(tables, _Source(text, where))
    _check_names(tables, rungs, where)
    axes = _axes(tables, rungs, _Source(text, where))
    if not (axes or rungs or tables.preset):
        raise SettingsError(
            where,
            found="no rungs",
            expected='knob = "unet_lr" and rungs = [0.1, 1, 10]',
            way_out="or name a ready ladder: preset = KEY",
        )
    return AskedLadder(
        axes=axes,
        rungs=_with_centre([_rung(each, where) for each in rungs]),
        knobs=tuple(tables.knobs) if rungs else (),
        log_axis=tables.log_axis,
        twins=tables.twins,
        title=tables.title,
        question=tables.question,
        preset=tables.preset,
        base_settings=_overrides(tables.set, f"{where}: set"),
        settings=tables.settings,
        of_bake=tables.of_bake,
    )


def spec_of_toml(text: str, where: str) -> LadderSpec:
    """Return the spec of a TOML text that `spec_toml` wrote, as the journal and the ladders' folders keep it.

    Raises:
        SettingsError: it is broken, or its rungs are typed ones, which mean nothing without settings.
    """
    asked = asked_of_toml(text, where)
    if not asked.rungs:
        raise SettingsError(
            f"{where}: rungs", found="none with what each sets", expected="[[rungs]] with label and set"
        )
    return asked.written()


def spec_toml(spec: LadderSpec) -> str:
    """Return a spec as TOML with comments that a user can follow; `spec_of_toml` reads the same spec back."""
    lines = [_HEAD, f"title = {value_toml(spec.title)}"]
    if spec.question:
        lines += ["# What it tests.", f"question = {value_toml(spec.question)}"]
    if spec.preset:
        lines += ["# The ready ladder that it was made from.", f"preset = {value_toml(spec.preset)}"]
    lines += [
        "# Bakes of each rung that differ in their random numbers alone: what these differ in is the noise.",
        f"twins = {spec.twins}",
        "# The settings that differ between the rungs.",
        f"knobs = [{', '.join(map(value_toml, spec.knobs))}]",
        "# Whether equal factors are equal distances on the axis.",
        f"log_axis = {value_toml(spec.log_axis)}",
    ]
    if spec.base_settings:
        lines += [
            "# Settings of every rung, on top of those that the ladder starts from.",
            f"set = {_table(spec.base_settings)}",
        ]
    lines += ["", _SHORT_FORM]
    for rung in spec.rungs:
        lines += ["[[rungs]]", f"label = {value_toml(rung.label)}", f"set = {_table(rung.overrides)}"]
        if rung.position is not None:
            lines.append(f"position = {value_toml(float(rung.position))}")
        if rung.is_centre:
            lines.append("centre = true")
        lines.append("")
    return "\n".join(lines)


def _knobs(rungs: Iterable[Rung], named: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the settings that rungs differ in; a setting may be named that one rung alone, the centre, leaves as it is."""
    return in_order_of_settings((*named, *(name for rung in rungs for name in overridden_names(rung.overrides))))


def _title(rungs: Sequence[Rung]) -> str:
    knobs = _knobs(rungs)
    return f"{' and '.join(knobs) or 'settings'}: {', '.join(rung.label for rung in rungs)}"[:_MAX_TEXT]


@dataclass(frozen=True)
class _Source:
    """A TOML text, and the start of an error line about it."""

    text: str
    where: str

    def place(self, name: str) -> str:
        """Return the start of an error line about a key at its top."""
        return place_of(self.text, name, self.where)


def _read(kind: type[_Model], values: object, inside: str, source: _Source) -> _Model:
    """Return a table of a file.

    Args:
        kind: what it may hold.
        values: what it holds.
        inside: where it stands, "" at the top.
        source: the file.

    Raises:
        SettingsError: all keys that it should not hold, else the first value that is wrong.
    """
    start = f"{source.where}: {inside}" if inside else source.where
    if not isinstance(values, dict):
        raise SettingsError(start, found=shown(values), expected="a table")
    try:
        # By its constructor: a strict model takes no table for itself.
        return kind(**values)
    except ValidationError as error:
        found = error.errors(include_url=False)
    unknown = [str(each["loc"][0]) for each in found if each["type"] == "extra_forbidden"]
    if unknown:
        raise wrong_keys(start, {key: unknown_key(f"{start}: {key}", key, kind.model_fields) for key in unknown})
    first = found[0]
    place = _inner(first)
    raise SettingsError(
        f"{start}: {place}" if inside else source.place(place),
        found="missing" if first["type"] == "missing" else value_text(first["input"]),
        expected=expected_text(first),
    )


def _inner(error: ErrorDetails) -> str:
    """Return where in a table an error is: `knobs 2`."""
    words: list[str] = []
    for part in error["loc"]:
        if isinstance(part, int) and words:
            words[-1] = f"{words[-1]} {part + 1}"
        else:
            words.append(printable(str(part), 60))
    return ": ".join(words)


def _rung_tables(tables: _LadderTables, source: _Source) -> list[_RungTable]:
    """Return the rungs that are written as tables."""
    return [
        _read(_RungTable, each, f"rungs {number}", source)
        for number, each in enumerate(tables.rungs, start=1)
        if isinstance(each, dict)
    ]


def _axes(tables: _LadderTables, rungs: Sequence[_RungTable], source: _Source) -> tuple[LadderAxis, ...]:
    """Return the typed rows: that of `knob` and `rungs`, or those of `axes`."""
    typed = [each for each in tables.rungs if not isinstance(each, dict)]
    if sum(map(bool, (typed, rungs, tables.axes))) > 1:
        raise SettingsError(
            source.place("rungs"),
            found="rungs in several forms",
            expected="typed ones beside a knob, or axes, or a table for each rung",
            way_out='as a table the rung "=3e-4" is: label = "3e-4", set = { unet_lr = 3e-4 }',
        )
    # In a written spec `knobs` names what the tables of its rungs set.
    knob = tables.knob or (",".join(tables.knobs) if typed else "")
    if bool(knob) is not bool(typed):
        missing, there = ("rungs", "knob") if knob else ("knob", "rungs")
        raise SettingsError(
            source.place(there),
            found=f"no {missing} beside {there}",
            expected='knob = "unet_lr" and rungs = [0.1, 1, 10]',
            way_out=f"name the {missing}",
        )
    if typed:
        return (axis_of(knob, _typed(typed, source.place("rungs"))),)
    axes = [_read(_AxisTable, each, f"axes {number}", source) for number, each in enumerate(tables.axes, start=1)]
    return tuple(axis_of(each.knob, _typed(each.rungs, f"{source.where}: axes")) for each in axes)


def _typed(rungs: Iterable[object], where: str) -> Iterator[str]:
    """Yield rungs as they would be typed."""
    for each in rungs:
        yield _text(each, where, lists=False)


def _rung(table: _RungTable, where: str) -> Rung:
    overrides = _overrides(table.set, f"{where}: rung {printable(table.label, MAX_LABEL)}")
    return Rung(label=table.label, overrides=overrides, position=table.position, is_centre=table.centre)


def _with_centre(rungs: Sequence[Rung]) -> tuple[Rung, ...]:
    """Return rungs with a centre: where none is named, the only one that sets nothing, since it is the settings as they are."""
    unchanged = [place for place, rung in enumerate(rungs) if not rung.overrides]
    if len(unchanged) != 1 or any(rung.is_centre for rung in rungs):
        return tuple(rungs)
    return tuple(replace(rung, is_centre=place == unchanged[0]) for place, rung in enumerate(rungs))


def _overrides(values: Mapping[str, object], where: str) -> tuple[str, ...]:
    return tuple(f"{name}={_text(value, f'{where}: {name}')}" for name, value in values.items())


def _text(value: object, where: str, *, lists: bool = True) -> str:
    """Return a TOML value as it would be typed.

    Raises:
        SettingsError: no setting takes such a value.
    """
    match value:
        case bool():
            return "yes" if value else "no"
        case int() if value.bit_length() < _MAX_BITS:
            return str(value)
        case float():
            return number_text(value) if isfinite(value) else str(value)
        case str() if len(value) <= _MAX_TEXT:
            return value
        case list() if lists and all(isinstance(each, str) for each in value):
            return ", ".join(value)
    expected = f"a number, a switch, a text of at most {_MAX_TEXT:,} characters{' or a list of texts' if lists else ''}"
    found = value_text(value) if isinstance(value, date | time) else shown(value)
    raise SettingsError(where, found=found, expected=expected)


def _table(overrides: Sequence[str]) -> str:
    """Return overrides as an inline table."""
    # Of two for one setting the last is in force, as on the command line.
    pairs = [f"{name} = {_override_toml(name, text)}" for name, text in dict(_pairs(overrides)).items()]
    return f"{{ {', '.join(pairs)} }}" if pairs else "{}"


def _pairs(overrides: Sequence[str]) -> Iterator[tuple[str, str]]:
    for override in overrides:
        name, _, text = override.partition("=")
        yield name.strip().replace("-", "_"), text.strip()


def _override_toml(name: str, text: str) -> str:
    """Return an override's text as TOML, as a number or a switch where its setting is one."""
    kind = field(name).kind if is_setting(name) else "text"
    if kind == "bool" and text in ("yes", "no"):
        return value_toml(text == "yes")
    if kind in ("int", "float"):
        try:
            number = float(text)
        except ValueError:
            return value_toml(text)
        if kind == "int" and number.is_integer() and abs(number) < 1e15:
            return str(int(number))
        if abs(number) < float("inf"):
            return value_toml(number)
    return value_toml(text)


def _check_names(tables: _LadderTables, rungs: Sequence[_RungTable], where: str) -> None:
    """Refuse settings that there are not, all at once."""
    named = {"set": tables.set, "knobs": dict.fromkeys(tables.knobs)}
    named |= {f"rung {printable(each.label, MAX_LABEL)}": each.set for each in rungs}
    unknown = {
        f"{place}: {name}": unknown_key(f"{where}: {place}: {printable(name, MAX_LABEL)}", name)
        for place, names in named.items()
        for name in names
        if not is_setting(name)
    }
    if unknown:
        raise wrong_keys(where, unknown)

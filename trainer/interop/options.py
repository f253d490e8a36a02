"""sd-scripts' options as settings, with what becomes of each, and settings as sd-scripts' options."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from pydantic import ValidationError

from trainer.errors import SettingsError
from trainer.interop.option_list import OPTIONS
from trainer.interop.option_meaning import Meaning, as_number, is_blank, is_on
from trainer.interop.option_rules import RULES
from trainer.interop.report import Fate
from trainer.settings import describe
from trainer.settings.absent_options import ABSENT_OPTIONS, why_absent
from trainer.settings.model import Settings
from trainer.settings.profile_defaults import SETTING
from trainer.settings.refusal import refused_setting, value_text
from trainer.settings.typed import as_value

_KINDS_WITH_BLANKS = ("text", "list")
_LENGTHS = ("max_train_epochs", "max_train_steps")


@dataclass(frozen=True)
class OptionFate:
    """What became of one option.

    Attributes:
        fate: one of report.FATES.
        values: setting to the value it got; None for blank.
        why: the rule of a translation, or why it has no effect.
        refused: whether a value of it is none that the setting may have.
    """

    fate: Fate
    values: Mapping[str, object] = field(default_factory=dict)
    why: str = ""
    refused: bool = False


@dataclass(frozen=True)
class FromOptions:
    """Settings made from options.

    Attributes:
        values: the settings that the options state, each in the type of the setting; the others are left to the defaults.
        fates: option to what became of it, each option once.
    """

    values: Mapping[str, object]
    fates: Mapping[str, OptionFate]


def is_option(name: str) -> bool:
    """Return whether sd-scripts has or had an option of that name, or it is a setting here."""
    return name in OPTIONS or name in RULES or name in ABSENT_OPTIONS or describe.is_setting(name)


def settings_from(options: Mapping[str, object], profile: str = "") -> FromOptions:
    """Return the settings that sd-scripts' options state; a value that the settings refuse has no effect, and its fate says why.

    Args:
        options: by name, with values as a file has them: a number may be a text, a list one text.
        profile: the trainer whose defaults the settings have that are not stated; "" for ours.
    """
    values: dict[str, object] = {}
    owners: dict[str, str] = {}
    fates: dict[str, OptionFate] = {}
    for name, value in options.items():
        fate = _fate(name, value, options, profile)
        taken, not_taken, refused = _accepted(fate.values, values, owners)
        for setting, each in taken.items():
            values[setting] = each
            owners.setdefault(setting, name)
        fates[name] = replace(_with_reasons(fate, taken, not_taken), refused=refused)
    _agree(values, fates, str(options.get(SETTING) or profile))
    _settle_length(values, fates)
    return FromOptions(MappingProxyType(values), MappingProxyType(fates))


def checked_value(name: str, value: object) -> object:
    """Return a value in the type of the setting `name`.

    Raises:
        SettingsError: the setting does not take it.
    """
    typed = as_value(describe.field(name), value, lambda name: name)
    try:
        return getattr(Settings.model_validate({name: typed}), name)
    except ValidationError as error:
        if any(each["loc"][:1] == (name,) for each in error.errors(include_url=False)):
            raise refused_setting(error, lambda _: name) from None
    # Only the settings together disagree, which is seen when all of them are there.
    return typed


def _fate(name: str, value: object, options: Mapping[str, object], profile: str) -> OptionFate:
    """Return what an option asks for, before its values are checked."""
    if is_blank(value):
        return _blank(name, options, profile)
    meaning = RULES[name](value, options) if name in RULES else None
    if meaning is not None:
        fate: Fate = "without effect" if not meaning.values else "translated" if meaning.rule else "taken"
        return OptionFate(fate, meaning.values, _both(meaning))
    if describe.is_setting(name):
        return _same(name, value)
    if name in ABSENT_OPTIONS or name in OPTIONS:
        off = OPTIONS.get(name) == "flag" and not is_on(value)
        return OptionFate("without effect", why="off" if off else why_absent(name))
    return OptionFate("unknown")


def _both(meaning: Meaning) -> str:
    return "; ".join(filter(None, (meaning.rule, meaning.no_effect)))


def _blank(name: str, options: Mapping[str, object], profile: str) -> OptionFate:
    """Return the fate of a blank: the setting is blank where it can be, else the trainer's default holds."""
    if not is_option(name):
        return OptionFate("unknown")
    if not describe.is_setting(name):
        return OptionFate("without effect", why="blank")
    # Only our own files name the trainer beside what is blank all the same.
    trainer = options.get(SETTING)
    info = describe.field(name, trainer if isinstance(trainer, str) else None)
    # Any of the defaults would otherwise take the place of what is blank.
    defaults = (info.default, describe.field(name).default, describe.field(name, profile or None).default)
    if info.optional and any(default is not None for default in defaults):
        return OptionFate("taken", {name: None})
    if trainer and info.default and info.kind in _KINDS_WITH_BLANKS:
        return OptionFate("taken", {name: [] if info.kind == "list" else ""})
    return OptionFate("without effect", why="blank")


def _same(name: str, value: object) -> OptionFate:
    info = describe.field(name)
    if as_number(value) == 0 and not is_on(value) and info.low is not None and (info.low > 0 or info.above):
        # sd-scripts and the scripts around it write 0 for "off".
        if info.optional:
            return OptionFate("translated", {name: None}, "0 stands for blank")
        return OptionFate("without effect", why="0 stands for blank")
    return OptionFate("taken", {name: value})


def _accepted(
    wanted: Mapping[str, object], values: Mapping[str, object], owners: Mapping[str, str]
) -> tuple[dict[str, object], list[str], bool]:
    """Return those values that the settings take and that no other option has set, why the others are not taken, and whether one is wrong."""
    taken: dict[str, object] = {}
    not_taken: list[str] = []
    refused = False
    for setting, value in wanted.items():
        try:
            checked = None if value is None else checked_value(setting, value)
        except SettingsError as error:
            not_taken.append(f"{setting} cannot be {value_text(value)}: expected {error.expected}")
            refused = True
            continue
        if setting in owners and values[setting] != checked:
            not_taken.append(f"{owners[setting]} wins")
            continue
        taken[setting] = checked
    return taken, not_taken, refused


def _with_reasons(fate: OptionFate, taken: Mapping[str, object], not_taken: list[str]) -> OptionFate:
    why = "; ".join(filter(None, (fate.why, *not_taken)))
    if not fate.values or not not_taken:
        written = all(
            _is_as_written(value, taken[setting]) for setting, value in fate.values.items() if setting in taken
        )
        if fate.fate == "taken" and not written:
            return OptionFate("translated", taken, why or "as it is written here")
        return OptionFate(fate.fate, taken, why)
    return OptionFate("translated" if taken else "without effect", taken, why)


def _is_as_written(written: object, checked: object) -> bool:
    """Return whether a setting's value is what a file says, but for its type."""
    if isinstance(checked, list):
        checked = ", ".join(map(str, checked))
        written = ", ".join(map(str, written)) if isinstance(written, list) else written
    if isinstance(checked, bool):
        return is_on(written) == checked
    one, other = as_number(written), as_number(checked)
    same = one == other if one is not None and other is not None else False
    return (
        same
        or str(written).strip().casefold() == str("" if checked is None else checked).strip().casefold()
        or checked is None
    )


def _agree(values: dict[str, object], fates: dict[str, OptionFate], profile: str) -> None:
    """Take out what contradicts the rest, one setting after the other, until the settings agree."""
    while values:
        try:
            Settings.model_validate({SETTING: profile, **values} if profile else values)
            return
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            wrong = str(first.get("ctx", {}).get("field") or (first["loc"] or ("",))[0])
            refusal = refused_setting(error, lambda name: name, profile)
            named = [wrong, *(each for each in values if each in refusal.found or each in refusal.expected)]
            setting = next((each for each in named if each in values), None)
            if setting is None:
                return
            del values[setting]
            _lose(setting, f"{refusal.found}; expected {refusal.expected}", fates, refused=True)


def _lose(setting: str, why: str, fates: dict[str, OptionFate], *, refused: bool = False) -> None:
    """Note that a setting does not get the value that an option asked for."""
    for name, fate in fates.items():
        if setting in fate.values:
            left = {key: value for key, value in fate.values.items() if key != setting}
            fates[name] = OptionFate(
                "translated" if left else "without effect",
                left,
                "; ".join(filter(None, (fate.why, why))),
                refused=refused or fate.refused,
            )


def _settle_length(values: dict[str, object], fates: dict[str, OptionFate]) -> None:
    """Let epochs win over steps, as in sd-scripts, and blank the epochs where only steps are stated."""
    epochs, steps = _LENGTHS
    if values.get(epochs) is not None and steps in values:
        del values[steps]
        _lose(steps, f"{epochs} wins", fates)
    elif steps in values and epochs not in values:
        values[epochs] = None

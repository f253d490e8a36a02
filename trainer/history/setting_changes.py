"""What differs between the settings of two bakes, in short words, and whether it decides what comes out."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath

from trainer.settings.describe import SettingInfo, field, fields, number_text, value_text
from trainer.settings.model import Settings
from trainer.settings.one_setting import Decides


@dataclass(frozen=True)
class SettingChange:
    """A setting that differs between two bakes.

    Attributes:
        name: the setting.
        label: its name in plain words.
        before, after: its two values; None for blank.
        decides: whether the difference decides the result.
        words: it in short: `unet_lr ×3`, `network_dim 16 → 32`, `masked_loss on`.
    """

    name: str
    label: str
    before: object
    after: object
    decides: Decides
    words: str


_MAX_VALUE = 24
_MAX_WORDS = 60
_ORDER = (Decides.YES, Decides.ROUNDING, Decides.NO)


@cache
def defaults() -> Mapping[str, object]:
    """Return our own default of every setting, by name."""
    return Settings().model_dump()


def differing(settings: Settings) -> dict[str, object]:
    """Return the settings that differ from our own defaults, by name, whatever trainer they behave like."""
    return {name: value for name, value in settings.model_dump().items() if value != defaults()[name]}


def value_of(settings: Mapping[str, object], name: str) -> object:
    """Return the value of a setting among those that differ from the defaults."""
    return settings.get(name, defaults()[name])


def setting_changes(
    before: Mapping[str, object], after: Mapping[str, object], *, leave_out: tuple[str, ...] = ("output_name",)
) -> tuple[SettingChange, ...]:
    """Return the settings that differ, those that decide the result first, else in the order of the form.

    Args:
        before, after: from `differing`.
        leave_out: names of settings that are not told; a bake's own name stands beside it anyway.
    """
    found = set(changed_names(before, after)) - set(leave_out)
    return tuple(
        _change(field(name), value_of(before, name), value_of(after, name)) for name in sorted(found, key=_place)
    )


def changed_names(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of the settings that differ, in no order.

    Args:
        before, after: from `differing`.
    """
    if before == after:
        return ()
    ours = defaults()
    return tuple(
        name
        for name in before.keys() | after.keys()
        if name in ours and before.get(name, ours[name]) != after.get(name, ours[name])
    )


@cache
def _place(name: str) -> tuple[int, int]:
    return _ORDER.index(field(name).decides), next(at for at, info in enumerate(fields()) if info.name == name)


def shown_setting(value: object) -> str:
    """Return a setting's value as the form shows it, and `blank` where that is empty."""
    return value_text(value) or "blank"


def _change(info: SettingInfo, before: object, after: object) -> SettingChange:
    words = f"{info.name} {_words(info.kind, before, after)}"
    return SettingChange(info.name, info.label, before, after, info.decides, words)


def _words(kind: str, before: object, after: object) -> str:
    if kind == "bool" and after is not None:
        return shown_setting(after)
    if kind == "float" and (ratio := _ratio(before, after)):
        return ratio
    if kind == "path":
        # Two folders of one name are told apart by all of it.
        before, after = (PurePosixPath(str(each)).name if each else each for each in (before, after))
        return f"→ {_short(after)}" if before != after else "elsewhere"
    one, other = shown_setting(before), shown_setting(after)
    if len(one) + len(other) > _MAX_WORDS:
        return "changed"
    return f"{_short(one)} → {_short(other)}"


def _short(value: object) -> str:
    text = shown_setting(value)
    return text if len(text) <= _MAX_VALUE else f"{text[: _MAX_VALUE - 1]}…"


def _ratio(before: object, after: object) -> str:
    """Return `×3` for two numbers of one sign whose ratio is as good as one of two digits, else ""."""
    if not isinstance(before, int | float) or not isinstance(after, int | float) or before * after <= 0:
        return ""
    ratio = after / before
    plain = float(f"{ratio:.2g}")
    if plain <= 0 or abs(ratio / plain - 1) > 1e-6 or not 1e-4 <= plain <= 1e4:
        return ""
    return f"×{number_text(plain)}"

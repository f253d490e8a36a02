"""What other trainers call our settings, from the tables that their files are read by."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from trainer.interop.option_rules import NETWORK_ARGS
from trainer.interop.registry import FORMATS
from trainer.interop.trainers.rules import ANY_NAME
from trainer.settings.absent_options import ABSENT_OPTIONS, why_absent
from trainer.settings.describe import is_setting

_WORD = re.compile(r"[a-z0-9]+")
_NAME = re.compile(r"[a-z][a-z0-9_]+")


@dataclass(frozen=True)
class ForeignName:
    """A key of another trainer's files.

    Attributes:
        key: as it is written there: `network.rank`.
        trainer: the kind of file, in words.
        settings: ours that it decides, none for a key without effect here.
        why: why it has none; "" where it has settings.
    """

    key: str
    trainer: str
    settings: tuple[str, ...]
    why: str = ""


def plain_name(text: str) -> str:
    """Return a name as names are compared: its words in small letters, one blank between them."""
    return " ".join(_WORD.findall(text.casefold()))


@cache
def foreign_names() -> Mapping[str, tuple[ForeignName, ...]]:
    """Return plain name -> the keys that go by it, with their last part alone and with everything before it."""
    found: dict[str, dict[ForeignName, None]] = defaultdict(dict)
    for trainer in FORMATS:
        for rule in trainer.rules:
            if ANY_NAME in rule.key:
                continue
            name = ForeignName(rule.key, trainer.title, _settings_of(rule.options), "" if rule.options else rule.why)
            for plain in {plain_name(rule.key), plain_name(rule.key.rpartition(".")[2])}:
                found[plain][name] = None
    for option in ABSENT_OPTIONS:
        name = ForeignName(option, "sd-scripts", _settings_of((option,)), why_absent(option))
        found[plain_name(option)][name] = None
    for option, setting in NETWORK_ARGS.items():
        found[plain_name(option)][ForeignName(option, "sd-scripts", (setting,))] = None
    return MappingProxyType({plain: tuple(names) for plain, names in found.items() if plain})


def _settings_of(options: Iterable[str]) -> tuple[str, ...]:
    """Return the settings that options of sd-scripts become: those of the same name, and those that its way out names."""
    settings: dict[str, None] = {}
    for option in options:
        name = option.rpartition(".")[2].partition("[")[0]
        named = [name] if is_setting(name) else _NAME.findall(ABSENT_OPTIONS.get(name, ""))
        settings.update(dict.fromkeys(each for each in named if is_setting(each)))
    return tuple(settings)

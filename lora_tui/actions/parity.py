"""The table of trainers for the settings being edited, and what would change to be like one of them; for a thread."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lora_tui.forms.draft import SettingsDraft
    from trainer.parity.comparison import Comparison
    from trainer.parity.table import ParityTable


@dataclass(frozen=True)
class ChangedSetting:
    """One setting that would change: its name, both values as they are shown, and why."""

    name: str
    before: str
    after: str
    why: str = ""


@dataclass(frozen=True)
class TakenOver:
    """What would change to be like another trainer.

    Attributes:
        title: of that trainer.
        changes: setting -> its new value.
        lines: the same for people.
        notes: what cannot be had by settings alone, a sentence each.
    """

    title: str
    changes: Mapping[str, object]
    lines: tuple[ChangedSetting, ...]
    notes: tuple[str, ...] = ()


def changed_settings(
    draft: "SettingsDraft", changes: Mapping[str, object], why: Mapping[str, str]
) -> tuple[ChangedSetting, ...]:
    """Return the changes of a draft as they are shown; a value that stays the same is none.

    Args:
        draft: before them.
        changes: setting -> its new value.
        why: setting -> the reason.

    Raises:
        SettingsError: a value does not fit; `where` is the setting's name.
    """
    from trainer.settings.describe import fields, shown_value

    after = draft.changed(changes).now
    names = [info.name for info in fields() if getattr(draft.now, info.name) != getattr(after, info.name)]
    return tuple(
        ChangedSetting(
            name, shown_value(draft.now, name) or "blank", shown_value(after, name) or "blank", why.get(name, "")
        )
        for name in names
    )


def parity_of(draft: "SettingsDraft") -> "ParityTable":
    """Return the table of every trainer for a draft. Reads files, writes none.

    Raises:
        LoraTuiError: a path is missing, or the data or the settings cannot be read.
    """
    from trainer.parity.compare import parity_table

    compared = _comparison(draft)
    return parity_table(compared.asked, compared.data, family=compared.family)


def take_over(draft: "SettingsDraft", profile: str) -> TakenOver:
    """Return what would change in a draft to be like the trainer with a key. Reads files, writes none.

    Raises:
        LoraTuiError: as parity_of.
    """
    from trainer.parity.like import settings_like, with_changes

    # What an earlier trainer brought is not what was asked for.
    before = replace(draft, now=draft.before_trainer)
    like = settings_like(_comparison(before).asked, profile)
    after = with_changes(before.now, like)
    changes = {name: value for name, value in after.model_dump().items() if value != draft.value(name)}
    why = {name: like.why.get(name, "as it was before another trainer was taken over") for name in changes}
    lines = changed_settings(draft, changes, why)
    return TakenOver(like.profile.title, changes if lines else {}, lines, like.notes)


def _comparison(draft: "SettingsDraft") -> "Comparison":
    from trainer.parity.columns import changed_settings as changed_values
    from trainer.parity.comparison import read_comparison, written_settings
    from trainer.settings.toml_text import read_text

    written = written_settings(read_text(draft.path)) if draft.path.exists() else frozenset[str]()
    return read_comparison(draft.now, draft.path, written | (draft.unsaved & changed_values(draft.now)))

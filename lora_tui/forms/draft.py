"""Edited settings: the values of the file, and those with edits not yet saved."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.settings.model import Settings


@dataclass(frozen=True)
class SettingsDraft:
    """One settings file being edited.

    Attributes:
        path: the file.
        saved: the file's values.
        now: the values in the form.
        chosen: the values from before the trainer to behave like was last turned, while nothing else has been edited since: each
            trainer turned past would else take values that chance to be its defaults for defaults.
        parent: number of the bake whose settings were loaded, which the next bake is made from; None for the newest of its name.
    """

    path: Path
    saved: "Settings"
    now: "Settings"
    chosen: "Settings | None" = None
    parent: int | None = None

    @property
    def unsaved(self) -> frozenset[str]:
        """Names of the fields edited since the file was read or written."""
        return frozenset(name for name in type(self.now).model_fields if self.value(name) != getattr(self.saved, name))

    @property
    def before_trainer(self) -> "Settings":
        """The values from before a trainer was turned to or taken over; those in the form where something was edited since."""
        return self.chosen or self.now

    def value(self, name: str) -> object:
        """Return the value of `name` in the form."""
        return getattr(self.now, name)

    def typed(self, name: str, text: str) -> "SettingsDraft":
        """Return the draft with `text` typed into field `name`.

        Raises:
            SettingsError: the text is not a value for it; `where` is the name.
        """
        from trainer.settings.profile_defaults import SETTING
        from trainer.settings.toml_file import with_value

        if name != SETTING:
            return replace(self, now=with_value(self.now, name, text), chosen=None)
        before = self.before_trainer
        return replace(self, now=with_value(before, name, text), chosen=before)

    def changed(self, changes: Mapping[str, object]) -> "SettingsDraft":
        """Return the draft with other values, checked together: one of them alone may not fit the others' old values.

        Where the trainer to behave like is among them, the values from before it are kept as in `typed`.

        Args:
            changes: setting -> its new value.

        Raises:
            SettingsError: a value does not fit; `where` is the name.
        """
        from trainer.settings.profile_defaults import SETTING
        from trainer.settings.toml_file import with_values

        chosen = self.before_trainer if SETTING in changes else None
        return replace(self, now=with_values(self.now, changes), chosen=chosen)

    def reset(self, name: str) -> "SettingsDraft":
        """Return the draft with the file's value in field `name`.

        Raises:
            SettingsError: the file's value does not fit the current values of the other fields.
        """
        from trainer.settings.describe import shown_value

        return self.typed(name, shown_value(self.saved, name))


def open_draft(path: Path) -> SettingsDraft:
    """Read the settings file `path`.

    Raises:
        SettingsError: it cannot be read or holds something wrong.
    """
    from trainer.settings.toml_file import load_settings

    settings = load_settings(path)
    return SettingsDraft(path, settings, settings)


def changed_since(newest: "Settings | None", now: "Settings", resolved: "Settings | None") -> frozenset[str]:
    """Return the fields that differ from the last bake.

    Args:
        newest: what the last bake ran with, every path filled in; None without one.
        now: the values in the form; a blank path means the subject's.
        resolved: `now` with every path filled in, None while that is not known.
    """
    if newest is None:
        return frozenset()
    filled = resolved or now
    return frozenset(
        name
        for name in type(now).model_fields
        if getattr(newest, name) not in (getattr(now, name), getattr(filled, name))
        and not _unknown(now, resolved, name)
    )


def _unknown(now: "Settings", resolved: "Settings | None", name: str) -> bool:
    """Whether a blank text's meaning is not known yet."""
    return resolved is None and isinstance(getattr(now, name), str)

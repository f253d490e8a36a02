"""Settings in the metadata of a LoRA file: plain values under keys of their own, and the rest as it was set in one more key."""

from trainer.settings.describe import fields
from trainer.settings.model import Settings

AS_SET = "ss_lora_tui_settings"
"""The key with what no other key of the metadata says as it was set: JSON, setting -> value."""

MADE = "ss_lora_tui_made"
"""The key with how a file was made of others: JSON."""


def plain_settings(settings: Settings) -> dict[str, object]:
    """Return the plain values of the settings that have a key of their own, by that key."""
    return {info.metadata_key: _plain(getattr(settings, info.name)) for info in fields() if info.metadata_key}


def settings_as_set(settings: Settings) -> dict[str, object]:
    """Return the settings that AS_SET holds, by name: those that have no such key, and do not stay in the workspace."""
    return {name: getattr(settings, name) for name in names_as_set()}


def names_as_set() -> tuple[str, ...]:
    """Return the names of the settings that AS_SET holds."""
    return tuple(info.name for info in fields() if not info.metadata_key and not info.stays_here)


def _plain(value: object) -> object:
    """Return a value as sd-scripts writes it: None where it is blank."""
    if isinstance(value, list):
        value = ",".join(value)
    return None if value == "" else value

"""The list of what a setting may be, where it has too many choices to turn through them."""

from lora_tui.screens.pick import PickChoice, PickDialog
from trainer.profiles.registry import OURS, PROFILES
from trainer.settings.describe import field
from trainer.settings.profile_defaults import SETTING


def choices_dialog(name: str, now: object) -> PickDialog:
    """Return the dialog with the choices of a setting, blank first where it may be; dismissed with the text to be typed.

    Args:
        name: the setting.
        now: its value, which is marked.
    """
    info = field(name)
    blank = [PickChoice("", "blank", PROFILES[OURS].title if name == SETTING else "")] if info.optional else []
    choices = [PickChoice(choice, choice, _words(name, choice)) for choice in info.choices]
    return PickDialog(info.label.capitalize(), [*blank, *choices], str(now or ""))


def _words(name: str, choice: str) -> str:
    """Return what a choice is, "" where its name says it."""
    if name != SETTING:
        return ""
    profile = PROFILES[choice]
    engine = "" if profile.title.startswith(profile.engine.name) else f", on {profile.engine.name}"
    return f"{profile.title}, {profile.day}{engine}"

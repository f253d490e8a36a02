"""What a search for a setting says beside the settings that it finds."""

from typing import Any

from textual.screen import Screen

from lora_tui.keys.keymap import BY_ID
from lora_tui.widgets.field_search import FoundFields

NOTHING = "nothing found"


def found_lines(found: FoundFields, screen: Screen[Any]) -> list[str]:
    """Return a line for each key that does what is meant, for each note, and that nothing was found where that is so.

    Args:
        found: what the search found.
        screen: whose keys count, a user's own included.
    """
    keys = [f"{_key(name, screen)} {BY_ID[name].label}: {_short(BY_ID[name].help)}" for name in found.actions]
    lines = [*keys, *found.notes]
    if found.near:
        lines.append(f"{NOTHING}; near it:")
    elif not found.names and not lines:
        lines.append(f"{NOTHING}: try a word of its name, of what it does, or another trainer's name for it")
    return lines


def _key(name: str, screen: Screen[Any]) -> str:
    """Return the key of an action as it is shown: the one that it has on this screen, else the one that it has by itself."""
    active = (each.binding for each in screen.active_bindings.values() if each.binding.id == name)
    return next((screen.app.get_key_display(binding) for binding in active), BY_ID[name].documented_key)


def _short(help: str) -> str:
    """Return the first clause of a line of help: a form is narrow, and the settings found stand below."""
    return help.partition(" (")[0].partition(": ")[0]

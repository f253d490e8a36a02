"""The curves that the user chose last, kept from one start to the next."""

import json

from lora_tui.workers.curve_view import CurveChoice
from trainer.workspace import read_note, write_note

_NOTES = {False: "curves", True: "curves-of-several"}
_FIELDS = ("groups", "shown", "hidden")
# More keys than there are curves are none of ours.
_MOST_KEYS = 200


def kept_choice(*, several: bool) -> CurveChoice | None:
    """Return what was chosen last, for one bake or for several over each other; None where nothing was, or it is damaged."""
    try:
        found = json.loads(read_note(_NOTES[several]) or "null")
        return CurveChoice(*(_keys(found[name]) for name in _FIELDS))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def keep_choice(choice: CurveChoice, *, several: bool) -> None:
    """Note what is chosen now."""
    write_note(_NOTES[several], json.dumps({name: sorted(getattr(choice, name)) for name in _FIELDS}))


def _keys(value: object) -> frozenset[str]:
    """Return the keys of a list.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, list) or len(value) > _MOST_KEYS or not all(isinstance(key, str) for key in value):
        raise ValueError("no list of keys")
    return frozenset(value)

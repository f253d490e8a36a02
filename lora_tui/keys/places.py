"""The places where keys hold: every screen and dialog with its panes, one record each, which clashes of keys and docs/keys.md are read from."""

from dataclasses import dataclass
from typing import Final

_LIST_KEYS = ("enter", "up", "down", "home", "end", "pageup", "pagedown")
_SCROLL_KEYS = ("left", "right", "home", "end", "pageup", "pagedown")
_LINE_KEYS = ("left", "right", "home", "end", "backspace", "delete", "enter")

TYPED: Final = frozenset({"editor", "find", "filter", "fields", "source", "notes", "fit", "bench"})
"""Scopes whose keys hold while a line is typed, which takes every character for itself."""


@dataclass(frozen=True)
class KeyPlace:
    """A screen or dialog as far as its keys go.

    Attributes:
        name: as a sentence calls it: `the Bake screen`.
        scopes: of the screen, all of which hold at once; its own last.
        panes: scopes of what has the focus in it, of which one holds at a time beside those of the screen.
        taken: keys of a list, text or line of Textual's that has the focus there.
        heading: opens its table in docs/keys.md; "" for a dialog, whose last line names its keys.
        note: stands below the table.
    """

    name: str
    scopes: tuple[str, ...]
    panes: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()
    heading: str = ""
    note: str = ""


PLACES: tuple[KeyPlace, ...] = (
    KeyPlace(
        "the Bake screen",
        ("bake",),
        ("form", "editor", "find", "curves pane", "log", "epochs"),
        heading="On the Bake screen",
    ),
    KeyPlace(
        "the curves",
        ("curves",),
        heading="In the curves (`z`, or `enter` on them)",
        note="[curves.md](curves.md) says more.",
    ),
    KeyPlace("the list of curves", ("dialog", "list", "curve choice"), taken=_LIST_KEYS),
    KeyPlace(
        "the Grid screen",
        ("grid",),
        ("pictures", "sheet", "form", "spec form", "editor"),
        heading="On the Grid screen",
        note="In the sheet of pictures, `[` and `]` go from sheet to sheet, `+` and `-` change the size of the pictures. `U` or `T` before `1` `2` `3` rates one part.",
    ),
    KeyPlace("the samples", ("samples",), heading="In the samples (`V`)"),
    KeyPlace("a picture on the full screen", ("full picture",)),
    KeyPlace("the crop of a picture", ("crop",)),
    KeyPlace("the comparison of two pictures", ("compare",)),
    KeyPlace(
        "the Journal screen",
        ("journal",),
        ("bake list", "filter"),
        heading="In the journal of bakes",
        note="Each curve has a letter in its bake's colour, a capital on the one on top.",
    ),
    KeyPlace(
        "the Dataset screen",
        ("dataset",),
        ("picture list", "caption tags", "tag table", "bucket bars", "filter", "editor"),
        heading="On the Dataset screen (`d`)",
        note="[dataset-screen.md](dataset-screen.md) says more.",
    ),
    KeyPlace("two pictures beside each other", ("picture pairs",)),
    KeyPlace("what an edit would change", ("dialog", "read", "edit preview"), taken=_SCROLL_KEYS),
    KeyPlace("the steps on captions", ("dialog", "list", "caption steps"), taken=_LIST_KEYS),
    KeyPlace("a tagger running", ("dialog", "tagger running")),
    KeyPlace("what stands out in the data", ("dialog", "list", "data findings"), taken=_LIST_KEYS),
    KeyPlace("the list of ladders", ("ladders",), ("ladder list",), heading="In the list of ladders (`l`)"),
    KeyPlace("a ladder", ("ladder",), ("rung list",), heading="In a ladder"),
    KeyPlace(
        "the report of an import",
        ("dialog", "report", "import report"),
        ("report list", "filter"),
        heading="In the report of an import, to which `i` and `up` go back after it was closed",
    ),
    KeyPlace("the report of an export", ("dialog", "report", "export report"), ("report list", "filter")),
    KeyPlace(
        "the table of trainers",
        ("parity",),
        ("parity table",),
        heading="In the table of trainers, where `enter` on a column makes your settings like that trainer's",
    ),
    KeyPlace("the lanes of doneness", ("doneness",), ("doneness lanes",), heading="In the lanes of doneness"),
    KeyPlace("the advice", ("advice",), ("advice list",), _LIST_KEYS, heading="In the advice (`A`)"),
    KeyPlace("the measures", ("measures",), ("block map",), heading="In the measures (`m`)"),
    KeyPlace(
        "a replay",
        # Over those of the Bake screen, which wait for the replay to end.
        ("replay",),
        heading="In a replay (`lora-tui replay N`), beside the keys of the Bake screen that only look",
    ),
    KeyPlace("the queue", ("dialog", "list", "queue"), taken=_LIST_KEYS, heading="In the queue (`Q`)"),
    KeyPlace("the plan", ("dialog", "read", "plan"), taken=_SCROLL_KEYS),
    KeyPlace("the checks", ("dialog", "list", "checks"), taken=_LIST_KEYS),
    KeyPlace("the search for what fits", ("dialog", "fit"), taken=_LINE_KEYS),
    KeyPlace("the list of grids", ("dialog", "list", "grids"), taken=_LIST_KEYS),
    KeyPlace("the checklist", ("dialog", "list", "checklist"), taken=_LIST_KEYS),
    KeyPlace("the results of judging", ("dialog", "read", "judgement"), taken=_SCROLL_KEYS),
    KeyPlace("the notes on a bake", ("dialog", "notes"), taken=_LINE_KEYS),
    KeyPlace("the comparison of two bakes", ("dialog", "read", "bake diff"), taken=_SCROLL_KEYS),
    KeyPlace("the frontier", ("dialog", "read", "frontier"), taken=_SCROLL_KEYS),
    KeyPlace("the rates to aim for", ("dialog", "read", "aim"), taken=_SCROLL_KEYS),
    KeyPlace("the offer of a ladder", ("dialog", "ladder offer")),
    KeyPlace("the settings to change live", ("dialog", "list", "live settings"), taken=_LIST_KEYS),
    KeyPlace("the trainers to show", ("dialog", "list", "columns"), taken=_LIST_KEYS),
    KeyPlace("the changes of settings", ("dialog", "read", "changes"), taken=_SCROLL_KEYS),
    KeyPlace("what happened since", ("dialog", "read", "digest"), taken=_SCROLL_KEYS),
    KeyPlace("the line for other settings", ("dialog", "source"), taken=_LINE_KEYS),
    KeyPlace("the LoRA bench", ("dialog", "fields", "bench"), taken=_LINE_KEYS),
    KeyPlace("a question", ("dialog", "confirm")),
    KeyPlace("the help", ("dialog", "read", "help"), taken=_SCROLL_KEYS),
    KeyPlace("a list", ("dialog", "list"), taken=_LIST_KEYS),
    KeyPlace("a text", ("dialog", "read"), taken=_SCROLL_KEYS),
    KeyPlace("a dialog", ("dialog", "fields"), taken=_LINE_KEYS),
    KeyPlace("a dialog", ("dialog",), taken=_LINE_KEYS),
)
"""In the order of docs/keys.md."""

"""Tables of keys and of signs, as the pages of keys, screens and words write them."""

import re

from lora_tui.keys.keymap import actions_of, key_table
from lora_tui.keys.own_keys import DEFAULT_KEYS
from lora_tui.keys.places import PLACES, KeyPlace
from lora_tui.wording.pane_terms import PaneTerms
from lora_tui.wording.screen_guides import GUIDES, ScreenGuide
from trainer.text import listed

# What holds in every dialog and every line stands where it is no news.
_ELSEWHERE = frozenset({"dialog", "list", "read", "editor", "find", "filter"})
# Where the name of a scope is not what a reader calls it.
_PANES = {
    "spec form": "the form",
    "curves pane": "the curves",
    "bake list": "the list",
    "picture list": "the list of pictures",
    "caption tags": "the caption",
    "tag table": "the table of tags",
    "bucket bars": "the buckets",
    "ladder list": "the list",
    "rung list": "the rungs",
    "report list": "the list",
    "parity table": "the table",
    "doneness lanes": "the lanes",
    "advice list": "the lists",
    "block map": "the map",
}


def cell(text: str) -> str:
    """Return `text` for a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def terms_table(pane: PaneTerms) -> str:
    """Return what stands in a pane, and what it means."""
    rows = "".join(f"| {cell(term.sign)} | {cell(term.means)} |\n" for term in pane.terms)
    return f"| {cell(pane.title)} | means |\n|---|---|\n{rows}"


def key_tables(place: KeyPlace) -> list[str]:
    """Return the keys of a place: those that hold all over it, then those of each pane with the focus on it."""
    scopes = [scope for scope in place.scopes if scope not in _ELSEWHERE]
    tables = [key_table(*scopes)] if actions_of(*scopes) else []
    panes: dict[str, list[str]] = {}
    for pane in place.panes:
        if pane not in _ELSEWHERE and actions_of(pane):
            panes.setdefault(_PANES.get(pane, f"the {pane}"), []).append(pane)
    for name, of_name in panes.items():
        tables += [f"With the focus on {name}:\n", key_table(*of_name)]
    return tables


def place_of(guide: ScreenGuide) -> KeyPlace:
    """Return where the keys of a screen hold."""
    return next(place for place in PLACES if place.scopes[-1] == guide.scope)


def guide_of(place: KeyPlace) -> ScreenGuide | None:
    """Return what a place is for, where it has a page."""
    return next((guide for guide in GUIDES if guide.scope == place.scopes[-1]), None)


def with_keys(text: str) -> str:
    """Return `text` with the key of each action that it names, as code."""
    return DEFAULT_KEYS.fill(re.sub(r"(<key [a-z.-]+>)", r"`\1`", text))


def ways_in(guide: ScreenGuide) -> str:
    """Return the keys that open a screen, and where, or the command."""
    ways = [f"`{guide.command}`"] if guide.command else []
    for name in guide.opened:
        where = [
            place.name for place in PLACES if name in {action.id for action in actions_of(*place.scopes, *place.panes)}
        ]
        ways.append(f"`{DEFAULT_KEYS.shown(name)}` on {listed(tuple(dict.fromkeys(where)))}")
    return " or ".join(ways)

"""The registry of actions: every key of every screen, dialog and pane is a record, and every record is a key."""

import re
from collections import Counter
from dataclasses import fields
from pathlib import Path

import pytest
from our_nodes import NODES, ours, own_bindings
from textual.dom import DOMNode
from textual.screen import Screen

import lora_tui
from lora_tui.keys.action import Action
from lora_tui.keys.keymap import ACTIONS, BY_ID, actions_of, records_of
from lora_tui.keys.places import PLACES, TYPED, KeyPlace
from lora_tui.ports import Rights


def test_an_id_names_one_action() -> None:
    assert len(BY_ID) == len(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_an_action_has_keys_a_label_and_a_line_of_help(action: Action) -> None:
    assert action.keys and action.label and action.help and action.scopes


def test_every_right_is_one_that_a_screen_may_have() -> None:
    assert {action.right for action in ACTIONS} == {"", *(field.name for field in fields(Rights) if field.type is bool)}


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.__qualname__)
def test_every_binding_is_a_record(node: type[DOMNode]) -> None:
    assert all(BY_ID[binding.id or ""].binding == binding for binding in own_bindings(node))


def test_no_record_is_forgotten() -> None:
    bound = {binding.id for node in NODES for binding in own_bindings(node)}
    assert bound == set(BY_ID)


# Of which no other is made: a part of a screen's class leaves its keys to the whole.
SCREENS = [node for node in NODES if issubclass(node, Screen) and not node.__subclasses__()]


@pytest.mark.parametrize("node", SCREENS, ids=lambda node: node.__name__)
def test_every_screen_and_dialog_can_be_left_or_has_keys(node: type[DOMNode]) -> None:
    assert ours(node)


@pytest.mark.parametrize("node", [node for node in NODES if own_bindings(node)], ids=lambda node: node.__qualname__)
def test_every_bound_action_is_there(node: type[DOMNode]) -> None:
    from lora_tui.app import LoraApp

    for binding in own_bindings(node):
        target, _, name = binding.action.partition("(")[0].rpartition(".")
        owner = LoraApp if target == "app" else node
        # A base of dialogs leaves what its key does to them.
        assert hasattr(owner, f"action_{name}"), binding


@pytest.mark.parametrize("node", [node for node in NODES if own_bindings(node)], ids=lambda node: node.__qualname__)
def test_a_key_gives_one_action(node: type[DOMNode]) -> None:
    keys = Counter(key for binding in own_bindings(node) for key in binding.key.split(","))
    assert [key for key, count in keys.items() if count > 1] == []


def test_titles_of_the_palette_are_unique() -> None:
    for place in PLACES:
        titles = [action.palette for action in actions_of(*place.scopes, *place.panes, "app") if action.palette]
        assert len(set(titles)) == len(titles), place.name


def test_what_a_class_can_do_is_its_own_and_what_it_inherits() -> None:
    from lora_tui.screens.plan import PlanDialog
    from lora_tui.widgets.sheet_view import SheetView

    found = [record.id for record in records_of(PlanDialog)]
    # Of several ways to close it the nearest.
    assert "plan.close" in found and "read.down" in found and "dialog.cancel" not in found
    assert {record.scopes[0] for record in records_of(SheetView)} == {"sheet"}


@pytest.mark.parametrize("action", [action for action in ACTIONS if action.acts], ids=lambda action: action.id)
def test_every_action_that_acts_says_how_it_is_taken_back(action: Action) -> None:
    assert action.undone, f"{action.id} neither asks nor can be undone, or does not say so"


_DESTROYS = re.compile(r"\b(delete|remove|prune|discard|overwrite|stop|end|cut|skip|forget|withdraw|replace)s?\b")


@pytest.mark.parametrize(
    "action",
    [action for action in ACTIONS if action.right and _DESTROYS.search(action.help)],
    ids=lambda action: action.id,
)
def test_what_destroys_asks_or_can_be_undone(action: Action) -> None:
    assert action.undone or action.opens != "never"


def _scopes_of(node: type[DOMNode]) -> set[str]:
    """Return the scopes that a class was given its bindings by: those that all of its own actions are in."""
    return {scope for record in records_of(node) for scope in record.scopes}


@pytest.mark.parametrize(
    "node",
    [node for node in NODES if issubclass(node, Screen) and ours(node) and "[" not in node.__name__],
    ids=lambda node: node.__name__,
)
def test_every_screen_is_a_place(node: type[DOMNode]) -> None:
    bound = {binding.id for binding in ours(node)}
    places = [place for place in PLACES if {action.id for action in actions_of(*place.scopes)} == bound]
    assert places, f"{node.__name__} is no place of lora_tui/keys/places.py: {sorted(bound)[:6]}"


def test_every_scope_is_in_a_place() -> None:
    placed = {scope for place in PLACES for scope in (*place.scopes, *place.panes)}
    assert {scope for action in ACTIONS for scope in action.scopes} - placed == {"app"}
    assert placed <= {scope for action in ACTIONS for scope in action.scopes}


def test_no_default_key_is_lost_to_another_of_the_same_screen() -> None:
    # A pane may take a key of its screen where that has another one, or can be reached by a tab.
    known = {"grid.use"}
    for place in PLACES:
        for pane in place.panes:
            if pane in TYPED:
                continue
            of_pane = {key for action in actions_of(pane) for key in action.default_keys}
            for action in actions_of(*place.scopes):
                lost = set(action.default_keys) <= of_pane and action not in actions_of(pane)
                assert not lost or action.id in known, (place.name, pane, action.id)


_VI = {"down": "j", "up": "k", "left": "h", "right": "l"}
# It has the focus as the screen opens, where letters are the screen's: `j` opens the journal, `h` and `l` are keys of others.
_LETTERS_OF_THE_SCREEN = {"form"}


@pytest.mark.parametrize("place", PLACES, ids=lambda place: " ".join(place.scopes))
def test_hjkl_move_wherever_the_arrows_do(place: KeyPlace) -> None:
    for pane in place.panes or ("",):
        if pane in TYPED or (not pane and TYPED & set(place.scopes)):
            continue
        actions = [*actions_of(pane), *([] if place.panes else actions_of(*place.scopes))]
        keys = {key for action in actions for key in action.default_keys}
        arrows = (
            keys & _VI.keys()
            if place.panes
            else (keys | set(place.taken)) & _VI.keys() - {"left", "right"} | keys & {"left", "right"}
        )
        arrows -= set(_VI) if pane in _LETTERS_OF_THE_SCREEN else set()
        if place.scopes == ("dialog",):
            continue
        missing = [key for key in sorted(arrows) if _VI[key] not in keys]
        assert missing == [], (place.name, pane)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: " ".join(place.scopes))
def test_no_line_that_is_typed_loses_a_letter(place: KeyPlace) -> None:
    for action in actions_of(*(scope for scope in (*place.scopes, *place.panes) if scope in TYPED)):
        letters = [key for key in action.default_keys if len(key) == 1]
        assert letters == [] or not action.first, action.id


def test_keys_in_texts_are_named_by_their_action() -> None:
    root = Path(lora_tui.__path__[0])
    named = {name for path in root.rglob("*.py") for name in re.findall(r"<key ([a-z.-]+)>", path.read_text())}
    assert named - {"bake.stop"} and named <= BY_ID.keys()

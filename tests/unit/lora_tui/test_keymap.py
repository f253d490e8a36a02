"""The registry of actions: every key of every screen, dialog and pane is a record, and every record is a key."""

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields

import pytest
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen

import lora_tui
from lora_tui.keymap import ACTIONS, BY_ID, Action
from lora_tui.ports import Rights


def our_nodes() -> Iterator[type[DOMNode]]:
    """Yield every class of the terminal program that may have bindings."""
    for module in pkgutil.walk_packages(lora_tui.__path__, "lora_tui."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    yield from sorted(_subclasses(DOMNode), key=lambda node: node.__qualname__)


def _subclasses(node: type[DOMNode]) -> set[type[DOMNode]]:
    found = set()
    for sub in node.__subclasses__():
        found |= _subclasses(sub)
        if sub.__module__.startswith("lora_tui."):
            found.add(sub)
    return found


NODES = tuple(our_nodes())


def own_bindings(node: type[DOMNode]) -> list[Binding]:
    return [binding for binding in vars(node).get("BINDINGS", ()) if isinstance(binding, Binding)]


def ours(node: type[DOMNode]) -> list[Binding]:
    """Return the bindings of a class and of those of ours that it inherits from."""
    return [binding for base in node.__mro__ if base in NODES for binding in own_bindings(base)]


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


@pytest.mark.parametrize("node", [node for node in NODES if issubclass(node, Screen)], ids=lambda node: node.__name__)
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
    for scope in ("bake", "grid"):
        titles = [action.palette for action in ACTIONS if action.palette and {scope, "app"} & set(action.scopes)]
        assert len(set(titles)) == len(titles)

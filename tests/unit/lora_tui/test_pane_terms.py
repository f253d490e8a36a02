"""What stands on the screens has words: every pane with columns or signs has its terms, every column and sign of a state is among them."""

import pytest
from our_nodes import NODES, own_bindings
from textual.widget import Widget
from textual.widgets import Input, TextArea

from lora_tui.keys.places import PLACES
from lora_tui.screens.panes import PANES, terms_of
from lora_tui.widgets import bake_list, epoch_list, ladder_list, rung_list
from lora_tui.widgets.pane import Pane
from lora_tui.widgets.snapshot_pane import SnapshotPane
from lora_tui.wording import bake_entries, state_symbols
from lora_tui.wording.pane_terms import STATES, PaneTerms
from lora_tui.wording.state_symbols import Sign

# They join other panes, and show nothing of their own.
_NO_COLUMNS = {"GridViewer", "CurvesPane", "SpecForm"}


def _needs_terms(node: type) -> bool:
    if not issubclass(node, Widget) or issubclass(node, Input | TextArea) or node.__name__ in _NO_COLUMNS:
        return False
    has_title = issubclass(node, Pane) and node not in (Pane, SnapshotPane) and bool(node.title)
    return has_title or (bool(own_bindings(node)) and not getattr(node, "is_modal", False) and not _is_screen(node))


def _is_screen(node: type) -> bool:
    from textual.screen import Screen

    return issubclass(node, Screen)


PANES_WITH_TERMS = [node for node in NODES if _needs_terms(node)]


@pytest.mark.parametrize("node", PANES_WITH_TERMS, ids=lambda node: node.__name__)
def test_every_pane_says_what_stands_in_it(node: type) -> None:
    terms = getattr(node, "TERMS", None)
    assert isinstance(terms, PaneTerms), f"{node.__name__} has no TERMS"
    assert terms.title and terms.terms
    assert all(term.sign and term.means for term in terms.terms)
    signs = [term.sign for term in terms.terms]
    assert len(set(signs)) == len(signs)


@pytest.mark.parametrize("node", PANES_WITH_TERMS, ids=lambda node: node.__name__)
def test_every_pane_with_terms_has_its_place_in_help_and_docs(node: type) -> None:
    assert any(issubclass(node, pane) for panes in PANES.values() for pane in panes)


def test_every_pane_of_the_docs_is_in_a_place() -> None:
    assert set(PANES) <= {place.scopes[-1] for place in PLACES}
    assert all(terms_of(place) for place in PLACES if place.scopes[-1] in PANES)


def test_every_column_of_the_lists_is_explained() -> None:
    for terms, heads in (
        (bake_list.BakeList.TERMS, [column.head for column in bake_entries.COLUMNS]),
        (epoch_list.EpochList.TERMS, [head for head in epoch_list._HEAD if head]),
        (ladder_list.LadderList.TERMS, [column.head for column in ladder_list._COLUMNS]),
        (rung_list.RungList.TERMS, [rung_list._HEADS[0], f"{rung_list._HEADS[1]} 1"]),
    ):
        assert [head for head in heads if not terms.means(head)] == []


def test_every_sign_of_a_state_is_explained() -> None:
    signs = {sign.mark for sign in vars(state_symbols).values() if isinstance(sign, Sign)}
    assert signs == {term.sign for term in STATES.terms}

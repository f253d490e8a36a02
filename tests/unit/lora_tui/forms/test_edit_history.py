"""Edits undone and done again, and what is said of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_tui.forms.edit_history import EditHistory, edit_words


def test_undo_goes_back_edit_by_edit_and_redo_forth() -> None:
    history = EditHistory("a")
    history.edited("b", "to b")
    history.edited("c", "to c")
    assert (history.undo(), history.state) == ("to c", "b")
    assert (history.undo(), history.state) == ("to b", "a")
    assert (history.undo(), history.state) == (None, "a")
    assert (history.redo(), history.state) == ("to b", "b")
    assert (history.redo(), history.state) == ("to c", "c")
    assert (history.redo(), history.state) == (None, "c")


def test_an_edit_after_undo_forgets_what_was_undone() -> None:
    history = EditHistory(1)
    history.edited(2, "two")
    history.undo()
    history.edited(3, "three")
    assert history.redo() is None
    assert (history.undo(), history.state) == ("three", 1)


def test_the_same_again_is_no_edit() -> None:
    history = EditHistory(1)
    history.edited(1, "nothing")
    assert history.undo() is None


def test_very_many_edits_keep_the_newest() -> None:
    history = EditHistory(0)
    for number in range(1, 2001):
        history.edited(number, str(number))
    undone = 0
    while history.undo() is not None:
        undone += 1
    assert 100 <= undone < 2000
    assert history.state == 2000 - undone


@given(st.lists(st.one_of(st.integers(0, 5), st.sampled_from(["undo", "redo"])), max_size=30))
def test_it_agrees_with_a_list_and_a_place_in_it(steps: list[object]) -> None:
    history, states, at = EditHistory(0), [0], 0
    for step in steps:
        if step == "undo":
            assert (history.undo() is None) == (at == 0)
            at = max(0, at - 1)
        elif step == "redo":
            assert (history.redo() is None) == (at == len(states) - 1)
            at = min(len(states) - 1, at + 1)
        elif step != states[at]:
            states = [*states[: at + 1], int(str(step))]
            at += 1
            history.edited(states[at], "edit")
        assert history.state == states[at]


@pytest.mark.parametrize(
    ("before", "after", "what", "said"),
    [
        ({"unet_lr": "1e-4"}, {"unet_lr": "2e-4"}, "", "unet_lr 1e-4 → 2e-4"),
        ({"seed": ""}, {"seed": "7"}, "", "seed blank → 7"),
        ({"seed": "7"}, {"seed": ""}, "as in the file", "as in the file: seed 7 → blank"),
        ({"a": "1", "b": "1"}, {"a": "2", "b": "2"}, "fit", "fit: a, b"),
        (dict.fromkeys("abcde", "1"), dict.fromkeys("abcde", "2"), "", "a, b, c and 2 more"),
        ({"x.kind": ""}, {"x.kind": "seed", "x.values": "1, 2"}, "", "x.kind, x.values"),
        ({"name": "a\x1b[31m"}, {"name": "b"}, "", "name a\\x1b[31m → b"),
    ],
)
def test_an_edit_is_named_by_what_it_changed(before: dict, after: dict, what: str, said: str) -> None:
    assert edit_words(before, after, what) == said


def test_a_long_text_is_cut_where_it_is_named() -> None:
    assert len(edit_words({"on_done": "x" * 500}, {"on_done": "y" * 500})) < 120

"""Keys of a user's own: what is taken, what is refused and why, and that nobody is locked out."""

from collections.abc import Mapping

import pytest
from textual.keys import Keys

from lora_tui.keys.action import Action
from lora_tui.keys.keymap import ACTIONS, BY_ID
from lora_tui.keys.own_keys import DEFAULT_KEYS, KeyTable, _key, check_own_keys, shown_key, table_rows


def checked(given: Mapping[str, object]) -> tuple[KeyTable, list[str]]:
    table, problems = check_own_keys(given, lambda name: f"config.toml: {name}")
    return table, [problem.line() for problem in problems]


def test_the_default_keys_of_every_action_hold_without_a_table() -> None:
    assert all(DEFAULT_KEYS.keys(action.id) == action.default_keys for action in ACTIONS)


def test_own_keys_take_the_place_of_the_default_ones() -> None:
    table, problems = checked({"bake.pause": "f6, ctrl+y", "bake.report": ""})
    assert problems == []
    assert table.keys("bake.pause") == ("f6", "ctrl+y")
    assert table.keys("bake.report") == ()
    assert (table.shown("bake.pause"), table.shown("bake.report"), table.shown("plan.open")) == ("f6", "", "p")


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("?", "question_mark"),
        ("shift+p", "P"),
        ("P", "P"),
        ("Ctrl+X", "ctrl+x"),
        ("esc", "escape"),
        ("F9", "f9"),
        ("comma", "comma"),
        ("plus", "plus"),
        ("+", "plus"),
        ("ctrl+m", "enter"),
        ("ctrl+shift+left", "ctrl+shift+left"),
        ("ö", "ö"),
    ],
)
def test_a_key_may_be_written_as_people_write_it(written: str, key: str) -> None:
    assert _key(written, "config.toml") == key


@pytest.mark.parametrize("written", ["spcae", "p,,x", "ctrl+", "strg+x", "ctrl+ctrlx", "F99", ","])
def test_what_is_no_key_is_refused_with_what_one_looks_like(written: str) -> None:
    table, (line,) = checked({"bake.pause": written})
    assert "is not a key" in line and "expected one such as" in line
    assert table == DEFAULT_KEYS


@pytest.mark.parametrize("value", [5, True, ["p"], {"a": "b"}, 1.5])
def test_keys_that_are_no_text_are_refused(value: object) -> None:
    _, (line,) = checked({"bake.pause": value})
    assert "expected keys as text" in line


def test_an_unknown_action_is_refused_with_those_nearest_to_it() -> None:
    table, lines = checked({"bake.puase": "p", "zzzz": "p", "plan.open": "f7"})
    assert "no such action; expected one of bake.pause" in lines[0]
    assert "expected an action's id" in lines[1]
    assert table.keys("plan.open") == ("f7",)


def test_two_actions_that_hold_at_once_cannot_have_one_key() -> None:
    table, (line,) = checked({"bake.pause": "p,space", "journal.sort": "f8"})
    assert "bake.pause and plan.open both have p on the Bake screen" in line
    assert table.keys("bake.pause") == BY_ID["bake.pause"].default_keys
    assert table.keys("journal.sort") == ("f8",)


def test_a_key_is_free_where_its_action_has_another() -> None:
    table, problems = checked({"bake.pause": "p", "plan.open": "space"})
    assert problems == []
    assert (table.keys("bake.pause"), table.keys("plan.open")) == (("p",), ("space",))


def test_an_action_of_a_pane_and_one_of_its_screen_cannot_have_one_key() -> None:
    _, lines = checked({"bake.save": "enter"})
    assert any("bake.save and form.edit both have enter on the Bake screen" in line for line in lines)


def test_a_clash_that_only_refusing_another_makes_is_found_too() -> None:
    # Without x for the plan the stop has it still.
    table, lines = checked({"bake.stop": "p", "plan.open": "x,n"})
    assert any("plan.open and subject.new both have n" in line for line in lines)
    assert any("bake.stop and plan.open both have p" in line for line in lines)
    assert table == DEFAULT_KEYS


def test_keys_of_lists_texts_and_lines_stay_theirs() -> None:
    _, lines = checked({"queue.hold": "end", "bake.save": "tab", "plan.next": "pagedown"})
    assert any("tab goes from pane to pane on the Bake screen" in line for line in lines)
    assert any("end is taken by the list or text itself on the queue" in line for line in lines)


@pytest.mark.parametrize("name", ["app.quit", "app.palette", "editor.keep", "notes.close", "fields.next"])
def test_what_holds_while_a_line_is_typed_takes_no_character(name: str) -> None:
    _, (line,) = checked({name: "q"})
    assert (
        f"the character q; expected a key that types nothing, such as ctrl+x or f5; {name} holds while a line is typed"
        in line
    )


@pytest.mark.parametrize("keys", ["", "f9"])
@pytest.mark.parametrize("action", [action for action in ACTIONS if action.kept_keys], ids=lambda action: action.id)
def test_nothing_that_closes_quits_or_helps_can_be_lost(action: Action, keys: str) -> None:
    table, _ = checked({action.id: keys})
    assert set(action.kept_keys) <= set(table.keys(action.id))


@pytest.mark.parametrize("name", ["app.quit", "app.help", "app.palette", "dialog.cancel", "confirm.accept"])
def test_the_way_out_has_a_key_that_is_kept(name: str) -> None:
    assert BY_ID[name].kept_keys


@pytest.mark.parametrize("key", ["escape", "ctrl+q", "question_mark", "ctrl+p"])
def test_a_key_of_the_way_out_goes_to_nothing_else(key: str) -> None:
    table, problems = checked({"bake.save": key, "app.slow-line": key})
    kept = {action.id for action in ACTIONS if key in action.kept_keys}
    holding = {action.id for action in ACTIONS if key in table.keys(action.id)}
    assert kept <= holding
    assert problems or key == "escape"


def test_a_text_names_the_keys_in_force() -> None:
    table, _ = checked({"queue.open": "f4", "bake.report": ""})
    assert table.fill("press <key queue.open> or <key grid.screen>") == "press f4 or g"
    assert table.fill("<key bake.report>") == "ctrl+p Report"
    assert table.fill("<key of.nothing> <key Q> [b]") == "<key of.nothing> <key Q> [b]"


def test_a_key_is_shown_as_it_is_typed() -> None:
    shown = [shown_key(key) for key in ("question_mark", "ctrl+q", "space", "escape", "comma", "slash", "minus", "P")]
    assert shown == ["?", "ctrl+q", "space", "esc", ",", "/", "-", "P"]


def test_every_name_that_textual_has_for_a_key_can_be_set() -> None:
    names = {key.value for key in Keys if not key.value.startswith("<")} - {"ignore"}
    refused = [
        name for name in sorted(names) if any("is not a key" in line for line in checked({"offer.run": name})[1])
    ]
    assert refused == []


def test_the_table_lists_every_action_once_with_a_place() -> None:
    rows = list(table_rows(DEFAULT_KEYS))
    assert [action.id for action, _, _ in rows] == [action.id for action in ACTIONS]
    assert all(where for _, _, where in rows)
    places = {action.id: where for action, _, where in rows}
    assert (places["bake.pause"], places["bakes.down"]) == ("the Bake screen", "the Journal screen")
    assert places["app.quit"] == "everywhere"

"""The last line of a screen: the keys that matter there, each by the one that is written everywhere."""

import pytest
from textual.app import App, ComposeResult

from lora_tui.keys.key_lines import shown_grid_keys
from lora_tui.keys.keymap import BY_ID, bindings
from lora_tui.widgets.key_line import KeyLine, ShownKey, keys_that_fit


@pytest.mark.parametrize("unfinished", [False, True])
@pytest.mark.parametrize(("narrow", "width"), [(True, 60), (True, 78), (False, 98)])
def test_who_looks_at_pictures_of_a_grid_is_told_how_to_judge_and_how_to_leave(
    unfinished: bool, narrow: bool, width: int
) -> None:
    wanted = shown_grid_keys(building=False, unfinished=unfinished, narrow=narrow)
    assert ("grid.end" in dict(wanted)) == unfinished
    last = wanted[-1][0]
    keys = tuple(ShownKey(BY_ID[name].documented_key, label, name in ("app.help", last)) for name, label in wanted)
    shown = [key.key for key in keys_that_fit(keys, width)[0]]
    assert shown[:3] == ["1", "2", "3"]
    assert shown[-1] == "esc"


async def test_an_action_with_several_keys_is_named_by_its_first() -> None:
    class Places(App[None]):
        BINDINGS = bindings("dataset", "journal")

        def compose(self) -> ComposeResult:
            yield KeyLine()

    wanted = [name for name in ("dataset.close", "journal.close") if "," in BY_ID[name].keys]
    assert wanted
    app = Places()
    async with app.run_test(size=(80, 5)) as pilot:
        line = app.query_one(KeyLine)
        line.show_actions([(name, BY_ID[name].label) for name in wanted])
        await pilot.pause()
        assert {key.key for key in line.keys} == {"esc"}

import pytest
from textual.theme import BUILTIN_THEMES, Theme

from lora_tui.colours.palettes import GROUNDS, palette_of
from lora_tui.colours.theme_files import ThemeFile, as_shown, find_themes


@pytest.mark.parametrize("system", ["truecolor", "windows", None])
def test_with_all_colours_a_theme_is_as_its_file_says(system: str | None) -> None:
    found = find_themes()
    assert palette_of(system) is None
    assert [as_shown(file, system) for file in found.files] == [file.theme for file in found.files]
    nord = as_shown(ThemeFile(BUILTIN_THEMES["nord"]), system)
    assert (nord.background, nord.panel) == (BUILTIN_THEMES["nord"].background, BUILTIN_THEMES["nord"].panel)


def test_each_number_stands_with_a_colour_that_arrives_as_it() -> None:
    full, few = palette_of("256"), palette_of("standard")
    assert full is not None and few is not None
    assert set(range(16, 256)) - set(full.colours) == {59, 102, 145, 188}
    assert sorted(few.colours) == list(range(16))
    # The lightest grey is sent a step darker than its own value.
    assert full.colours[255] == "#f5f5f5"


def test_the_numbers_of_a_file_become_its_colours() -> None:
    palette = palette_of("256")
    assert palette is not None
    for file in find_themes().files:
        theme = as_shown(file, "256")
        numbers = file.numbers["colours-256"]
        assert theme.panel == palette.colours[numbers["panel"]]
        assert theme.variables["rule"] == palette.colours[numbers["rule"]]
        assert theme.dark == file.theme.dark


@pytest.mark.parametrize("name", sorted(BUILTIN_THEMES))
def test_grounds_that_differ_get_different_numbers(name: str) -> None:
    theme = as_shown(ThemeFile(BUILTIN_THEMES[name]), "256")
    if theme.ansi:
        assert theme is BUILTIN_THEMES[name]
        return
    colours = [theme.background, theme.panel, *(theme.variables[role] for role in GROUNDS[3:])]
    assert len(set(colours)) == len(colours)


def test_a_theme_that_chose_one_number_keeps_it_and_the_rest_give_way() -> None:
    palette = palette_of("256")
    assert palette is not None
    near_black = Theme("night", primary="#ff0000", background="#101010", surface="#101010", panel="#111111")
    theme = as_shown(ThemeFile(near_black, {"colours-256": {"panel": 233}}), "256")
    assert theme.panel == palette.colours[233]
    assert theme.background == theme.surface
    assert len({theme.background, theme.panel, *(theme.variables[role] for role in GROUNDS[3:])}) == 5


def test_with_sixteen_colours_a_theme_without_numbers_is_painted_like_ours() -> None:
    found = {file.theme.name: file for file in find_themes().files}
    ember, flour = (as_shown(found[name], "standard") for name in ("ember", "flour"))
    nord, light = (as_shown(ThemeFile(BUILTIN_THEMES[name]), "standard") for name in ("nord", "textual-light"))
    assert nord.panel == ember.panel != ember.background == nord.background
    assert light.panel == flour.panel != flour.background == light.background

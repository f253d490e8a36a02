import itertools
import math
from pathlib import Path

import pytest
from textual.color import Color, rgb_to_lab
from textual.theme import BUILTIN_THEMES

from lora_tui.colours.palettes import Palette, palettes
from lora_tui.colours.theme_files import (
    CURVE_COLOURS,
    ThemeFileError,
    find_themes,
    load_theme,
    remember_theme,
    remembered_theme,
    roles,
    themes_folder,
)

_COLOURS = (
    "primary",
    "secondary",
    "background",
    "surface",
    "panel",
    "foreground",
    "success",
    "warning",
    "error",
    "accent",
)


def _contrast(one: str, other: str) -> float:
    """WCAG 2.1: relative luminance of the lighter over that of the darker, each raised by 0.05."""

    def luminance(text: str) -> float:
        parts = [part / 255 for part in Color.parse(text).rgb]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


OURS = ["colour-blind", "ember", "flour", "high-contrast"]

# G. M. Machado and others, "A physiologically-based model for simulation of color vision deficiency", 2009, at full strength; on
# linear RGB.
_EYES = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def _seen_as(text: str, eyes: str) -> tuple[float, float, float]:
    """Return a colour as such eyes see it, in CIE L*a*b*."""
    parts = [part / 255 for part in Color.parse(text).rgb]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    seen = [min(1.0, max(0.0, sum(a * b for a, b in zip(row, linear, strict=True)))) for row in _EYES[eyes]]
    sent = [12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055 for part in seen]
    lab = rgb_to_lab(Color(*(round(255 * part) for part in sent)))
    return lab.L, lab.a, lab.b


def test_our_themes_come_along() -> None:
    found = find_themes()
    assert found.names == OURS
    assert found.problems == ()


@pytest.mark.parametrize("eyes", _EYES)
def test_what_colours_tell_apart_is_apart_for_the_colour_blind_too(eyes: str) -> None:
    theme = next(file.theme for file in find_themes().files if file.theme.name == "colour-blind")
    colours = {**theme.variables, **{key: getattr(theme, key) for key in ("foreground", "warning", "error", "success")}}
    for told_apart in (
        ("success", "warning", "error", "foreground"),
        ("plot-raw", "plot-smooth", "plot-validation"),
        ("plot-unet", "plot-text-encoder", "plot-text-encoder-2"),
        ("meter-ours", "meter-others", "meter-free"),
        tuple(f"curve-{place}" for place in range(1, CURVE_COLOURS + 1)),
    ):
        for one, other in itertools.combinations(told_apart, 2):
            # CIE 1976: 2.3 can just be seen side by side, 10 at a glance.
            assert math.dist(_seen_as(colours[one], eyes), _seen_as(colours[other], eyes)) > 12, (one, other)


def test_the_theme_of_high_contrast_keeps_to_the_strictest_level() -> None:
    theme = next(file.theme for file in find_themes().files if file.theme.name == "high-contrast")
    read = ("foreground", "warning", "error", "accent", "success", "primary", "secondary")
    colours = {**theme.variables, **{key: getattr(theme, key) for key in read}}
    for ground in (theme.background, theme.surface, theme.panel):
        for key in (*read, "muted", "faint", "plot-raw", *(f"curve-{place}" for place in range(1, CURVE_COLOURS + 1))):
            # WCAG's level AAA asks for 7 of running text, and its AA for 3 of graphics.
            assert _contrast(colours[key], ground) >= 7, (key, ground)
        assert _contrast(colours["rule"], ground) >= 3


@pytest.mark.parametrize("name", OURS)
def test_what_has_to_be_read_can_be_read(name: str) -> None:
    theme = load_theme(themes_folder() / f"{name}.toml").theme
    colours = {
        **theme.variables,
        **{key: getattr(theme, key) for key in ("foreground", "warning", "error", "accent", "success")},
    }
    for planned in (theme.background, theme.panel):
        for key in ("foreground", "muted", "warning", "error", "success", "accent"):
            # WCAG: 3 for large or marked text, 4.5 for running text.
            least = 4.5 if key == "foreground" else 3.0
            assert _contrast(colours[key], planned) >= least, (key, planned)


def test_ours_name_every_role() -> None:
    for file in find_themes().files:
        assert set(roles(file.theme)) <= set(file.theme.variables)


@pytest.mark.parametrize("palette", palettes(), ids=lambda palette: palette.table)
def test_ours_choose_a_number_for_every_colour_they_have(palette: Palette) -> None:
    for file in find_themes().files:
        own = {name for name in _COLOURS if getattr(file.theme, name) is not None}
        assert set(file.numbers[palette.table]) == own | set(file.theme.variables), file.theme.name


@pytest.mark.parametrize("name", sorted(BUILTIN_THEMES))
def test_every_theme_of_textual_gets_our_roles(name: str) -> None:
    for colour in roles(BUILTIN_THEMES[name]).values():
        Color.parse(colour)


def test_a_theme_needs_no_more_than_a_primary_colour(tmp_path: Path) -> None:
    (tmp_path / "mint.toml").write_text('primary = "#00aa88"', encoding="utf-8")
    theme = load_theme(tmp_path / "mint.toml").theme
    assert (theme.name, theme.dark) == ("mint", True)


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("primary = ", "TOML end: broken TOML, "),
        (f"primary = {'[' * 5000}", "TOML: brackets nested too deeply"),
        ('primary = "mud"', "primary is not a colour: mud"),
        ('name = "x"', "primary is missing"),
        ('primary = "#fff"\ncolour = 1', "unknown key colour"),
        ('primary = "#fff"\ndark = "yes"', "dark must be true or false"),
        ('primary = "#fff"\n[variables]\nlive = "x"', "variables.live is not a colour"),
        ('primary = "#fff"\nname = ""', "name must be text"),
        ('primary = "#fff"\nname = "my theme!"', "may only have letters"),
        ('primary = "#fff"\ncolours-16 = 4', "colours-16 must be a table"),
        (
            'primary = "#fff"\n[colours-16]\npanel = 16',
            "colours-16.panel must be a colour's number from 0 to 15, not 16",
        ),
        (
            'primary = "#fff"\n[colours-256]\npanel = true',
            "number from 16 to 255 other than 59, 102, 145, 188, not True",
        ),
        ('primary = "#fff"\n[colours-256]\nrule = 145', "colours-256.rule must be a colour's number"),
    ],
)
def test_a_wrong_theme_file_says_what_is_wrong(tmp_path: Path, text: str, because: str) -> None:
    (tmp_path / "bad.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ThemeFileError, match=because):
        load_theme(tmp_path / "bad.toml")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('name = "sea"\n\nprimary = "mud"', "line 3: primary is not a colour"),
        ('primary = "#fff"\nlive = 3\n', "line 2: unknown key live"),
        ('primary = "#fff"\n[variables]\nrule = "#111"\nlive = "x"', "line 4: variables.live is not"),
        (
            'primary = "#fff"\n[ variables ]\nrule = "#111"\n[colours-256] # few\nrule = 5',
            "line 5: colours-256.rule must",
        ),
        ('primary = "#fff"\n"dark" = 1', "line 2: dark must be"),
        ('primary = "#fff"\nvariables = { live = "x" }', "^variables.live is not a colour"),
    ],
)
def test_a_wrong_theme_file_says_on_which_line(tmp_path: Path, text: str, line: str) -> None:
    (tmp_path / "bad.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ThemeFileError, match=line):
        load_theme(tmp_path / "bad.toml")


def test_a_bad_file_of_the_user_s_is_a_problem_beside_the_good_ones(own_home: Path) -> None:
    folder = own_home / "config" / "lora-tui" / "themes"
    folder.mkdir(parents=True)
    (folder / "bad.toml").write_text("primary = 3", encoding="utf-8")
    (folder / "mint.toml").write_text('primary = "#00aa88"', encoding="utf-8")
    found = find_themes()
    assert found.names == [*OURS, "mint"]
    assert found.problems == ("bad.toml: line 1: primary must be text",)


def test_the_user_s_theme_of_the_same_name_stands_in_for_ours(own_home: Path) -> None:
    folder = own_home / "config" / "lora-tui" / "themes"
    folder.mkdir(parents=True)
    (folder / "ember.toml").write_text('primary = "#123456"', encoding="utf-8")
    ember = next(file.theme for file in find_themes().files if file.theme.name == "ember")
    assert ember.primary == "#123456"


def test_the_chosen_theme_is_remembered() -> None:
    assert remembered_theme() == "ember"
    remember_theme("flour")
    assert remembered_theme() == "flour"


def test_a_home_that_cannot_be_written_only_forgets(own_home: Path) -> None:
    (own_home / "state").write_text("a file where a folder should be", encoding="utf-8")
    remember_theme("flour")
    assert remembered_theme() == "ember"


@pytest.mark.parametrize("palette", palettes(), ids=lambda palette: palette.table)
def test_curves_of_several_bakes_are_told_apart_and_seen_in_few_colours_too(palette: Palette) -> None:
    for file in find_themes().files:
        numbers = file.numbers[palette.table]
        inks = [palette.colours[numbers[f"curve-{place}"]] for place in range(1, CURVE_COLOURS + 1)]
        assert len(set(inks)) == CURVE_COLOURS, file.theme.name
        for ink in inks:
            # WCAG asks for 3 of large text; a curve is a line of dots.
            assert _contrast(ink, palette.colours[numbers["background"]]) >= 2.4, (file.theme.name, ink)


@pytest.mark.parametrize("name", [*OURS, *sorted(BUILTIN_THEMES)])
def test_every_theme_has_a_colour_of_its_own_for_each_curve(name: str) -> None:
    found = {file.theme.name: file.theme for file in find_themes().files}
    theme = found.get(name) or BUILTIN_THEMES[name]
    made = {**roles(theme), **theme.variables}
    assert len({made[f"curve-{place}"] for place in range(1, CURVE_COLOURS + 1)}) == CURVE_COLOURS

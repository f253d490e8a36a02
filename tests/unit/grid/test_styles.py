"""Styles of the workspace: saved, applied, read from a webui and written back."""

from pathlib import Path

import pytest

from trainer.errors import GridError, LoraTuiError
from trainer.formats.infotext import Infotext
from trainer.formats.webui_config import WebuiDefaults
from trainer.formats.webui_styles import WebuiStyle
from trainer.grid.spec import GridSpec
from trainer.grid.styles import (
    Style,
    apply_style,
    from_defaults,
    from_infotext,
    from_rows,
    load_styles,
    save_styles,
    style_named,
    styles_path,
    to_defaults,
)
from trainer.workspace import Workspace

FULL = Style(
    name="my default, “quoted” = [a.b]",
    prompt="masterpiece, {prompt}\nsecond line",
    negative_prompt='lowres, "bad" hands 猫',
    sampler="DPM++ 2M Karras",
    steps=28,
    cfg_scale=6.5,
    width=512,
    height=768,
    seeds="-1--1 [4]",
    clip_skip=2,
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def written(workspace: Workspace, text: str) -> Workspace:
    styles_path(workspace).parent.mkdir()
    styles_path(workspace).write_text(text, encoding="utf-8")
    return workspace


def test_a_workspace_starts_without_styles(workspace: Workspace) -> None:
    assert load_styles(workspace) == ()


def test_styles_are_kept_and_come_back_in_their_order(workspace: Workspace) -> None:
    save_styles(workspace, (FULL,))
    save_styles(workspace, (Style(name="b", steps=10),))
    assert load_styles(workspace) == (FULL, Style(name="b", steps=10))
    assert style_named(workspace, FULL.name) == FULL


def test_saving_replaces_the_style_of_that_name_and_keeps_the_rest_of_the_file(workspace: Workspace) -> None:
    written(workspace, '# mine\n[a]\nsteps = 20 # enough\nsampler = "Euler a"\n\n[b]\nsteps = 9\n')
    save_styles(workspace, (Style(name="a", steps=20, cfg_scale=5.0),))
    text = styles_path(workspace).read_text(encoding="utf-8")
    assert text == "# mine\n[a]\nsteps = 20 # enough\ncfg_scale = 5.0\n\n[b]\nsteps = 9\n"


def test_many_styles_are_kept_at_once(workspace: Workspace) -> None:
    styles = tuple(Style(name=f"style {number}", prompt="a") for number in range(300))
    save_styles(workspace, styles)
    assert load_styles(workspace) == styles


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[a]\nstep = 20", r"a: step: unknown key; expected prompt, negative_prompt"),
        ("[a]\nsteps = 0", "a: steps: 0"),
        ("[a]\nwidth = 500", "a: width: 500"),
        ("[a]\ncfg_scale = nan", "a: cfg_scale"),
        ('[a]\nsampler = "DPM++ SDE"', "sampler: DPM"),
        ('[a]\nseeds = "5-1"', "seeds"),
        ("a = 1", "expected a table"),
        ("[a", "broken TOML"),
    ],
)
def test_a_wrong_file_is_refused_by_the_place(workspace: Workspace, text: str, what: str) -> None:
    with pytest.raises(LoraTuiError, match=what):
        load_styles(written(workspace, text))


def test_a_wrong_file_is_not_written_over(workspace: Workspace) -> None:
    written(workspace, "[a]\nstep = 20\n")
    with pytest.raises(GridError):
        save_styles(workspace, (FULL,))
    assert styles_path(workspace).read_text(encoding="utf-8") == "[a]\nstep = 20\n"


def test_an_unknown_style_is_refused_with_those_there_are(workspace: Workspace) -> None:
    with pytest.raises(
        GridError, match=r"no style named `x`; expected a saved style; import some with `lora-tui style read"
    ):
        style_named(workspace, "x")
    save_styles(workspace, (FULL,))
    with pytest.raises(GridError, match="expected my default"):
        style_named(workspace, "x")


def test_a_style_sets_what_it_says_and_leaves_the_rest() -> None:
    spec = GridSpec(prompt="cat", negative_prompt="dog", steps=9, sampler="Euler a", seeds="7", name="mine")
    styled = apply_style(spec, Style(name="a", negative_prompt="lowres", steps=30))
    assert styled == spec.model_copy(update={"negative_prompt": "dog, lowres", "steps": 30})


def test_every_field_of_a_style_is_applied() -> None:
    styled = apply_style(GridSpec(prompt="cat"), FULL)
    assert styled.prompt == "masterpiece, cat\nsecond line"
    assert styled.negative_prompt == FULL.negative_prompt
    for key in ("sampler", "steps", "cfg_scale", "width", "height", "seeds", "clip_skip"):
        assert getattr(styled, key) == getattr(FULL, key)


@pytest.mark.parametrize("style", [FULL, Style(name="a", prompt="8k", negative_prompt="bad")])
def test_a_style_applied_twice_is_applied_once(style: Style) -> None:
    spec = GridSpec(prompt="cat, 8k wallpaper", negative_prompt="bad hands")
    once = apply_style(spec, style)
    assert once != spec
    assert apply_style(once, style) == once


def test_rows_of_a_styles_csv_become_styles() -> None:
    rows = (WebuiStyle("  two\nlines ", "", "lowres"), WebuiStyle("b", "photo of {prompt}", ""))
    assert from_rows(rows) == (
        Style(name="two lines", negative_prompt="lowres"),
        Style(name="b", prompt="photo of {prompt}"),
    )


def test_sides_are_rounded_as_the_webui_makes_them_with_a_note() -> None:
    style, notes = from_defaults("webui", WebuiDefaults(width=500, height=775), (), "ui-config.json")
    assert (style.width, style.height) == (496, 768)
    assert notes == (
        "width 500: 496 is used, as the webui makes it",
        "height 775: 768 is used, as the webui makes it",
    )
    style, notes = from_infotext("a", Infotext("", "", {"Size": "513x512"}), "x.png")
    assert (style.width, style.height, notes) == (512, 512, ("width 513: 512 is used, as the webui makes it",))


def test_a_seed_beyond_ours_is_left_out_with_a_note() -> None:
    style, notes = from_infotext("a", Infotext("", "", {"Steps": "9", "Seed": str(2**40)}), "x.png")
    assert (style.seeds, style.steps) == (None, 9)
    assert notes == ("seed 1099511627776: left out, seeds end at 4,294,967,295",)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ("width = 500", "width: 500; expected a multiple of 8"),
        ("steps = 0", "steps: 0; expected at least 1"),
        ("cfg_scale = 101.5", "cfg_scale: 101.5; expected at most 100"),
        ("steps = 2.5", "steps: 2.5; expected a whole number"),
        ('cfg_scale = "x"', "cfg_scale: 'x'; expected a number"),
        ("prompt = 3", "prompt: 3; expected a text"),
    ],
)
def test_a_wrong_value_is_refused_in_our_words(workspace: Workspace, values: str, words: str) -> None:
    with pytest.raises(GridError) as refused:
        load_styles(written(workspace, f"[a]\n{values}"))
    assert refused.value.line().endswith(words)


def test_a_webuis_defaults_become_a_style_with_the_words_of_its_styles_in_it() -> None:
    defaults = WebuiDefaults("", "ugly", ("neg ", "gone"), "DPM++ 2M", "Karras", 28, 7.0, 512, 768, -1)
    style, notes = from_defaults("webui", defaults, (WebuiStyle("neg", "", "lowres"),), "ui-config.json")
    assert style == Style(
        name="webui",
        negative_prompt="ugly, lowres",
        sampler="DPM++ 2M Karras",
        steps=28,
        cfg_scale=7.0,
        width=512,
        height=768,
        seeds="-1",
    )
    assert notes == ("style `gone` is not in styles.csv: left out",)


def test_an_unsupported_sampler_is_left_out_with_a_note() -> None:
    style, notes = from_defaults("webui", WebuiDefaults(sampler="DPM++ SDE", schedule="Karras"), (), "ui-config.json")
    assert style.sampler is None
    assert notes == ("sampler DPM++ SDE Karras is not supported: left out",)
    _, notes = from_infotext("a", Infotext("", "", {"Sampler": "DPM2"}), "a.png")
    assert notes == ("sampler DPM2 is not supported: left out",)


def test_a_pictures_infotext_becomes_a_style_without_its_prompt() -> None:
    fields = {"Steps": "28", "Sampler": "DPM++ 2M", "CFG scale": "7", "Seed": "5", "Size": "512x768", "Clip skip": "2"}
    style, notes = from_infotext("a", Infotext("cat", "lowres", fields), "a.png")
    assert notes == ()
    assert style == Style(
        name="a",
        negative_prompt="lowres",
        sampler="DPM++ 2M",
        steps=28,
        cfg_scale=7.0,
        width=512,
        height=768,
        seeds="5",
        clip_skip=2,
    )


def test_a_wrong_number_in_a_picture_is_refused() -> None:
    with pytest.raises(GridError, match=r"a\.png: a: steps: 'many'"):
        from_infotext("a", Infotext("", "", {"Steps": "many"}), "a.png")


def test_a_style_becomes_the_defaults_of_a_webui_of_either_version() -> None:
    style = Style(name="a", sampler="DPM++ 2M Karras")
    assert to_defaults(style, schedules=True) == (WebuiDefaults(sampler="DPM++ 2M", schedule="Karras"), ())
    assert to_defaults(style, schedules=False) == (WebuiDefaults(sampler="DPM++ 2M Karras"), ())


def test_what_a_webuis_file_cannot_hold_is_noted() -> None:
    defaults, notes = to_defaults(FULL, schedules=True)
    assert defaults.seed is None
    assert [note.split(":")[0] for note in notes] == ["seeds -1--1 [4]", "clip_skip"]


def test_what_goes_to_a_webui_comes_back_the_same() -> None:
    style = FULL.model_copy(update={"seeds": "7", "clip_skip": None})
    defaults, notes = to_defaults(style, schedules=True)
    assert notes == ()
    assert from_defaults(style.name, defaults, (), "ui-config.json") == (style, ())

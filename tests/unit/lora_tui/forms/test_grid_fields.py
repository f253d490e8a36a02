"""The fields of a grid's builder: what they show, and what is typed into them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_tui.forms.grid_fields import AXES, first_values, spec_fields, text_of, typed
from trainer.errors import GridError
from trainer.families.registry import family_record
from trainer.grid.axes import KINDS
from trainer.grid.spec import AxisSpec, GridSpec, LoraSpec

SPEC = GridSpec(
    base="demo",
    prompt="1girl, hifumi",
    x=AxisSpec(kind="epoch", values="1-3"),
    y=AxisSpec(kind="unet_weight:2", values="0-1 (+0.5)"),
    loras=(
        LoraSpec(),
        LoraSpec(file="a, b.safetensors", weight=0.8),
        LoraSpec(file="c", unet_weight=0.5, text_encoder_weight=0),
    ),
    of_bakes=(41, 42),
    guidance_rescale=0.7,
)


@pytest.mark.parametrize("name", [info.name for info in spec_fields(SPEC)])
def test_what_a_field_shows_typed_in_again_changes_nothing(name: str) -> None:
    again = typed(SPEC, name, text_of(SPEC, name))
    assert text_of(again, name) == text_of(SPEC, name)
    if name != "loras":
        assert again == SPEC


def test_loras_are_typed_as_files_with_their_factors() -> None:
    spec = typed(SPEC, "loras", 'one, two:0.5, "a, b:1:0.25", c:d.safetensors')
    assert spec.loras == (
        LoraSpec(file="one"),
        LoraSpec(file="two", weight=0.5),
        LoraSpec(file="a, b", text_encoder_weight=1, unet_weight=0.25),
        LoraSpec(file="c:d.safetensors"),
    )
    assert typed(spec, "loras", text_of(spec, "loras")) == spec


@given(prompt=st.text(st.characters(exclude_characters="⏎\r", exclude_categories=["Cs"])).map(str.strip))
def test_a_prompt_of_several_lines_comes_back_from_its_one_line(prompt: str) -> None:
    spec = SPEC.model_copy(update={"prompt": prompt})
    assert "\n" not in text_of(spec, "prompt")
    assert typed(spec, "prompt", text_of(spec, "prompt")).prompt == prompt


def test_an_axis_that_varies_nothing_has_no_values_to_type() -> None:
    names = [info.name for info in spec_fields(SPEC)]
    assert "y.values" in names
    assert "z.values" not in names
    with pytest.raises(GridError, match="choose what varies first"):
        typed(SPEC, "z.values", "1-3")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_chosen_by_its_key_and_by_its_title(kind: str) -> None:
    for name in (kind, KINDS[kind].title):
        spec = typed(SPEC, "z.kind", name)
        assert spec.z is not None
        assert spec.z.kind == kind
        assert spec.z.values == first_values(SPEC, kind)


def test_choosing_the_kind_that_stands_there_keeps_the_values() -> None:
    assert typed(SPEC, "x.kind", "Epoch") == SPEC


def test_an_axis_is_set_on_one_line_and_taken_away_by_an_empty_one() -> None:
    spec = typed(SPEC, "x", "AddNet UNet Weight 2=0-1 (+0.25)")
    assert spec.x == AxisSpec(kind="unet_weight:2", values="0-1 (+0.25)")
    assert all(getattr(typed(spec, axis, ""), axis) is None for axis in AXES)


@pytest.mark.parametrize("text", ["steps=", "steps= ", "steps", "epoch="])
def test_an_axis_named_without_values_has_none_as_in_a_file(text: str) -> None:
    axis = typed(SPEC, "y", text).y
    assert axis is not None
    assert axis.values == ""


def test_the_help_of_an_axis_s_values_is_that_of_what_varies() -> None:
    help = {info.name: info.help for info in spec_fields(SPEC)}
    assert help["x.values"].casefold().startswith(KINDS["epoch"].help.casefold())


def test_the_form_offers_what_has_an_effect_on_its_base() -> None:
    plain = SPEC.model_copy(update={"clip_skip": 1, "shift": None})
    flow = {info.name: info for info in spec_fields(plain, "anima")}
    assert "clip_skip" not in flow and "shift" in flow
    assert flow["sampler"].choices == family_record("anima").sampling.samplers
    assert "fp16" not in flow["precision"].choices and "multiples of 16" in flow["size"].help
    diffusion = {info.name for info in spec_fields(plain, "sd1")}
    assert "clip_skip" in diffusion and "shift" not in diffusion
    assert not {"clip_skip", "shift"} & {info.name for info in spec_fields(plain, "sdxl")}
    # What is set stays in sight, to be taken back.
    asked = plain.model_copy(update={"clip_skip": 2})
    assert "clip_skip" in {info.name for info in spec_fields(asked, "anima")}


def test_an_axis_is_named_and_chosen_in_the_familys_words() -> None:
    spec = typed(SPEC, "x.kind", "Body weight")
    assert spec.x is not None and spec.x.kind == "unet_weight"
    assert (text_of(spec, "x.kind", "anima"), text_of(spec, "x.kind")) == ("Body weight", "U-Net weight")


def test_a_sampler_is_known_in_any_case() -> None:
    assert typed(SPEC, "sampler", "euler A").sampler == "Euler a"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("steps", "0", "steps"),
        ("steps", "many", "steps"),
        ("cfg_scale", "nan", "CFG scale"),
        ("size", "512", "512x768"),
        ("sampler", "Euler b", "Euler a"),
        ("loras", '"a', "quote"),
        ("of_bakes", "first", "epochs of bakes"),
        ("x.kind", "wieght", "weight"),
        ("x", "nonsense=1", "nonsense"),
        ("name", "a/b", "name"),
        ("colour", "red", "unknown field"),
        ("epochs", "[", "is not valid JSON"),
        ("outfits", '{"a": 1}', "outfits"),
    ],
)
def test_what_cannot_stand_there_is_refused_with_the_field(name: str, text: str, says: str) -> None:
    with pytest.raises(GridError, match=says) as refused:
        typed(SPEC, name, text)
    assert "\n" not in refused.value.line()


def test_fields_of_the_file_that_the_builder_lacks_are_typed_as_json() -> None:
    spec = typed(SPEC, "epochs", '[{"label": "3", "file": "a.safetensors"}]')
    assert [epoch.label for epoch in spec.epochs] == ["3"]

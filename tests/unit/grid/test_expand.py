"""From a spec to recipes: what each axis does, and what is refused before the first picture."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from expanded_grids import PROMPT, recipes_of, spec_of, values_of
from header_only import write_header_only
from hypothesis import given
from hypothesis import strategies as st
from lora_on_disk import write_lora

from trainer.errors import GridError, LoraTuiError, ModelError, SettingsError
from trainer.grid.cell import Expanded
from trainer.grid.expand import MAX_CELLS, expand, preview
from trainer.grid.model_files import ModelFiles
from trainer.grid.spec import AxisSpec, GridSpec, LoraSpec, parse_spec, spec_json
from trainer.models.identify import Base, identify_base
from trainer.models.prediction_markers import PredictionMarkers


def test_a_spec_without_axes_is_one_picture_of_the_base(spread: Callable[..., Expanded]) -> None:
    made = spread()
    assert made.shape == (1, 1, 1, 1)
    assert [cell.place.name for cell in made.cells] == ["x1-y1-z1-s1"]
    recipe = made.cells[0].recipe
    assert (recipe.base, recipe.prompt, recipe.seed, recipe.loras) == ("demo", PROMPT, 1, ())
    assert (recipe.prediction, recipe.zero_terminal_snr, recipe.guidance_rescale) == ("epsilon", False, 0.0)


def test_cells_come_by_sheet_row_column_and_seed(spread: Callable[..., Expanded]) -> None:
    made = spread(x=("steps", "1,2"), y=("cfg_scale", "3,4"), z=("sampler", "Euler, DDIM"), seeds="5,6")
    assert made.shape == (2, 2, 2, 2)
    places = [(cell.place.z, cell.place.y, cell.place.x, cell.place.seed) for cell in made.cells]
    assert places == sorted(places)
    last = made.cells[-1].recipe
    assert (last.steps, last.cfg_scale, last.sampler, last.seed) == (2, 4.0, "DDIM", 6)


@pytest.mark.parametrize(
    ("axis", "field", "values"),
    [
        (("steps", "10-30 (+10)"), "steps", [10, 20, 30]),
        (("CFG Scale", "1-2 (+0.5)"), "cfg_scale", [1.0, 1.5, 2.0]),
        (("sampler", "euler a, dpm++ 2m karras"), "sampler", ["Euler a", "DPM++ 2M Karras"]),
        (("clip_skip", "1-2"), "clip_skip", [1, 2]),
        (("seed", "7-9"), "seed", [7, 8, 9]),
        (("prompt", '"a cat, big", a dog'), "prompt", ["a cat, big", "a dog"]),
        (("negative_prompt", '"bad, worse",""'), "negative_prompt", ["bad, worse", ""]),
        (("guidance_rescale", "0,0.7"), "guidance_rescale", [0.0, 0.7]),
        (("token", "on,off"), "prompt", [PROMPT, "1girl, smile, school uniform"]),
        (("token", ""), "prompt", [PROMPT, "1girl, smile, school uniform"]),
        (("Prompt S/R", "smile,frown"), "prompt", [PROMPT, PROMPT.replace("smile", "frown")]),
        (("prompt_order", "1girl,smile"), "prompt", [PROMPT, "smile, hifumi, 1girl, school uniform"]),
        (("repeat", "1-2"), "repeat", [0, 1]),
        (("base", "demo"), "base", ["demo"]),
    ],
)
def test_an_axis_varies_its_field_alone(
    spread: Callable[..., Expanded], axis: tuple[str, str], field: str, values: list[object]
) -> None:
    made = spread(x=axis)
    assert values_of(made, field) == values
    assert len({replace(recipe, **{field: values[0]}) for recipe in recipes_of(made)}) == 1


def test_sizes_are_width_by_height(spread: Callable[..., Expanded]) -> None:
    made = spread(x=("size", "64x96, 96X64"))
    assert [(recipe.width, recipe.height) for recipe in recipes_of(made)] == [(64, 96), (96, 64)]
    assert made.x.labels == ("64x96", "96x64")


def test_outfits_are_put_on_by_name_or_all(spread: Callable[..., Expanded]) -> None:
    outfits = {"school": "school uniform", "beach": "bikini, beach"}
    made = spread(x=("outfit", "all"), outfits=outfits)
    assert values_of(made, "prompt") == [PROMPT, PROMPT.replace("school uniform", "bikini, beach")]
    assert made.x.labels == ("school", "beach")


def test_an_outfit_is_put_behind_the_token_before_that_leaves(spread: Callable[..., Expanded]) -> None:
    made = spread(prompt="1girl, hifumi, smile", x=("token", "off"), y=("outfit", "o"), outfits={"o": "red dress"})
    assert values_of(made, "prompt") == ["1girl, red dress, smile"]


def test_complete_prompts_come_before_what_changes_them(spread: Callable[..., Expanded]) -> None:
    made = spread(x=("prompt_sr", "smile,frown"), y=("prompt", '"a, smile","b, smile"'))
    assert values_of(made, "prompt") == ["a, smile", "a, frown", "b, smile", "b, frown"]


# Seeds


def test_60_a_seed_drawn_for_the_grid_is_one_for_all_its_cells(spread: Callable[..., Expanded]) -> None:
    made = spread(seeds="-1", x=("steps", "1-3"))
    assert values_of(made, "seed") == [1000, 1000, 1000]
    assert made.spec.seeds == "1000"


def test_each_random_column_keeps_its_seed_down_every_row(spread: Callable[..., Expanded]) -> None:
    made = spread(x=("seed", "-1--1 [3], 5"), y=("steps", "1,2"))
    assert values_of(made, "seed") == [1000, 1001, 1002, 5] * 2
    assert made.spec.x == AxisSpec(kind="seed", values="1000, 1001, 1002, 5")
    assert made.x.labels == ("1000", "1001", "1002", "5")
    assert len(made.seeds) == 1


def test_drawn_seeds_are_ones_that_another_draw_would_not_repeat(root: Path) -> None:
    made = expand(spec_of(seeds="-1--1 [20]"), ModelFiles(root))
    seeds = {recipe.seed for recipe in recipes_of(made)}
    assert len(seeds) == 20
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_what_comes_back_repeats_the_grid(spread: Callable[..., Expanded], root: Path) -> None:
    made = spread(seeds="-1, 3", x=("AddNet UNet Weight 1", "0-1 (+0.5)"), y=("epoch", "1-2,base"), loras=(LoraSpec(),))
    again = expand(parse_spec(spec_json(made.spec), "spec"), ModelFiles(root))
    assert again == made
    assert made.spec.x is not None
    assert made.spec.x.kind == "unet_weight"


# What the base says


def _as(said: PredictionMarkers, family: str = "sd1") -> Callable[[str], Base]:
    return lambda name: replace(identify_base(name), markers=said, family=family)  # type: ignore[arg-type]


def test_a_base_of_v_and_zero_snr_is_sampled_so_with_guidance_rescaled(spread: Callable[..., Expanded]) -> None:
    recipe = recipes_of(spread(_as(PredictionMarkers("v", True, "key v_pred"))))[0]
    assert (recipe.prediction, recipe.zero_terminal_snr, recipe.guidance_rescale) == ("v", True, 0.7)


def test_the_prediction_of_a_silent_base_comes_from_the_loras_metadata(
    spread: Callable[..., Expanded], root: Path
) -> None:
    metadata = {"modelspec.prediction_type": "v", "ss_zero_terminal_snr": "True"}
    write_lora(root / "for-v.safetensors", metadata=metadata)
    made = spread(
        _as(PredictionMarkers(None, None, "")), loras=(LoraSpec(file="for-v.safetensors"),), x=("weight", "0,1")
    )
    assert {(recipe.prediction, recipe.zero_terminal_snr) for recipe in recipes_of(made)} == {("v", True)}
    assert made.notes == ("demo does not say what it predicts; v is taken from the LoRA's metadata",)


def test_a_bases_own_prediction_goes_before_the_loras(spread: Callable[..., Expanded], root: Path) -> None:
    write_lora(root / "for-v.safetensors", metadata={"ss_v_parameterization": "True"})
    recipe = recipes_of(
        spread(_as(PredictionMarkers("epsilon", None, "x")), loras=(LoraSpec(file="for-v.safetensors"),))
    )[0]
    assert recipe.prediction == "epsilon"


def test_a_grid_over_bases_says_what_each_is_and_which_lora_was_trained_for_another_prediction(
    spread: Callable[..., Expanded], root: Path
) -> None:
    write_lora(root / "for-noise.safetensors", metadata={"modelspec.prediction_type": "epsilon"})
    predicts = {"demo": "epsilon", "other-v": "v"}

    def base_of(name: str) -> Base:
        own = Path(name).name
        said = PredictionMarkers(predicts[own], None, "x")  # type: ignore[arg-type]
        return replace(identify_base("demo"), name=own, markers=said)

    made = spread(base_of, loras=(LoraSpec(file="for-noise.safetensors"),), x=("base", "demo, other-v"))
    assert made.notes == (
        "demo: SD1.x, predicts the noise (epsilon)",
        "other-v: SD1.x, predicts the velocity (v)",
        "for-noise.safetensors was trained on a base that predicts the noise (epsilon), and other-v predicts the velocity (v): "
        "what its pictures show there may be that alone",
    )
    alone = spread(base_of, loras=(LoraSpec(file="for-noise.safetensors"),), base="demo")
    assert alone.notes == ()


def test_a_lora_whose_file_says_nothing_of_its_training_gets_no_word_about_it(spread: Callable[..., Expanded]) -> None:
    assert spread(_as(PredictionMarkers("v", True, "x")), x=("epoch", "1")).notes == ()


def test_the_spec_may_say_it_all(spread: Callable[..., Expanded]) -> None:
    recipe = recipes_of(spread(prediction="v", zero_terminal_snr="yes", guidance_rescale=0.3))[0]
    assert (recipe.prediction, recipe.zero_terminal_snr, recipe.guidance_rescale) == ("v", True, 0.3)


def test_clip_skip_changes_nothing_on_sdxl_and_says_so(spread: Callable[..., Expanded]) -> None:
    made = spread(_as(PredictionMarkers("epsilon", None, ""), "sdxl"), x=("clip_skip", "1-2"))
    assert values_of(made, "clip_skip") == [1, 1]
    assert made.notes == ("X Clip skip changes nothing: SDXL's layers are fixed",)


def test_a_text_encoder_axis_over_a_lora_without_one_says_so(spread: Callable[..., Expanded]) -> None:
    made = spread(x=("text_encoder_weight", "0,1"), loras=(LoraSpec(file="style"),))
    assert made.notes == ("X Text encoder weight changes nothing: style.safetensors has no text encoder layers",)


def test_a_prompt_without_the_token_is_noted(spread: Callable[..., Expanded]) -> None:
    made = spread(x=("token", "on,off"), y=("prompt", '"a, hifumi", b'))
    assert made.notes == ("X Activation token changes nothing in 1 prompt without the token",)
    assert values_of(made, "prompt") == ["a, hifumi", "a", "b", "b"]


@pytest.mark.parametrize("token", ["knight (rose)", r"knight \(rose\)"])
def test_a_token_whose_brackets_are_weights_in_the_prompt_is_noted(token: str, spread: Callable[..., Expanded]) -> None:
    made = spread(prompt="knight (rose), castle", token=token)
    assert made.notes == (r"the brackets of knight (rose) are weights in the prompt: write knight \(rose\)",)
    assert spread(prompt=r"knight \(rose\), castle", token=token).notes == ()


# What is refused


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param({"x": ("steps", "5-1")}, "X Steps: `5-1` is an empty range; write `5-1 (-1)`", id="empty range"),
        pytest.param({"y": ("cfg_scale", "")}, "Y CFG scale: the axis has no values", id="empty axis"),
        pytest.param({"z": ("cfg_scale", "nan")}, "Z CFG scale: `nan` is neither", id="NaN"),
        pytest.param({"x": ("weight", "inf")}, "X LoRA weight: `inf` is neither", id="inf"),
        pytest.param({"x": ("sampler", "Euler, DPM2")}, "X Sampler: `DPM2`; expected one of Euler", id="sampler"),
        pytest.param({"sampler": "DPM2"}, "sampler: DPM2; expected one of Euler", id="the spec's sampler"),
        pytest.param(
            {"sampler": "er_sde"}, "sampler: ER SDE, which is not for SD1.x; expected Euler", id="of another family"
        ),
        pytest.param({"x": ("clip_skip", "1-9")}, "X Clip skip: ", id="clip skip"),
        pytest.param({"clip_skip": 30}, "clip_skip: 30; expected at most", id="the spec's clip skip"),
        pytest.param({"x": ("seed", "4294967296")}, "X Seed: 4294967296; expected -1 to 4294967295", id="seed"),
        pytest.param({"seeds": "-2"}, "seeds: -2; expected -1 to", id="the spec's seed"),
        pytest.param({"x": ("steps", "0-3")}, "X Steps: 0; expected 1 to 1000", id="steps"),
        pytest.param({"x": ("cfg_scale", "101")}, "X CFG scale: 101; expected 0 to 100", id="guidance"),
        pytest.param({"x": ("size", "64x65")}, "X Size: 64x65; expected sides of 8 to 8192", id="size"),
        pytest.param({"x": ("size", "big")}, "X Size: `big`; expected width x height", id="no size"),
        pytest.param({"width": 60}, "width, height: 60x64; expected", id="the spec's size"),
        pytest.param({"x": ("token", "maybe")}, "X Activation token: `maybe`; expected on or off", id="token"),
        pytest.param({"x": ("token", "off"), "token": ""}, "the grid has no token", id="no token"),
        pytest.param({"x": ("token", "off"), "token": "aru"}, "the token is in no prompt", id="token nowhere"),
        pytest.param({"x": ("outfit", "beach")}, "X Outfit: unknown outfit `beach`", id="outfit"),
        pytest.param({"x": ("epoch", "5-7")}, "X Epoch: unknown epoch `7`; expected one of 1, 2", id="epoch"),
        pytest.param({"x": ("epoch", "champion")}, "unknown epoch `champion`", id="champion"),
        pytest.param({"x": ("epoch", "6-1")}, "X Epoch: `6-1` is an empty range", id="epochs backwards"),
        pytest.param({"x": ("epoch", "1"), "epochs": ()}, "a grid with saved epochs; add bakes", id="no epochs"),
        pytest.param({"x": ("lora", "nobody")}, "no file `nobody`", id="LoRA"),
        pytest.param({"x": ("rank", "0")}, "X Rank: 0; expected 1 to", id="rank"),
        pytest.param({"x": ("weight", "1")}, "X LoRA weight: the grid has no LoRA", id="nothing to weigh"),
        pytest.param(
            {"x": ("weight:2", "1"), "loras": (LoraSpec(),)}, "the grid has no LoRA 2; expected 1 to 1", id="LoRA 2"
        ),
        pytest.param({"loras": (LoraSpec(),), "epochs": ()}, "LoRA 1: names no file", id="nameless"),
        pytest.param({"x": ("denoising", "1")}, "axis: unknown kind `denoising`", id="kind"),
        pytest.param({"x": ("steps", "1"), "y": ("Steps", "2")}, "X and Y: Steps and Steps", id="twice"),
        pytest.param({"x": ("epoch", "1"), "z": ("lora", "style")}, "X and Z: Epoch and LoRA", id="two first LoRAs"),
        pytest.param({"x": ("seed", "1"), "y": ("seed", "-1")}, "X and Y: Seed and Seed", id="seeds twice"),
        pytest.param({"base": " "}, "base: blank", id="base"),
        pytest.param({"base": "nowhere"}, "no such file or folder", id="base nowhere"),
        pytest.param({"vae": "nowhere"}, "no such file or folder", id="VAE nowhere"),
        pytest.param({"prompt": "a AND b"}, "prompt: ", id="composition"),
        pytest.param({"x": ("prompt_sr", "smile,[a:b:0.5]")}, "prompt where X is `[a:b:0.5]`: ", id="scheduling"),
        pytest.param(
            {"prompt": "a", "y": ("prompt", "a,<lora:nobody:1>")},
            "LoRA where Y is `<lora:nobody:1>`: ",
            id="unknown tag",
        ),
        pytest.param({"negative_prompt": "[a|b]"}, "negative prompt: ", id="alternation"),
        pytest.param({"prompt": "<lora:hifumi-000001:x>"}, "LoRA tag: ", id="tag"),
        pytest.param({"zero_terminal_snr": "yes"}, "zero_terminal_snr: yes, and demo predicts epsilon", id="zero SNR"),
        pytest.param({"x": ("prompt_sr", ",a")}, "X Prompt S/R: the first value is blank", id="blank search"),
    ],
)
def test_what_cannot_be_made_is_refused_with_axis_item_and_way_out(
    spread: Callable[..., Expanded], fields: dict[str, object], said: str
) -> None:
    with pytest.raises(LoraTuiError, match=re.escape(said)):
        spread(**fields)


def test_57_a_search_for_what_no_prompt_has_is_refused(spread: Callable[..., Expanded]) -> None:
    with pytest.raises(GridError, match=re.escape("X Prompt S/R: `cat` is neither in the prompt nor in the negative")):
        spread(x=("prompt_sr", "cat,dog"))


def test_59_a_search_for_what_another_axis_took_away_is_refused_and_says_where(
    spread: Callable[..., Expanded],
) -> None:
    with pytest.raises(GridError, match=re.escape("Y Prompt S/R: `a` is neither in the prompt")) as refused:
        spread(prompt="a", x=("prompt_sr", "a,b"), y=("prompt_sr", "a,c"))
    assert "where X is `b`" in refused.value.found


def test_too_many_pictures_are_refused_with_their_number_and_the_longest_axis(spread: Callable[..., Expanded]) -> None:
    with pytest.raises(GridError, match="10,000 pictures") as refused:
        spread(x=("steps", "1-100"), y=("cfg_scale", "1-25"), seeds="1-4")
    assert refused.value.way_out == "shorten X Steps"
    assert str(f"{MAX_CELLS:,}") in refused.value.expected


def test_a_lora_for_another_architecture_is_refused_before_the_first_picture(
    spread: Callable[..., Expanded], root: Path
) -> None:
    name = "lora_te2_text_model_encoder_layers_0_mlp_fc1"
    write_header_only(root / "xl.safetensors", {f"{name}.lora_down.weight": (4, 32), f"{name}.lora_up.weight": (64, 4)})
    with pytest.raises(ModelError, match=r"xl\.safetensors: a LoRA for an SDXL base: module lora_te2"):
        spread(x=("lora", "none, xl.safetensors"))


def test_a_base_without_a_vae_needs_one(spread: Callable[..., Expanded]) -> None:
    with pytest.raises(SettingsError, match="contains no VAE"):
        spread(lambda name: replace(identify_base(name), has_vae=False))


def test_the_labels_of_one_axis_are_there_before_the_grid_is(root: Path) -> None:
    spec, model_files = spec_of(), ModelFiles(root)
    for kind, values, labels in (
        ("seed", "-1--1 [2],5", ("random", "random", "5")),
        ("epoch", "5-6,base", ("5", "6", "base")),
        ("weight", "0-1 (+0.5)", ("0", "0.5", "1")),
    ):
        assert preview(AxisSpec(kind=kind, values=values), spec, model_files) == labels
    with pytest.raises(GridError, match="Steps: `5-1`"):
        preview(AxisSpec(kind="steps", values="5-1"), spec, model_files)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("weight", "0-1.25 (+0.25)"),
        ("epoch", "1-3,base"),
        ("prompt", '"a, ""b""","c"'),
        ("prompt_order", "smile,hifumi"),
        ("size", "64x96"),
        ("rank", "1,all"),
        ("lora", "none,style"),
        ("seed", "-1,7"),
        ("base", "demo"),
        ("sampler", "euler a"),
    ],
)
def test_an_axis_typed_in_again_from_its_values_is_the_same(
    spread: Callable[..., Expanded], kind: str, values: str
) -> None:
    first = spread(x=(kind, values), loras=(LoraSpec(),)).x
    assert spread(x=(first.kind, first.values), loras=(LoraSpec(),)).x == first


@given(x=st.integers(1, 6), y=st.integers(1, 6), z=st.integers(1, 6), seeds=st.integers(1, 4))
def test_there_are_as_many_pictures_as_announced_each_in_its_own_place(x: int, y: int, z: int, seeds: int) -> None:
    spec = GridSpec(
        base="demo",
        width=64,
        height=64,
        x=AxisSpec(kind="steps", values=f"1-{x}"),
        y=AxisSpec(kind="cfg_scale", values=f"2-3 [{y}]"),
        z=AxisSpec(kind="guidance_rescale", values=f"0-1 [{z}]"),
        seeds=f"1-{seeds}",
    )
    made = expand(spec, ModelFiles(Path("/")))
    assert made.shape == (x, y, z, seeds)
    assert len({cell.place.name for cell in made.cells}) == len(made.cells) == x * y * z * seeds
    assert len({cell.recipe for cell in made.cells}) == len(made.cells)

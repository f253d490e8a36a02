"""From a spec to recipes: what each axis does, and what is refused before the first picture."""

import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from header_only import write_header_only
from hypothesis import given
from hypothesis import strategies as st
from lora_on_disk import write_lora

from trainer.errors import GridError, LoraTuiError, ModelError, SettingsError
from trainer.grid.cell import Expanded
from trainer.grid.expand import MAX_CELLS, expand, preview
from trainer.grid.model_files import ModelFiles
from trainer.grid.recipe import LoraUse, Recipe
from trainer.grid.spec import AxisSpec, EpochFile, GridSpec, LoraSpec, parse_spec, spec_json
from trainer.models.identify import Base, identify_base
from trainer.models.prediction_markers import PredictionMarkers

_PROMPT = "1girl, hifumi, smile, school uniform"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with six epochs of one bake and a second LoRA."""
    root = tmp_path_factory.mktemp("workspace")
    for epoch in range(1, 7):
        write_lora(root / f"bakes/0001-hifumi/hifumi-{epoch:06d}.safetensors")
    write_lora(root / "bakes/0002-style/style.safetensors", rank=8, parts=["unet"])
    return root


@pytest.fixture
def spread(root: Path) -> Callable[..., Expanded]:
    """Expands a spec of these fields on the demo; `x`, `y` and `z` are (kind, values)."""

    def spread(base_of: Callable[[str], Base] = identify_base, **fields: object) -> Expanded:
        return expand(_spec(root, **fields), ModelFiles(root), base_of=base_of, draw=itertools.count(1000).__next__)

    return spread


def _spec(root: Path, **fields: object) -> GridSpec:
    axes = {
        name: AxisSpec(kind=axis[0], values=axis[1]) for name in "xyz" if isinstance(axis := fields.get(name), tuple)
    }
    epochs = tuple(
        EpochFile(label=str(epoch), file=f"bakes/0001-hifumi/hifumi-{epoch:06d}.safetensors") for epoch in range(1, 7)
    )
    plain = GridSpec(base="demo", prompt=_PROMPT, width=64, height=64, seeds="1", epochs=epochs, token="hifumi")
    return plain.model_copy(update={**fields, **axes})


def _file(root: Path, epoch: int) -> Path:
    return root / f"bakes/0001-hifumi/hifumi-{epoch:06d}.safetensors"


def _recipes(expanded: Expanded) -> list[Recipe]:
    return [cell.recipe for cell in expanded.cells]


def _only(expanded: Expanded, name: str) -> list[object]:
    return [getattr(recipe, name) for recipe in _recipes(expanded)]


def test_a_spec_without_axes_is_one_picture_of_the_base(spread: Callable[..., Expanded]) -> None:
    made = spread()
    assert made.shape == (1, 1, 1, 1)
    assert [cell.place.name for cell in made.cells] == ["x1-y1-z1-s1"]
    recipe = made.cells[0].recipe
    assert (recipe.base, recipe.prompt, recipe.seed, recipe.loras) == ("demo", _PROMPT, 1, ())
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
        (("token", "on,off"), "prompt", [_PROMPT, "1girl, smile, school uniform"]),
        (("token", ""), "prompt", [_PROMPT, "1girl, smile, school uniform"]),
        (("Prompt S/R", "smile,frown"), "prompt", [_PROMPT, _PROMPT.replace("smile", "frown")]),
        (("prompt_order", "1girl,smile"), "prompt", [_PROMPT, "smile, hifumi, 1girl, school uniform"]),
        (("repeat", "1-2"), "repeat", [0, 1]),
        (("base", "demo"), "base", ["demo"]),
    ],
)
def test_an_axis_varies_its_field_alone(
    spread: Callable[..., Expanded], axis: tuple[str, str], field: str, values: list[object]
) -> None:
    made = spread(x=axis)
    assert _only(made, field) == values
    assert len({replace(recipe, **{field: values[0]}) for recipe in _recipes(made)}) == 1


def test_sizes_are_width_by_height(spread: Callable[..., Expanded]) -> None:
    made = spread(x=("size", "64x96, 96X64"))
    assert [(recipe.width, recipe.height) for recipe in _recipes(made)] == [(64, 96), (96, 64)]
    assert made.x.labels == ("64x96", "96x64")


def test_outfits_are_put_on_by_name_or_all(spread: Callable[..., Expanded]) -> None:
    outfits = {"school": "school uniform", "beach": "bikini, beach"}
    made = spread(x=("outfit", "all"), outfits=outfits)
    assert _only(made, "prompt") == [_PROMPT, _PROMPT.replace("school uniform", "bikini, beach")]
    assert made.x.labels == ("school", "beach")


def test_an_outfit_is_put_behind_the_token_before_that_leaves(spread: Callable[..., Expanded]) -> None:
    made = spread(prompt="1girl, hifumi, smile", x=("token", "off"), y=("outfit", "o"), outfits={"o": "red dress"})
    assert _only(made, "prompt") == ["1girl, red dress, smile"]


def test_complete_prompts_come_before_what_changes_them(spread: Callable[..., Expanded]) -> None:
    made = spread(x=("prompt_sr", "smile,frown"), y=("prompt", '"a, smile","b, smile"'))
    assert _only(made, "prompt") == ["a, smile", "a, frown", "b, smile", "b, frown"]


# Seeds


def test_60_a_seed_drawn_for_the_grid_is_one_for_all_its_cells(spread: Callable[..., Expanded]) -> None:
    made = spread(seeds="-1", x=("steps", "1-3"))
    assert _only(made, "seed") == [1000, 1000, 1000]
    assert made.spec.seeds == "1000"


def test_each_random_column_keeps_its_seed_down_every_row(spread: Callable[..., Expanded]) -> None:
    made = spread(x=("seed", "-1--1 [3], 5"), y=("steps", "1,2"))
    assert _only(made, "seed") == [1000, 1001, 1002, 5] * 2
    assert made.spec.x == AxisSpec(kind="seed", values="1000, 1001, 1002, 5")
    assert made.x.labels == ("1000", "1001", "1002", "5")
    assert len(made.seeds) == 1


def test_drawn_seeds_are_ones_that_another_draw_would_not_repeat(root: Path) -> None:
    made = expand(_spec(root, seeds="-1--1 [20]"), ModelFiles(root))
    seeds = {recipe.seed for recipe in _recipes(made)}
    assert len(seeds) == 20
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_what_comes_back_repeats_the_grid(spread: Callable[..., Expanded], root: Path) -> None:
    made = spread(seeds="-1, 3", x=("AddNet UNet Weight 1", "0-1 (+0.5)"), y=("epoch", "1-2,base"), loras=(LoraSpec(),))
    again = expand(parse_spec(spec_json(made.spec), "spec"), ModelFiles(root))
    assert again == made
    assert made.spec.x is not None
    assert made.spec.x.kind == "unet_weight"


# LoRAs


def test_epochs_swap_the_first_lora_and_base_takes_it_away(spread: Callable[..., Expanded], root: Path) -> None:
    made = spread(x=("epoch", "base,1-3,5"))
    assert made.x.labels == ("base", "1", "2", "3", "5")
    assert [cell.epoch for cell in made.cells] == ["base", "1", "2", "3", "5"]
    assert _only(made, "loras") == [(), *((LoraUse(_file(root, epoch)),) for epoch in (1, 2, 3, 5))]


def test_all_epochs_are_those_of_the_spec_in_its_order(spread: Callable[..., Expanded]) -> None:
    assert spread(x=("epoch", "all")).x.labels == ("1", "2", "3", "4", "5", "6")


def test_epochs_of_several_bakes_are_named_with_their_bake(spread: Callable[..., Expanded], root: Path) -> None:
    epochs = tuple(
        EpochFile(label=label, file=str(_file(root, 1))) for label in ("42:1", "42:2", "43:1", "champion", "42:s600")
    )
    for typed, labels in (
        ("42:1-2", ("42:1", "42:2")),
        ("43:1,champion", ("43:1", "champion")),
        ("42:all", ("42:1", "42:2", "42:step 600")),
    ):
        assert spread(x=("epoch", typed), epochs=epochs).x.labels == labels


def test_a_nameless_lora_is_the_newest_epoch(spread: Callable[..., Expanded], root: Path) -> None:
    assert _only(spread(loras=(LoraSpec(weight=0.5),)), "loras") == [(LoraUse(_file(root, 6), 0.5, 0.5),)]


def test_weights_act_on_all_of_a_lora_or_one_part_whatever_the_axes_order(
    spread: Callable[..., Expanded], root: Path
) -> None:
    made = spread(x=("unet_weight", "0.5,1"), y=("weight", "0.2,-1"), loras=(LoraSpec(),))
    factors = [(use.unet, use.text_encoder) for recipe in _recipes(made) for use in recipe.loras]
    assert factors == [(0.5, 0.2), (1.0, 0.2), (0.5, -1.0), (1.0, -1.0)]


def test_a_lora_at_weight_0_leaves_the_recipe(spread: Callable[..., Expanded], root: Path) -> None:
    made = spread(x=("epoch", "1-2"), y=("weight", "0,1"))
    assert _only(made, "loras")[:2] == [(), ()]
    assert len(set(_recipes(made))) == 3


def test_numbered_weights_act_on_later_loras(spread: Callable[..., Expanded], root: Path) -> None:
    style = root / "bakes/0002-style/style.safetensors"
    made = spread(x=("AddNet Weight 2", "0.25,2"), loras=(LoraSpec(), LoraSpec(file="style")))
    assert _only(made, "loras") == [(LoraUse(_file(root, 6)), LoraUse(style, w, w)) for w in (0.25, 2.0)]


def test_a_specs_factors_of_one_part_replace_its_weight(spread: Callable[..., Expanded], root: Path) -> None:
    lora = LoraSpec(file="hifumi-000002", weight=0.9, unet_weight=0.5)
    assert _only(spread(loras=(lora,)), "loras") == [(LoraUse(_file(root, 2), 0.5, 0.9),)]


def test_block_weights_are_an_axis_and_leave_the_recipe_where_all_are_1(
    spread: Callable[..., Expanded], root: Path
) -> None:
    made = spread(x=("block_weights", "none, down=0, middle=0.5; text encoder = 2, up:1, unet=1"), loras=(LoraSpec(),))
    assert made.x.labels == ("none", "down=0", "middle=0.5; text encoder=2", "up=1", "unet=1")
    blocks = [use.blocks for recipe in _recipes(made) for use in recipe.loras]
    assert blocks == ["", "down=0", "middle=0.5; text encoder=2", "", ""]
    assert made.x.values == "none, down=0, middle=0.5; text encoder=2, up=1, unet=1"


def test_a_spec_has_block_weights_of_its_own_and_an_axis_of_another_lora(
    spread: Callable[..., Expanded], root: Path
) -> None:
    made = spread(x=("block_weights:2", "down=0"), loras=(LoraSpec(block_weights="up=0.5"), LoraSpec(file="style")))
    assert [use.blocks for use in _recipes(made)[0].loras] == ["up=0.5", "down=0"]
    assert not _recipes(made)[0].loras[0].is_plain


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ("sideways=1", "which nothing in it is called; expected one of"),
        ("down", "a part or block group"),
        ("down=x", "`down=x`"),
    ],
)
def test_block_weights_that_are_of_nothing_are_refused(
    spread: Callable[..., Expanded], values: str, reason: str
) -> None:
    with pytest.raises(GridError, match=re.escape(reason)):
        spread(x=("block_weights", values), loras=(LoraSpec(),))


def test_lora_files_are_an_axis_by_name(spread: Callable[..., Expanded], root: Path) -> None:
    made = spread(x=("AddNet Model 1", "none, hifumi-000001, style"))
    assert made.x.labels == ("none", "hifumi-000001", "style")
    style = root / "bakes/0002-style/style.safetensors"
    assert _only(made, "loras") == [(), (LoraUse(_file(root, 1)),), (LoraUse(style),)]


def test_the_text_encoder_of_one_epoch_is_combined_with_the_unet_of_another(
    spread: Callable[..., Expanded], root: Path
) -> None:
    made = spread(x=("epoch", "1,2,base"), y=("text_encoder_epoch", "2,base"))
    one, two = _file(root, 1), _file(root, 2)
    assert _only(made, "loras") == [
        (LoraUse(one, 1.0, 1.0, None, two),),
        (LoraUse(two),),
        (LoraUse(two, 0.0, 1.0),),
        (LoraUse(one, 1.0, 0.0),),
        (LoraUse(two, 1.0, 0.0),),
        (),
    ]


def test_ranks_that_keep_everything_are_none(spread: Callable[..., Expanded], root: Path) -> None:
    made = spread(x=("rank", "1-2, 4, 99, all"), loras=(LoraSpec(file="hifumi-000001"),))
    assert made.x.labels == ("1", "2", "4", "99", "all")
    assert [recipe.loras[0].rank for recipe in _recipes(made)] == [1, 2, None, None, None]


def test_52_lora_tags_join_the_loras_and_leave_the_prompt(spread: Callable[..., Expanded], root: Path) -> None:
    made = spread(
        prompt="a, <lora:hifumi-000001:1>",
        x=("prompt_sr", "<lora:hifumi-000001:1>,<lora:hifumi-000002:0.5:0.8>"),
        loras=(LoraSpec(file="style"),),
    )
    style = LoraUse(root / "bakes/0002-style/style.safetensors")
    assert set(_only(made, "prompt")) == {"a, "}
    assert _only(made, "loras") == [(style, LoraUse(_file(root, 1))), (style, LoraUse(_file(root, 2), 0.8, 0.5))]


def test_weights_act_on_a_tag_where_the_spec_has_no_lora(spread: Callable[..., Expanded], root: Path) -> None:
    made = spread(prompt="a <lora:hifumi-000001:1>", x=("unet_weight", "0.3"))
    assert _only(made, "loras") == [(LoraUse(_file(root, 1), 0.3, 1.0),)]


# What the base says


def _as(said: PredictionMarkers, family: str = "sd1") -> Callable[[str], Base]:
    return lambda name: replace(identify_base(name), markers=said, family=family)  # type: ignore[arg-type]


def test_a_base_of_v_and_zero_snr_is_sampled_so_with_guidance_rescaled(spread: Callable[..., Expanded]) -> None:
    recipe = _recipes(spread(_as(PredictionMarkers("v", True, "key v_pred"))))[0]
    assert (recipe.prediction, recipe.zero_terminal_snr, recipe.guidance_rescale) == ("v", True, 0.7)


def test_the_prediction_of_a_silent_base_comes_from_the_loras_metadata(
    spread: Callable[..., Expanded], root: Path
) -> None:
    metadata = {"modelspec.prediction_type": "v", "ss_zero_terminal_snr": "True"}
    write_lora(root / "for-v.safetensors", metadata=metadata)
    made = spread(
        _as(PredictionMarkers(None, None, "")), loras=(LoraSpec(file="for-v.safetensors"),), x=("weight", "0,1")
    )
    assert {(recipe.prediction, recipe.zero_terminal_snr) for recipe in _recipes(made)} == {("v", True)}
    assert made.notes == ("demo does not say what it predicts; v is taken from the LoRA's metadata",)


def test_a_bases_own_prediction_goes_before_the_loras(spread: Callable[..., Expanded], root: Path) -> None:
    write_lora(root / "for-v.safetensors", metadata={"ss_v_parameterization": "True"})
    recipe = _recipes(
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
    recipe = _recipes(spread(prediction="v", zero_terminal_snr="yes", guidance_rescale=0.3))[0]
    assert (recipe.prediction, recipe.zero_terminal_snr, recipe.guidance_rescale) == ("v", True, 0.3)


def test_clip_skip_changes_nothing_on_sdxl_and_says_so(spread: Callable[..., Expanded]) -> None:
    made = spread(_as(PredictionMarkers("epsilon", None, ""), "sdxl"), x=("clip_skip", "1-2"))
    assert _only(made, "clip_skip") == [1, 1]
    assert made.notes == ("X Clip skip changes nothing: SDXL's layers are fixed",)


def test_a_text_encoder_axis_over_a_lora_without_one_says_so(spread: Callable[..., Expanded]) -> None:
    made = spread(x=("text_encoder_weight", "0,1"), loras=(LoraSpec(file="style"),))
    assert made.notes == ("X Text encoder weight changes nothing: style.safetensors has no text encoder layers",)


def test_a_prompt_without_the_token_is_noted(spread: Callable[..., Expanded]) -> None:
    made = spread(x=("token", "on,off"), y=("prompt", '"a, hifumi", b'))
    assert made.notes == ("X Activation token changes nothing in 1 prompt without the token",)
    assert _only(made, "prompt") == ["a, hifumi", "a", "b", "b"]


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
        pytest.param({"x": ("sampler", "Euler, Heun")}, "X Sampler: `Heun`; expected one of Euler", id="sampler"),
        pytest.param({"sampler": "Heun"}, "sampler: Heun; expected one of Euler", id="the spec's sampler"),
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
    with pytest.raises(ModelError, match=r"xl\.safetensors: module lora_te2"):
        spread(x=("lora", "none, xl.safetensors"))


def test_a_base_without_a_vae_needs_one(spread: Callable[..., Expanded]) -> None:
    with pytest.raises(SettingsError, match="contains no VAE"):
        spread(lambda name: replace(identify_base(name), has_vae=False))


def test_the_labels_of_one_axis_are_there_before_the_grid_is(root: Path) -> None:
    spec, model_files = _spec(root), ModelFiles(root)
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


def _of_bakes(*labels: str) -> tuple[EpochFile, ...]:
    """Return epochs of several bakes, whose files are those of one."""
    return tuple(
        EpochFile(label=label, file=f"bakes/0001-hifumi/hifumi-{place:06d}.safetensors")
        for place, label in enumerate(labels, 1)
    )


def test_bakes_may_be_an_axis_beside_their_epochs(spread: Callable[..., Expanded], root: Path) -> None:
    epochs = _of_bakes("41:1", "41:2", "42:1", "42:2", "×0.1, low:1")
    made = spread(epochs=epochs, x=("epoch", "1-2"), y=("bake", "42,41"))
    assert (made.x.labels, made.y.labels) == (("1", "2"), ("42", "41"))
    files = {(cell.place.y, cell.place.x): cell.recipe.loras[0].path for cell in made.cells}
    assert files == {(0, 0): _file(root, 3), (0, 1): _file(root, 4), (1, 0): _file(root, 1), (1, 1): _file(root, 2)}
    assert [cell.epoch for cell in made.cells] == ["42:1", "42:2", "41:1", "41:2"]
    # All means the epochs that every bake has, and all bakes.
    every = spread(epochs=epochs, x=("bake", "all"), y=("epoch", "all, base"))
    assert (every.x.labels, every.y.labels) == (("41", "42", "×0.1, low"), ("1", "base"))
    assert [bool(cell.recipe.loras) for cell in every.cells] == [True] * 3 + [False] * 3
    # What is written into the spec gives the same grid again.
    again = spread(epochs=epochs, x=("bake", every.x.values), y=("epoch", every.y.values))
    assert again.cells == every.cells


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"x": ("bake", "41")}, "an axis of bakes alone"),
        ({"x": ("bake", "43"), "y": ("epoch", "1")}, "unknown bake `43`"),
        ({"x": ("bake", "all"), "y": ("epoch", "2")}, "bake 42 has no epoch 2"),
        ({"x": ("bake", "all"), "y": ("epoch", "7")}, "unknown epoch `7`"),
    ],
)
def test_a_bake_or_an_epoch_that_is_not_there_is_refused(
    spread: Callable[..., Expanded], axes: dict[str, tuple[str, str]], message: str
) -> None:
    with pytest.raises(GridError, match=re.escape(message)):
        spread(epochs=_of_bakes("41:1", "41:2", "42:1"), **axes)


def test_epochs_of_one_bake_have_no_axis_of_bakes(spread: Callable[..., Expanded]) -> None:
    with pytest.raises(GridError, match="a grid with epochs of several bakes"):
        spread(x=("bake", "all"), y=("epoch", "1"))

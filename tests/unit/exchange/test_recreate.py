"""A grid of one picture with the recipe of somebody's infotext."""

import hashlib
import json
import re
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from header_only import write_header_only
from hypothesis import given
from hypothesis import strategies as st
from make_recipe import make_recipe

from trainer.errors import GridError
from trainer.exchange.beside_picture import files_beside
from trainer.exchange.cell_text import cell_text
from trainer.exchange.recreate import RecreatedGrid
from trainer.exchange.recreate import recreate as recreate_picture
from trainer.formats.picture_recipe import read_picture, recipe_of, recipe_of_text
from trainer.formats.picture_text import PictureTexts, png_bytes
from trainer.gallery.sidecar import MadeCell, MadeGrid, write_sidecar
from trainer.grid.cell import Axis, Place
from trainer.grid.expand import expand
from trainer.grid.model_files import ModelFiles
from trainer.grid.recipe import ComputeSetup, LoraUse, Recipe
from trainer.grid.spec import AxisSpec, GridSpec, LoraSpec, spec_json
from trainer.journal.journal import Journal
from trainer.journal.records import NewBake
from trainer.models.identify import identify_base

A_WEBUIS = """1girl, <lora:hifumi-000003:0.8>, smile
Negative prompt: lowres
Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 77, Size: 512x768, Model hash: {base}, Model: anything, Clip skip: 2, {more}Version: v1.10.1"""

# As one stood beside a picture of 2023, found in the tests of several readers.
OF_2023 = """1girl, pink hair
Negative prompt: (worst quality, low quality:1.4)
Steps: 20, Sampler: DPM++ SDE Karras, CFG scale: 6, Seed: 780207036, Size: 512x768, Model hash: 0873291ac5, Model: AbyssOrangeMix2_nsfw, Denoising strength: 0.2, ENSD: 31337, Mask blur: 1, SD upscale overlap: 64, SD upscale upscaler: 4x_Valar_v1, AddNet Enabled: True, AddNet Module 1: LoRA, AddNet Model 1: ElysiaV3-000002(6d3eb064dcc1), AddNet Weight A 1: 0.9, AddNet Weight B 1: 0.9, AddNet Module 2: LoRA, AddNet Model 2: elfmorie2(a34cd9a8c3cc), AddNet Weight A 2: 1, AddNet Weight B 2: 1
Template: 1girl, __haircolor__
Negative Template: (worst quality, low quality:1.4), __badprompt__"""

OURS = make_recipe(
    prompt="1girl, (smile:1.2)",
    negative_prompt="lowres",
    seed=4_000_000_000,
    steps=9,
    cfg_scale=6.5,
    sampler="DPM++ 2M",
    height=72,
)


def recreate(text: str, model_files: ModelFiles, base: str = "") -> RecreatedGrid:
    return recreate_picture(recipe_of_text(text), model_files, base)


def lora_file(path: Path, content: str) -> Path:
    body = content.encode()
    entries = {
        "__metadata__": {"sshs_model_hash": hashlib.sha256(body).hexdigest()},
        "x": {"dtype": "U8", "shape": [len(body)], "data_offsets": [0, len(body)]},
    }
    header = json.dumps(entries).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header + body)
    return path


def digits(content: str, count: int = 12) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:count]


@pytest.fixture
def model_files(tmp_path: Path) -> ModelFiles:
    """A workspace of two bakes with a LoRA of one name each, whose settings name a base and whose subject a VAE."""
    for folder in ("0041-a", "0042-b"):
        lora_file(tmp_path / "bakes" / folder / "hifumi-000003.safetensors", folder)
    models = tmp_path / "models"
    models.mkdir()
    (models / "anything.safetensors").write_bytes(b"base")
    (models / "other.safetensors").write_bytes(b"other")
    (models / "kl.safetensors").write_bytes(b"vae")
    (tmp_path / "hifumi.toml").write_text('[model]\npretrained_model_name_or_path = "models/other.safetensors"\n')
    (tmp_path / "broken.toml").write_text("[")
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.bakes.add(
            NewBake(
                name="a",
                settings_toml=f'vae = "{models / "kl.safetensors"}"\n',
                why="",
                engine="e",
                total_steps=1,
                steps_per_epoch=1,
            )
        )
    return ModelFiles(tmp_path)


def webuis(base: str = digits("base", 10), more: str = "") -> str:
    return A_WEBUIS.format(base=base, more=more)


def test_a_webuis_picture_becomes_a_spec(model_files: ModelFiles) -> None:
    like = recreate(webuis(more="RNG: CPU, "), model_files)
    spec = like.spec
    assert (spec.prompt, spec.negative_prompt) == ("1girl, , smile", "lowres")
    assert (spec.steps, spec.sampler, spec.cfg_scale, spec.seeds) == (28, "DPM++ 2M Karras", 6.5, "77")
    assert (spec.width, spec.height, spec.clip_skip, spec.guidance_rescale) == (512, 768, 2, 0.0)
    assert spec.base == str(model_files.root / "models/anything.safetensors")
    assert [lora.weight for lora in spec.loras] == [0.8]
    assert like.differences == ("it was made by another program: the same settings do not give the same pixels",)


def test_of_two_loras_of_one_name_the_hash_decides(model_files: ModelFiles) -> None:
    for folder in ("0041-a", "0042-b"):
        spec = recreate(webuis(more=f'Lora hashes: "hifumi-000003: {digits(folder)}", '), model_files).spec
        assert spec.loras == (
            LoraSpec(file=str(model_files.root / f"bakes/{folder}/hifumi-000003.safetensors"), weight=0.8),
        )


def test_a_lora_under_another_name_is_found_by_its_hash(model_files: ModelFiles) -> None:
    text = webuis(more=f'Lora hashes: "renamed: {digits("0041-a")}", ').replace("hifumi-000003", "renamed")
    assert recreate(text, model_files).spec.loras[0].file.endswith("0041-a/hifumi-000003.safetensors")


def test_a_lora_of_another_hash_is_used_with_a_note(model_files: ModelFiles) -> None:
    like = recreate(webuis(more='Lora hashes: "hifumi-000003: 0123456789ab", '), model_files)
    assert len(like.spec.loras) == 1
    assert "LoRA hifumi-000003 (0123456789ab): the file of that name here has another hash" in like.differences


@pytest.mark.parametrize(
    "name", ["gone", "x" * 500, "../../etc/passwd", "a\0b"], ids=["absent", "long", "path", "zero"]
)
def test_a_missing_lora_is_left_out_with_a_note(model_files: ModelFiles, name: str) -> None:
    like = recreate(webuis().replace("hifumi-000003", name), model_files)
    assert like.spec.loras == ()
    assert any(
        line.startswith("LoRA ") and line.endswith(" is not in this workspace: left out") for line in like.differences
    )


def test_separate_weights_are_kept_apart(model_files: ModelFiles) -> None:
    spec = recreate(webuis().replace(":0.8>", ":0.5:0.9>"), model_files).spec
    assert [(lora.unet_weight, lora.text_encoder_weight) for lora in spec.loras] == [(0.9, 0.5)]


def test_the_webuis_cut_of_ranks_becomes_an_axis_of_one_value_with_a_note(model_files: ModelFiles) -> None:
    like = recreate(webuis().replace(":0.8>", ":0.8:0.8:4>"), model_files)
    assert like.spec.x == AxisSpec(kind="rank", values="4")
    assert any("first 4 rows" in line for line in like.differences)


def test_weight_a_of_additional_networks_is_the_unets_and_b_the_text_encoders(model_files: ModelFiles) -> None:
    more = (
        f"AddNet Enabled: True, AddNet Module 1: LoRA, AddNet Model 1: hifumi-000003({digits('0041-a')}), "
        "AddNet Weight A 1: 1.0, AddNet Weight B 1: 0.5, AddNet Model 2: None, AddNet Weight A 2: 1, "
    )
    spec = recreate(webuis(more=more).replace("<lora:hifumi-000003:0.8>", ""), model_files).spec
    assert [(lora.unet_weight, lora.text_encoder_weight) for lora in spec.loras] == [(1.0, 0.5)]
    assert spec.loras[0].file.endswith("0041-a/hifumi-000003.safetensors")


def test_a_base_of_another_hash_is_used_with_a_note(model_files: ModelFiles) -> None:
    like = recreate(webuis("0123456789"), model_files)
    assert like.spec.base.endswith("anything.safetensors")
    assert "Model anything (0123456789): the file of that name here has another hash" in like.differences


def test_a_base_under_another_name_is_found_by_its_hash(model_files: ModelFiles) -> None:
    like = recreate(webuis(digits("other", 10)).replace("Model: anything", "Model: renamed"), model_files)
    assert like.spec.base.endswith("other.safetensors")
    assert not any("Model" in line for line in like.differences)


@pytest.mark.parametrize("name", ["gone", "x" * 500, "a\0b", "../../../etc"], ids=["absent", "long", "zero", "path"])
def test_a_base_that_is_not_known_leaves_the_callers(model_files: ModelFiles, name: str) -> None:
    text = webuis("0123456789").replace("Model: anything", f"Model: {name}")
    assert recreate(text, model_files).spec.base == ""
    like = recreate(text, model_files, "demo")
    assert like.spec.base == "demo"
    assert any(line.endswith("is not known here; demo is used instead") for line in like.differences)


def test_a_vae_is_found_by_its_hash_whatever_its_name(model_files: ModelFiles) -> None:
    more = f"VAE hash: {digits('vae', 10)}, VAE: kl-f8-anime2.ckpt, "
    assert recreate(webuis(more=more), model_files).spec.vae == str(model_files.root / "models/kl.safetensors")
    like = recreate(webuis(more="VAE hash: 0123456789, VAE: gone.pt, "), model_files)
    assert like.spec.vae == ""
    assert "VAE gone.pt (0123456789) is not known here; the base's own is used instead" in like.differences


def test_a_picture_of_2023_gives_every_cause_of_difference_once(model_files: ModelFiles) -> None:
    assert recreate(OF_2023, model_files, "demo").differences == (
        "sampler DPM++ SDE Karras is not supported: DPM++ 2M Karras is used instead",
        "Model AbyssOrangeMix2_nsfw (0873291ac5) is not known here; demo is used instead",
        "LoRA ElysiaV3-000002 (6d3eb064dcc1) is not in this workspace: left out",
        "LoRA elfmorie2 (a34cd9a8c3cc) is not in this workspace: left out",
        "it was made from another picture (img2img): here it starts from noise",
        "it was upscaled tile by tile (SD upscale)",
        "its noise was not drawn on the CPU (RNG: GPU): the same seed gives different noise here",
        "its sampler drew noise by seed + 31337 (ENSD): ancestral samplers give another picture",
        "it was made by another program: the same settings do not give the same pixels",
    )


@pytest.mark.parametrize(
    ("more", "cause"),
    [
        ("", r"not drawn on the CPU \(RNG: GPU\)"),
        ("RNG: NV, ", r"not drawn on the CPU \(RNG: NV\)"),
        ("ENSD: 31337, ", r"seed \+ 31337 \(ENSD\)"),
        ("Denoising strength: 0.5, Hires upscale: 2, Hires upscaler: Latent, ", "only the first pass is made"),
        ("Denoising strength: 0.5, ", "img2img"),
        ("Variation seed: 5, Variation seed strength: 0.2, ", "variation seed"),
        ('ControlNet 0: "Module: x, Model: y", ', "ControlNet"),
        ("ADetailer model: face, ADetailer confidence: 0.3, ", "ADetailer"),
        ('TI hashes: "easynegative: c74b4e810b03", ', "textual inversion"),
        ("Refiner: x, Refiner switch at: 0.8, ", "refiner"),
        ("Emphasis: No norm, ", "applied as No norm"),
        ("Script: X/Y/Z plot, X Type: Seed, X Values: -1, Fixed X Values: 5, ", "describes only its first picture"),
        ("Tiling: True, ", "seamlessly"),
        ("Odd thing: 3, Other odd: 4, ", "not understood: Odd thing, Other odd"),
    ],
)
def test_known_causes_of_difference_are_named(model_files: ModelFiles, more: str, cause: str) -> None:
    differences = recreate(webuis(more=more), model_files).differences
    assert any(re.search(cause, line) for line in differences)
    assert more.startswith("Odd") or not any("not understood" in line for line in differences)


def test_an_unsupported_sampler_is_replaced_with_a_note(model_files: ModelFiles) -> None:
    like = recreate(webuis().replace("DPM++ 2M,", "DPM++ SDE,"), model_files)
    assert like.spec.sampler == "DPM++ 2M Karras"
    assert "sampler DPM++ SDE Karras is not supported: DPM++ 2M Karras is used instead" in like.differences
    like = recreate(
        webuis().replace("DPM++ 2M, Schedule type: Karras", "Euler, Schedule type: SGM Uniform"), model_files
    )
    assert like.spec.sampler == "Euler"


def test_sides_that_are_not_multiples_of_eight_are_noted(model_files: ModelFiles) -> None:
    like = recreate(webuis().replace("512x768", "513x775"), model_files)
    assert (like.spec.width, like.spec.height) == (512, 768)
    assert any(line.startswith("size 513x775: 512x768 is used") for line in like.differences)


@pytest.mark.parametrize(
    ("before", "after"),
    [("Steps: 28", "Steps: 0"), ("Steps: 28", "Steps: many"), ("Seed: 77", "Seed: 1e3"), ("512x768", "0x768")],
)
def test_text_in_place_of_a_number_is_refused(model_files: ModelFiles, before: str, after: str) -> None:
    with pytest.raises(GridError, match="infotext"):
        recreate(webuis().replace(before, after), model_files)


@pytest.mark.parametrize("text", ["", "a prompt alone", '{"prompt": {"1": {"inputs": {}}}}', "a: 1, bc: 2, de: 3"])
def test_a_text_without_recipe_is_refused(model_files: ModelFiles, text: str) -> None:
    with pytest.raises(GridError, match="no line with Steps and Size"):
        recreate(text, model_files)


def test_a_text_of_a_hundred_thousand_tags_is_refused(model_files: ModelFiles) -> None:
    with pytest.raises(GridError, match="100,001 LoRA tags"):
        recreate("<lora:a:1>" * 100_000 + webuis(), model_files)


@pytest.mark.parametrize(
    "recipe",
    [
        OURS,
        replace(OURS, sampler="LCM", prompt='say "a", b: c\n\\(x\\) 猫', clip_skip=2),
        replace(OURS, prediction="v", zero_terminal_snr=True, guidance_rescale=0.3),
    ],
)
def test_our_own_picture_gives_its_recipe_again(model_files: ModelFiles, recipe: Recipe) -> None:
    like = recreate(cell_text(recipe, {}), model_files)
    assert [cell.recipe for cell in expand(like.spec, model_files).cells] == [recipe]
    assert like.differences == ("another GPU, precision or attention gives slightly different pixels",)


def test_our_own_picture_gives_its_loras_again(model_files: ModelFiles, tmp_path: Path) -> None:
    modules = list(identify_base("demo").lora_shapes.items())[:2]
    uses = []
    for number, folder in enumerate(("0043-c", "0044-d"), start=1):
        shapes = {}
        for name, shape in modules:
            ones = (1, 1) if shape.is_conv else ()
            shapes |= {
                f"{name}.lora_down.weight": (4, shape.inputs, *ones),
                f"{name}.lora_up.weight": (shape.outputs, 4, *ones),
                f"{name}.alpha": (),
            }
        path = tmp_path / "bakes" / folder / "one name.safetensors"
        path.parent.mkdir()
        write_header_only(path, shapes, metadata={"sshs_model_hash": str(number) * 64})
        uses.append(LoraUse(path, unet=0.7 * number, text_encoder=-0.1, rank=number))
    recipe = replace(OURS, loras=tuple(uses))
    cells = expand(recreate(cell_text(recipe, {}), model_files).spec, model_files).cells
    assert [cell.recipe for cell in cells] == [recipe]


def test_the_text_encoder_of_another_file_is_a_lora_of_its_own_truncated_to_the_same_rank(
    model_files: ModelFiles,
) -> None:
    files = [model_files.root / f"bakes/{folder}/hifumi-000003.safetensors" for folder in ("0041-a", "0042-b")]
    use = LoraUse(files[0], unet=0.7, text_encoder=0.5, rank=2, text_encoder_path=files[1])
    spec = recreate(cell_text(replace(OURS, loras=(use,)), {}), model_files).spec
    assert spec.loras == (
        LoraSpec(file=str(files[0]), unet_weight=0.7, text_encoder_weight=0),
        LoraSpec(file=str(files[1]), unet_weight=0, text_encoder_weight=0.5),
    )
    assert (spec.x, spec.y) == (AxisSpec(kind="rank", values="2"), AxisSpec(kind="rank:2", values="2"))


def test_weights_by_block_group_come_back_with_their_lora(model_files: ModelFiles) -> None:
    file = model_files.root / "bakes/0041-a/hifumi-000003.safetensors"
    recipe = replace(OURS, loras=(LoraUse(file, unet=0.7, text_encoder=0.7, blocks="up=0.5; text encoder=2"),))
    spec = recreate(cell_text(recipe, {}), model_files).spec
    assert spec.loras == (LoraSpec(file=str(file), weight=0.7, block_weights="up=0.5; text encoder=2"),)


@given(st.text(alphabet='ab :,"\\\n-/(<>1x', max_size=120))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    model_files = ModelFiles(tmp_path_factory.getbasetemp())
    lines = f"{text}\nSteps: 1, Sampler: Euler, Size: 8x8, Seed: 1, {text}"
    try:
        assert recreate(lines, model_files).spec.steps == 1
    except GridError as error:
        assert "\n" not in error.line()


CIVITAIS = """a harbour
Steps: 25, Sampler: Euler a, CFG scale: 4, Seed: 6, Size: 64x64, Created Date: 2025-01-02T03:04:05Z, Civitai resources: [{"type":"checkpoint","modelVersionId":11,"modelName":"Any Thing"},{"type":"lora","weight":0.6,"modelVersionId":12,"modelName":"Hifumi 000003"},{"type":"lora","weight":0.3,"modelVersionId":13,"modelName":"Rain"}], Civitai metadata: {}"""


def test_what_civitai_lists_is_found_by_its_title_or_said_to_be_missing(model_files: ModelFiles) -> None:
    like = recreate(CIVITAIS, model_files, "demo")
    assert like.spec.base == str(model_files.root / "models/anything.safetensors")
    assert [(Path(lora.file).name, lora.weight) for lora in like.spec.loras] == [("hifumi-000003.safetensors", 0.6)]
    gone = recreate(CIVITAIS.replace("Any Thing", "Other Thing"), model_files, "demo")
    assert "Model Other Thing is not known here; demo is used instead" in gone.differences
    assert "LoRA Rain (Civitai's model version 13) is not in this workspace: left out" in like.differences
    assert "it was made by Civitai: the same settings do not give the same pixels" in like.differences
    assert not any("not understood" in line for line in like.differences)


def test_titles_of_loras_that_have_tags_are_not_taken_twice(model_files: ModelFiles) -> None:
    tagged = CIVITAIS.replace("a harbour", "a harbour <lora:hifumi-000003:0.9> <lora:gone:1>")
    tagged = tagged.replace("Hifumi 000003", "Title of the first")
    like = recreate(tagged, model_files)
    assert [lora.weight for lora in like.spec.loras] == [0.9]
    missing = [line for line in like.differences if "left out" in line]
    assert missing == ["LoRA gone is not in this workspace: left out"]


def test_a_lora_that_only_a_list_of_hashes_names_is_used_with_a_note(model_files: ModelFiles) -> None:
    path = model_files.root / "bakes/0042-b/hifumi-000003.safetensors"
    whole = hashlib.sha256(path.read_bytes()).hexdigest()[:10]
    more = f'Hashes: {{"model": "{digits("base", 10)}", "lora:hifumi-000003": "{whole}"}}, '
    like = recreate(webuis(more=more).replace("<lora:hifumi-000003:0.8>", ""), model_files)
    assert [lora.file for lora in like.spec.loras] == [str(path)]
    assert f"LoRA hifumi-000003 ({whole}): its weight is not in the picture: 1 is used" in like.differences
    assert not any("another hash" in line for line in like.differences)


def test_a_comfyui_picture_becomes_a_spec(model_files: ModelFiles) -> None:
    sampler = {
        "seed": 2**32 + 5,
        "steps": 12,
        "cfg": 5,
        "sampler_name": "dpmpp_2m",
        "scheduler": "karras",
        "denoise": 1,
    }
    links = {"model": ["2", 0], "positive": ["4", 0], "negative": ["5", 0], "latent_image": ["6", 0]}
    lora = {"lora_name": "hifumi-000003.safetensors", "strength_model": 0.7, "strength_clip": 0.2}
    graph = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "anything.safetensors"}},
        "2": {"class_type": "LoraLoader", "inputs": {**lora, "model": ["1", 0], "clip": ["1", 1]}},
        "3": {"class_type": "KSampler", "inputs": {**sampler, **links}},
        "4": {"class_type": "CLIPTextEncode", "inputs": {"text": "a mill", "clip": ["2", 1]}},
        "5": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["2", 1]}},
        "6": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 128}},
    }
    model_files.root.joinpath("x.toml").write_text('pretrained_model_name_or_path = "models/anything.safetensors"\n')
    like = recreate_picture(recipe_of(PictureTexts({"prompt": json.dumps(graph)}), "x"), model_files)
    spec = like.spec
    assert (spec.prompt, spec.sampler, spec.steps, spec.cfg_scale) == ("a mill", "DPM++ 2M Karras", 12, 5.0)
    assert (spec.width, spec.height, spec.seeds) == (64, 128, "5")
    assert spec.base == str(model_files.root / "models/anything.safetensors")
    assert [(lora.unet_weight, lora.text_encoder_weight) for lora in spec.loras] == [(0.7, 0.2)]
    assert like.differences == (
        "seed 4294967301: 5 is used, seeds end at 4,294,967,295: the noise is another",
        "it was made by ComfyUI: the same settings do not give the same pixels",
    )


def beside(folder: Path, loras: tuple[Path, ...], listed: tuple[str, ...]) -> Path:
    """A picture of ours in a grid's folder, made with `loras`, whose spec names `listed`."""
    recipe = replace(OURS, loras=tuple(LoraUse(path) for path in loras))
    axis = Axis("", "", ("",))
    spec = GridSpec(loras=tuple(LoraSpec(file=file) for file in listed))
    cell = MadeCell(Place(0, 0, 0, 0), recipe, "", "x1-y1-z1-s1.png", "f")
    setup = ComputeSetup("cpu", "fp32")
    folder.mkdir(parents=True)
    write_sidecar(MadeGrid(spec, axis, axis, axis, axis, (cell,), setup, "sd1", {}), folder)
    picture = folder / cell.file
    picture.write_bytes(png_bytes(np.zeros((8, 8, 3), np.uint8), {"parameters": cell_text(recipe, {})}))
    return picture


def again(picture: Path, model_files: ModelFiles) -> RecreatedGrid:
    return recreate_picture(read_picture(picture), model_files, "", files_beside(picture, model_files))


def test_every_lora_that_the_grid_json_beside_our_picture_names_is_found(
    model_files: ModelFiles, tmp_path: Path
) -> None:
    outside = tmp_path / "elsewhere"
    loras = tuple(lora_file(outside / folder / "one.safetensors", folder) for folder in ("a", "b"))
    picture = beside(model_files.root / "grids/0001-g", loras, ())
    like = again(picture, model_files)
    assert [lora.file for lora in like.spec.loras] == [str(path) for path in loras]
    assert like.differences == ("another GPU, precision or attention gives slightly different pixels",)
    # Away from its grid, nothing tells.
    copied = tmp_path / "copied" / "x.png"
    copied.parent.mkdir()
    copied.write_bytes(picture.read_bytes())
    assert again(copied, model_files).spec.loras == ()


def test_a_lora_of_a_workspace_that_was_moved_is_found_by_the_specs_own_path(
    model_files: ModelFiles, tmp_path: Path
) -> None:
    moved = lora_file(tmp_path / "other/loras/one.safetensors", "a")
    picture = beside(
        tmp_path / "other/grids/0001-g", (tmp_path / "before/loras/one.safetensors",), ("loras/one.safetensors",)
    )
    assert [lora.file for lora in again(picture, model_files).spec.loras] == [str(moved)]
    moved.unlink()
    like = again(picture, model_files)
    assert like.spec.loras == ()
    assert any(line.startswith("LoRA one is not in this workspace: left out; it was /") for line in like.differences)


def test_a_damaged_grid_json_is_named_and_the_picture_read_without_it(model_files: ModelFiles) -> None:
    picture = beside(model_files.root / "grids/0001-g", (), ())
    (picture.parent / "grid.json").write_text('{"cells": []}')
    assert again(picture, model_files).differences[0].startswith("the grid.json beside it is not used: ")


def test_loras_of_earlier_grids_and_those_beside_them_are_known(model_files: ModelFiles, tmp_path: Path) -> None:
    used = lora_file(tmp_path / "loras/used.safetensors", "u")
    lora_file(tmp_path / "loras/never used.safetensors", "n")
    with Journal(model_files.root / "journal.sqlite") as journal:
        journal.grids.add(name="g", spec=spec_json(GridSpec(loras=(LoraSpec(file="loras/used.safetensors"),))))
    text = webuis(more=f'Lora hashes: "renamed: {digits("u")}", ').replace("hifumi-000003", "renamed")
    assert recreate(text, model_files).spec.loras[0].file == str(used)
    text = webuis().replace("hifumi-000003", "never used")
    assert recreate(text, model_files).spec.loras[0].file == str(used.with_name("never used.safetensors"))

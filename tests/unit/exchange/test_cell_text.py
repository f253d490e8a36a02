"""The infotext of a cell: in a webui's words, and back to the same recipe."""

import hashlib
import json
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_recipe import make_recipe
from recipe_from_text import recipe_from

from trainer.errors import GridError
from trainer.exchange.cell_text import cell_text
from trainer.exchange.webui_hash import webui_hash
from trainer.formats.infotext import parse_infotext
from trainer.grid.recipe import LoraUse, Recipe
from trainer.grid.samplers import SAMPLERS, sampler_named
from trainer.grid.webui_sampler import sampler_from_webui, sampler_if_known, webui_names

PLAIN = make_recipe(
    base="/models/anything-v3.safetensors",
    prompt="1girl, (frills:1.2)",
    negative_prompt="lowres",
    seed=1234,
    steps=28,
    cfg_scale=7.0,
    sampler="DPM++ 2M Karras",
    width=512,
    height=768,
    clip_skip=2,
)
HASHES = {PLAIN.base: "6ce0161689" + "0" * 54, "/models/kl.safetensors": "f921fb3f29" + "0" * 54}

NAMES = ("hifumi-000003", "with space", "Ünï", "a.b", "colon:comma,=<>#")
NUMBERS = st.floats(-4, 4, allow_nan=False)
PROMPTS = st.text(alphabet=st.one_of(st.sampled_from('()[]{}<>:,"\\\n #|BREAK猫é'), st.characters())).filter(
    lambda prompt: "<lora:" not in prompt
)


def lora_file(path: Path, metadata: dict[str, str], body: bytes = b"\0" * 8) -> Path:
    header = json.dumps(
        {"__metadata__": metadata, "x": {"dtype": "U8", "shape": [len(body)], "data_offsets": [0, len(body)]}}
    ).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header + body)
    return path


@pytest.fixture(scope="module")
def loras(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Ten LoRA files of five names: those of one name lie in two folders and differ in content."""
    root = tmp_path_factory.mktemp("loras")
    return [
        lora_file(root / folder / f"{name}.safetensors", {}, f"{folder} {name}".encode())
        for folder in ("0041", "0042")
        for name in NAMES
    ]


def read_back(text: str, loras: list[Path], recipe: Recipe) -> Recipe:
    """The recipe in an infotext, with files found by their hashes alone."""
    by_hash = {webui_hash(path): path for path in loras}

    def find(_name: str, digits: str) -> Path:
        return by_hash[digits]

    return recipe_from(text, find, lambda _name, _digits: recipe.base, lambda _name, _digits: recipe.vae)


def test_a_cell_reads_as_a_webui_would_have_written_it(tmp_path: Path) -> None:
    lora = lora_file(tmp_path / "hifumi-000003.safetensors", {"sshs_model_hash": "0123456789ab" + "f" * 52})
    recipe = replace(PLAIN, loras=(LoraUse(lora, unet=0.8, text_encoder=0.5),), vae="/models/kl.safetensors")
    said, _, version = cell_text(recipe, HASHES).rpartition(", Version: ")
    assert said == (
        "1girl, (frills:1.2) <lora:hifumi-000003:0.5:0.8>\n"
        "Negative prompt: lowres\n"
        "Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.0, Seed: 1234, Size: 512x768, "
        "Model hash: 6ce0161689, Model: anything-v3, VAE hash: f921fb3f29, VAE: kl.safetensors, Clip skip: 2, RNG: CPU, "
        'Lora hashes: "hifumi-000003: 0123456789ab"'
    )
    assert version.startswith("lora-tui ")


def test_the_usual_is_left_out() -> None:
    fields = parse_infotext(cell_text(replace(PLAIN, clip_skip=1), {})).fields
    assert not fields.keys() & {"Clip skip", "Model hash", "VAE", "Lora hashes", "Guidance rescale", "Prediction"}


def test_a_lora_at_one_still_names_both_weights() -> None:
    # Without a weight a webui that knows the file by its hash under another name does not find it.
    text = cell_text(replace(PLAIN, loras=(LoraUse(Path("/gone/x.safetensors")),)), {})
    assert "<lora:x:1:1>" in text


def test_tags_do_not_end_up_in_a_comment() -> None:
    recipe = replace(PLAIN, prompt="1girl\n# not the hat", loras=(LoraUse(Path("/gone/x.safetensors")),))
    assert parse_infotext(cell_text(recipe, {})).prompt == "1girl\n# not the hat\n<lora:x:1:1>"


def test_the_text_encoder_of_another_file_is_a_tag_a_webui_understands(loras: list[Path]) -> None:
    use = LoraUse(loras[0], unet=0.7, text_encoder=1.2, rank=8, text_encoder_path=loras[5])
    recipe = replace(PLAIN, loras=(LoraUse(loras[1]), use))
    info = parse_infotext(cell_text(recipe, {}))
    assert info.prompt.endswith(" <lora:with space:1:1> <lora:hifumi-000003:0:0.7> <lora:hifumi-000003:1.2:0>")
    assert info.fields["Lora 2 text encoder"] == "Lora 3"
    assert info.fields["Lora 2 rank"] == "8"
    assert read_back(cell_text(recipe, {}), loras, recipe) == recipe


def test_zero_terminal_snr_is_written_as_the_webui_does() -> None:
    recipe = replace(PLAIN, prediction="v", zero_terminal_snr=True, guidance_rescale=0.7)
    fields = parse_infotext(cell_text(recipe, {})).fields
    assert fields["Noise Schedule"] == "Zero Terminal SNR"
    assert (fields["Prediction"], fields["Guidance rescale"]) == ("v", "0.7")


def test_a_flow_is_written_as_the_forks_do() -> None:
    recipe = replace(PLAIN, prediction="flow", sampler="DPM++ 2M", shift=3.0, clip_skip=1)
    said = cell_text(recipe, {}).split("\n")[-1]
    assert said.startswith(
        "Steps: 28, Sampler: DPM++ 2M, Schedule type: Simple, CFG scale: 7.0, Shift: 3.0, Seed: 1234, Size: 512x768, "
    )


@given(
    st.data(),
    st.builds(
        Recipe,
        base=st.sampled_from(["demo", "/m/a b.safetensors", "/m/folder", "/m/odd, name: 1.safetensors"]),
        vae=st.sampled_from(["", "/m/v a:e.safetensors"]),
        prediction=st.sampled_from(["epsilon", "v"]),
        zero_terminal_snr=st.booleans(),
        prompt=PROMPTS,
        negative_prompt=st.one_of(PROMPTS, st.just("Negative prompt: a\nSteps: 1, Sampler: b, Seed: 1")),
        seed=st.integers(0, 2**32 - 1),
        steps=st.integers(1, 1000),
        cfg_scale=st.floats(0, 100, allow_nan=False),
        guidance_rescale=st.floats(0, 1, allow_nan=False),
        sampler=st.sampled_from([sampler.name for sampler in SAMPLERS]),
        width=st.integers(1, 1024).map(lambda side: side * 8),
        height=st.integers(1, 1024).map(lambda side: side * 8),
        clip_skip=st.integers(1, 12),
        repeat=st.integers(0, 3),
        shift=st.one_of(st.none(), st.floats(0.01, 100)),
    ),
)
def test_every_cell_parses_back_to_the_same_recipe(loras: list[Path], data: st.DataObject, recipe: Recipe) -> None:
    file = st.sampled_from(loras)
    rank = st.one_of(st.none(), st.integers(1, 128))
    uses = st.builds(LoraUse, file, NUMBERS, NUMBERS, rank, st.one_of(st.none(), file))
    recipe = replace(recipe, loras=tuple(data.draw(st.lists(uses, max_size=3))))
    assert read_back(cell_text(recipe, HASHES), loras, recipe) == recipe


def test_a_text_that_lacks_a_field_is_refused_by_its_name() -> None:
    text = cell_text(PLAIN, {}).replace("Steps: 28, ", "")
    with pytest.raises(GridError, match="infotext: Steps: is missing"):
        read_back(text, [], PLAIN)


@pytest.mark.parametrize(
    ("field", "wrong"), [("Seed: 1234", "Seed: x"), ("CFG scale: 7.0", "CFG scale: x"), ("512x768", "512")]
)
def test_a_field_that_is_not_a_number_is_refused_by_its_name(field: str, wrong: str) -> None:
    with pytest.raises(GridError, match="infotext: "):
        read_back(cell_text(PLAIN, {}).replace(field, wrong), [], PLAIN)


def test_a_lora_is_known_by_what_its_metadata_say(tmp_path: Path) -> None:
    assert webui_hash(lora_file(tmp_path / "a", {"sshs_model_hash": "0123456789ABCDEF"})) == "0123456789ab"


@pytest.mark.parametrize("metadata", [{}, {"sshs_model_hash": 'x", Steps: 1'}, {"sshs_model_hash": ""}])
def test_else_by_the_hash_of_its_tensors(tmp_path: Path, metadata: dict[str, str]) -> None:
    path = lora_file(tmp_path / "a", metadata, b"tensors")
    assert webui_hash(path) == hashlib.sha256(b"tensors").hexdigest()[:12]


def test_a_changed_file_has_another_hash(tmp_path: Path) -> None:
    before = webui_hash(lora_file(tmp_path / "a", {}, b"before"))
    assert webui_hash(lora_file(tmp_path / "a", {}, b"and after")) != before


def test_a_file_that_is_not_a_lora_has_no_hash(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"no safetensors file")
    assert webui_hash(tmp_path / "a") == webui_hash(tmp_path / "none") == ""


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.name)
def test_each_sampler_is_found_by_the_words_we_write(sampler: object) -> None:
    ours = next(each for each in SAMPLERS if each is sampler)
    assert sampler_from_webui(*webui_names(ours)) is ours


@pytest.mark.parametrize(
    ("name", "schedule", "version", "ours"),
    [
        ("DPM++ 2M Karras", "", "v1.6.0", "DPM++ 2M Karras"),
        ("DPM++ 2M", "", "v1.6.0", "DPM++ 2M"),
        ("DPM++ 2M", "", "", "DPM++ 2M"),
        ("DPM++ 2M", "", "v1.10.1", "DPM++ 2M Karras"),
        ("DPM++ 2M", "Automatic", "v1.9.4", "DPM++ 2M Karras"),
        ("DPM++ 2M", "Uniform", "v1.9.4", "DPM++ 2M"),
        ("DPM++ 2M", "Karras", "f2.0.1v1.10.1", "DPM++ 2M Karras"),
        ("Euler a", "Automatic", "v1.9.4", "Euler a"),
        ("euler  A", "", "", "Euler a"),
    ],
)
def test_a_samplers_name_means_what_it_meant_to_that_webui(name: str, schedule: str, version: str, ours: str) -> None:
    assert sampler_from_webui(name, schedule, version) == sampler_named(ours)


def test_an_unsupported_sampler_is_refused() -> None:
    assert sampler_if_known("DPM++ SDE", "Karras", "v1.9.4") is None
    assert sampler_if_known("Euler", "SGM Uniform", "v1.9.4") is None

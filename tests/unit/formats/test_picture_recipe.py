"""Recipes in pictures of other generators: each program's table, its LoRAs, and what it leaves out."""

import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from trainer.errors import GridError
from trainer.formats.generator_table import KEY, XMP
from trainer.formats.generators import GENERATORS
from trainer.formats.listed_loras import ListedLora
from trainer.formats.picture_recipe import PictureRecipe, read_picture, recipe_of, recipe_of_text
from trainer.formats.picture_text import PictureTexts, png_bytes

PIXELS = np.zeros((24, 16, 3), np.uint8)


def node(kind: str, **inputs: object) -> dict[str, object]:
    return {"class_type": kind, "inputs": inputs}


GRAPH = {
    "3": node(
        "KSampler",
        seed=2**40,
        steps=["20", 0],
        cfg=6.5,
        sampler_name="euler_ancestral",
        scheduler="karras",
        denoise=1.0,
        model=["11", 0],
        positive=["6", 0],
        negative=["7", 0],
        latent_image=["5", 0],
    ),
    "4": node("CheckpointLoaderSimple", ckpt_name="sdxl\\pony.safetensors"),
    "5": node("EmptyLatentImage", width=832, height=1216, batch_size=1),
    "6": node("CLIPTextEncode", text=["21", 0], clip=["12", 0]),
    "7": node("CLIPTextEncode", text="blurry", clip=["12", 0]),
    "8": node("VAEDecode", samples=["15", 0], vae=["9", 0]),
    "9": node("VAELoader", vae_name="fine.safetensors"),
    "10": node(
        "LoraLoader",
        lora_name="style/ink.safetensors",
        strength_model=0.8,
        strength_clip=0.5,
        model=["4", 0],
        clip=["4", 1],
    ),
    "11": node("LoraLoaderModelOnly", lora_name="fast.safetensors", strength_model=1, model=["10", 0]),
    "12": node("CLIPSetLastLayer", stop_at_clip_layer=-2, clip=["10", 1]),
    "15": node(
        "KSampler",
        seed=5,
        steps=9,
        cfg=1,
        sampler_name="ddim",
        scheduler="normal",
        denoise=0.4,
        model=["4", 0],
        positive=["6", 0],
        negative=["7", 0],
        latent_image=["16", 0],
    ),
    "16": node("LatentUpscale", samples=["3", 0], width=1664, height=2432),
    "20": node("PrimitiveInt", value=24),
    "21": node("PrimitiveString", value="a hut, (snow:1.2)"),
}
INVOKE = {
    "positive_prompt": "a boat, (fog)++",
    "negative_prompt": "text",
    "width": 768,
    "height": 512,
    "seed": 9,
    "rand_device": "cpu",
    "cfg_scale": 7.5,
    "steps": 30,
    "scheduler": "dpmpp_2m_k",
    "clip_skip": 1,
    "model": {"key": "1f", "hash": "blake3:00ff", "name": "dreamer"},
    "loras": [
        {"model": {"key": "2f", "name": "waves"}, "weight": 0.75},
        {"lora": {"model_name": "older", "base_model": "sd-1"}, "weight": 1},
    ],
}
OLD_INVOKE = {
    **{
        "prompt": [{"prompt": "a kite [string, [knot]", "weight": 1.0}],
        "steps": 50,
        "cfg_scale": 7.5,
        "sampler": "k_lms",
    },
    **{"seed": 5, "width": 512, "height": 576},
}
SWARM = {
    "sui_image_params": {
        "prompt": "a fox",
        "negativeprompt": "",
        "model": "OfficialStable/base",
        "seed": 3,
        "steps": 20,
        "cfgscale": 7.0,
        "width": 1024,
        "height": 768,
        "sampler": "euler",
        "scheduler": "normal",
        "loras": ["sub/fur"],
        "loraweights": ["0.6"],
    },
    "sui_models": [{"name": "sub/fur.safetensors", "param": "loras", "hash": "0xABCDEF0123456789"}],
}
FOOOCUS = {
    "prompt": "a pond",
    "negative_prompt": "noise",
    "steps": 30,
    "resolution": "(896, 1152)",
    "guidance_scale": 4,
    "base_model": "jugger",
    "base_model_hash": "aeb7e9e689",
    "sampler": "dpmpp_2m",
    "scheduler": "karras",
    "seed": "12",
    "loras": [["lily", 0.25, "0123456789ab"]],
    "refiner_model": "None",
}
OLD_FOOOCUS = {
    "Prompt": "a pond",
    "Negative Prompt": "noise",
    "Resolution": "(896, 1152)",
    "Steps": 30,
    "Guidance Scale": 4.0,
    "Base Model": "jugger.safetensors",
    "Sampler": "dpmpp_2m",
    "Scheduler": "karras",
    "Seed": 12,
    "LoRA 1": "lily.safetensors : 0.25",
    "LoRA 2": "None : 1.0",
}
NOVEL = {
    "prompt": "{{girl}}, rain",
    "steps": 28,
    "height": 1216,
    "width": 832,
    "scale": 5.0,
    "seed": 77,
    "sampler": "k_euler_ancestral",
    "noise_schedule": "native",
    "uc": "lowres",
}
EASY = {
    "prompt": "a barn",
    "negative_prompt": "people",
    "seed": "8",
    "num_inference_steps": "25",
    "guidance_scale": "7.5",
    "width": "512",
    "height": "640",
    "sampler_name": "euler_a",
    "use_stable_diffusion_model": "models/sd-v1-4",
    "use_lora_model": "['x']",
}
DRAW = {
    "c": "a lamp",
    "uc": "dark",
    "model": "sd_v1.5_f16.ckpt",
    "sampler": "Euler A",
    "scale": 7,
    "seed": 4,
    "size": "512x768",
    "steps": 20,
    "lora": [{"model": "glow_lora_f16.ckpt", "weight": 0.4}],
}
TENSOR = {
    "models": [
        {"type": "BASE_MODEL", "modelFileName": "big", "hash": "00"},
        {"type": "LORA", "modelFileName": "tiny", "weight": 0.9, "hash": "0123456789abcdef"},
    ],
    "prompt": "a cup",
    "negativePrompt": "cracks",
    "width": 640,
    "height": 640,
    "samplerName": "Euler a",
    "steps": 22,
    "cfgScale": 6,
    "seed": "41",
    "clipSkip": 2,
    "baseModel": {"modelFileName": "big", "hash": "ABCDEF0123"},
}


def of(texts: Mapping[str, str], size: tuple[int, int] | None = (16, 24)) -> PictureRecipe:
    return recipe_of(PictureTexts(texts, size), "picture")


def shown(found: PictureRecipe) -> tuple[str, str, str, str | None, str | None, str | None]:
    """Program, prompts, size, sampler and model of a recipe."""
    fields = found.info.fields
    prompts = found.info.prompt, found.info.negative_prompt
    return found.program, *prompts, fields.get("Size"), fields.get("Sampler"), fields.get("Model")


def test_the_first_sampling_of_a_comfyui_graph_is_read() -> None:
    found = of({"prompt": json.dumps(GRAPH), "workflow": "{}"})
    assert shown(found) == ("ComfyUI", "a hut, (snow:1.2)", "blurry", "832x1216", "euler_ancestral", "pony")
    assert found.info.fields | {"Sampler": ""} == {
        **{"RNG": "CPU", "Steps": "24", "Sampler": "", "Schedule type": "karras", "CFG scale": "6.5"},
        **{"Seed": str(2**40), "Model": "pony", "VAE": "fine", "Clip skip": "2", "Size": "832x1216"},
    }
    assert found.loras == (
        ListedLora("ink", unet=0.8, text_encoder=0.5),
        ListedLora("fast", unet=1.0, text_encoder=0.0),
    )
    assert found.notes == ("it was sampled 2 times: here only the first is made",)


def test_comfyuis_nodes_for_single_steps_of_sampling_are_followed() -> None:
    graph = {
        "1": node("SamplerCustomAdvanced", noise=["2", 0], guider=["3", 0], sampler=["4", 0], sigmas=["5", 0], latent_image=["6", 0]),
        "2": node("RandomNoise", noise_seed=31),
        "3": node("CFGGuider", cfg=3.5, model=["7", 0], positive=["8", 0], negative=["9", 0]),
        "4": node("KSamplerSelect", sampler_name="dpmpp_2m"),
        "5": node("BasicScheduler", scheduler="simple", steps=12, denoise=0.6, model=["7", 0]),
        "6": node("VAEEncode", pixels=["10", 0], vae=["7", 2]),
        "7": node("CheckpointLoaderSimple", ckpt_name="a.ckpt"),
        "8": node("ControlNetApplyAdvanced", positive=["11", 0], negative=["9", 0], strength=1.0),
        "9": node("ConditioningZeroOut", conditioning=["11", 0]),
        "10": node("LoadImage", image="x.png"),
        "11": node("CLIPTextEncodeSDXL", text_g="hills", text_l="grass", clip=["7", 1]),
    }  # fmt: skip
    found = of({"prompt": json.dumps(graph)})
    assert shown(found) == ("ComfyUI", "hills, grass", "", "16x24", "dpmpp_2m", "a")
    fields = found.info.fields
    assert (fields["Seed"], fields["Steps"], fields["CFG scale"]) == ("31", "12", "3.5")
    assert (fields["Denoising strength"], fields["ControlNet"]) == ("0.6", "True")
    assert found.notes == ("ComfyUI's metadata have no size: the picture's is used",)


FLOW_GRAPH = {
    "1": node("KSampler", seed=7, steps=30, cfg=4, sampler_name="er_sde", scheduler="simple", denoise=1,
              model=["2", 0], positive=["6", 0], negative=["7", 0], latent_image=["8", 0]),
    "2": node("ModelSamplingAuraFlow", shift=4.5, model=["3", 0]),
    "3": node("LoraLoaderModelOnly", lora_name="hifumi.safetensors", strength_model=0.8, model=["4", 0]),
    "4": node("UNETLoader", unet_name="anima-base-v1.0.safetensors", weight_dtype="default"),
    "5": node("T5TokenizerOptions", min_padding=0, min_length=256, clip=["9", 0]),
    "6": node("CLIPTextEncode", text="1girl", clip=["5", 0]),
    "7": node("CLIPTextEncode", text="lowres", clip=["5", 0]),
    "8": node("EmptyLatentImage", width=1024, height=1024, batch_size=1),
    "9": node("CLIPLoader", clip_name="qwen_3_06b_base.safetensors", type="anima"),
    "10": node("VAELoader", vae_name="qwen_image_vae.safetensors"),
    "11": node("VAEDecode", samples=["1", 0], vae=["10", 0]),
}  # fmt: skip


def test_the_shift_of_a_flow_and_its_encoder_are_read_from_comfyuis_nodes() -> None:
    found = of({"prompt": json.dumps(FLOW_GRAPH)})
    assert shown(found) == ("ComfyUI", "1girl", "lowres", "1024x1024", "er_sde", "anima-base-v1.0")
    fields = found.info.fields
    assert (fields["Shift"], fields["Module 1"], fields["VAE"]) == ("4.5", "qwen_3_06b_base", "qwen_image_vae")
    assert found.loras == (ListedLora("hifumi", unet=0.8, text_encoder=0.0),)
    assert found.notes == ("T5TokenizerOptions pads its prompts (256): here they are as long as they are",)


def test_the_last_shift_before_the_sampling_is_in_force() -> None:
    twice = FLOW_GRAPH | {
        "2": node("ModelSamplingSD3", shift=["12", 0], model=["13", 0]),
        "12": node("PrimitiveFloat", value=2.5),
        "13": node("ModelSamplingAuraFlow", shift=9, model=["3", 0]),
        "5": node("T5TokenizerOptions", min_padding=0, min_length=0, clip=["9", 0]),
    }
    found = of({"prompt": json.dumps(twice)})
    assert (found.info.fields["Shift"], found.notes) == ("2.5", ())
    # Flux' shift comes of two amounts and the picture's size.
    other = twice | {"2": node("ModelSamplingFlux", max_shift=1.15, base_shift=0.5, model=["3", 0])}
    assert "Shift" not in of({"prompt": json.dumps(other)}).info.fields


def test_the_shift_may_hang_on_the_steps_alone() -> None:
    graph = FLOW_GRAPH | {
        "1": node("SamplerCustomAdvanced", noise=["20", 0], guider=["21", 0], sampler=["22", 0], sigmas=["23", 0], latent_image=["8", 0]),
        "20": node("RandomNoise", noise_seed=31),
        "21": node("CFGGuider", cfg=3.5, model=["3", 0], positive=["6", 0], negative=["7", 0]),
        "22": node("KSamplerSelect", sampler_name="euler"),
        "23": node("BasicScheduler", scheduler="simple", steps=12, denoise=1, model=["2", 0]),
    }  # fmt: skip
    assert of({"prompt": json.dumps(graph)}).info.fields["Shift"] == "4.5"


def test_lora_lists_of_comfyuis_extensions_are_read_without_those_switched_off() -> None:
    graph = GRAPH | {
        "11": node(
            "Power Lora Loader (rgthree)",
            lora_1={"on": True, "lora": "a.safetensors", "strength": 0.5},
            lora_2={"on": False, "lora": "b.safetensors", "strength": 1},
            model=["10", 0],
        ),
        "10": node(
            "CR LoRA Stack",
            switch_1="On", lora_name_1="c.safetensors", model_weight_1=1.0, model_str_1=0.3, clip_str_1=0.2,
            switch_2="Off", lora_name_2="d.safetensors",
            lora_name_3="None",
            model=["4", 0],
        ),
    }  # fmt: skip
    assert of({"prompt": json.dumps(graph)}).loras == (
        ListedLora("c", unet=0.3, text_encoder=0.2),
        ListedLora("a", unet=0.5, text_encoder=0.5),
    )


@pytest.mark.parametrize(
    ("texts", "expected", "loras"),
    [
        (
            {"invokeai_metadata": json.dumps(INVOKE)},
            ("InvokeAI", "a boat, (fog)++", "text", "768x512", "dpmpp_2m_k", "dreamer"),
            (ListedLora("waves", "", 0.75, 0.75), ListedLora("older")),
        ),
        (
            {"sd-metadata": json.dumps({"model_weights": "old", "image": OLD_INVOKE})},
            ("InvokeAI", "a kite [string,", "knot", "512x576", "k_lms", "old"),
            (),
        ),
        (
            {"Dream": '"a "small" kite [string] in [dull] wind" -s 50 -S 298 -W 512 -H 768 -C 7.5 -A k_euler -U 4 0.9'},
            ("InvokeAI", 'a "small" kite  in  wind', "string, dull", "512x768", "k_euler", None),
            (),
        ),
        (
            {KEY: json.dumps(SWARM)},
            ("SwarmUI", "a fox", "", "1024x768", "euler", "base"),
            (ListedLora("fur", "abcdef0123456789", 0.6, 0.6),),
        ),
        (
            {KEY: json.dumps(FOOOCUS), "fooocus_scheme": "fooocus"},
            ("Fooocus", "a pond", "noise", "896x1152", "dpmpp_2m", "jugger"),
            (ListedLora("lily", "0123456789ab", 0.25, 0.25),),
        ),
        (
            {"Comment": json.dumps(OLD_FOOOCUS)},
            ("Fooocus", "a pond", "noise", "896x1152", "dpmpp_2m", "jugger"),
            (ListedLora("lily", "", 0.25, 0.25),),
        ),
        (
            {"Comment": json.dumps(NOVEL), "Software": "NovelAI", "Source": "Stable Diffusion XL 9CC2F394"},
            ("NovelAI", "{{girl}}, rain", "lowres", "832x1216", "k_euler_ancestral", "Stable Diffusion XL 9CC2F394"),
            (),
        ),
        (
            {KEY: json.dumps({"Comment": json.dumps(NOVEL), "Source": "S"})},
            ("NovelAI", "{{girl}}, rain", "lowres", "832x1216", "k_euler_ancestral", "S"),
            (),
        ),
        (
            {**EASY, "use_lora_model": '["straw", "hay"]', "lora_alpha": "[0.5, 1]"},
            ("Easy Diffusion", "a barn", "people", "512x640", "euler_a", "sd-v1-4"),
            (ListedLora("straw", "", 0.5, 0.5), ListedLora("hay")),
        ),
        (
            {KEY: json.dumps(EASY | {"use_lora_model": "straw", "lora_alpha": 0.7})},
            ("Easy Diffusion", "a barn", "people", "512x640", "euler_a", "sd-v1-4"),
            (ListedLora("straw", "", 0.7, 0.7),),
        ),
        (
            {
                XMP: "<exif:UserComment><rdf:Alt><rdf:li xml:lang='x-default'>"
                + json.dumps(DRAW).replace('"', "&quot;")
                + "</rdf:li></rdf:Alt></exif:UserComment>"
            },
            ("Draw Things", "a lamp", "dark", "512x768", "Euler A", "sd_v1.5_f16"),
            (ListedLora("glow_lora_f16", "", 0.4, 0.4),),
        ),
        (
            {"generation_data": json.dumps(TENSOR) + "\0"},
            ("Tensor.Art", "a cup", "cracks", "640x640", "Euler a", "big"),
            (ListedLora("tiny", "0123456789abcdef", 0.9, 0.9),),
        ),
    ],
)  # fmt: skip
def test_each_programs_table_is_read(
    texts: Mapping[str, str], expected: tuple[str, ...], loras: tuple[ListedLora, ...]
) -> None:
    found = of(texts)
    assert shown(found) == expected
    assert found.loras == loras
    assert found.info.fields["Steps"].isdecimal() and found.info.fields["Seed"].isdecimal()


def test_what_invokeai_counts_otherwise_is_counted_as_the_webui_does() -> None:
    found = of({"invokeai_metadata": json.dumps(INVOKE)})
    assert (found.info.fields["Clip skip"], found.info.fields["RNG"]) == ("2", "CPU")
    assert found.notes == ("its prompt weighs words in InvokeAI's way, which counts as plain text here",)


def test_the_webp_of_comfyui_and_a_comment_with_a_graph_are_read(tmp_path: Path) -> None:
    camera, comment = Image.Exif(), Image.Exif()
    camera[0x0110] = "prompt:" + json.dumps(GRAPH)
    comment.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + json.dumps(GRAPH).encode("utf-16-be")
    for number, exif in enumerate((camera, comment)):
        out = io.BytesIO()
        Image.fromarray(PIXELS).save(out, "WEBP", exif=exif.tobytes())
        path = tmp_path / f"{number}.webp"
        path.write_bytes(out.getvalue())
        assert shown(read_picture(path))[:2] == ("ComfyUI", "a hut, (snow:1.2)")


def test_an_infotext_beside_a_graph_counts(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    text = "cat\nSteps: 9, Sampler: Euler a, Size: 8x8, Version: ComfyUI"
    path.write_bytes(png_bytes(PIXELS, {"prompt": json.dumps(GRAPH), "parameters": text}))
    assert shown(read_picture(path)) == ("ComfyUI", "cat", "", "8x8", "Euler a", None)


@pytest.mark.parametrize(
    ("texts", "what"),
    [
        ({"workflow": '{"nodes": []}'}, "no infotext in it, but ComfyUI's metadata, without a sampling"),
        ({"prompt": '{"1": {"class_type": "LoadImage", "inputs": {}}}'}, "ComfyUI's metadata, without a sampling"),
        ({"invokeai_metadata": '{"positive_prompt": "a"}'}, "InvokeAI's metadata have no steps"),
        ({"title": "holiday"}, "no infotext in it"),
        ({"prompt": "a cat"}, "no infotext in it"),
    ],
)
def test_a_table_without_recipe_is_refused_with_the_programs_name(texts: dict[str, str], what: str) -> None:
    with pytest.raises(GridError, match=what):
        of(texts)


def test_civitais_resources_give_model_and_loras() -> None:
    found = recipe_of_text(
        "a cat\nNegative prompt: dog\nSteps: 25, Sampler: Euler a, CFG scale: 4, Seed: 6, Size: 832x1216, "
        'Created Date: 2025-01-02T03:04:05.678Z, Civitai resources: [{"type":"checkpoint","modelVersionId":11,'
        '"modelName":"Big [XL]","modelVersionName":"v2"},{"type":"lora","weight":0.6,"modelVersionId":12,'
        '"modelName":"Soft Light"},{"air":"urn:air:sdxl:lora:civitai:7@13","weight":1},{"type":"embed",'
        '"modelVersionId":14}], Civitai metadata: {}'
    )
    assert (found.program, found.info.fields["Model"]) == ("Civitai", "Big [XL]")
    assert found.loras == (
        ListedLora("Soft Light", "", 0.6, 0.6, "Civitai's model version 12", titled=True),
        ListedLora("Civitai's model version 13", about="Civitai's model version 13", titled=True),
    )


def test_hashes_and_fooocus_lists_give_loras_with_and_without_weights() -> None:
    fields = "Steps: 25, Sampler: Euler, Size: 8x8"
    hashed = recipe_of_text(
        f'a\n{fields}, Hashes: {{"model": "0123456789", "LORA:sub/ink": "AABBCCDDEE", "embed:bad": "00112233"}}'
    )
    assert hashed.info.fields["Model hash"] == "0123456789"
    assert hashed.loras == (ListedLora("ink", "aabbccddee", weighed=False),)
    listed = recipe_of_text(f'a\n{fields}, Lora hashes: "x: 0123456789ab: 0.5", Version: Fooocus v2.2')
    assert (listed.program, listed.loras) == ("Fooocus", (ListedLora("x", "0123456789ab", 0.5, 0.5),))
    weighed = recipe_of_text(
        f'a\n{fields}, Lora hashes: "x: 0123456789ab", Lora weights: "x: 0.7", Version: Fooocus v2'
    )
    assert weighed.loras == (ListedLora("x", "0123456789ab", 0.7, 0.7),)


def test_a_webuis_infotext_is_nobody_elses() -> None:
    text = 'cat\nSteps: 9, Sampler: Euler a, Size: 8x8, Lora hashes: "x: 0123456789ab", Version: v1.10.1'
    found = recipe_of_text(text)
    assert (found.program, found.loras, found.notes) == ("", (), ())


def test_half_a_letter_in_a_prompt_can_be_written_on() -> None:
    found = of({"invokeai_metadata": json.dumps(INVOKE | {"positive_prompt": "a \ud800 b", "scheduler": "\udc00"})})
    assert (found.info.prompt, found.info.fields["Sampler"]) == ("a ? b", "?")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from([GRAPH, INVOKE, SWARM, FOOOCUS, OLD_FOOOCUS, NOVEL, EASY, DRAW, TENSOR]), st.data())
def test_a_table_with_anything_in_it_is_read_or_refused(table: dict[str, object], data: st.DataObject) -> None:
    changed = place = json.loads(json.dumps(table))
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(JSON)
    text = json.dumps(changed)
    for name in (KEY, "prompt", "invokeai_metadata", "Comment", "generation_data", "sd-metadata"):
        try:
            found = of({name: text})
        except GridError:
            continue
        assert all(isinstance(value, str) for value in found.info.fields.values())


def test_every_generator_is_tried_here() -> None:
    assert {each.name for each in GENERATORS} == {
        *("InvokeAI", "NovelAI", "SwarmUI", "Fooocus", "Easy Diffusion", "Draw Things", "Tensor.Art", "ComfyUI")
    }

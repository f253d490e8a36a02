"""A picture's recipe as settings: an infotext, a ComfyUI workflow, a picture itself."""

import json
from pathlib import Path

import numpy as np
import pytest

from trainer.errors import SettingsError
from trainer.formats.picture_text import png_bytes
from trainer.interop.documents import open_document, read_document
from trainer.interop.importer import Imported, import_documents

WEBUI = (
    "1girl, hifumi, school uniform\nNegative prompt: lowres\n"
    "Steps: 28, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 77, Size: 512x768, Model hash: 6569e224, Model: nai, "
    "VAE: kl-f8, Clip skip: 2, ENSD: 31337, Mood: calm"
)
NEWER = (
    "a cat\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: -1, Size: 640x640, Model: base, "
    "Version: v1.10.1"
)
EDITED = "\ufeff" + WEBUI.replace("Steps: 28", "Steps: many").replace("Size: 512x768, ", "").replace("\n", "\r\n")

GRAPH = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 5,
            "steps": 24,
            "cfg": 5.5,
            "sampler_name": "dpmpp_2m",
            "scheduler": "karras",
            "denoise": 1.0,
            "model": ["4", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "nai.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 640, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a cat", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "dog", "clip": ["4", 1]}},
}

FILES = {
    "a webui's infotext": (WEBUI, "13 keys: 7 taken, 1 translated, 4 without effect, 1 unknown"),
    "one of today": (NEWER, "9 keys: 3 taken, 2 translated, 4 without effect, 0 unknown"),
    "one edited by hand": (EDITED, "12 keys: 6 taken, 0 translated, 5 without effect, 1 unknown"),
    "a ComfyUI workflow": (json.dumps(GRAPH), "11 keys: 5 taken, 2 translated, 4 without effect, 0 unknown"),
    "a request to ComfyUI": (json.dumps({"prompt": GRAPH}), "11 keys: 5 taken, 2 translated, 4 without effect, 0 unknown"),
}  # fmt: skip


def imported(text: str, **more) -> Imported:
    return import_documents([read_document(text.encode(), "the paste")], subject="cat", **more)


@pytest.mark.parametrize(("text", "line"), FILES.values(), ids=FILES)
def test_every_key_of_a_recipe_has_one_fate(text: str, line: str) -> None:
    assert imported(text).report.count_line() == line


def test_a_recipe_gives_test_pictures_and_what_the_base_needs() -> None:
    made = imported(WEBUI)
    assert dict(made.values) == {
        "sample_steps": 28,
        "sample_sampler": "DPM++ 2M Karras",
        "sample_cfg_scale": 6.5,
        "sample_resolution": "512,768",
        "clip_skip": 2,
        "subject": "cat",
    }
    assert made.subject is not None
    assert made.subject.prompts == {"picture": "1girl, hifumi, school uniform"}
    assert (made.subject.negative_prompt, made.subject.seeds) == ("lowres", [77])
    assert imported(NEWER).values["sample_sampler"] == "DPM++ 2M Karras"
    assert imported(json.dumps(GRAPH)).values["sample_sampler"] == "DPM++ 2M Karras"


def test_a_base_that_is_known_here_by_its_name_and_hash_is_taken() -> None:
    made = imported(WEBUI, find=lambda option, name, digits: "/models/nai.ckpt" if digits == "6569e224" else "")
    assert made.subject is not None and made.subject.pretrained_model_name_or_path == "/models/nai.ckpt"
    unknown = imported(WEBUI)
    assert unknown.subject is not None and unknown.subject.pretrained_model_name_or_path == ""
    assert "no model that is known here" in next(key.why for key in unknown.report.keys if key.key == "Model")


def test_a_picture_is_read_as_its_infotext(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(png_bytes(np.zeros((8, 8, 3), np.uint8), {"parameters": WEBUI}))
    made = import_documents([open_document(path)], subject="cat")
    assert (dict(made.values), made.subject) == (dict(imported(WEBUI).values), imported(WEBUI).subject)


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        ({"nodes": [], "links": [], "version": 0.4}, "as its editor saves it"),
        ({"4": GRAPH["4"]}, "without a sampling that can be read"),
        ({"prompt": {"4": GRAPH["4"]}, "client_id": "x"}, "without a sampling that can be read"),
    ],
)
def test_a_workflow_that_names_nothing_is_refused_by_name(graph: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=f"a ComfyUI workflow .*{said}|a ComfyUI workflow {said}"):
        imported(json.dumps(graph))


def test_a_flows_shift_and_the_files_of_its_base_are_known() -> None:
    text = "1girl\nSteps: 30, Sampler: Euler, CFG scale: 4, Shift: 3, Size: 64x64, Model: x, Module 1: v, Module 2: q, Version: neo"
    made = import_documents([read_document(text.encode(), "an infotext")])
    assert made.report.of("unknown") == ()
    assert made.settings.sample_shift == 3
    graph = GRAPH | {
        "3": {**GRAPH["3"], "inputs": GRAPH["3"]["inputs"] | {"model": ["8", 0]}},
        "8": {"class_type": "ModelSamplingSD3", "inputs": {"shift": 4.5, "model": ["4", 0]}},
    }
    made = import_documents([read_document(json.dumps(graph).encode(), "a workflow")])
    assert made.report.of("unknown") == ()
    assert made.settings.sample_shift == 4.5

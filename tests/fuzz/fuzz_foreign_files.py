"""Valid files of other programs: settings of other trainers, pictures of other generators, a webui's tables."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path

import interop_sources as sources
import numpy as np
import script_sources as scripts
from PIL import Image, features

from trainer.formats.picture_text import png_bytes
from trainer.interop.foreign_paths import PATH_MAP

OTHER_TRAINERS = {
    "old.toml": sources.OLD_CONFIG,
    "edited.toml": sources.EDITED_CONFIG,
    "data.toml": sources.DATA_SET_TOML,
    "data.json": sources.DATA_SET_JSON,
    "train.sh": sources.BASH_COMMAND,
    "train.bat": sources.BATCH_COMMAND,
    "train.ps1": sources.POWERSHELL_COMMAND,
    "settings.yaml": b"network_dim: 32\nunet_lr: 1e-4\ntrain_data_dir: D:\\lora\\set # here\noptimizer_args: [weight_decay=0.1]\n",
}
"""Name -> content of a file of another trainer."""

TRAINER_FILES: dict[str, dict[str, bytes]] = {
    "OneTrainer": {"old.json": scripts.ONETRAINER_OLD, "new.json": scripts.ONETRAINER_NEW},
    "ai-toolkit": {"old.yaml": scripts.AI_TOOLKIT_OLD, "new.json": scripts.AI_TOOLKIT_NEW},
    "diffusion-pipe": {"run.toml": scripts.DIFFUSION_PIPE_ANIMA, "data.toml": scripts.DIFFUSION_PIPE_DATA},
    "dreambooth extension": {"old.json": scripts.DREAMBOOTH_OLD, "new.json": scripts.DREAMBOOTH_NEW},
    "scripts": {
        "anon.ps1": scripts.ANON_NEW,
        "edited.ps1": scripts.ANON_EDITED,
        "legacy.ps1": scripts.LEGACY,
        "modded.ps1": scripts.LEGACY_MODDED,
        "notes.txt": scripts.NOTES,
        "pti.sh": scripts.PTI,
    },
}
"""Trainer -> name -> content of its files."""

PICTURE_FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "gif": "GIF", "bmp": "BMP"} | (
    {"avif": "AVIF"} if features.check("avif") else {}
)
"""Ending -> Pillow's name of each kind of picture that is read."""

INFOTEXT = (
    "1girl, hifumi, (smile:1.2), [hat], <lora:hifumi:0.8>, {x}\nNegative prompt: lowres, (bad hands:1.1)\n"
    "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 1234, Size: 64x96, Model hash: 0123456789, "
    'Model: demo, Clip skip: 2, Lora hashes: "hifumi: 0123456789ab", Version: v1.9.4'
)

GRAPH: Mapping[str, object] = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 5,
            "steps": 20,
            "cfg": 6.5,
            "sampler_name": "euler_ancestral",
            "scheduler": "karras",
            "denoise": 1.0,
            "model": ["10", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sdxl\\pony.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "1girl, smile", "clip": ["10", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["10", 1]}},
    "10": {
        "class_type": "LoraLoader",
        "inputs": {
            "lora_name": "hifumi.safetensors",
            "strength_model": 0.8,
            "strength_clip": 0.5,
            "model": ["4", 0],
            "clip": ["4", 1],
        },
    },
    "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}},
}


def write_others(root: Path) -> None:
    """Write other trainers' settings, and folders of other computers that the workspace knows."""
    (root / "others").mkdir()
    for name, content in OTHER_TRAINERS.items():
        (root / "others" / name).write_bytes(content)
    for trainer, files in TRAINER_FILES.items():
        (root / "others" / trainer).mkdir()
        for name, content in files.items():
            (root / "others" / trainer / name).write_bytes(content)
    (root / PATH_MAP).write_text(json.dumps({"prefixes": {"D:\\lora": str(root / "data"), "/content": str(root)}}))


def write_pictures_with_texts(folder: Path) -> None:
    """Write pictures with the texts of their generators into a folder, which must not exist."""
    folder.mkdir()
    pixels = np.zeros((96, 64, 3), np.uint8)
    (folder / "webui.png").write_bytes(png_bytes(pixels, {"parameters": INFOTEXT}))
    (folder / "comfy.png").write_bytes(png_bytes(pixels, {"prompt": json.dumps(GRAPH), "workflow": "{}"}))
    invoke = {"app_version": "4.2", "positive_prompt": "1girl", "seed": 5, "steps": 20, "cfg_scale": 7.0}
    (folder / "invoke.png").write_bytes(
        png_bytes(pixels, {"invokeai_metadata": json.dumps(invoke | {"width": 64, "height": 64, "scheduler": "euler"})})
    )
    (folder / "webui.txt").write_text(INFOTEXT)
    exif = Image.Exif()
    exif[0x8769] = {0x9286: b"UNICODE\0" + INFOTEXT.encode("utf-16-be")}
    for ending in ("jpg", "webp", "avif"):
        if ending in PICTURE_FORMATS:
            Image.fromarray(pixels).save(folder / f"webui.{ending}", PICTURE_FORMATS[ending], exif=exif)
    Image.fromarray(pixels).save(folder / "webui.gif", comment=INFOTEXT.encode())


def write_webui_files(folder: Path) -> None:
    """Write a webui's styles and the start values of its page."""
    text = io.StringIO()
    writer = csv.writer(text)
    rows = [
        ("name", "prompt", "negative_prompt"),
        ("Neg", "", 'lowres, "bad" hands\nblurry'),
        ("a, b", "{prompt} of", ""),
    ]
    writer.writerows(rows)
    (folder / "styles.csv").write_text(text.getvalue())
    values: dict[str, object] = {
        "Prompt": "",
        "Negative prompt": "lowres",
        "Styles": ["Neg"],
        "Width": 512,
        "Height": 768,
        "CFG Scale": 7.0,
        "Sampling method": "DPM++ 2M",
        "Schedule type": "Karras",
        "Sampling steps": 28,
        "Seed": -1,
    }
    (folder / "ui-config.json").write_text(json.dumps({f"txt2img/{key}/value": value for key, value in values.items()}))

"""Draw what the saved LoRA files of a demo bake do: epochs down, weights across.

    python tests/learning/contact_sheet.py demo/bakes/0001-hifumi docs/epochs-by-weights.png

The pictures come from the files alone, through diffusers' own pipeline and sampler with our layers on the base.
"""

import sys
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from PIL import Image, ImageDraw

from trainer.demo.workspace import demo_subject
from trainer.models.identify import DEMO_BASE, identify_base
from trainer.models.stable_diffusion import load_base
from trainer.network.lora_file import network_from_file

WEIGHTS = (0.0, 0.5, 1.0, 1.5)
CELL, LEFT, TOP, GAP = 128, 150, 24, 2
STEPS, CFG, SEED = 20, 5.0, 11


def main(folder: Path, out: Path) -> None:
    base = identify_base(DEMO_BASE)
    model = load_base(base, device="cpu", dtype=torch.float32)
    pipeline: Any = StableDiffusionPipeline(
        vae=model.vae,
        text_encoder=model.text_encoder,
        tokenizer=model.tokenizers["text_encoder"],
        unet=model.unet,
        scheduler=DDIMScheduler.from_pretrained(base.path / "scheduler"),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    prompts = [demo_subject().prompts["school"], demo_subject().prompts["red dress"]]
    files = [*sorted(folder.glob("*-0*.safetensors")), folder / "hifumi.safetensors"]
    width = LEFT + len(WEIGHTS) * len(prompts) * (CELL + GAP)
    sheet = Image.new("RGB", (width, TOP + len(files) * (CELL + GAP)), "white")
    draw = ImageDraw.Draw(sheet)
    for column, weight in enumerate(WEIGHTS):
        draw.text((LEFT + column * len(prompts) * (CELL + GAP) + 4, 6), f"weight {weight}", fill="black")
    for row, file in enumerate(files):
        network = network_from_file(model, file)
        top = TOP + row * (CELL + GAP)
        draw.text((4, top + CELL // 2), file.stem, fill="black")
        for column, weight in enumerate(WEIGHTS):
            network.unet_strength = network.text_encoder_strength = weight
            pictures = pipeline(
                prompts,
                num_inference_steps=STEPS,
                guidance_scale=CFG,
                height=64,
                width=64,
                generator=[torch.Generator().manual_seed(SEED) for _ in prompts],
            ).images
            for number, picture in enumerate(pictures):
                left = LEFT + (column * len(prompts) + number) * (CELL + GAP)
                sheet.paste(picture.resize((CELL, CELL), Image.Resampling.NEAREST), (left, top))
        network.remove()
    sheet.save(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

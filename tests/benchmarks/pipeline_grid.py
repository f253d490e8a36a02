"""The pictures of a grid by diffusers' own pipeline, in batches of four, as a user of it would make them.

    python pipeline_grid.py SPEC.json     prints {"seconds": …, "pictures": …}

The LoRA of each epoch is loaded once, its weight set by `set_adapters`; pictures of one LoRA and weight go through together. The base's
loading does not count.
"""

import json
import sys
import time
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from library_tokenizer import DEMO, library_tokenizer

from trainer.models.identify import identify_base
from trainer.models.stable_diffusion.loading import load_parts
from trainer.settings.subject import DEMO_BASE

_AT_ONCE = 4


def main() -> None:
    """Make the grid."""
    spec = json.loads(Path(sys.argv[1]).read_text())
    pipeline = _pipeline(spec["base"])
    weights = [float(word) for word in spec["x"]["values"].split(",")]
    prompts = [word.strip('"') for word in spec["z"]["values"].split('","')]
    pictures = list(product(prompts, (int(seed) for seed in spec["seeds"].split(","))))
    made, began = 0, time.monotonic()
    for epoch in spec["epochs"]:
        pipeline.load_lora_weights(epoch["file"], adapter_name="x")
        for weight in weights:
            pipeline.set_adapters("x", weight)
            for start in range(0, len(pictures), _AT_ONCE):
                batch = pictures[start : start + _AT_ONCE]
                made += len(
                    pipeline(
                        [prompt for prompt, _ in batch],
                        negative_prompt=[""] * len(batch),
                        height=spec["height"],
                        width=spec["width"],
                        num_inference_steps=spec["steps"],
                        guidance_scale=spec["cfg_scale"],
                        generator=[torch.Generator().manual_seed(seed) for _, seed in batch],
                    ).images
                )
        pipeline.unload_lora_weights()
    print(json.dumps({"seconds": time.monotonic() - began, "pictures": made}))


def _pipeline(base: str) -> Any:
    parts = load_parts(identify_base(base), device="cpu", dtype=torch.float32)
    pipeline = StableDiffusionPipeline(
        vae=parts.vae,
        text_encoder=parts.encoders["text_encoder"],
        tokenizer=library_tokenizer(DEMO if base == DEMO_BASE else None),
        unet=parts.unet,
        scheduler=DDIMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, clip_sample=False
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


if __name__ == "__main__":
    main()

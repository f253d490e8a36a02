"""A base of the demo's form, smaller still: for bakes whose pictures and losses no test looks at.

Random weights, attention on one level and in the middle, the demo's own tokenizer. The U-Net has 48 layers for a LoRA, where the
demo's has 120, and each is narrower: a bake costs less than half.
"""

import atexit
import functools
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

UNET_LORAS, ENCODER_LORAS = 48, 12
"""The layers that get a LoRA of their own in each part, without `conv_dim`."""

_DEMO = Path(__file__).parents[2] / "trainer" / "demo" / "model"


@functools.cache
def small_base() -> Path:
    """Return the folder of the base, written once for each process that tests."""
    folder = Path(tempfile.mkdtemp(prefix="small-base-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in ("scheduler", "tokenizer"):
        shutil.copytree(_DEMO / name, folder / name)
    shutil.copy(_DEMO / "model_index.json", folder)
    for name, module in _modules().items():
        (folder / name).mkdir()
        stem = "model" if name == "text_encoder" else "diffusion_pytorch_model"
        save_file(
            {key: weight.half().contiguous() for key, weight in module.state_dict().items()},
            folder / name / f"{stem}.safetensors",
        )
        config = module.config.to_dict() if name == "text_encoder" else dict(module.config)
        table = {field: value for field, value in config.items() if not field.startswith("_")}
        (folder / name / "config.json").write_text(json.dumps(table))
    return folder


def _modules() -> dict[str, Any]:
    encoder = json.loads((_DEMO / "text_encoder" / "config.json").read_text())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return {
            "unet": UNet2DConditionModel(
                block_out_channels=(16, 32),
                down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
                up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
                layers_per_block=1,
                norm_num_groups=8,
                attention_head_dim=4,
                cross_attention_dim=32,
                sample_size=16,
            ),
            "vae": AutoencoderKL(
                block_out_channels=(8, 8, 16),
                down_block_types=("DownEncoderBlock2D",) * 3,
                up_block_types=("UpDecoderBlock2D",) * 3,
                layers_per_block=1,
                norm_num_groups=4,
            ),
            "text_encoder": CLIPTextModel(
                CLIPTextConfig(**encoder | {"hidden_size": 32, "intermediate_size": 64, "projection_dim": 32})
            ),
        }

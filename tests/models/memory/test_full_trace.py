"""Are the figures those of a trace in which torch is asked of every operation? To the byte, on the real classes, made small."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from diffusers import UNet2DConditionModel
from full_trace import predict_by_full_trace
from tiny_bases import write_tiny_folder

from trainer.memory.fake_session import KeptBase
from trainer.memory.peak import Policy
from trainer.memory.request import BucketUse, MemoryRequest
from trainer.memory.simulate import predict
from trainer.settings.model import Settings
from trainer.settings.parts import Family

KEPT = KeptBase()

CHECKPOINTED = {"gradient_checkpointing": True}
QUICK = ("sd1", "card", 64, {"conv_dim": 2, "network_train_unet_only": True, **CHECKPOINTED})
MORE: tuple[tuple[Family, Policy, int, dict[str, Any]], ...] = (
    ("sd1", "cpu", 64, {"train_batch_size": 2, "conv_dim": 2, "mixed_precision": "bf16", **CHECKPOINTED}),
    (
        "sdxl",
        "card",
        64,
        {
            "train_batch_size": 3,
            "micro_batch_size": 2,
            "int8_base": True,
            "checkpointed_blocks": "up_blocks",
            **CHECKPOINTED,
        },
    ),
    ("sd1", "card", 64, {}),
    ("sd1", "card", 64, {"network_dim": 64, "train_batch_size": 2, **CHECKPOINTED}),
    ("sd1", "card", 128, {"conv_dim": 4, "network_dropout": 0.2, "rank_dropout": 0.1, "module_dropout": 0.1}),
    ("sd1", "card", 64, {"fp8_base": True, "train_batch_size": 4, "micro_batch_size": 1}),
    ("sd1", "card", 64, {"sdpa": False, "clip_skip": 2, "masked_loss": True, "min_snr_gamma": 5.0}),
    ("sd1", "cpu", 64, {"optimizer_type": "Lion", "gradient_accumulation_steps": 2, "scale_weight_norms": 1.0}),
    ("sd1", "cpu", 96, {"optimizer_type": "Prodigy", "torch_compile": True, "mixed_precision": "no"}),
    ("sd1", "card", 64, {"optimizer_type": "AdamW8bit", "network_train_unet_only": True, "encoder_off_card": True}),
    ("sdxl", "card", 64, {}),
    # Its weights lie elsewhere when it ends, which the next case must not meet.
    ("sdxl", "card", 64, {"blocks_to_swap": 2, **CHECKPOINTED}),
    ("sdxl", "card", 64, CHECKPOINTED),
    ("sdxl", "card", 128, {"train_batch_size": 2, "conv_dim": 2, **CHECKPOINTED}),
    ("sdxl", "cpu", 64, {"mixed_precision": "bf16", "network_train_unet_only": True, "int8_base": True}),
    ("sdxl", "cpu", 64, {"mixed_precision": "no", "no_half_vae": True, "vae_batch_size": 2, "max_token_length": 150}),
    ("sdxl", "card", 64, {"text_encoder_stop": "50%", "int8_base": True, **CHECKPOINTED}),
)


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[Family, Path]:
    """Two levels instead of three or four, one block each; the second level's has two layers in SDXL."""
    folder = tmp_path_factory.mktemp("bases")
    usual: dict[str, Any] = {
        "block_out_channels": (32, 64),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "layers_per_block": 1,
    }
    large: dict[str, Any] = {
        "transformer_layers_per_block": (1, 2),
        "attention_head_dim": (1, 1),
        "cross_attention_dim": 64,
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 32 + 6 * 256,
    }
    bodies = {
        "sd1": UNet2DConditionModel(**usual, attention_head_dim=8, cross_attention_dim=32),
        "sdxl": UNet2DConditionModel(**usual, **large),
    }
    return {family: write_tiny_folder(folder / family, family, unet=body) for family, body in bodies.items()}


@pytest.mark.parametrize(
    ("family", "policy", "side", "values"), [QUICK, *(pytest.param(*each, marks=pytest.mark.long) for each in MORE)]
)
def test_the_figures_are_those_of_the_full_trace(
    bases: dict[Family, Path], family: Family, policy: Policy, side: int, values: dict[str, Any]
) -> None:
    settings = Settings(**{"network_dim": 4, **values})
    varies, sample = not settings.network_train_unet_only, (64, 128) if side > 64 else None
    request = MemoryRequest(
        settings, family, str(bases[family]), "", (BucketUse(side, side, 9),), varies, sample, policy
    )
    # The base is that of the cases before where it may be, and so is what is known of operations.
    quick = predict(request, KEPT)
    assert replace(quick, took=0.0) == replace(predict_by_full_trace(request), took=0.0)

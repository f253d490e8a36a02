"""What may be asked of memory and arithmetic?"""

from typing import Literal

from pydantic import BaseModel

from trainer.settings.one_setting import setting


class MemoryFields(BaseModel):
    """Section Memory."""

    mixed_precision: Literal["auto", "no", "fp16", "bf16"] = setting(
        "auto",
        "Memory",
        "precision",
        "Type of the base and of the arithmetic; the LoRA stays fp32. auto: bf16 where the card has it, else fp32 (`no`). fp16 needs a card.",
        exactness="bit for bit on a CPU; on a card as far as PyTorch's fast attention adds up in one order, which it does not promise",
    )
    gradient_checkpointing: bool = setting(
        False,
        "Memory",
        "checkpointing",
        "Compute activations twice instead of keeping them: slower by about a third, much leaner.",
    )
    xformers: bool = setting(
        False,
        "Memory",
        "xformers",
        "Attention by xformers (extra `xformers`, needs a card).",
        exactness="a resumed bake comes near, not bit for bit: its kernels add up in another order each time",
    )
    vae_batch_size: int = setting(
        1, "Memory", "caching batch", "Pictures encoded at once while caching latents.", unit="pictures", ge=1, le=256
    )

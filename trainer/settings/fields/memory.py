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
    checkpointed_blocks: str = setting(
        "",
        "Memory",
        "checkpointed blocks",
        "With gradient checkpointing: which blocks compute twice, as beginnings of their names with commas between, such as `up_blocks.3, down_blocks.0.resnets, text_encoder`; blank for all. What fit finds stands here.",
    )
    micro_batch_size: int | None = setting(
        None,
        "Memory",
        "micro-batch",
        "Pictures that pass through the model at once; the step learns from the whole batch all the same. Blank: the whole batch at once. Set by itself where a step runs out of memory.",
        unit="pictures",
        live=True,
        exactness="sums are added up in another order from the step on where it changes",
        ge=1,
        le=256,
    )
    sdpa: bool = setting(
        True,
        "Memory",
        "sdpa",
        "Attention by PyTorch's scaled_dot_product_attention. Off, and without xformers: the plain softmax, which keeps every pair of tokens and is there to compare with.",
    )
    xformers: bool = setting(
        False,
        "Memory",
        "xformers",
        "Attention by xformers (extra `xformers`, needs a card).",
        exactness="a resumed bake comes near, not bit for bit: its kernels add up in another order each time",
    )
    torch_compile: bool = setting(
        False,
        "Memory",
        "torch.compile",
        "Compile the layers of the U-Net's attentions (needs a C++ compiler, on a card Triton); the first step waits for it. 5 % faster on the demo on a CPU, not yet measured on a card.",
        exactness="compiled blocks round in another way than those that are not, the same each time on one machine",
    )
    fp8_base: bool = setting(
        False,
        "Memory",
        "fp8 base",
        "Keep the frozen base's large weights in 8 bits (float8 e4m3, a factor a row): half the memory of bf16, slower, and the base is a little another one.",
    )
    int8_base: bool = setting(
        False,
        "Memory",
        "int8 base",
        "Keep the frozen base's large weights in 8 bits (int8, a factor a row): as fp8 base, and nearer to the base.",
    )
    encoder_off_card: bool = setting(
        False,
        "Memory",
        "encoder off card",
        "A text encoder that does not train but must run for every step, because captions vary, computes on the CPU a step ahead.",
    )
    cache_latents_to_disk: bool = setting(
        False,
        "Memory",
        "latents on disk",
        "Keep the pictures' latents in the workspace too, found again by the picture's content; without it they are kept while the program runs.",
    )
    vae_batch_size: int = setting(
        1, "Memory", "caching batch", "Pictures encoded at once while caching latents.", unit="pictures", ge=1, le=256
    )

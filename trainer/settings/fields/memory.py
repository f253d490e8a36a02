"""Settings of memory and arithmetic."""

from typing import Literal

from trainer.settings.one_setting import EXACT, NO_KEY, Decides, SettingFields, setting


class MemoryFields(SettingFields):
    """Section Memory."""

    mixed_precision: Literal["auto", "no", "fp16", "bf16"] = setting(
        "auto",
        "Memory",
        "mixed precision",
        "Number type of the base and of the computation; the LoRA stays fp32. auto: bf16 where the GPU supports it, else fp32 (`no`: full precision). fp16 needs a GPU.",
        memory="yes",
        speed=True,
        metadata=("ss_mixed_precision",),
        exactness="bit for bit on a CPU; on a GPU nearly, since PyTorch's attention may add up in another order",
        synonyms="fp16, bf16, fp32, half, vram, gpu, dtype",
        decides=Decides.YES,
    )
    gradient_checkpointing: bool = setting(
        False,
        "Memory",
        "gradient checkpointing",
        "Recompute activations in the backward pass: about a third slower, much less memory.",
        memory="yes",
        speed=True,
        metadata="ss_gradient_checkpointing",
        exactness=EXACT,
        synonyms="vram, gpu, out of memory, oom, activations",
    )
    checkpointed_blocks: str = setting(
        "",
        "Memory",
        "checkpointed blocks",
        "With gradient checkpointing: which blocks are recomputed, by the start of their names, separated by commas: `up_blocks.3, down_blocks.0.resnets, text_encoder`. Blank: all. `fit` writes its choice here.",
        memory="yes",
        speed=True,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="vram, gpu, activations",
    )
    micro_batch_size: int | None = setting(
        None,
        "Memory",
        "micro-batch size",
        "Pictures that pass through the model at a time; the step still learns from the full batch. Blank: the full batch. Set automatically when a step runs out of memory.",
        unit="pictures",
        live=True,
        memory="yes",
        speed=True,
        metadata=NO_KEY,
        exactness="from the step at which it changes, sums are added up in another order",
        synonyms="vram, gpu, out of memory, oom, batch",
        ge=1,
        le=256,
    )
    sdpa: bool = setting(
        True,
        "Memory",
        "SDPA attention",
        "Attention by PyTorch's scaled_dot_product_attention. Off, and without xformers: plain softmax, which keeps every pair of tokens and serves for comparison.",
        memory="yes",
        speed=True,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="flash attention, vram, gpu, speed",
    )
    xformers: bool = setting(
        False,
        "Memory",
        "xformers attention",
        "Attention by xformers (extra `xformers`, needs a GPU).",
        memory="yes",
        speed=True,
        metadata=NO_KEY,
        exactness="nearly, not bit for bit: its kernels add up in another order each time",
        synonyms="memory efficient, vram, gpu, speed",
    )
    torch_compile: bool = setting(
        False,
        "Memory",
        "torch.compile",
        "Compile the attention layers of the {body}, which repeat (needs a C++ compiler, or Triton on a GPU); the first step waits for it. 5 % faster on the demo on a CPU, not yet measured on a GPU.",
        memory="yes",
        speed=True,
        metadata=NO_KEY,
        exactness="compiled blocks round differently from others, but the same each time on one machine",
        synonyms="speed, inductor, dynamo, faster",
    )
    fp8_base: bool = setting(
        False,
        "Memory",
        "fp8 base",
        "Keep the frozen base's large weights in 8 bits (float8 e4m3, one factor per row): half the memory of bf16, slower, and slightly different from the original base.",
        memory="yes",
        speed=True,
        metadata="ss_fp8_base",
        exactness=EXACT,
        synonyms="quantize, vram, gpu, 8bit, float8",
        decides=Decides.YES,
    )
    int8_base: bool = setting(
        False,
        "Memory",
        "int8 base",
        "Keep the frozen base's large weights in 8 bits (int8, one factor per row): like fp8_base, but closer to the original base.",
        memory="yes",
        speed=True,
        metadata=("ss_int8_base",),
        exactness=EXACT,
        synonyms="quantize, vram, gpu, 8bit",
        decides=Decides.YES,
    )
    int8_matmul: bool = setting(
        False,
        "Memory",
        "int8 matmul",
        "With int8_base: compute the products of its layers in int8 too, with each row of their inputs rounded to 8 bits. Faster where the processor or the GPU has units for it (a short trial before the first step refuses it where it is slower), and less exact than int8_base alone. Not with torch_compile.",
        memory="yes",
        speed=True,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="quantize, speed, faster, w8a8, tensor cores, vnni, 8bit",
        decides=Decides.YES,
    )
    encoder_off_card: bool = setting(
        False,
        "Memory",
        "encoder off GPU",
        "A text encoder that does not train but must run in every step, because captions vary, computes on the CPU one step ahead.",
        memory="yes",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="offload, cpu, vram, gpu, text encoder",
    )
    blocks_to_swap: int = setting(
        0,
        "Memory",
        "blocks to swap",
        "How many of the base's frozen blocks (transformer layers, resnets) lie in the computer's memory and come to the GPU one by one as they compute, forward and backward, each fetched while the one before computes. Exact; two blocks are on the GPU at any time, so 3 and more save memory. How much slower depends on the GPU's link. 0: none. Not with torch_compile.",
        unit="blocks",
        memory="yes",
        speed=True,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="offload, stream, block swap, vram, gpu, ram, layer offloading, out of memory, oom",
        decides=Decides.NO,
        ge=0,
        le=1000,
    )
    cache_latents_to_disk: bool = setting(
        False,
        "Memory",
        "latents on disk",
        "Also keep the pictures' latents in the workspace, identified by the pictures' content. Off: they are kept while the program runs.",
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="cache, vae, faster start",
        decides=Decides.NO,
    )
    vae_batch_size: int = setting(
        1,
        "Memory",
        "VAE batch size",
        "Pictures encoded at once while caching latents.",
        unit="pictures",
        memory="yes",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="cache, latents, vram, gpu",
        ge=1,
        le=256,
    )

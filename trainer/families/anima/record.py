"""Anima and what was trained from it: one transformer that predicts a flow, pictures of 1024², names of the original code."""

from types import MappingProxyType

from trainer.families.anima.conventions import CONVENTIONS
from trainer.families.anima.lora_names import (
    ADAPTER,
    BODY,
    BODY_GROUPS,
    BODY_NAMES,
    CONDITIONER_GROUPS,
    CONDITIONER_NAMES,
    KEY_FORMS,
    OTHER_DEPTH,
    file_name,
    layouts,
    module_at,
    module_name,
)
from trainer.families.flow_matching import SAMPLERS, TIMES, UNUSED
from trainer.families.record import FamilyRecord, PartRecord, SamplingRecord

FAMILY = FamilyRecord(
    module=__name__,
    key="anima",
    title="Anima",
    lora_target="an Anima base",
    parts=(
        PartRecord(
            "body",
            "body",
            "unet",
            BODY,
            # Of diffusers' CosmosTransformerBlock; its modulations (adaLN) get layers in files of other programs alone.
            frozenset({"Attention", "RotaryAttention", "FeedForward"}),
            groups=BODY_GROUPS,
            lora_names=BODY_NAMES,
            large=r"transformer_blocks\.",
        ),
        PartRecord(
            "conditioner",
            "conditioner",
            "text_encoder",
            ADAPTER,
            frozenset({"AnimaTextConditionerBlock"}),
            groups=CONDITIONER_GROUPS,
            lora_names=CONDITIONER_NAMES,
            large=r"(?:layers|blocks)\.",
            # Off unless asked for: diffusion-pipe's and AnimaLoraStudio's authors advise against it for small sets.
            switch="train_llm_adapter",
        ),
    ),
    engine="trainer.families.anima.model.anima",
    identify="trainer.families.anima.files.identify:identify",
    complete="trainer.families.anima.files.identify:complete",
    components=("qwen3", "vae", "llm_adapter_path", "qwen3_tokenizer", "t5_tokenizer_path"),
    check_vae="trainer.families.anima.files.identify:check_vae",
    conventions=CONVENTIONS,
    times=TIMES,
    # The word that programs look for, whatever the version.
    architecture="anima-preview/lora",
    base_versions=MappingProxyType({"flow": "anima"}),
    version_start="anima",
    sd_scripts="anima_train_network.py",
    index="modular_model_index.json",
    folders=("transformer", "text_conditioner", "text_encoder", "vae", "tokenizer", "t5_tokenizer", "scheduler"),
    # Its card: 30 to 50 steps at a guidance of 4 to 5. Weights in bf16 and the VAE's decoder in large tiles.
    sampling=SamplingRecord(
        side=1024,
        steps=30,
        cfg_scale=4.0,
        sampler="Euler",
        roomy_bytes=9 * 2**30,
        grain=16,
        # Where diffusers' table of places ends, and what Civitai's generator takes. Its card draws from 512² to 1536².
        longest=2048,
        samplers=SAMPLERS,
        shift=3.0,
    ),
    prediction="flow",
    no_fp16="its sums leave the range of fp16",
    # diffusers' processor for it knows no places; a way of its own through xformers' kernels would need a GPU to be tried on.
    no_xformers="its attention, whose queries and keys turn with their places, goes through torch's fused kernels (sdpa)",
    trained_grain=16,
    # Its trainers bake at 512² as well; its card names no smaller size.
    least_area=512 * 512,
    first_settings=MappingProxyType(
        {
            "resolution": "1024",
            "min_bucket_reso": 512,
            "max_bucket_reso": 2048,
            "train_batch_size": 1,
            "gradient_checkpointing": True,
            # The encoder takes 1.1 GiB for each picture of 1024² in bf16, and twice that in fp32.
            "no_half_vae": False,
            "vae_batch_size": 1,
            # Most trainers of it; the middle of the way decides on form.
            "timestep_sampling": "logit_normal",
            # Its trainers' rates at alpha = dim go from 2e-5 to 1e-4, lower than for SDXL.
            "network_dim": 16,
            "network_alpha": 16.0,
            "unet_lr": 5e-5,
        }
    ),
    # 1024², rank 16, activations computed twice, in bf16: 4.8 GiB with one picture, 5.7 with two, 3.0 with one and 8-bit weights.
    first_by_memory=(
        (11 * 2**30, MappingProxyType({"train_batch_size": 2})),
        (7 * 2**30, MappingProxyType({})),
        (0, MappingProxyType({"int8_base": True})),
    ),
    unused=MappingProxyType(
        {
            **UNUSED,
            "clip_skip": "Anima's embeddings come from the encoder's last layer",
            "max_token_length": "Anima's captions are not cut",
            "text_encoder_lr2": "Anima has one text encoder",
            "text_encoder_stop2": "Anima has one text encoder",
            "conv_dim": "Anima's body has no convolution",
            "conv_alpha": "Anima's body has no convolution",
        }
    ),
    module_name=module_name,
    file_name=file_name,
    module_at=module_at,
    key_forms=KEY_FORMS,
    network_module="networks.lora_anima",
    # sd-scripts writes `epsilon` into its files for a flow; readers know the architecture.
    says_prediction=False,
    layouts=layouts,
    other_layout=OTHER_DEPTH,
)

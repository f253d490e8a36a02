"""Settings of the base model."""

from pydantic import field_validator

from trainer.settings.amounts import check_path
from trainer.settings.one_setting import EXACT, NO_KEY, AutoYesNo, SettingFields, setting


class ModelFields(SettingFields):
    """Section Model."""

    pretrained_model_name_or_path: str = setting(
        "",
        "Model",
        "base model",
        "An SD1.x, SDXL or Anima model: a .safetensors file or a diffusers folder; `demo` is the small one that comes with lora-tui. Blank: the subject's.",
        memory="derived",
        speed=True,
        metadata=("ss_sd_model_name", "ss_sd_model_hash", "ss_new_sd_model_hash"),
        exactness=EXACT,
        synonyms="checkpoint, sdxl, sd15, stable diffusion, pony, noobai, illustrious",
        path="weights",
    )
    vae: str = setting(
        "",
        "Model",
        "separate VAE",
        "A VAE to use instead of the base's: a .safetensors file or a diffusers folder. Blank: the base's own.",
        memory="yes",
        speed=False,
        metadata=("ss_vae_name", "ss_vae_hash", "ss_new_vae_hash"),
        exactness=EXACT,
        synonyms="autoencoder, external",
        path="weights",
    )
    qwen3: str = setting(
        "",
        "Model",
        "Qwen3 text encoder",
        "The text encoder of an Anima that comes in several files: a .safetensors file or a folder. Blank: the base's own, or qwen_3_06b_base.safetensors where ComfyUI keeps it.",
        memory="derived",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="anima, text encoder file, clip, component",
        path="weights",
    )
    llm_adapter_path: str = setting(
        "",
        "Model",
        "text conditioner",
        "The text conditioner (llm_adapter) of an Anima that has it in a file of its own. Blank: the base's own.",
        memory="derived",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="anima, llm adapter, component",
        path="weights",
    )
    qwen3_tokenizer: str = setting(
        "",
        "Model",
        "Qwen3 tokenizer",
        "The folder of Qwen3's tokenizer, where it is not to be Qwen3's own. Blank: the base's, or one of ComfyUI or sd-scripts that lies around the base, else the one that comes with this program.",
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="anima, vocabulary, bpe, component",
        path="weights",
    )
    t5_tokenizer_path: str = setting(
        "",
        "Model",
        "T5 tokenizer",
        "The folder of T5's tokenizer (tokenizer.json), where it is not to be that of T5 v1.1. Blank: the base's, or one of ComfyUI or sd-scripts that lies around the base, else the one that comes with this program.",
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="anima, vocabulary, unigram, component",
        path="weights",
    )
    no_half_vae: bool = setting(
        True,
        "Model",
        "VAE in fp32",
        "Encode pictures in fp32 in every precision; caching is a small part of a bake. Off: in the bake's precision; a picture whose latents are NaN or infinite is then encoded again in a wider type.",
        memory="yes",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="half vae, nan, black images, fp16, vram",
    )
    v_parameterization: AutoYesNo = setting(
        "auto",
        "Model",
        "v-prediction",
        "What the base predicts. auto: read from the file, and measured on a few pictures where the file has no marker. yes and no are checked by the same measurement.",
        memory="no",
        speed=False,
        metadata=("modelspec.prediction_type", "ss_base_model_version"),
        exactness=EXACT,
        synonyms="vpred, epsilon, noobai, parameterization",
    )
    zero_terminal_snr: AutoYesNo = setting(
        "auto",
        "Model",
        "zero terminal SNR",
        "Whether the last timestep is pure noise. auto: as the base's file says. NoobAI's v-prediction models and their relatives need it.",
        memory="no",
        speed=False,
        metadata=("ss_zero_terminal_snr",),
        exactness=EXACT,
        synonyms="ztsnr, vpred, dark images",
    )
    clip_skip: int = setting(
        1,
        "Model",
        "clip skip",
        "Which layer of the text encoder, counted from the last, gives the embedding. 2 for SD1.x bases descended from NAI. Fixed in SDXL.",
        unit="layer",
        memory="yes",
        speed=False,
        metadata=("ss_clip_skip", "modelspec.encoder_layer"),
        exactness=EXACT,
        synonyms="text encoder layer, penultimate, anime",
        ge=1,
        le=12,
    )

    @field_validator(
        "pretrained_model_name_or_path", "vae", "qwen3", "llm_adapter_path", "qwen3_tokenizer", "t5_tokenizer_path"
    )
    @classmethod
    def _base_path_can_be_written(cls, value: str) -> str:
        return check_path(value)

"""What may be asked of the base model?"""

from pydantic import BaseModel, field_validator

from trainer.settings.amounts import check_text
from trainer.settings.one_setting import Found, setting


class ModelFields(BaseModel):
    """Section Model."""

    pretrained_model_name_or_path: str = setting(
        "",
        "Model",
        "base model",
        "An SD1.x or SDXL model: one .safetensors file or a diffusers folder; `demo` is the small one that comes along. Blank: the subject's.",
    )
    vae: str = setting(
        "",
        "Model",
        "other VAE",
        "A VAE in place of the base's: a .safetensors file or a diffusers folder. Blank: the base's own.",
    )
    no_half_vae: bool = setting(
        True,
        "Model",
        "VAE in fp32",
        "Encode the pictures in fp32 whatever the precision: caching is a short part of a bake. Off: in the bake's precision; a picture that comes out as no numbers is then encoded again in a wider type.",
    )
    v_parameterization: Found = setting(
        "auto",
        "Model",
        "v-prediction",
        "What the base predicts. auto: read from the file, and measured on a few pictures where the file is silent. yes and no are checked by the same measurement.",
    )
    zero_terminal_snr: Found = setting(
        "auto",
        "Model",
        "zero terminal SNR",
        "Whether the noisiest time is nothing but noise. auto: as the base's file says. NoobAI's v-prediction models and their kin need it.",
    )
    clip_skip: int = setting(
        1,
        "Model",
        "clip skip",
        "Which layer of the text encoder, counted from its end, gives the embedding. 2 for SD1.x bases descended from NAI. SDXL has its layers fixed.",
        unit="layer",
        ge=1,
        le=12,
    )

    @field_validator("pretrained_model_name_or_path", "vae")
    @classmethod
    def _path_can_be_written(cls, value: str) -> str:
        return check_text(value)

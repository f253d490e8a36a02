"""Settings of the LoRA."""

from pydantic import field_validator

from trainer.settings.amounts import check_path
from trainer.settings.one_setting import EXACT, NO_KEY, SettingFields, setting


class NetworkFields(SettingFields):
    """Section Network."""

    network_dim: int = setting(
        32,
        "Network",
        "LoRA dim (rank)",
        "Rank of each LoRA layer. 32 is enough for a character; file size grows with it.",
        unit="rank",
        memory="yes",
        speed=False,
        metadata=("ss_network_dim",),
        exactness=EXACT,
        synonyms="rank, lora size, file size, vram",
        ge=1,
        le=1024,
    )
    network_alpha: float = setting(
        16,
        "Network",
        "alpha",
        "LoRA output is scaled by alpha / dim. Half of dim keeps learning rates comparable with common guides; 0 means dim.",
        memory="no",
        speed=False,
        metadata=("ss_network_alpha",),
        exactness=EXACT,
        synonyms="scale, strength",
        ge=0,
        le=4096,
    )
    conv_dim: int | None = setting(
        None,
        "Network",
        "conv dim",
        "Rank of LoRA layers on the U-Net's 3×3 convolutions (LoCon); all other layers keep network_dim. Blank: no such layers.",
        unit="rank",
        memory="yes",
        speed=False,
        metadata=("ss_network_args",),
        exactness=EXACT,
        synonyms="locon, convolution, lycoris, 3x3",
        ge=1,
        le=1024,
    )
    conv_alpha: float | None = setting(
        None,
        "Network",
        "conv alpha",
        "Alpha of the 3×3 layers. Blank: conv_dim × network_alpha / network_dim, the same scale as elsewhere (sd-scripts: 1).",
        memory="no",
        speed=False,
        metadata=("ss_network_args",),
        exactness=EXACT,
        synonyms="locon, convolution, 3x3, scale",
        ge=0,
        le=4096,
    )
    network_dropout: float = setting(
        0.0,
        "Network",
        "LoRA dropout",
        "Share of the down layer's outputs left out in each step.",
        memory="yes",
        speed=False,
        metadata=("ss_network_dropout", "ss_network_args"),
        exactness=EXACT,
        synonyms="regularization, overfitting",
        ge=0,
        lt=1,
    )
    rank_dropout: float = setting(
        0.0,
        "Network",
        "rank dropout",
        "Share of the ranks left out in each step; the others are scaled up.",
        memory="yes",
        speed=False,
        metadata=("ss_network_args",),
        exactness=EXACT,
        synonyms="regularization, overfitting",
        ge=0,
        lt=1,
    )
    module_dropout: float = setting(
        0.0,
        "Network",
        "module dropout",
        "Share of the layers left out in each step.",
        memory="yes",
        speed=False,
        metadata=("ss_network_args",),
        exactness=EXACT,
        synonyms="regularization, overfitting, layer",
        ge=0,
        lt=1,
    )
    scale_weight_norms: float | None = setting(
        None,
        "Network",
        "max weight norm",
        "After each step, a layer whose change has a larger norm than this is scaled down to it. Blank: off.",
        memory="yes",
        speed=False,
        metadata="ss_scale_weight_norms",
        exactness=EXACT,
        synonyms="scale weights, regularization, overfitting, largest norm",
        gt=0,
        le=10_000,
    )
    network_weights: str = setting(
        "",
        "Network",
        "start from LoRA",
        "A LoRA file, or a folder of PEFT, whose weights the bake starts with. Blank: a new LoRA.",
        memory="yes",
        speed=False,
        metadata=("ss_network_weights",),
        exactness=EXACT,
        synonyms="continue, finetune, warm start, existing lora, resume",
        path="weights",
    )
    dim_from_weights: bool = setting(
        False,
        "Network",
        "dims from start LoRA",
        "Take rank and alpha of each layer from the network_weights file, and train only its layers.",
        memory="yes",
        speed=False,
        metadata="ss_dim_from_weights",
        exactness=EXACT,
        synonyms="rank, dynamic",
    )
    network_train_unet_only: bool = setting(
        False,
        "Network",
        "train {body} only",
        "Do not train the {encoder} and leave it out of the file.",
        memory="derived",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="text encoder off, vram",
    )
    network_train_text_encoder_only: bool = setting(
        False,
        "Network",
        "train encoder only",
        "Do not train the {body} and leave it out of the file.",
        memory="derived",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="text encoder, clip",
    )

    train_llm_adapter: bool = setting(
        False,
        "Network",
        "train text conditioner",
        "On Anima, train the text conditioner too, at the text encoder's rate; kohya's default is half the rate. Small sets spoil it, and the encoder then stays on the GPU.",
        memory="derived",
        speed=True,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="anima, llm adapter, conditioner, text encoder",
    )

    @field_validator("network_weights")
    @classmethod
    def _start_path_can_be_written(cls, value: str) -> str:
        return check_path(value)

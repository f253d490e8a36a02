"""What may be asked of the LoRA?"""

from pydantic import BaseModel, field_validator

from trainer.settings.amounts import check_text
from trainer.settings.one_setting import setting


class NetworkFields(BaseModel):
    """Section Network."""

    network_dim: int = setting(
        32,
        "Network",
        "dim (rank)",
        "Rank of each LoRA layer. 32 holds a character; the file grows with it.",
        unit="rank",
        ge=1,
        le=1024,
    )
    network_alpha: float = setting(
        16,
        "Network",
        "alpha",
        "The layers' output is scaled by alpha / dim. Half of dim keeps rates comparable with common guides; 0 means dim.",
        ge=0,
        le=4096,
    )
    conv_dim: int | None = setting(
        None,
        "Network",
        "dim of 3×3",
        "Rank of layers on the U-Net's 3×3 convolutions too (LoCon); the ordinary layers beside them then get network_dim. Blank: none there.",
        unit="rank",
        ge=1,
        le=1024,
    )
    conv_alpha: float | None = setting(
        None,
        "Network",
        "alpha of 3×3",
        "Alpha of those. Blank: conv_dim × network_alpha / network_dim, the same scale as elsewhere (sd-scripts: 1).",
        ge=0,
        le=4096,
    )
    network_dropout: float = setting(
        0.0, "Network", "dropout", "Share of the down layer's outputs left out in each step.", ge=0, lt=1
    )
    rank_dropout: float = setting(
        0.0, "Network", "rank dropout", "Share of the ranks left out in each step; the others count more.", ge=0, lt=1
    )
    module_dropout: float = setting(
        0.0, "Network", "module dropout", "Share of the layers left out in each step.", ge=0, lt=1
    )
    scale_weight_norms: float | None = setting(
        None,
        "Network",
        "largest norm",
        "After each step a layer whose change is longer than this is shortened to it. Blank: never.",
        gt=0,
        le=10_000,
    )
    network_weights: str = setting(
        "",
        "Network",
        "begin from",
        "A LoRA file whose weights the bake begins with. Blank: from nothing.",
    )
    dim_from_weights: bool = setting(
        False, "Network", "dim from it", "Take rank and alpha of each layer from that file, and its layers alone."
    )
    network_train_unet_only: bool = setting(
        False, "Network", "U-Net only", "Leave the text encoder as it is and out of the file."
    )
    network_train_text_encoder_only: bool = setting(
        False, "Network", "text encoder only", "Leave the U-Net as it is and out of the file."
    )

    @field_validator("network_weights")
    @classmethod
    def _path_can_be_written(cls, value: str) -> str:
        return check_text(value)

"""What may be asked of the rates? Of each part, when it stops, and the rule that applies them."""

from pydantic import BaseModel, field_validator

from trainer.optimizers import DEFAULT_OPTIMIZER, choices_text
from trainer.settings.amounts import check_stop
from trainer.settings.one_setting import ArgumentList, Text, setting
from trainer.settings.optimizers import check_argument, check_optimizer


class RateFields(BaseModel):
    """Section Rates."""

    learning_rate: float = setting(
        1e-4,
        "Rates",
        "learning rate",
        "Rate of every part that has none of its own.",
        live=True,
        ge=0,
        le=1,
    )
    unet_lr: float | None = setting(
        1e-4,
        "Rates",
        "U-Net rate",
        "Peak rate of the U-Net's LoRA. 1e-4 suits alpha at half of dim. Blank: learning_rate. 0: the part does not train.",
        live=True,
        ge=0,
        le=1,
    )
    text_encoder_lr: float | None = setting(
        2e-5,
        "Rates",
        "text encoder rate",
        "Peak rate of the text encoder's LoRA. A fifth of the U-Net's: too much of it drags in what nobody asked for. Blank: learning_rate. 0: off.",
        live=True,
        ge=0,
        le=1,
    )
    text_encoder_lr2: float | None = setting(
        None,
        "Rates",
        "second encoder",
        "Peak rate of the LoRA on SDXL's second text encoder. Blank: text_encoder_lr. 0: off.",
        live=True,
        ge=0,
        le=1,
    )
    text_encoder_stop: Text = setting(
        "",
        "Rates",
        "encoder stop",
        "When the text encoder's LoRA stops training: after epochs (`3ep`), steps (`600`) or a share of the bake (`50%`). It stays in force and in the file. Blank: never.",
        unit="ep, steps, %",
        live=True,
    )
    text_encoder_stop2: Text = setting(
        "",
        "Rates",
        "second stops",
        "The same for SDXL's second text encoder. Blank: as text_encoder_stop.",
        unit="ep, steps, %",
        live=True,
    )
    unet_stop: Text = setting(
        "",
        "Rates",
        "U-Net stop",
        "When the U-Net's LoRA stops training, the mirror image of text_encoder_stop. Blank: never.",
        unit="ep, steps, %",
        live=True,
    )
    loraplus_lr_ratio: float | None = setting(
        None,
        "Rates",
        "LoRA+ ratio",
        "lora_up learns at this multiple of its part's rate (LoRA+, Hayou et al. 2024; the paper's language models like 16). For Adam the same as alpha times it. Blank: 1.",
        gt=0,
        le=10_000,
    )
    loraplus_unet_lr_ratio: float | None = setting(
        None, "Rates", "of the U-Net", "The U-Net's own. Blank: loraplus_lr_ratio.", gt=0, le=10_000
    )
    loraplus_text_encoder_lr_ratio: float | None = setting(
        None, "Rates", "of the encoders", "The text encoders' own. Blank: loraplus_lr_ratio.", gt=0, le=10_000
    )
    optimizer_type: Text = setting(
        DEFAULT_OPTIMIZER,
        "Rates",
        "optimizer",
        f"The rule that applies the gradients: {choices_text()}, or any class by its dotted path (`torch.optim.NAdam`).",
    )
    optimizer_args: ArgumentList = setting(
        [],
        "Rates",
        "optimizer args",
        "What the optimizer takes besides the rate: `weight_decay=0.01`, `betas=0.9:0.999`, several separated by commas.",
    )
    max_grad_norm: float = setting(
        1.0, "Rates", "gradient clip", "Gradients longer than this are shortened to it. 0: never.", ge=0, le=1000
    )

    @field_validator("text_encoder_stop", "text_encoder_stop2", "unet_stop")
    @classmethod
    def _stop_is_a_moment(cls, value: str) -> str:
        return check_stop(value)

    @field_validator("optimizer_type")
    @classmethod
    def _optimizer_has_a_name(cls, value: str) -> str:
        return check_optimizer(value)

    @field_validator("optimizer_args")
    @classmethod
    def _arguments_have_a_form(cls, value: list[str]) -> list[str]:
        return [check_argument(argument) for argument in value]

"""Settings of learning rates, stops and the optimizer."""

from pydantic import field_validator

from trainer.optimizers import DEFAULT_OPTIMIZER, choices_text
from trainer.settings.amounts import check_stop
from trainer.settings.one_setting import EXACT, ArgumentList, SettingFields, Text, setting
from trainer.settings.optimizers import check_argument, check_optimizer


class RateFields(SettingFields):
    """Section Rates."""

    learning_rate: float = setting(
        1e-4,
        "Rates",
        "learning rate",
        "Learning rate of every part without its own.",
        live=True,
        memory="derived",
        speed=False,
        metadata="ss_learning_rate",
        exactness=EXACT,
        synonyms="lr",
        ge=0,
        le=1,
    )
    unet_lr: float | None = setting(
        1e-4,
        "Rates",
        "{body} rate",
        "Peak learning rate of the {body}'s LoRA. 1e-4 suits alpha at half of dim. Blank: learning_rate. 0: the part does not train.",
        live=True,
        memory="derived",
        speed=False,
        metadata="ss_unet_lr",
        exactness=EXACT,
        synonyms="learning rate, lr",
        ge=0,
        le=1,
    )
    text_encoder_lr: float | None = setting(
        2e-5,
        "Rates",
        "{encoder} rate",
        "Peak learning rate of the {encoder}'s LoRA. The default is a fifth of the {body}'s: at higher rates unwanted details stick to the caption's words. Blank: learning_rate. 0: off.",
        live=True,
        memory="derived",
        speed=False,
        metadata="ss_text_encoder_lr",
        exactness=EXACT,
        synonyms="learning rate, lr, te, clip",
        ge=0,
        le=1,
    )
    text_encoder_lr2: float | None = setting(
        None,
        "Rates",
        "2nd text encoder rate",
        "Peak learning rate of the LoRA on SDXL's second text encoder. Blank: text_encoder_lr. 0: off.",
        live=True,
        memory="derived",
        speed=False,
        metadata="ss_text_encoder_lr2",
        exactness=EXACT,
        synonyms="learning rate, lr, te2, sdxl, text encoder",
        ge=0,
        le=1,
    )
    text_encoder_stop: Text = setting(
        "",
        "Rates",
        "{encoder} stop",
        "When the {encoder}'s LoRA stops training: after epochs (`3ep`), steps (`600`) or a share of the bake (`50%`). What it learned stays in use and in the file. Blank: never.",
        unit="ep, steps, %",
        live=True,
        memory="no",
        speed=False,
        metadata=("ss_text_encoder_stop", "ss_text_encoder_stop_step"),
        exactness=EXACT,
        synonyms="freeze, te, early stop",
    )
    text_encoder_stop2: Text = setting(
        "",
        "Rates",
        "2nd text encoder stop",
        "When the LoRA on SDXL's second text encoder stops training, as in text_encoder_stop. Blank: with the first.",
        unit="ep, steps, %",
        live=True,
        memory="no",
        speed=False,
        metadata=("ss_text_encoder_stop2", "ss_text_encoder_stop2_step"),
        exactness=EXACT,
        synonyms="freeze, te2, sdxl, text encoder, early stop",
    )
    unet_stop: Text = setting(
        "",
        "Rates",
        "{body} stop",
        "When the {body}'s LoRA stops training, as in text_encoder_stop. Blank: never.",
        unit="ep, steps, %",
        live=True,
        memory="no",
        speed=False,
        metadata=("ss_unet_stop", "ss_unet_stop_step"),
        exactness=EXACT,
        synonyms="freeze, early stop",
    )
    loraplus_lr_ratio: float | None = setting(
        None,
        "Rates",
        "LoRA+ ratio",
        "Learning rate of lora_up as a multiple of its part's (LoRA+, Hayou et al. 2024; the paper uses 16 for language models). With Adam this is the same as a larger alpha. Blank: 1.",
        memory="yes",
        speed=False,
        metadata=("ss_network_args",),
        exactness=EXACT,
        synonyms="lora plus, learning rate, up",
        gt=0,
        le=10_000,
    )
    loraplus_unet_lr_ratio: float | None = setting(
        None,
        "Rates",
        "{body} LoRA+ ratio",
        "LoRA+ ratio of the {body}. Blank: loraplus_lr_ratio.",
        memory="yes",
        speed=False,
        metadata=("ss_network_args",),
        exactness=EXACT,
        synonyms="lora plus, learning rate",
        gt=0,
        le=10_000,
    )
    loraplus_text_encoder_lr_ratio: float | None = setting(
        None,
        "Rates",
        "encoder LoRA+ ratio",
        "LoRA+ ratio of the text encoders. Blank: loraplus_lr_ratio.",
        memory="yes",
        speed=False,
        metadata=("ss_network_args",),
        exactness=EXACT,
        synonyms="lora plus, learning rate, te",
        gt=0,
        le=10_000,
    )
    optimizer_type: Text = setting(
        DEFAULT_OPTIMIZER,
        "Rates",
        "optimizer",
        f"The rule that applies the gradients: {choices_text()}, or any class by its dotted path (`torch.optim.NAdam`).",
        memory="yes",
        speed=False,
        metadata=("ss_optimizer",),
        exactness=EXACT,
        synonyms="adam, 8bit, dadaptation, vram",
        fixed_in_fork=True,
    )
    optimizer_args: ArgumentList = setting(
        [],
        "Rates",
        "optimizer args",
        "Further arguments of the optimizer: `weight_decay=0.01`, `betas=0.9:0.999`, several separated by commas.",
        memory="yes",
        speed=False,
        metadata=("ss_optimizer",),
        exactness=EXACT,
        synonyms="weight decay, betas, eps, momentum",
    )
    max_grad_norm: float = setting(
        1.0,
        "Rates",
        "gradient clipping",
        "Gradients longer than this are scaled down to it. 0: off.",
        memory="yes",
        speed=False,
        metadata="ss_max_grad_norm",
        exactness=EXACT,
        synonyms="clip, norm, spikes, stability",
        ge=0,
        le=1000,
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

"""OneTrainer's keys of the model and its parts: what trains, at which rates, for how long, with which LoRA."""

import math
from collections.abc import Iterator

from trainer.interop.record import KeyRule, Reading
from trainer.interop.trainers import reasons
from trainer.interop.trainers.onetrainer_flow import ENCODER_OF_FLOW, FLOW_BASES, is_flow
from trainer.interop.trainers.rules import Values, if_number, is_blank, is_on, number, renamed, table, text_of

BASES = {"STABLE_DIFFUSION_15": "SD1.x", "STABLE_DIFFUSION_XL_10_BASE": "SDXL", **FLOW_BASES}
"""Its kinds of models that can be trained here."""

METHODS = {
    "FINE_TUNE": "trained the whole model",
    "EMBEDDING": "trained an embedding",
    "FINE_TUNE_VAE": "trained the VAE",
}
"""What it did with other methods than LoRA."""

# OneTrainer's own, where a file does not say otherwise.
_RATE = 3e-6
_PRECISIONS = ("FLOAT_16", "BFLOAT_16", "FLOAT_32", "TFLOAT_32")


def figure_of(values: Values, key: str, otherwise: float) -> float:
    """Return a number, `otherwise` where there is none."""
    found = number(values.get(key))
    return otherwise if found is None else found


def trains(values: Values, part: str) -> bool:
    """Return whether a part of the model trains, as it does where the file does not say."""
    value = values.get(f"{part}.train", True)
    return value is None or is_on(value)


def is_sdxl(values: Values) -> bool:
    """Return whether the file is for SDXL."""
    return text_of(values, "model_type").startswith("STABLE_DIFFUSION_XL")


def encoders_of(values: Values) -> tuple[str, ...]:
    """Return the text encoders of the file's base."""
    return ("text_encoder", "text_encoder_2") if is_sdxl(values) else ("text_encoder",)


def _read_method(value: object, _: Values) -> Reading:
    method = str(value)
    if method == "LORA":
        return Reading({"network_module": "networks.lora"})
    return Reading(no_effect=f"OneTrainer {METHODS.get(method, 'did something else')}; a bake here trains a LoRA")


def _read_model(value: object, _: Values) -> Reading:
    if str(value) in BASES:
        return Reading(no_effect="the base's file tells")
    return Reading(no_effect=reasons.BASE_TELLS)


def _read_peft(value: object, _: Values) -> Reading:
    if str(value) == "LORA":
        return Reading({"network_module": "networks.lora"})
    return Reading(no_effect=f"there is no {value} here; a plain LoRA of this rank is trained")


def _read_rank(value: object, values: Values) -> Reading:
    options: dict[str, object] = {"network_dim": value}
    return Reading(options | ({"conv_dim": value} if _trains_convolutions(values) else {}))


def _read_alpha(value: object, values: Values) -> Reading:
    options: dict[str, object] = {"network_alpha": value}
    return Reading(options | ({"conv_alpha": value} if _trains_convolutions(values) else {}))


def _trains_convolutions(values: Values) -> bool:
    """Return whether the file wants a LoRA on every layer, as OneTrainer does by itself; in 2023 it was on attention blocks alone."""
    if is_flow(values):
        return False
    flat = any(key in values for key in ("train_unet", "train_unet_epochs", "unet_learning_rate"))
    if flat and "layer_filter_preset" not in values:
        return False
    return text_of(values, "layer_filter_preset", "full") == "full" and not text_of(values, "layer_filter")


def _read_preset(value: object, values: Values) -> Reading:
    preset = "full" if is_blank(value) else str(value)
    if preset == "full" and not text_of(values, "layer_filter"):
        if "lora_rank" in values and "lora_alpha" in values:
            return Reading(no_effect="convolutions get lora_rank and lora_alpha too")
        return Reading({"conv_dim": values.get("lora_rank", 16), "conv_alpha": values.get("lora_alpha", 1.0)})
    if preset == "attn-mlp":
        return Reading(no_effect="these are the layers that a LoRA is on here")
    return Reading(no_effect="which layers a LoRA is on cannot be chosen here: those of the attention blocks")


def _why_no_rate(part: str, values: Values) -> str:
    """Return why a part's rate has no effect, "" where it has one."""
    if not trains(values, part):
        return f"{part}.train is off"
    if part == "text_encoder_2" and not is_sdxl(values):
        return "the base has one text encoder"
    if part == "text_encoder" and is_flow(values):
        return ENCODER_OF_FLOW
    other = {"unet": "transformer", "transformer": "U-Net"}.get(part, "")
    return f"the base has a {other}" if other and (part == "unet") == is_flow(values) else ""


def _read_rate(part: str, option: str) -> KeyRule:
    key = f"{part}.learning_rate" if part else "learning_rate"

    def read(value: object, values: Values) -> Reading:
        if part and (why := _why_no_rate(part, values)):
            return Reading(no_effect=why)
        found = number(value)
        if found is None:
            if is_blank(value):
                return Reading({option: None})
            return Reading(no_effect="no number")
        return Reading({option: found * _rate_factor(values)})

    rule = (
        "blank takes learning_rate"
        if part
        else "times the root of what learning_rate_scaler names, where it names something"
    )
    return KeyRule(key, (option,), rule, read)


def _rate_factor(values: Values) -> float:
    """Return what learning_rate_scaler multiplies every rate with: the root of batch size, accumulated batches, or both."""
    scaler = text_of(values, "learning_rate_scaler", "NONE")
    batch, accumulated = figure_of(values, "batch_size", 1.0), figure_of(values, "gradient_accumulation_steps", 1.0)
    factor = {
        "BATCH": batch,
        "GLOBAL_BATCH": batch,
        "GRADIENT_ACCUMULATION": accumulated,
        "BOTH": batch * accumulated,
        "GLOBAL_BOTH": batch * accumulated,
    }.get(scaler, 1.0)
    return math.sqrt(max(factor, 0.0))


def _read_scaler(value: object, values: Values) -> Reading:
    if str(value) == "NONE" or is_blank(value):
        return Reading(no_effect="rates are taken as they are, here too")
    if "learning_rate" in values:
        return Reading(no_effect="every rate is multiplied with the root of it")
    return Reading({"learning_rate": figure_of(values, "learning_rate", _RATE) * _rate_factor(values)})


def _read_trains(part: str) -> KeyRule:
    if part == "unet":
        return KeyRule("unet.train", ("network_train_text_encoder_only",), read=_read_trains_unet)
    rate = "text_encoder_lr" + ("2" if part.endswith("2") else "")

    def read(value: object, values: Values) -> Reading:
        if part == "text_encoder_2" and not is_sdxl(values):
            return Reading(no_effect="the base has one text encoder")
        if part == "text_encoder" and is_flow(values):
            return (
                Reading({"network_train_unet_only": True}) if not is_on(value) else Reading(no_effect=ENCODER_OF_FLOW)
            )
        if is_on(value) or value is None:
            return Reading(no_effect="it trains, here too")
        if any(trains(values, each) for each in encoders_of(values)):
            return Reading({rate: 0.0})
        return Reading({"network_train_unet_only": True})

    rule = "an encoder that does not train beside one that does has the rate 0"
    return KeyRule(f"{part}.train", ("network_train_unet_only", rate), rule, read)


def _read_trains_unet(value: object, values: Values) -> Reading:
    if is_flow(values):
        return Reading(no_effect="the base has a transformer")
    if is_on(value) or value is None:
        return Reading({"network_train_text_encoder_only": False})
    if any(trains(values, each) for each in encoders_of(values)):
        return Reading({"network_train_text_encoder_only": True})
    return Reading(no_effect="nothing would train")


def _read_stop(part: str, option: str) -> Iterator[KeyRule]:
    """Yield the rows of when a part stops: the number, its unit, and the epochs of 2023."""
    key, unit_key = f"{part}.stop_training_after", f"{part}.stop_training_after_unit"
    default_unit = "NEVER" if part == "unet" else "EPOCH"

    def stop(after: object, unit: str, values: Values) -> Reading:
        amount = number(after)
        if not trains(values, part):
            return Reading(no_effect=f"{part}.train is off")
        if unit in ("NEVER", "EPOCH") and (
            amount is None or unit == "NEVER" or amount >= figure_of(values, "epochs", 100)
        ):
            # Blank would be OneTrainer's own: an encoder there stops after 30 epochs.
            return Reading(no_effect="never, as here") if part == "unet" else Reading({option: "100%"})
        if unit == "ALWAYS" or amount is None or amount <= 0:
            return Reading(no_effect="before the first step: leave the part out with a rate of 0")
        if unit in ("EPOCH", "STEP"):
            return Reading({option: f"{math.floor(amount)}{'ep' if unit == 'EPOCH' else ''}"})
        return Reading(no_effect=f"a part stops here after epochs, steps or a share, not by the {unit.lower()}")

    yield KeyRule(
        key,
        (option,),
        "with its unit: epochs as `3ep`, steps as a number; never is `100%`",
        if_number(option, lambda value, values: stop(value, text_of(values, unit_key, default_unit), values)),
    )
    yield KeyRule(
        unit_key,
        (option,),
        f"together with {key}",
        lambda value, values: (
            Reading(no_effect=f"read together with {key}")
            if key in values
            else stop(30 if default_unit == "EPOCH" else None, str(value), values)
        ),
    )
    yield KeyRule(
        f"train_{part}_epochs",
        (option,),
        "as `3ep`; after the last epoch is `100%`",
        lambda value, values: stop(value, "EPOCH", values),
    )


def _read_weights(value: object, _: Values) -> Reading:
    kind = str(value)
    if kind == "FLOAT_8":
        return Reading({"fp8_base": True})
    if kind in ("INT_8", "INT_W8A8", "INT_W8A8_COMPRESSED"):
        return Reading({"int8_base": True})
    if kind in _PRECISIONS:
        return Reading(no_effect=reasons.BASE_PRECISION)
    return Reading(no_effect="the base is held in the precision of the bake, or in 8 bits with int8_base or fp8_base")


_EIGHT_BITS = "FLOAT_8 is fp8_base, INT_8 int8_base"

PART_KEYS = table(
    KeyRule("training_method", ("network_module",), read=_read_method),
    KeyRule("model_type", (), read=_read_model, why="the base's file tells"),
    KeyRule("peft_type", ("network_module",), read=_read_peft),
    renamed("base_model_name", "pretrained_model_name_or_path"),
    KeyRule("vae.model_name", ("vae",)),
    KeyRule("unet.weight_dtype", ("fp8_base", "int8_base"), _EIGHT_BITS, _read_weights),
    KeyRule(
        "transformer.weight_dtype",
        ("fp8_base", "int8_base"),
        _EIGHT_BITS,
        lambda value, values: (
            _read_weights(value, values) if is_flow(values) else Reading(no_effect="the base has a U-Net")
        ),
    ),
    _read_rate("", "learning_rate"),
    _read_rate("unet", "unet_lr"),
    _read_rate("transformer", "unet_lr"),
    _read_rate("text_encoder", "text_encoder_lr"),
    _read_rate("text_encoder_2", "text_encoder_lr2"),
    KeyRule(
        "learning_rate_scaler", ("learning_rate",), "multiplies every rate with the root of what it names", _read_scaler
    ),
    KeyRule(
        "lora_rank",
        ("network_dim", "conv_dim"),
        "of convolutions too, unless layer_filter_preset names other layers",
        _read_rank,
    ),
    KeyRule(
        "lora_alpha",
        ("network_alpha", "conv_alpha"),
        "of convolutions too, unless layer_filter_preset names other layers",
        _read_alpha,
    ),
    KeyRule("lora_model_name", ("network_weights",)),
    KeyRule(
        "layer_filter_preset",
        ("conv_dim", "conv_alpha"),
        "`full` gives convolutions the same rank and alpha",
        _read_preset,
    ),
    renamed("dropout_probability", "network_dropout"),
    (_read_trains(part) for part in ("unet", "text_encoder", "text_encoder_2")),
    _read_stop("unet", "unet_stop"),
    _read_stop("text_encoder", "text_encoder_stop"),
    _read_stop("text_encoder_2", "text_encoder_stop2"),
)
"""Rows of the model's parts and of the LoRA."""

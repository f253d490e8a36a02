"""OneTrainer's JSON: its presets and saved settings, of 2023 (flat) and of today (a table for each part of the model).

Of 2023 it kept `train_unet_epochs`, `optimizer_weight_decay` and the like on the top level; they stand here under today's names.
Behaviour as of 2026-08, of old files as its own migrations read them.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import PureWindowsPath

from trainer.interop.record import KeyRule, Reading, SourceDocument, TrainerFormat
from trainer.interop.trainers.onetrainer_keys import CATCH_ALL, FLAT_OF_2023, OTHER_KEYS
from trainer.interop.trainers.rules import Values, is_blank, is_on, known_share, number, renamed, same, table
from trainer.optimizers import OPTIMIZERS

PROFILE = "OneTrainer 2026-08"

_BASES = {"STABLE_DIFFUSION_15": "SD1.x", "STABLE_DIFFUSION_XL_10_BASE": "SDXL"}
_METHODS = {
    "FINE_TUNE": "trained the whole model",
    "EMBEDDING": "trained an embedding",
    "FINE_TUNE_VAE": "trained the VAE",
}
_PRECISIONS = {"FLOAT_16": "fp16", "BFLOAT_16": "bf16", "FLOAT_32": "no", "TFLOAT_32": "no"}
_SAVED = {"FLOAT_16": "fp16", "BFLOAT_16": "bf16", "FLOAT_32": "float", "TFLOAT_32": "float"}
_SCHEDULERS = {
    "CONSTANT": "constant",
    "LINEAR": "linear",
    "COSINE": "cosine",
    "COSINE_WITH_RESTARTS": "cosine_with_restarts",
    "COSINE_WITH_HARD_RESTARTS": "cosine_with_restarts",
    "REX": "rex",
}
_OPTIMIZERS = {
    "ADAMW": "AdamW",
    "ADAMW_8BIT": "AdamW8bit",
    "ADAM": "torch.optim.Adam",
    "ADAGRAD": "torch.optim.Adagrad",
    "RMSPROP": "torch.optim.RMSprop",
    "SGD": "SGDNesterov",
    "LION": "Lion",
    "PRODIGY": "Prodigy",
    "ADAFACTOR": "Adafactor",
}
_ARGUMENTS = (
    "weight_decay eps amsgrad momentum nesterov d_coef d0 growth_rate beta3 decouple use_bias_correction safeguard_warmup "
    "clip_threshold decay_rate scale_parameter relative_step warmup_init"
)
# OneTrainer's own, where a file does not say otherwise.
_WARMUP, _RATE = 200.0, 3e-6


def _text(values: Values, key: str, otherwise: str = "") -> str:
    return str(values.get(key, otherwise) or otherwise)


def _figure(values: Values, key: str, otherwise: float) -> float:
    found = number(values.get(key))
    return otherwise if found is None else found


def _trains(values: Values, part: str) -> bool:
    value = values.get(f"{part}.train", True)
    return value is None or is_on(value)


def _of_sdxl(values: Values) -> bool:
    return _text(values, "model_type").startswith("STABLE_DIFFUSION_XL")


def _encoders(values: Values) -> tuple[str, ...]:
    return ("text_encoder", "text_encoder_2") if _of_sdxl(values) else ("text_encoder",)


def _read_method(value: object, _: Values) -> Reading:
    method = str(value)
    if method == "LORA":
        return Reading({"network_module": "networks.lora"})
    return Reading(no_effect=f"OneTrainer {_METHODS.get(method, 'did something else')}; a bake here trains a LoRA")


def _read_model(value: object, _: Values) -> Reading:
    if str(value) in _BASES:
        return Reading(no_effect="the base's file tells")
    return Reading(no_effect="bases here are SD1.x and SDXL; the base's file tells")


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
    """Return whether the file wants a LoRA on every layer; without these keys, as in 2023, it is on the attention blocks alone."""
    if "layer_filter_preset" not in values and "layer_filter" not in values:
        return False
    return _text(values, "layer_filter_preset", "full") == "full" and not _text(values, "layer_filter")


def _read_preset(value: object, values: Values) -> Reading:
    preset = "full" if is_blank(value) else str(value)
    if preset == "full" and not _text(values, "layer_filter"):
        rank = values.get("lora_rank", 16)
        return Reading({"conv_dim": rank, "conv_alpha": values.get("lora_alpha", 1.0)})
    if preset == "attn-mlp":
        return Reading(no_effect="these are the layers that a LoRA is on here")
    return Reading(no_effect="which layers a LoRA is on cannot be chosen here: those of the attention blocks")


def _read_rate(part: str, option: str) -> KeyRule:
    key = f"{part}.learning_rate" if part else "learning_rate"

    def read(value: object, values: Values) -> Reading:
        if part and not _trains(values, part):
            return Reading(no_effect=f"{part}.train is off")
        if part == "text_encoder_2" and not _of_sdxl(values):
            return Reading(no_effect="the base has one text encoder")
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
    scaler = _text(values, "learning_rate_scaler", "NONE")
    batch, accumulated = _figure(values, "batch_size", 1.0), _figure(values, "gradient_accumulation_steps", 1.0)
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
    return Reading({"learning_rate": _figure(values, "learning_rate", _RATE) * _rate_factor(values)})


def _read_trains(part: str) -> KeyRule:
    if part == "unet":
        return KeyRule("unet.train", ("network_train_text_encoder_only",), read=_read_trains_unet)
    rate = "text_encoder_lr" + ("2" if part.endswith("2") else "")

    def read(value: object, values: Values) -> Reading:
        if part == "text_encoder_2" and not _of_sdxl(values):
            return Reading(no_effect="the base has one text encoder")
        if is_on(value) or value is None:
            return Reading(no_effect="it trains, here too")
        if any(_trains(values, each) for each in _encoders(values)):
            return Reading({rate: 0.0})
        return Reading({"network_train_unet_only": True})

    rule = "an encoder that does not train beside one that does has the rate 0"
    return KeyRule(f"{part}.train", ("network_train_unet_only", rate), rule, read)


def _read_trains_unet(value: object, values: Values) -> Reading:
    if is_on(value) or value is None:
        return Reading({"network_train_text_encoder_only": False})
    if any(_trains(values, each) for each in _encoders(values)):
        return Reading({"network_train_text_encoder_only": True})
    return Reading(no_effect="nothing would train")


def _read_stop(part: str, option: str) -> Iterator[KeyRule]:
    """Yield the rows of when a part stops: the number, its unit, and the epochs of 2023."""
    key, unit_key = f"{part}.stop_training_after", f"{part}.stop_training_after_unit"
    default_unit = "NEVER" if part == "unet" else "EPOCH"

    def stop(after: object, unit: str, values: Values) -> Reading:
        amount = number(after)
        if not _trains(values, part):
            return Reading(no_effect=f"{part}.train is off")
        if unit in ("NEVER", "EPOCH") and (
            amount is None or unit == "NEVER" or amount >= _figure(values, "epochs", 100)
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
        lambda value, values: stop(value, _text(values, unit_key, default_unit), values),
    )
    yield KeyRule(
        unit_key,
        (option,),
        f"together with {key}",
        lambda value, values: stop(values.get(key, 30 if default_unit == "EPOCH" else None), str(value), values),
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
        return Reading(no_effect="the base is held in the precision of the bake")
    return Reading(no_effect="the base is held in the precision of the bake, or in 8 bits with int8_base or fp8_base")


def _read_precision(value: object, _: Values) -> Reading:
    found = _PRECISIONS.get(str(value))
    return Reading({"mixed_precision": found}) if found else Reading(no_effect="no precision that a bake here has")


def _read_saved(value: object, _: Values) -> Reading:
    found = _SAVED.get(str(value))
    return (
        Reading({"save_precision": found}) if found else Reading(no_effect="LoRA files are saved as fp32, fp16 or bf16")
    )


def _read_destination(value: object, _: Values) -> Reading:
    stem = PureWindowsPath(str(value).replace("/", "\\")).stem
    return Reading({"output_name": stem}) if stem else Reading(no_effect="blank")


def _read_scheduler(value: object, values: Values) -> Reading:
    name = str(value)
    found = _SCHEDULERS.get(name)
    if found is None:
        return Reading(no_effect=f"there is no schedule {name.lower()} here")
    if found == "constant" and _figure(values, "learning_rate_warmup_steps", _WARMUP) > 0:
        return Reading({"lr_scheduler": "constant_with_warmup"})
    if found == "cosine" and _figure(values, "learning_rate_min_factor", 0) > 0:
        return Reading({"lr_scheduler": "cosine_with_min_lr"})
    return Reading({"lr_scheduler": found})


def _read_warmup(value: object, values: Values) -> Reading:
    found = number(value)
    if found is None or found <= 0:
        return Reading({"lr_warmup_steps": 0})
    if found > 1:
        return Reading({"lr_warmup_steps": int(found / max(1.0, _figure(values, "gradient_accumulation_steps", 1)))})
    return Reading({"lr_warmup_steps": found if found < 1 else "100%"})


def _read_cycles(value: object, values: Values) -> Reading:
    if _SCHEDULERS.get(_text(values, "learning_rate_scheduler")) != "cosine_with_restarts":
        return Reading(no_effect="the schedule has no cycles")
    found = number(value)
    return Reading({"lr_scheduler_num_cycles": max(1, round(found))}) if found else Reading(no_effect="no number")


def _read_lowest(value: object, values: Values) -> Reading:
    found = number(value)
    if not found:
        return Reading(no_effect="0: rates fall to 0")
    if _text(values, "learning_rate_scheduler") in ("COSINE", "REX"):
        return Reading({"lr_scheduler_min_lr_ratio": found})
    return Reading(no_effect="only cosine and rex can end above 0 here")


def _read_resolution(value: object, _: Values) -> Reading:
    sizes = [each.strip() for each in str(value).lower().split(",") if each.strip()]
    if len(sizes) > 1:
        return Reading({"datasets[0].resolutions": [size.replace("x", ",") for size in sizes]})
    return Reading({"resolution": sizes[0].replace("x", ",")}) if sizes else Reading(no_effect="blank")


def _read_optimizer(value: object, values: Values) -> Reading:
    name = str(value)
    found = _OPTIMIZERS.get(name)
    if found is None:
        return Reading(no_effect=f"there is no {name} here; name another as optimizer_type")
    if name == "SGD" and not is_on(values.get("optimizer.nesterov")):
        found = "torch.optim.SGD"
    return Reading({"optimizer_type": found})


def _argument(name: str) -> KeyRule:
    def read(value: object, values: Values) -> Reading:
        chosen = _OPTIMIZERS.get(_text(values, "optimizer.optimizer", "ADAMW"))
        if value is None or value is False or chosen is None:
            return Reading(no_effect="off" if value is False else "blank: the optimizer's own")
        if chosen not in OPTIMIZERS or name not in OPTIMIZERS[chosen].arguments:
            return Reading(no_effect=f"{chosen} takes no such argument here")
        return Reading({"optimizer_args": [f"{name}={value}"]})

    return KeyRule(f"optimizer.{name}", ("optimizer_args",), f"as `{name}=…`", read)


def _beta(name: str) -> KeyRule:
    def read(value: object, values: Values) -> Reading:
        first, second = (number(values.get(f"optimizer.{each}")) for each in ("beta1", "beta2"))
        if first is None or second is None:
            return Reading(no_effect="blank: the optimizer's own")
        chosen = _OPTIMIZERS.get(_text(values, "optimizer.optimizer", "ADAMW"), "")
        if chosen not in OPTIMIZERS or "betas" not in OPTIMIZERS[chosen].arguments:
            return Reading(no_effect="the optimizer takes no betas here")
        return Reading({"optimizer_args": [f"betas={first:g}:{second:g}"]})

    return KeyRule(f"optimizer.{name}", ("optimizer_args",), "both as `betas=…:…`", read)


def _read_interval(key: str, unit_key: str, epochs: str, steps: str, default: tuple[float, str]) -> Iterator[KeyRule]:
    def interval(after: object, unit: str) -> Reading:
        amount = number(after)
        if unit == "NEVER" or not amount or amount <= 0:
            return Reading({epochs: None, steps: None})
        if unit == "EPOCH":
            return Reading({epochs: max(1, round(amount)), steps: None})
        if unit == "STEP":
            return Reading({epochs: None, steps: max(1, round(amount))})
        return Reading(no_effect=f"it counts by the {unit.lower()}; here it is epochs or steps")

    options = (epochs, steps)
    rule = "with its unit: epochs or steps"
    yield KeyRule(key, options, rule, lambda value, values: interval(value, _text(values, unit_key, default[1])))
    yield KeyRule(
        unit_key,
        options,
        f"together with {key}",
        lambda value, values: interval(values.get(key, default[0]), str(value)),
    )


def _read_distribution(value: object, values: Values) -> Reading:
    name = str(value)
    if name == "UNIFORM":
        return Reading({"timestep_sampling": "uniform"})
    if name == "LOGIT_NORMAL":
        bias, weight = _figure(values, "noising_bias", 0), _figure(values, "noising_weight", 0)
        return Reading({"timestep_sampling": "logit_normal", "logit_mean": bias, "logit_std": weight + 1})
    return Reading(no_effect=f"there is no distribution {name.lower()} here")


def _read_strength(edge: str) -> KeyRule:
    def read(value: object, _: Values) -> Reading:
        found = number(value)
        return Reading({f"{edge}_timestep": int(1000 * found)}) if found is not None else Reading(no_effect="no number")

    return KeyRule(f"{edge}_noising_strength", (f"{edge}_timestep",), "times 1,000 timesteps", read)


def _read_weight_fn(value: object, values: Values) -> Reading:
    name = str(value)
    if name == "MIN_SNR_GAMMA":
        return Reading({"min_snr_gamma": _figure(values, "loss_weight_strength", 5.0)})
    if name == "DEBIASED_ESTIMATION":
        return Reading({"debiased_estimation_loss": True})
    return Reading(no_effect="no weights, here too" if name == "CONSTANT" else f"there are no weights {name} here")


def _loss(name: str, kind: str, default: float) -> KeyRule:
    key = f"{name}_strength"
    keys = {"mse": 1.0, "mae": 0.0, "log_cosh": 0.0, "huber": 0.0}

    def read(value: object, values: Values) -> Reading:
        used = [each for each, usual in keys.items() if _figure(values, f"{each}_strength", usual)]
        found = number(value)
        if not found:
            return Reading(no_effect="0: not used")
        if used != [name] or found != 1 or not kind:
            return Reading(no_effect="a bake here has one loss at strength 1: l2, l1, huber or smooth_l1")
        return Reading({"loss_type": kind})

    return KeyRule(key, ("loss_type",), f"alone and at strength 1 it is {kind}" if kind else "", read)


def _flag(key: str, option: str, on: object, off_means: str) -> KeyRule:
    return KeyRule(
        key, (option,), read=lambda value, _: Reading({option: on}) if is_on(value) else Reading(no_effect=off_means)
    )


def _read_offset(value: object, values: Values) -> Reading:
    if is_on(values.get("generalized_offset_noise")):
        return Reading(no_effect="noise offset that depends on the timestep does not exist here")
    return Reading({"noise_offset": value})


def _read_clip_skip(value: object, values: Values) -> Reading:
    skipped = number(value)
    if _of_sdxl(values):
        if not skipped:
            return Reading(no_effect="SDXL takes the layer before the last, here too")
        return Reading(no_effect="SDXL always takes the layer before the last here")
    return Reading({"clip_skip": int(skipped or 0) + 1})


def _read_attention(value: object, _: Values) -> Reading:
    name = str(value)
    if name == "XFORMERS":
        return Reading({"xformers": True})
    return Reading({"sdpa": True}) if name == "SDP" else Reading(no_effect="attention here is sdpa or xformers")


def _read_checkpointing(value: object, _: Values) -> Reading:
    return Reading({"gradient_checkpointing": str(value).upper() not in ("OFF", "FALSE", "0", "NONE", "")})


def _read_concept_file(value: object, values: Values) -> Reading:
    if any(key.startswith("concepts[") for key in values):
        return Reading(no_effect="the concepts stand in this file")
    return Reading(
        no_effect="the concepts stand in that file, which was not opened: name their folders as train_data_dir"
    )


def _concept(key: str, option: str, rule: str = "", read: object = None) -> KeyRule:
    """Return the row of a key of a concept, without effect where the concept is switched off or not trained on."""
    inner = read if callable(read) else lambda value, _: Reading({option: value})

    def checked(value: object, values: Values) -> Reading:
        if not is_on(values.get("concepts[*].enabled", True)):
            return Reading(no_effect="the concept is switched off")
        kind = _text(values, "concepts[*].type", "STANDARD")
        if (kind != "STANDARD" or is_on(values.get("concepts[*].validation_concept"))) and key != "path":
            return Reading(no_effect="the concept is not trained on")
        found = inner(value, values)
        return found if isinstance(found, Reading) else Reading()

    return KeyRule(f"concepts[*].{key}", (option,), rule, checked)


_SUBSET = "datasets[0].subsets[*]."


def _read_path(value: object, values: Values) -> Reading:
    kind = _text(values, "concepts[*].type", "STANDARD")
    if kind == "VALIDATION" or is_on(values.get("concepts[*].validation_concept")):
        return Reading({"validation_data_dir": value})
    if kind == "PRIOR_PREDICTION":
        return Reading(no_effect="a concept for prior prediction; regularisation here has pictures of its own")
    return Reading({f"{_SUBSET}image_dir": value})


def _read_balancing(value: object, values: Values) -> Reading:
    found = number(value)
    if found is None or found <= 0:
        return Reading(no_effect="no number above 0")
    if _text(values, "concepts[*].balancing_strategy", "REPEATS") == "SAMPLES":
        return Reading(no_effect="a number of pictures for each epoch; repeats here are for each picture")
    return Reading({f"{_SUBSET}num_repeats": max(1, math.floor(found + 0.5))})


def _read_prompt_source(value: object, _: Values) -> Reading:
    if str(value) == "sample":
        return Reading({f"{_SUBSET}caption_extension": ".txt"})
    return Reading(no_effect="captions here stand in a file beside each picture")


def _read_shuffling(value: object, _: Values) -> Reading:
    return Reading({f"{_SUBSET}shuffle_caption": is_on(value)})


def _read_kept(value: object, values: Values) -> Reading:
    if not is_on(values.get("concepts[*].text.enable_tag_shuffling")):
        return Reading(no_effect="tags are not shuffled")
    return Reading({f"{_SUBSET}keep_tokens": value})


def _read_tag_dropout(value: object, values: Values) -> Reading:
    if not is_on(values.get("concepts[*].text.tag_dropout_enable")):
        return Reading(no_effect="tag_dropout_enable is off")
    if _text(values, "concepts[*].text.tag_dropout_mode", "FULL") != "RANDOM":
        return Reading(no_effect="tags here are left out one by one, with one probability")
    return Reading({f"{_SUBSET}caption_tag_dropout_rate": value})


_CONCEPTS = (
    _concept("path", f"{_SUBSET}image_dir", "a validation concept is validation_data_dir", _read_path),
    KeyRule(
        "concepts[*].enabled",
        (f"{_SUBSET}enabled",),
        read=lambda value, _: (
            Reading({f"{_SUBSET}enabled": True}) if is_on(value) else Reading(no_effect="the concept is left out")
        ),
    ),
    _concept("balancing", f"{_SUBSET}num_repeats", "rounded to whole repeats, at least 1", _read_balancing),
    _concept(
        "text.prompt_source",
        f"{_SUBSET}caption_extension",
        "`sample` is a .txt file for each picture",
        _read_prompt_source,
    ),
    _concept("text.enable_tag_shuffling", f"{_SUBSET}shuffle_caption", "", _read_shuffling),
    _concept("text.keep_tags_count", f"{_SUBSET}keep_tokens", "", _read_kept),
    _concept("text.tag_dropout_probability", f"{_SUBSET}caption_tag_dropout_rate", "", _read_tag_dropout),
    KeyRule(
        "concepts[*].image.enable_random_flip",
        (f"{_SUBSET}flip_aug",),
        read=lambda value, _: Reading({f"{_SUBSET}flip_aug": is_on(value)}),
    ),
)

_RULES = table(
    KeyRule("training_method", ("network_module",), read=_read_method),
    KeyRule("model_type", (), read=_read_model, why="the base's file tells"),
    KeyRule("peft_type", ("network_module",), read=_read_peft),
    renamed("base_model_name", "pretrained_model_name_or_path"),
    KeyRule("vae.model_name", ("vae",)),
    KeyRule(
        "output_model_destination", ("output_name",), "the file's name without its folder and ending", _read_destination
    ),
    KeyRule("output_dtype", ("save_precision",), "FLOAT_16 is fp16, BFLOAT_16 bf16, FLOAT_32 float", _read_saved),
    KeyRule("train_dtype", ("mixed_precision",), "FLOAT_16 is fp16, BFLOAT_16 bf16, FLOAT_32 no", _read_precision),
    KeyRule("unet.weight_dtype", ("fp8_base", "int8_base"), "FLOAT_8 is fp8_base, INT_8 int8_base", _read_weights),
    KeyRule(
        "learning_rate_scheduler",
        ("lr_scheduler",),
        "COSINE_WITH_RESTARTS rises again smoothly there, in one step here",
        _read_scheduler,
    ),
    _read_rate("", "learning_rate"),
    _read_rate("unet", "unet_lr"),
    _read_rate("text_encoder", "text_encoder_lr"),
    _read_rate("text_encoder_2", "text_encoder_lr2"),
    KeyRule(
        "learning_rate_scaler", ("learning_rate",), "multiplies every rate with the root of what it names", _read_scaler
    ),
    KeyRule(
        "learning_rate_warmup_steps", ("lr_warmup_steps",), "above 1 batches, up to 1 a share of the bake", _read_warmup
    ),
    KeyRule("learning_rate_cycles", ("lr_scheduler_num_cycles",), "rounded", _read_cycles),
    KeyRule(
        "learning_rate_min_factor",
        ("lr_scheduler_min_lr_ratio",),
        "with COSINE, which becomes cosine_with_min_lr, and REX",
        _read_lowest,
    ),
    renamed("epochs", "max_train_epochs"),
    renamed("batch_size", "train_batch_size"),
    same("gradient_accumulation_steps"),
    KeyRule(
        "clip_grad_norm",
        ("max_grad_norm",),
        "blank is 0, no clipping",
        lambda value, _: Reading({"max_grad_norm": 0 if value is None else value}),
    ),
    KeyRule(
        "resolution",
        ("resolution", "datasets[0].resolutions"),
        "`512x768` is 512,768; several are a data set each",
        _read_resolution,
    ),
    renamed("aspect_ratio_bucketing", "enable_bucket"),
    renamed("latent_caching", "cache_latents"),
    KeyRule("attention_mechanism", ("xformers", "sdpa"), "XFORMERS is xformers, SDP sdpa", _read_attention),
    KeyRule("gradient_checkpointing", ("gradient_checkpointing",), "everything but OFF is on", _read_checkpointing),
    KeyRule("unet.gradient_checkpointing", ("gradient_checkpointing",), "", _read_checkpointing),
    KeyRule(
        "lora_rank", ("network_dim", "conv_dim"), "with layer_filter_preset `full` of convolutions too", _read_rank
    ),
    KeyRule(
        "lora_alpha",
        ("network_alpha", "conv_alpha"),
        "with layer_filter_preset `full` of convolutions too",
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
    KeyRule("offset_noise_weight", ("noise_offset",), read=_read_offset),
    _flag("rescale_noise_scheduler_to_zero_terminal_snr", "zero_terminal_snr", "yes", "what the base says decides"),
    _flag("force_v_prediction", "v_parameterization", "yes", "what the base says decides"),
    _flag("force_epsilon_prediction", "v_parameterization", "no", "what the base says decides"),
    _read_strength("min"),
    _read_strength("max"),
    KeyRule(
        "timestep_distribution",
        ("timestep_sampling", "logit_mean", "logit_std"),
        "LOGIT_NORMAL with noising_bias as mean and noising_weight + 1 as width",
        _read_distribution,
    ),
    KeyRule(
        "loss_weight_fn",
        ("min_snr_gamma", "debiased_estimation_loss"),
        "MIN_SNR_GAMMA with loss_weight_strength as gamma",
        _read_weight_fn,
    ),
    same("min_snr_gamma"),
    _loss("mse", "l2", 1.0),
    _loss("mae", "l1", 0.0),
    _loss("huber", "huber", 0.0),
    _loss("log_cosh", "", 0.0),
    KeyRule("text_encoder_layer_skip", ("clip_skip",), "plus 1", _read_clip_skip),
    KeyRule("optimizer.optimizer", ("optimizer_type",), "its name here", _read_optimizer),
    (_argument(name) for name in _ARGUMENTS.split()),
    _beta("beta1"),
    _beta("beta2"),
    (_read_trains(part) for part in ("unet", "text_encoder", "text_encoder_2")),
    _read_stop("unet", "unet_stop"),
    _read_stop("text_encoder", "text_encoder_stop"),
    _read_stop("text_encoder_2", "text_encoder_stop2"),
    _read_interval("save_every", "save_every_unit", "save_every_n_epochs", "save_every_n_steps", (0, "NEVER")),
    _read_interval(
        "sample_after", "sample_after_unit", "sample_every_n_epochs", "sample_every_n_steps", (10, "MINUTE")
    ),
    KeyRule("concept_file_name", (), read=_read_concept_file, why="that file is not opened"),
    _CONCEPTS,
    OTHER_KEYS,
)


def _unprefixed(key: str) -> str:
    if key in FLAT_OF_2023:
        return FLAT_OF_2023[key]
    if key.endswith("__version") and (key == "__version" or key.endswith(".__version")):
        return "__version"
    if key.startswith("concepts["):
        return f"{key.removesuffix('repeats')}balancing" if key.endswith("].repeats") else key
    for start, row in CATCH_ALL.items():
        if key.startswith(start):
            return row
    if key.startswith("optimizer_") and not key.startswith("optimizer_defaults"):
        return f"optimizer.{key.removeprefix('optimizer_')}"
    return key


def _recognises(document: SourceDocument) -> bool:
    names = document.tree.keys()
    marks = {
        "training_method",
        "model_type",
        "base_model_name",
        "lora_rank",
        "output_model_destination",
        "concept_file_name",
    }
    marks |= {
        "learning_rate_warmup_steps",
        "learning_rate_scheduler",
        "train_dtype",
        "output_dtype",
        "aspect_ratio_bucketing",
    }
    if document.syntax not in ("json", "yaml") or len(marks & names) < 2:
        return False
    return known_share(_RULES, (key.key for key in document.keys), _unprefixed) > 0.3 or "training_method" in names


def _notes(values: Mapping[str, object]) -> tuple[str, ...]:
    notes = []
    method, model, peft = (_text(values, key) for key in ("training_method", "model_type", "peft_type"))
    if method and method != "LORA":
        notes.append(
            f"The file is for {method}: OneTrainer {_METHODS.get(method, 'did something else')}. Its rates are not meant for a LoRA."
        )
    if model and model not in _BASES:
        notes.append(
            f"The file is for a base of the kind {model}, which cannot be trained here: bases are SD1.x and SDXL."
        )
    if peft and peft != "LORA":
        notes.append(f"The file trains a {peft}; here it becomes a LoRA of the same rank.")
    if is_on(values.get("lora_decompose")):
        notes.append("The file trains a DoRA (lora_decompose); here it becomes a plain LoRA.")
    if not any(key.startswith("concepts[") for key in values):
        notes.append("The file names no folders of pictures: set train_data_dir.")
    return tuple(notes)


ONETRAINER = TrainerFormat(
    key="onetrainer",
    title="OneTrainer, preset or saved settings in JSON, 2023 to 2026",
    recognises=_recognises,
    rules=_RULES,
    profile=lambda values: PROFILE,
    notes=_notes,
    unprefixed=_unprefixed,
)

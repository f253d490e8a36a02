"""OneTrainer's keys of a training: schedule, optimizer, precision, noise, loss, what is saved."""

from collections.abc import Iterator
from pathlib import PureWindowsPath

from trainer.interop.record import KeyRule, Reading
from trainer.interop.trainers import reasons
from trainer.interop.trainers.onetrainer_parts import figure_of, is_sdxl
from trainer.interop.trainers.rules import Values, if_number, is_on, number, renamed, same, table, text_of
from trainer.optimizers import OPTIMIZERS

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
_WARMUP = 200.0


def _read_precision(value: object, _: Values) -> Reading:
    found = _PRECISIONS.get(str(value))
    return Reading({"mixed_precision": found}) if found else Reading(no_effect=reasons.PRECISION)


def _read_saved(value: object, _: Values) -> Reading:
    found = _SAVED.get(str(value))
    return Reading({"save_precision": found}) if found else Reading(no_effect=reasons.SAVED_AS)


def _read_destination(value: object, _: Values) -> Reading:
    stem = PureWindowsPath(str(value).replace("/", "\\")).stem
    return Reading({"output_name": stem}) if stem else Reading(no_effect="blank")


def _read_scheduler(value: object, values: Values) -> Reading:
    name = str(value)
    found = _SCHEDULERS.get(name)
    if found is None:
        return Reading(no_effect=f"there is no schedule {name.lower()} here")
    if found == "constant" and figure_of(values, "learning_rate_warmup_steps", _WARMUP) > 0:
        return Reading({"lr_scheduler": "constant_with_warmup"})
    if found == "cosine" and figure_of(values, "learning_rate_min_factor", 0) > 0:
        return Reading({"lr_scheduler": "cosine_with_min_lr"})
    return Reading({"lr_scheduler": found})


def _read_warmup(value: object, values: Values) -> Reading:
    found = number(value)
    if found is None or found <= 0:
        return Reading({"lr_warmup_steps": 0})
    if found > 1:
        return Reading({"lr_warmup_steps": int(found / max(1.0, figure_of(values, "gradient_accumulation_steps", 1)))})
    return Reading({"lr_warmup_steps": found if found < 1 else "100%"})


def _read_cycles(value: object, values: Values) -> Reading:
    if _SCHEDULERS.get(text_of(values, "learning_rate_scheduler")) != "cosine_with_restarts":
        return Reading(no_effect="the schedule has no cycles")
    found = number(value)
    return Reading({"lr_scheduler_num_cycles": max(1, round(found))}) if found else Reading(no_effect="no number")


def _read_lowest(value: object, values: Values) -> Reading:
    found = number(value)
    if not found:
        return Reading(no_effect="0: rates fall to 0")
    if text_of(values, "learning_rate_scheduler") in ("COSINE", "REX"):
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
        return Reading(no_effect=reasons.no_optimizer(name))
    if name == "SGD" and not is_on(values.get("optimizer.nesterov")):
        found = "torch.optim.SGD"
    return Reading({"optimizer_type": found})


def _argument(name: str) -> KeyRule:
    def read(value: object, values: Values) -> Reading:
        chosen = _OPTIMIZERS.get(text_of(values, "optimizer.optimizer", "ADAMW"))
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
        chosen = _OPTIMIZERS.get(text_of(values, "optimizer.optimizer", "ADAMW"), "")
        if chosen not in OPTIMIZERS or "betas" not in OPTIMIZERS[chosen].arguments:
            return Reading(no_effect="the optimizer takes no betas here")
        return Reading({"optimizer_args": [f"betas={first:g}:{second:g}"]})

    return KeyRule(f"optimizer.{name}", ("optimizer_args",), "both as `betas=…:…`", read)


def _read_interval(key: str, unit_key: str, epochs: str, steps: str, default: tuple[float, str]) -> Iterator[KeyRule]:
    def interval(after: object, unit: str) -> Reading:
        amount = number(after)
        if unit == "NEVER" or not amount or amount <= 0:
            return Reading(no_effect="never, but at the end")
        if unit == "EPOCH":
            return Reading({epochs: max(1, round(amount))})
        if unit == "STEP":
            return Reading({steps: max(1, round(amount))})
        return Reading(no_effect=f"it counts by the {unit.lower()}; here it is epochs or steps")

    options = (epochs, steps)
    rule = "with its unit: epochs or steps"
    yield KeyRule(key, options, rule, lambda value, values: interval(value, text_of(values, unit_key, default[1])))
    yield KeyRule(
        unit_key,
        options,
        f"together with {key}",
        lambda value, values: (
            Reading(no_effect=f"read together with {key}") if key in values else interval(default[0], str(value))
        ),
    )


def _read_distribution(value: object, values: Values) -> Reading:
    name = str(value)
    if name == "UNIFORM":
        return Reading({"timestep_sampling": "uniform"})
    if name == "LOGIT_NORMAL":
        bias, weight = figure_of(values, "noising_bias", 0), figure_of(values, "noising_weight", 0)
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
        return Reading({"min_snr_gamma": figure_of(values, "loss_weight_strength", 5.0)})
    if name == "DEBIASED_ESTIMATION":
        return Reading({"debiased_estimation_loss": True})
    return Reading(no_effect="no weights, here too" if name == "CONSTANT" else f"there are no weights {name} here")


def _loss(name: str, kind: str, default: float) -> KeyRule:
    key = f"{name}_strength"
    keys = {"mse": 1.0, "mae": 0.0, "log_cosh": 0.0, "huber": 0.0}

    def read(value: object, values: Values) -> Reading:
        used = [each for each, usual in keys.items() if figure_of(values, f"{each}_strength", usual)]
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
    if is_sdxl(values):
        if not skipped:
            return Reading(no_effect="SDXL takes the layer before the last, here too")
        return Reading(no_effect="SDXL always takes the layer before the last here")
    return Reading({"clip_skip": int(skipped or 0) + 1})


def _read_attention(value: object, _: Values) -> Reading:
    name = str(value)
    if name == "XFORMERS":
        return Reading({"xformers": True})
    return Reading({"sdpa": True}) if name == "SDP" else Reading(no_effect=reasons.ATTENTION)


def _read_checkpointing(value: object, _: Values) -> Reading:
    return Reading({"gradient_checkpointing": str(value).upper() not in ("OFF", "FALSE", "0", "NONE", "")})


RUN_KEYS = table(
    KeyRule(
        "output_model_destination", ("output_name",), "the file's name without its folder and ending", _read_destination
    ),
    KeyRule("output_dtype", ("save_precision",), "FLOAT_16 is fp16, BFLOAT_16 bf16, FLOAT_32 float", _read_saved),
    KeyRule("train_dtype", ("mixed_precision",), "FLOAT_16 is fp16, BFLOAT_16 bf16, FLOAT_32 `no`", _read_precision),
    KeyRule(
        "learning_rate_scheduler",
        ("lr_scheduler",),
        "COSINE_WITH_RESTARTS rises again smoothly there, in one step here",
        _read_scheduler,
    ),
    KeyRule(
        "learning_rate_warmup_steps",
        ("lr_warmup_steps",),
        "above 1 batches, up to 1 a share of the bake",
        if_number("lr_warmup_steps", _read_warmup),
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
    KeyRule("text_encoder_layer_skip", ("clip_skip",), "plus 1", if_number("clip_skip", _read_clip_skip)),
    KeyRule("optimizer.optimizer", ("optimizer_type",), "its name here", _read_optimizer),
    (_argument(name) for name in _ARGUMENTS.split()),
    _beta("beta1"),
    _beta("beta2"),
    _read_interval("save_every", "save_every_unit", "save_every_n_epochs", "save_every_n_steps", (0, "NEVER")),
    _read_interval(
        "sample_after", "sample_after_unit", "sample_every_n_epochs", "sample_every_n_steps", (10, "MINUTE")
    ),
)
"""Rows of the training."""

"""ai-toolkit's job file, YAML or JSON: `config.process[0]` with network, datasets, train, model, save and sample.

It runs the processes one after the other; the first is read. Behaviour as of 2026-08.
"""

from collections.abc import Mapping

from trainer.interop.record import KeyRule, Reading, SourceDocument, TrainerFormat
from trainer.interop.trainers import reasons
from trainer.interop.trainers.ai_toolkit_data import data_set_keys
from trainer.interop.trainers.ai_toolkit_keys import CATCH_ALL, OTHER_KEYS
from trainer.interop.trainers.rules import Values, is_blank, is_on, is_unreadable, number, renamed, table, text_of
from trainer.optimizers import OPTIMIZERS

PROFILE = "ai-toolkit 2026-08"

_PROCESS = "config.process[0]."
_TRAINERS = ("sd_trainer", "ui_trainer", "diffusion_trainer")
_FLOW_BASES = {"anima": "Anima"}
_BASES = {"sd1": "SD1.x", "sdxl": "SDXL", **_FLOW_BASES}
_SWITCHES_OF_BASES = "is_v2 is_v3 is_pixart is_pixart_sigma is_auraflow is_flux is_lumina2 is_ssd is_vega"
_OPTIMIZERS = {
    "adam": "torch.optim.Adam",
    "adamw": "AdamW",
    "adam8": "AdamW8bit",
    "adamw8": "AdamW8bit",
    "adam8bit": "AdamW8bit",
    "adamw8bit": "AdamW8bit",
    "lion": "Lion",
    "prodigy": "Prodigy",
    "adagrad": "torch.optim.Adagrad",
    "adafactor": "Adafactor",
}
_PRECISIONS = {
    "fp16": "fp16",
    "float16": "fp16",
    "bf16": "bf16",
    "bfloat16": "bf16",
    "fp32": "no",
    "float32": "no",
    "float": "no",
}


def _read_kind(value: object, _: Values) -> Reading:
    if str(value) in _TRAINERS:
        return Reading(no_effect="a training, as here")
    return Reading(no_effect=f"{value} does something else than to train a LoRA on pictures")


def _read_network(value: object, _: Values) -> Reading:
    name = str(value).lower()
    if name in ("lora", "locon"):
        return Reading({"network_module": "networks.lora"})
    return Reading(no_effect=f"there is no {value} here; a plain LoRA is trained")


def _dim(key: str) -> KeyRule:
    def read(value: object, values: Values) -> Reading:
        if key == "network.linear" and not is_blank(values.get("network.rank")):
            return Reading(no_effect="rank decides")
        return Reading({"network_dim": value})

    return KeyRule(key, ("network_dim",), read=read)


def _alpha(key: str) -> KeyRule:
    def read(value: object, values: Values) -> Reading:
        if key == "network.alpha" and not is_blank(values.get("network.linear_alpha")):
            return Reading(no_effect="linear_alpha decides")
        return Reading({"network_alpha": value})

    return KeyRule(key, ("network_alpha",), read=read)


def _read_conv(value: object, values: Values) -> Reading:
    if not number(value):
        return Reading(no_effect="no LoRA on convolutions")
    own = not is_blank(values.get("network.conv_alpha"))
    return Reading({"conv_dim": value} | ({} if own else {"conv_alpha": value}))


def _read_conv_alpha(value: object, values: Values) -> Reading:
    if not number(values.get("network.conv")):
        return Reading(no_effect="no LoRA on convolutions")
    return Reading({"conv_alpha": value})


def _read_precision(value: object, _: Values) -> Reading:
    found = _PRECISIONS.get(str(value).lower())
    return Reading({"mixed_precision": found}) if found else Reading(no_effect=reasons.PRECISION)


def _read_saved(value: object, _: Values) -> Reading:
    found = _PRECISIONS.get(str(value).lower())
    if not found:
        return Reading(no_effect=reasons.SAVED_AS)
    return Reading({"save_precision": "float" if found == "no" else found})


def _read_base(value: object, _: Values) -> Reading:
    if is_on(value):
        return Reading(no_effect=reasons.BASE_TELLS)
    return Reading(no_effect="off")


def _read_arch(value: object, _: Values) -> Reading:
    if is_blank(value) or str(value) in _BASES:
        return Reading(no_effect="the base's file tells")
    return Reading(no_effect=reasons.BASE_TELLS)


def _read_quantize(value: object, values: Values) -> Reading:
    if not is_on(value):
        return Reading({"fp8_base": False})
    kind = text_of(values, "model.qtype", "qfloat8")
    if kind in ("qfloat8", "float8"):
        return Reading({"fp8_base": True})
    if kind in ("qint8", "int8", "uint8"):
        return Reading({"int8_base": True})
    return Reading(no_effect=f"the base is held in 8 bits here by int8_base or fp8_base; it says {kind}")


def _trains_encoder(values: Values) -> bool:
    return is_on(values.get("train.train_text_encoder", False))


def _read_trains_encoder(value: object, values: Values) -> Reading:
    return Reading({"network_train_unet_only": not is_on(value)})


def _read_trains_unet(value: object, values: Values) -> Reading:
    if not is_on(value) and not _trains_encoder(values):
        return Reading(no_effect="nothing would train")
    return Reading({"network_train_text_encoder_only": not is_on(value)})


def _rate(key: str, option: str) -> KeyRule:
    def read(value: object, values: Values) -> Reading:
        if option == "text_encoder_lr" and not _trains_encoder(values):
            return Reading(no_effect="train_text_encoder is off")
        return Reading({option: value})

    return KeyRule(f"train.{key}", (option,), read=read)


def _read_rate(value: object, values: Values) -> Reading:
    options: dict[str, object] = {"learning_rate": value}
    options |= {} if "train.unet_lr" in values else {"unet_lr": value}
    encoder = _trains_encoder(values) and "train.text_encoder_lr" not in values
    return Reading(options | ({"text_encoder_lr": value} if encoder else {}))


def _read_optimizer(value: object, _: Values) -> Reading:
    found = _OPTIMIZERS.get(str(value).strip().lower())
    if found is None:
        return Reading(no_effect=reasons.no_optimizer(value))
    return Reading({"optimizer_type": found})


def _chosen(values: Values) -> str:
    return _OPTIMIZERS.get(text_of(values, "train.optimizer", "adamw").lower(), "")


def _argument(name: str) -> KeyRule:
    def read(value: object, values: Values) -> Reading:
        chosen = _chosen(values)
        if chosen not in OPTIMIZERS or name not in OPTIMIZERS[chosen].arguments:
            return Reading(no_effect=reasons.NO_ARGUMENT)
        written = ":".join(map(str, value)) if isinstance(value, list) else value
        return Reading({"optimizer_args": [f"{name}={written}"]})

    return KeyRule(f"train.optimizer_params.{name}", ("optimizer_args",), f"as `{name}=…`", read)


def _read_scheduler(value: object, _: Values) -> Reading:
    name = str(value)
    if name == "linear":
        return Reading(no_effect="ai-toolkit's linear rises from a third of the rate to all of it; here it falls to 0")
    if name == "step":
        return Reading(no_effect="there is no schedule of steps here; piecewise_constant comes nearest")
    return Reading({"lr_scheduler": name})


def _read_warmup(value: object, values: Values) -> Reading:
    if text_of(values, "train.lr_scheduler", "constant") in ("constant", "cosine", "cosine_with_restarts", "linear"):
        return Reading(no_effect="the schedule has no warm-up in ai-toolkit")
    return Reading({"lr_warmup_steps": value})


def _gamma(key: str) -> KeyRule:
    def read(value: object, values: Values) -> Reading:
        if not number(value):
            return Reading({"min_snr_gamma": None})
        if key == "snr_gamma" and number(values.get("train.min_snr_gamma")):
            return Reading(no_effect="min_snr_gamma decides")
        if key == "snr_gamma":
            return Reading(no_effect="weights by snr_gamma alone are not here; min_snr_gamma comes nearest")
        return Reading({"min_snr_gamma": value})

    return KeyRule(f"train.{key}", ("min_snr_gamma",), read=read)


def _is_flow(values: Values) -> bool:
    return text_of(values, "model.arch") in _FLOW_BASES


def _read_noise_scheduler(value: object, values: Values) -> Reading:
    if (str(value) in ("ddpm", "ddim")) != _is_flow(values):
        return Reading(no_effect="the noise of its base, as here")
    return Reading(no_effect="of bases with other noise than its own")


def _read_time_sampling(value: object, values: Values) -> Reading:
    """Read how the times of a flow are drawn: `sigmoid` is the sigmoid of a normal number, `linear` and `weighted` are even."""
    if not _is_flow(values):
        return Reading(no_effect="of bases that predict a flow")
    match str(value):
        case "sigmoid":
            return Reading({"timestep_sampling": "logit_normal"})
        case "linear":
            return Reading({"timestep_sampling": "uniform"})
        case "weighted":
            return Reading({"timestep_sampling": "uniform"}, "its weights of the loss by time are not here")
        case other:
            return Reading(no_effect=f"there is no distribution {other} here")


def _read_last_timestep(value: object, _: Values) -> Reading:
    found = number(value)
    return Reading({"max_timestep": min(1000, int(found) + 1)}) if found is not None else Reading(no_effect="no number")


def _read_loss(value: object, _: Values) -> Reading:
    found = {"mse": "l2", "mae": "l1", "l1": "l1", "l2": "l2"}.get(str(value).lower())
    return Reading({"loss_type": found}) if found else Reading(no_effect=f"there is no loss {value} here")


def _read_accumulation(value: object, values: Values) -> Reading:
    return Reading({"gradient_accumulation_steps": value})


def _read_first_sample(value: object, _: Values) -> Reading:
    return Reading({"sample_at_first": not is_on(value)})


def _read_sampling_off(value: object, _: Values) -> Reading:
    if is_on(value):
        return Reading({"sample_every_n_steps": None, "sample_every_n_epochs": None})
    return Reading(no_effect="off")


def _read_sample_every(value: object, values: Values) -> Reading:
    if is_on(values.get("train.disable_sampling", False)):
        return Reading(no_effect="disable_sampling is on")
    return Reading({"sample_every_n_steps": value if number(value) else None, "sample_every_n_epochs": None})


def _read_save_every(value: object, _: Values) -> Reading:
    return Reading(
        {"save_every_n_steps": value if number(value) or is_unreadable(value) else None, "save_every_n_epochs": None}
    )


def _read_size(value: object, values: Values) -> Reading:
    sides = [values.get(f"sample.{side}") for side in ("width", "height")]
    if unreadable := [side for side in sides if is_unreadable(side)]:
        return Reading({"sample_resolution": unreadable[0]})
    width, height = (number(side) or 512 for side in sides)
    return Reading({"sample_resolution": f"{int(width)},{int(height)}"})


def _read_height(value: object, values: Values) -> Reading:
    return Reading(no_effect="read together with the width") if "sample.width" in values else _read_size(value, values)


def _with_trigger(prompt: object, values: Values) -> str:
    return str(prompt).replace("[trigger]", text_of(values, "trigger_word", "[trigger]"))


def _read_prompts(value: object, values: Values) -> Reading:
    prompts = [each for each in (value if isinstance(value, list) else [value]) if not is_blank(each)]
    return Reading({f"subject.prompts[{at}]": _with_trigger(each, values) for at, each in enumerate(prompts)})


def _read_sample(value: object, values: Values) -> Reading:
    return (
        Reading(no_effect="blank") if is_blank(value) else Reading({"subject.prompts[*]": _with_trigger(value, values)})
    )


_RULES = table(
    KeyRule("job", why="runs a training, as here", exported=False),
    renamed("name", "output_name"),
    KeyRule("type", (), read=_read_kind, why="a training, as here"),
    renamed("training_folder", "output_dir"),
    renamed("training_seed", "seed"),
    KeyRule("network.type", ("network_module",), read=_read_network),
    _dim("network.rank"),
    _dim("network.linear"),
    _alpha("network.linear_alpha"),
    _alpha("network.alpha"),
    KeyRule(
        "network.conv", ("conv_dim", "conv_alpha"), "its alpha is the same where conv_alpha is missing", _read_conv
    ),
    KeyRule("network.conv_alpha", ("conv_alpha",), read=_read_conv_alpha),
    renamed("network.dropout", "network_dropout"),
    renamed("network.pretrained_lora_path", "network_weights"),
    KeyRule("save.dtype", ("save_precision",), "float16 is fp16, float32 float", _read_saved),
    KeyRule("save.save_every", ("save_every_n_steps", "save_every_n_epochs"), "counts steps", _read_save_every),
    renamed("train.steps", "max_train_steps"),
    KeyRule(
        "train.lr",
        ("learning_rate", "unet_lr", "text_encoder_lr"),
        "of every part without a rate of its own",
        _read_rate,
    ),
    _rate("unet_lr", "unet_lr"),
    _rate("text_encoder_lr", "text_encoder_lr"),
    KeyRule(
        "train.train_text_encoder", ("network_train_unet_only",), "off trains the U-Net alone", _read_trains_encoder
    ),
    KeyRule(
        "train.train_unet", ("network_train_text_encoder_only",), "off trains the text encoder alone", _read_trains_unet
    ),
    KeyRule("train.optimizer", ("optimizer_type",), "its name here", _read_optimizer),
    (
        _argument(name)
        for name in (
            "weight_decay",
            "betas",
            "eps",
            "decouple",
            "d_coef",
            "use_bias_correction",
            "safeguard_warmup",
            "momentum",
            "amsgrad",
            "relative_step",
            "scale_parameter",
            "warmup_init",
            "clip_threshold",
        )
    ),
    KeyRule("train.lr_scheduler", ("lr_scheduler",), read=_read_scheduler),
    KeyRule("train.lr_scheduler_params.num_warmup_steps", ("lr_warmup_steps",), read=_read_warmup),
    renamed("train.batch_size", "train_batch_size"),
    KeyRule("train.gradient_accumulation_steps", ("gradient_accumulation_steps",)),
    KeyRule("train.gradient_accumulation", ("gradient_accumulation_steps",)),
    KeyRule("train.gradient_checkpointing", ("gradient_checkpointing",)),
    KeyRule("train.dtype", ("mixed_precision",), "fp32 becomes `no`", _read_precision),
    KeyRule("train.xformers", ("xformers",)),
    KeyRule("train.sdp", ("sdpa",)),
    _gamma("min_snr_gamma"),
    _gamma("snr_gamma"),
    KeyRule("train.noise_offset", ("noise_offset",)),
    KeyRule("train.max_grad_norm", ("max_grad_norm",)),
    renamed("train.reg_weight", "prior_loss_weight"),
    renamed("train.prompt_dropout_prob", "caption_dropout_rate"),
    KeyRule("train.noise_scheduler", (), read=_read_noise_scheduler, why="the noise of its base, as here"),
    KeyRule(
        "train.timestep_type",
        ("timestep_sampling",),
        "of a base that predicts a flow: sigmoid is logit_normal, linear and weighted are uniform",
        _read_time_sampling,
    ),
    renamed("train.min_denoising_steps", "min_timestep"),
    KeyRule("train.max_denoising_steps", ("max_timestep",), "plus 1: it is the last one", _read_last_timestep),
    KeyRule("train.loss_type", ("loss_type",), "mse is l2, mae l1", _read_loss),
    KeyRule("train.skip_first_sample", ("sample_at_first",), "the other way round", _read_first_sample),
    KeyRule("train.disable_sampling", ("sample_every_n_steps", "sample_every_n_epochs"), read=_read_sampling_off),
    renamed("model.name_or_path", "pretrained_model_name_or_path"),
    renamed("model.vae_path", "vae"),
    KeyRule("model.arch", (), read=_read_arch, why="the base's file tells"),
    KeyRule("model.is_xl", why="the base's file tells", exported=False),
    (KeyRule(f"model.{key}", (), read=_read_base, why="the base's file tells") for key in _SWITCHES_OF_BASES.split()),
    KeyRule(
        "model.is_v_pred",
        ("v_parameterization",),
        read=lambda value, _: (
            Reading({"v_parameterization": "yes"}) if is_on(value) else Reading(no_effect="what the base says decides")
        ),
    ),
    KeyRule("model.quantize", ("fp8_base", "int8_base"), "qfloat8 is fp8_base, qint8 int8_base", _read_quantize),
    KeyRule(
        "sample.sample_every", ("sample_every_n_steps", "sample_every_n_epochs"), "counts steps", _read_sample_every
    ),
    renamed("sample.sample_steps", "sample_steps"),
    renamed("sample.guidance_scale", "sample_cfg_scale"),
    KeyRule("sample.width", ("sample_resolution",), "with the height", _read_size),
    KeyRule("sample.height", ("sample_resolution",), "with the width", _read_height),
    KeyRule("sample.prompts", ("subject.prompts[0]",), "test prompts of the subject", _read_prompts),
    KeyRule("sample.samples[*].prompt", ("subject.prompts[*]",), "a test prompt of the subject", _read_sample),
    renamed("sample.seed", "subject.seed"),
    renamed("trigger_word", "subject.trigger"),
    data_set_keys(),
    OTHER_KEYS,
)


def _unprefixed(key: str) -> str:
    if key == "config.name":
        return "name"
    if key.startswith("config.process[") and not key.startswith(_PROCESS):
        return "other-processes"
    if key.startswith("config.") and not key.startswith("config.process"):
        return "of-the-job"
    inner = key.removeprefix(_PROCESS)
    if inner.startswith("sample.samples[") and inner.endswith("].prompt"):
        return inner
    for start, row in CATCH_ALL.items():
        if inner == start or inner.startswith((f"{start}.", f"{start}[")):
            return row
    return inner


def _recognises(document: SourceDocument) -> bool:
    if document.syntax not in ("yaml", "json"):
        return False
    config = document.tree.get("config")
    if isinstance(config, Mapping) and isinstance(config.get("process"), list):
        return True
    parts = {name for name, value in document.tree.items() if isinstance(value, Mapping | list)}
    return len(parts & {"network", "train", "datasets", "model", "save", "sample"}) >= 2


def _notes(values: Mapping[str, object]) -> tuple[str, ...]:
    notes = []
    kind, network, arch = (text_of(values, key) for key in ("type", "network.type", "model.arch"))
    if kind and kind not in _TRAINERS:
        notes.append(f"The file is for {kind}, which does not train a LoRA on pictures.")
    if network and network.lower() not in ("lora", "locon"):
        notes.append(f"The file trains a {network}; here it becomes a plain LoRA.")
    if not any(key.startswith("network.") for key in values) and any(key.startswith("train.") for key in values):
        notes.append("The file has no network: ai-toolkit trained the whole model. Its rates are not meant for a LoRA.")
    other = [key for key in _SWITCHES_OF_BASES.split() if is_on(values.get(f"model.{key}", False))]
    base = arch if arch and arch not in _BASES else other[0].removeprefix("is_") if other else ""
    if base:
        notes.append(f"The file {reasons.for_another_base(f'a base of the kind {base}')}.")
    if any(key.startswith("config.process[1]") for key in values):
        notes.append("The file holds several processes; the first is read.")
    return tuple(notes)


AI_TOOLKIT = TrainerFormat(
    key="ai-toolkit",
    title="ai-toolkit, a job in YAML or JSON, 2023 to 2026",
    recognises=_recognises,
    rules=_RULES,
    profile=lambda values: PROFILE,
    notes=_notes,
    unprefixed=_unprefixed,
)

"""diffusion-pipe's TOML, of a run (`[model]`, `[adapter]`, `[optimizer]`) and of its data set (`[[directory]]`).

Behaviour as of 2026-08 (commit 8f83dbf3); before 2024-12 `[adapter]` was `[lora]`.
"""

import re
from collections.abc import Mapping

from trainer.interop.places import row_of
from trainer.interop.record import KeyRule, Reading, SourceDocument, TrainerFormat
from trainer.interop.trainers import reasons
from trainer.interop.trainers.diffusion_pipe_data import data_set_keys, listed
from trainer.interop.trainers.diffusion_pipe_keys import OTHER_KEYS
from trainer.interop.trainers.rules import (
    ANY_NAME,
    Values,
    arguments,
    entries,
    is_blank,
    is_on,
    number,
    renamed,
    same,
    switch,
    table,
    text_of,
    whole,
)
from trainer.optimizers import OPTIMIZERS

_SDXL, _ANIMA = "sdxl", "anima"
_FLOWS = (_ANIMA, "cosmos_predict2")
"""Anima was first trained by the pipeline of the base that it comes from, with a text encoder of its own."""

_PRECISIONS = {"bfloat16": "bf16", "float16": "fp16", "float32": "no"}
_SAVED = {"bfloat16": "bf16", "float16": "fp16", "float32": "float"}
_OPTIMIZERS = {
    "adamw": "AdamW",
    "adamw_optimi": "AdamW",
    "adamw8bit": "AdamW8bit",
    "adamw8bitkahan": "AdamW8bit",
    "sgd": "torch.optim.SGD",
    "prodigy": "Prodigy",
    "lion": "Lion",
}
_ITS_OWN = ("automagic", "genericoptim", "offload", "stableadamw")
# optimi's, where they are not those of torch's class.
_OF_OPTIMI = {"betas": "0.9,0.99", "eps": "1e-06"}
_NO_ARGUMENTS = ("type", "lr", "gradient_release", "beta2_half_life")
_OF_SDXL = "of SDXL"
_OF_FLOWS = "of bases that predict a flow"
_ADAPTERS = ("adapter", "lora")


def is_flow(values: Values) -> bool:
    """Return whether a file is for Anima."""
    kind = text_of(values, "model.type")
    return kind == _ANIMA or (kind in _FLOWS and not is_blank(values.get("model.llm_path")))


def _trains_adapter(values: Values) -> bool:
    return is_flow(values) and number(values.get("model.llm_adapter_lr")) != 0


def _body_alone(values: Values) -> bool:
    """Return whether the text encoders of SDXL, which train with it there, rest."""
    rates = [values.get(f"model.text_encoder_{which}_lr", values.get("optimizer.lr")) for which in (1, 2)]
    return all(number(rate) == 0 for rate in rates)


def _read_kind(value: object, values: Values) -> Reading:
    if is_flow(values):
        trains = _trains_adapter(values)
        times = {} if "model.timestep_sample_method" in values else {"timestep_sampling": "logit_normal"}
        return Reading({"train_llm_adapter": trains, "network_train_unet_only": not trains, **times})
    if text_of(values, "model.type") == _SDXL:
        return Reading({"network_train_unet_only": _body_alone(values)})
    return Reading(no_effect=reasons.BASE_TELLS)


def _read_rate(value: object, values: Values) -> Reading:
    if "force_constant_lr" in values:
        return Reading(no_effect="force_constant_lr decides")
    options: dict[str, object] = {"learning_rate": value}
    if is_flow(values):
        options |= {"unet_lr": value}
        options |= {"text_encoder_lr": value} if is_blank(values.get("model.llm_adapter_lr")) else {}
        return Reading(options)
    first, second = (f"model.text_encoder_{which}_lr" in values for which in (1, 2))
    options |= {} if "model.unet_lr" in values else {"unet_lr": value}
    options |= {} if first else {"text_encoder_lr": value}
    return Reading(options | ({"text_encoder_lr2": value} if first and not second else {}))


def _read_forced(value: object, values: Values) -> Reading:
    options = dict.fromkeys(("learning_rate", "unet_lr", "text_encoder_lr"), value)
    return Reading({**options, "lr_scheduler": "constant", "lr_warmup_steps": 0})


def _part_rate(key: str, option: str) -> KeyRule:
    def read(value: object, values: Values) -> Reading:
        if "force_constant_lr" in values:
            return Reading(no_effect="force_constant_lr decides")
        if (key == "llm_adapter_lr") != is_flow(values):
            return Reading(no_effect=_OF_FLOWS if key == "llm_adapter_lr" else _OF_SDXL)
        if number(value) == 0 and (key == "llm_adapter_lr" or _body_alone(values)):
            return Reading(no_effect="0: it does not train")
        return Reading({option: value})

    return KeyRule(f"model.{key}", (option,), read=read)


def _base(key: str, *, flow: bool) -> KeyRule:
    def read(value: object, values: Values) -> Reading:
        known = is_flow(values) if flow else text_of(values, "model.type") == _SDXL
        return Reading({"pretrained_model_name_or_path": value}) if known else Reading(no_effect=reasons.BASE_TELLS)

    return KeyRule(f"model.{key}", ("pretrained_model_name_or_path",), read=read)


def _of_flow(key: str, option: str) -> KeyRule:
    def read(value: object, values: Values) -> Reading:
        return Reading({option: value}) if is_flow(values) else Reading(no_effect=_OF_FLOWS)

    return KeyRule(f"model.{key}", (option,), _OF_FLOWS, read)


def _of_diffusion(key: str, option: str) -> KeyRule:
    def read(value: object, values: Values) -> Reading:
        if text_of(values, "model.type") != _SDXL:
            return Reading(no_effect=_OF_SDXL)
        return Reading({option: value})

    return KeyRule(f"model.{key}", (option,), _OF_SDXL, read)


def _read_v(value: object, values: Values) -> Reading:
    return Reading({"v_parameterization": "yes" if is_on(value) else "no"})


def _read_times(value: object, values: Values) -> Reading:
    if not is_flow(values):
        return Reading(no_effect=_OF_FLOWS)
    if str(value) in ("logit_normal", "uniform"):
        return Reading({"timestep_sampling": value})
    return Reading(no_effect=f"there is no distribution {value} here")


def _read_width(value: object, values: Values) -> Reading:
    if not is_flow(values):
        return Reading(no_effect=_OF_FLOWS)
    if text_of(values, "model.timestep_sample_method", "logit_normal") != "logit_normal":
        return Reading(no_effect="it counts with logit_normal alone")
    return Reading({"logit_std": value})


def _read_shift(value: object, values: Values) -> Reading:
    if not is_flow(values):
        return Reading(no_effect=_OF_FLOWS)
    return Reading(no_effect="off") if number(value) == 0 else Reading({"discrete_flow_shift": value})


def _read_shift_by_size(value: object, values: Values) -> Reading:
    return Reading(no_effect="a shift by the picture's size is not here" if is_on(value) else "off")


def _read_precision(value: object, values: Values) -> Reading:
    found = _PRECISIONS.get(str(value))
    return Reading({"mixed_precision": found}) if found else Reading(no_effect=reasons.PRECISION)


def _read_held(value: object, values: Values) -> Reading:
    return Reading({"fp8_base": str(value).startswith("float8")})


def _read_saved(value: object, values: Values) -> Reading:
    found = _SAVED.get(str(value))
    return Reading({"save_precision": found}) if found else Reading(no_effect=reasons.SAVED_AS)


def _read_network(value: object, values: Values) -> Reading:
    if str(value) == "lora":
        return Reading({"network_module": "networks.lora"})
    return Reading(no_effect=f"there is no {value} here; a plain LoRA is trained")


def _read_rank(value: object, values: Values) -> Reading:
    if text_of(values, "adapter.type", "lora") != "lora":
        return Reading(no_effect="a LoKr's rank is not a LoRA's")
    own = "lora.alpha" in values
    return Reading({"network_dim": value} | ({} if own else {"network_alpha": value}))


def _read_epochs(value: object, values: Values) -> Reading:
    if number(values.get("max_steps")):
        return Reading(no_effect="max_steps ends it, unless these are fewer")
    return Reading({"max_train_epochs": value})


def _batch_by_size(kind: str) -> KeyRule:
    """Return the row of `[[side, batch], …]`, whose entries are a key each."""
    key = f"{kind}micro_batch_size_per_gpu"

    def read(value: object, values: Values) -> Reading:
        pairs = (each for each in listed(key, values) if isinstance(each, list) and len(each) == 2)
        sizes = [size for _, each in pairs if (size := number(each))]
        return Reading({"train_batch_size": whole(min(sizes)) if sizes else value})

    return KeyRule(f"{key}[*]", ("train_batch_size",), "the smallest", read)


def _read_warmup(value: object, values: Values) -> Reading:
    options: dict[str, object] = {"lr_warmup_steps": value}
    if is_blank(values.get("lr_scheduler")):
        options["lr_scheduler"] = _constant(values)
    return Reading(options)


def _constant(values: Values) -> str:
    return "constant_with_warmup" if number(values.get("warmup_steps")) else "constant"


def _read_schedule(value: object, values: Values) -> Reading:
    name = str(value)
    return Reading({"lr_scheduler": _constant(values) if name == "constant" else name})


def _read_save_examples(value: object, values: Values) -> Reading:
    found = number(value)
    if found is None:
        return Reading({"save_every_n_steps": value})
    # Of several batch sizes it counts by the first.
    batch = values.get("micro_batch_size_per_gpu", values.get("micro_batch_size_per_gpu[0]"))
    size = number(batch[-1] if isinstance(batch, list) and batch else batch) or 1
    together = size * (number(values.get("gradient_accumulation_steps")) or 1)
    return Reading({"save_every_n_steps": max(1, int(found // together))})


def _read_checkpointing(value: object, values: Values) -> Reading:
    return Reading({"gradient_checkpointing": is_on(value) or str(value) == "unsloth"})


def _read_pseudo_huber(value: object, values: Values) -> Reading:
    return Reading({"loss_type": "huber", "huber_schedule": "constant", "huber_c": value})


def _read_optimizer(value: object, values: Values) -> Reading:
    name = str(value).strip()
    lower = name.casefold()
    if lower in _ITS_OWN:
        return Reading(no_effect=reasons.no_optimizer(value))
    found = _OPTIMIZERS.get(lower) or (name if name in OPTIMIZERS else f"pytorch_optimizer.{name}")
    unsaid = _OF_OPTIMI if lower == "adamw_optimi" else {}
    own = [f"{each}={text}" for each, text in unsaid.items() if f"optimizer.{each}" not in values]
    return Reading({"optimizer_type": found, **({"optimizer_args": own} if own else {})})


def _read_argument(_: object, values: Values) -> Reading:
    found = {name: each for name, each in entries(values, "optimizer").items() if name not in _NO_ARGUMENTS}
    return Reading({"optimizer_args": arguments(found)})


_RULES = table(
    KeyRule(
        "force_constant_lr",
        ("learning_rate", "unet_lr", "text_encoder_lr", "lr_scheduler", "lr_warmup_steps"),
        "of every part, in place of all other rates",
        _read_forced,
    ),
    same("output_dir", exported=False),
    KeyRule("epochs", ("max_train_epochs",), read=_read_epochs),
    renamed("max_steps", "max_train_steps"),
    # Pictures go by the first of the two.
    *map(_batch_by_size, ("image_", "")),
    renamed("image_micro_batch_size_per_gpu", "train_batch_size"),
    renamed("micro_batch_size_per_gpu", "train_batch_size"),
    KeyRule("gradient_accumulation_steps", ("gradient_accumulation_steps",)),
    renamed("gradient_clipping", "max_grad_norm"),
    KeyRule("lr_scheduler", ("lr_scheduler",), "constant with warmup_steps is constant_with_warmup", _read_schedule),
    KeyRule(
        "warmup_steps",
        ("lr_warmup_steps", "lr_scheduler"),
        "and without lr_scheduler a constant rate",
        _read_warmup,
    ),
    KeyRule("blocks_to_swap", ("blocks_to_swap",)),
    KeyRule(
        "pseudo_huber_c",
        ("loss_type", "huber_schedule", "huber_c"),
        "2c of its loss",
        _read_pseudo_huber,
    ),
    KeyRule("save_every_n_epochs", ("save_every_n_epochs",)),
    KeyRule("save_every_n_steps", ("save_every_n_steps",)),
    KeyRule("save_every_n_examples", ("save_every_n_steps",), "in steps", _read_save_examples),
    KeyRule("activation_checkpointing", ("gradient_checkpointing",), "unsloth too", _read_checkpointing),
    KeyRule("save_dtype", ("save_precision",), "as it is called here", _read_saved),
    renamed("caching_batch_size", "vae_batch_size"),
    switch("compile", "torch_compile"),
    renamed("uncond_fraction", "caption_dropout_rate"),
    KeyRule(
        "model.type",
        ("train_llm_adapter", "network_train_unet_only", "timestep_sampling"),
        "which parts train there, and logit_normal times of Anima",
        _read_kind,
    ),
    _base("checkpoint_path", flow=False),
    _base("transformer_path", flow=True),
    _of_flow("vae_path", "vae"),
    _of_flow("llm_path", "qwen3"),
    _of_flow("llm_adapter_path", "llm_adapter_path"),
    KeyRule("model.dtype", ("mixed_precision",), "float32 is `no`", _read_precision),
    KeyRule("model.transformer_dtype", ("fp8_base",), "float8 in any form", _read_held),
    KeyRule("model.timestep_sample_method", ("timestep_sampling",), _OF_FLOWS, _read_times),
    KeyRule("model.sigmoid_scale", ("logit_std",), "the width of the normal number", _read_width),
    KeyRule("model.shift", ("discrete_flow_shift",), _OF_FLOWS, _read_shift),
    KeyRule("model.flux_shift", (), read=_read_shift_by_size, why="a shift by the picture's size is not here"),
    KeyRule("model.v_pred", ("v_parameterization",), _OF_SDXL, _read_v),
    _of_diffusion("min_snr_gamma", "min_snr_gamma"),
    _of_diffusion("debiased_estimation_loss", "debiased_estimation_loss"),
    _part_rate("unet_lr", "unet_lr"),
    _part_rate("text_encoder_1_lr", "text_encoder_lr"),
    _part_rate("text_encoder_2_lr", "text_encoder_lr2"),
    _part_rate("llm_adapter_lr", "text_encoder_lr"),
    KeyRule("adapter.type", ("network_module",), read=_read_network),
    *(
        KeyRule(f"{name}.rank", ("network_dim", "network_alpha"), "its alpha is its rank", _read_rank)
        for name in _ADAPTERS
    ),
    renamed("lora.alpha", "network_alpha"),
    *(renamed(f"{name}.dropout", "network_dropout") for name in _ADAPTERS),
    renamed("adapter.init_from_existing", "network_weights"),
    KeyRule("optimizer.type", ("optimizer_type", "optimizer_args"), "its class here", _read_optimizer),
    KeyRule(
        "optimizer.lr",
        ("learning_rate", "unet_lr", "text_encoder_lr", "text_encoder_lr2"),
        "of every part without a rate of its own",
        _read_rate,
    ),
    KeyRule(f"optimizer.{ANY_NAME}", ("optimizer_args",), "an argument for each name", _read_argument),
    data_set_keys(),
    OTHER_KEYS,
)
_PLACE = re.compile(r"\[\d+\]$")
_NAMED = frozenset(rule.key for rule in _RULES)


def _unprefixed(key: str) -> str:
    if key.startswith("eval_datasets"):
        return "eval_datasets"
    for start in ("monitoring", "model.text_encoders", "model.merge_adapters", "adapter.fuse_adapters"):
        if key.startswith(f"{start}[") or key.startswith(f"{start}."):
            return start
    bare = _PLACE.sub("", key)
    if f"{row_of(bare)[0]}[*]" not in _NAMED and row_of(bare)[0] in _NAMED:
        return bare
    if key.startswith("optimizer.") and key not in _NAMED:
        return f"optimizer.{ANY_NAME}"
    return key


def _is_data_set(document: SourceDocument) -> bool:
    folders = document.tree.get("directory")
    return isinstance(folders, list) and any(isinstance(each, Mapping) and "path" in each for each in folders)


def _recognises(document: SourceDocument) -> bool:
    if document.syntax != "toml":
        return False
    if _is_data_set(document):
        return True
    tree = document.tree
    parts = [name for name in ("model", "optimizer", *_ADAPTERS) if isinstance(tree.get(name), Mapping)]
    marks = {"micro_batch_size_per_gpu", "pipeline_stages", "activation_checkpointing", "dataset", "epochs"}
    return "model" in parts and len(parts) > 1 and len(marks & tree.keys()) > 1


def _left_out(options: Mapping[str, object]) -> Mapping[str, object]:
    """Return its own defaults; those of a data set where folders are named, those of a run where an adapter is."""
    own: dict[str, object] = {}
    if any(name.endswith(".image_dir") for name in options):
        own["general.enable_bucket"] = False
    if "network_module" in options:
        own |= {"lr_scheduler": "constant", "lr_warmup_steps": 0, "train_batch_size": 1, "max_grad_norm": 1}
    return own


def _notes(values: Mapping[str, object]) -> tuple[str, ...]:
    kind, network = text_of(values, "model.type"), text_of(values, "adapter.type")
    if not kind:
        return ()
    notes = []
    if kind != _SDXL and not is_flow(values):
        notes.append(f"The file {reasons.for_another_base(f'a base of the kind {kind}')}.")
    if not any(key.startswith(("adapter.", "lora.")) for key in values):
        notes.append("The file has no adapter: it trained the whole model. Its rates are not meant for a LoRA.")
    if network and network != "lora":
        notes.append(reasons.becomes_lora(f"a {network}"))
    if is_flow(values):
        notes.append("diffusion-pipe has layers on the modulations of every block too, which do not train here.")
    return tuple(notes)


DIFFUSION_PIPE = TrainerFormat(
    key="diffusion-pipe",
    title="diffusion-pipe, TOML of a run and of its data set, 2024 to 2026",
    recognises=_recognises,
    rules=_RULES,
    notes=_notes,
    left_out=_left_out,
    unprefixed=_unprefixed,
)

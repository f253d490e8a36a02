"""PEFT's adapter_config.json, in its folder or alone: what an adapter is made of, and nothing of how it was trained."""

import math
from collections.abc import Mapping

from trainer.interop import lora_facts as facts
from trainer.interop.record import KeyRule, Reading, SourceDocument, TrainerFormat
from trainer.interop.trainers import reasons
from trainer.interop.trainers.rules import idle, is_on, number, table, whole
from trainer.text import plural, printable

Values = Mapping[str, object]

_ELSEWHERE = "how PEFT loads it, which a bake here does not need"
_NOT_PLAIN = "it belongs to another kind of adapter than a plain LoRA"
_TENSORS = (
    "the ranks and alphas of single layers are in the file: set network_weights to it and dim_from_weights = true"
)
_TARGETS = "which layers get one is fixed here: those of kohya's LoRAs, with conv_dim those of the convolutions too"
_TABLES = tuple(
    f"{name}."
    for name in (
        *("rank_pattern", "alpha_pattern", "loftq_config", "eva_config", "corda_config", "lora_ga_config"),
        *(
            "megatron_config",
            "runtime_config",
            "auto_mapping",
            "trainable_token_indices",
            "arrow_config",
            "kasa_config",
        ),
        *("velora_config", "monteclora_config", "use_bdlora"),
    )
)
_CONVS = ("conv1", "conv2", "conv_shortcut", "downsamplers", "upsamplers", "conv")


def _read_alpha(value: object, values: Values) -> Reading:
    alpha, rank = number(value), number(values.get("r"))
    if alpha is None:
        return Reading({"network_alpha": value})
    if is_on(values.get("use_rslora")) and rank and rank > 0:
        return Reading({"network_alpha": whole(round(alpha * math.sqrt(rank), 6))})
    return Reading({"network_alpha": whole(alpha)})


def _read_base(value: object, values: Values) -> Reading:
    return Reading({"pretrained_model_name_or_path": value})


def _read_targets(value: object, values: Values) -> Reading:
    names = value if isinstance(value, list) else [value]
    convs = [str(name) for name in names if str(name).rpartition(".")[2] in _CONVS or str(name).split(".")[0] in _CONVS]
    rank = number(values.get("r"))
    if convs and rank and facts.RANK not in values:
        return Reading({"conv_dim": whole(rank)})
    return Reading(no_effect=_TARGETS)


def _read_parts(value: object, values: Values) -> Reading:
    parts = value if isinstance(value, list) else []
    encoders = [part for part in parts if part != "unet"]
    if not parts or (encoders and "unet" in parts):
        return Reading(no_effect=reasons.BOTH_PARTS)
    return Reading({"network_train_text_encoder_only" if encoders else "network_train_unet_only": True})


def _first(option: str) -> KeyRule:
    key = {"conv_dim": facts.CONV_RANK, "conv_alpha": facts.CONV_ALPHA}[option]
    return KeyRule(
        key,
        (option,),
        "the most frequent",
        lambda value, _: Reading({option: value[0]} if isinstance(value, list) and value else {}),
    )


_SAVED = {"F32": "float", "F16": "fp16", "BF16": "bf16"}

_RULES = table(
    KeyRule("r", ("network_dim",)),
    KeyRule(
        "lora_alpha",
        ("network_alpha",),
        "the scale is alpha / rank in both; with use_rslora it is alpha / √rank, so that alpha here is alpha × √rank",
        _read_alpha,
    ),
    KeyRule(
        "lora_dropout",
        ("network_dropout",),
        "PEFT leaves out inputs of a layer, here it is outputs of lora_down",
    ),
    KeyRule("base_model_name_or_path", ("pretrained_model_name_or_path",), read=_read_base),
    KeyRule("target_modules", ("conv_dim",), "convolutions among them get layers of the same rank", _read_targets),
    KeyRule(facts.PARTS, ("network_train_unet_only",), reasons.PARTS, _read_parts),
    _first("conv_dim"),
    _first("conv_alpha"),
    KeyRule(
        facts.TYPE,
        ("save_precision",),
        "the type of its numbers",
        lambda value, _: Reading({"save_precision": _SAVED.get(str(value))}),
    ),
    idle("use_rslora", "it decides the scale, which lora_alpha has"),
    idle("rank_pattern alpha_pattern", _TENSORS),
    idle(f"{facts.RANK} {facts.ALPHA}", "r and lora_alpha say them"),
    idle(facts.BASE, reasons.FITS),
    idle(facts.KIND, reasons.KIND),
    idle(facts.EMBEDDINGS, reasons.EMBEDDINGS),
    idle("peft_type", "a bake here trains a plain LoRA"),
    idle("task_type auto_mapping peft_version revision inference_mode fan_in_fan_out megatron_config", _ELSEWHERE),
    idle("megatron_core runtime_config ensure_weight_tying layers_pattern", _ELSEWHERE),
    idle("init_lora_weights loftq_config eva_config corda_config lora_ga_config", "layers start as kohya's do"),
    idle("exclude_modules layers_to_transform target_parameters layer_replication", _TARGETS),
    idle("modules_to_save bias lora_bias trainable_token_indices", "a bake here trains LoRA layers alone"),
    idle("use_dora use_qalora qalora_group_size use_bdlora kasa_config velora_config monteclora_config", _NOT_PLAIN),
    idle("arrow_config alora_invocation_tokens", _NOT_PLAIN),
)


def _notes(values: Values) -> tuple[str, ...]:
    notes: list[str] = []
    kind = str(values.get("peft_type", "LORA")).rpartition(".")[2]
    if kind.upper() != "LORA" or is_on(values.get("use_dora")):
        name = "DoRA" if is_on(values.get("use_dora")) else printable(kind, 40)
        notes.append(reasons.becomes_plain(f"it is a {name}"))
    elif found := values.get(facts.KIND):
        notes.append(f"{printable(str(found), 200)}; the settings are for a plain LoRA")
    rank, alpha = number(values.get("r")), number(values.get("lora_alpha"))
    if rank and alpha is not None and rank > 0:
        root = is_on(values.get("use_rslora"))
        scale = alpha / math.sqrt(rank) if root else alpha / rank
        rule = f"alpha / √rank, {alpha:g} / √{rank:g}" if root else f"alpha / rank, {alpha:g} / {rank:g}"
        notes.append(f"its scale is {rule} = {scale:.4g}; here it is network_alpha / network_dim")
    if fits := values.get(facts.BASE):
        notes.append(f"its layers fit {fits}")
    patterns = [values.get(name) for name in ("rank_pattern", "alpha_pattern")]
    ranks = values.get(facts.RANK)
    count = len(ranks) if isinstance(ranks, list) else 0
    if any(patterns) or count > 1:
        several = f": {plural(count, 'different rank')}" if count > 1 else ""
        notes.append(f"single layers have ranks or alphas of their own{several}; {_TENSORS}")
    notes.append("not in the config: learning rates, steps, schedule, optimizer, batch size, resolution and data")
    return tuple(notes)


def is_peft(document: SourceDocument) -> bool:
    """Return whether a document is the config of a PEFT adapter."""
    names = {key.key for key in document.keys}
    return document.syntax == "peft" or (document.syntax in ("json", "yaml") and {"peft_type", "r"} <= names)


PEFT = TrainerFormat(
    key="peft",
    title="PEFT, the adapter_config.json of a LoRA",
    recognises=is_peft,
    rules=_RULES,
    notes=_notes,
    # Patterns are tables, whose leaves are names of layers.
    unprefixed=lambda key: key.partition(".")[0] if key.startswith(_TABLES) else key,
    model_hashes=lambda values: {"pretrained_model_name_or_path": ""},
)

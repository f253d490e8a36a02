"""The metadata of LoRA files, from which a bake can be made again: sd-scripts' ss_* and modelspec.* of 2023 and today, and our own."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from trainer.families.registry import FAMILIES, titles
from trainer.interop import lora_facts as facts
from trainer.interop.option_meaning import is_blank
from trainer.interop.record import KeyRule, Reading, SourceDocument, TrainerFormat
from trainer.interop.trainers import lora_data, reasons
from trainer.interop.trainers.rules import idle, number, table, whole
from trainer.optimizers import OPTIMIZERS, PATHS_OF_SD_SCRIPTS_NAMES
from trainer.settings import describe
from trainer.settings.in_metadata import AS_SET, MADE, names_as_set
from trainer.settings.parts import is_encoder
from trainer.settings.profile_defaults import SETTING
from trainer.text import printable

Values = Mapping[str, object]
Read = Callable[[object, Values], Reading]

_BASE, _VAE, _START = "pretrained_model_name_or_path", "vae", "network_weights"
_FOUND_BY_HASH = "the one with its hash among the models of the workspace, else its name"

_EPOCH = re.compile(r"-(?:\d{6}|step\d{8}|e\d+)$")
_OPTIMIZER = re.compile(r"(?P<path>[\w.]+)\s*(?:\((?P<arguments>.*)\))?\s*", re.DOTALL)
_ARGUMENT = re.compile(r"(?<!\w)(\w++)\s*+=\s*+((?:\([^()]*\)|\[[^\[\]]*\]|[^,()\[\]]++)++)")
_MAX_OPTIMIZER = 2000
_TYPES = {"F32": "float", "F16": "fp16", "BF16": "bf16"}
# sd-scripts' days: the first with alpha, and the main branch that the scripts of February 2023 ran.
_FIRST_2023_02, _FIRST_TODAY = datetime(2023, 2, 5, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)

_RESULT = "it tells what came of the bake"
_HASH = "a hash, by which a file is found"
_MOMENT = "it tells when the file was made"
_OTHER_BASES = "it belongs to Flux, SD3 and their like"
_IDENTITY = "it names this one file"
_NO_SETTING_OF_SD_SCRIPTS = (
    *("lr_scheduler_num_cycles", "lr_scheduler_power", "bucket_reso_steps"),
    *("caption_extension", "save_every_n_epochs", "sample_prompts"),
)


def _was_ours(values: Values) -> bool:
    return isinstance(lora_data.table_of(values.get(AS_SET)), dict)


def _is_ours(values: Values) -> bool:
    return str(values.get("ss_sd_scripts_commit_hash")).startswith("lora-tui/")


def _unless_as_set(options: tuple[str, ...], asked: frozenset[str], read: Read | None) -> Read:
    """Return the reading of a key whose options stand in AS_SET too, as they were set, where a file of ours has that.

    Args:
        options: of the key.
        asked: the settings by which AS_SET holds them.
        read: of the key, where it has not.
    """

    def reading(value: object, values: Values) -> Reading:
        as_set = lora_data.table_of(values.get(AS_SET))
        if isinstance(as_set, dict) and asked & as_set.keys():
            return Reading(no_effect=f"{AS_SET} has it as it was set")
        return read(value, values) if read else Reading(dict.fromkeys(options, value))

    return reading


def _row(key: str, *options: str, rule: str = "", read: Read | None = None, longest: int = 20_000) -> KeyRule:
    options = options or (key.removeprefix("ss_"),)
    # What a bake of ours had goes by AS_SET as one: length, optimizer and layers.
    asked = frozenset({"network_args": "conv_dim", "network_module": "network_dim"}.get(each, each) for each in options)
    held = asked & set(names_as_set())
    return KeyRule(key, options, rule, _unless_as_set(options, held, read) if held else read, longest=longest)


def _read_as_set(value: object, values: Values) -> Reading:
    """Return the settings that a bake of this program had, as they were set; nothing that belongs to another machine."""
    found = lora_data.table_of(value)
    if not isinstance(found, dict):
        return Reading(no_effect="it is not a table in JSON")
    known = set(names_as_set())
    trainer = found.get(SETTING)
    defaults = {info.name: info.default for info in describe.fields(trainer if isinstance(trainer, str) else None)}
    options = {
        str(name): each
        for name, each in found.items()
        if name in known and not (is_blank(each) and is_blank(defaults[name]))
    }
    # What runs a command, or names a path, is never taken from a file that somebody else made.
    left = [str(name) for name in found if name not in known]
    why = f"not taken: {', '.join(printable(name, 40) for name in left[:8])}" if left else ""
    return Reading(options, why)


def _read_optimizer(value: object, values: Values) -> Reading:
    match = _OPTIMIZER.fullmatch(str(value).strip()[:_MAX_OPTIMIZER])
    if match is None:
        return Reading({"optimizer_type": value})
    arguments = [f"{key}={text.strip()}" for key, text in _ARGUMENT.findall(match["arguments"] or "")]
    name = optimizer_named(match["path"])
    if name == "SGDNesterov":
        arguments = [each for each in arguments if not each.startswith("nesterov=")]
    return Reading({"optimizer_type": name, **({"optimizer_args": arguments} if arguments else {})})


def optimizer_named(path: str) -> str:
    """Return the optimizer's short name for a class as `ss_optimizer` names it; its path where it has none."""
    last = path.rpartition(".")[2]
    by_path = {spec.metadata_name: name for name, spec in OPTIMIZERS.items()}
    by_class = {spec.metadata_name.rpartition(".")[2]: name for name, spec in OPTIMIZERS.items()}
    if path in by_path:
        return by_path[path]
    # A class of that name from another package than sd-scripts' has another path.
    if last in by_class and (path.count(".") == 0 or not path.startswith("pytorch_optimizer.")):
        return by_class[last]
    return PATHS_OF_SD_SCRIPTS_NAMES.get(last, path)


def _read_network_args(value: object, values: Values) -> Reading:
    found = lora_data.table_of(value)
    if not isinstance(found, dict):
        return Reading(no_effect="it is not a table in JSON")
    entries = [f"{key}={each}" for key, each in found.items() if not is_blank(each)]
    return Reading({"network_args": entries} if entries else {}, "" if entries else "blank")


def _read_length(value: object, values: Values) -> Reading:
    """Return whole epochs where the bake was as long as they are, so that other data have as many."""
    steps, epochs = number(value), number(values.get("ss_num_epochs"))
    batches = number(values.get("ss_num_batches_per_epoch"))
    accumulated = number(values.get("ss_gradient_accumulation_steps")) or 1
    if steps and epochs and batches and steps == epochs * -(-batches // accumulated):
        return Reading({"max_train_epochs": whole(epochs)})
    return Reading({"max_train_steps": whole(steps)} if steps else {}, "" if steps else "blank")


def _read_dim(value: object, values: Values) -> Reading:
    if str(value).strip() == "Dynamic":
        return Reading(no_effect="each layer has a rank or alpha of its own")
    return Reading({"network_dim": value})


def _read_alpha(value: object, values: Values) -> Reading:
    if str(value).strip() == "Dynamic":
        return Reading(no_effect="each layer has a rank or alpha of its own")
    # sd-scripts takes the rank for 0 and for none.
    return Reading({"network_alpha": 0 if is_blank(value) else value})


def _read_version(value: object, values: Values) -> Reading:
    if str(value).endswith("_v"):
        return Reading({"v_parameterization": True})
    return Reading(no_effect="the base's own file tells what it is")


def _read_prediction(value: object, values: Values) -> Reading:
    if str(value).strip().casefold() in ("v", "v_prediction"):
        return Reading({"v_parameterization": True})
    return Reading(no_effect="the base's own file tells what it predicts")


def _read_times(value: object, values: Values) -> Reading:
    first, comma, last = str(value).partition(",")
    if not comma:
        return Reading(no_effect="it is not `first,last`")
    return Reading({"min_timestep": first.strip(), "max_timestep": last.strip()})


def _read_name(value: object, values: Values) -> Reading:
    """Return the name of the bake's files: without the epoch that this program writes into each file's."""
    return Reading({"output_name": _EPOCH.sub("", str(value))})


def _read_tags(value: object, values: Values) -> Reading:
    if not lora_data.had_captions(values):
        return Reading(no_effect="it describes the pictures' captions")
    return Reading({"caption_extension": [".txt", ".caption"]})


def _read_type(value: object, values: Values) -> Reading:
    known = _TYPES.get(str(value))
    return Reading({"save_precision": known} if known else {}, "" if known else "no LoRA is saved in it here")


def _read_parts(value: object, values: Values) -> Reading:
    parts = value if isinstance(value, list) else []
    encoders = [part for part in parts if is_encoder(part)]
    if parts and not encoders:
        return Reading({"network_train_unet_only": True})
    if encoders and len(encoders) == len(parts):
        return Reading({"network_train_text_encoder_only": True})
    return Reading(no_effect=reasons.BOTH_PARTS)


def _read_tensor_number(key: str, option: str) -> Read:
    def read(value: object, values: Values) -> Reading:
        said = str(values.get(key, "")).strip()
        if said and said not in ("None", "Dynamic"):
            return Reading(no_effect=f"{key} says it")
        return Reading({option: value[0]} if isinstance(value, list) and value else {})

    return read


def _of_conv(option: str, fact: str) -> Read:
    def read(value: object, values: Values) -> Reading:
        arguments = lora_data.table_of(values.get("ss_network_args"))
        if isinstance(arguments, dict) and not is_blank(arguments.get(option)):
            return Reading(no_effect="ss_network_args says it")
        return Reading({option: value[0]} if isinstance(value, list) and value else {})

    return read


_TRANSLATED = (
    KeyRule(AS_SET, names_as_set(), "what a bake of this program had, as it was set", _read_as_set),
    _row("ss_network_module"),
    _row("ss_network_dim", read=_read_dim),
    _row("ss_network_alpha", rule="none stands for the rank", read=_read_alpha),
    _row("ss_network_dropout"),
    _row("ss_network_args", rule="JSON", read=_read_network_args),
    _row("ss_optimizer", "optimizer_type", "optimizer_args", rule="a class and its arguments", read=_read_optimizer),
    _row("ss_lr_warmup_steps"),
    _row("ss_lr_decay_steps"),
    _row(
        "ss_max_train_steps",
        "max_train_steps",
        "max_train_epochs",
        rule="whole epochs where they are as many steps",
        read=_read_length,
    ),
    _row("ss_batch_size_per_device", "train_batch_size"),
    _row("ss_resolution"),
    *map(_row, ("ss_enable_bucket", "ss_bucket_no_upscale", "ss_min_bucket_reso", "ss_max_bucket_reso")),
    *map(_row, ("ss_shuffle_caption", "ss_keep_tokens", "ss_keep_tokens_separator", "ss_secondary_separator")),
    *map(_row, ("ss_enable_wildcard", "ss_caption_prefix", "ss_caption_suffix")),
    *map(_row, ("ss_token_warmup_min", "ss_token_warmup_step")),
    *map(_row, ("ss_color_aug", "ss_flip_aug", "ss_random_crop", "ss_face_crop_aug_range", "ss_resize_interpolation")),
    *map(_row, ("ss_clip_skip", "ss_max_token_length", "ss_noise_offset", "ss_adaptive_noise_scale")),
    *map(_row, ("ss_zero_terminal_snr", "ss_logit_mean", "ss_logit_std", "ss_laplace_mean", "ss_laplace_scale")),
    *map(_row, ("ss_discrete_flow_shift", "ss_sigmoid_scale", "ss_weighting_scheme", "ss_mode_scale")),
    *map(_row, ("ss_text_encoder_stop", "ss_text_encoder_stop2", "ss_unet_stop")),
    *map(_row, ("ss_mixed_precision", "ss_full_fp16", "ss_full_bf16", "ss_fp8_base_unet", "ss_int8_base", "ss_lowram")),
    *map(_row, ("ss_cache_latents", "ss_v2")),
    *map(_row, ("ss_validation_split", "ss_max_validation_steps", "ss_validate_every_n_epochs")),
    _row("ss_sd_model_name", _BASE, rule=_FOUND_BY_HASH),
    _row("ss_vae_name", _VAE, rule=_FOUND_BY_HASH),
    _row("ss_network_weights", _START, rule="the LoRA of that name here, else its name"),
    _row("ss_output_name", "output_name", rule="without an epoch in it", read=_read_name),
    _row("ss_base_model_version", "v_parameterization", rule="…_v predicts v", read=_read_version),
    _row("modelspec.prediction_type", "v_parameterization", rule="whether it is v", read=_read_prediction),
    _row("modelspec.timestep_range", "min_timestep", "max_timestep", rule="first,last", read=_read_times),
    KeyRule(
        lora_data.DATASETS,
        ("dataset_config",),
        "a data set file; its folders are known by their names alone",
        lora_data.read_groups,
        longest=lora_data.LONGEST,
    ),
    _row(
        lora_data.TAGS,
        "caption_extension",
        rule="captions were read, and the file does not tell which ending theirs had: both are tried",
        read=_read_tags,
        longest=lora_data.LONGEST,
    ),
    _row(facts.TYPE, "save_precision", rule="the type of its numbers", read=_read_type),
    _row(
        facts.PARTS,
        "network_train_unet_only",
        "network_train_text_encoder_only",
        rule=reasons.PARTS,
        read=_read_parts,
    ),
    _row(
        facts.RANK, "network_dim", rule="the most frequent", read=_read_tensor_number("ss_network_dim", "network_dim")
    ),
    _row(
        facts.ALPHA,
        "network_alpha",
        rule="the most frequent",
        read=_read_tensor_number("ss_network_alpha", "network_alpha"),
    ),
    _row(facts.CONV_RANK, "conv_dim", rule="the most frequent", read=_of_conv("conv_dim", facts.CONV_RANK)),
    _row(facts.CONV_ALPHA, "conv_alpha", rule="the most frequent", read=_of_conv("conv_alpha", facts.CONV_ALPHA)),
)

_WITHOUT_EFFECT = (
    *idle("ss_session_id ss_sd_scripts_commit_hash modelspec.title ssmd_display_name ssmd_cover_images", _IDENTITY),
    *idle("ss_training_started_at ss_training_finished_at modelspec.date", _MOMENT),
    *idle("sshs_model_hash sshs_legacy_hash modelspec.hash_sha256", "the file's own hash"),
    *idle("ss_sd_model_hash ss_new_sd_model_hash ss_vae_hash ss_new_vae_hash", _HASH),
    *idle("ss_steps ss_epoch ss_num_epochs ss_num_batches_per_epoch", "ss_max_train_steps decides the length"),
    *idle("ss_num_train_images ss_num_reg_images ss_num_validation_images ss_bucket_info", _RESULT),
    *idle("ss_text_encoder_stop_step ss_text_encoder_stop2_step ss_unet_stop_step", "the stop itself is taken"),
    *idle("ss_total_batch_size", "the batch size and the accumulation are taken"),
    *idle(f"{lora_data.DIRS} {lora_data.REG_DIRS}", "the folders of the bake, which a note lists"),
    *idle("modelspec.sai_model_spec modelspec.architecture modelspec.implementation", "it describes the file's form"),
    *idle("modelspec.implementation_version format", "it describes the file's form"),
    *idle("modelspec.resolution", "ss_resolution and ss_datasets say it"),
    *idle("modelspec.encoder_layer", "ss_clip_skip says it"),
    *idle("modelspec.author modelspec.license modelspec.description modelspec.tags", "words for who uses the file"),
    *idle("modelspec.usage_hint modelspec.trigger_phrase modelspec.thumbnail", "words for who uses the file"),
    *idle(
        "modelspec.merged_from modelspec.preprocessor modelspec.is_negative_embedding", "words for who uses the file"
    ),
    *idle(
        "ssmd_author ssmd_description ssmd_keywords ssmd_rating ssmd_source ssmd_tags", "words for who uses the file"
    ),
    *idle(MADE, "it tells of which files this one was made"),
    *idle("ssmd_version", "words for who uses the file"),
    *idle("ss_model_type ss_apply_t5_attn_mask ss_apply_lg_attn_mask", _OTHER_BASES),
    *idle("ss_guidance_scale ss_model_prediction_type", _OTHER_BASES),
    *idle("lora_adapter_metadata", "its ranks and alphas are read with the tensors"),
    *idle("ot_revision ot_branch ot_config", "OneTrainer's own: import its JSON file"),
    *idle("software training_info name version", "ai-toolkit's words about the file"),
    *idle("unet text_encoder", "the classes whose layers cloneofsimo's file numbers"),
    *idle("unet:rank text_encoder:rank", "the rank of a layer, which its tensors have too"),
    *idle("<embedding>", "an embedding in the file: it is not read here"),
    *idle(facts.BASE, reasons.FITS),
    *idle(facts.KIND, reasons.KIND),
    *idle(facts.EMBEDDINGS, reasons.EMBEDDINGS),
)

_NAMED = frozenset(rule.key for rule in (*_TRANSLATED, *_WITHOUT_EFFECT))
_RULES = table(
    _TRANSLATED,
    # Settings that have a key of their plain value, or one that nothing above says more of.
    [
        _row(key, info.name)
        for info in describe.fields()
        for key in filter(None, (info.metadata_key, *info.metadata_keys))
        if key not in _NAMED
    ],
    _WITHOUT_EFFECT,
)

_RANK_KEY = re.compile(r"(unet|text_encoder):\d+:rank")
_EMBEDDING_KEY = re.compile(r"<[^<>]*>")


def _unprefixed(key: str) -> str:
    if match := _RANK_KEY.fullmatch(key):
        return f"{match[1]}:rank"
    return "<embedding>" if _EMBEDDING_KEY.fullmatch(key) else key


def _is_numbered(values: Values) -> bool:
    """Return whether a file is of cloneofsimo/lora, which numbers its layers."""
    return any(_RANK_KEY.fullmatch(key) for key in values)


def _profile(values: Values) -> str:
    """Return the sd-scripts that a file was trained by, from when that was; "" for unknown programs, and for our own files."""
    if _is_numbered(values):
        return "cloneofsimo lora 2023-02"
    if _was_ours(values) or _is_ours(values):
        return ""
    started = number(values.get("ss_training_started_at"))
    # Until the end of the year 9999, which is the calendar's.
    if started is None or not 0 < started < 253_402_300_800:
        return ""
    day = datetime.fromtimestamp(started, UTC)
    if day >= _FIRST_TODAY:
        return "sd-scripts 2026-02"
    return "sd-scripts 2023-02" if day >= _FIRST_2023_02 else "sd-scripts 2023-01"


def _model_hashes(values: Values) -> Mapping[str, str]:
    def digits(*keys: str) -> str:
        found = (str(values.get(key, "")).lower() for key in keys)
        return next((text for text in found if re.fullmatch(r"[0-9a-f]{8,64}", text)), "")

    return {
        _BASE: digits("ss_new_sd_model_hash", "ss_sd_model_hash"),
        _VAE: digits("ss_new_vae_hash", "ss_vae_hash"),
        _START: "",
    }


def _notes(values: Values) -> tuple[str, ...]:
    notes: list[str] = []
    if kind := values.get(facts.KIND):
        notes.append(reasons.becomes_plain(printable(str(kind), 200)))
    notes += _base_notes(values)
    for key, what in ((facts.RANK, "ranks"), (facts.ALPHA, "alphas")):
        found = values.get(key)
        if isinstance(found, list) and len(found) > 1:
            numbers = f"{min(found):g} to {max(found):g}"
            way = "to keep them, set network_weights to the file and dim_from_weights = true"
            notes.append(f"its layers have {what} from {numbers}, most of them {found[0]:g}; {way}")
    if _is_numbered(values):
        notes.append(
            "cloneofsimo/lora has no alpha, its scale is 1; here it is network_alpha / network_dim, so alpha is the rank"
        )
    words = values.get(facts.EMBEDDINGS)
    if isinstance(words, list) and words:
        notes.append(f"embeddings in the file are not read here: {', '.join(map(str, words[:8]))}")
    notes += lora_data.data_notes(values)
    notes += _unknown_notes(values)
    return tuple(notes)


def _base_notes(values: Values) -> list[str]:
    version, fits = str(values.get("ss_base_model_version") or ""), str(values.get(facts.BASE) or "")
    records = FAMILIES.values()
    # Other programs than sd-scripts have other words for the same bases.
    is_known = any(record.version_start and version.startswith(record.version_start) for record in records)
    is_known = is_known or fits in {record.title for record in records}
    if version and not is_known:
        return [f"it was trained on a base of the kind {printable(version, 60)}, and a bake here takes {titles()}"]
    if fits and not values.get("ss_sd_model_name"):
        return [f"its layers fit {fits}; which base it was trained on is not in the file"]
    return []


def _unknown_notes(values: Values) -> list[str]:
    if _was_ours(values):
        return []
    if not any(key in values for key in ("ss_learning_rate", "ss_unet_lr", "ss_max_train_steps")):
        return [
            "not in the file: learning rates, steps, schedule, optimizer, batch size, resolution and data; they have their defaults"
        ]
    said = {"caption_extension"} if lora_data.had_captions(values) else set()
    names = [name for name in _NO_SETTING_OF_SD_SCRIPTS if f"ss_{name}" not in values and name not in said]
    whose = "the metadata of an older version" if _is_ours(values) else "sd-scripts' metadata"
    return [f"{whose} do not say {', '.join(names)}; check them"] if names else []


def is_lora(document: SourceDocument) -> bool:
    """Return whether a document is the header of a LoRA file."""
    return document.syntax == "safetensors"


METADATA = TrainerFormat(
    key="lora",
    title="a LoRA file: its metadata, and what its tensors tell",
    recognises=is_lora,
    rules=_RULES,
    profile=_profile,
    notes=_notes,
    data_notes=lora_data.found_again,
    unprefixed=_unprefixed,
    model_hashes=_model_hashes,
)

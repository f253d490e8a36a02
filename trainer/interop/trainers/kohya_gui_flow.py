"""The kohya_ss GUI's widgets for Anima: its prefix before sd-scripts' names, in force with its own switch alone.

Its `config.toml` has no switch, only the values that the widgets begin with; there a text encoder's file tells that such a base is meant.
"""

from collections.abc import Iterable
from dataclasses import replace

from trainer.interop.flow_rules import flow_family
from trainer.interop.record import KeyRule, Reading
from trainer.interop.trainers import reasons
from trainer.interop.trainers.rules import Values, idle, is_blank, is_on, number, table

SWITCH = "anima_checkbox"
PREFIX = "anima_"
_ENCODER = "qwen3"
_MODULE = "networks.lora_anima"
_WITH_SWITCH = f"only with {SWITCH}; in config.toml, with {PREFIX}{_ENCODER}"
COMPILES = "torch_compile compiles here"
SAVES = "it saves memory or time and changes no picture"


def _in_force(values: Values) -> bool:
    return is_on(values[SWITCH]) if SWITCH in values else not is_blank(values.get(f"{PREFIX}{_ENCODER}"))


def _row(option: str, blank: object, *, key: str = "", not_passed: Iterable[object] = ()) -> KeyRule:
    """Return the row of a widget whose value is passed on under an option's own name; 0, blank and off are not.

    Args:
        option: sd-scripts' name.
        blank: what the widget shows where the option is not there.
        key: of the widget; "" for the prefix and the option's name.
        not_passed: other values that are not passed on.
    """

    def read(value: object, values: Values) -> Reading:
        if not _in_force(values):
            return Reading(no_effect=_WITH_SWITCH)
        return Reading({option: None if is_blank(value) or number(value) == 0 or value in not_passed else value})

    def write(options: Values) -> object:
        value = options.get(option) if flow_family(options) is not None else None
        return blank if value is None else value

    return KeyRule(key or f"{PREFIX}{option}", (option,), _WITH_SWITCH, read, write)


def _read_encoder(value: object, values: Values) -> Reading:
    if not _in_force(values):
        return Reading(no_effect=_WITH_SWITCH)
    # LoRA_type says it where there is a switch.
    named = {} if SWITCH in values or "network_module" in values else {"network_module": _MODULE}
    return Reading({_ENCODER: None if is_blank(value) else value, **named})


def _read_part(value: object, values: Values) -> Reading:
    if not _in_force(values):
        return Reading(no_effect=_WITH_SWITCH)
    return Reading({"network_args": ["train_llm_adapter=True"]} if is_on(value) else {}, "" if is_on(value) else "off")


_BY_ENCODER = _row(_ENCODER, "")

FLOW_KEYS = table(
    KeyRule(SWITCH, why=reasons.BASE_TELLS, write=lambda options: flow_family(options) is not None),
    KeyRule(_BY_ENCODER.key, (_ENCODER, "network_module"), _WITH_SWITCH, _read_encoder, _BY_ENCODER.write),
    (_row(option, "") for option in ("vae", "llm_adapter_path", "t5_tokenizer_path")),
    _row("timestep_sampling", "sigmoid"),
    _row("discrete_flow_shift", 1.0),
    _row("sigmoid_scale", 1.0),
    # Of several kinds of bases; its first days had one for this kind alone.
    _row("blocks_to_swap", 0, key="blocks_to_swap"),
    replace(_row("blocks_to_swap", 0), exported=False),
    (_row(option, False) for option in ("split_attn", "vae_disable_cache", "unsloth_offload_checkpointing")),
    _row("attn_mode", "torch", not_passed=("torch",)),
    _row("vae_chunk_size", 0),
    _row("qwen3_max_token_length", 512),
    _row("t5_max_token_length", 512),
    (_row(option, False) for option in ("cache_text_encoder_outputs", "cache_text_encoder_outputs_to_disk")),
    # Gone today: network_args says it.
    KeyRule(f"{PREFIX}train_llm_adapter", ("network_args",), _WITH_SWITCH, _read_part, exported=False),
    idle(f"{PREFIX}qwen_image_vae_2d {PREFIX}disable_mmap_load_safetensors", SAVES),
    idle(
        " ".join(
            f"{PREFIX}{name}"
            for name in (
                *("compile", "torch_compile", "compile_backend", "compile_mode", "compile_dynamic"),
                *("compile_fullgraph", "compile_cache_size_limit"),
            )
        ),
        COMPILES,
    ),
)
"""Rows of the widgets that only a bake of Anima uses."""

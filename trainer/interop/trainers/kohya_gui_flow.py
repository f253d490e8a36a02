"""The kohya_ss GUI's widgets for Anima: its prefix before sd-scripts' names, in force with its own switch alone."""

from trainer.interop.flow_rules import flow_family
from trainer.interop.record import KeyRule, Reading
from trainer.interop.trainers import reasons
from trainer.interop.trainers.rules import Values, idle, is_blank, is_on, number, table

SWITCH = "anima_checkbox"
_PREFIX = "anima_"
_WITH_SWITCH = f"only with {SWITCH}"
COMPILES = "torch_compile compiles here"
SAVES = "it saves memory or time and changes no picture"


def _row(option: str, blank: object) -> KeyRule:
    """Return the row of a widget whose value is passed on under an option's own name; 0, blank and off are not."""

    def read(value: object, values: Values) -> Reading:
        if not is_on(values.get(SWITCH)):
            return Reading(no_effect=_WITH_SWITCH)
        return Reading({option: None if is_blank(value) or number(value) == 0 else value})

    def write(options: Values) -> object:
        value = options.get(option) if flow_family(options) is not None else None
        return blank if value is None else value

    return KeyRule(f"{_PREFIX}{option}", (option,), _WITH_SWITCH, read, write)


def _read_part(value: object, values: Values) -> Reading:
    if not is_on(values.get(SWITCH)):
        return Reading(no_effect=_WITH_SWITCH)
    return Reading({"network_args": ["train_llm_adapter=True"]} if is_on(value) else {}, "" if is_on(value) else "off")


def _write_part(options: Values) -> object:
    entries = options.get("network_args")
    return isinstance(entries, list) and "train_llm_adapter=True" in entries


FLOW_KEYS = table(
    KeyRule(SWITCH, why=reasons.BASE_TELLS, write=lambda options: flow_family(options) is not None),
    (_row(option, "") for option in ("qwen3", "vae", "llm_adapter_path", "t5_tokenizer_path")),
    _row("timestep_sampling", "sigmoid"),
    _row("discrete_flow_shift", 1.0),
    _row("sigmoid_scale", 1.0),
    _row("blocks_to_swap", 0),
    (_row(option, False) for option in ("split_attn", "vae_disable_cache", "unsloth_offload_checkpointing")),
    _row("attn_mode", ""),
    _row("vae_chunk_size", 0),
    _row("qwen3_max_token_length", 512),
    _row("t5_max_token_length", 512),
    (_row(option, False) for option in ("cache_text_encoder_outputs", "cache_text_encoder_outputs_to_disk")),
    KeyRule(f"{_PREFIX}train_llm_adapter", ("network_args",), _WITH_SWITCH, _read_part, _write_part),
    idle(f"{_PREFIX}qwen_image_vae_2d {_PREFIX}disable_mmap_load_safetensors", SAVES),
    idle(
        " ".join(
            f"{_PREFIX}{name}"
            for name in (
                *("compile", "torch_compile", "compile_backend", "compile_mode", "compile_dynamic"),
                *("compile_fullgraph", "compile_cache_size_limit"),
            )
        ),
        COMPILES,
    ),
)
"""Rows of the widgets that only a bake of Anima uses."""

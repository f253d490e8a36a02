"""Names of Anima's LoRA modules: kohya's, and those that ComfyUI, diffusers and other programs have in their files; free of torch.

kohya's are the original's paths with underscores: `lora_unet_blocks_0_self_attn_q_proj`. Since the original's names hold underscores
themselves, the way back is a table, and every form is read by its flat name alone: dots or underscores, the original's names or
diffusers', under any program's prefix.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from trainer.families.anima.keys import IN_BLOCK, OUTSIDE, body_module, original_module
from trainer.families.record import BlockGroups, KeyForm, PartRecord
from trainer.text import plural

BODY, ADAPTER, QWEN = "lora_unet_", "lora_unet_llm_adapter_", "lora_te_"
"""kohya's prefixes; the conditioner's is below that of the body, since the original's files hold it there (`llm_adapter`)."""

QWEN_PATH, CONDITIONER_PATH = "qwen.", "conditioner."
"""What paths of Qwen3's modules, and of the conditioner's, start with inside the encoder, which is both of them one after the other."""

DEPTHS = (28, 36, 40, 52)
"""Blocks of the bases that there are."""

_Component = Literal["body", "adapter", "qwen"]

_ATTENTIONS = ("self_attn", "cross_attn")
_PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj")
_IN_ADAPTER = (*(f"{attention}.{layer}" for attention in _ATTENTIONS for layer in _PROJECTIONS), "mlp.0", "mlp.2")
_IN_QWEN = (*(f"self_attn.{layer}" for layer in _PROJECTIONS), "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")


def _flat(path: str) -> str:
    return path.replace(".", "_")


# The flat name inside its block, or outside of all, by the original or diffusers -> the original's path there.
_LAYERS: Mapping[_Component, Mapping[str, str]] = {
    "body": {_flat(form): original for original, name in IN_BLOCK.items() for form in (original, name)},
    "adapter": {_flat(layer): layer for layer in _IN_ADAPTER},
    "qwen": {_flat(layer): layer for layer in _IN_QWEN},
}
_ENDS: Mapping[_Component, Mapping[str, str]] = {
    "body": {_flat(form): original for original, name in OUTSIDE.items() for form in (original, name)},
    "adapter": {"in_proj": "in_proj", "out_proj": "out_proj"},
    "qwen": {},
}

# What flat names begin with: kohya's, LyCORIS' around a module, ComfyUI's, OneTrainer's, diffusers', none at all; PEFT's own levels
# may stand behind it.
_START = (
    r"(?:lora_unet_|lora_transformer_|lycoris_(?:unet_|transformer_)?|(?:model_)?diffusion_model_|net_|transformer_)?"
)
# Forge keeps the conditioner with the encoder.
_ADAPTER_START = rf"(?:{_START}|lora_te1?_|text_encoders_qwen3_06b_(?:transformer_)?)(?:llm_adapter|text_conditioner)_"
_QWEN_START = r"(?:lora_te1?_|lycoris_te1?_|text_encoders_qwen3_06b_(?:transformer_)?|text_encoder_)(?:model_)?"
_PEFT = r"(?:base_model_model_)*"
_PLACES: Mapping[_Component, tuple[re.Pattern[str], re.Pattern[str]]] = {
    "adapter": (
        re.compile(rf"{_ADAPTER_START}{_PEFT}blocks_(\d{{1,3}})_(\w+)"),
        re.compile(rf"{_ADAPTER_START}{_PEFT}(\w+)"),
    ),
    "body": (
        re.compile(rf"{_START}{_PEFT}(?:transformer_)?blocks_(\d{{1,3}})_(\w+)"),
        re.compile(rf"{_START}{_PEFT}(\w+)"),
    ),
    "qwen": (re.compile(rf"{_QWEN_START}{_PEFT}layers_(\d{{1,3}})_(\w+)"), re.compile(rf"{_QWEN_START}{_PEFT}(\w+)")),
}
_BLOCKS: Mapping[_Component, str] = {"body": "blocks", "adapter": "blocks", "qwen": "layers"}
_KOHYA: Mapping[_Component, str] = {"body": BODY, "adapter": ADAPTER, "qwen": QWEN}
_COMFY: Mapping[_Component, str] = {
    "body": "diffusion_model.",
    "adapter": "diffusion_model.llm_adapter.",
    "qwen": "text_encoders.qwen3_06b.transformer.model.",
}


@dataclass(frozen=True)
class _Place:
    """A module of Anima.

    Attributes:
        component: what it lies in.
        block: number of its block or layer there; None outside of all.
        layer: the original's path in the block, or in the component.
    """

    component: _Component
    block: int | None
    layer: str

    @property
    def path(self) -> str:
        """The original's path in the component."""
        return self.layer if self.block is None else f"{_BLOCKS[self.component]}.{self.block}.{self.layer}"


@lru_cache(maxsize=8192)
def _place(path: str) -> _Place | None:
    """Return the module that a path or name in any form means; None for no module of Anima's."""
    flat = _flat(path)
    for component, (in_block, outside) in _PLACES.items():
        if match := in_block.fullmatch(flat):
            if (layer := _LAYERS[component].get(match[2])) is not None:
                return _Place(component, int(match[1]), layer)
        elif (match := outside.fullmatch(flat)) and (layer := _ENDS[component].get(match[1])) is not None:
            return _Place(component, None, layer)
    return None


def module_at(path: str) -> str | None:
    """Return kohya's name of the module at a path as files of any program have it; None for no module of Anima's."""
    place = _place(path)
    return None if place is None else _KOHYA[place.component] + _flat(place.path)


def module_name(part: PartRecord, path: str) -> str:
    """Return kohya's name of the module at a path in a part: diffusers' in the body."""
    if not part.is_encoder:
        return BODY + _flat(original_module(path) or path)
    if path.startswith(QWEN_PATH):
        return QWEN + _flat(path.removeprefix(QWEN_PATH))
    return ADAPTER + _flat(path.removeprefix(CONDITIONER_PATH))


def file_name(name: str, known: Collection[str]) -> str:
    """Return kohya's name of a module that a file calls otherwise; any other name stays as it is."""
    return module_at(name) or name


def _comfy_path(name: str) -> str | None:
    place = _place(name)
    return None if place is None else _COMFY[place.component] + place.path


def _diffusers_path(name: str) -> str | None:
    place = _place(name)
    if place is None or place.component == "qwen":
        # Its loader reads transformer and conditioner alone.
        return None
    if place.component == "adapter":
        return f"text_conditioner.{place.path}"
    inside = body_module(place.path)
    return None if inside is None else f"transformer.{inside}"


KEY_FORMS: Mapping[str, KeyForm] = {
    "comfyui": KeyForm("ComfyUI", _comfy_path),
    "diffusers": KeyForm("diffusers", _diffusers_path),
}
"""The forms that programs want which do not read kohya's names."""


def layouts(names: Iterable[str]) -> tuple[str, ...]:
    """Return how many blocks the base may have that LoRA modules of these names are for, in words; () where none is in a block.

    One that changes every block of a base there is is for that base. One that leaves out blocks is for any base that has its last, and
    nothing in it says for which.
    """
    blocks = {place.block for name in names if (place := _place(name)) and place.component == "body"} - {None}
    if not blocks:
        return ()
    count = max(block for block in blocks if block is not None) + 1
    if len(blocks) == count and count in DEPTHS:
        return (plural(count, "block"),)
    return tuple(plural(depth, "block") for depth in sorted({count, *(depth for depth in DEPTHS if depth > count)}))


OTHER_DEPTH = (
    "train it on this base, or rename its blocks with a program that knows where this base got its further blocks; "
    "programs differ in what those do then"
)
"""The way out with a LoRA for a base of another depth."""


_ENDS_GROUP = "input and output"


def _kind(layer: str) -> str:
    first, _, last = layer.partition(".")
    if first == "self_attn":
        return "self-attention"
    if first == "cross_attn":
        return "cross k/v" if last in ("k_proj", "v_proj") else "cross q/out"
    return "feed-forward" if first == "mlp" else "modulation"


def _body_group(name: str) -> str:
    place = _place(name)
    return _ENDS_GROUP if place is None or place.block is None else f"block {place.block}"


def _body_words(name: str) -> str:
    place = _place(name)
    return _ENDS_GROUP if place is None or place.block is None else f"block {place.block} {_kind(place.layer)}"


def _conditioner_group(name: str) -> str:
    place = _place(name if name.startswith(QWEN) else ADAPTER + name)
    if place is None or place.block is None:
        return _ENDS_GROUP
    return f"{'Qwen3 layer' if place.component == 'qwen' else 'adapter block'} {place.block}"


def _names(layers: Iterable[str]) -> str:
    return "|".join(_flat(layer) for layer in layers)


BODY_NAMES = rf"{BODY}(?:blocks_\d+_(?:{_names(IN_BLOCK)})|{_names(OUTSIDE)})(?=\.|$)"
CONDITIONER_NAMES = rf"{ADAPTER}|{QWEN}layers_\d+_(?:{_names(_IN_QWEN)})(?=\.|$)"
"""Regular expressions of the names of each part's modules; other families have the same prefixes, and other transformers such blocks."""

BODY_GROUPS = BlockGroups(_body_group, (), _body_words)
CONDITIONER_GROUPS = BlockGroups(_conditioner_group)

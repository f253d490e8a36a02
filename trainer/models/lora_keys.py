"""Keys of LoRA files: module and role of a tensor in the forms that kohya, diffusers, PEFT, LyCORIS and OneTrainer write; free of torch."""

import re
from dataclasses import dataclass
from typing import Literal, cast, get_args

from trainer.families.registry import FAMILIES

NamedRole = Literal[
    "hada_w1_a",
    "hada_w1_b",
    "hada_w2_a",
    "hada_w2_b",
    "hada_t1",
    "hada_t2",
    "lokr_w1",
    "lokr_w1_a",
    "lokr_w1_b",
    "lokr_w2",
    "lokr_w2_a",
    "lokr_w2_b",
    "lokr_t2",
    "dora_scale",
    "diff",
    "diff_b",
    "scalar",
]
"""A role that files call by one name, LyCORIS'."""

Role = Literal["down", "up", "mid", "alpha", "magnitude", NamedRole]
"""What a tensor is to its module: a factor of the change, the kernel between two factors, a scale, a whole change."""

NAMED_ROLES: tuple[NamedRole, ...] = get_args(NamedRole)

_UNET, _TEXT_ENCODER, _TEXT_ENCODER_2 = "lora_unet_", "lora_te1_", "lora_te2_"

# What a key begins with -> kohya's prefix of the part, longer ones before their own beginnings.
_PREFIXES = (
    # kohya's own, also with dots behind them (OneTrainer).
    ("lora_unet", _UNET),
    ("lora_te1", _TEXT_ENCODER),
    ("lora_te2", _TEXT_ENCODER_2),
    ("lora_te", "lora_te_"),
    # LyCORIS around a module by itself.
    ("lycoris_unet", _UNET),
    ("lycoris_te1", _TEXT_ENCODER),
    ("lycoris_te2", _TEXT_ENCODER_2),
    ("lycoris_te", _TEXT_ENCODER),
    # diffusers' pipelines.
    ("unet", _UNET),
    ("text_encoder_2", _TEXT_ENCODER_2),
    ("text_encoder_1", _TEXT_ENCODER),
    ("text_encoder", _TEXT_ENCODER),
    # OMI's model standards, the webui's and ComfyUI's names of the parts.
    ("clip_l", _TEXT_ENCODER),
    ("clip_g", _TEXT_ENCODER_2),
    ("text_encoders.clip_l.transformer", _TEXT_ENCODER),
    ("text_encoders.clip_g.transformer", _TEXT_ENCODER_2),
    ("cond_stage_model.transformer", _TEXT_ENCODER),
    ("conditioner.embedders.0.transformer", _TEXT_ENCODER),
    ("model.diffusion_model", _UNET),
    ("diffusion_model", _UNET),
)

# A model that was wrapped by itself has no prefix at all: the first part of a path says what it is.
_UNET_START = re.compile(
    r"(?:lycoris_)?((?:down_blocks|mid_block|up_blocks|input_blocks|middle_block|output_blocks|time_embed(?:ding)?"
    r"|add_embedding|label_emb|out)[._].+|conv_in|conv_out)"
)
_ENCODER_START = re.compile(r"(?:lycoris_)?((?:text_model[._])?encoder[._]layers[._].+|text_projection)")

# PEFT puts its own levels before the path: base_model.model.… of a PeftModel.
_WRAPPERS = re.compile(r"^(?:base_model\.model\.)+")

# How the key of a factor ends. PEFT may name the adapter behind lora_A; diffusers has had three words for the layer.
_DOWN = re.compile(
    r"(?:\.lora_down|\.lora_A(?:\.\w+)?|\.lora(?:_layer)?\.down|[._]lora_linear_layer\.down|_lora\.down)\.weight|\.lora_A"
)
_UP = re.compile(
    r"(?:\.lora_up|\.lora_B(?:\.\w+)?|\.lora(?:_layer)?\.up|[._]lora_linear_layer\.up|_lora\.up)\.weight|\.lora_B"
)
_ENDS: tuple[tuple[Role, re.Pattern[str]], ...] = (
    ("down", re.compile(rf"(.+?)(?:{_DOWN.pattern})")),
    ("up", re.compile(rf"(.+?)(?:{_UP.pattern})")),
    ("mid", re.compile(r"(.+)\.lora_mid\.weight")),
    ("alpha", re.compile(r"(.+?)(?:\.lora)?\.alpha")),
    # PEFT's word for what LyCORIS calls dora_scale; its shape is another one.
    ("magnitude", re.compile(r"(.+?)\.lora_magnitude_vector(?:\.\w+){0,2}")),
)
# PEFT may name the adapter behind the factors that it has from LyCORIS.
_NAMED = re.compile(
    rf"(?P<path>.+)\.(?:(?P<factor>{'|'.join(role for role in NAMED_ROLES if role.startswith(('hada', 'lokr')))})(?:\.\w+)?"
    rf"|(?P<other>{'|'.join(role for role in NAMED_ROLES if not role.startswith(('hada', 'lokr')))}))"
)

# Only LoRA files have keys that begin like this.
_OWN_STARTS = ("lora_", "lycoris_")

_LORA = re.compile(r"\blora(?:_|\b)")

NUMBERED = re.compile(r"(\w{1,40}):(\d{1,5}):(up|down)", re.ASCII)
"""A key of cloneofsimo/lora, which has a number in place of a name: `unet:17:up` (`numbered_layers.py`)."""

# diffusers' attention processors of 2023 hold the layers of the attention around them.
_PROCESSOR = re.compile(r"\.processor\.to_(q|k|v|out)$")


@dataclass(frozen=True)
class OtherKind:
    """A change of weights that is not read here.

    Attributes:
        title: its name with the article.
        part: fits the last or last but one part of its keys.
    """

    title: str
    part: re.Pattern[str]


# Of LyCORIS, PEFT, sd-scripts and OneTrainer; the first that fits any key of a file says what it is.
OTHER_KINDS = tuple(
    OtherKind(title, re.compile(part))
    for title, part in (
        ("a BOFT", r"boft_\w+"),
        ("an OFT", r"oft_\w+"),
        ("an (IA)³", r"on_input|ia3_\w+"),
        ("a VeRA", r"vera_\w+"),
        ("a GLoRA", r"[ab][12]|bm[12]"),
        ("a LoRA on an embedding", r"lora_embedding_\w+"),
        ("a LyCORIS with trained norms (train_norm)", r"[wb]_norm"),
        ("whole weights (set_weight)", r"set_weight"),
        ("a LoRA with biases", r"bias"),
    )
)


@dataclass(frozen=True)
class LoraKey:
    """What a key says of its tensor.

    Attributes:
        module: of the changed layer, in kohya's form: prefix of the part, path with underscores.
        role: what the tensor is to it.
    """

    module: str
    role: Role


def parse_key(key: str) -> LoraKey | None:
    """Return module and role of a tensor; None for a key of no LoRA, or of a kind of change that is not read here."""
    for role, pattern in _ENDS:
        if match := pattern.fullmatch(key):
            module = _module(match[1])
            return None if module is None else LoraKey(module, role)
    if match := _NAMED.fullmatch(key):
        module = _module(match["path"])
        return None if module is None else LoraKey(module, cast(Role, match["factor"] or match["other"]))
    return None


def other_kind(key: str) -> OtherKind | None:
    """Return the kind of change whose tensor `key` is; None for one that is read here, and for a tensor of a model or an embedding."""
    if parse_key(key) is not None:
        return None
    *above, last = key.split(".")
    kind = next((kind for kind in OTHER_KINDS for part in (last, *above[-1:]) if kind.part.fullmatch(part)), None)
    if kind is None or key.startswith(_OWN_STARTS) or _LORA.search(key):
        return kind
    # A base has biases as well.
    return kind if last != "bias" and any(_module(".".join(above[:end])) for end in (None, -1)) else None


def is_lora_key(key: str) -> bool:
    """Return whether a tensor belongs to a LoRA, or to another kind of change to a model, rather than to a model."""
    return (
        parse_key(key) is not None
        or other_kind(key) is not None
        or key.startswith(_OWN_STARTS)
        or NUMBERED.fullmatch(key) is not None
    )


def _module(path: str) -> str | None:
    """Return kohya's name of the module at a path as files have it; None for what is of no part of a base that is known here."""
    path = _WRAPPERS.sub("", path)
    for record in FAMILIES.values():
        if (name := record.module_at(path)) is not None:
            return name
    # `transformer_blocks.0.attn1.processor.to_out` is the layer `to_out.0`.
    path = _PROCESSOR.sub(lambda match: f".to_{match[1]}{'.0' if match[1] == 'out' else ''}", path)
    prefix, rest = _split(path)
    if rest is None:
        # Of another architecture, but in kohya's form: the error about it can name it.
        return path.replace(".", "_") if path.startswith("lora_") else None
    return prefix + _WRAPPERS.sub("", rest).replace(".", "_")


def _split(path: str) -> tuple[str, str | None]:
    for start, prefix in _PREFIXES:
        # A prefix ends where a path begins: `lora_te` is not that of `lora_te2_…`.
        if path.startswith(start) and path[len(start) : len(start) + 1] in (".", "_"):
            return prefix, path[len(start) + 1 :]
    if match := _UNET_START.fullmatch(path):
        return _UNET, match[1]
    if match := _ENCODER_START.fullmatch(path):
        return _TEXT_ENCODER, match[1]
    return "", None

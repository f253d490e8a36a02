"""Layers of a LoRA file of cloneofsimo/lora, which has numbers in place of names; free of torch."""

import json
from collections.abc import Mapping
from pathlib import Path

from trainer.errors import ModelError
from trainer.families.numbered_names import Holder, NumberedName
from trainer.formats.safetensors_header import Header
from trainer.models.lora_keys import NUMBERED, LoraKey, Role
from trainer.text import printable

_PREFIXES = {"unet": "lora_unet_", "text_encoder": "lora_te_"}
# The classes that it walks through, by the names that diffusers and transformers had for them -> what the layers lie in.
_CLASSES: Mapping[str, Mapping[str, Holder]] = {
    "unet": {"CrossAttention": "attention", "Attention": "attention", "GEGLU": "geglu", "ResnetBlock2D": "resnet"},
    "text_encoder": {"CLIPAttention": "clip_attention", "CLIPMLP": "clip_mlp"},
}
# Where the metadata were lost: its defaults, and those of its extended form where there are convolutions.
_DEFAULTS: Mapping[str, tuple[Holder, ...]] = {"unet": ("attention", "geglu"), "text_encoder": ("clip_attention",)}
# A GEGLU has two outputs for each of the four times as many numbers between the two feed-forward layers.
_GEGLU_WIDTH = 8
_ATTENTION_LAYERS = 4
EMBEDDING = "<embed>"
"""What its metadata say of a tensor that is an embedding."""

_WAY_OUT = "merge it into its base with the program that made it (lora_add), and use that as the base"

_Shape = tuple[int, ...]


def numbered_keys(path: Path, header: Header) -> dict[str, LoraKey]:
    """Return the keys of a file that number their layers -> module and role; empty for a file of any other program.

    The modules are named by numbers (NumberedName) until a base says which they are.

    Raises:
        ModelError: a number is missing, or the walk behind the numbers is not known.
    """
    by_part: dict[str, dict[int, dict[str, _Shape]]] = {}
    for key, shape in header.shapes.items():
        if match := NUMBERED.fullmatch(key):
            by_part.setdefault(match[1], {}).setdefault(int(match[2]), {})[match[3]] = shape
    found: dict[str, LoraKey] = {}
    for part, layers in by_part.items():
        if part not in _PREFIXES:
            raise _refusal(
                path, f"layers numbered by `{printable(part, 40)}`", "layers of a `unet` or a `text_encoder`"
            )
        holders = _holders(path, part, header.metadata.get(part), layers)
        missing = next((number for number in range(len(layers)) if len(layers.get(number, ())) < 2), None)
        if missing is not None:
            raise _refusal(path, f"layer {missing} of {part} is not whole", "`up` and `down` of every number")
        first = _feed_forward_first(path, layers) if {"attention", "geglu"} <= set(holders) else False
        for number in layers:
            module = str(NumberedName(_PREFIXES[part], number, len(layers), holders, first))
            roles: tuple[Role, ...] = ("up", "down")
            found |= {f"{part}:{number}:{role}": LoraKey(module, role) for role in roles}
    return found


_BUNDLED = "bundle_emb."


def embeddings_in(header: Header) -> tuple[str, ...]:
    """Return the trigger words whose embeddings travel in a file: of cloneofsimo/lora, or bundled as the webui and OneTrainer do."""
    words = [key for key in header.shapes if header.metadata.get(key) == EMBEDDING]
    # bundle_emb.WORD.string_to_param.*, bundle_emb.WORD.clip_l …
    words += [word for key in header.shapes if key.startswith(_BUNDLED) and (word := key.split(".", 2)[1])]
    return tuple(dict.fromkeys(words))


def _holders(
    path: Path, part: str, classes: str | None, layers: Mapping[int, Mapping[str, _Shape]]
) -> tuple[Holder, ...]:
    """Return what was walked through, from the JSON list of its classes."""
    has_kernels = any(len(shape) == 4 for layer in layers.values() for shape in layer.values())
    try:
        names = json.loads(classes) if classes is not None else None
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not names:
        return (*_DEFAULTS[part], "resnet") if has_kernels else _DEFAULTS[part]
    known = _CLASSES[part]
    strange = next((name for name in names if not isinstance(name, str) or name not in known), None)
    if strange is not None:
        raise _refusal(
            path, f"numbers layers of the class {printable(str(strange), 60)}", f"layers of {', '.join(known)}"
        )
    holders = dict.fromkeys(known[name] for name in known if name in names)
    # Without convolutions only the linear layers of the resnets were found.
    return tuple("resnet_linear" if holder == "resnet" and not has_kernels else holder for holder in holders)


def _feed_forward_first(path: Path, layers: Mapping[int, Mapping[str, _Shape]]) -> bool:
    """Return whether the feed-forward layer comes before the second attention, by the shapes of the first block."""
    sizes = [(layers[number]["down"], layers[number]["up"]) for number in range(len(layers))]
    first = next(
        (i for i, (down, up) in enumerate(sizes) if len(down) == len(up) == 2 and up[0] == _GEGLU_WIDTH * down[1]), None
    )
    before = 0
    if first is not None:
        width = sizes[first][0][1]
        while before < first and sizes[first - 1 - before][1] == (width, *sizes[first - 1 - before][1][1:2]):
            before += 1
    if before not in (_ATTENTION_LAYERS, 2 * _ATTENTION_LAYERS):
        raise _refusal(
            path,
            "attentions and feed-forward layers in no order that diffusers has had",
            "the feed-forward layer after four or eight layers of attention",
        )
    return before == _ATTENTION_LAYERS


def _refusal(path: Path, found: str, expected: str) -> ModelError:
    return ModelError(printable(str(path)), found=found, expected=expected, way_out=_WAY_OUT)

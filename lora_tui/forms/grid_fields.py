"""Fields of a grid's spec: how each is shown, and how typed text is read."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType

from pydantic import ValidationError

from trainer.errors import GridError
from trainer.families.registry import family_record
from trainer.grid.axes import idle_kinds, kind_named, kinds_of, title_for
from trainer.grid.samplers import SAMPLERS, sampler_named
from trainer.grid.spec import AxisSpec, GridSpec, LoraSpec, refused_field
from trainer.grid.value_grammar import text_list, texts, whole_numbers
from trainer.settings.describe import FieldInfo, Kind, bounds, number_text
from trainer.settings.parts import Family, worded
from trainer.text import printable

AXES = ("x", "y", "z")
NEW_LINE = "⏎"
"""Shown for a line break in a field of one line."""

# First values of an axis for which the spec has none that suit better.
_FIRST_VALUES = MappingProxyType(
    {
        "seed": "-1--1 [4]",
        "steps": "10-30 (+10)",
        "cfg_scale": "4-10 (+3)",
        "sampler": "Euler, Euler a, DPM++ 2M Karras",
        "clip_skip": "1, 2",
        "epoch": "all",
        "bake": "all",
        "text_encoder_epoch": "all",
        "weight": "0-1.25 (+0.25)",
        "unet_weight": "0-1 (+0.25)",
        "text_encoder_weight": "0-1 (+0.25)",
        "block_weights": "none, down=0, middle=0, up=0",
        "rank": "all",
        "token": "on, off",
        "outfit": "all",
        "guidance_rescale": "0, 0.7",
        "shift": "1-5 (+2)",
        "repeat": "1-2",
    }
)


def spec_fields(spec: GridSpec, family: Family | None = None) -> tuple[FieldInfo, ...]:
    """Return every field of the form in order; what varies along an axis decides whether and which values it has.

    Args:
        spec: the grid's.
        family: of its base, whose words they have; a field without an effect on it is left out unless it is set. None where it
            is not known.
    """
    kinds = {f"{part}.values": axis and axis.kind for part in AXES for axis in (getattr(spec, part),)}
    idle = {name for name in idle_kinds(family) if name in _BY_NAME and text_of(spec, name) == _BY_NAME[name].default}
    return tuple(
        _values_of(info.name, kind, family) if (kind := kinds.get(info.name)) else _of_family(info, family)
        for info in _FIELDS
        if kinds.get(info.name, info.name) is not None and info.name not in idle
    )


@cache
def _of_family(info: FieldInfo, family: Family | None) -> FieldInfo:
    """Return a field in a family's words, with the choices that it has."""
    named = worded(info, family, "label", "help")
    record = None if family is None else family_record(family)
    if record is None:
        return named
    if info.name == "sampler":
        return replace(named, choices=record.sampling.samplers)
    if info.name == "precision" and record.no_fp16:
        choices = tuple(choice for choice in info.choices if choice != "fp16")
        return replace(named, choices=choices, help=info.help.replace("fp16", "bf16"))
    return named


def text_of(spec: GridSpec, name: str, family: Family | None = None) -> str:
    """Return field `name` as one line of text, which `typed` reads back; empty if it is not set.

    Args:
        spec: the grid's.
        name: the field.
        family: as for spec_fields.
    """
    if name in _OWN_TEXTS:
        return _OWN_TEXTS[name](spec)
    part, _, what = name.partition(".")
    if what:
        axis: AxisSpec | None = getattr(spec, part)
        return "" if axis is None else _one_line(axis.values if what == "values" else _title(axis.kind, family))
    value = getattr(spec, name)
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return number_text(value)
        case _:
            return _one_line(str(value))


def typed(spec: GridSpec, name: str, text: str) -> GridSpec:
    """Return `spec` with field `name` as typed.

    Args:
        spec: the spec before.
        name: of spec_fields, or any field of GridSpec; `x` takes `KIND=VALUES`, as a file does: without values it has none.
        text: what was typed.

    Raises:
        GridError: the field is unknown, or the text is not valid for it.
    """
    if name in AXES:
        kind, _, values = text.partition("=")
        return _with_axis(spec, name, kind.strip(), values) if text.strip() else spec.model_copy(update={name: None})
    part, _, what = name.partition(".")
    if part in AXES and what == "kind":
        return _with_kind(spec, part, text.strip())
    if part in AXES and what == "values":
        axis: AxisSpec | None = getattr(spec, part)
        if axis is None:
            raise GridError(
                f"{part.upper()} axis",
                found="has no values, because nothing varies along it",
                way_out="choose what varies first",
            )
        return spec.model_copy(update={part: axis.model_copy(update={"values": _lines(text)})})
    if name in _OWN_VALUES:
        return _checked(spec, name, _OWN_VALUES[name](text))
    if name not in GridSpec.model_fields:
        raise GridError(printable(name, 60), found="unknown field", expected=", ".join(GridSpec.model_fields))
    return _checked(spec, name, {name: _lines(text)})


def first_values(spec: GridSpec, kind: str) -> str:
    """Return the first values of an axis of `kind`; "" if only the user can know them."""
    plain = kind.partition(":")[0]
    match plain:
        case "prompt":
            return text_list([spec.prompt]) if spec.prompt else ""
        case "negative_prompt":
            return text_list([spec.negative_prompt, ""]) if spec.negative_prompt else ""
        case "size":
            return f"{spec.width}x{spec.height}"
        case "base":
            return text_list([spec.base]) if spec.base else ""
        case _:
            return _FIRST_VALUES.get(plain, "")


def _with_axis(spec: GridSpec, name: str, kind: str, values: str) -> GridSpec:
    key = kind_named(kind).key
    return spec.model_copy(update={name: AxisSpec(kind=key, values=_lines(values))})


def _with_kind(spec: GridSpec, name: str, kind: str) -> GridSpec:
    if not kind:
        return spec.model_copy(update={name: None})
    key = kind_named(kind).key
    axis: AxisSpec | None = getattr(spec, name)
    if axis is not None and axis.kind == key:
        return spec
    return spec.model_copy(update={name: AxisSpec(kind=key, values=first_values(spec, key))})


@cache
def _title(kind: str, family: Family | None) -> str:
    try:
        return title_for(kind_named(kind), family)
    except GridError:
        # Of another version; the planner reports it.
        return kind


@cache
def _values_of(name: str, kind: str, family: Family | None) -> FieldInfo:
    """Return the field of an axis's values with the help of what varies there."""
    info = _BY_NAME[name]
    try:
        help = kinds_of(family)[kind_named(kind).plain].help
    except GridError:
        return info
    return replace(info, help=f"{help[:1].upper()}{help[1:]}.")


def _checked(spec: GridSpec, name: str, values: Mapping[str, object]) -> GridSpec:
    try:
        return GridSpec.model_validate({**spec.model_dump(), **values})
    except ValidationError as error:
        raise refused_field(error, _BY_NAME[name].label if name in _BY_NAME else name) from None


def _one_line(text: str) -> str:
    return text.replace("\n", NEW_LINE)


def _lines(text: str) -> str:
    return text.strip().replace(NEW_LINE, "\n")


def _size(text: str) -> Mapping[str, object]:
    width, _, height = text.lower().replace("×", "x").partition("x")
    if not (width.strip().isdecimal() and height.strip().isdecimal()):
        raise GridError("size", found=printable(text, 40) or "nothing", expected="width and height: 512x768")
    return {"width": int(width), "height": int(height)}


def _sampler(text: str) -> Mapping[str, object]:
    return {"sampler": sampler_named(text).name}


def _rescale(text: str) -> Mapping[str, object]:
    return {"guidance_rescale": text.strip() or None}


def _shift(text: str) -> Mapping[str, object]:
    return {"shift": text.strip() or None}


def _bakes(text: str) -> Mapping[str, object]:
    return {"of_bakes": whole_numbers(text, "epochs of bakes") if text.strip() else ()}


def _json(name: str) -> Callable[[str], Mapping[str, object]]:
    """Return the reader of a field that is not plain text but JSON, as in a spec's file."""

    def read(text: str) -> Mapping[str, object]:
        try:
            return {name: json.loads(text)}
        except (ValueError, RecursionError) as error:
            raise GridError(
                name, found=f"is not valid JSON ({printable(str(error), 80)})", expected="JSON as in a spec's file"
            ) from error

    return read


def _loras(text: str) -> Mapping[str, object]:
    if not text.strip():
        return {"loras": ()}
    return {"loras": tuple(_lora(item).model_dump() for item in texts(text, "LoRAs"))}


def _lora(item: str) -> LoraSpec:
    """Read `FILE`, `FILE:WEIGHT` or, as in a tag, `FILE:TEXT ENCODER:U-NET`; what is not a number belongs to the file's name.

    Behind it weights by block group may stand in brackets: `FILE:0.8 [down=0.5; up=1.2]`.
    """
    before, _, blocks = item.rstrip().removesuffix("]").rpartition(" [")
    if before and "=" in blocks and item.rstrip().endswith("]"):
        item = before
    else:
        blocks = ""
    parts = item.split(":")
    factors: list[float] = []
    while len(parts) > 1 and len(factors) < 2 and (factor := _factor(parts[-1])) is not None:
        factors.insert(0, factor)
        parts.pop()
    file = ":".join(parts).strip()
    if len(factors) == 2:
        return LoraSpec(file=file, text_encoder_weight=factors[0], unet_weight=factors[1], block_weights=blocks)
    return LoraSpec(file=file, weight=factors[0] if factors else 1.0, block_weights=blocks)


def _factor(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _loras_text(spec: GridSpec) -> str:
    return text_list(_lora_text(lora) for lora in spec.loras)


def _lora_text(lora: LoraSpec) -> str:
    text = _file_and_weights(lora)
    return f"{text} [{lora.block_weights}]" if lora.block_weights else text


def _file_and_weights(lora: LoraSpec) -> str:
    if lora.unet_weight is None and lora.text_encoder_weight is None:
        return lora.file if lora.weight == 1 and lora.file else f"{lora.file}:{number_text(lora.weight)}"
    text_encoder = lora.weight if lora.text_encoder_weight is None else lora.text_encoder_weight
    unet = lora.weight if lora.unet_weight is None else lora.unet_weight
    return f"{lora.file}:{number_text(text_encoder)}:{number_text(unet)}"


_OWN_TEXTS: Mapping[str, Callable[[GridSpec], str]] = {
    "size": lambda spec: f"{spec.width}x{spec.height}",
    "of_bakes": lambda spec: ", ".join(map(str, spec.of_bakes)),
    "loras": _loras_text,
}
_OWN_VALUES: Mapping[str, Callable[[str], Mapping[str, object]]] = {
    "size": _size,
    "sampler": _sampler,
    "guidance_rescale": _rescale,
    "shift": _shift,
    "of_bakes": _bakes,
    "loras": _loras,
    "epochs": _json("epochs"),
    "outfits": _json("outfits"),
}


@cache
def _defaults() -> GridSpec:
    return GridSpec()


def _field(
    name: str,
    section: str,
    label: str,
    help: str,
    kind: Kind = "text",
    *,
    choices: tuple[str, ...] = (),
    optional: bool = False,
) -> FieldInfo:
    model = GridSpec.model_fields.get(name)
    number = kind in ("int", "float") and model is not None
    low, above, high, below, multiple = (
        bounds(model) if number and model is not None else (None, False, None, False, None)
    )
    return FieldInfo(
        name=name,
        section=section,
        label=label,
        unit="",
        help=help,
        kind=kind,
        choices=choices,
        low=low,
        high=high,
        above=above,
        below=below,
        multiple=multiple,
        optional=optional,
        live=False,
        exactness="",
        default=text_of(_defaults(), name),
    )


def _axis_fields() -> list[FieldInfo]:
    fields = []
    for part, what in zip(AXES, ("from left to right", "from top to bottom", "from sheet to sheet"), strict=True):
        label = part.upper()
        fields += [
            _field(
                f"{part}.kind",
                "Axes",
                f"{label} varies",
                f"What varies {what}; enter lists the choices.",
            ),
            _field(
                f"{part}.values",
                "Axes",
                f"{label} values",
                "As in the webui: 1-5, 0-1.25 (+0.25), 1-10 [4]; put texts with a comma in double quotes.",
            ),
        ]
    return fields


_FIELDS: tuple[FieldInfo, ...] = (
    *_axis_fields(),
    _field(
        "prompt",
        "Prompt",
        "prompt",
        "Prompt. Understands weights (x:1.2), BREAK and <lora:name:te:unet>; ⏎ is a line break.",
    ),
    _field("negative_prompt", "Prompt", "negative prompt", "Negative prompt. Ignored when CFG is 1."),
    _field("token", "Prompt", "activation token", "The words that the axis “activation token” removes."),
    _field(
        "seeds",
        "Picture",
        "seeds",
        "Several seeds make a row of pictures in each cell. -1 is drawn once and kept; -1--1 [4] draws four.",
    ),
    _field("steps", "Picture", "steps", "Sampling steps.", "int"),
    _field(
        "cfg_scale",
        "Picture",
        "CFG scale",
        "How closely the picture follows the prompt; 1 takes half the time and ignores the negative prompt.",
        "float",
    ),
    _field(
        "sampler",
        "Picture",
        "sampler",
        "Sampler, by the webui's names.",
        "choice",
        choices=tuple(each.name for each in SAMPLERS),
    ),
    _field("size", "Picture", "size", "Width and height in pixels, multiples of {grain}: 512x768."),
    _field("clip_skip", "Picture", "clip skip", "As in the webui: 1 uses the encoder's last layer.", "int"),
    _field(
        "guidance_rescale",
        "Picture",
        "guidance rescale",
        "Blank: the base's default, 0.7 with zero terminal SNR, else 0.",
        "float",
        optional=True,
    ),
    _field(
        "shift",
        "Picture",
        "shift",
        "On a base that predicts a flow: above 1 more of the steps are at much noise. Blank: the base's default.",
        "float",
        optional=True,
    ),
    _field("base", "Model", "base", "`demo`, a .safetensors file or a diffusers folder.", "path"),
    _field("vae", "Model", "VAE", "Another VAE. Blank: the base's own.", "path"),
    _field(
        "loras",
        "Model",
        "LoRAs",
        "FILE, FILE:WEIGHT or FILE:{ENCODER}:{BODY}, separated by commas. Epochs and weights apply to the first.",
    ),
    _field(
        "of_bakes",
        "Model",
        "epochs of bakes",
        "Numbers of further bakes whose saved LoRAs the axis “epoch” may use.",
    ),
    _field("champion", "Model", "champion", "Add the subject's champion to the epochs.", "bool"),
    _field("name", "Making", "name", "Name of the grid and its folder."),
    _field(
        "order",
        "Making",
        "order",
        "`fair` makes the first seed of every cell before any second one, so that an unfinished grid is already useful.",
        "choice",
        choices=("fair", "axes"),
    ),
    _field("batch_size", "Making", "batch", "Pictures made at once; 0 chooses the fastest.", "int"),
    _field(
        "precision",
        "Making",
        "precision",
        "`auto` is fp16 on a GPU and fp32 on a CPU.",
        "choice",
        choices=("auto", "fp32", "fp16", "bf16"),
    ),
    _field("giant", "Making", "giant sheet", "Also join all sheets in one picture.", "bool"),
)
_BY_NAME: Mapping[str, FieldInfo] = {info.name: info for info in _FIELDS}
